// The watcher: who is told of which change, by the file system's own notices and by the poll behind them.
import fs from 'node:fs';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Told, Watcher } from '../../electron/engine/source/watch.ts';
import { startScript } from '../support/processes.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

let folder: TempFolder;
let watcher: Watcher;
beforeEach(() => {
  folder = tempFolder();
  watcher = new Watcher();
});
afterEach(() => {
  vi.useRealTimers();
  watcher[Symbol.dispose]();
  folder[Symbol.dispose]();
});

/** Watches a database and counts what is told. */
function count(file: string): { told: number; readonly stop: Disposable } {
  const counted = { told: 0, stop: watcher.watch(file, () => counted.told++) };
  return counted;
}

/** Does something, and resolves once it was told. */
async function toldOf(counted: { readonly told: number }, what: string, work: () => unknown): Promise<void> {
  // Notices of what happened before arrive in the order of the changes, so they may count here: settle first.
  await quiet();
  const before = counted.told;
  await work();
  await until(`${what} is told`, () => counted.told > before);
}

/** A file of the same folder that is changed and told: everything before it was told by then. */
async function quiet(): Promise<void> {
  const marker = folder.at('marker.db');
  const marked = count(marker);
  fs.writeFileSync(marker, 'x');
  await until('the marker is told', () => marked.told > 0);
  marked.stop[Symbol.dispose]();
}

/** How many folders this process watches. Handles that are closed go in the last phase of a turn. */
async function watchedFolders(): Promise<number> {
  await nextTurn();
  await nextTurn();
  return process.getActiveResourcesInfo().filter((name) => /fs_?event/i.test(name)).length;
}

test('tells the commits of another process', async () => {
  const file = folder.at('shop.db');
  const database = new Database(file);
  database.pragma('journal_mode = wal');
  database.close();
  const counted = count(file);
  expect(counted.told).toBe(0);
  await toldOf(counted, 'a commit', async () => {
    await using writer = startScript('writer.ts', ['--database', file, '--count', '3']);
    expect(await writer.ended, writer.output()).toBe(0);
  });
});

test.each<[string, (file: string) => void]>([
  ['a change of the database', (file) => fs.appendFileSync(file, 'y')],
  ['a new WAL', (file) => fs.writeFileSync(`${file}-wal`, 'x')],
  ['a change of its WAL', (file) => fs.appendFileSync(`${file}-wal`, 'y')],
  ['the end of its WAL', (file) => fs.rmSync(`${file}-wal`)],
  ['another file in its place', (file) => fs.renameSync(`${file}.new`, file)],
  ['the end of the database', (file) => fs.rmSync(file)],
])('tells %s', async (what, change) => {
  const file = folder.at('shop.db');
  fs.writeFileSync(file, 'x');
  fs.writeFileSync(`${file}.new`, 'z');
  if (what.includes('its WAL')) fs.writeFileSync(`${file}-wal`, 'x');
  const counted = count(file);
  await quiet();
  expect(counted.told).toBe(0);
  await toldOf(counted, what, () => change(file));
});

test('tells each database of its own changes only', async () => {
  const [one, two] = [count(folder.at('one.db')), count(folder.at('two.db'))];
  const again = count(folder.at('one.db'));
  await toldOf(one, 'a change', () => fs.writeFileSync(folder.at('one.db-wal'), 'x'));
  fs.writeFileSync(folder.at('one.db-shm'), 'x');
  await quiet();
  expect([one.told > 0, two.told, again.told]).toEqual([true, 0, one.told]);
});

