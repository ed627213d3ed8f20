// Images after the first one: when they are made, and that no restore point is lost by them.
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { Target } from '../../electron/engine/targets/target.ts';
import { openTestEngine } from '../support/engine.ts';
import { faultyTarget } from '../support/faulty-target.ts';
import { leapingClock } from '../support/leaping-clock.ts';
import { doPatiently, openDatabase } from '../support/application.ts';
import { type AppConnection, openBeside } from '../support/beside.ts';
import { tempFolder, until } from '../support/temp.ts';

test('keeps every point restorable while one WAL goes on for longer than the snapshot interval', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  const app = openDatabase(file, 'CREATE TABLE t(v); INSERT INTO t VALUES (0)');
  // A reader of the application keeps its WAL from restarting.
  const reader = openBeside(file);
  reader.exec('BEGIN');
  reader.prepare('SELECT * FROM t').all();
  await using engine = openTestEngine(folder.at('data'), { isDeclaredOnly: true });
  const replica = { url: folder.at('backup'), syncIntervalMs: 20, snapshotIntervalMs: 100 };
  await engine.call('protectDeclared', { databases: [{ path: file, enableWal: false, replicas: [replica] }] });
  const { id } = await until('it is known', () => engine.state().databases[0]);
  await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
  const images = () =>
    fs
      .readdirSync(folder.at('backup'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.snapshot.lz4')).length;

  for (let i = 1; i <= 8; i++) {
    app.exec(`INSERT INTO t VALUES (${i})`);
    await delay(60);
  }
  await engine.waitFor(id, 'everything is shipped', ({ lag }) => lag.bytes === 0);
  const points = await engine.points(id);
  const counts: unknown[] = [];
  for (const point of points.slice(-9)) {
    const output = folder.at('restored.db');
    await engine.restore(id, point, output);
    const restored = new Database(output);
    counts.push(restored.prepare('SELECT count(*) FROM t').pluck().get());
    restored.close();
    fs.rmSync(output);
  }
  expect({ counts, images: images() }).toEqual({ counts: [1, 2, 3, 4, 5, 6, 7, 8, 9], images: 1 });

  // With the next WAL, images go on.
  reader.close();
  await until('another image is made', async () => {
    const [row] = app.pragma('wal_checkpoint(TRUNCATE)') as readonly { readonly busy: number }[];
    if (row?.busy === 0) app.exec('INSERT INTO t VALUES (9)');
    await delay(50);
    return images() > 1;
  });
  app.close();
});

test('a changed snapshot interval counts at once', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  const app = openDatabase(file, 'CREATE TABLE t(v)');
  await using engine = openTestEngine(folder.at('data'));
  const { databaseId: id } = await engine.call('addDatabase', { path: file, folder: folder.at('backup') });
  const { replicas } = await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
  const images = () =>
    fs
      .readdirSync(folder.at('backup'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.snapshot.lz4')).length;
  await until('its WAL begins anew', () => {
    const [row] = app.pragma('wal_checkpoint(TRUNCATE)') as readonly { readonly busy: number }[];
    return row?.busy === 0;
  });
  app.exec('INSERT INTO t VALUES (1)');
  await engine.waitFor(id, 'it is shipped', ({ lag, newest }) => lag.bytes === 0 && newest?.position.index === 1);
  expect(images()).toBe(1);

  // Nothing is written any more.
  for (const { targetId } of replicas) {
    await engine.call('updateReplica', { databaseId: id, targetId, snapshotIntervalMs: 1 });
  }
  await until('another image is made', () => images() === 2);
  app.close();
});

test('images and retention go on when the system’s clock is set back', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  const app = openDatabase(file, 'CREATE TABLE t(v)');
  const { clock, leap, set } = leapingClock({ isAwake: true });
  await using engine = openTestEngine(folder.at('data'), { clock });
  const { databaseId: id } = await engine.call('addDatabase', { path: file, folder: folder.at('backup') });
  const { replicas } = await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
  const images = () =>
    fs
      .readdirSync(folder.at('backup'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.snapshot.lz4')).length;
  const retainedAt = () => engine.database(id).replicas[0]?.retainedAt ?? 0;
  leap(2 * 60_000);
  await until('it is looked at', () => retainedAt() > 0);
  const [lookedAt, before] = [retainedAt(), images()];

  set(-10 * 86_400_000);
  for (const { targetId } of replicas) {
    await engine.call('updateReplica', { databaseId: id, targetId, snapshotIntervalMs: 3_600_000 });
  }
  leap(2 * 3_600_000);
  await until('its WAL begins anew', () => {
    const [row] = app.pragma('wal_checkpoint(TRUNCATE)') as readonly { readonly busy: number }[];
    return row?.busy === 0;
  });
  app.exec('INSERT INTO t VALUES (1)');
  await until('there is another image', () => images() > before);
  await until('it is looked at again', () => {
    leap(3_600_000);
    return retainedAt() !== lookedAt;
  });
  expect(lookedAt - retainedAt()).toBeGreaterThan(9 * 86_400_000);
  app.close();
});

test('a small database that is written much gets images sooner, and the destination is not listed for each of them', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  const app = openDatabase(file, 'CREATE TABLE t(v); INSERT INTO t VALUES (zeroblob(4000000))');
  const { clock, leap } = leapingClock();
  const lists: string[] = [];
  const wrapTarget = (target: Target) =>
    faultyTarget(target, {
      fault: (verb, key) => {
        if (verb === 'list') lists.push(key);
        return undefined;
      },
    });
  await using engine = openTestEngine(folder.at('data'), { clock, limits: { wrapTarget } });
  const { databaseId: id } = await engine.call('addDatabase', { path: file, folder: folder.at('backup') });
  await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
  const images = () =>
    fs
      .readdirSync(folder.at('backup'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.snapshot.lz4')).length;
  // For the order of generations, where nothing was, and for retention.
  const looks = () => lists.filter((prefix) => prefix === 'generations/').length;
  await until('it is looked at', () => looks() === 2);
  const update = async (): Promise<void> => {
    const { captured } = engine.database(id);
    await doPatiently(app, 'UPDATE t SET v = randomblob(4000000)');
    await engine.waitFor(id, 'it is captured', (now) => !isDeepStrictEqual(now.captured?.position, captured?.position));
  };

  for (let round = 0; round < 2; round++) {
    const before = images();
    for (let i = 0; i < 5; i++) await update();
    await until('its WAL begins anew', () => {
      const [row] = app.pragma('wal_checkpoint(TRUNCATE)') as readonly { readonly busy: number }[];
      return row?.busy === 0;
    });
    await update();
    await engine.waitFor(id, 'it is shipped', ({ lag }) => lag.bytes === 0);
    expect(images()).toBe(before);
    leap(3 * 60_000);
    await update();
    await until('there is another image', () => images() > before);
    await engine.waitFor(id, 'it is shipped', ({ lag }) => lag.bytes === 0);
  }
  expect(looks()).toBe(2);
  app.close();
});

test('an image on its way to a slow destination holds up no checkpoint, lets the WAL be small, and is exact', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  const app = openDatabase(file, 'CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)');
  const fill = (rows: number) =>
    `WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ${rows}) INSERT INTO t(v) SELECT randomblob(3000) FROM i`;
  app.exec(fill(2000));
  // The image is read from the file, not from captured frames.
  app.pragma('wal_checkpoint(TRUNCATE)');
  const gate = Promise.withResolvers<void>();
  let isOnItsWay = false;
  const slowly = async function* (body: AsyncIterable<Uint8Array>) {
    for await (const chunk of body) {
      yield chunk;
      isOnItsWay = true;
      await gate.promise;
      await delay(2);
    }
  };
  const wrapTarget = (target: Target): Target => ({
    ...target,
    put: async (key, body, options) => {
      const isSlow = key.endsWith('.snapshot.lz4') && !(body instanceof Uint8Array);
      return await target.put(key, isSlow ? slowly(body) : body, options);
    },
  });
  await using engine = openTestEngine(folder.at('data'), { limits: { wrapTarget } });
  const { databaseId: id } = await engine.call('addDatabase', { path: file, folder: folder.at('backup') });
  await until('the image is on its way', () => isOnItsWay);

  const digests: unknown[] = [];
  const digest = (database: AppConnection) =>
    database.prepare('SELECT count(*), sum(id), max(hex(substr(v, 1, 20))), min(hex(substr(v, -20))) FROM t').get();
  const tries: number[] = [];
  const empty = async (): Promise<void> => {
    let count = 0;
    await until('the application empties its WAL', async () => {
      count++;
      const [row] = app.pragma('wal_checkpoint(TRUNCATE)') as readonly { readonly busy: number }[];
      if (row?.busy !== 0) await delay(5);
      return row?.busy === 0;
    });
    tries.push(count);
  };
  app.pragma('busy_timeout = 0');
  const first = engine.database(id).captured?.position;
  for (const sql of [
    // This one finds nobody there, and leaves the file as it is; from then on pins see to the image.
    'UPDATE t SET v = randomblob(3000) WHERE id = 1',
    'UPDATE t SET v = randomblob(3000) WHERE id % 3 = 0',
    'UPDATE t SET v = randomblob(2900)',
    'DELETE FROM t WHERE id > 200',
    'VACUUM',
    fill(1500),
    'DELETE FROM t WHERE id % 2 = 0',
    'VACUUM',
    fill(300),
  ]) {
    digests.push(digest(app));
    await doPatiently(app, sql);
    await until('it is captured', () => !isDeepStrictEqual(engine.database(id).captured?.position, first));
    await empty();
    expect(fs.statSync(`${file}-wal`).size).toBe(0);
  }
  digests.push(digest(app));
  gate.resolve();
  await engine.waitFor(
    id,
    'everything is shipped',
    ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0,
  );
  const restored: unknown[] = [];
  for (const point of await engine.points(id)) {
    const output = folder.at('restored.db');
    await engine.restore(id, point, output);
    const database = new Database(output);
    restored.push(digest(database));
    database.close();
    fs.rmSync(output);
  }
  expect(restored).toEqual(digests);
  // What was kept aside is gone.
  const left = fs.readdirSync(folder.at('data'), { recursive: true, encoding: 'utf8' });
  expect(left.filter((name) => name.endsWith('.tmp'))).toEqual([]);
  expect(Math.max(...tries)).toBeLessThan(100);
  app.close();
});
