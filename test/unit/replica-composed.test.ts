// Composed indices, judged by SQLite itself: it recovers the WAL beside an old image and sees exactly the new one.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ChangedPages, composeIndex } from '../../electron/engine/replica/composed.ts';
import {
  frameBytes,
  parseWalHeader,
  scanFrames,
  startChain,
  walHeaderBytes,
} from '../../electron/engine/replica/wal.ts';
import { scratchFolder } from '../support/replica-scratch.ts';

const salts = { salt1: 0x8123_4567, salt2: 0xfedc_ba98 };

describe('composeIndex', () => {
  test('takes SQLite from one image to another, growing or shrinking', async () => {
    const folder = await scratchFolder();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(512, 4096, 65_536),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
        async (pageSize, rowsBefore, rowsAfter) => {
          const before = await makeDatabase(folder, pageSize, rowsBefore);
          const after = await makeDatabase(folder, pageSize, rowsAfter);
          const changed = changedPages(before, after, pageSize);
          const wal = await collect(
            composeIndex({
              pageSize,
              changed: inPieces(changed),
              count: changed.length,
              databasePages: after.length / pageSize,
              salts,
              sequence: 7,
            }),
          );
          const path = join(folder, 'recovered.db');
          await writeFile(path, before);
          await writeFile(`${path}-wal`, wal);
          const database = new Database(path);
          expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
          expect(database.prepare('SELECT count(*) FROM t').pluck().get()).toBe(rowsAfter);
          expect(database.pragma('wal_checkpoint(TRUNCATE)')).toEqual([{ busy: 0, log: 0, checkpointed: 0 }]);
          database.close();
          expect((await readFile(path)).equals(after)).toBe(true);
        },
      ),
      { numRuns: 12 },
    );
  });

  test('is one transaction: only its last frame commits', async () => {
    const pageSize = 512;
    const content = Buffer.concat([1, 4, 9].map((byte) => Buffer.alloc(pageSize, byte)));
    async function* changed(): AsyncGenerator<ChangedPages> {
      yield { pages: [1, 4], bytes: content.subarray(0, 2 * pageSize) };
      yield await Promise.resolve({ pages: [9], bytes: content.subarray(2 * pageSize) });
    }
    const wal = await collect(
      composeIndex({ pageSize, changed: changed(), count: 3, databasePages: 9, salts, sequence: 1 }),
    );
    const header = parseWalHeader(wal);
    expect(header).toMatchObject({ pageSize, sequence: 1, ...salts });
    if (header === undefined) return;
    const frames: [number, number, number][] = [];
    const body = wal.subarray(walHeaderBytes);
    const good = scanFrames(startChain(header), new Uint8Array(body), (at, page, commitPages) =>
      frames.push([page, commitPages, body[at + 24] ?? 0]),
    );
    expect(good).toBe(3 * frameBytes(pageSize));
    expect(frames).toEqual([
      [1, 0, 1],
      [4, 0, 4],
      [9, 9, 9],
    ]);
  });
});

/** A database in WAL mode as one file, its WAL gone. */
async function makeDatabase(folder: string, pageSize: number, rows: number): Promise<Buffer> {
  const path = join(folder, `${pageSize}-${rows}.db`);
  const database = new Database(path);
  database.pragma(`page_size = ${pageSize}`);
  database.pragma('journal_mode = WAL');
  database.exec('CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v BLOB); DELETE FROM t');
  const insert = database.prepare('INSERT INTO t(v) VALUES (?)');
  for (let i = 0; i < rows; i++) insert.run(Buffer.alloc(pageSize, i));
  database.exec('VACUUM');
  database.close();
  return readFile(path);
}

function changedPages(before: Buffer, after: Buffer, pageSize: number): readonly ChangedPages[] {
  const changed: ChangedPages[] = [];
  for (let at = 0; at < after.length; at += pageSize) {
    const bytes = after.subarray(at, at + pageSize);
    const isSame = bytes.equals(before.subarray(at, at + pageSize));
    if (at === 0 || !isSame) changed.push({ pages: [at / pageSize + 1], bytes });
  }
  return changed;
}

async function* inPieces(changed: readonly ChangedPages[]): AsyncGenerator<ChangedPages> {
  for (const piece of changed) yield await Promise.resolve(piece);
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}
