// Destinations under databases that nobody writes: what happens to the folder or the bucket is the state of every one of them at
// the next look, is told once, and is over for all of them when it is back and whole.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DatabaseState } from '../../shared/databases.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import type { Place } from '../../shared/contract.ts';
import { makeDatabase, openDatabase } from '../support/application.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { startFaultyProxy } from '../support/faulty-proxy.ts';
import { startS3Server } from '../support/s3-server.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

const count = 30;
const looks = { folderEveryMs: 200, bucketEveryMs: 200, stillMs: 30_000 };

let folder: TempFolder;
beforeEach(() => {
  folder = tempFolder();
});
afterEach(() => folder[Symbol.dispose]());

/** Thirty databases on one destination, all protected, nobody writing. */
async function protectAll(engine: TestEngine, place: Place): Promise<TargetId> {
  const { targetId } = await engine.call('addTarget', { place, name: 'Backup' });
  fs.mkdirSync(folder.at('apps'));
  for (let n = 0; n < count; n++) {
    const file = folder.at('apps', `d${n}.db`);
    makeDatabase(file, 'CREATE TABLE t(a); INSERT INTO t VALUES (1)');
    await engine.call('addDatabase', { path: file, targetId });
  }
  await allAre(engine, 'protected');
  return targetId;
}

async function allAre(engine: TestEngine, kind: DatabaseState['status']['kind']): Promise<void> {
  await until(`all are ${kind}`, () => engine.state().databases.every(({ status }) => status.kind === kind)).catch(
    (error: unknown) => {
      const seen = engine.state().databases.map(({ name, status }) => `${name} ${JSON.stringify(status)}`);
      throw new Error(seen.join('\n'), { cause: error });
    },
  );
}

/** What was told since, newest first. */
async function toldSince(engine: TestEngine, id: number): Promise<readonly string[]> {
  const all = await engine.call('listActivity', { limit: 500 });
  return all.filter((entry) => entry.id > id && entry.kind !== 'snapshot').map(({ text }) => text);
}

function newestNote(engine: TestEngine): number {
  return engine.state().activity[0]?.id ?? 0;
}

function someOf(engine: TestEngine): readonly DatabaseId[] {
  return engine.state().databases.map(({ id }) => id);
}

function hasImage(name: string): boolean {
  const at = folder.at('backup', name);
  if (!fs.existsSync(at)) return false;
  return fs.readdirSync(at, { recursive: true, encoding: 'utf8' }).some((file) => file.endsWith('.snapshot.lz4'));
}

function removeImages(history: string): void {
  for (const generation of fs.readdirSync(history))
    fs.rmSync(path.join(history, generation, 'snapshots'), { recursive: true });
}

async function isRestorable(engine: TestEngine, id: DatabaseId): Promise<void> {
  const point = (await engine.points(id)).at(-1);
  if (point === undefined) throw new Error('it has a point');
  await engine.restore(id, point, folder.at(`${id}.db`));
}

