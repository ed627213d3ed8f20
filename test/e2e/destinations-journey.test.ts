// Destinations in a real browser, through the headless host: a bucket beside a folder, both current, and a restore from the
// bucket alone; and a secret that is wrong, said at the stage where it shows.
import type { Locator, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { openBrowser, startHeadless } from '../support/headless-app.ts';
import {
  addDatabase,
  complaintsOf,
  expectTruth,
  openShop,
  restoreSelected,
  selectEarlier,
  watchPointsAppear,
} from '../support/journey.ts';
import { startS3Server } from '../support/s3-server.ts';
import { s3Error, startScriptedS3 } from '../support/scripted-s3.ts';
import { tempFolder } from '../support/temp.ts';

interface Storage {
  readonly endpoint: string;
  readonly bucket: string;
  readonly secret: string;
}

test('keeps a database in a bucket beside a folder, and restores it from the bucket', async () => {
  using folder = tempFolder();
  await using server = await startS3Server();
  const bucket = await server.makeBucket();
  const { secretAccessKey: secret } = server.credentials;
  await using shop = await openShop(folder);
  await using app = await startHeadless(folder.at('data'));
  await using browser = await openBrowser();
  const page = await browser.newPage();
  const complaints = complaintsOf(page);
  await page.goto(app.url);
  await addDatabase(page, shop.database, folder.at('backup'));

  await page.getByRole('button', { name: 'Add another…' }).click();
  await page.getByRole('button', { name: 'New destination…' }).click();
  await page.getByText('The history of till.db is kept here too').waitFor();
  await describeStorage(page, { endpoint: server.endpoint, bucket, secret });
  await page.getByRole('button', { name: 'Test the connection' }).click();
  await page.getByText('It works.').waitFor();
  await page.getByRole('button', { name: 'Save destination' }).click();

  await page.getByRole('heading', { level: 1, name: 'till.db' }).waitFor();
  const rows = page.getByRole('region', { name: /^Destinations?$/ }).getByRole('listitem');
  const inFolder = rows.filter({ hasText: folder.at('backup') });
  const inBucket = rows.filter({ hasText: `s3://${bucket}` });
  await inFolder.getByText('Up to date').waitFor();
  await inBucket.getByText('Up to date').waitFor();
  await watchPointsAppear(page, 'till.db');

  await removeReplica(page, inFolder, 'backup');
  await selectEarlier(page, 'till.db');
  await restoreSelected(page, folder.at('restored.db'));
  expectTruth(folder.at('restored.db'), shop);

  await page.getByRole('link', { name: 'Destinations' }).click();
  await page.getByRole('row', { name: bucket }).getByText('1 database').waitFor();
  await page.getByRole('link', { name: bucket }).click();
  await page.getByText('Stored, not shown').waitFor();
  expect(await page.content()).not.toContain(secret);
  expect(complaints).toEqual([]);
});

test('names the stage that fails for a wrong secret, and what is wrong with each field before', async () => {
  using folder = tempFolder();
  const refusal = s3Error(403, 'SignatureDoesNotMatch');
  await using server = await startScriptedS3({ answer: (action) => (action === 'hello' ? undefined : refusal) });
  await using app = await startHeadless(folder.at('data'));
  await using browser = await openBrowser();
  const page = await browser.newPage();
  await page.goto(app.url);
  await page.getByRole('link', { name: 'Destinations' }).click();
  await page.getByRole('link', { name: 'Add destination…' }).click();
  await page.getByRole('button', { name: 'Test the connection' }).click();
  await page.getByText('Type the bucket’s name.').waitFor();
  await page.getByText('Type the access key’s id.').waitFor();
  // The keyboard is sent to the first of them.
  await expect
    .poll(() =>
      page.getByRole('textbox', { name: 'Bucket', exact: true }).evaluate((one) => one === document.activeElement),
    )
    .toBe(true);

  await describeStorage(page, { endpoint: server.origin, bucket: 'tills', secret: 'not the right one' });
  await page.getByRole('button', { name: 'Test the connection' }).click();
  await page.getByText('It fails at the credentials.').waitFor();
  const stages = page.getByRole('list', { name: 'Stages of the test' }).getByRole('listitem');
  expect(await stages.filter({ hasText: 'Failed:' }).count()).toBe(1);
  await page.getByRole('button', { name: 'Save without a passed test' }).click();
  await page.getByRole('row', { name: 'tills' }).getByText('nothing yet').waitFor();
});

async function describeStorage(page: Page, { endpoint, bucket, secret }: Storage): Promise<void> {
  await page.getByText('Amazon, Cloudflare, Backblaze, MinIO and others').click();
  await page.getByRole('button', { name: /Service/ }).click();
  await page.getByRole('option', { name: 'Another S3-compatible service' }).click();
  await page.getByRole('textbox', { name: 'Address' }).fill(endpoint);
  await page.getByRole('textbox', { name: 'Bucket', exact: true }).fill(bucket);
  await page.getByRole('textbox', { name: 'Access key id' }).fill('tester');
  await page.getByRole('textbox', { name: 'Secret access key' }).fill(secret);
}

async function removeReplica(page: Page, row: Locator, name: string): Promise<void> {
  await row.getByRole('button', { name: `More about ${name}` }).click();
  await page.getByRole('menuitem', { name: 'Remove…' }).click();
  await page.getByRole('button', { name: 'Stop keeping it there' }).click();
  // While a dialog is open, the row behind it has no role: it counts only once the dialog has gone.
  await page.getByRole('alertdialog').waitFor({ state: 'detached' });
  await row.waitFor({ state: 'detached' });
}
