// The header of the wal-index: counts every transaction, whoever commits it and whatever becomes of the WAL.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WalIndex } from '../../electron/engine/source/wal-index.ts';
import { readFrames } from '../support/golden-wal.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

let folder: TempFolder;
let file: string;
let app: Database.Database;
beforeEach(() => {
  folder = tempFolder();
  file = folder.at('shop.db');
  app = new Database(file);
  app.pragma('page_size = 512');
  app.pragma('journal_mode = wal');
  app.pragma('wal_autocheckpoint = 0');
  app.exec('CREATE TABLE t(v)');
});
afterEach(() => {
  app.close();
  folder[Symbol.dispose]();
});

const write = () => app.exec('INSERT INTO t VALUES (randomblob(100))');

/** SQLite's own count of frames. */
function framesOf(): number {
  const [row] = app.pragma('wal_checkpoint(NOOP)') as readonly { readonly log: number }[];
  return row?.log ?? -1;
}

test.each(['PASSIVE', 'FULL', 'RESTART', 'TRUNCATE'])('counts on across a checkpoint (%s)', (mode) => {
  using index = WalIndex.open(file);
  const changes = () => index?.read()?.changes ?? Number.NaN;
  const begun = changes();
  const counted: number[] = [];
  for (let round = 0; round < 3; round++) {
    write();
    write();
    expect(index?.read()?.frames).toBe(framesOf());
    app.pragma(`wal_checkpoint(${mode})`);
    counted.push(changes() - begun);
  }
  app.exec(
    'BEGIN; INSERT INTO t VALUES (1); ROLLBACK; BEGIN; INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); COMMIT',
  );
  counted.push(changes() - begun);
  expect(counted).toEqual([2, 4, 6, 7]);
});

test('names the page of each committed frame, in all of its blocks', () => {
  app.exec('CREATE TABLE long(v)');
  const insert = app.prepare('INSERT INTO long VALUES (zeroblob(1000000))');
  for (let i = 0; i < 5; i++) insert.run();
  const wal = fs.readFileSync(`${file}-wal`);
  const frames = readFrames({ bytes: wal, pageSize: wal.readUInt32BE(8) });
  using index = WalIndex.open(file);
  const told = frames.map((_, i) => index?.pageOf(i + 1));
  expect({ told, frames: index?.read()?.frames }).toEqual({
    told: frames.map(({ page }) => page),
    frames: frames.length,
  });
  expect(frames.length).toBeGreaterThan(2 * 4096);
});

test('is not there where there is no such file', () => {
  expect(WalIndex.open(folder.at('nowhere.db'))).toBe(undefined);
});
