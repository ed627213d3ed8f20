// On a Windows nobody renames or deletes what somebody has open: an application replaces, moves and removes its own files as it would
// without us.
import { expect, test } from 'vitest';
import { startWindowsApp, windowsFolder } from '../support/windows/programs.ts';
import { expectCalm, opening, openShop, protect, restored, selling, untilRestored } from '../support/windows/shop.ts';
import { until } from '../support/temp.ts';

test.for(['move', 'copy'] as const)(
  'an application closes its database and puts another one in its place (%s)',
  async (how) => {
    using folder = windowsFolder();
    const file = folder.at('shop.db');
    const other = folder.at('other.db');
    await using app = await startWindowsApp();
    await app.does(...opening(other), selling('of the other'), ['close']);
    await app.does(...opening(file), selling('of the former'));
    await using tidemark = await protect(folder, file);
    await app.does(selling('of the former, too'));
    await untilRestored(folder, ['of the former', 'of the former, too']);
    if (how === 'move') await app.does(['close'], ['insist', other, file]);
    else await app.does(['close'], ['copy', other, file]);
    const [, , , ok] = await app.does(...opening(file), selling('of the new'), ['ask', 'PRAGMA integrity_check']);
    expect(ok).toEqual([['ok']]);
    expect(await app.asks(['ask', 'SELECT what FROM sale'])).toEqual([['of the other'], ['of the new']]);
    await until(
      'the new file is captured',
      async () => (await restored(folder)).join() === 'of the other,of the new',
      60_000,
    );
    expect(tidemark.output()).not.toMatch(/damaged|lost/);
  },
);

test('a database that nobody has open is renamed, removed and made anew at once', async () => {
  await using shop = await openShop();
  const { folder, file, app, tidemark } = shop;
  await app.does(['close']);
  await untilRestored(folder, ['first']);
  for (let round = 0; round < 5; round += 1) {
    await app.does(['sleep', 200], ['move', file, folder.at('away.db')]);
    await app.does(['move', folder.at('away.db'), file]);
  }
  await app.does(...opening(file), selling('second'), ['close']);
  await untilRestored(folder, ['first', 'second']);
  await app.does(['sleep', 500], ['remove', file]);
  await tidemark.printed('shop.db');
  await app.does(...opening(file), selling('anew'));
  await until('the new one is captured', async () => (await restored(folder)).join() === 'anew', 60_000);
  expect(tidemark.output()).not.toMatch(/damaged|overwritten/);
});

test('another program keeps the database, and its WAL, for itself for a while', async () => {
  using folder = windowsFolder();
  const file = folder.at('shop.db');
  await using app = await startWindowsApp();
  await using scanner = await startWindowsApp();
  await app.does(...opening(file), selling('first'));
  await using tidemark = await protect(folder, file);
  await app.does(['close'], ['sleep', 300]);
  await scanner.does(['hold', file], ['sleep', 3000], ['release']);
  await app.does(...opening(file), selling('second'));
  await untilRestored(folder, ['first', 'second']);
  expectCalm(tidemark);
});

test('an application that makes and deletes its journal again and again meets no file of ours in its way', async () => {
  await using shop = await openShop();
  const { folder, file, app, tidemark } = shop;
  await app.does(['close'], ['open', file, 5000], ['run', 'PRAGMA journal_mode = DELETE']);
  const sold = ['first'];
  for (let i = 0; i < 40; i += 1) {
    const some = Array.from({ length: 5 }, (_, k) => `${i}-${k}`);
    await app.does(...some.map((what) => selling(what)), ['sleep', i % 4 === 0 ? 60 : 3]);
    sold.push(...some);
  }
  await app.does(['run', 'PRAGMA journal_mode = WAL'], selling('last'), ['close']);
  await untilRestored(folder, [...sold, 'last']);
  expectCalm(tidemark);
});
