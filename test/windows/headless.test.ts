// The whole journey on a Windows: the headless host there, a browser here, and an application that goes on selling meanwhile.
import Database from 'better-sqlite3';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openBrowser } from '../support/headless-app.ts';
import { addDatabase, complaintsOf, restoreSelected, selectEarlier, watchPointsAppear } from '../support/journey.ts';
import { startHeadlessOnWindows, startWindowsApp, windowsFolder } from '../support/windows/programs.ts';
import { opening, selling } from '../support/windows/shop.ts';

test('protects a database, shows its history, and restores an earlier moment', async () => {
  using folder = windowsFolder();
  const file = folder.at('till.db');
  await using app = await startWindowsApp();
  await app.does(...opening(file), selling('0'));
  let sold = 1;
  let isOpen = true;
  const trade = (async () => {
    for (; isOpen; sold += 1) {
      await app.does(selling(String(sold)));
      await delay(150);
    }
  })();
  await using host = await startHeadlessOnWindows('--data-dir', folder.at('data'), '--no-open');
  await using browser = await openBrowser();
  const page = await browser.newPage();
  const complaints = complaintsOf(page);
  await page.goto(host.url);
  await page.getByRole('heading', { name: 'Protect your first database' }).waitFor();
  await addDatabase(page, file, folder.at('backup'));
  await page.getByRole('heading', { level: 1, name: 'till.db' }).waitFor();
  await page.getByText('Protected', { exact: true }).first().waitFor();
  await watchPointsAppear(page, 'till.db');
  await selectEarlier(page, 'till.db');
  await restoreSelected(page, folder.at('restored.db'));
  isOpen = false;
  await trade;
  const restored = new Database(folder.here('restored.db'), { readonly: true });
  try {
    const rows = restored.prepare('SELECT what FROM sale ORDER BY id').pluck().all() as string[];
    expect(rows).toEqual(Array.from({ length: rows.length }, (_, n) => String(n)));
    expect(rows.length).toBeLessThan(sold);
    expect(restored.pragma('integrity_check', { simple: true })).toBe('ok');
  } finally {
    restored.close();
  }
  expect(complaints).toEqual([]);
});
