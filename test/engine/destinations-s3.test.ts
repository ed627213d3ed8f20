// Buckets as destinations of their own: keys that a window types are sealed, open what they are for, can be typed again, and stand
// nowhere that anybody could read them.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Place } from '../../shared/contract.ts';
import { must } from '../../shared/assert.ts';
import { AppError } from '../../shared/errors.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import type { EngineState } from '../../shared/model.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { filesWith, holdsSecret, markerSecret, markerToken } from '../support/marker.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { openApplication } from '../support/application.ts';
import type { AppConnection } from '../support/beside.ts';
import { type TempFolder, until } from '../support/temp.ts';

let server: S3Server;
let folder: TempFolder;
let file: string;
let app: AppConnection;

beforeAll(async () => {
  server = await startS3Server();
});
afterAll(async () => await server[Symbol.asyncDispose]());
beforeEach(() => {
  const application = openApplication('CREATE TABLE t(id INTEGER PRIMARY KEY)');
  ({ folder, file, app } = application);
  return application[Symbol.dispose];
});

type S3 = Extract<Place, { kind: 's3' }>;

function placeOf(bucket: string, keys: Readonly<Record<string, string | undefined>> = {}): S3 {
  return {
    kind: 's3',
    provider: 'other',
    bucket,
    prefix: 'tidemark',
    region: 'us-east-1',
    endpoint: server.endpoint,
    credentials: { kind: 'keys', accessKeyId: 'AKIATESTER', secretAccessKey: markerSecret, ...keys },
  };
}

async function protect(engine: TestEngine, targetId: TargetId): Promise<DatabaseId> {
  const { databaseId } = await engine.call('addDatabase', { path: file, targetId });
  await engine.call('updateReplica', { databaseId, targetId, syncIntervalMs: 20 });
  await engine.waitFor(databaseId, 'it is protected', ({ status }) => status.kind === 'protected');
  return databaseId;
}

async function upToDate(engine: TestEngine, id: DatabaseId): Promise<void> {
  await engine.waitFor(
    id,
    'every destination has all',
    ({ status, lag, replicas }) =>
      status.kind === 'protected' && lag.bytes === 0 && replicas.every(({ shipped }) => shipped !== undefined),
  );
}

/** Waits until the application's rows come back from a restore. */
async function givesBackAll(engine: TestEngine, id: DatabaseId): Promise<void> {
  const rows = app.prepare('SELECT count(*) FROM t').pluck().get();
  await until('every row is restorable', async () => (await restoredRows(engine, id)) === rows || undefined);
}

/** Restores the newest point and counts its rows. */
async function restoredRows(engine: TestEngine, id: DatabaseId): Promise<unknown> {
  const point = must((await engine.points(id)).at(-1), 'something is restorable');
  await engine.restore(id, point, folder.at('restored.db'));
  const restored = new Database(folder.at('restored.db'));
  try {
    return restored.prepare('SELECT count(*) FROM t').pluck().get();
  } finally {
    restored.close();
    fs.rmSync(folder.at('restored.db'));
  }
}

