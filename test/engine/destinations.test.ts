// Several destinations of one database: each at a place of its own, added, turned off and removed while an application writes,
// none in the way of another; each is restored from by itself and holds every row.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { must } from '../../shared/assert.ts';
import { type Clock, systemClock } from '../../electron/engine/basics/clock.ts';
import type { ReplicaState } from '../../shared/databases.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import { defaultRetention } from '../../shared/retention.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { openDatabase, openApplication } from '../support/application.ts';
import type { AppConnection } from '../support/beside.ts';
import { type TempFolder, until } from '../support/temp.ts';

let folder: TempFolder;
let file: string;
let app: AppConnection;
let writing: NodeJS.Timeout | undefined;

beforeEach(() => {
  const application = openApplication('CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)');
  ({ folder, file, app } = application);
  return application[Symbol.dispose];
});
afterEach(() => clearInterval(writing));

function insert(): void {
  app.prepare('INSERT INTO t(v) VALUES (?)').run(randomBytes(100));
}

/** Commits all the time, as far as the engine leaves room. */
function keepWriting(): void {
  writing = setInterval(insert, 5);
}

/** Every commit is counted from here on. */
function stopWriting(): unknown {
  clearInterval(writing);
  insert();
  return app.prepare('SELECT count(*) FROM t').pluck().get();
}

/** Adds a folder as a destination of its own. */
async function addTarget(engine: TestEngine, name: string): Promise<TargetId> {
  const { targetId } = await engine.call('addTarget', { place: { kind: 'folder', path: folder.at(name) } });
  return targetId;
}

/** Protects the database on a first destination and waits for it. */
async function protect(engine: TestEngine, targetId: TargetId): Promise<DatabaseId> {
  const { databaseId } = await engine.call('addDatabase', { path: file, targetId });
  await engine.call('updateReplica', { databaseId, targetId, syncIntervalMs: 20 });
  await engine.waitFor(databaseId, 'it is protected', ({ status }) => status.kind === 'protected');
  return databaseId;
}

const replicaOf = (engine: TestEngine, id: DatabaseId, targetId: TargetId): ReplicaState =>
  must(
    engine.database(id).replicas.find((replica) => replica.targetId === targetId),
    'it was added',
  );

async function addReplica(engine: TestEngine, databaseId: DatabaseId, targetId: TargetId): Promise<void> {
  await engine.call('addReplica', { databaseId, targetId });
  await engine.call('updateReplica', { databaseId, targetId, syncIntervalMs: 20 });
}

async function upToDate(engine: TestEngine, id: DatabaseId, targetId: TargetId): Promise<void> {
  await engine.waitFor(id, `${targetId} has all`, () => {
    const { shipped, lagBytes, problem } = replicaOf(engine, id, targetId);
    return shipped !== undefined && lagBytes === 0 && problem === undefined;
  });
}

/** Rows that the newest moment of one destination has. */
async function rowsAt(engine: TestEngine, name: string): Promise<unknown> {
  return await engine.newest(folder.at(name, 'shop.db'), (restored) =>
    restored.prepare('SELECT count(*) FROM t').pluck().get(),
  );
}

async function holdsAll(engine: TestEngine, name: string, rows: unknown): Promise<void> {
  await until(`${name} has ${String(rows)} rows`, async () => (await rowsAt(engine, name)) === rows || undefined);
}

function spooled(): readonly string[] {
  const all = fs.readdirSync(folder.at('data'), { recursive: true, encoding: 'utf8' });
  return all.filter((name) => name.endsWith('.wal'));
}

/** Another index begins with the next commit. */
async function restartWal(): Promise<void> {
  await until('the WAL restarts', () => {
    const [row] = app.pragma('wal_checkpoint(TRUNCATE)') as readonly { readonly busy: number }[];
    return row?.busy === 0;
  });
  insert();
}

