// One database from end to end: captured while another process writes, shipped to a folder, every restore point restored
// and compared with what the writer had then.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import type { DatabaseId } from '../../shared/model.ts';
import type { Truth } from '../support/truth.ts';
import { readTruth } from '../support/truth.ts';
import { openTestEngine } from '../support/engine.ts';
import { startScript } from '../support/processes.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

const seed = Number(process.env['TIDEMARK_SEED'] ?? Math.floor(Math.random() * 1e9));

function createDatabase(file: string): void {
  const database = new Database(file);
  database.pragma('journal_mode = wal');
  database.exec(
    'CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB); CREATE TABLE t_n(n INTEGER); INSERT INTO t_n VALUES (0)',
  );
  database.close();
}

function readTruths(file: string): ReadonlyMap<number, Truth> {
  const lines = fs.readFileSync(file, 'utf8').trim().split('\n');
  return new Map(lines.map((line) => JSON.parse(line) as Truth).map(({ n, rows, digest }) => [n, { n, rows, digest }]));
}

/** Protects a database while `work` runs. The engine is closed behind it, which captures and ships all that was written. */
async function protectWhile(folder: TempFolder, file: string, work: () => Promise<void>): Promise<DatabaseId> {
  await using engine = openTestEngine(folder.at('data'));
  const { databaseId } = await engine.call('addDatabase', { path: file, folder: folder.at('backup') });
  await engine.waitFor(databaseId, 'it is protected', ({ status }) => status.kind === 'protected');
  await work();
  return databaseId;
}

describe('a protected database', () => {
  test.for([['small'], ['truncate'], ['restart'], ['reopen'], ['vacuum'], ['bulk']])(
    'restores every recorded point to what the writer had then (%s)',
    async ([mode = '']) => {
      console.log(`seed ${seed}`);
      using folder = tempFolder();
      const file = folder.at('shop.db');
      createDatabase(file);
      const databaseId = await protectWhile(folder, file, async () => {
        await using writer = startScript('writer.ts', [
          '--database',
          file,
          '--seed',
          String(seed),
          '--mode',
          mode,
          '--count',
          mode === 'bulk' ? '12' : '30',
          '--pause',
          '15',
          '--truth',
          folder.at('truth'),
        ]);
        expect(await writer.ended, writer.output()).toBe(0);
      });
      await using engine = openTestEngine(folder.at('data'));
      const truths = readTruths(folder.at('truth'));
      const last = Math.max(...truths.keys());

      const points = await engine.points(databaseId);
      expect(points.length).toBeGreaterThanOrEqual(truths.size);
      const seen = new Set<number>();
      for (const [i, point] of points.entries()) {
        const output = folder.at(`restored-${i}.db`);
        const operation = await engine.restore(databaseId, point, output);
        expect(operation.result?.proof).toMatchObject({ kind: 'identical', check: 'quick_check ok' });
        const restored = readTruth(output);
        seen.add(restored.n);
        expect(restored).toEqual(truths.get(restored.n) ?? { n: 0, rows: 0, digest: 0 });
        fs.rmSync(output);
      }
      expect(Math.max(...seen)).toBe(last);
      expect(readTruth(file)).toEqual(truths.get(last));
    },
  );
});
