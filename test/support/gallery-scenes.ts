// What there is to see in the gallery: a state, a place, and what one does there first.
import type { Page } from 'playwright-core';

export interface Scene {
  readonly state: string;
  readonly place?: string;
  readonly act?: (page: Page) => Promise<void>;
  /** For the eye: what is tested of it is tested in another scene. */
  readonly isForEyes?: boolean;
}

const sales = '#/database/sales';

export const scenes: Readonly<Record<string, Scene>> = {
  loading: { state: 'loading' },
  unreachable: { state: 'unreachable' },
  empty: { state: 'empty' },
  overview: { state: 'five' },
  'overview-good': { state: 'good' },
  'overview-broken': { state: 'broken' },
  'overview-away': { state: 'away' },
  'overview-emptied': { state: 'emptied' },
  'overview-demo': { state: 'young' },
  'destinations-away': { isForEyes: true, state: 'away', place: '#/destinations' },
  'database-away': { isForEyes: true, state: 'away', place: '#/database/app3' },
  'database-waiting': { state: 'waiting', place: sales },
  'destination-working': { state: 'good', place: '#/destination/t-disk' },
  'overview-closed': { state: 'closed' },
  'overview-links': { state: 'links' },
  'overview-lost': { state: 'lost' },
  'overview-restoring': { state: 'applying' },
  database: { state: 'five', place: sales, act: selectPast },
  'database-live': { state: 'five', place: sales },
  'database-hover': { state: 'five', place: sales, act: hoverTimeline },
  'database-list': { state: 'five', place: sales, act: showList },
  'database-named': { state: 'five', place: sales, act: selectNamed },
  'database-named-hover': { isForEyes: true, state: 'five', place: sales, act: hoverFlag },
  'name-point': { state: 'five', place: sales, act: nameByKey },
  'name-list': { state: 'five', place: sales, act: nameInList },
  'name-rename': {
    isForEyes: true,
    state: 'five',
    place: sales,
    act: (page) => dealWithName(page, 'Rename…'),
  },
  'name-remove': { state: 'five', place: sales, act: (page) => dealWithName(page, 'Remove the name…') },
  'name-restore': { isForEyes: true, state: 'five', place: sales, act: restoreNamed },
  'database-young': { state: 'young', place: '#/database/shop' },
  'database-first': { state: 'first', place: '#/database/patients' },
  'database-closed': { state: 'closed', place: '#/database/cards' },
  'database-link': { state: 'links', place: '#/database/sales' },
  'database-problem': { state: 'five', place: '#/database/ledger' },
  'database-month': { state: 'five', place: sales, act: (page) => press(page, 'radio', 'Last 30 days') },
  'database-details': { state: 'five', place: sales, act: showDetails },
  'database-details-problem': { state: 'five', place: '#/database/ledger', act: showDetails },
  'database-gone': { state: 'five', place: '#/database/nothing' },
  replicas: { state: 'replicas', place: sales, act: showReplicas },
  'replica-choose': { state: 'five', place: sales, act: (page) => press(page, 'button', 'Add another…') },
  'replica-settings': { isForEyes: true, state: 'five', place: sales, act: openSettings },
  'replica-ahead': { state: 'five', place: sales, act: lookAhead },
  'replica-remove': {
    isForEyes: true,
    state: 'five',
    place: sales,
    act: (page) => pickMore(page, 'Backup disk', 'Remove…'),
  },
  'replica-take-over': { state: 'replicas', place: sales, act: (page) => press(page, 'button', 'Take over…') },
  remove: { state: 'five', place: sales, act: askToRemove },
  help: { state: 'five', place: sales, act: (page) => press(page, 'button', 'Keys of the timeline') },
  add: { state: 'five', place: '#/add' },
  'add-typing': {
    state: 'headless',
    place: '#/add',
    act: (page) => type(page, 'Path of the database', '/home/ada/till/'),
  },
  'add-known': {
    state: 'five',
    place: '#/add',
    act: (page) => type(page, 'Path of the database', '/home/ada/till/Sales-2026.db', 'Enter'),
  },
  'add-s3': { state: 'headless', place: '#/add', act: fillAddS3 },
  'add-ready': { state: 'headless', place: '#/add', act: fillAdd },
  'add-taken': { state: 'headless', place: '#/add', act: fillAddTaken },
  'add-refused': {
    state: 'five',
    place: '#/add',
    act: (page) => type(page, 'Path of the database', '/home/ada/notes.txt', 'Enter'),
  },
  'add-warned': {
    state: 'headless',
    place: '#/add',
    act: (page) => type(page, 'Path of the database', '/home/ada/Dropbox/till/Sales.db', 'Enter'),
  },
  'add-closed': {
    state: 'headless',
    place: '#/add',
    act: (page) => type(page, 'Path of the database', '/home/ada/.local/share/Anki2/Ada/collection.anki2', 'Enter'),
  },
  'restore-where': { state: 'five', place: sales, act: openRestore },
  'restore-review': { state: 'five', place: sales, act: reviewRestore },
  'restore-fetching': { state: 'fetching', act: showOperation },
  'restore-applying': { state: 'applying', place: sales, act: showOperation },
  'restore-done': { state: 'restored', act: showOperation },
  'restore-failed': { state: 'failed', act: showOperation },
  destinations: { state: 'five', place: '#/destinations' },
  'destinations-empty': { state: 'no-targets', place: '#/destinations' },
  'destination-new': { isForEyes: true, state: 'five', place: '#/new-destination' },
  'destination-folder': { state: 'five', place: '#/new-destination', act: chooseFolderKind },
  'destination-errors': { state: 'headless', place: '#/new-destination', act: testNothing },
  'destination-passed': {
    isForEyes: true,
    state: 'headless',
    place: '#/new-destination',
    act: (page) => testBucket(page, 'tills'),
  },
  'destination-refused': { state: 'headless', place: '#/new-destination', act: (page) => testBucket(page, 'refused') },
  'destination-locked': { state: 'headless', place: '#/new-destination', act: (page) => testBucket(page, 'locked') },
  'destination-corrected': { isForEyes: true, state: 'headless', place: '#/new-destination', act: testWrongRegion },
  'destination-known': { state: 'five', place: '#/destination/t-bucket' },
  'destination-computer': { state: 'five', place: '#/destination/t-spare' },
  'destination-gone': { isForEyes: true, state: 'five', place: '#/destination/nothing' },
  'destination-remove': {
    isForEyes: true,
    state: 'five',
    place: '#/destination/t-spare',
    act: (page) => press(page, 'button', 'Remove…'),
  },
  'destination-in-use': {
    isForEyes: true,
    state: 'five',
    place: '#/destination/t-disk',
    act: (page) => press(page, 'button', 'Remove…'),
  },
  activity: { state: 'five', place: '#/activity' },
  settings: { state: 'five', place: '#/settings' },
};

