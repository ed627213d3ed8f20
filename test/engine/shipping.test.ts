// What is shipped when things do not go their usual way: targets that stay away too long, disks that run low or full, giant
// transactions, and the end of a history that had not been shipped when the next one began.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findLitestream } from '../../electron/demo/litestream-binary.ts';
import { must } from '../../shared/assert.ts';
import type { RestorePoint } from '../../shared/history.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import { type AppConnection, openBeside } from '../support/beside.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

let folder: TempFolder;
let file: string;
let app: AppConnection;

beforeEach(() => {
  folder = tempFolder();
  file = folder.at('shop.db');
  app = openApplication();
  app.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)');
});
afterEach(() => {
  app.close();
  folder[Symbol.dispose]();
});

/** In this process nothing gets on while it waits: it never does. */
function openApplication(): AppConnection {
  const database = openBeside(file);
  database.pragma('journal_mode = wal');
  return database;
}

/** Protects with one destination, or goes on; returns once everything is shipped. */
async function protect(
  engine: TestEngine,
  replicas: Readonly<Record<string, string>>,
  { syncIntervalMs = 20 }: { readonly syncIntervalMs?: number } = {},
): Promise<DatabaseId> {
  const [known] = engine.state().databases;
  if (known === undefined) {
    const settings = Object.values(replicas).map((url) => ({ url, syncIntervalMs, snapshotIntervalMs: 0 }));
    await engine.call('protectDeclared', { databases: [{ path: file, enableWal: false, replicas: settings }] });
  }
  const { id } = await until('it is known', () => engine.state().databases[0]);
  await engine.waitFor(
    id,
    'every destination has all',
    ({ status, lag, replicas: all }) =>
      status.kind === 'protected' && lag.bytes === 0 && all.every(({ shipped }) => shipped !== undefined),
  );
  return id;
}

function insert(bytes = 100): void {
  app.prepare('INSERT INTO t(v) VALUES (?)').run(randomBytes(bytes));
}

/** Restarts the WAL, so that the next commit begins another index. */
async function restartWal(): Promise<void> {
  await until('the WAL restarts', () => {
    const [row] = app.pragma('wal_checkpoint(TRUNCATE)') as readonly { readonly busy: number }[];
    return row?.busy === 0;
  });
}

function countRows(database: string): unknown {
  const opened = new Database(database);
  try {
    expect(opened.pragma('integrity_check', { simple: true })).toBe('ok');
    return opened.prepare('SELECT count(*) FROM t').pluck().get();
  } finally {
    opened.close();
  }
}

/** Rows of the database at each point. */
async function rowsAt(engine: TestEngine, id: DatabaseId, points: readonly RestorePoint[]): Promise<unknown[]> {
  const counts: unknown[] = [];
  for (const point of points) {
    const output = folder.at('restored.db');
    await engine.restore(id, point, output);
    counts.push(countRows(output));
    fs.rmSync(output);
  }
  return counts;
}

/** Waits until the newest point is the application's present state; resolves with all of them. */
async function allShipped(engine: TestEngine, id: DatabaseId): Promise<readonly RestorePoint[]> {
  const rows = app.prepare('SELECT count(*) FROM t').pluck().get();
  return await until('the last row is restorable', async () => {
    const points = await engine.points(id);
    const [count] = await rowsAt(engine, id, points.slice(-1));
    return count === rows ? points : undefined;
  });
}

function objects(kind: 'snapshots' | 'wal', replica = folder.at('backup')): readonly string[] {
  return fs
    .readdirSync(replica, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.includes(`${path.sep}${kind}${path.sep}`))
    .sort();
}

function spooled(): readonly string[] {
  const all = fs.readdirSync(folder.at('data'), { recursive: true, encoding: 'utf8' });
  return all.filter((name) => name.endsWith('.wal')).sort();
}

test('a giant transaction goes as one object, and comes back', async () => {
  await using engine = openTestEngine(folder.at('data'), { isDeclaredOnly: true });
  const id = await protect(engine, { backup: folder.at('backup') });
  const largest = () => Math.max(...objects('wal').map((name) => fs.statSync(folder.at('backup', name)).size));
  // On a busy machine one may be over before it is seen, and is found by comparing pages then.
  for (let tries = 0; tries < 4 && largest() < 40 * 1024 * 1024; tries++) {
    app.exec('BEGIN');
    for (let i = 0; i < 40; i++) {
      insert(1024 * 1024);
      // The engine is of this process: it sees somebody come.
      await delay(5);
    }
    app.exec('COMMIT');
    await allShipped(engine, id);
  }
  expect(largest()).toBeGreaterThan(40 * 1024 * 1024);
});

