// Notes on disk: read back as they were written, or not at all.
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { must } from '../../shared/assert.ts';
import type { Commit } from '../../electron/engine/replica/commit.ts';
import { CommitLog } from '../../electron/engine/spool/commits.ts';
import {
  forgetClean,
  noteClean,
  isAsLeft,
  readClean,
  readNotes,
  saveClean,
  saveNotes,
} from '../../electron/engine/spool/notes.ts';
import { PageHashes } from '../../electron/engine/source/page-hashes.ts';
import type { AppError } from '../../shared/errors.ts';
import type { Generation } from '../../shared/position.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

const generation = 'f0e1d2c3b4a59687' as Generation;
const at = { index: 0x7fff_ffff, offset: 2 ** 40 + 5 };
const mark = 0xfedc_ba98_7654_3210n;

let folder: TempFolder;
let file: string;
beforeEach(() => {
  folder = tempFolder();
  file = folder.at('hashes');
});
afterEach(() => folder[Symbol.dispose]());

function hashesOf(pages: number): PageHashes {
  const hashes = new PageHashes(512);
  for (let page = 1; page <= pages; page++) hashes.set(page, BigInt(page) * 0x0123_4567_89ab_cdefn);
  hashes.resize(pages);
  return hashes;
}

function commitsOf(count: number): CommitLog {
  const log = new CommitLog();
  for (let i = 1; i <= count; i++) {
    const commit: Commit = {
      index: 3,
      offset: i * 600,
      at: 7 + i,
      state: 2n ** 64n - 1n,
      pages: 9,
      written: i,
      transactions: 2,
    };
    log.add(commit);
  }
  return log;
}

async function save(pages: number, commits: number): Promise<Buffer> {
  const notes = { hashes: hashesOf(pages), commits: commitsOf(commits).encode(), at, mark };
  await saveNotes(folder.path, generation, notes);
  return fs.readFileSync(file);
}

describe('notes', () => {
  test.each([
    [0, 0],
    [7, 0],
    [2048, 3],
    [300_000, 20_000],
  ])('of %i pages and %i transactions are read as they were', async (pages, count) => {
    await save(pages, count);
    const notes = await readNotes(folder.path, generation);
    expect([notes?.at, notes?.mark, notes?.hashes.pageSize, notes?.hashes.pages]).toEqual([at, mark, 512, pages]);
    expect(notes?.hashes.state).toBe(hashesOf(pages).state);
    expect(notes?.commits.between(3, 0, Infinity)).toEqual(commitsOf(count).between(3, 0, Infinity));
    expect(notes?.savedAt).toBe(fs.statSync(file).mtimeMs);
    expect(fs.readdirSync(folder.path)).toEqual(['hashes']);
  });

  test('are refused with any bit flipped, any byte missing and any byte more', async () => {
    const bytes = await save(3, 1);
    const accepted: string[] = [];
    const tryOut = async (what: string, content: Uint8Array) => {
      fs.writeFileSync(file, content);
      if ((await readNotes(folder.path, generation)) !== undefined) accepted.push(what);
    };
    for (let i = 0; i < bytes.length; i++) {
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8(bytes.readUInt8(i) ^ (1 << (i % 8)), i);
      await tryOut(`byte ${i} changed`, damaged);
      await tryOut(`the first ${i} bytes`, bytes.subarray(0, i));
    }
    await tryOut('one byte more', Buffer.concat([bytes, Buffer.alloc(1)]));
    await tryOut('one page more', Buffer.concat([bytes, Buffer.alloc(8)]));
    expect(accepted).toEqual([]);
    fs.writeFileSync(file, bytes);
    expect((await readNotes(folder.path, generation))?.mark).toBe(mark);
  });

  test('of another generation are not taken for these', async () => {
    await save(3, 1);
    expect(await readNotes(folder.path, 'f0e1d2c3b4a59688' as Generation)).toBe(undefined);
  });

  test('stay the former ones where new ones cannot be written', async () => {
    const bytes = await save(3, 1);
    fs.mkdirSync(folder.at('hashes.tmp'));
    await expect(save(5, 2)).rejects.toThrow(
      expect.objectContaining({ code: 'data-folder-unusable' } satisfies Partial<AppError>),
    );
    expect(fs.readFileSync(file).equals(bytes)).toBe(true);
  });

  test('that are not there are none', async () => {
    expect(await readNotes(folder.path, generation)).toBe(undefined);
  });
});

test('a note of a clean stop knows the file as it was left, and no other', async () => {
  fs.writeFileSync(folder.at('app.db'), 'content');
  const opened = fs.openSync(folder.at('app.db'), 'r+');
  await saveClean(folder.path, must(noteClean({ index: 2, offset: 99 }, opened), 'times are fine'));
  const clean = readClean(folder.path);
  if (clean === undefined) throw new Error('it was just written');
  expect([clean.index, clean.offset, isAsLeft(clean, opened)]).toEqual([2, 99, true]);
  fs.writeSync(opened, 'more', 20);
  expect(isAsLeft(clean, opened)).toBe(false);
  fs.closeSync(opened);
  fs.writeFileSync(folder.at('clean.json'), '{"index": 0');
  expect(readClean(folder.path)).toBe(undefined);
  forgetClean(folder.path);
  forgetClean(folder.path);
  expect(fs.readdirSync(folder.path)).toEqual(['app.db']);
});

test('a clean stop is not noted where the next change might leave the same time', () => {
  fs.writeFileSync(folder.at('app.db'), 'content');
  const opened = fs.openSync(folder.at('app.db'), 'r');
  const noteAt = (seconds: number) => {
    fs.utimesSync(folder.at('app.db'), seconds, seconds);
    return noteClean({ index: 2, offset: 99 }, opened);
  };
  const now = Math.floor(Date.now() / 1000);
  expect([noteAt(now), noteAt(now - 2)]).toEqual([undefined, undefined]);
  expect([noteAt(now - 60)?.offset, noteAt(now + 0.5)?.offset]).toEqual([99, 99]);
  fs.closeSync(opened);
});