describe('a second destination', () => {
  test('is added while an application writes: an image of its own, and the capture goes on undisturbed', async () => {
    await using engine = openTestEngine(folder.at('data'));
    const [near, far] = [await addTarget(engine, 'near'), await addTarget(engine, 'far')];
    const id = await protect(engine, near);
    const { openings, generations } = (await engine.call('getDetails', { databaseId: id })).counters;
    keepWriting();
    await addReplica(engine, id, far);
    await engine.waitFor(id, 'it has an image', () => replicaOf(engine, id, far).shipped !== undefined);
    const rows = stopWriting();
    for (const name of ['near', 'far']) await holdsAll(engine, name, rows);
    const after = (await engine.call('getDetails', { databaseId: id })).counters;
    expect([after.openings, after.generations, after.snapshots]).toEqual([openings, generations, 2]);
    expect(engine.state().targets.map(({ name, databases }) => [name, databases])).toEqual([
      ['far', 1],
      ['near', 1],
    ]);
    const newest = (await engine.points(id)).at(-1);
    expect(newest?.targetIds.toSorted()).toEqual([near, far].sort());
  });

  test('is taken away and comes back while writing goes on: the other one has everything meanwhile', async () => {
    await using engine = openTestEngine(folder.at('data'));
    const [near, far] = [await addTarget(engine, 'near'), await addTarget(engine, 'far')];
    const id = await protect(engine, near);
    await addReplica(engine, id, far);
    await upToDate(engine, id, far);
    keepWriting();
    fs.renameSync(folder.at('far'), folder.at('unplugged'));
    const { status } = await engine.waitFor(id, 'it is missed', (state) => state.status.kind === 'attention');
    expect(status).toMatchObject({ problem: { code: 'target-missing' } });
    await holdsAll(engine, 'near', stopWriting());
    const behind = replicaOf(engine, id, far);
    expect([replicaOf(engine, id, near).problem, behind.problem?.code, behind.lagBytes > 0]).toEqual([
      undefined,
      'target-missing',
      true,
    ]);
    fs.renameSync(folder.at('near'), folder.at('near-too'));
    insert();
    await engine.waitFor(id, 'none is there', (state) => state.status.kind === 'problem');
    fs.renameSync(folder.at('near-too'), folder.at('near'));
    fs.renameSync(folder.at('unplugged'), folder.at('far'));
    await engine.waitFor(id, 'all is well', (state) => state.status.kind === 'protected' && state.lag.bytes === 0);
    const rows = stopWriting();
    for (const name of ['near', 'far']) await holdsAll(engine, name, rows);
    expect((await engine.call('getDetails', { databaseId: id })).counters.snapshots).toBe(2);
  });

  test('is behind when the engine stops, and catches up after the next start from where it was', async () => {
    const engine = openTestEngine(folder.at('data'));
    const [near, far] = [await addTarget(engine, 'near'), await addTarget(engine, 'far')];
    const id = await protect(engine, near);
    await addReplica(engine, id, far);
    await upToDate(engine, id, far);
    fs.renameSync(folder.at('far'), folder.at('unplugged'));
    for (let i = 0; i < 5; i++) insert();
    await restartWal();
    await holdsAll(engine, 'near', stopWriting());
    await engine[Symbol.asyncDispose]();

    await using again = openTestEngine(folder.at('data'));
    await again.waitFor(id, 'one is there', (state) => state.status.kind === 'attention');
    insert();
    fs.renameSync(folder.at('unplugged'), folder.at('far'));
    const rows = stopWriting();
    for (const name of ['near', 'far']) await holdsAll(again, name, rows);
    const images = fs.readdirSync(folder.at('far'), { recursive: true, encoding: 'utf8' });
    expect(images.filter((name) => name.includes(`snapshots${path.sep}`))).toHaveLength(1);
  });
});

describe('a destination that is turned off', () => {
  test('gets nothing and keeps no spool; turned on again it goes on with an image', async () => {
    let aheadMs = 0;
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
    await using engine = openTestEngine(folder.at('data'), { clock });
    const [near, far] = [await addTarget(engine, 'near'), await addTarget(engine, 'far')];
    const id = await protect(engine, near);
    await addReplica(engine, id, far);
    await upToDate(engine, id, far);
    await engine.call('updateReplica', { databaseId: id, targetId: far, isEnabled: false });
    const before = await rowsAt(engine, 'far');
    for (let i = 0; i < 3; i++) await restartWal();
    // What is noted of the pages, every now and then, lets the spool go.
    aheadMs = 60_000;
    await until('the spool lets go', () => {
      insert();
      return spooled().length <= 2;
    });
    await upToDate(engine, id, near);
    expect([await rowsAt(engine, 'far'), engine.database(id).status.kind]).toEqual([before, 'protected']);
    expect(replicaOf(engine, id, far)).toMatchObject({ isEnabled: false, lagBytes: 0, problem: undefined });
    await engine.call('updateReplica', { databaseId: id, targetId: far, isEnabled: true });
    const rows = stopWriting();
    for (const name of ['near', 'far']) await holdsAll(engine, name, rows);
  });

  test('as the last one leaves nothing that protects, which is told', async () => {
    await using engine = openTestEngine(folder.at('data'));
    const near = await addTarget(engine, 'near');
    const id = await protect(engine, near);
    await engine.call('updateReplica', { databaseId: id, targetId: near, isEnabled: false });
    insert();
    expect(engine.database(id).status).toMatchObject({ kind: 'problem', problem: { code: 'replica-none-enabled' } });
    await engine.call('updateReplica', { databaseId: id, targetId: near, isEnabled: true });
    await holdsAll(engine, 'near', stopWriting());
    expect(engine.database(id).status.kind).toBe('protected');
  });
});

