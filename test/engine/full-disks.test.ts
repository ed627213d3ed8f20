// Disks that run full and get room again: the one with the data folder, that of a database, that of a destination. What needs the
// room waits and says which disk it is; nothing ends, nobody else is touched, and all comes back by itself.
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AppErrorData, ErrorCode } from '../../shared/errors.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import type { AppConnection } from '../support/beside.ts';
import { openDatabase } from '../support/application.ts';
import { startCommand } from '../support/command-line.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { canMount, smallDisk } from '../support/small-disk.ts';
import { type TempFolder, tempFolder, until } from '../support/temp.ts';

const schema = 'CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB)';
const mebi = 1024 * 1024;

let folder: TempFolder;
/** What would have ended the process. */
const escaped: unknown[] = [];
const onEscaped = (error: unknown): void => void escaped.push(error);

beforeEach(() => {
  folder = tempFolder();
  escaped.length = 0;
  process.on('unhandledRejection', onEscaped);
  process.on('uncaughtException', onEscaped);
});

afterEach(() => {
  process.off('unhandledRejection', onEscaped);
  process.off('uncaughtException', onEscaped);
  folder[Symbol.dispose]();
  expect(escaped).toEqual([]);
});

describe.skipIf(!canMount)('a full disk', () => {
  test('under the data folder is told of, ends nothing, and all of it is restorable once there is room', async () => {
    using disk = smallDisk(folder.at('data'), 16 * mebi);
    const app = openDatabase(folder.at('shop.db'), schema);
    const other = openDatabase(folder.at('other.db'), schema);
    await using engine = openTestEngine(disk.path);
    const id = await protect(engine, 'shop.db');
    const otherId = await protect(engine, 'other.db');
    for (let round = 1; round <= 2; round++) {
      disk.fill();
      await until('it is told', () => {
        insert(app);
        insert(other);
        return problemOf(engine, id)?.code === 'spool-full' && problemOf(engine, otherId)?.code === 'spool-full';
      });
      expect(problemOf(engine, id)?.message).toContain(`Tidemark’s own data (${disk.path}`);
      for (const refused of await refusals(engine, id)) {
        expect(refused).toMatchObject({ code: 'spool-full' satisfies ErrorCode, details: { path: disk.path } });
      }
      disk.empty();
      for (const [one, connection] of [
        [id, app],
        [otherId, other],
      ] as const) {
        await arrives(engine, one, rowsOf(connection));
      }
    }
    app.close();
    other.close();
  });

  test('under a database keeps nobody from capturing what lies in its WAL, and is told of by its own name', async () => {
    using disk = smallDisk(folder.at('app'), 8 * mebi);
    const app = openDatabase(folder.at('app', 'shop.db'), schema);
    await using engine = openTestEngine(folder.at('data'));
    const id = await protect(engine, 'app/shop.db');
    // Room for the WAL, and not for the file too.
    disk.fill(1.5 * mebi);
    insert(app, mebi);
    await engine.waitFor(id, 'it is told', () => problemOf(engine, id)?.code === 'database-disk-full');
    expect(problemOf(engine, id)?.message).toContain(folder.at('app', 'shop.db'));
    expect(engine.database(id).status.kind).toBe('attention');
    await restores(engine, id, 1);
    disk.empty();
    await engine.waitFor(id, 'it is over', ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0);
    insert(app);
    await arrives(engine, id, 2);
    const { counters } = await engine.call('getDetails', { databaseId: id });
    expect(counters).toMatchObject({ openings: 1, generations: 1 });
    app.close();
  });

  test('under the data folder keeps no engine from starting', async () => {
    using disk = smallDisk(folder.at('data'), 16 * mebi);
    const app = openDatabase(folder.at('shop.db'), schema);
    let id: DatabaseId;
    {
      await using engine = openTestEngine(disk.path);
      id = await protect(engine, 'shop.db');
    }
    insert(app);
    disk.fill();
    await using engine = openTestEngine(disk.path);
    await engine.waitFor(id, 'it is told', () => isShort(problemOf(engine, id)));
    expect(problemOf(engine, id)?.message).toContain(disk.path);
    disk.empty();
    await arrives(engine, id, 1);
    app.close();
  });

  test('under the data folder says so where there is nothing yet that could be started', () => {
    using disk = smallDisk(folder.at('data'), mebi);
    disk.fill();
    const refused: unknown = expect.objectContaining({ code: 'spool-full' satisfies ErrorCode });
    expect(() => openTestEngine(disk.path)).toThrow(refused);
  });

  test('lets an opening be tried again and again, and no try leaves anything', async () => {
    using disk = smallDisk(folder.at('data'), 4 * mebi);
    const app = openDatabase(folder.at('shop.db'), schema, { checkpoints: false });
    insert(app, 6 * mebi);
    await using engine = openTestEngine(disk.path);
    const { databaseId: id } = await engine.call('addDatabase', {
      path: folder.at('shop.db'),
      folder: folder.at('backup'),
    });
    const spools = folder.at('data', 'databases', id, 'spool');
    const begun = new Set<string>();
    await until('it was tried three times', () => {
      for (const name of fs.existsSync(spools) ? fs.readdirSync(spools) : []) begun.add(name);
      return begun.size > 2;
    });
    await until('nothing is left of them', () => fs.readdirSync(spools).length === 0);
    expect(problemOf(engine, id)?.code).toBe('spool-full');
    app.pragma('wal_checkpoint(TRUNCATE)');
    await arrives(engine, id, 1);
    expect(fs.readdirSync(spools)).toHaveLength(1);
    expect(begun.has(fs.readdirSync(spools)[0] ?? '')).toBe(false);
    app.close();
  });

  test('keeps no command line from starting with what it protected before', async () => {
    using disk = smallDisk(folder.at('data'), 16 * mebi);
    const file = folder.at('shop.db');
    const app = openDatabase(file, schema);
    const words = ['replicate', '-data-dir', disk.path, file, folder.at('backup')];
    for (const isFull of [false, true]) {
      if (isFull) disk.fill();
      insert(app);
      await using replicating = startCommand(words);
      if (isFull) await until('it is told', () => /is full|are left on the disk/.test(replicating.output()));
      disk.empty();
      await replicating.printed(`${file}: protected`);
      replicating.child.kill('SIGTERM');
      expect(await replicating.ended).toBe(0);
    }
    await using engine = openTestEngine(folder.at('other'));
    expect(await countAt(engine, folder.at('backup'))).toBe(2);
    app.close();
  });

  test('ends no command line, which says so and goes on by itself', async () => {
    using disk = smallDisk(folder.at('data'), 16 * mebi);
    const file = folder.at('shop.db');
    const app = openDatabase(file, schema);
    await using replicating = startCommand(['replicate', '-data-dir', disk.path, file, folder.at('backup')]);
    await replicating.printed(`${file}: protected`);
    disk.fill();
    insert(app);
    // Whichever is found first: that there is no room left, or that something did not fit.
    await until('it is told', () => /is full|are left on the disk/.test(replicating.output()));
    insert(app);
    disk.empty();
    await until('it goes on', () => replicating.output().split(`${file}: protected`).length > 2);
    insert(app);
    replicating.child.kill('SIGTERM');
    expect(await replicating.ended).toBe(0);
    expect(replicating.output()).toContain('Stopped. Everything that was captured is at its destination.');
    await using engine = openTestEngine(folder.at('other'));
    expect(await countAt(engine, folder.at('backup'))).toBe(3);
    app.close();
  });
});

