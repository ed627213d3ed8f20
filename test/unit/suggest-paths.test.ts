// Completing a path while it is typed: what is offered for what was typed.
import fs from 'node:fs';
import os from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { suggestPaths } from '../../electron/engine/switchboard/suggest-paths.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

let folder: TempFolder;
beforeAll(() => {
  folder = tempFolder();
  for (const name of ['Sales', 'shelf', '.hidden', 'other']) fs.mkdirSync(folder.at(name));
  for (const name of ['shop.db', 'shop.db-wal', 'shop.db-shm', 'shop.db-journal', '.secret.db', 'zoo.db']) {
    fs.writeFileSync(folder.at(name), '');
  }
  fs.symlinkSync(folder.at('Sales'), folder.at('s-link'));
  fs.symlinkSync(folder.at('nowhere'), folder.at('s-dangling'));
  fs.symlinkSync(folder.at('s-loop'), folder.at('s-loop'));
  fs.mkdirSync(folder.at('other', 'many'));
  for (let n = 0; n < 60; n++) fs.writeFileSync(folder.at('other', 'many', `file-${n}`), '');
});
afterAll(() => folder[Symbol.dispose]());

/** Names below the folder; folders end in a slash. */
function suggest(typed: string, withFiles = true): readonly string[] {
  return suggestPaths(folder.path + typed, { withFiles }).map(
    ({ path, isFolder }) => path.slice(folder.path.length) + (isFolder ? '/' : ''),
  );
}

describe('suggestPaths', () => {
  test.each<[string, boolean, readonly string[]]>([
    ['/', false, ['/other/', '/s-link/', '/Sales/', '/shelf/']],
    ['/', true, ['/other/', '/s-link/', '/Sales/', '/shelf/', '/s-dangling', '/s-loop', '/shop.db', '/zoo.db']],
    ['/s', true, ['/s-link/', '/Sales/', '/shelf/', '/s-dangling', '/s-loop', '/shop.db']],
    ['/SH', true, ['/shelf/', '/shop.db']],
    ['/sh', false, ['/shelf/']],
    ['/shop.db', true, ['/shop.db']],
    ['/.', true, ['/.hidden/', '/.secret.db']],
    ['/none', true, []],
    ['/none/deeper', true, []],
    ['/shop.db/', true, []],
    ['/Sales/', true, []],
  ])('for %j, with files: %s', (typed, withFiles, expected) => {
    expect(suggest(typed, withFiles)).toEqual(expected);
  });

  test('are never more than 50', () => {
    expect(suggest('/other/many/').length).toBe(50);
  });

  test('know the home folder, and nothing relative', () => {
    const home = suggestPaths('~/', { withFiles: true });
    expect(home.every(({ path }) => path.startsWith(os.homedir()))).toBe(true);
    expect(suggestPaths('', { withFiles: true })).toEqual(home);
    expect([suggestPaths('shop', { withFiles: true }), suggestPaths('./', { withFiles: true })]).toEqual([[], []]);
  });

  test('have nothing for what no file can be called', () => {
    expect(suggest('/\0/')).toEqual([]);
  });
});
