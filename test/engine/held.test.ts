// A program that reads for long keeps the WAL from being emptied: it is told once that lasts and the WAL is large, as
// something to look at, and no more once it is over.
import path from 'node:path';
import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../electron/engine/basics/clock.ts';
import { openTestEngine } from '../support/engine.ts';
import { startProcess } from '../support/processes.ts';
import { makeDatabase } from '../support/application.ts';
import { tempFolder, until } from '../support/temp.ts';

const cwd = path.resolve(import.meta.dirname, '../..');
const reading = `const d = new (require('better-sqlite3'))(process.argv[1], { readonly: true });
d.exec('BEGIN'); d.prepare('SELECT count(*) FROM first').get(); process.stdout.write('reading\\n'); setInterval(() => {}, 1e6)`;
const writing = `const d = new (require('better-sqlite3'))(process.argv[1]);
const insert = d.prepare('INSERT INTO first VALUES (zeroblob(1e6))');
for (let i = 0; i < Number(process.argv[2]); i++) insert.run()`;

test('a program that reads for long is told once the WAL is large, until it ends', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  makeDatabase(file, 'CREATE TABLE first(a)');
  let aheadMs = 0;
  const clock: Clock = { ...systemClock, now: () => Date.now() + aheadMs };
  await using engine = openTestEngine(folder.at('data'), { clock });
  const { databaseId } = await engine.call('addDatabase', { path: file, folder: folder.at('backup') });
  await engine.waitFor(databaseId, 'it is protected', ({ status }) => status.kind === 'protected');
  const heldSince = async () => (await engine.call('getDetails', { databaseId })).wal.heldSinceAt;
  const write = async (megabytes: number) => {
    await using writer = startProcess(process.execPath, ['-e', writing, file, String(megabytes)], { cwd });
    expect(await writer.ended, writer.output()).toBe(0);
  };

  let since: number | undefined;
  {
    await using reader = startProcess(process.execPath, ['-e', reading, file], { cwd });
    await reader.printed('reading');
    await write(1);
    since = await until('the reader is noticed', heldSince);
    aheadMs = 45_000;
    await write(1);
    // Long, but the WAL is small.
    expect(engine.database(databaseId).status.kind).not.toBe('attention');
    await write(18);
    const { status } = await engine.waitFor(databaseId, 'it is told', (one) => one.status.kind === 'attention');
    expect(status).toMatchObject({ problem: { code: 'database-wal-held', sinceAt: since } });
    expect('problem' in status && status.problem.message).toMatch(/shop\.db for 4\d s without a pause/);
    expect(await heldSince()).toBe(since);
  }
  await engine.waitFor(databaseId, 'it is over', ({ status }) => status.kind === 'protected');
  expect(await heldSince()).toBeUndefined();
});