describe('a bucket', () => {
  test('is added by a form, keeps a database, and gives it back, beside a folder', async () => {
    await using engine = openTestEngine(folder.at('data'));
    const bucket = await server.makeBucket();
    const { targetId } = await engine.call('addTarget', { place: placeOf(bucket), name: 'Cloud' });
    const id = await protect(engine, targetId);
    const { targetId: near } = await engine.call('addTarget', { place: { kind: 'folder', path: folder.at('near') } });
    await engine.call('addReplica', { databaseId: id, targetId: near });
    app.exec('INSERT INTO t DEFAULT VALUES; INSERT INTO t DEFAULT VALUES');
    await upToDate(engine, id);
    await engine.call('removeReplica', { databaseId: id, targetId: near });
    await givesBackAll(engine, id);
    const cloud = engine.state().targets.find((target) => target.id === targetId);
    expect(cloud).toMatchObject({
      kind: 's3',
      name: 'Cloud',
      databases: 1,
      problem: undefined,
      place: { bucket, prefix: 'tidemark', credentials: { kind: 'keys', accessKeyId: 'AKIATESTER' } },
    });
    expect(cloud?.usage.puts).toBeGreaterThan(1);
    expect(engine.database(id).replicas[0]?.url).toContain(`s3://${bucket}/tidemark/shop.db?`);
  });

  test('goes on after a restart; without its key it says so, loses nothing, and takes its keys once more', async () => {
    const bucket = await server.makeBucket();
    const id = await (async () => {
      await using engine = openTestEngine(folder.at('data'));
      const { targetId } = await engine.call('addTarget', { place: placeOf(bucket) });
      return await protect(engine, targetId);
    })();
    const generation = await (async () => {
      await using engine = openTestEngine(folder.at('data'));
      app.exec('INSERT INTO t DEFAULT VALUES');
      await upToDate(engine, id);
      return engine.database(id).generation?.generation;
    })();
    await using engine = openTestEngine(folder.at('data'), { secretKey: randomBytes(32) });
    app.exec('INSERT INTO t DEFAULT VALUES');
    const { status } = await engine.waitFor(id, 'it is missed', (state) => state.status.kind === 'problem');
    expect(status).toMatchObject({ problem: { code: 'target-secret-unreadable' } });
    const targetId = must(engine.state().targets[0]?.id, 'it was added');
    const withoutSecret = placeOf(bucket, { secretAccessKey: undefined });
    await expect(
      engine.call('updateTarget', {
        targetId,
        place: placeOf(bucket, { accessKeyId: 'AKIAOTHER', secretAccessKey: undefined }),
      }),
    ).rejects.toMatchObject({ code: 'target-secret-missing' });
    await engine.call('updateTarget', { targetId, place: placeOf(bucket) });
    await upToDate(engine, id);
    await engine.call('updateTarget', { targetId, place: withoutSecret, name: 'Cloud' });
    app.exec('INSERT INTO t DEFAULT VALUES');
    await upToDate(engine, id);
    await givesBackAll(engine, id);
    expect(engine.database(id).generation?.generation).toBe(generation);
    expect(engine.state().targets.map(({ name }) => name)).toEqual(['Cloud']);
  });

  test('stays the place that it is while histories lie there, reached as one likes', async () => {
    await using engine = openTestEngine(folder.at('data'));
    const bucket = await server.makeBucket();
    const { targetId } = await engine.call('addTarget', { place: placeOf(bucket) });
    const id = await protect(engine, targetId);
    // A form does not repeat the secret: what is kept is tested.
    const form = placeOf(bucket, { secretAccessKey: undefined });
    expect(await engine.call('testTarget', { place: form, targetId, databasePath: file })).toMatchObject({
      isUsable: true,
      contents: 'history-of-this',
    });
    const other = placeOf(bucket, { secretAccessKey: undefined, accessKeyId: 'AKIAOTHER' });
    await expect(engine.call('testTarget', { place: other, targetId })).rejects.toMatchObject({
      code: 'target-secret-missing',
    });
    const elsewhere = placeOf(await server.makeBucket());
    await expect(engine.call('updateTarget', { targetId, place: elsewhere })).rejects.toMatchObject({
      code: 'target-place-fixed',
    });
    const place = { ...placeOf(bucket), isPathStyle: true };
    await engine.call('updateTarget', { targetId, place });
    app.exec('INSERT INTO t DEFAULT VALUES');
    await upToDate(engine, id);
    expect(engine.database(id).replicas[0]?.url).toContain('forcePathStyle=true');
    await givesBackAll(engine, id);
  });
});

