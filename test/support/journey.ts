// The journey every host must carry: an empty application, a database that another process writes to, protection, points
// that appear, one selected, restored, and compared with what the writer recorded. Finds things by role and name only.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import Database from 'better-sqlite3';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { type ShopContent, contentOf } from '../../electron/demo/shop.ts';
import { type Started, startScript } from './processes.ts';
import { type TempFolder, until } from './temp.ts';

/** A shop that is open for business: a real database, written by a process that knows nothing of Tidemark. */
export interface Shop extends AsyncDisposable {
  readonly database: string;
  readonly truth: string;
}

/** Opens a shop in a folder of its own; it trades until it is disposed. */
export async function openShop(folder: TempFolder): Promise<Shop> {
  const [database, truth] = [folder.at('till.db'), folder.at('truth.jsonl')];
  const script = resolve(import.meta.dirname, '../../electron/demo/writer.ts');
  const writer: Started = startScript(script, ['--database', database, '--truth', truth, '--rate', '6']);
  await writer.printed('ready');
  return { database, truth, [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose]() };
}

/** From the first look to the proven copy. `page` shows the application as it opens. */
export async function journey(page: Page, shop: Shop, folder: TempFolder): Promise<void> {
  await page.getByRole('heading', { name: 'Protect your first database' }).waitFor();
  await addDatabase(page, shop.database, folder.at('backup'));

  await page.getByRole('heading', { level: 1, name: 'till.db' }).waitFor();
  await page.getByText('Protected', { exact: true }).first().waitFor();
  await watchPointsAppear(page, 'till.db');

  await selectEarlier(page, 'till.db');

  const restored = folder.at('restored.db');
  await restoreSelected(page, restored);
  expectTruth(restored, shop);
}

export async function addDatabase(page: Page, database: string, destination: string): Promise<void> {
  await page.getByRole('link', { name: 'Add a database…' }).click();
  await page.getByRole('combobox', { name: 'Path of the database' }).fill(database);
  await page.getByText('till.db is a SQLite database of').waitFor();
  await page.getByRole('combobox', { name: 'Destination folder' }).fill(destination);
  await page.getByText('The folder will be created.').waitFor();
  await page.getByRole('button', { name: 'Protect till.db' }).click();
}

/** Waits until the timeline of `name` counts a few transactions, and then more of them. */
export async function watchPointsAppear(page: Page, name: string): Promise<void> {
  await page.getByRole('slider', { name: `Restore point of ${name}` }).waitFor();
  const summary = page.getByText(/^In view, from /);
  const count = async (): Promise<number> => {
    const [, digits = '0'] = /([\d,]+) transactions?/.exec((await summary.textContent()) ?? '') ?? [];
    return Number(digits.replaceAll(',', ''));
  };
  await until('transactions appear on the timeline', async () => (await count()) >= 3);
  const before = await count();
  await until('more appear while the writer goes on', async () => (await count()) >= before + 5);
}

/** Selects a restore point before the newest one, by the keyboard. */
export async function selectEarlier(page: Page, name: string): Promise<void> {
  const timeline = page.getByRole('slider', { name: `Restore point of ${name}` });
  const card = page.getByText('Selected restore point');
  // A dialog that has just closed gives the focus back a moment later: each key asks for it again.
  await until('an earlier restore point is selected', async () => {
    await timeline.press('ArrowLeft');
    return card.isVisible();
  });
  await timeline.press('ArrowLeft');
}

export async function restoreSelected(page: Page, outputPath: string): Promise<void> {
  await page.getByRole('button', { name: 'Restore to a new file…' }).click();
  const dialog = page.getByRole('dialog');
  const file = dialog.getByRole('textbox', { name: 'New file' });
  await until('a place is proposed', () => file.inputValue());
  await file.fill(outputPath);
  await dialog.getByRole('button', { name: 'Review' }).click();
  await dialog.getByRole('button', { name: 'Create restored copy' }).click();
  await dialog.getByRole('heading', { name: 'Restored and proven' }).waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
}

/** What was restored is exactly what the writer had after its transaction `n`. */
export function expectTruth(restored: string, shop: Shop): void {
  const lines = readFileSync(shop.truth, 'utf8').trimEnd().split('\n');
  const truths = lines.map((line) => JSON.parse(line) as ShopContent);
  using owned = new DisposableStack();
  const database = new Database(restored, { readonly: true });
  owned.defer(() => database.close());
  const content = contentOf(database);
  expect(truths.find(({ n }) => n === content.n)).toMatchObject(content);
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
  // A restore of the newest state would prove nothing about the selection.
  expect(content.n).toBeLessThan(truths.at(-1)?.n ?? 0);
}

/** Collects what a page complains about: a policy that is broken, a script that fails. */
export function complaintsOf(page: Page): readonly string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  return complaints;
}
