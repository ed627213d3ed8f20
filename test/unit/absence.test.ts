// A database that nobody of ours is connected to: what the directory tells of it, with the files as they may lie there.
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { Absence, isSettled, type Left, see, type Sight } from '../../electron/engine/capture/absence.ts';
import { leftAs } from '../../electron/engine/protection/start.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

let folder: TempFolder;
let file: string;
let left: Left;
let absence: Absence;
beforeEach(() => {
  folder = tempFolder();
  file = folder.at('shop.db');
  fs.writeFileSync(file, 'as it was left');
  age(file);
  left = leftAs(file);
  absence = new Absence(file, left);
  return folder[Symbol.dispose];
});

/** As if a file had not been written for a while. */
function age(path: string): void {
  const at = Date.now() / 1000 - 3600;
  fs.utimesSync(path, at, at);
}

const put = (end: string, content: string) => fs.writeFileSync(`${file}${end}`, content);
const touch = () => fs.appendFileSync(file, 'x');

/** What the look is once it is clear; all that it is on the way. */
async function sights(): Promise<readonly Sight['kind'][]> {
  const kinds: Sight['kind'][] = [];
  await until('it is clear', async () => {
    const sight = absence.look();
    if (kinds.at(-1) !== sight.kind) kinds.push(sight.kind);
    if (sight.kind !== 'unclear') return true;
    await delay(sight.againMs);
    return false;
  });
  return kinds;
}

describe('what lies there', () => {
  test.each<[string, () => unknown, readonly Sight['kind'][]]>([
    ['nothing but the file', () => {}, ['nobody']],
    ['empty sidecars that nobody has open', () => (put('-wal', ''), put('-shm', 'index')), ['unclear', 'left-over']],
    ['sidecars of somebody who wrote', () => (put('-wal', 'frames'), put('-shm', 'index')), ['unclear', 'somebody']],
    [
      'an empty WAL beside a file that was written: a checkpoint emptied it',
      () => (put('-wal', ''), put('-shm', 'index'), touch()),
      ['unclear', 'somebody'],
    ],
    ['a WAL without a wal-index: somebody keeps it for itself', () => put('-wal', 'frames'), ['unclear', 'held']],
    ['an empty one: nobody has it open', () => put('-wal', ''), ['unclear', 'left-over']],
    ['a file that was written', touch, ['unclear', 'changed']],
    ['a file that is shorter', () => fs.truncateSync(file, 3), ['unclear', 'changed']],
    ['a file of the same size, written at another time', () => fs.utimesSync(file, 1, 1), ['unclear', 'changed']],
    ['an empty journal, which is over', () => put('-journal', ''), ['nobody']],
    ['a journal beside a file that was not written yet', () => put('-journal', 'pages'), ['nobody']],
    ['a wal-index alone, left by a crash', () => put('-shm', 'index'), ['nobody']],
  ])('%s', async (_what, happens, expected) => {
    happens();
    expect(await sights()).toEqual(expected);
  });

  test('is not clear while a journal says that somebody is at it', async () => {
    put('-journal', 'pages');
    touch();
    expect(absence.look().kind).toBe('unclear');
    await delay(300);
    expect(absence.look().kind).toBe('unclear');
    fs.rmSync(`${file}-journal`);
    expect(await sights()).toEqual(['unclear', 'changed']);
  });

  test('is not clear while the file goes on being written', async () => {
    for (let i = 0; i < 6; i++) {
      touch();
      expect(absence.look().kind).toBe('unclear');
      await delay(60);
    }
    touch();
    expect(await sights()).toEqual(['unclear', 'changed']);
  });

  test('is nobody again once who wrote has gone and left the file as it was', async () => {
    put('-wal', 'frames');
    put('-shm', 'index');
    expect(absence.look().kind).toBe('unclear');
    for (const end of ['-wal', '-shm']) fs.rmSync(`${file}${end}`);
    expect(await sights()).toEqual(['nobody']);
  });

  test('is seen without anything being opened or changed', async () => {
    put('-wal', 'frames');
    put('-shm', 'index');
    expect(see(file)).toMatchObject({ size: 14, walBytes: 6, hasIndex: true, hasJournal: false });
    put('-journal', 'x');
    expect(see(file).hasJournal).toBe(true);
    for (const end of ['-wal', '-shm', '-journal']) fs.rmSync(`${file}${end}`);
    expect(see(file)).toEqual({ ...see(file), walBytes: undefined, hasIndex: false, hasJournal: false });
  });
});

describe('a WAL that is written although none lies there', () => {
  test('was deleted under an application that goes on', async () => {
    absence.look();
    await delay(150);
    absence.walWritten();
    expect(absence.look()).toEqual({ kind: 'detached' });
    // Once it is gone, or another WAL came, that is what there is to tell.
    touch();
    expect(await sights()).toEqual(['unclear', 'changed']);
  });

  test.each<[string, () => unknown]>([
    ['it just went: that was the end of it', () => {}],
    ['it lies there again', () => put('-wal', '')],
  ])('means nothing where %s', async (what, happens) => {
    put('-wal', '');
    absence.look();
    fs.rmSync(`${file}-wal`);
    absence.look();
    if (what.includes('again')) await delay(150);
    happens();
    absence.walWritten();
    expect(absence.look().kind).not.toBe('detached');
  });
});

describe('the path leads elsewhere', () => {
  const codeOf = (): unknown => {
    try {
      return absence.look().kind;
    } catch (error) {
      const { code, details } = error as { code: string; details: Record<string, unknown> };
      return [code, details['to']];
    }
  };

  test.each<[string, () => unknown, () => unknown]>([
    ['it is gone', () => fs.rmSync(file), () => ['database-missing', undefined]],
    [
      'it has another name',
      () => fs.renameSync(file, folder.at('renamed.db')),
      () => ['database-moved', folder.at('renamed.db')],
    ],
    [
      'another file lies there',
      () => (fs.renameSync(file, folder.at('aside')), fs.writeFileSync(file, 'as it was left')),
      () => ['database-replaced', undefined],
    ],
    [
      'another file was renamed into its place',
      () => (fs.writeFileSync(folder.at('new'), 'as it was left'), fs.renameSync(folder.at('new'), file)),
      () => ['database-replaced', undefined],
    ],
    [
      'it was copied over in place: that is the same file',
      () => fs.writeFileSync(file, 'another thing'),
      () => 'unclear',
    ],
  ])('%s', (_what, happens, expected) => {
    happens();
    expect(codeOf()).toEqual(expected());
  });
});

describe('settling', () => {
  test('a file that was written just now may be written again without leaving another time', () => {
    const now = 1_700_000_000_123;
    const of = (modifiedAt: number, at: number) => isSettled({ size: 1, modifiedAt }, at);
    expect([of(now, now), of(now, now + 49), of(now, now + 50)]).toEqual([false, false, true]);
    // Whole seconds may come from a file system that counts in two of them.
    const whole = 1_700_000_000_000;
    expect([of(whole, whole + 3999), of(whole, whole + 4000)]).toEqual([false, true]);
  });

  test('is done by a look that finds it as it was left, and only by that', () => {
    absence = new Absence(file, { ...left, isSettled: false });
    touch();
    absence.settle();
    expect(absence.left.isSettled).toBe(false);
    fs.truncateSync(file, left.size);
    fs.utimesSync(file, left.modifiedAt / 1000, left.modifiedAt / 1000);
    absence = new Absence(file, { ...leftAs(file), isSettled: false });
    absence.settle();
    expect(absence.left.isSettled).toBe(true);
  });
});
