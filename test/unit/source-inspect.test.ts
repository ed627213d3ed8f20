// What a path turns out to be before it is protected, by tables of real files.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { databaseHeaderBytes, parseDatabaseHeader } from '../../electron/engine/source/header.ts';
import { inspectDatabase, resolveDatabasePath } from '../../electron/engine/source/inspect.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

let folder: TempFolder;
const at = (name: string) => folder.at(...name.split('/'));

beforeAll(() => {
  folder = tempFolder();
  makeDatabase('wal.db', { mode: 'wal', pageSize: 4096 });
  makeDatabase('plain.db', { mode: 'delete', pageSize: 512 });
  makeDatabase('large.db', { mode: 'wal', pageSize: 65_536 });
  makeDatabase('with space, ümlaut.sqlite', { mode: 'wal', pageSize: 1024 });
  for (const suffix of ['-wal', '-shm', '-journal']) fs.writeFileSync(at(`wal.db${suffix}`), '');
  fs.writeFileSync(at('lonely.db-wal'), 'no database beside it');
  fs.writeFileSync(at('empty.db'), '');
  fs.writeFileSync(at('text.db'), 'Not a database. '.repeat(100));
  fs.writeFileSync(at('short.db'), 'SQLite format 3\0');
  fs.mkdirSync(at('folder'));
  fs.symlinkSync(at('wal.db'), at('link.db'));
  fs.symlinkSync(at('nowhere.db'), at('dangling.db'));
  fs.symlinkSync(at('folder'), at('folder-link'));
  spawnSync('mkfifo', [at('pipe.db')]);
});
afterAll(() => folder[Symbol.dispose]());

function makeDatabase(name: string, { mode, pageSize }: { readonly mode: string; readonly pageSize: number }): void {
  const database = new Database(at(name));
  database.pragma(`page_size = ${pageSize}`);
  database.pragma(`journal_mode = ${mode}`);
  database.exec('CREATE TABLE t(x)');
  database.close();
}

/** The outcome without what is only text: a refusal by its code and the path that it names. */
function inspect(path: string, isProtected: (stat: fs.BigIntStats) => boolean = () => false): unknown {
  const found = inspectDatabase(path, isProtected);
  return found.kind === 'database' ? found : { refused: found.error.code, path: found.error.details['path'] };
}

describe('a database', () => {
  test.each([
    ['wal.db', 4096, true],
    ['plain.db', 512, false],
    ['large.db', 65_536, true],
    ['with space, ümlaut.sqlite', 1024, true],
  ])('%s, with pages of %i bytes, in WAL mode: %s', (name, pageSize, isWal) => {
    expect(inspect(at(name))).toEqual({
      kind: 'database',
      path: at(name),
      name,
      sizeBytes: fs.statSync(at(name)).size,
      pageSize,
      isWal,
      journalMode: isWal ? 'wal' : 'delete',
    });
  });

  test.each(['link.db', 'wal.db-wal', 'wal.db-shm', 'wal.db-journal', 'folder/../wal.db', 'link.db-wal'])(
    '%s means wal.db',
    (name) => {
      expect(inspect(`${folder.path}/${name}`)).toMatchObject({ kind: 'database', path: at('wal.db'), name: 'wal.db' });
    },
  );

  test('is known by its path to be an application’s', () => {
    fs.mkdirSync(at('Anki2/Ada'), { recursive: true });
    fs.copyFileSync(at('wal.db'), at('Anki2/Ada/collection.anki2'));
    expect(inspect(at('Anki2/Ada/collection.anki2'))).toMatchObject({
      kind: 'database',
      application: { name: 'Anki', isExclusive: true },
    });
  });

  test('a relative path begins at the working directory', () => {
    expect(resolveDatabasePath('some.db')).toBe(`${process.cwd()}/some.db`);
  });

  test('is known again by its identity, whatever its name', () => {
    const { ino } = fs.statSync(at('wal.db'), { bigint: true });
    expect(inspect(at('link.db'), (stat) => stat.ino === ino)).toEqual({
      refused: 'database-already-protected',
      path: at('wal.db'),
    });
  });
});

describe('a refusal', () => {
  test.each([
    ['empty.db', 'database-empty'],
    ['text.db', 'database-not-sqlite'],
    ['short.db', 'database-not-sqlite'],
    ['lonely.db-wal', 'database-not-sqlite'],
    ['folder', 'database-is-directory'],
    ['pipe.db', 'database-not-regular'],
    ['nowhere.db', 'database-missing'],
    ['nowhere.db-wal', 'database-missing'],
    ['dangling.db', 'database-missing'],
    ['wal.db/inside.db', 'database-missing'],
  ])('%s: %s', (name, code) => {
    expect(inspect(at(name))).toEqual({ refused: code, path: at(name) });
  });

  test('a link to a folder names the folder', () => {
    expect(inspect(at('folder-link'))).toEqual({ refused: 'database-is-directory', path: at('folder') });
  });

  test.skipIf(process.getuid?.() === 0)('a file that may not be written', () => {
    fs.chmodSync(at('plain.db'), 0o400);
    expect(inspect(at('plain.db'))).toEqual({ refused: 'database-no-permission', path: at('plain.db') });
    fs.chmodSync(at('plain.db'), 0o600);
  });

  test('changes nothing', () => {
    const before = fs.readdirSync(folder.path);
    for (const name of before) inspect(at(name));
    expect(fs.readdirSync(folder.path)).toEqual(before);
  });
});

describe('parseDatabaseHeader', () => {
  const header = () => new Uint8Array(fs.readFileSync(at('large.db')).subarray(0, databaseHeaderBytes));
  const changed = (bytes: Readonly<Record<number, number>>) => {
    const copy = header();
    for (const [i, byte] of Object.entries(bytes)) copy[Number(i)] = byte;
    return parseDatabaseHeader(copy);
  };

  test('reads page size, mode and size', () => {
    expect(parseDatabaseHeader(header())).toEqual({ pageSize: 65_536, isWal: true, pages: 2 });
    expect(changed({ 16: 2, 17: 0, 28: 1, 31: 0 })).toEqual({ pageSize: 512, isWal: true, pages: 2 ** 24 });
    expect([changed({ 18: 1 })?.isWal, changed({ 19: 1 })?.isWal]).toEqual([false, false]);
  });

  test('refuses what is not the header of a database', () => {
    const wrong = [
      changed({ 0: 0 }),
      changed({ 15: 1 }),
      changed({ 16: 0, 17: 0 }),
      changed({ 16: 1, 17: 0 }),
      changed({ 16: 3, 17: 0 }),
    ];
    expect([...wrong, parseDatabaseHeader(header().subarray(0, 99)), parseDatabaseHeader(new Uint8Array(0))]).toEqual(
      Array.from({ length: 7 }, () => undefined),
    );
  });
});
