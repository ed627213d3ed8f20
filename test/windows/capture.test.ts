// On a Windows: what applications commit is captured, however they checkpoint, end and come again.
import { expect, test } from 'vitest';
import { startWindowsApp, windowsFolder } from '../support/windows/programs.ts';
import {
  expectCalm,
  lyingThere,
  opening,
  openShop,
  protect,
  restored,
  selling,
  untilRestored,
} from '../support/windows/shop.ts';
import { until } from '../support/temp.ts';

test.for(['PASSIVE', 'FULL', 'RESTART', 'TRUNCATE'])(
  'an application that checkpoints (%s) after its commits',
  async (mode) => {
    using folder = windowsFolder();
    const file = folder.at('shop.db');
    await using app = await startWindowsApp();
    await app.does(...opening(file), selling('first'));
    await using tidemark = await protect(folder, file);
    const sold = ['first'];
    for (let i = 0; i < 15; i += 1) {
      sold.push(`${mode} ${i}`);
      const [, counts] = await app.does(
        selling(`${mode} ${i}`),
        ['ask', `PRAGMA wal_checkpoint(${mode})`],
        ['sleep', 30],
      );
      expect(counts).toEqual([[0, expect.any(Number), expect.any(Number)]]);
    }
    await untilRestored(folder, sold);
    expectCalm(tidemark);
  },
);

test('an application that ends, is killed, and comes again', async () => {
  using folder = windowsFolder();
  const file = folder.at('shop.db');
  const sold: string[] = [];
  await using first = await startWindowsApp();
  await first.does(...opening(file), selling('first'));
  sold.push('first');
  await using tidemark = await protect(folder, file);
  await first.does(selling('second'), ['close']);
  sold.push('second');
  await untilRestored(folder, sold);
  // Nothing of ours lies beside the file once nobody has it open.
  await until('only the file lies there', async () => (await lyingThere(first, folder)).join() === 'shop.db');
  for (let round = 0; round < 3; round += 1) {
    await using app = await startWindowsApp();
    await app.does(...opening(file), selling(`killed ${round}`));
    sold.push(`killed ${round}`);
    await app.kill();
  }
  await first.does(...opening(file), selling('after'), ['close']);
  await untilRestored(folder, [...sold, 'after']);
  expectCalm(tidemark);
});

test('an application that leaves WAL mode and comes back, and one that keeps its database for itself', async () => {
  await using shop = await openShop();
  const { folder, file, app, tidemark } = shop;
  await app.does(['close']);
  const [, mode] = await app.does(['open', file, 5000], ['ask', 'PRAGMA journal_mode = DELETE']);
  expect(mode).toEqual([['delete']]);
  await app.does(selling('without'), ['ask', 'PRAGMA journal_mode = WAL'], selling('with again'), ['close']);
  const locked = await app.does(
    ['open', file, 0],
    ['run', 'PRAGMA locking_mode = EXCLUSIVE'],
    selling('alone'),
    ['sleep', 500],
    selling('still alone'),
    ['close'],
  );
  expect(locked).toHaveLength(6);
  await untilRestored(folder, ['first', 'without', 'with again', 'alone', 'still alone']);
  expectCalm(tidemark);
});

test('Tidemark is killed, and goes on', async () => {
  using folder = windowsFolder();
  const file = folder.at('shop.db');
  await using app = await startWindowsApp();
  await app.does(...opening(file), selling('first'));
  const sold = ['first'];
  for (let round = 0; round < 3; round += 1) {
    await using tidemark = await protect(folder, file);
    for (let i = 0; i < 10; i += 1) {
      sold.push(`${round}-${i}`);
      await app.does(selling(`${round}-${i}`), ['sleep', 20]);
    }
    await tidemark[Symbol.asyncDispose]();
    sold.push(`unseen ${round}`);
    await app.does(selling(`unseen ${round}`));
  }
  await using tidemark = await protect(folder, file);
  await untilRestored(folder, sold);
  expect(await restored(folder)).toEqual(sold);
  expectCalm(tidemark);
});
