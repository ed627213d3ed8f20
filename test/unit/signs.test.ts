// What notices of a folder say of a database: whether a WAL was there when somebody wrote to its file.
import fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Signs } from '../../electron/engine/capture/signs.ts';
import type { Told } from '../../electron/engine/source/watch.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

let folder: TempFolder;
let wal: string;
let signs: Signs;
beforeEach(() => {
  folder = tempFolder();
  wal = folder.at('shop.db-wal');
  signs = new Signs(folder.at('shop.db'));
});
afterEach(() => folder[Symbol.dispose]());

const walRenamed: Told = { file: 'wal', event: 'rename' };
const written: Told = { file: 'database', event: 'change' };
const journal: Told = { file: 'journal', event: 'rename' };

const hear = (...all: readonly Told[]) => all.map((told, i) => signs.hear(told, i)?.kind);

async function quiet(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await nextTurn();
}

test.each<[string, readonly Told[], 'outside' | 'mode' | undefined]>([
  ['a checkpoint of the one that closes last comes before the WAL goes', [walRenamed, written, walRenamed], undefined],
  ['a foreign hand comes while there is none', [walRenamed, written, walRenamed, written], 'outside'],
  ['and stays one, whatever follows', [written, journal, written], 'outside'],
  ['of which one with a WAL knows nothing', [journal, walRenamed, walRenamed, written], 'outside'],
  ['SQLite without a WAL comes behind its journal', [walRenamed, walRenamed, journal, written, written], 'mode'],
])('%s', (_what, all, touched) => {
  signs.begin();
  hear(...all);
  expect(signs.touched).toBe(touched);
  signs.forgetTouch();
  expect(signs.touched).toBe(undefined);
});

test('a notice of before it began is not taken for a WAL that went', async () => {
  fs.writeFileSync(wal, '');
  signs.begin();
  expect(hear(walRenamed)).toEqual(['wal-went']);
  await quiet();
  expect(signs.isWalThere).toBe(true);
  expect(hear(written)).toEqual([undefined]);
  fs.rmSync(wal);
  expect(hear(walRenamed, written)).toEqual(['wal-went', 'touched']);
});

test.each<[string, readonly Told[], boolean]>([
  ['who closed it as the last one', [walRenamed, walRenamed], true],
  ['who is there again', [walRenamed, walRenamed, walRenamed], true],
  ['who came once more', [walRenamed, walRenamed, walRenamed, walRenamed], false],
  ['who wrote without a WAL', [walRenamed, walRenamed, journal, written], false],
  ['a foreign hand', [walRenamed, walRenamed, written], false],
  ['nobody knows who', [walRenamed, walRenamed, { file: 'unknown', event: 'change' }], false],
])('tells whether it was closed once: %s', async (_what, all, isOnce) => {
  signs.begin();
  signs.forgetRenames();
  hear(...all);
  if (all.length % 2 === 1) fs.writeFileSync(wal, '');
  expect(await signs.isClosedOnce()).toBe(isOnce);
});

test('a transaction without a WAL is one, whatever was looked at meanwhile', () => {
  signs.begin();
  hear(journal, written);
  signs.forgetTouch();
  hear(written);
  expect(signs.touched).toBe('mode');
});

test.each([
  ['came', [walRenamed]],
  ['came, went and came', [walRenamed, walRenamed, walRenamed]],
])('nobody is suspected by what is still told of a WAL that %s before it was looked at', async (_what, late) => {
  signs.begin();
  await quiet();
  fs.writeFileSync(wal, '');
  hear({ file: 'unknown', event: 'change' });
  expect(hear(...late, written)).toEqual([...late.map((_, i) => (i % 2 === 0 ? 'wal-went' : 'wal-came')), undefined]);
  await quiet();
  expect(signs.isWalThere).toBe(true);
  expect(signs.touched).toBe(undefined);
  // What comes from then on counts again.
  fs.rmSync(wal);
  expect(hear(walRenamed, written)).toEqual(['wal-went', 'touched']);
});

test('what was told wrongly in between is forgotten', async () => {
  fs.writeFileSync(wal, '');
  signs.begin();
  expect(hear(walRenamed, written)).toEqual(['wal-went', 'touched']);
  await quiet();
  expect([signs.isWalThere, signs.touched]).toEqual([true, undefined]);
});