describe('the folder of thirty databases that nobody writes', () => {
  test('is renamed: none is called protected, told once; when it is back all are, and told once', async () => {
    await using engine = openTestEngine(folder.at('data'), { limits: { looks } });
    await protectAll(engine, { kind: 'folder', path: folder.at('backup') });
    const before = newestNote(engine);
    fs.renameSync(folder.at('backup'), folder.at('elsewhere'));
    await allAre(engine, 'problem');
    expect(engine.state().targets).toMatchObject([{ problem: { code: 'target-missing' } }]);
    expect(await toldSince(engine, before)).toEqual([expect.stringContaining('backup is gone')]);
    fs.renameSync(folder.at('elsewhere'), folder.at('backup'));
    await allAre(engine, 'protected');
    expect(engine.state().targets[0]?.problem).toBeUndefined();
    expect(await toldSince(engine, before)).toHaveLength(2);
  });

  test('is emptied: none is called protected until each has an image there again', async () => {
    const untrue: string[] = [];
    await using engine = openTestEngine(folder.at('data'), {
      limits: { looks },
      onState: ({ databases, activity }) => {
        if (!activity.some(({ text }) => text.includes('was removed there'))) return;
        const called = databases.filter(({ status }) => status.kind === 'protected');
        untrue.push(...called.filter(({ name }) => !hasImage(name)).map(({ name }) => name));
      },
    });
    await protectAll(engine, { kind: 'folder', path: folder.at('backup') });
    const before = newestNote(engine);
    for (const name of fs.readdirSync(folder.at('backup'))) fs.rmSync(folder.at('backup', name), { recursive: true });
    await until('it is told', async () => (await toldSince(engine, before)).length > 0);
    await allAre(engine, 'protected');
    expect(await toldSince(engine, before)).toEqual([
      expect.stringMatching(/^Backup: the history of 30 databases was removed/),
    ]);
    expect(fs.readdirSync(folder.at('backup')).filter(hasImage)).toHaveLength(count);
    expect(untrue).toEqual([]);
    await isRestorable(engine, someOf(engine)[7] as DatabaseId);
  });

  test('loses one history: that one alone is not protected until it lies there again', async () => {
    await using engine = openTestEngine(folder.at('data'), { limits: { looks } });
    await protectAll(engine, { kind: 'folder', path: folder.at('backup') });
    const before = newestNote(engine);
    fs.rmSync(folder.at('backup', 'd3.db', 'generations'), { recursive: true });
    await until('it is told', async () => (await toldSince(engine, before)).length > 0);
    expect(await toldSince(engine, before)).toEqual([expect.stringContaining('d3.db')]);
    await allAre(engine, 'protected');
    expect(fs.existsSync(folder.at('backup', 'd3.db', 'generations'))).toBe(true);
  });
});

test.each([
  ['its images are removed', (history: string) => removeImages(history)],
  ['it is emptied', (history: string) => fs.rmSync(history, { recursive: true })],
])('the folder of a database that is written, and puts its segments there again: %s', async (_, harm) => {
  const file = folder.at('shop.db');
  const app = openDatabase(file, 'CREATE TABLE t(a)');
  await using engine = openTestEngine(folder.at('data'), { limits: { looks } });
  const { databaseId: id } = await engine.call('addDatabase', { path: file, folder: folder.at('backup') });
  await engine.waitFor(id, 'it is protected', ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0);
  await engine.call('updateReplica', {
    databaseId: id,
    targetId: engine.database(id).replicas[0]?.targetId as TargetId,
    syncIntervalMs: 0,
  });
  harm(folder.at('backup', 'shop.db', 'generations'));
  await until('it lies there again', () => {
    app.exec('INSERT INTO t VALUES (1)');
    return hasImage('shop.db');
  });
  await engine.waitFor(id, 'it is protected', ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0);
  const rows = Number(app.prepare('SELECT count(*) FROM t').pluck().get());
  const [{ url } = { url: '' }] = engine.database(id).replicas;
  const restored = await engine.newest(url, (one) => one.prepare('SELECT count(*) FROM t').pluck().get());
  expect(restored).toBe(rows);
  app.close();
});

test.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
  'a folder that loses its rights: none is called protected, told once, until it has them again',
  async () => {
    fs.chmodSync(folder.path, 0o777);
    const script = path.join(import.meta.dirname, '../support/rights-loser.ts');
    const uid = 1003;
    const child = spawn(
      process.execPath,
      [
        '-e',
        `process.setgroups([]); process.setgid(${uid}); process.setuid(${uid}); import(${JSON.stringify(script)})`,
        'x',
        folder.path,
        String(count),
      ],
      { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, HOME: folder.path } },
    );
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const line = async (n: number) =>
      JSON.parse(
        await until(`line ${n}`, () => {
          if (child.exitCode !== null && output.split('\n').length <= n + 1) throw new Error(`it ended: ${output}`);
          return output.split('\n').length > n + 1 ? output.split('\n')[n] : undefined;
        }),
      ) as object;
    try {
      for (const [n, [take, give]] of (
        [
          ['000', '755'],
          ['a-w', 'u+w'],
        ] as const
      ).entries()) {
        expect(await line(n * 2)).toMatchObject({ kinds: ['protected'] });
        child.stdin.write(`${take}\n`);
        expect(await line(n * 2 + 1)).toMatchObject({
          kinds: ['problem'],
          told: [expect.stringMatching(/Tidemark may not (read|write to) .*backup/)],
        });
        child.stdin.write(`${give}\n`);
      }
      expect(await line(4)).toMatchObject({ kinds: ['protected'], told: [expect.stringContaining('reachable again')] });
    } finally {
      child.kill();
    }
  },
);