async function protect(engine: TestEngine, name: string): Promise<DatabaseId> {
  const added = { path: folder.at(name), folder: folder.at('backup') };
  const { databaseId: id } = await engine.call('addDatabase', added);
  await engine.waitFor(id, 'it is protected', ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0);
  return id;
}

/** What commands that have to write something down are refused with. */
async function refusals(engine: TestEngine, databaseId: DatabaseId): Promise<readonly AppErrorData[]> {
  const refused: AppErrorData[] = [];
  const tell = (error: AppErrorData): void => void refused.push(error);
  await engine.call('pause', { databaseId }).catch(tell);
  await engine.call('updateSettings', { theme: 'dark' }).catch(tell);
  await engine.call('addTarget', { place: { kind: 'folder', path: folder.at('more') } } as never).catch(tell);
  return refused;
}

function problemOf(engine: TestEngine, id: DatabaseId): AppErrorData | undefined {
  const { status } = engine.database(id);
  return 'problem' in status ? status.problem : undefined;
}

/** Waits until the newest moment of a database that is restorable has so many rows. */
async function arrives(engine: TestEngine, id: DatabaseId, rows: number): Promise<void> {
  await engine.waitFor(id, 'it goes on', ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0);
  await restores(engine, id, rows);
}

async function restores(engine: TestEngine, id: DatabaseId, rows: number): Promise<void> {
  const [replica] = engine.database(id).replicas;
  await until(`${rows} rows are restorable`, async () => (await countAt(engine, replica?.url ?? '')) === rows);
}

async function countAt(engine: TestEngine, url: string): Promise<unknown> {
  return await engine.newest(url, (restored) => restored.prepare('SELECT count(*) FROM t').pluck().get());
}

function isShort(problem: AppErrorData | undefined): boolean {
  return problem?.code === 'spool-full' || problem?.code === 'disk-low';
}

function rowsOf(app: AppConnection): number {
  return Number(app.prepare('SELECT count(*) FROM t').pluck().get());
}

function insert(app: AppConnection, bytes = 100): void {
  app.prepare('INSERT INTO t(body) VALUES (randomblob(?))').run(bytes);
}
