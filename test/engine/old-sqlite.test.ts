// An application with an old SQLite, which leaves committed frames without a checksum: after ROLLBACK TO in a transaction that
// outgrew its cache. Whoever opens such a WAL with nobody at it loses them, and what follows. So neither the application nor Tidemark
// may leave that WAL behind when it ends.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { DatabaseId } from '../../shared/ids.ts';
import { openTestEngine } from '../support/engine.ts';
import { startScript } from '../support/processes.ts';
import { tempFolder, until } from '../support/temp.ts';

const found = spawnSync('sqlite3', ['--version'], { encoding: 'utf8' });
const [, minor = '99'] = /^3\.(\d+)/.exec(found.stdout ?? '') ?? [];
const isOld = Number(minor) <= 40;

/** The old application: its shell, and how it is told a line. */
interface OldApplication {
  readonly shell: ChildProcess;
  readonly say: (sql: string) => Promise<void>;
}

async function openOld(file: string): Promise<OldApplication> {
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
  return { shell, say };
}

/** Leaves frames without a checksum, and commits behind them: three rows more. */
async function leaveUnsummed({ say }: OldApplication): Promise<void> {
  const many =
    'WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i<300) INSERT INTO u SELECT i, randomblob(200) FROM c;';
  await say(
    `BEGIN; INSERT INTO t(v) VALUES (2); SAVEPOINT s; ${many} UPDATE u SET v = randomblob(200); ROLLBACK TO s; INSERT INTO t(v) VALUES (2); COMMIT;`,
  );
  await say('INSERT INTO t(v) VALUES (3);');
}

async function quit({ shell }: OldApplication): Promise<void> {
  shell.stdin?.end();
  await once(shell, 'close');
}

test.runIf(isOld)('keeps what an old SQLite committed, when it ends after the application did', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  const app = await openOld(file);
  const engine = openTestEngine(folder.at('data'));
  let id: DatabaseId | undefined;
  try {
    ({ databaseId: id } = await engine.call('addDatabase', { path: file, folder: folder.at('backup') }));
    await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
    await leaveUnsummed(app);
    await until('it is captured, with checksums of its own', async () => {
      const details = await engine.call('getDetails', { databaseId: id as DatabaseId });
      return details.counters.mendedFrames > 0;
    });
    await engine.waitFor(id, 'all is shipped', ({ lag }) => lag.bytes === 0);
    await quit(app);
  } finally {
    await engine[Symbol.asyncDispose]();
  }
  expect([fs.existsSync(`${file}-wal`), fs.existsSync(`${file}-shm`)]).toEqual([false, false]);
  const database = new Database(file);
  expect(database.prepare('SELECT count(*) FROM t').pluck().get()).toBe(4);
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
  database.close();

  // The history goes on, without a gap.
  await using again = openTestEngine(folder.at('data'));
  await again.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
  const timeline = await again.call('getTimeline', { databaseId: id, bins: 10 });
  expect(timeline.generations).toHaveLength(1);
  expect(timeline.events.filter(({ kind }) => kind === 'gap')).toEqual([]);
});

test.runIf(isOld)('keeps what an old SQLite committed, when it is killed after the application ended', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  const app = await openOld(file);
  const args = ['--data', folder.at('data'), '--folder', folder.at('backup'), '--add', file];
  await using engine = startScript('engine-process.ts', args);
  await engine.printed('protected 0:');
  await leaveUnsummed(app);
  await quit(app);
  await until('no WAL is left', () => !fs.existsSync(`${file}-wal`) && !fs.existsSync(`${file}-shm`));
  engine.child.kill('SIGKILL');
  await engine.ended;
  const database = new Database(file);
  expect(database.prepare('SELECT count(*) FROM t').pluck().get()).toBe(4);
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
  database.close();
});
