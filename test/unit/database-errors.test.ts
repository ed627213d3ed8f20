// Texts about databases that depend on what is known: each reads as plain sentences, whatever is missing.
import { describe, expect, test } from 'vitest';
import { AppError, errorSentence, type ErrorCode, type ErrorDetails } from '../../shared/errors.ts';

const say = (code: ErrorCode, details: ErrorDetails) => errorSentence(new AppError(code, details).toData());

test.each([
  [
    'Anki',
    'while Anki keeps it for itself',
    'Close Anki once. From then on the database is captured each time Anki is closed.',
  ],
  [
    undefined,
    'while its application keeps it for itself',
    'Close the application once. From then on the database is captured each time it closes.',
  ],
])('a database that %s holds says that nothing is wrong, and what to do once', (application, when, hint) => {
  expect(say('database-held', { path: '/a.db', ...(application === undefined ? {} : { application }) })).toBe(
    `/a.db cannot be captured for the first time ${when}. Nothing is wrong, and your database is untouched. ${hint}`,
  );
});

test('a folder of which the system does not tell names the limits', () => {
  const known = say('database-unwatched', { path: '/d/a.db', folder: '/d', reason: 'limit' });
  expect(known).toMatch(/changes in \/d: its limit of watches is reached\. Every change is captured/);
  expect(known).toContain('fs.inotify.max_user_instances and fs.inotify.max_user_watches');
  expect(say('database-unwatched', { path: '/d/a.db', folder: '/d' })).toContain('or that file system tells nobody.');
});

describe('two paths to one file', () => {
  test('by a link', () => {
    const text = say('database-same-file', { path: '/old.db', other: '/new.db', isLinked: true });
    expect(text).toMatch(/^\/old\.db leads to the same file as \/new\.db, which is protected already\. /);
    expect(text).not.toContain('two names');
  });

  test('by two names warn of what SQLite makes of that', () => {
    const text = say('database-same-file', { path: '/a.db', other: '/b.db', isLinked: false });
    expect(text).toMatch(/^\/a\.db and \/b\.db are two names of one file/);
    expect(text).toContain('a SQLite database that is opened by two names gets damaged');
  });
});

test('a turned link tells what is protected, what is not, and what to add', () => {
  const to = (where: string) => say('database-link-turned', { path: '/x.db', link: '/link.db', to: where });
  expect(to('/y.db')).toBe(
    'You named this database as /link.db, which leads to /y.db now. What is protected still is /x.db. Every change of /x.db is captured as before. If your application works with /y.db now, add that too: nothing of it is captured yet. Remove this one when it is not used any more.',
  );
  expect(to('/link.db')).toContain('You named this database as /link.db, where another file lies now.');
});
