// Names as Windows has them: whichever way somebody writes where a database is, it is the one database.
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { runTidemark, startTidemark, startWindowsApp, windowsFolder } from '../support/windows/programs.ts';
import { expectCalm, opening, protect, restored, selling, untilRestored } from '../support/windows/shop.ts';

test.for([
  ['spaces and other scripts', 'Mein Büro & Söhne (2026)', 'Käse für 東京 ☕.db'],
  ['percent and apostrophes', "100% o'clock ;x=1", "it's %TEMP%.db"],
] as const)('%s', async ([, inner, name]) => {
  using folder = windowsFolder();
  fs.mkdirSync(folder.here(inner));
  const file = folder.at(inner, name);
  await using app = await startWindowsApp();
  await app.does(...opening(file), selling('first'));
  await using tidemark = await protect(folder, file);
  await app.does(selling('second'));
  await untilRestored(folder, ['first', 'second']);
  expectCalm(tidemark);
});

test.for([
  ['other letters', (file: string) => file.toUpperCase().replace('C:', 'c:')],
  ['slashes', (file: string) => file.replaceAll('\\', '/')],
  ['the long form', (file: string) => `\\\\?\\${file}`],
  ['dots between', (file: string) => file.replace('\\shop', '\\.\\x\\..\\shop')],
] as const)('a database is named by %s', async ([, write]) => {
  using folder = windowsFolder();
  const file = folder.at('shop.db');
  await using app = await startWindowsApp();
  await app.does(...opening(file), selling('first'));
  await using tidemark = await protect(folder, write(file));
  await app.does(selling('second'));
  await untilRestored(folder, ['first', 'second']);
  expectCalm(tidemark);
});

test('a path of more than 260 characters is refused in words', async () => {
  using folder = windowsFolder();
  const inner = 'a long name '.repeat(12).trim();
  fs.mkdirSync(folder.here(inner));
  const file = folder.at(inner, `${'and a longer one '.repeat(9).trim()}.db`);
  await using app = await startWindowsApp();
  await app.does(...opening(file), selling('first'));
  const { code, output } = await runTidemark('replicate', file, folder.at('backup'), '--data-dir', folder.at('data'));
  expect(code).toBe(1);
  expect(output).toContain('longer than SQLite can open');
});

test('nothing is restored to a name that no file of a Windows has', async () => {
  using folder = windowsFolder();
  const file = folder.at('shop.db');
  await using app = await startWindowsApp();
  await app.does(...opening(file), selling('first'));
  {
    await using _tidemark = await protect(folder, file);
    await untilRestored(folder, ['first']);
  }
  await app.does(selling('behind'));
  for (const name of ['nul', 'NUL.db', 'con', 'COM1', 'shop.db.', 'shop.db ', 'sh?op.db', 'shop.db:stream']) {
    const { code, output } = await runTidemark('restore', '-o', `${folder.path}\\${name}`, folder.at('backup'));
    expect(code, output).toBe(1);
    expect(output).toContain(`Windows has no files with the name “${name}”`);
  }
  // The live database is as it was.
  expect(await app.asks(['ask', 'SELECT what FROM sale'])).toEqual([['first'], ['behind']]);
  expect(await restored(folder)).toEqual(['first']);
});

test('no destination has a name that no folder of a Windows has', async () => {
  using folder = windowsFolder();
  const file = folder.at('shop.db');
  await using app = await startWindowsApp();
  await app.does(...opening(file), selling('first'));
  for (const name of ['nul', 'backup.', 'con\\backup', 'shop.db:backup']) {
    const { code, output } = await runTidemark('replicate', file, folder.at(name), '--data-dir', folder.at('data'));
    expect(code, output).toBe(1);
    expect(output).toContain('Windows has no folders with the name');
  }
});

test.for(['\\\\server\\share\\shop.db', '\\\\localhost\\c$\\shop.db', '\\\\?\\UNC\\server\\share\\shop.db'])(
  'a database on a share is refused in words (%s)',
  async (file) => {
    using folder = windowsFolder();
    await using started = startTidemark('replicate', file, folder.at('backup'), '--data-dir', folder.at('data'));
    await started.printed(file.includes('shop') ? 'shop.db' : file);
    expect(started.output()).not.toMatch(/Something unexpected/);
    expect(started.output()).not.toMatch(/protected\b/);
  },
);
