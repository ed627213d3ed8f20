// What the desktop host promises around the window: how the application hides, is found again, and ends. The real built main and
// preload.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { startDesktop } from '../support/desktop-app.ts';
import {
  call,
  callsOf,
  closeWindow,
  pickInTray,
  pressIn,
  quit,
  stateOf,
  trayLines,
  windowOf,
} from '../support/desktop-look.ts';
import { openShop } from '../support/journey.ts';
import { tempFolder, until } from '../support/temp.ts';

describe('the application', () => {
  test('hides to the tray, which tells the truth, and is found again', async () => {
    using folder = tempFolder();
    await using shop = await openShop(folder);
    await using app = await startDesktop({ dataDir: folder.at('data') });
    await app.page.getByRole('heading', { name: 'Protect your first database' }).waitFor();
    await until('the tray knows', async () => (await trayLines(app))[0] === 'Nothing is protected yet');

    expect(await call(app, 'addDatabase', { path: shop.database, folder: folder.at('backup') })).toMatchObject({
      ok: true,
    });
    await until('the tray says protected', async () => (await trayLines(app))[0] === 'till.db is protected');
    // At the size that it opens with, the overview's table fits its card.
    await app.page.getByRole('link', { name: 'Overview' }).click();
    const spill = await app.page
      .getByRole('table')
      .evaluate(
        (table) => table.getBoundingClientRect().right - (table.parentElement?.getBoundingClientRect().right ?? 0),
      );
    expect(spill).toBeLessThanOrEqual(0);
    expect(await trayLines(app)).toEqual([
      'till.db is protected',
      '',
      'Open Tidemark',
      'Pause protection',
      '',
      'Quit Tidemark',
    ]);

    await closeWindow(app);
    expect(await pressIn(app, 'OK')).toMatchObject({ title: 'Tidemark keeps running' });
    await until('it is hidden', async () => !(await windowOf(app)).isVisible);
    await pickInTray(app, 'Open Tidemark');
    await until('it is shown', async () => (await windowOf(app)).isVisible);
    await closeWindow(app);
    await until('it is hidden again', async () => !(await windowOf(app)).isVisible);
    expect(await callsOf(app, 'dialog.showMessageBox')).toHaveLength(1);

    await pickInTray(app, 'Pause protection');
    await until('the tray says paused', async () => (await trayLines(app))[0] === 'till.db is paused');
    await pickInTray(app, 'Resume protection');
    await until('it goes on', async () => (await trayLines(app))[0] === 'till.db is protected');
  });

  test('minimises where there is no tray', async () => {
    using folder = tempFolder();
    await using app = await startDesktop({ dataDir: folder.at('data'), hasTray: false });
    await app.page.getByRole('heading', { name: 'Protect your first database' }).waitFor();
    expect((await stateOf(app)).host).toMatchObject({ kind: 'desktop', hasTray: false });
    await closeWindow(app);
    expect(await pressIn(app, 'OK')).toMatchObject({ message: 'Tidemark goes on protecting, minimised.' });
    await until('it is minimised', async () => (await windowOf(app)).isMinimized);
  });

  test('starts hidden at login, and is shown by a second start, which hands over its file and leaves', async () => {
    using folder = tempFolder();
    await using app = await startDesktop({ dataDir: folder.at('data'), args: ['--background'] });
    await app.page.getByRole('heading', { name: 'Protect your first database' }).waitFor();
    expect(await windowOf(app)).toMatchObject({ isVisible: false });

    expect(await app.startAgain('/srv/till & co.db')).toBe(0);
    await until('the window is shown', async () => (await windowOf(app)).isVisible);
    await until('it is at the file', async () =>
      (await windowOf(app)).url.endsWith(`#/add/${encodeURIComponent('/srv/till & co.db')}`),
    );
    const path = app.page.getByRole('combobox', { name: 'Path of the database' });
    await until('the file is in its field', async () => (await path.inputValue()) === '/srv/till & co.db');
    expect(await windowOf(app)).toMatchObject({ count: 1 });
  });

  test('asks before protection ends, and then ends in order', async () => {
    using folder = tempFolder();
    await using shop = await openShop(folder);
    await using app = await startDesktop({ dataDir: folder.at('data') });
    await app.page.getByRole('heading', { name: 'Protect your first database' }).waitFor();
    await call(app, 'addDatabase', { path: shop.database, folder: folder.at('backup') });
    await until('it is protected', async () => (await stateOf(app)).databases[0]?.status.kind === 'protected');
    await closeWindow(app);
    await pressIn(app, 'OK');
    await until('it is hidden', async () => !(await windowOf(app)).isVisible);

    await pickInTray(app, 'Quit Tidemark');
    expect(await pressIn(app, 'Keep running')).toMatchObject({
      message: 'Backups stop until you reopen Tidemark.',
      buttons: ['Keep running', 'Quit'],
    });
    await until(
      'points keep coming',
      async () => ((await stateOf(app)).databases[0]?.newest?.at ?? 0) > Date.now() - 1000,
    );

    await pickInTray(app, 'Quit Tidemark');
    await pressIn(app, 'Quit').catch(() => undefined);
    expect(await app.ended).toBe(0);
    expect(JSON.parse(readFileSync(folder.at('data', 'desktop.json'), 'utf8'))).toMatchObject({
      hasExplainedClosing: true,
      bounds: { width: 1180, height: 780 },
    });
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('ends at %s without asking', async (signal) => {
    using folder = tempFolder();
    await using app = await startDesktop({ dataDir: folder.at('data') });
    await app.page.getByRole('heading', { name: 'Protect your first database' }).waitFor();
    app.electron.process().kill(signal);
    expect(await app.ended).toBe(0);
  });

  test('ends at once when nothing is protected and the system tells it to quit', async () => {
    using folder = tempFolder();
    await using app = await startDesktop({ dataDir: folder.at('data') });
    await app.page.getByRole('heading', { name: 'Protect your first database' }).waitFor();
    await quit(app.electron);
    expect(await app.ended).toBe(0);
  });
});
