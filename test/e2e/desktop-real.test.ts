// What only a real Electron shows, on a desktop with a keyboard, a window manager and a panel: keys, the icon as it is drawn, what the
// window does where nobody minimises it.
import { expect, test } from 'vitest';
import { type DesktopApp, startDesktop } from '../support/desktop-app.ts';
import { call, closeWindow, pickInTray, pressIn, pressKey, stateOf, windowOf } from '../support/desktop-look.ts';
import { openShop } from '../support/journey.ts';
import { tempFolder, until } from '../support/temp.ts';

async function start(...options: Parameters<typeof startDesktop>): Promise<DesktopApp> {
  const app = await startDesktop(...options);
  await app.page.getByRole('heading', { name: 'Protect your first database' }).waitFor();
  return app;
}

test('the icon in the panel has the colour of the state', async () => {
  using folder = tempFolder();
  await using shop = await openShop(folder);
  await using app = await start({ dataDir: folder.at('data') });
  await call(app, 'addDatabase', { path: shop.database, folder: folder.at('backup') });
  await until('it is protected', async () => (await stateOf(app)).databases[0]?.status.kind === 'protected');
  // The window out of the way, for its page has the same colour.
  await app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.hide());
  await until('the disc is green', async () => (await pixelsOn(app, [0x17, 0x9c, 0x74])) > 100);
  await pickInTray(app, 'Pause protection');
  await until('the bars are grey', async () => (await pixelsOn(app, [0x7c, 0x8b, 0x98])) > 50);
  expect(await pixelsOn(app, [0x17, 0x9c, 0x74])).toBe(0);
});

test('keys work, also after the window was closed and opened again', async () => {
  using folder = tempFolder();
  await using app = await start({ dataDir: folder.at('data') });
  await closeWindow(app);
  await pressIn(app, 'OK');
  await until('it is hidden', async () => !(await windowOf(app)).isVisible);
  await pickInTray(app, 'Open Tidemark');
  await until('it is shown', async () => (await windowOf(app)).isVisible);

  await pressKey(app, 'ctrl+comma');
  await until('the settings are there', async () => (await windowOf(app)).url.endsWith('#/settings'));
  const zoom = () =>
    app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.getZoomLevel() ?? 0);
  expect(await zoom()).toBe(0);
  await pressKey(app, 'ctrl+equal');
  await until('it is larger', async () => (await zoom()) > 0);
});

test('the key for adding a database keeps what was typed there', async () => {
  using folder = tempFolder();
  await using app = await start({ dataDir: folder.at('data') });
  await pressKey(app, 'ctrl+o');
  const path = app.page.getByRole('combobox', { name: 'Path of the database' });
  await path.fill('/srv/till.db');
  await pressKey(app, 'ctrl+o');
  // A key that comes after it.
  await pressKey(app, 'ctrl+equal');
  const zoom = () =>
    app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.getZoomLevel() ?? 0);
  await until('both keys were seen', async () => (await zoom()) > 0);
  expect(await path.inputValue()).toBe('/srv/till.db');
});

test('stays where nobody minimises it, and goes on answering', async () => {
  using folder = tempFolder();
  await using app = await start({ dataDir: folder.at('data'), hasTray: false, hasWindowManager: false });
  await closeWindow(app);
  await pressIn(app, 'OK');
  expect(await windowOf(app)).toMatchObject({ isVisible: true, count: 1 });
  expect(await call(app, 'pause', {})).toMatchObject({ ok: true });
});

/** How many pixels of the screen have nearly that colour. */
async function pixelsOn({ electron }: DesktopApp, colour: readonly [number, number, number]): Promise<number> {
  return await electron.evaluate(async ({ desktopCapturer, screen }, [red, green, blue]) => {
    const { size } = screen.getPrimaryDisplay();
    const [source] = await desktopCapturer.getSources({ types: ['screen'], thumbnailSize: size });
    const bitmap = source?.thumbnail.toBitmap() ?? Buffer.alloc(0);
    let count = 0;
    for (let at = 0; at < bitmap.length; at += 4) {
      const differences = [(bitmap[at] ?? 0) - blue, (bitmap[at + 1] ?? 0) - green, (bitmap[at + 2] ?? 0) - red];
      if (differences.every((difference) => Math.abs(difference) <= 8)) count += 1;
    }
    return count;
  }, colour);
}
