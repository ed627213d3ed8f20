// On a Windows a file that somebody reads cannot be renamed over, nor is a deleted one gone at once: places hold out against that.
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { runTidemark, startWindowsApp, type WindowsFolder, windowsFolder } from '../support/windows/programs.ts';
import { expectCalm, opening, openShop, protect, selling, untilRestored } from '../support/windows/shop.ts';
import { until } from '../support/temp.ts';

function objects(folder: WindowsFolder): string[] {
  return (fs.readdirSync(folder.here('backup'), { recursive: true }) as string[])
    .filter((name) => name.endsWith('.lz4'))
    .toSorted();
}

test('every object is kept for itself by another program for a while', async () => {
  using folder = windowsFolder();
  const file = folder.at('shop.db');
  await using app = await startWindowsApp();
  await using scanner = await startWindowsApp();
  await app.does(...opening(file), selling('first'));
  await using tidemark = await protect(folder, file);
  const sold = ['first'];
  for (let i = 0; i < 5; i += 1) {
    const newest = objects(folder).at(-1);
    if (newest !== undefined) await scanner.does(['hold', folder.at('backup', newest.replaceAll('/', '\\'))]);
    sold.push(`${i}`);
    await app.does(selling(`${i}`), ['sleep', 700]);
    await scanner.does(['release']);
  }
  await untilRestored(folder, sold);
  expectCalm(tidemark);
});

test('an object that cannot be read is named, and nothing is given instead of it', async () => {
  using folder = windowsFolder();
  const file = folder.at('shop.db');
  await using app = await startWindowsApp();
  await using scanner = await startWindowsApp();
  await app.does(...opening(file), selling('first'));
  {
    await using _tidemark = await protect(folder, file);
    await untilRestored(folder, ['first']);
  }
  const image = objects(folder).find((name) => name.includes('snapshots'));
  await scanner.does(['hold', folder.at('backup', (image ?? '').replaceAll('/', '\\'))]);
  const { code, output } = await runTidemark('restore', '-o', folder.at('out.db'), folder.at('backup'));
  expect(code).not.toBe(0);
  expect(output).toMatch(/backup/);
  expect(output).not.toMatch(/EBUSY|EPERM|Something unexpected/);
  expect(fs.existsSync(folder.here('out.db'))).toBe(false);
  await scanner.does(['release']);
  await untilRestored(folder, ['first']);
});

test('files and folders that are read-only', async () => {
  await using shop = await openShop();
  const { folder, app, tidemark } = shop;
  await untilRestored(folder, ['first']);
  for (const name of objects(folder)) await app.does(['chmod', folder.at('backup', name.replaceAll('/', '\\')), 0o444]);
  await app.does(selling('second'));
  await untilRestored(folder, ['first', 'second']);
  const retained = await runTidemark('retain', '--help');
  expect(retained.code).toBe(0);
  expectCalm(tidemark);
});

test('the place is renamed and comes back', async () => {
  await using shop = await openShop();
  const { folder, app, tidemark } = shop;
  await untilRestored(folder, ['first']);
  await app.does(['insist', folder.at('backup'), folder.at('elsewhere')], selling('second'));
  await tidemark.printed('is gone');
  await app.does(['insist', folder.at('elsewhere'), folder.at('backup')]);
  await untilRestored(folder, ['first', 'second']);
  await until('it is told', () => /again|back/i.test(tidemark.output()));
  expectCalm(tidemark);
});
