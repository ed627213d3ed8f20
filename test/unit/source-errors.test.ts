// What a failure on a database is told as: what the file system and SQLite say, and a lack of open files, while there is room again.
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { classifySourceError, explainFailure, explainShortage } from '../../electron/engine/source/source-errors.ts';
import { AppError } from '../../shared/errors.ts';
import { tempFolder } from '../support/temp.ts';

const coded = (code: string, message: string) => Object.assign(new Error(message), { code });
const unstarted = coded('ERR_WORKER_INIT_FAILED', 'Worker initialization failure: EMFILE');
const refused = coded('EMFILE', 'EMFILE: too many open files, open ‘a’');

test.each([
  [
    'a thread that could not be started, told by its owner',
    new AppError('internal', { reason: unstarted.message }, { cause: unstarted }),
  ],
  ['a file of our own', new AppError('data-folder-unusable', { path: '/data' }, { cause: refused })],
  ['what nobody classified', refused],
])('%s is a lack of files', (_name, error) => {
  using folder = tempFolder();
  const about = { path: folder.path };
  expect(explainShortage(error, about)).toMatchObject({ code: 'too-many-files', details: about });
});

test('a thread that could not be started is one, too, of the database that it was for', () => {
  expect(classifySourceError(unstarted, '/a')).toMatchObject({ code: 'too-many-files', details: { path: '/a' } });
});

test.each([
  ['a bug', classifySourceError(new TypeError('x is not a function'), '/a')],
  ['what has its own name', new AppError('database-busy', { path: '/a' }, { cause: refused })],
])('%s stays what it is', (_name, error) => {
  using folder = tempFolder();
  expect(explainShortage(error, { path: folder.path })).toBe(error);
});

describe('what a file system fails with', () => {
  const failure = (code: string, path?: string) =>
    Object.assign(new Error(`${code}: failed`), { code, syscall: 'stat', ...(path !== undefined && { path }) });

  test.each([
    ['EIO', 'database-unreachable'],
    ['ELOOP', 'database-unreachable'],
    ['ENODEV', 'database-unreachable'],
    ['ENOTCONN', 'database-unreachable'],
    ['ESTALE', 'database-unreachable'],
    ['EACCES', 'database-no-permission'],
    ['ENOENT', 'database-missing'],
    ['ENOSPC', 'database-disk-full'],
  ])('on a database or beside it is told of that database: %s', (code, expected) => {
    for (const of of [undefined, '/apps/shop.db', '/apps/shop.db-wal']) {
      expect(explainFailure(failure(code, of), '/apps/shop.db')).toMatchObject({
        code: expected,
        details: { path: '/apps/shop.db' },
      });
    }
  });

  test('elsewhere is not told of a database', () => {
    const elsewhere = failure('EIO', '/data/notes');
    expect(explainFailure(elsewhere, '/apps/shop.db')).toBe(elsewhere);
  });

  test.each([
    ['SQLITE_FULL', 'database-disk-full'],
    ['SQLITE_IOERR_SHMSIZE', 'database-unreachable'],
  ])('SQLite says in its own words: %s', (code, expected) => {
    expect(classifySourceError(new Database.SqliteError('in words', code), '/apps/shop.db')).toMatchObject({
      code: expected,
    });
  });
});