async function press(page: Page, role: 'button' | 'radio' | 'menuitem', name: string): Promise<void> {
  await page.getByRole(role, { name, exact: true }).first().click();
}

async function type(page: Page, label: string, text: string, key?: string): Promise<void> {
  await page.getByRole('combobox', { name: label }).fill(text);
  if (key !== undefined) await page.keyboard.press(key);
}

async function selectPast(page: Page): Promise<void> {
  const timeline = page.getByRole('slider', { name: 'Restore point of Sales.db' });
  const box = await timeline.boundingBox();
  if (box !== null) await timeline.click({ position: { x: box.width * 0.89, y: 90 } });
  await page.mouse.move(0, 0);
}

async function hoverTimeline(page: Page): Promise<void> {
  const box = await page.getByRole('slider', { name: 'Restore point of Sales.db' }).boundingBox();
  if (box !== null) await page.mouse.move(box.x + box.width * 0.55, box.y + 90);
}

/** Looks for the flag along the event lane. */
async function hoverFlag(page: Page): Promise<void> {
  const box = await page.getByRole('slider', { name: 'Restore point of Sales.db' }).boundingBox();
  const { x = 0, y = 0, width = 0 } = box ?? {};
  for (let at = 20; at < width && !(await page.getByText('stays until the name').isVisible()); at += 5)
    await page.mouse.move(x + at, y + 211);
}

async function selectNamed(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^Before the price update/ }).click();
  await page.getByText('Stays until you remove the name').waitFor();
}

