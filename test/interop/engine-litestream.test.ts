// What the engine ships while writers run, restored by the real litestream: equal content, sound, at the end and at a time.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { findLitestream } from '../../electron/demo/litestream-binary.ts';
import { must } from '../../shared/assert.ts';
import { openBeside } from '../support/beside.ts';
import { openTestEngine } from '../support/engine.ts';
import { startScript } from '../support/processes.ts';
import { makeDatabase } from '../support/application.ts';
import { tempFolder, until } from '../support/temp.ts';
import { readTruth } from '../support/truth.ts';

const seed = Number(process.env['TIDEMARK_SEED'] ?? Math.floor(Math.random() * 1e9));

test('the real litestream restores what the engine shipped, to the same pages as we do', async () => {
  console.log(`seed ${seed}`);
  using folder = tempFolder();
  const file = folder.at('shop.db');
  makeDatabase(file, 'CREATE TABLE before(a); INSERT INTO before VALUES (1)');
  await using writing = openTestEngine(folder.at('data'));
  const { databaseId } = await writing.call('addDatabase', { path: file, folder: folder.at('backup') });
  await writing.waitFor(databaseId, 'it is protected', ({ status }) => status.kind === 'protected');
  const writers = ['small', 'truncate', 'vacuum'].map((mode, i) =>
    startScript('writer.ts', [
      '--database',
      file,
      '--table',
      `t${i}`,
      '--mode',
      mode,
      '--seed',
      String(seed + i),
      '--count',
      '40',
      '--pause',
      '15',
    ]),
  );
  for (const writer of writers) expect(await writer.ended, writer.output()).toBe(0);
  // Closing captures and ships all that was written.
  await writing[Symbol.asyncDispose]();
  await using engine = openTestEngine(folder.at('data'));
  const points = await engine.points(databaseId);
  const last = points.at(-1);
  if (last === undefined) throw new Error('no restore point');
  await engine.restore(databaseId, last, folder.at('ours.db'));

  const replica = `file://${folder.at('backup', 'shop.db')}`;
  const restore = (output: string, ...more: string[]) =>
    execFileSync(must(findLitestream(), 'npm brought it'), ['restore', '-o', output, ...more, replica], {
      stdio: 'pipe',
    });
  restore(folder.at('theirs.db'));
  for (const output of [folder.at('ours.db'), folder.at('theirs.db')]) {
    const restored = new Database(output);
    expect(restored.pragma('integrity_check', { simple: true })).toBe('ok');
    restored.close();
  }
  for (const table of ['t0', 't1', 't2']) {
    expect(readTruth(folder.at('theirs.db'), table)).toEqual(readTruth(file, table));
    expect(readTruth(folder.at('ours.db'), table)).toEqual(readTruth(file, table));
  }
  expect(fs.readFileSync(folder.at('theirs.db')).equals(fs.readFileSync(folder.at('ours.db')))).toBe(true);

  // At an earlier time it stops at the end of a segment before it.
  const middle = points[Math.floor(points.length / 2)];
  if (middle === undefined) throw new Error('no point in the middle');
  restore(folder.at('earlier.db'), '-timestamp', new Date(middle.at).toISOString());
  const earlier = new Database(folder.at('earlier.db'));
  expect(earlier.pragma('integrity_check', { simple: true })).toBe('ok');
  expect(earlier.prepare('SELECT a FROM before').pluck().all()).toEqual([1]);
  earlier.close();
}, 60_000);

test('the real litestream restores a WAL that was too long for one index', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  const app = openBeside(file, { waitMs: 5000 });
  app.pragma('journal_mode = wal');
  app.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB); INSERT INTO t VALUES (0, NULL)');
  // A reader of the application keeps its WAL from restarting, and what lies behind it out of the database file.
  const reader = openBeside(file);
  reader.exec('BEGIN');
  reader.prepare('SELECT * FROM t').all();
  const setup = { isDeclaredOnly: true, rollBytes: 60_000 };
  const replicas = [{ url: folder.at('backup'), syncIntervalMs: 5, snapshotIntervalMs: 300 }];
  const databases = [{ path: file, enableWal: false, replicas }];
  const insert = app.prepare('INSERT INTO t(v) VALUES (randomblob(9000))');
  const rows = 60;
  const run = async (from: number, to: number) => {
    await using engine = openTestEngine(folder.at('data'), setup);
    await engine.call('protectDeclared', { databases });
    const { id } = await until('it is known', () => engine.state().databases[0]);
    await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
    for (let i = from; i < to; i++) {
      insert.run();
      app.exec(`UPDATE t SET v = randomblob(200) WHERE id = ${Math.max(1, i - 3)}`);
      await new Promise((go) => setTimeout(go, 15));
    }
    await engine.waitFor(id, 'everything is shipped', ({ lag }) => lag.bytes === 0);
    return id;
  };
  const id = await run(0, rows / 2);
  // The same WAL, although the index was rolled: pages are compared, and one more index composed.
  await run(rows / 2, rows);
  const names = fs.readdirSync(folder.at('backup'), { recursive: true, encoding: 'utf8' });
  const snapshots = names.filter((name) => name.endsWith('.snapshot.lz4'));
  const indices = new Set(names.flatMap((name) => /([0-9a-f]{8})_[0-9a-f]{8}\.wal\.lz4$/.exec(name)?.[1] ?? []));
  expect([indices.size > 8, snapshots.length > 1]).toEqual([true, true]);
  {
    await using engine = openTestEngine(folder.at('data'), setup);
    const points = await engine.points(id);
    expect(points.length).toBeGreaterThan(rows);
    for (const [i, point] of points.entries()) {
      if (i % 9 > 0 && i < points.length - 1) continue;
      const { result } = await engine.restore(id, point, folder.at('ours.db'));
      expect([i, result?.proof]).toEqual([i, expect.objectContaining({ kind: 'identical', check: 'quick_check ok' })]);
      if (i < points.length - 1) fs.rmSync(folder.at('ours.db'));
    }
    const timeline = await engine.call('getTimeline', { databaseId: id, bins: 10 });
    expect(timeline.generations.length).toBe(1);
  }
  const restore = (index: string) => {
    const output = folder.at(`theirs-${index}.db`);
    const words = ['restore', '-o', output, '-index', index, `file://${folder.at('backup')}`];
    execFileSync(must(findLitestream(), 'npm brought it'), words, { stdio: 'pipe' });
    return output;
  };
  // At the end, and at the end of every index on the way.
  const inOrder = [...indices].sort();
  for (const [i, index] of inOrder.entries()) {
    if (i % 3 > 0 && i < inOrder.length - 1) continue;
    const restored = new Database(restore(index));
    expect([index, restored.pragma('integrity_check', { simple: true })]).toEqual([index, 'ok']);
    restored.close();
  }
  reader.close();
  app.pragma('wal_checkpoint(TRUNCATE)');
  app.close();
  const truth = fs.readFileSync(file);
  expect(fs.readFileSync(folder.at('ours.db')).equals(truth)).toBe(true);
  expect(fs.readFileSync(folder.at(`theirs-${inOrder.at(-1)}.db`)).equals(truth)).toBe(true);
}, 60_000);
