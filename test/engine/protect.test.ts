// One database from end to end: captured while another process writes, shipped to a folder, every restore point restored
// and compared with what the writer had then.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import type { DatabaseId } from '../../shared/ids.ts';
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

test('a database that was removed and is added again begins anew in the window; its old history stays beside it', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  createDatabase(file);
  await using engine = openTestEngine(folder.at('data'));
  const args = { path: file, folder: folder.at('backup') };
  const write = async (seedOf: string) => {
    await using writer = startScript('writer.ts', ['--database', file, '--seed', seedOf, '--count', '5']);
    expect(await writer.ended, writer.output()).toBe(0);
  };
  const protect = async () => {
    const { databaseId } = await engine.call('addDatabase', args);
    await engine.waitFor(databaseId, 'it is protected', ({ status }) => status.kind === 'protected');
    return databaseId;
  };
  const first = await protect();
  await write('1');
  const before = readTruth(file);
  const old = engine.database(first).generation?.generation;
  await engine.call('removeDatabase', { databaseId: first });
  await expect(engine.points(first)).resolves.toEqual([]);
  expect(await engine.call('inspectFolder', { path: args.folder, databasePath: file })).toMatchObject({
    contents: 'history-of-this',
  });

  await write('2');
  const second = await protect();
  expect(second).not.toBe(first);
  const generations = new Set((await engine.points(second)).map(({ position }) => position.generation));
  const present = engine.database(second).generation?.generation;
  expect([...generations]).toEqual([present]);
  expect(present).not.toBe(old);

  // What was kept before lies there as it was, and is restored by where it lies.
  const url = engine.database(second).replicas[0]?.url ?? '';
  const listed = await engine.call('listReplica', { url });
  expect(new Set(listed.generations.map(({ generation }) => generation))).toEqual(new Set([old, present]));
  const { operationId } = await engine.call('startReplicaRestore', {
    url,
    wish: { kind: 'latest', ...(old === undefined ? {} : { generation: old }) },
    outputPath: folder.at('old.db'),
  });
  expect(await engine.ended(operationId)).toMatchObject({ state: 'done', result: { proof: { kind: 'identical' } } });
  expect(readTruth(folder.at('old.db'))).toEqual(before);
});
