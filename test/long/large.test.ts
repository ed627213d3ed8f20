// Databases and transactions that are large: beyond SQLite's lock page, and larger than memory would like.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { createFolderTarget } from '../../electron/engine/targets/folder.ts';
import { openTestEngine } from '../support/engine.ts';
import { makeLargeReplica } from '../support/large-replica.ts';
import { startScript } from '../support/processes.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

const mebibyte = 1024 * 1024;

/** The same bytes, read piece by piece. */
function areEqual(a: string, b: string): boolean {
  const [left, right] = [fs.openSync(a, 'r'), fs.openSync(b, 'r')];
  try {
    const [one, other] = [Buffer.alloc(4 * mebibyte), Buffer.alloc(4 * mebibyte)];
    for (let at = 0; ; at += one.length) {
      const got = fs.readSync(left, one, 0, one.length, at);
      if (got !== fs.readSync(right, other, 0, other.length, at)) return false;
      if (!one.subarray(0, got).equals(other.subarray(0, got))) return false;
      if (got === 0) return true;
    }
  } finally {
    fs.closeSync(left);
    fs.closeSync(right);
  }
}

/** More than 1 GiB of zeros in few, large pages, and one row that is written on. */
function makeBeyondLockPage(folder: TempFolder): string {
  const file = folder.at('large.db');
  const app = new Database(file);
  app.pragma('page_size = 65536');
  app.pragma('journal_mode = off');
  app.pragma('synchronous = off');
  app.exec('CREATE TABLE t(v BLOB); CREATE TABLE n(n, v BLOB)');
  for (let i = 0; i < 3; i++) app.prepare('INSERT INTO t VALUES (zeroblob(?))').run(360 * mebibyte);
  app.exec('INSERT INTO n VALUES (0, NULL)');
  app.pragma('journal_mode = wal');
  expect(Number(app.pragma('page_count', { simple: true }))).toBeGreaterThan(16_385);
  app.close();
  return file;
}

test('a database beyond the lock page: captured, compared after unseen changes, and restored', async () => {
  using folder = tempFolder('large');
  const file = makeBeyondLockPage(folder);
  const app = new Database(file);
  const replicas = [{ url: folder.at('backup'), syncIntervalMs: 20 }];
  const databases = [{ path: file, enableWal: false, replicas }];
  const setup = { isDeclaredOnly: true };
  {
    await using engine = openTestEngine(folder.at('data'), setup);
    await engine.call('protectDeclared', { databases });
    const { id } = await until('it is known', () => engine.state().databases[0]);
    await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
    app.exec('UPDATE n SET n = 1, v = zeroblob(900000); INSERT INTO n VALUES (2, randomblob(200000))');
    app.exec('UPDATE t SET v = zeroblob(100) WHERE rowid = 1');
  }
  app.exec("UPDATE n SET n = 3, v = randomblob(500000) WHERE n = 2; INSERT INTO n VALUES (4, 'unseen')");
  app.pragma('wal_checkpoint(TRUNCATE)');
  await using engine = openTestEngine(folder.at('data'), setup);
  await engine.call('protectDeclared', { databases });
  const { id } = await until('it is known', () => engine.state().databases[0]);
  await engine.waitFor(
    id,
    'what was not seen is shipped',
    ({ status, lag, newest }) => status.kind === 'protected' && lag.bytes === 0 && (newest?.position.index ?? 0) > 0,
  );
  const timeline = await engine.call('getTimeline', { databaseId: id, bins: 10 });
  expect([timeline.generations.length, timeline.events.filter(({ kind }) => kind === 'gap').length]).toEqual([1, 1]);
  const last = (await engine.points(id)).at(-1);
  if (last === undefined) throw new Error('no restore point');
  const { result } = await engine.restore(id, last, folder.at('restored.db'));
  expect(result?.proof.kind).toBe('identical');
  app.close();
  expect(areEqual(folder.at('restored.db'), file)).toBe(true);
});

test.skipIf(process.platform !== 'linux')('a transaction of 300 MB does not fill the memory', async () => {
  using folder = tempFolder('large');
  const file = folder.at('shop.db');
  const app = new Database(file);
  app.pragma('journal_mode = wal');
  app.pragma('synchronous = off');
  app.exec('CREATE TABLE t(v BLOB)');
  const setup = ['--data', folder.at('data'), '--add', file, '--folder', folder.at('backup')];
  await using engine = startScript('engine-process.ts', setup);
  await engine.printed('protected 0:');
  const status = () => fs.readFileSync(`/proc/${engine.child.pid}/status`, 'utf8');
  const peak = () => Number(/VmHWM:\s+(\d+) kB/.exec(status())?.[1]) * 1024;
  const before = peak();
  app.exec(
    'WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 300) INSERT INTO t SELECT randomblob(1000000) FROM i',
  );
  await until('it is shipped', () => /protected \d:3\d{8}/.test(engine.output()));
  expect(Math.round((peak() - before) / mebibyte)).toBeLessThan(260);
  app.close();
});

test.skipIf(process.platform !== 'linux')(
  'a restore of 4 GB with 1,000 segments does not fill the memory',
  async () => {
    using folder = tempFolder('large');
    const sizes = [
      ['small', { megabytes: 1, segments: 2, segmentBytes: 65_536 }],
      ['large', { megabytes: 4000, segments: 1000, segmentBytes: 65_536 }],
    ] as const;
    for (const [name, size] of sizes) {
      const target = await createFolderTarget({ path: folder.at(name) });
      const { file } = await makeLargeReplica({ folder: folder.path, target, ...size });
      fs.rmSync(file);
    }
    const places = sizes.flatMap(([name]) => [folder.at(name), folder.at(`${name}.db`)]);
    await using restoring = startScript('restore-memory-process.ts', places);
    expect(await restoring.ended).toBe(0);
    const [before = 0, after = Infinity] = [...restoring.output().matchAll(/peak (\d+)/g)].map(([, peak]) =>
      Number(peak),
    );
    expect(Math.round((after - before) / mebibyte)).toBeLessThan(110);
  },
);
