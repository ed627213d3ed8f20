// What the engine ships while writers run, restored by the real litestream: equal content, sound, at the end and at a time.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { findLitestream } from '../../electron/litestream-binary.ts';
import { must } from '../../shared/assert.ts';
import { openTestEngine } from '../support/engine.ts';
import { startScript } from '../support/processes.ts';
import { tempFolder } from '../support/temp.ts';
import { readTruth } from '../support/truth.ts';

const seed = Number(process.env['TIDEMARK_SEED'] ?? Math.floor(Math.random() * 1e9));

test('the real litestream restores what the engine shipped, to the same pages as we do', async () => {
  console.log(`seed ${seed}`);
  using folder = tempFolder();
  const file = folder.at('shop.db');
  const database = new Database(file);
  database.pragma('journal_mode = wal');
  database.exec('CREATE TABLE before(a); INSERT INTO before VALUES (1)');
  database.close();
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
