// The whole journey in a real browser, through the headless host, and that host's orderly end.
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { openBrowser, startHeadless } from '../support/headless-app.ts';
import { complaintsOf, journey, openShop, watchPointsAppear } from '../support/journey.ts';
import { tempFolder, until } from '../support/temp.ts';

test('protects and restores a database that another process writes to', async () => {
  using folder = tempFolder();
  await using shop = await openShop(folder);
  await using app = await startHeadless(folder.at('data'));
  await using browser = await openBrowser();
  const page = await browser.newPage();
  const complaints = complaintsOf(page);
  await page.goto(app.url);
  await journey(page, shop, folder);
  expect(page.url()).not.toContain('token');
  await nameAndUnname(page);
  expect(complaints).toEqual([]);

  app.process.child.kill('SIGTERM');
  expect(await app.process.ended).toBe(0);
  expect(app.process.output()).toContain('shipping what is captured');
});

test('shows the demo, and stops its writer with the application', async () => {
  using folder = tempFolder();
  await using app = await startHeadless(folder.at('data'));
  await using browser = await openBrowser();
  const page = await browser.newPage();
  await page.goto(app.url);
  await page.getByRole('button', { name: 'Try it with a demo database' }).click();
  await page.getByRole('heading', { level: 1, name: 'shop.db' }).waitFor();
  await page.getByText('Protected', { exact: true }).first().waitFor();
  await watchPointsAppear(page, 'shop.db');
  await watchListGrow(page);

  app.process.child.kill('SIGINT');
  expect(await app.process.ended).toBe(0);
});

test('comes back to the same state, and refuses a second application on the same data', async () => {
  using folder = tempFolder();
  await using shop = await openShop(folder);
  {
    await using app = await startHeadless(folder.at('data'));
    await using browser = await openBrowser();
    const page = await browser.newPage();
    await page.goto(app.url);
    await journey(page, shop, folder);
    await expect(startHeadless(folder.at('data'))).rejects.toThrow('in use by another Tidemark');
    app.process.child.kill('SIGKILL');
    await app.process.ended;
  }
  await using again = await startHeadless(folder.at('data'));
  await using browser = await openBrowser();
  const page = await browser.newPage();
  await page.goto(again.url);
  await page.getByRole('link', { name: 'till.db' }).first().click();
  await page.getByText('Protected', { exact: true }).first().waitFor();
});

/** Names the selected point by its key, finds it again by its name, and takes the name away. */
async function nameAndUnname(page: Page): Promise<void> {
  const timeline = page.getByRole('slider', { name: 'Restore point of till.db' });
  await timeline.press('p');
  const dialog = page.getByRole('dialog', { name: 'Name this point' });
  await dialog.getByText('whatever retention says. That takes up to').waitFor();
  await dialog.getByRole('textbox', { name: 'Name' }).fill('Before the update');
  await page.keyboard.press('Enter');
  const named = page.getByRole('button', { name: /^Before the update/ });
  await named.waitFor();
  await timeline.press('End');
  await page.getByText('Newest restore point', { exact: true }).waitFor();
  await timeline.press('Shift+N');
  await page.getByText('Stays until you remove the name').waitFor();
  await page.getByRole('button', { name: 'Remove the name…' }).click();
  await page.getByRole('button', { name: 'Remove the name', exact: true }).click();
  await named.waitFor({ state: 'detached' });
}

/** The list counts its points as long as it is whole. */
async function watchListGrow(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'As list' }).click();
  const newest = page.getByRole('option').first();
  const count = async (): Promise<number> => Number(await newest.getAttribute('aria-setsize'));
  const before = await count();
  await until('new points are listed', async () => (await count()) >= before + 3);
}
