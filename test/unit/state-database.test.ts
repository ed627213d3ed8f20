// Tidemark's own database: made from nothing, held by one process, and never touched where it is newer or unreadable.
import fs from 'node:fs';
import os from 'node:os';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Catalogue } from '../../electron/engine/state/catalogue.ts';
import { migrations } from '../../electron/engine/state/migrations.ts';
import { openStateDatabase } from '../../electron/engine/state/state-database.ts';
import { Store } from '../../electron/engine/state/store.ts';
import { AppError } from '../../shared/errors.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import { startScript } from '../support/processes.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

let folder: TempFolder;
beforeEach(() => {
  folder = tempFolder();
});
afterEach(() => folder[Symbol.dispose]());

/** How opening fails, as code and details. */
function failureOf(dataDir: string): unknown {
  try {
    openStateDatabase(dataDir).close();
  } catch (error) {
    return error instanceof AppError ? { code: error.code, ...error.details } : error;
  }
  return 'it opened';
}

const schemaOf = (database: Database.Database) =>
  database.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all();

/** Looks into a state file that nobody holds. */
function look<T>(file: string, work: (database: Database.Database) => T): T {
  const database = new Database(file);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

describe('opening', () => {
  test('makes the folder, for its owner alone, and every table', () => {
    const dataDir = folder.at('deep', 'data');
    const database = openStateDatabase(dataDir);
    const tables = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
      .pluck()
      .all();
    expect({
      tables,
      version: database.pragma('user_version', { simple: true }),
      foreignKeys: database.pragma('foreign_keys', { simple: true }),
      mode: fs.statSync(dataDir).mode & 0o777,
      holder: JSON.parse(fs.readFileSync(`${dataDir}/holder.json`, 'utf8')) as unknown,
    }).toEqual({
      tables: [
        'activity',
        'confirmed_time',
        'database',
        'gap',
        'generation',
        'machine',
        'minute',
        'named_point',
        'number',
        'replica',
        'run',
        'segment',
        'setting',
        'shipped',
        'snapshot',
        'sparse',
        'state_hash',
        'target',
      ],
      version: migrations.length,
      foreignKeys: 1,
      mode: 0o700,
      holder: { pid: process.pid, machine: os.hostname() },
    });
    database.close();
  });

  test('again keeps what is there and changes no table', () => {
    const first = openStateDatabase(folder.path);
    first.exec(`INSERT INTO machine VALUES ('m1')`);
    const schema = schemaOf(first);
    first.close();
    const second = openStateDatabase(folder.path);
    expect([second.prepare('SELECT value FROM machine').pluck().all(), schemaOf(second)]).toEqual([['m1'], schema]);
    second.close();
  });

  test('goes on from an empty file', () => {
    fs.writeFileSync(folder.at('state.db'), '');
    expect(failureOf(folder.path)).toBe('it opened');
  });
});

describe('a state of the first schema', () => {
  test('keeps its databases, replicas and history; nothing of it is deleted unasked', () => {
    look(folder.at('state.db'), (database) => {
      database.exec(migrations[0] ?? '');
      database.pragma('user_version = 1');
      database.exec(`
        INSERT INTO machine VALUES ('m1');
        INSERT INTO database (id, path, added_at, paused_at) VALUES ('d', '/data/shop.db', 1000, 5000);
        INSERT INTO target VALUES ('t', 'folder', 'a b', 'file:///mnt/a%20b');
        INSERT INTO target VALUES ('old', 'folder', 'plain', '/mnt/plain');
        INSERT INTO replica VALUES ('d', 't', 'file:///mnt/a%20b/shop.db', 10, 20);
        INSERT INTO replica VALUES ('d', 'old', '/mnt/plain/shop.db', 30, 40);
        INSERT INTO generation VALUES ('d', '00000000000000aa', 1000, 2000, 'Protection began');
        INSERT INTO shipped VALUES ('d', 't', '00000000000000aa', 0, 100, 1000, 0, 200, 2000);
        INSERT INTO snapshot VALUES ('d', 't', '00000000000000aa', 0, 100, 1000, 3, 512);
      `);
    });
    const database = openStateDatabase(folder.path);
    const store = new Store(database);
    const catalogue = new Catalogue(database);
    const id = 'd' as DatabaseId;
    const unasked = { isEnabled: true, retention: { kind: 'keep-all' }, retainedAt: undefined };
    expect({
      version: database.pragma('user_version', { simple: true }),
      machine: store.machineId(() => 'another'),
      databases: store.databases(),
      places: store.targets().map(({ name, place, secret, isKept }) => ({ name, place, secret, isKept })),
      replicas: store.replicas(id),
      history: [catalogue.generations(id).length, catalogue.shipped(id).length, catalogue.snapshots(id).length],
    }).toMatchObject({
      version: migrations.length,
      machine: 'm1',
      databases: [{ id, path: '/data/shop.db', givenPath: undefined, addedAt: 1000, pausedAt: 5000 }],
      places: [
        { name: 'a b', place: { kind: 'folder', path: '/mnt/a b' }, secret: undefined, isKept: false },
        { name: 'plain', place: { kind: 'folder', path: '/mnt/plain' }, secret: undefined, isKept: false },
      ],
      replicas: [
        { targetId: 'old', url: '/mnt/plain/shop.db', syncIntervalMs: 30, snapshotIntervalMs: 40, ...unasked },
        { targetId: 't', url: 'file:///mnt/a%20b/shop.db', syncIntervalMs: 10, snapshotIntervalMs: 20, ...unasked },
      ],
      history: [1, 1, 1],
    });
    database.close();
  });
});

describe('a folder that another process holds', () => {
  test('is refused with who holds it, and is free when that one is gone', async () => {
    const holder = startScript('hold-state.ts', [folder.path]);
    try {
      await holder.printed('held');
      const expected = {
        code: 'data-folder-held',
        path: folder.path,
        pid: String(holder.child.pid),
        machine: os.hostname(),
      };
      expect([failureOf(folder.path), failureOf(folder.path)]).toEqual([expected, expected]);
      fs.rmSync(folder.at('holder.json'));
      expect(failureOf(folder.path)).toEqual({ ...expected, pid: 'unknown' });
    } finally {
      await holder[Symbol.asyncDispose]();
    }
    // It was killed, not closed.
    expect(failureOf(folder.path)).toBe('it opened');
  });

  test('is held against the same process too', () => {
    const database = openStateDatabase(folder.path);
    expect(failureOf(folder.path)).toMatchObject({ code: 'data-folder-held', pid: String(process.pid) });
    database.exec(`INSERT INTO machine VALUES ('m1')`);
    database.close();
  });
});

describe('a folder that cannot be used', () => {
  test('a newer version wrote it: nothing of it is changed', () => {
    const file = folder.at('state.db');
    look(file, (database) => {
      database.exec('CREATE TABLE future(x)');
      database.pragma(`user_version = ${migrations.length + 1}`);
    });
    expect(failureOf(folder.path)).toMatchObject({
      code: 'data-folder-unusable',
      reason: 'it was written by a newer version of Tidemark',
    });
    look(file, (database) => {
      expect([database.pragma('user_version', { simple: true }), schemaOf(database)]).toEqual([
        migrations.length + 1,
        [{ name: 'future', sql: 'CREATE TABLE future(x)' }],
      ]);
    });
  });

  test('a step that fails leaves the version before it', () => {
    // A table of the first step is there already, so that the step fails in its middle.
    const file = folder.at('state.db');
    look(file, (database) => database.exec('CREATE TABLE gap(x)'));
    expect(failureOf(folder.path)).toMatchObject({ code: 'data-folder-unusable', path: folder.path });
    look(file, (database) => {
      expect([database.pragma('user_version', { simple: true }), schemaOf(database)]).toEqual([
        0,
        [{ name: 'gap', sql: 'CREATE TABLE gap(x)' }],
      ]);
    });
  });

  test.each<[string, (dataDir: string) => void]>([
    ['a file in its place', (dataDir) => fs.writeFileSync(dataDir, 'x')],
    [
      'a state file that is none',
      (dataDir) => (fs.mkdirSync(dataDir), fs.writeFileSync(`${dataDir}/state.db`, 'x'.repeat(5000))),
    ],
    ['a folder in place of its state file', (dataDir) => fs.mkdirSync(`${dataDir}/state.db`, { recursive: true })],
    [
      'a folder in place of the note who holds it',
      (dataDir) => fs.mkdirSync(`${dataDir}/holder.json`, { recursive: true }),
    ],
  ])('%s', (_what, make) => {
    const dataDir = folder.at('data');
    make(dataDir);
    expect(failureOf(dataDir)).toMatchObject({ code: 'data-folder-unusable', path: dataDir });
  });

  test.skipIf(process.getuid?.() === 0)('it may not be written', () => {
    fs.chmodSync(folder.path, 0o500);
    expect(failureOf(folder.path)).toMatchObject({ code: 'data-folder-unusable', path: folder.path });
    fs.chmodSync(folder.path, 0o700);
  });
});