test('what is committed without pauses is shipped together, and each transaction keeps its own time', async () => {
  await using engine = openTestEngine(folder.at('data'), { isDeclaredOnly: true });
  const id = await protect(engine, { backup: folder.at('backup') }, { syncIntervalMs: 1000 });
  const before = objects('wal').length;
  let rows = 0;
  await until('it is shipped several times', async () => {
    insert();
    rows++;
    await delay(20);
    return objects('wal').length > before + 3;
  });
  const points = await allShipped(engine, id);
  const times = new Set(points.map(({ at }) => at));
  expect([points.length, times.size > 3 * (objects('wal').length - before)]).toEqual([rows + 1, true]);
});

describe('a destination that was away', () => {
  /** Commits in several indices, with the destination out of reach, until the spool let go what it does not have. */
  async function missSome(engine: TestEngine, id: DatabaseId): Promise<void> {
    fs.renameSync(folder.at('backup'), folder.at('away'));
    await until('the spool lets go', async () => {
      const { captured } = engine.database(id);
      insert(60_000);
      await engine.waitFor(
        id,
        'it is captured',
        (now) => !isDeepStrictEqual(now.captured?.position, captured?.position),
      );
      await restartWal();
      await engine.waitFor(id, 'the other destination has all', ({ replicas }) =>
        replicas.every(({ url, lagBytes }) => url.endsWith('/backup') || lagBytes === 0),
      );
      return spooled()[0] !== undefined && Number.parseInt(path.basename(spooled()[0] ?? ''), 16) >= 2;
    });
    insert();
    await engine.waitFor(id, 'the problem is told', ({ replicas }) =>
      replicas.some(({ problem }) => problem?.code === 'target-missing'),
    );
  }

  test('longer than the budget goes on behind a hole: same history, a new image, a gap that nothing is restored across', async () => {
    await using engine = openTestEngine(folder.at('data'), {
      isDeclaredOnly: true,
      limits: { spoolBudgetBytes: 250_000 },
    });
    const id = await protect(engine, { backup: folder.at('backup') });
    insert();
    insert();
    const before = await allShipped(engine, id);
    await missSome(engine, id);
    const missed = must(engine.database(id).captured, 'it was captured');
    fs.renameSync(folder.at('away'), folder.at('backup'));
    await engine.waitFor(id, 'it goes on', ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0);
    insert();
    const points = await allShipped(engine, id);
    const rows = Number(app.prepare('SELECT count(*) FROM t').pluck().get());

    const timeline = await engine.call('getTimeline', { databaseId: id, bins: 10 });
    expect(timeline.generations).toHaveLength(1);
    expect(timeline.events.filter(({ kind }) => kind === 'gap')).toHaveLength(1);
    expect(objects('snapshots')).toHaveLength(2);
    const old = points.slice(0, before.length);
    expect(old.map(({ position }) => position)).toEqual(before.map(({ position }) => position));
    expect(await rowsAt(engine, id, [...old.slice(-1), ...points.slice(-2)])).toEqual([2, rows - 1, rows]);
    expect(
      engine
        .state()
        .activity.map(({ text }) => text)
        .join('\n'),
    ).toContain('away for longer');

    // Nothing is restored across the hole; the error names it, and what is near.
    const wanted = { ...missed.position, index: missed.position.index - 2, offset: 32 + 4120 };
    const { operationId } = await engine.call('startReplicaRestore', {
      url: folder.at('backup'),
      wish: { kind: 'position', position: wanted },
      outputPath: folder.at('hole.db'),
    });
    const { error } = await engine.ended(operationId);
    expect(error).toMatchObject({ code: 'history-gap' });
    expect(error?.details).toMatchObject({ before: expect.any(String) as string, after: expect.any(String) as string });

    const theirs = folder.at('theirs.db');
    const litestream = must(findLitestream(), 'npm brought it');
    execFileSync(litestream, ['restore', '-o', theirs, `file://${folder.at('backup')}`], { stdio: 'pipe' });
    expect(countRows(theirs)).toBe(rows);
  });

  test('is noted by what lies there, also when Tidemark was restarted meanwhile', async () => {
    const limits = { spoolBudgetBytes: 250_000 };
    {
      await using engine = openTestEngine(folder.at('data'), { isDeclaredOnly: true, limits });
      const id = await protect(engine, { backup: folder.at('backup'), other: folder.at('other') });
      await missSome(engine, id);
    }
    fs.renameSync(folder.at('away'), folder.at('backup'));
    await using engine = openTestEngine(folder.at('data'), { isDeclaredOnly: true, limits });
    const settings = ['backup', 'other'].map((name) => ({
      url: folder.at(name),
      syncIntervalMs: 20,
      snapshotIntervalMs: 0,
    }));
    await engine.call('protectDeclared', { databases: [{ path: file, enableWal: false, replicas: settings }] });
    const id = await protect(engine, {});
    expect(objects('snapshots')).toHaveLength(2);
    expect(objects('snapshots', folder.at('other'))).toHaveLength(1);
    // The other one has it all: no gap.
    const timeline = await engine.call('getTimeline', { databaseId: id, bins: 10 });
    expect(timeline.events.filter(({ kind }) => kind === 'gap')).toEqual([]);
    const points = await allShipped(engine, id);
    const rows = Number(app.prepare('SELECT count(*) FROM t').pluck().get());
    expect(await rowsAt(engine, id, points.slice(-3))).toEqual([rows - 2, rows - 1, rows]);
  });
});

