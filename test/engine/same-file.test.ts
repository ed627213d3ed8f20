// Databases and the links that lead to them: no file is opened twice under two names, and nobody believes in a protection that
// is not there because a link was turned. Databases are written by other processes only: closing one here would drop locks.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DatabaseState } from '../../shared/databases.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

let folder: TempFolder;
let engine: TestEngine;

beforeEach(() => {
  folder = tempFolder();
  engine = openTestEngine(folder.at('data'));
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const create = 'PRAGMA journal_mode = wal; CREATE TABLE a(b); INSERT INTO a VALUES (1)';

/** An application opens the file, does something, and quits. */
function sqlite(name: string, sql: string): void {
  const line = `const d = new (require('better-sqlite3'))(process.argv[1]); d.exec(process.argv[2]); d.close()`;
  const cwd = path.resolve(import.meta.dirname, '../..');
  execFileSync(process.execPath, ['-e', line, folder.at(name), sql], { cwd });
}

async function add(name: string): Promise<DatabaseId> {
  const to = folder.at(`backup-${name}`);
  const { databaseId } = await engine.call('addDatabase', { path: folder.at(name), folder: to });
  await isProtected(databaseId);
  return databaseId;
}

const isProtected = async (id: DatabaseId): Promise<DatabaseState> =>
  await engine.waitFor(id, 'it is protected', ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0);

function problemOf({ status }: DatabaseState): { readonly code: string; readonly details: object } | undefined {
  return status.kind === 'problem' || status.kind === 'attention' ? status.problem : undefined;
}

/** Waits until a problem is told, and returns it with how bad it is. */
async function tells(id: DatabaseId, code: string): Promise<unknown> {
  const told = await until(`${code} is told (${JSON.stringify(engine.database(id).status)})`, () =>
    problemOf(engine.database(id))?.code === code ? engine.database(id) : undefined,
  );
  return { kind: told.status.kind, details: problemOf(told)?.details };
}

const openings = async (id: DatabaseId): Promise<number> =>
  (await engine.call('getDetails', { databaseId: id })).counters.openings;

/** Until the newest restore point of a database holds `expected` in its rows. */
async function holds(id: DatabaseId, expected: readonly number[]): Promise<void> {
  const url = engine.database(id).replicas[0]?.url ?? '';
  await until(`its newest point holds ${expected.join()}`, async () => {
    const rows = await engine.newest(url, (restored) => restored.prepare('SELECT b FROM a ORDER BY b').pluck().all());
    return String(rows) === String(expected);
  });
}

const refusalOf = async (work: Promise<unknown>): Promise<unknown> =>
  await work.then(
    () => 'nothing',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );

describe('a database that was moved, with a link to it at its old place', () => {
  test('is not followed through the link; added by its new path, it is captured there, once', async () => {
    sqlite('old.db', create);
    const old = await add('old.db');
    await engine.call('pause', { databaseId: old });
    fs.renameSync(folder.at('old.db'), folder.at('new.db'));
    fs.symlinkSync(folder.at('new.db'), folder.at('old.db'));
    await engine.call('resume', { databaseId: old });
    expect(await tells(old, 'database-is-link')).toMatchObject({
      kind: 'problem',
      details: { to: folder.at('new.db') },
    });
    const before = await openings(old);

    const now = await add('new.db');
    expect(await tells(old, 'database-same-file')).toEqual({
      kind: 'problem',
      details: { path: folder.at('old.db'), other: folder.at('new.db'), isLinked: true },
    });
    sqlite('old.db', 'INSERT INTO a VALUES (2)');
    await holds(now, [1, 2]);
    expect([await openings(old), engine.database(old).captured]).toEqual([before, undefined]);

    // Which of the two it is does not depend on which was added first.
    await engine[Symbol.asyncDispose]();
    engine = openTestEngine(folder.at('data'));
    await isProtected(now);
    await tells(old, 'database-same-file');

    // The former database is its own again.
    await engine.call('removeDatabase', { databaseId: now });
    fs.rmSync(folder.at('old.db'));
    fs.renameSync(folder.at('new.db'), folder.at('old.db'));
    await isProtected(old);
    sqlite('old.db', 'INSERT INTO a VALUES (3)');
    await holds(old, [1, 2, 3]);
  });

  test('while it is open: its writes through the link are not overlooked in silence', async () => {
    sqlite('old.db', create);
    const old = await add('old.db');
    for (const end of ['', '-wal', '-shm']) {
      if (fs.existsSync(folder.at(`old.db${end}`))) fs.renameSync(folder.at(`old.db${end}`), folder.at(`new.db${end}`));
    }
    fs.symlinkSync('new.db', folder.at('old.db'));
    expect(await tells(old, 'database-is-link')).toMatchObject({ details: { to: folder.at('new.db') } });
    const now = await add('new.db');
    await tells(old, 'database-same-file');
    sqlite('old.db', 'INSERT INTO a VALUES (2)');
    await holds(now, [1, 2]);
  });

  test('may be named by way of a linked folder, and is known by its own path then', async () => {
    fs.mkdirSync(folder.at('new'));
    sqlite('new/shop.db', create);
    fs.symlinkSync(folder.at('new'), folder.at('link'));
    const id = await add('link/shop.db');
    expect(engine.database(id).path).toBe(folder.at('new', 'shop.db'));
    expect(await refusalOf(add('new/shop.db'))).toBe('database-already-protected');
  });
});

describe('two names of one file', () => {
  test('are refused when they are added', async () => {
    sqlite('one.db', create);
    await add('one.db');
    fs.linkSync(folder.at('one.db'), folder.at('two.db'));
    expect(await refusalOf(add('two.db'))).toBe('database-already-protected');
  });

  test('that it got later: the second one is not opened, and starts by itself once it has a file of its own', async () => {
    for (const name of ['one.db', 'two.db']) sqlite(name, create);
    const [one, two] = [await add('one.db'), await add('two.db')];
    fs.linkSync(folder.at('one.db'), folder.at('third name'));
    fs.renameSync(folder.at('third name'), folder.at('two.db'));
    expect(await tells(two, 'database-same-file')).toEqual({
      kind: 'problem',
      details: { path: folder.at('two.db'), other: folder.at('one.db'), isLinked: false },
    });
    const before = await openings(two);
    sqlite('one.db', 'INSERT INTO a VALUES (2)');
    await holds(one, [1, 2]);
    expect(await openings(two)).toBe(before);
    const told = engine.state().activity.filter(({ databaseId, text }) => databaseId === two && /two names/.test(text));
    expect(told.map(({ kind, level }) => [kind, level])).toEqual([['problem', 'problem']]);

    sqlite('own.db', `${create}, (5)`);
    fs.renameSync(folder.at('own.db'), folder.at('two.db'));
    await isProtected(two);
    await holds(two, [1, 5]);
    expect(problemOf(engine.database(one))).toBeUndefined();
  });

  test('start when the other one is paused, and give way when it has gone on meanwhile', async () => {
    for (const name of ['one.db', 'two.db']) sqlite(name, create);
    const [one, two] = [await add('one.db'), await add('two.db')];
    await engine.call('pause', {});
    fs.rmSync(folder.at('two.db'));
    fs.linkSync(folder.at('one.db'), folder.at('two.db'));
    await engine.call('resume', { databaseId: two });
    await isProtected(two);
    await engine.call('resume', { databaseId: one });
    expect(await tells(one, 'database-same-file')).toMatchObject({ details: { other: folder.at('two.db') } });
    expect(problemOf(engine.database(two))).toBeUndefined();
  });
});

describe('a link by which a database was named', () => {
  beforeEach(() => {
    for (const name of ['x.db', 'y.db']) sqlite(name, create);
    fs.symlinkSync(folder.at('x.db'), folder.at('link.db'));
  });

  const turn = (to: string) => {
    fs.symlinkSync(folder.at(to), folder.at('turned'));
    fs.renameSync(folder.at('turned'), folder.at('link.db'));
  };
  /** What the slow poll does, sooner. */
  const look = async () => await engine.call('noteWake', {});
  const turned = () => ({
    kind: 'attention',
    details: { path: folder.at('x.db'), link: folder.at('link.db'), to: folder.at('y.db') },
  });

  test('is told to lead elsewhere, what is protected goes on, and turned back it is over', async () => {
    const id = await add('link.db');
    turn('y.db');
    await look();
    expect(await tells(id, 'database-link-turned')).toEqual(turned());
    expect(engine.state().activity[0]).toMatchObject({ databaseId: id, kind: 'problem', level: 'warning' });
    sqlite('x.db', 'INSERT INTO a VALUES (2)');
    await holds(id, [1, 2]);
    turn('x.db');
    await look();
    await isProtected(id);
  });

  test('is still watched after a start, without being asked to', async () => {
    const id = await add('link.db');
    await engine[Symbol.asyncDispose]();
    turn('y.db');
    engine = openTestEngine(folder.at('data'));
    expect(await tells(id, 'database-link-turned')).toEqual(turned());
    // Nothing but time brings the next look.
    turn('x.db');
    await isProtected(id);
  });

  test('is no matter any more once the database that it leads to is protected too', async () => {
    const id = await add('link.db');
    turn('y.db');
    await look();
    await tells(id, 'database-link-turned');
    const other = await add('link.db');
    await isProtected(id);
    expect([engine.database(id).path, engine.database(other).path]).toEqual([folder.at('x.db'), folder.at('y.db')]);
    // And is again when that one is removed.
    await engine.call('removeDatabase', { databaseId: other });
    await tells(id, 'database-link-turned');
  });

  test('may become a file of its own, lead nowhere, or to the same file by another way', async () => {
    const id = await add('link.db');
    fs.renameSync(folder.at('y.db'), folder.at('link.db'));
    await look();
    expect(await tells(id, 'database-link-turned')).toMatchObject({ details: { to: folder.at('link.db') } });
    fs.rmSync(folder.at('link.db'));
    await look();
    await isProtected(id);
    fs.symlinkSync(folder.path, folder.at('round'));
    fs.symlinkSync(folder.at('round', 'x.db'), folder.at('link.db'));
    await look();
    await isProtected(id);
  });

  test('is known of what a command line declares, as it was named last', async () => {
    await engine[Symbol.asyncDispose]();
    const declare = async (name: string) => {
      engine = openTestEngine(folder.at('data'), { isDeclaredOnly: true });
      const replicas = [{ url: folder.at('backup') }];
      const databases = [{ path: folder.at(name), enableWal: false, replicas }];
      const [declared] = await engine.call('protectDeclared', { databases });
      if (declared?.kind !== 'protecting') throw new Error(JSON.stringify(declared));
      await isProtected(declared.databaseId);
      return declared.databaseId;
    };
    const id = await declare('x.db');
    await engine[Symbol.asyncDispose]();
    expect(await declare('link.db')).toBe(id);
    turn('y.db');
    await look();
    expect(await tells(id, 'database-link-turned')).toEqual(turned());
  });
});
