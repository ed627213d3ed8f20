// The engine's thread, killed in every phase of its life: the host goes on, says so, starts it again, and protection resumes.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DatabaseState } from '../../shared/databases.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import type { EngineState } from '../../shared/model.ts';
import { type EngineHost, startEngine } from '../../electron/host/engine-host.ts';
import type { AppConnection } from '../support/beside.ts';
import { openDatabase } from '../support/application.ts';
import type { Death } from '../support/mortal-worker.ts';
import { startScript } from '../support/processes.ts';
import { type TempFolder, tempFolder, until } from '../support/temp.ts';
import { readTruth, readTruthOf } from '../support/truth.ts';

/** An image of so many takes a while. */
const manyRows = 20_000;

let folder: TempFolder;
let file: string;
let app: AppConnection;
/** What ended the test's own process would be an error of this kind. */
const escaped: unknown[] = [];
const onEscaped = (error: unknown): void => void escaped.push(error);

beforeEach(() => {
  folder = tempFolder();
  fs.mkdirSync(folder.at('data'));
  file = folder.at('shop.db');
  app = openDatabase(file, 'CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB)', { waitMs: 5000 });
  escaped.length = 0;
  process.on('unhandledRejection', onEscaped);
  process.on('uncaughtException', onEscaped);
});

afterEach(() => {
  process.off('unhandledRejection', onEscaped);
  process.off('uncaughtException', onEscaped);
  app.close();
  folder[Symbol.dispose]();
  expect(escaped).toEqual([]);
});

describe.each<Death>(['throw', 'reject', 'exit'])('a thread that ends by itself (%s)', (how) => {
  test('is started again at rest, and what is written before and after is captured', async () => {
    await using host = await open();
    const id = await protect(host);
    insert();
    expect(await arrives(host, 1)).toBe(1);
    host.kill(how);
    await seen(
      host,
      id,
      'its end',
      ({ status }) => status.kind === 'problem' && status.problem.code === 'engine-stopped',
    );
    insert();
    expect(await arrives(host, 2)).toBe(2);
    await until('the activity tells', () =>
      host.state().activity.some(({ text }) => text.startsWith('Tidemark’s engine ended unexpectedly (')),
    );
  });

  test('is started again while a writer is at work', async () => {
    await using host = await open();
    await protect(host);
    await using writer = startScript('writer.ts', [
      '--database',
      file,
      '--table',
      'w',
      '--seconds',
      '3',
      '--seed',
      '1',
    ]);
    await writer.printed('ready');
    host.kill(how);
    await writer.ended;
    const truth = readTruth(file, 'w');
    await until('all of it is restorable', async () => {
      const found = await newestOf(host, (restored) => readTruthOf(restored, 'w'));
      return found?.n === truth.n && found;
    }).then((found) => expect(found).toEqual(truth));
  });

  test('is started again while a first image is made', async () => {
    insert(manyRows);
    await using host = await open();
    const { databaseId: id } = await host.engine.call('addDatabase', { path: file, folder: folder.at('backup') });
    await seen(host, id, 'an image is on its way', ({ status }) => status.kind === 'snapshotting');
    host.kill(how);
    expect(await arrives(host, manyRows)).toBe(manyRows);
  });

  test('fails what it was asked and what it was doing', async () => {
    insert(manyRows);
    await using host = await open();
    await protect(host);
    const { operationId } = await host.engine.call('startReplicaRestore', {
      url: replica(),
      wish: { kind: 'latest' },
      outputPath: folder.at('out.db'),
    });
    const operation = () => host.state().operations.find((one) => one.id === operationId);
    await until('it restores', () => operation()?.phases.some(({ state }) => state === 'running'));
    const outcome = until('it ended', () => {
      const now = operation();
      return now === undefined || now.state !== 'running' ? (now?.error?.code ?? 'unknown') : undefined;
    });
    host.kill(how);
    expect(await outcome).toBe('engine-stopped');
    expect(fs.existsSync(folder.at('out.db'))).toBe(false);
    expect(await arrives(host, manyRows)).toBe(manyRows);
  });

  test('while it stops is what was wanted', async () => {
    const host = await open();
    await protect(host);
    insert();
    const stopped = host.engine.stop();
    host.kill(how);
    await expect(stopped).resolves.toBeUndefined();
  });
});

test('is started again until it can be, and says meanwhile that nothing is protected', async () => {
  await using host = await open();
  const id = await protect(host);
  fs.writeFileSync(folder.at('data', 'die-at-start'), '');
  host.kill('throw');
  await seen(
    host,
    id,
    'its start fails',
    ({ status }) => status.kind === 'problem' && status.problem.code === 'internal',
  );
  insert();
  const answer = host.engine.call('listActivity', { limit: 1 });
  fs.rmSync(folder.at('data', 'die-at-start'));
  expect(await answer).toHaveLength(1);
  expect(await arrives(host, 1)).toBe(1);
});

test('can be stopped while it cannot be started', async () => {
  const host = await open();
  const id = await protect(host);
  fs.writeFileSync(folder.at('data', 'die-at-start'), '');
  host.kill('throw');
  await seen(host, id, 'its end', ({ status }) => status.kind === 'problem');
  await host.engine.stop();
  await expect(host.engine.call('listActivity', { limit: 1 })).rejects.toMatchObject({ code: 'engine-stopped' });
});