describe('a destination that is removed', () => {
  test('while it is written to: its history stays, is known again when it comes back, and goes on', async () => {
    await using engine = openTestEngine(folder.at('data'));
    const [near, far] = [await addTarget(engine, 'near'), await addTarget(engine, 'far')];
    const id = await protect(engine, near);
    await addReplica(engine, id, far);
    keepWriting();
    const pointsOfFar = async () => (await engine.points(id)).filter(({ targetIds }) => targetIds.includes(far)).length;
    await until('it has more than an image', async () => (await pointsOfFar()) > 2);
    await engine.call('removeReplica', { databaseId: id, targetId: far });
    const rows = stopWriting();
    await holdsAll(engine, 'near', rows);
    const left = await rowsAt(engine, 'far');
    expect(Number(left)).toBeLessThan(Number(rows));
    expect((await engine.points(id)).flatMap(({ targetIds }) => targetIds)).not.toContain(far);
    expect(engine.state().targets.map(({ name, databases }) => [name, databases])).toEqual([
      ['far', 0],
      ['near', 1],
    ]);
    await addReplica(engine, id, far);
    await holdsAll(engine, 'far', stopWriting());
    expect(await pointsOfFar()).toBeGreaterThan(2);
  });

  test('is not the last one, and a destination in use is not forgotten', async () => {
    await using engine = openTestEngine(folder.at('data'));
    const near = await addTarget(engine, 'near');
    const id = await protect(engine, near);
    await expect(engine.call('removeReplica', { databaseId: id, targetId: near })).rejects.toMatchObject({
      code: 'replica-last',
    });
    await expect(engine.call('removeTarget', { targetId: near })).rejects.toMatchObject({ code: 'target-in-use' });
    await expect(engine.call('addReplica', { databaseId: id, targetId: near })).rejects.toMatchObject({
      code: 'replica-known',
    });
    const elsewhere = { kind: 'folder' as const, path: folder.at('elsewhere') };
    await expect(engine.call('updateTarget', { targetId: near, place: elsewhere })).rejects.toMatchObject({
      code: 'target-place-fixed',
    });
    await engine.call('removeDatabase', { databaseId: id });
    await engine.call('removeTarget', { targetId: near });
    expect(engine.state().targets).toEqual([]);
  });
});

describe('settings of a replica', () => {
  test('are its own, hold over a restart, and change what runs at once', async () => {
    const engine = openTestEngine(folder.at('data'));
    const [near, far] = [await addTarget(engine, 'near'), await addTarget(engine, 'far')];
    const id = await protect(engine, near);
    await addReplica(engine, id, far);
    await upToDate(engine, id, far);
    const hour = 3_600_000;
    const retention = { kind: 'thinned', windowMs: hour, dailyMs: 0, weeklyMs: 0 } as const;
    await engine.call('updateReplica', { databaseId: id, targetId: far, syncIntervalMs: hour, retention });
    // One round begins with the change; from then on an hour passes before the next.
    insert();
    await upToDate(engine, id, near);
    await until('only one of them waits', () => {
      insert();
      return replicaOf(engine, id, far).lagBytes > 0;
    });
    await upToDate(engine, id, near);
    expect(replicaOf(engine, id, far).lagBytes).toBeGreaterThan(0);
    await engine.call('updateReplica', { databaseId: id, targetId: far, syncIntervalMs: 30 });
    await upToDate(engine, id, far);
    await engine[Symbol.asyncDispose]();

    await using again = openTestEngine(folder.at('data'));
    expect(replicaOf(again, id, far)).toMatchObject({ isEnabled: true, syncIntervalMs: 30, retention });
    expect(replicaOf(again, id, near)).toMatchObject({ syncIntervalMs: 20, retention: defaultRetention });
  });
});

test('databases of one name lie beside each other on one destination', async () => {
  await using engine = openTestEngine(folder.at('data'));
  const near = await addTarget(engine, 'near');
  await protect(engine, near);
  fs.mkdirSync(folder.at('other'));
  const other = openDatabase(folder.at('other', 'shop.db'), 'CREATE TABLE t(id INTEGER PRIMARY KEY)');
  const { databaseId } = await engine.call('addDatabase', { path: folder.at('other', 'shop.db'), targetId: near });
  await engine.waitFor(databaseId, 'it is protected', ({ status }) => status.kind === 'protected');
  expect(fs.readdirSync(folder.at('near')).sort()).toEqual(['shop-2.db', 'shop.db']);
  expect(engine.state().targets).toMatchObject([{ databases: 2, place: { kind: 'folder', path: folder.at('near') } }]);
  other.close();
});
