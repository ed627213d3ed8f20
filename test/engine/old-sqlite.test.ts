// An application with an old SQLite, which leaves committed frames without a checksum: after ROLLBACK TO in a transaction that
// outgrew its cache. Whoever opens such a WAL with nobody at it loses them, and what follows. Tidemark keeps the application
// from closing as the last one, so it must not leave that WAL behind when it ends.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { DatabaseId } from '../../shared/model.ts';
import { openTestEngine } from '../support/engine.ts';
import { tempFolder, until } from '../support/temp.ts';

const found = spawnSync('sqlite3', ['--version'], { encoding: 'utf8' });
const [, minor = '99'] = /^3\.(\d+)/.exec(found.stdout ?? '') ?? [];
const isOld = Number(minor) <= 40;

test.runIf(isOld)('keeps what an old SQLite committed, when it ends after the application did', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  const shell = spawn('sqlite3', [file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const say = async (sql: string): Promise<void> => {
    const answered = once(shell.stdout, 'data');
    shell.stdin.write(`${sql}\nSELECT 'done';\n`);
    await answered;
  };
  await say('PRAGMA page_size=512; PRAGMA journal_mode=wal; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=5;');
  await say(
    'CREATE TABLE t(n INTEGER PRIMARY KEY, v); CREATE TABLE u(n INTEGER PRIMARY KEY, v); INSERT INTO t(v) VALUES (1);',
  );
  const engine = openTestEngine(folder.at('data'));
  let id: DatabaseId | undefined;
  try {
    ({ databaseId: id } = await engine.call('addDatabase', { path: file, folder: folder.at('backup') }));
    await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
    const many =
      'WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i<300) INSERT INTO u SELECT i, randomblob(200) FROM c;';
    await say(
      `BEGIN; INSERT INTO t(v) VALUES (2); SAVEPOINT s; ${many} UPDATE u SET v = randomblob(200); ROLLBACK TO s; INSERT INTO t(v) VALUES (2); COMMIT;`,
    );
    await say('INSERT INTO t(v) VALUES (3);');
    await until('it is captured, with checksums of its own', async () => {
      const details = await engine.call('getDetails', { databaseId: id as DatabaseId });
      return details.counters.mendedFrames > 0;
    });
    await engine.waitFor(id, 'all is shipped', ({ lag }) => lag.bytes === 0);
    shell.stdin.end();
    await once(shell, 'close');
  } finally {
    await engine[Symbol.asyncDispose]();
  }
  const database = new Database(file);
  expect(database.prepare('SELECT count(*) FROM t').pluck().get()).toBe(4);
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
  database.close();
  expect(fs.existsSync(`${file}-wal`)).toBe(false);

  // The history goes on, without a gap.
  await using again = openTestEngine(folder.at('data'));
  await again.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
  const timeline = await again.call('getTimeline', { databaseId: id, bins: 10 });
  expect(timeline.generations).toHaveLength(1);
  expect(timeline.events.filter(({ kind }) => kind === 'gap')).toEqual([]);
});
