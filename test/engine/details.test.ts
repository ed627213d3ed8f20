// What a database costs and how it stands, as figures that were caused by other processes.
import path from 'node:path';
import { expect, test } from 'vitest';
import { openTestEngine } from '../support/engine.ts';
import { startProcess, startScript } from '../support/processes.ts';
import { makeDatabase } from '../support/application.ts';
import { tempFolder, until } from '../support/temp.ts';

const reading = `const d = new (require('better-sqlite3'))(process.argv[1], { readonly: true });
d.exec('BEGIN'); d.prepare('SELECT count(*) FROM sqlite_schema').get(); process.stdout.write('reading\\n'); setInterval(() => {}, 1e6)`;

test('counts what was done, and names a reader that keeps the WAL from being emptied', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  makeDatabase(file, 'CREATE TABLE first(a)');
  await using engine = openTestEngine(folder.at('data'));
  const { databaseId } = await engine.call('addDatabase', { path: file, folder: folder.at('backup') });
  const details = async () => await engine.call('getDetails', { databaseId });
  await engine.waitFor(databaseId, 'it is protected', ({ status }) => status.kind === 'protected');
  expect(await details()).toMatchObject({ loopDelayMaxMs: 0, lastProblem: undefined, counters: { transactions: 0 } });

  const write = async () => {
    await using writer = startScript('writer.ts', [
      '--database',
      file,
      '--count',
      '8',
      '--pause',
      '2',
      '--linger',
      '300',
    ]);
    expect(await writer.ended, writer.output()).toBe(0);
    await until('everything is shipped', async () => {
      const { replicas, counters } = await details();
      return counters.segments > 0 && replicas.every(({ lagBytes, lagSeconds }) => lagBytes === 0 && lagSeconds === 0);
    });
  };
  // On a busy machine the application may have gone before a checkpoint of ours was due.
  await until('a checkpoint was made here', async () => {
    await write();
    return (await details()).counters.checkpoints > 0;
  });
  await until('it rests', async () => (await details()).wal.waitingFrames === 0);
  const first = await details();
  expect(first).toMatchObject({
    generation: { reason: 'Protection began' },
    wal: { heldSinceAt: undefined },
    counters: { snapshots: 1, generations: 1, openings: 1, targetErrors: 0 },
  });
  expect(first.captured?.position.offset).toBeGreaterThan(0);
  expect(first.counters.transactions).toBeGreaterThan(0);
  expect(first.counters.frames).toBeGreaterThanOrEqual(first.counters.transactions);
  expect(first.counters.capturedBytes).toBeGreaterThan(first.counters.frames * 4096);
  expect(first.counters.checkpoints).toBeGreaterThan(0);
  expect(first.counters.shippedBytes).toBeGreaterThan(0);

  {
    const root = path.resolve(import.meta.dirname, '../..');
    await using reader = startProcess(process.execPath, ['-e', reading, file], { cwd: root });
    await reader.printed('reading');
    await write();
    await until('the reader is noticed', async () => (await details()).wal.heldSinceAt !== undefined);
    expect((await details()).wal.waitingFrames).toBeGreaterThan(0);
  }
  await until('it is over', async () => (await details()).wal.heldSinceAt === undefined);
  expect((await details()).counters.transactions).toBeGreaterThan(first.counters.transactions);

  await engine.call('pause', { databaseId });
  const { counters: paused } = await details();
  expect(paused.transactions).toBeGreaterThan(first.counters.transactions);
  await engine.call('resume', { databaseId });
  await engine.waitFor(databaseId, 'it goes on', ({ status }) => status.kind === 'protected');
  const { counters: resumed } = await details();
  expect(resumed).toMatchObject({ openings: 2, generations: 1 });
  expect(resumed.transactions).toBe(paused.transactions);
  expect(resumed.checkpoints).toBeGreaterThanOrEqual(paused.checkpoints);
});