async function nameByKey(page: Page): Promise<void> {
  await selectPast(page);
  await page.getByRole('slider', { name: 'Restore point of Sales.db' }).press('p');
  await page.getByRole('textbox', { name: 'Name' }).fill('Before the update');
  await page.getByText('That takes up to').waitFor();
}

async function nameInList(page: Page): Promise<void> {
  await showList(page);
  await page.keyboard.press('p');
  await page
    .getByRole('textbox', { name: 'Name' })
    .fill('Before the till was replaced by the new one from the supplier');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

async function dealWithName(page: Page, name: string): Promise<void> {
  await selectNamed(page);
  await press(page, 'button', name);
}

async function restoreNamed(page: Page): Promise<void> {
  await selectNamed(page);
  await press(page, 'button', 'Restore to a new file…');
}

async function showList(page: Page): Promise<void> {
  await press(page, 'button', 'As list');
  await page.getByRole('option').nth(3).click();
}

async function showDetails(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^Details / }).click();
  const last = page.getByText('Last problem');
  await last.waitFor();
  await last.scrollIntoViewIfNeeded();
}

async function askToRemove(page: Page): Promise<void> {
  await press(page, 'button', 'More about Sales.db');
  await press(page, 'menuitem', 'Remove from protection…');
}

async function fillAdd(page: Page): Promise<void> {
  await type(page, 'Path of the database', '/home/ada/till/Sales-2025.db', 'Enter');
  await page.getByText('A new folder').click();
  await type(page, 'Destination folder', '/home/ada/backup', 'Enter');
}

async function fillAddTaken(page: Page): Promise<void> {
  await type(page, 'Path of the database', '/home/ada/till/Sales.db', 'Enter');
  await page.getByText('A new folder').click();
  await type(page, 'Destination folder', '/mnt/office/tidemark', 'Enter');
  await page.getByText('Take over the history from TILL-PC').click();
}

async function fillAddS3(page: Page): Promise<void> {
  await type(page, 'Path of the database', '/home/ada/till/Sales.db', 'Enter');
  await page.getByText('New S3 storage').click();
  await testBucket(page, 'tills');
}

async function showReplicas(page: Page): Promise<void> {
  await page.getByText('Effect on the application').scrollIntoViewIfNeeded();
}

async function pickMore(page: Page, name: string, item: string): Promise<void> {
  await press(page, 'button', `More about ${name}`);
  await press(page, 'menuitem', item);
}

async function openSettings(page: Page): Promise<void> {
  await pickMore(page, 'Backup disk', 'Settings…');
  await page.getByText('Restore points').waitFor();
}

async function lookAhead(page: Page): Promise<void> {
  await openSettings(page);
  await press(page, 'radio', 'In a month');
  await page.getByRole('button', { name: /^Dates/ }).click();
}

async function chooseFolderKind(page: Page): Promise<void> {
  await page.getByText('Another disk, a removable one, a network share').click();
  await type(page, 'Folder', '/home/ada/');
}

async function testNothing(page: Page): Promise<void> {
  await page.getByRole('textbox', { name: 'Folder in the bucket' }).fill('a//b');
  await page.getByRole('textbox', { name: 'Bandwidth limit' }).fill('fast');
  await press(page, 'button', 'Test the connection');
}

async function testBucket(page: Page, bucket: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Bucket', exact: true }).fill(bucket);
  await page.getByRole('textbox', { name: 'Access key id' }).fill('AKIAIOSFODNN7EXAMPLE');
  await page.getByRole('textbox', { name: 'Secret access key' }).fill('a secret that nobody sees');
  await press(page, 'button', 'Test the connection');
  await page.getByRole('button', { name: 'Test again' }).waitFor();
}

async function testWrongRegion(page: Page): Promise<void> {
  await page.getByRole('combobox', { name: 'Region' }).fill('us-east-1');
  await page.keyboard.press('Tab');
  await testBucket(page, 'tills');
}

async function openRestore(page: Page): Promise<void> {
  await selectPast(page);
  await press(page, 'button', 'Restore to a new file…');
}

async function reviewRestore(page: Page): Promise<void> {
  await openRestore(page);
  await press(page, 'button', 'Review');
}

async function showOperation(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^Show (progress|details)$/ }).click();
}