test('protects again what a command line declared', async () => {
  await using host = await open({ isDeclaredOnly: true });
  const replicas = [{ url: replica() }];
  const [declared] = await host.engine.call('protectDeclared', {
    databases: [{ path: file, enableWal: false, replicas }],
  });
  if (declared?.kind !== 'protecting') throw new Error('refused');
  expect(await arrives(host, 0)).toBe(0);
  host.kill('throw');
  await seen(host, declared.databaseId, 'its end', ({ status }) => status.kind === 'problem');
  insert();
  expect(await arrives(host, 1)).toBe(1);
});

test('protects what a command line declared as soon as it can be again, and never leaves it out', async () => {
  await using host = await open({ isDeclaredOnly: true });
  const replicas = [{ url: replica() }];
  const [declared] = await host.engine.call('protectDeclared', {
    databases: [{ path: file, enableWal: false, replicas }],
  });
  if (declared?.kind !== 'protecting') throw new Error('refused');
  expect(await arrives(host, 0)).toBe(0);
  app.close();
  const left: number[] = [];
  host.engine.subscribe(({ databases }) => left.push(databases.length));
  fs.renameSync(file, folder.at('aside.db'));
  host.kill('throw');
  await seen(
    host,
    declared.databaseId,
    'it is told why it cannot be',
    ({ status }) => status.kind === 'problem' && status.problem.code === 'database-missing',
  );
  // Another thread is there, and has nothing that it could protect.
  expect(await host.engine.call('listActivity', { limit: 1 })).toHaveLength(1);
  fs.renameSync(folder.at('aside.db'), file);
  app = openDatabase(file, '', { waitMs: 5000 });
  insert();
  expect(await arrives(host, 1)).toBe(1);
  expect(left.filter((count) => count === 0)).toEqual([]);
});

test('one that could not begin, and does not end, keeps nobody waiting', async () => {
  const failed = { kind: 'failed', error: { code: 'data-folder-held', message: '', details: {} } };
  const script = `const { parentPort } = require('node:worker_threads');
    parentPort.postMessage(${JSON.stringify(failed)});
    setInterval(() => {}, 1000);`;
  fs.writeFileSync(folder.at('stuck.cjs'), script);
  const started = startEngine({ dataDir: folder.at('data'), workerUrl: pathToFileURL(folder.at('stuck.cjs')) });
  await expect(started).rejects.toMatchObject({ code: 'data-folder-held' });
});

test('one that ends at the very first start tells the host why', async () => {
  fs.writeFileSync(folder.at('data', 'die-at-start'), '');
  await expect(open()).rejects.toMatchObject({ code: 'internal', details: { reason: /killed at its start/ } });
});

interface Host extends AsyncDisposable {
  readonly engine: EngineHost;
  readonly state: () => EngineState;
  readonly kill: (how: Death) => void;
}

async function open({ isDeclaredOnly = false } = {}): Promise<Host> {
  const dataDir = folder.at('data');
  const workerUrl = new URL('../support/mortal-worker.ts', import.meta.url);
  const engine = await startEngine({ dataDir, workerUrl, isDeclaredOnly });
  let newest: EngineState | undefined;
  engine.subscribe((state) => {
    newest = state;
  });
  const channel = new BroadcastChannel(`kill ${dataDir}`);
  return {
    engine,
    state: () => {
      if (newest === undefined) throw new Error('no state yet');
      return newest;
    },
    kill: (how) => channel.postMessage(how),
    [Symbol.asyncDispose]: async () => {
      channel.close();
      await engine.stop();
    },
  };
}

async function protect(host: Host): Promise<DatabaseId> {
  const { databaseId: id } = await host.engine.call('addDatabase', { path: file, folder: folder.at('backup') });
  await until(
    'it is protected',
    () => host.state().databases.find((one) => one.id === id)?.status.kind === 'protected',
  );
  return id;
}

/** Resolves with the first state in which a database looks as asked: none is missed. */
async function seen(
  host: Host,
  id: DatabaseId,
  what: string,
  check: (database: DatabaseState) => boolean,
): Promise<void> {
  let isSeen = false;
  const unsubscribe = host.engine.subscribe(({ databases }) => {
    isSeen ||= databases.some((database) => database.id === id && check(database));
  });
  await until(what, () => isSeen);
  unsubscribe();
}

/** Resolves, with their number, when so many rows are restorable. */
async function arrives(host: Host, rows: number): Promise<number> {
  await until(`${rows} rows are restorable`, async () => {
    const count = await newestOf(host, (restored) => restored.prepare('SELECT count(*) FROM t').pluck().get());
    return count === rows;
  });
  return rows;
}

function insert(rows = 1): void {
  app.exec(`WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < ${rows})
    INSERT INTO t(body) SELECT randomblob(4000) FROM k`);
}

function replica(): string {
  return path.join(folder.at('backup'), 'shop.db');
}

/** What the newest moment of the replica holds; undefined while it cannot be asked. */
async function newestOf<T>(host: Host, read: (restored: Database.Database) => T): Promise<T | undefined> {
  using scratch = tempFolder();
  const outputPath = scratch.at('newest.db');
  try {
    const wish = { kind: 'latest' } as const;
    const { operationId } = await host.engine.call('startReplicaRestore', { url: replica(), wish, outputPath });
    await until('the restore ends', () => {
      const operation = host.state().operations.find(({ id }) => id === operationId);
      return operation !== undefined && operation.state !== 'running';
    });
  } catch {
    // @NOTE There is no engine at this moment, or no history yet.
    return undefined;
  }
  if (!fs.existsSync(outputPath)) return undefined;
  const restored = new Database(outputPath);
  try {
    return read(restored);
  } catch {
    // @NOTE What is asked for is not in it yet.
    return undefined;
  } finally {
    restored.close();
  }
}
