// The guard of a database's identity: tells what checkpoints write to the file from what somebody else did; and where a file is
// found again that lies at its path no more.
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hashPage } from '../../electron/engine/replica/state-hash.ts';
import { findMoved, IdentityGuard, noteTrail } from '../../electron/engine/source/identity.ts';
import { PageHashes } from '../../electron/engine/source/page-hashes.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

const pageSize = 512;
const pages = 4;
let folder: TempFolder;
let file: string;
let fd: number;
let guard: IdentityGuard;
beforeEach(() => {
  folder = tempFolder();
  file = folder.at('shop.db');
  fs.writeFileSync(file, new Uint8Array(pageSize * pages));
  for (let page = 1; page <= pages; page++) writePage(page, 1);
  fd = fs.openSync(file, 'r');
  guard = new IdentityGuard({ path: file, fd });
});
afterEach(() => {
  fs.closeSync(fd);
  folder[Symbol.dispose]();
});

const content = (page: number, version: number) => new Uint8Array(pageSize).fill(16 * page + version);

/** As a checkpoint of somebody does; the file's time is moved on, however coarse it ticks. */
function writePage(page: number, version: number): void {
  const to = fs.openSync(file, 'r+');
  fs.writeSync(to, content(page, version), 0, pageSize, (page - 1) * pageSize);
  fs.closeSync(to);
  const at = fs.statSync(file).mtimeMs / 1000 + 1;
  fs.utimesSync(file, at, at);
}

/** What was captured, when page 2 has this version. */
function captured(version: number): PageHashes {
  const hashes = new PageHashes(pageSize);
  for (let page = 1; page <= pages; page++) hashes.set(page, hashPage(page, content(page, page === 2 ? version : 1)));
  hashes.resize(pages);
  return hashes;
}

const checkBefore = (hashes: PageHashes) => guard.beforeCheckpoint(guard.sample(hashes), pageSize);

test('a page that was checkpointed before the WAL restarted, and changed again since, is explained', () => {
  guard.rest(captured(1));
  guard.moved();
  writePage(2, 2);
  guard.restarted(captured(2));
  expect(guard.isChanged).toBe(true);
  expect(() => checkBefore(captured(3))).not.toThrow();
  writePage(2, 3);
  expect(() => checkBefore(captured(3))).not.toThrow();
});

test('a page that nobody wrote into the WAL is not', () => {
  guard.rest(captured(1));
  guard.moved();
  writePage(3, 7);
  expect(() => checkBefore(captured(2))).toThrow(expect.objectContaining({ code: 'database-overwritten' }));
  expect(() => guard.rest(captured(2))).toThrow(expect.objectContaining({ code: 'database-overwritten' }));
});

test('what others committed and copied while no pin was held is not compared with what lay there before', () => {
  guard.rest(captured(1));
  guard.moved();
  guard.restarted(captured(1));
  // Two changes of a page: the first one in the file, of which only a comparison of all pages tells; the second one captured.
  writePage(2, 2);
  expect(() => checkBefore(captured(3))).toThrow(expect.objectContaining({ code: 'database-overwritten' }));
  guard.loosen();
  expect(() => checkBefore(captured(3))).not.toThrow();
  expect(() => guard.checkContent()).not.toThrow();
});

test('a file at rest may not change at all', () => {
  expect([guard.rest(captured(1)), guard.rest(captured(1))]).toEqual([true, false]);
  expect(() => guard.checkContent()).not.toThrow();
  writePage(2, 1);
  expect(() => guard.checkContent()).toThrow(expect.objectContaining({ code: 'database-overwritten' }));
});

describe('a file that was moved', () => {
  let deep: string;
  beforeEach(() => {
    fs.mkdirSync(folder.at('a', 'b', 'c'), { recursive: true });
    deep = folder.at('a', 'b', 'c', 'deep.db');
    fs.writeFileSync(deep, 'x');
  });
  const move = (from: readonly string[], to: readonly string[]) => fs.renameSync(folder.at(...from), folder.at(...to));

  test.each<[string, () => unknown, readonly string[] | undefined]>([
    ['to another name', () => move(['a', 'b', 'c', 'deep.db'], ['a', 'b', 'c', 'new.db']), ['a', 'b', 'c', 'new.db']],
    ['with its folder', () => move(['a', 'b', 'c'], ['a', 'b', 'd']), ['a', 'b', 'd', 'deep.db']],
    ['with one above it', () => move(['a', 'b'], ['a', 'x']), ['a', 'x', 'c', 'deep.db']],
    ['with one far above it', () => move(['a'], ['x']), ['x', 'b', 'c', 'deep.db']],
    ['to another folder', () => move(['a', 'b', 'c', 'deep.db'], ['a', 'deep.db']), undefined],
    [
      'with its folder, and to another name',
      () => (move(['a', 'b', 'c', 'deep.db'], ['a', 'b', 'c', 'n.db']), move(['a', 'b', 'c'], ['a', 'b', 'd'])),
      undefined,
    ],
    ['nowhere: it is gone', () => fs.rmSync(deep), undefined],
    ['nowhere: its folder is gone', () => fs.rmSync(folder.at('a'), { recursive: true }), undefined],
  ])('%s', (_what, happens, expected) => {
    const trail = noteTrail(deep);
    happens();
    expect(findMoved(deep, trail)).toBe(expected && folder.at(...expected));
  });

  test('is not one that came to its path', () => {
    const trail = noteTrail(deep);
    move(['a', 'b', 'c', 'deep.db'], ['a', 'b', 'c', 'old.db']);
    fs.writeFileSync(deep, 'another one');
    expect(findMoved(deep, trail)).toBe(folder.at('a', 'b', 'c', 'old.db'));
  });

  test('leaves a trail of inodes, nearest first, and nothing for what is not there', () => {
    const inodeOf = (path: string) => fs.statSync(path).ino;
    expect(noteTrail(deep)).toEqual([deep, folder.at('a', 'b', 'c'), folder.at('a', 'b'), folder.at('a')].map(inodeOf));
    expect(noteTrail(folder.at('a', 'none.db'))[0]).toBe(0);
    expect(findMoved(folder.at('a', 'none.db'), noteTrail(folder.at('a', 'none.db')))).toBe(undefined);
  });
});