// Elsewhere the system words it otherwise.
test.runIf(process.platform === 'linux').each<[string, (file: string) => void, Told]>([
  ['a WAL that comes', (file) => fs.writeFileSync(`${file}-wal`, ''), { file: 'wal', event: 'rename' }],
  ['a WAL that is written', (file) => fs.appendFileSync(`${file}-wal`, 'x'), { file: 'wal', event: 'change' }],
  ['a WAL that goes', (file) => fs.rmSync(`${file}-wal`), { file: 'wal', event: 'rename' }],
  ['a wal-index that comes', (file) => fs.writeFileSync(`${file}-shm`, ''), { file: 'wal-index', event: 'rename' }],
  ['the file that is written', (file) => fs.appendFileSync(file, 'x'), { file: 'database', event: 'change' }],
  ['the file that goes', (file) => fs.rmSync(file), { file: 'database', event: 'rename' }],
])('tells what it was: %s', async (what, change, expected) => {
  const file = folder.at('shop.db');
  fs.writeFileSync(file, 'x');
  if (!what.includes('comes')) fs.writeFileSync(`${file}-wal`, 'x');
  const told: Told[] = [];
  using _watch = watcher.watch(file, ({ file: of, event }) => told.push({ file: of, event }));
  await quiet();
  told.length = 0;
  change(file);
  await quiet();
  expect(told[0]).toEqual(expected);
});

describe('a folder of which the system tells nothing', () => {
  /** As a network share: what is watched is another folder. */
  function silence(): void {
    const silent = folder.at('silent');
    fs.mkdirSync(silent);
    const { watch } = fs;
    vi.spyOn(fs, 'watch').mockImplementation(() => watch(silent));
  }

  test.each([
    ['is looked at often from the first change on that was not told', true],
    ['is not taken for one where changes are told', false],
  ])('%s', async (_name, isSilent) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const file = folder.at('shop.db');
    fs.writeFileSync(file, 'x');
    if (isSilent) silence();
    const counted = { told: 0 };
    using watch = watcher.watch(file, () => counted.told++);
    expect(watch.isBlind).toBe(false);
    fs.appendFileSync(`${file}-wal`, 'y');
    if (!isSilent) await until('it is told', () => counted.told > 0);
    // A notice may be on its way for a moment.
    vi.advanceTimersByTime(10_000);
    expect(watch.isBlind).toBe(false);
    fs.appendFileSync(`${file}-wal`, 'y');
    await delay(1100);
    vi.advanceTimersByTime(10_000);
    if (isSilent) await until('it is blind', () => watch.isBlind);
    else await delay(100);
    expect(watch.isBlind).toBe(isSilent);
    if (!isSilent) return;
    const before = counted.told;
    fs.appendFileSync(`${file}-wal`, 'y');
    vi.advanceTimersByTime(200);
    expect(counted.told).toBe(before + 1);
  });

  test('is blind where it cannot be watched at all, and sees again once it can', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    using watch = watcher.watch(folder.at('later', 'shop.db'), () => {});
    expect(watch.isBlind).toBe(true);
    fs.mkdirSync(folder.at('later'));
    vi.advanceTimersByTime(10_000);
    expect(watch.isBlind).toBe(false);
    // Who asked for silence is not blind: it looks by itself.
    watch.pause();
    expect(watch.isBlind).toBe(false);
    await nextTurn();
  });
});

describe('disposing', () => {
  test('databases of one folder share a watcher, which ends with the last of them', async () => {
    const before = await watchedFolders();
    const [one, two] = [count(folder.at('one.db')), count(folder.at('two.db'))];
    const during = (await watchedFolders()) - before;
    one.stop[Symbol.dispose]();
    one.stop[Symbol.dispose]();
    const with2 = (await watchedFolders()) - before;
    two.stop[Symbol.dispose]();
    expect([during, with2, (await watchedFolders()) - before]).toEqual([1, 1, 0]);
  });

  test('one that was disposed is told nothing more, and the others are', async () => {
    const [one, other] = [count(folder.at('one.db')), count(folder.at('one.db'))];
    await toldOf(one, 'a change', () => fs.writeFileSync(folder.at('one.db'), 'x'));
    await quiet();
    one.stop[Symbol.dispose]();
    const before = one.told;
    await toldOf(other, 'a change', () => fs.appendFileSync(folder.at('one.db'), 'y'));
    expect(one.told).toBe(before);
  });

  test('the whole watcher lets every folder go', async () => {
    const before = await watchedFolders();
    fs.mkdirSync(folder.at('deeper'));
    count(folder.at('one.db'));
    count(folder.at('deeper', 'two.db'));
    expect((await watchedFolders()) - before).toBe(2);
    watcher[Symbol.dispose]();
    watcher[Symbol.dispose]();
    expect((await watchedFolders()) - before).toBe(0);
  });
});

