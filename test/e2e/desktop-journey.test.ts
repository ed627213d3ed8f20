// The same journey through the desktop host's real built main and preload.
import { expect, test } from 'vitest';
import { startDesktop } from '../support/desktop-app.ts';
import { complaintsOf, journey, openShop, watchPointsAppear } from '../support/journey.ts';
import { tempFolder } from '../support/temp.ts';

test('protects and restores a database that another process writes to', async () => {
  using folder = tempFolder();
  await using shop = await openShop(folder);
  await using app = await startDesktop({ dataDir: folder.at('data') });
  const complaints = complaintsOf(app.page);
  await journey(app.page, shop, folder);
  expect(complaints).toEqual([]);
});

test('runs the demo in a process of its own', async () => {
  using folder = tempFolder();
  await using app = await startDesktop({ dataDir: folder.at('data') });
  const { page } = app;
  await page.getByRole('button', { name: 'Try it with a demo database' }).click();
  await page.getByRole('heading', { level: 1, name: 'shop.db' }).waitFor();
  await page.getByText('Protected', { exact: true }).first().waitFor();
  await watchPointsAppear(page, 'shop.db');
  await app.electron.evaluate(({ app: main }) => main.quit()).catch(() => undefined);
  expect(await app.ended).toBe(0);
});