describe('a disk that runs out', () => {
  const gibi = 1024 ** 3;

  test('makes Tidemark step aside before the application suffers, and it comes back by itself', async () => {
    let freeBytes = 10 * gibi;
    const probeDisk = () => Promise.resolve({ freeBytes, totalBytes: 100 * gibi });
    await using engine = openTestEngine(folder.at('data'), { isDeclaredOnly: true, limits: { probeDisk } });
    const id = await protect(engine, { backup: folder.at('backup') });
    freeBytes = 200 * 1024 ** 2;
    await until('it is low', () => {
      insert();
      const { status } = engine.database(id);
      return status.kind === 'problem' && status.problem.code === 'disk-low';
    });
    // Nothing of ours holds the WAL.
    insert(500_000);
    await restartWal();
    expect(fs.statSync(`${file}-wal`).size).toBe(0);
    insert();
    // Room enough to go on, but not to come back.
    freeBytes = 300 * 1024 ** 2;
    insert();
    expect(engine.database(id).status.kind).toBe('problem');
    freeBytes = gibi;
    await until('it is back', () => {
      insert();
      return engine.database(id).status.kind === 'protected';
    });
    const points = await allShipped(engine, id);
    expect(points.length).toBeGreaterThan(1);
  });

  test.skipIf(process.getuid?.() !== 0)(
    'under the spool loses nothing, says so, and capturing goes on by itself',
    async () => {
      const data = folder.at('data');
      fs.mkdirSync(data);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', data]);
      using _disk = { [Symbol.dispose]: () => void execFileSync('umount', ['-l', data]) };
      await using engine = openTestEngine(data, { isDeclaredOnly: true });
      const id = await protect(engine, { backup: folder.at('backup') });
      const { bavail, bsize } = fs.statfsSync(data);
      fs.writeFileSync(path.join(data, 'filler'), Buffer.alloc(bavail * bsize - 1_500_000));
      insert(4_000_000);
      await engine.waitFor(
        id,
        'it is told',
        ({ status }) => status.kind === 'problem' && status.problem.code === 'spool-full',
      );
      insert();
      fs.rmSync(path.join(data, 'filler'));
      await engine.waitFor(id, 'it goes on', ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0);
      const points = await engine.points(id);
      expect(await rowsAt(engine, id, points.slice(-1))).toEqual([2]);
    },
  );
});

test('ships what is left of a history although the next one has begun', async () => {
  let id: DatabaseId;
  {
    await using engine = openTestEngine(folder.at('data'), { isDeclaredOnly: true });
    id = await protect(engine, { backup: folder.at('backup') });
    fs.renameSync(folder.at('backup'), folder.at('away'));
    for (let i = 0; i < 5; i++) insert();
    await engine.waitFor(id, 'they are captured', ({ lag }) => lag.bytes > 5 * 4096);
  }
  app.close();
  const changed = new Database(file);
  for (const pragma of ['journal_mode = delete', 'page_size = 8192']) changed.pragma(pragma);
  changed.exec('VACUUM');
  changed.close();
  app = openApplication();
  fs.renameSync(folder.at('away'), folder.at('backup'));
  await using engine = openTestEngine(folder.at('data'), { isDeclaredOnly: true });
  await protectAgain(engine);
  insert();
  const points = await allShipped(engine, id);
  const timeline = await engine.call('getTimeline', { databaseId: id, bins: 10 });
  expect(timeline.generations).toHaveLength(2);
  const former = points.filter(({ position }) => position.generation === timeline.generations[0]?.generation);
  expect(await rowsAt(engine, id, former)).toEqual([0, 1, 2, 3, 4, 5]);
  // Nothing of it is kept any more.
  await until('its files are gone', () =>
    spooled().every((name) => !name.includes(former[0]?.position.generation ?? '')),
  );
});

async function protectAgain(engine: TestEngine): Promise<void> {
  const replicas = [{ url: folder.at('backup'), syncIntervalMs: 20, snapshotIntervalMs: 0 }];
  await engine.call('protectDeclared', { databases: [{ path: file, enableWal: false, replicas }] });
}
