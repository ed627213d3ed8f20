// What the desktop host keeps to when its user, its page or another program is in the way: dialogs that are open, pages that crash,
// starts that nobody asked to see, a window that nobody sees.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type DesktopApp, startDesktop } from '../support/desktop-app.ts';
import {
  call,
  callsOf,
  chooseIn,
  closeWindow,
  pickInTray,
  pressIn,
  quit,
  stateOf,
  windowOf,
} from '../support/desktop-look.ts';
import { openShop } from '../support/journey.ts';
import { tempFolder, until } from '../support/temp.ts';

async function start(...options: Parameters<typeof startDesktop>): Promise<DesktopApp> {
  const app = await startDesktop(...options);
  await app.page.getByRole('heading', { name: 'Protect your first database' }).waitFor();
  return app;
}

test('keeps its window while a dialog of it waits for an answer', async () => {
  using folder = tempFolder();
  await using app = await start({ dataDir: folder.at('data') });
  const chosen = call(app, 'chooseDatabase', {});
  await until('the dialog is open', async () => (await callsOf(app, 'dialog.showOpenDialog')).length === 1);
  await closeWindow(app);
  await closeWindow(app);
  await chooseIn(app, 'showOpenDialog', undefined);
  expect(await chosen).toMatchObject({ ok: true });
  expect(await windowOf(app)).toMatchObject({ isVisible: true });
  expect(await callsOf(app, 'dialog.showMessageBox')).toEqual([]);
});

test('explains once where it went, however often its close button is pressed', async () => {
  using folder = tempFolder();
  await using app = await start({ dataDir: folder.at('data') });
  await closeWindow(app);
  await closeWindow(app);
  await until('it is hidden', async () => !(await windowOf(app)).isVisible);
  await pressIn(app, 'OK');
  await pickInTray(app, 'Open Tidemark');
  await until('it is shown', async () => (await windowOf(app)).isVisible);
  expect(await callsOf(app, 'dialog.showMessageBox')).toHaveLength(1);
});

test('a second start in the background shows nothing', async () => {
  using folder = tempFolder();
  await using app = await start({ dataDir: folder.at('data'), args: ['--background'] });
  expect(await app.startAgain('--background')).toBe(0);
  // Told in order: were the first to show it, the second would come later still.
  expect(await app.startAgain('--background')).toBe(0);
  expect(await windowOf(app)).toMatchObject({ isVisible: false });
  expect(await app.startAgain()).toBe(0);
  await until('it is shown', async () => (await windowOf(app)).isVisible);
});

test('started in the background it stays hidden, also where it was maximised, and keeps its size from before', async () => {
  using folder = tempFolder();
  const bounds = { x: 60, y: 60, width: 900, height: 640 };
  mkdirSync(folder.at('data'));
  writeFileSync(folder.at('data', 'desktop.json'), JSON.stringify({ bounds, isMaximized: true }));
  await using app = await start({ dataDir: folder.at('data'), args: ['--background'] });
  expect(await windowOf(app)).toMatchObject({ isVisible: false });
  await pickInTray(app, 'Open Tidemark');
  const isMaximized = () =>
    app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isMaximized());
  await until('it is maximised', isMaximized);
  await quit(app.electron);
  expect(await app.ended).toBe(0);
  expect(JSON.parse(readFileSync(folder.at('data', 'desktop.json'), 'utf8'))).toMatchObject({
    bounds,
    isMaximized: true,
  });
});

test('is not held up by a program that shows the data folder', async () => {
  using folder = tempFolder();
  mkdirSync(folder.at('bin'));
  const opener = folder.at('bin', 'xdg-open');
  writeFileSync(
    opener,
    `#!/bin/sh\necho "$1" >${folder.at('opened.tmp')}\nmv ${folder.at('opened.tmp')} ${folder.at('opened')}\nsleep 20\n`,
  );
  chmodSync(opener, 0o755);
  await using app = await start({ dataDir: folder.at('data'), programs: folder.at('bin') });
  await app.electron.evaluate(({ Menu }) => {
    const items = Menu.getApplicationMenu()?.items ?? [];
    const all = items.flatMap(({ submenu }) => submenu?.items ?? []);
    all.find(({ label }) => label === 'Show Data Folder')?.click();
  });
  await until('it was asked to', () => existsSync(folder.at('opened')));
  expect(readFileSync(folder.at('opened'), 'utf8').trim()).toBe(folder.at('data'));
  // The opener goes on sleeping.
  expect(await call(app, 'pause', {})).toMatchObject({ ok: true });
  await quit(app.electron);
  expect(await app.ended).toBe(0);
});

test('says so when its page keeps crashing, and tries again when asked', async () => {
  using folder = tempFolder();
  await using app = await start({ dataDir: folder.at('data') });
  expect(await crashesOf(app)).toBe(0);
  for (let crash = 1; crash <= 4; crash += 1) {
    await until('its page is there', () => hasPage(app));
    await app.electron.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.webContents.forcefullyCrashRenderer(),
    );
    await until('it is gone', async () => (await crashesOf(app)) === crash);
  }
  expect(await pressIn(app, 'Try again')).toMatchObject({ title: 'The window of Tidemark keeps crashing' });
  await until('its page is back', () => hasPage(app));
});

test('tells a hidden window nothing, and all of it once it is shown', async () => {
  using folder = tempFolder();
  await using shop = await openShop(folder);
  await using app = await start({ dataDir: folder.at('data') });
  await call(app, 'addDatabase', { path: shop.database, folder: folder.at('backup') });
  await until('it is protected', async () => (await stateOf(app)).databases[0]?.status.kind === 'protected');
  await app.page.evaluate(() => {
    const page = globalThis as unknown as { tidemark: { subscribe(listener: () => void): void }; told: number };
    page.told = 0;
    page.tidemark.subscribe(() => (page.told += 1));
  });
  const told = () => app.page.evaluate(() => (globalThis as unknown as { told: number }).told);
  await until('it is told', async () => (await told()) > 2);
  await closeWindow(app);
  await pressIn(app, 'OK');
  await until('it is hidden', async () => !(await windowOf(app)).isVisible);
  const before = await told();
  const transactions = () => readFileSync(shop.truth, 'utf8').split('\n').length;
  const enough = transactions() + 12;
  await until('more was written', () => transactions() > enough);
  expect(await told()).toBe(before);
  await pickInTray(app, 'Open Tidemark');
  await until('it is told again', async () => (await told()) > before + 2);
});

async function hasPage({ electron }: DesktopApp): Promise<boolean> {
  const code = "document.querySelector('h1')?.textContent ?? ''";
  const text = await electron.evaluate(
    ({ BrowserWindow }, asked) =>
      Promise.race([
        BrowserWindow.getAllWindows()[0]
          ?.webContents.executeJavaScript(asked)
          .catch(() => '') as Promise<string>,
        new Promise<string>((resolve) => setTimeout(resolve, 1000, '')),
      ]),
    code,
  );
  return text.includes('Protect your first database');
}

async function crashesOf({ electron }: DesktopApp): Promise<number> {
  return await electron.evaluate(({ BrowserWindow }) => {
    const counted = globalThis as { crashes?: number };
    if (counted.crashes === undefined) {
      counted.crashes = 0;
      BrowserWindow.getAllWindows()[0]?.webContents.on('render-process-gone', () => {
        counted.crashes = (counted.crashes ?? 0) + 1;
      });
    }
    return counted.crashes;
  });
}