describe('the bucket of thirty databases that nobody writes', () => {
  test('is asked once a look, however many they are', async () => {
    await using s3 = await bucket();
    await using engine = openTestEngine(folder.at('data'), {
      limits: { looks: { ...looks, bucketEveryMs: 3_600_000 } },
    });
    await protectAll(engine, s3.place);
    const asked = () => s3.proxy.requests.filter((request) => request.includes('delimiter=%2F')).length;
    for (let n = 1; n <= 3; n++) {
      await engine.call('noteWake', {});
      await until('it was asked', () => asked() >= n);
      expect(asked()).toBe(n);
    }
  });

  test('is emptied: none is called protected until each has an image there again', async () => {
    await using s3 = await bucket();
    await using engine = openTestEngine(folder.at('data'), { limits: { looks } });
    await protectAll(engine, s3.place);
    const before = newestNote(engine);
    await s3.empty();
    await until('it is told', async () => (await toldSince(engine, before)).length > 0);
    await allAre(engine, 'protected');
    expect(await toldSince(engine, before)).toEqual([expect.stringContaining('the history of 30 databases')]);
    await isRestorable(engine, someOf(engine)[7] as DatabaseId);
  });

  test('hangs: all are amber once a look was given up, and well when it answers', async () => {
    await using s3 = await bucket();
    await using engine = openTestEngine(folder.at('data'), { limits: { looks: { ...looks, stillMs: 500 } } });
    await protectAll(engine, s3.place);
    const before = newestNote(engine);
    let isHanging = true;
    s3.proxy.fault = () => (isHanging ? { kind: 'latency', ms: 5000 } : undefined);
    await allAre(engine, 'problem');
    expect(engine.state().targets).toMatchObject([{ problem: { code: 'target-stalled' } }]);
    isHanging = false;
    await allAre(engine, 'protected');
    expect(await toldSince(engine, before)).toEqual([
      expect.stringContaining('reachable again'),
      expect.stringContaining('has not moved for'),
    ]);
  });
});

async function bucket() {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await startS3Server());
  const proxy = stack.use(await startFaultyProxy({ upstream: server.endpoint }));
  const name = await server.makeBucket();
  const at = (): string => `${server.endpoint}/${name}`;
  const place: Place = {
    kind: 's3',
    provider: 'other',
    bucket: name,
    prefix: 'tidemark',
    region: 'us-east-1',
    endpoint: proxy.endpoint,
    credentials: { kind: 'keys', accessKeyId: 'tester', secretAccessKey: 'testing' },
  };
  return {
    proxy,
    place,
    empty: async () => {
      const listed = await (await fetch(`${at()}?list-type=2`)).text();
      // In one request: a look in between would find a part of them.
      const keys = [...listed.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => key);
      const body = `<Delete>${keys.map((key) => `<Object><Key>${key}</Key></Object>`).join('')}</Delete>`;
      const answer = await fetch(`${at()}?delete`, { method: 'POST', body });
      if (!answer.ok) throw new Error(`it was not emptied: ${await answer.text()}`);
    },
    [Symbol.asyncDispose]: async () => await stack[Symbol.asyncDispose](),
  };
}