describe('a secret that was typed', () => {
  test('stands in no file, no state, no answer and no line of the log, whatever goes wrong', async () => {
    const heard: unknown[] = [];
    const onState = (state: EngineState) => heard.push(structuredClone(state));
    const bucket = await server.makeBucket();
    const withToken = placeOf(bucket, { sessionToken: markerToken });
    const run = async (secretKey?: Uint8Array) => {
      await using engine = openTestEngine(folder.at('data'), { onState, ...(secretKey && { secretKey }) });
      const say = async (call: Promise<unknown>) => heard.push(await call.catch((error: unknown) => factsOf(error)));
      const { targetId } = await engine.call('addTarget', { place: withToken });
      const known = engine.state().databases[0]?.id;
      const id = known ?? (await protect(engine, targetId));
      await engine.call('updateTarget', { targetId, place: withToken });
      app.exec('INSERT INTO t DEFAULT VALUES');
      await upToDate(engine, id);
      await say(engine.call('getDetails', { databaseId: id }));
      await say(engine.call('testTarget', { place: withToken, databasePath: file }));
      await say(engine.call('testTarget', { place: { ...withToken, bucket: 'no-such-bucket' } }));
      await say(restoredRows(engine, id));
      // Places that fail: a bucket that is missing, a server that is, and arguments that make no sense.
      const lost = { ...withToken, bucket: 'no-such-bucket' };
      const away = { ...withToken, endpoint: 'http://127.0.0.1:1', prefix: 'away' };
      for (const place of [lost, away]) {
        const { targetId: failing } = await engine.call('addTarget', { place });
        await engine.call('addReplica', { databaseId: id, targetId: failing });
        await engine.waitFor(id, 'it fails', ({ replicas }) =>
          replicas.some((replica) => replica.targetId === failing && replica.problem !== undefined),
        );
        await engine.call('removeReplica', { databaseId: id, targetId: failing });
        await engine.call('removeTarget', { targetId: failing });
      }
      await say(engine.call('addTarget', { place: { ...withToken, endpoint: 'not an endpoint' } }));
      await say(engine.call('addTarget', { place: { ...withToken, surplus: markerSecret } as never }));
      await say(engine.call('addTarget', { place: { ...withToken, kind: markerSecret } as never }));
      for (const kept of ['secretAccessKey', 'secret-access-key']) {
        const url = `s3://no-such-bucket/x?endpoint=${server.endpoint}&accessKeyId=A&${kept}=${markerSecret}`;
        await say(engine.call('listReplica', { url }));
        await say(engine.call('listReplica', { url: `${url}&unknown-key=1` }));
        await say(
          engine.call('startReplicaRestore', { url, wish: { kind: 'latest' }, outputPath: folder.at('no.db') }),
        );
      }
      heard.push(engine.state());
    };
    await run();
    await run(randomBytes(32));
    expect(filesWith(folder.path, [markerSecret, markerToken])).toEqual([]);
    expect(heard.length).toBeGreaterThan(20);
    const said = JSON.stringify(heard);
    expect(said).toContain('AKIATESTER');
    expect(holdsSecret(said, [markerSecret, markerToken])).toBe(false);
  });

  test('by a command line is used and written nowhere', async () => {
    const bucket = await server.makeBucket();
    const replica = {
      url: `${server.urlOf(bucket, 'app')}&accessKeyId=AKIADECLARED&secretAccessKey=${encodeURIComponent(markerSecret)}`,
      syncIntervalMs: 20,
    };
    const declare = async (): Promise<unknown> => {
      await using engine = openTestEngine(folder.at('data'), { isDeclaredOnly: true });
      const databases = [{ path: file, enableWal: false, replicas: [replica] }];
      const [declared] = await engine.call('protectDeclared', { databases });
      if (declared?.kind !== 'protecting') throw new Error('it was refused');
      app.exec('INSERT INTO t DEFAULT VALUES');
      await upToDate(engine, declared.databaseId);
      await givesBackAll(engine, declared.databaseId);
      return engine.state();
    };
    const states = [await declare(), await declare()];
    expect(filesWith(folder.path, [markerSecret])).toEqual([]);
    expect(holdsSecret(JSON.stringify(states), [markerSecret])).toBe(false);
    expect(JSON.stringify(states)).toContain('AKIADECLARED');
  });
});

/** All that an error says. */
function factsOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { message, stack } = error;
  return { message, stack, cause: String(error.cause), data: error instanceof AppError ? error.toData() : undefined };
}