describe('a pause', () => {
  /** Watches with a handle that can pause. */
  function watch(file: string) {
    const counted = { told: 0, handle: watcher.watch(file, () => counted.told++) };
    return counted;
  }

  test('spares its own database the notices, tells the others of the folder still, and ends with one for all', async () => {
    const busy = watch(folder.at('busy.db'));
    const other = watch(folder.at('other.db'));
    const before = await watchedFolders();
    busy.handle.pause();
    expect((await watchedFolders()) - before).toBe(-1);
    fs.writeFileSync(folder.at('busy.db-wal'), 'x');
    const told = { busy: busy.told, other: other.told };
    fs.writeFileSync(folder.at('other.db-wal'), 'x');
    await until('the other one is told', () => other.told > told.other);
    expect(busy.told).toBe(told.busy);
    told.other = other.told;
    busy.handle.resume();
    expect([busy.told > told.busy, other.told > told.other, (await watchedFolders()) - before]).toEqual([
      true,
      true,
      0,
    ]);
    const resumed = busy.told;
    fs.appendFileSync(folder.at('busy.db-wal'), 'y');
    await until('it is told again', () => busy.told > resumed);
  });

  test('ends when its database is let go', async () => {
    const before = await watchedFolders();
    const busy = watch(folder.at('busy.db'));
    const other = watch(folder.at('other.db'));
    busy.handle.pause();
    busy.handle[Symbol.dispose]();
    expect((await watchedFolders()) - before).toBe(1);
    const { told } = other;
    fs.writeFileSync(folder.at('other.db'), 'x');
    await until('the other one is told', () => other.told > told);
    busy.handle.pause();
    busy.handle.resume();
    other.handle.pause();
    other.handle[Symbol.dispose]();
    expect((await watchedFolders()) - before).toBe(0);
  });

  test('ends when its folder gets too many databases', async () => {
    const busy = watch(folder.at('busy.db'));
    const before = await watchedFolders();
    busy.handle.pause();
    const others = Array.from({ length: 7 }, (_, i) => watch(folder.at(`${i}.db`)));
    expect((await watchedFolders()) - before).toBe(-1);
    const one = watch(folder.at('one.db'));
    expect((await watchedFolders()) - before).toBe(0);
    expect([busy, ...others].map(({ told }) => told)).toEqual(Array(8).fill(1));
    fs.writeFileSync(folder.at('busy.db-wal'), 'x');
    await until('it is told', () => busy.told > 1);
    busy.handle.resume();
    for (const { handle } of [one, ...others]) handle[Symbol.dispose]();
    expect((await watchedFolders()) - before).toBe(0);
  });

  test('is not given in a folder of many databases', async () => {
    const all = Array.from({ length: 9 }, (_, i) => watch(folder.at(`${i}.db`)));
    const before = await watchedFolders();
    all[0]?.handle.pause();
    expect((await watchedFolders()) - before).toBe(0);
  });
});

test('polls where nothing can be watched, and tells each change once', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const file = folder.at('later', 'shop.db');
  const counted = count(file);
  const poll = () => {
    vi.advanceTimersByTime(10_000);
    return counted.told;
  };
  const told = [poll()];
  fs.mkdirSync(folder.at('later'));
  // A change of just now could be followed by one that looks the same; these were long ago.
  const write = (name: string, at: number) => {
    fs.writeFileSync(name, 'x');
    fs.utimesSync(name, at, at);
  };
  write(file, 1);
  told.push(poll(), poll());
  write(`${file}-wal`, 2);
  told.push(poll());
  fs.rmSync(`${file}-wal`);
  told.push(poll(), poll());
  counted.stop[Symbol.dispose]();
  fs.rmSync(file);
  told.push(poll());
  expect([told, vi.getTimerCount()]).toEqual([[0, 1, 1, 2, 3, 3, 3], 0]);
});
