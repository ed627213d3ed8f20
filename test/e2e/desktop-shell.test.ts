// What the desktop host promises around the window: who is heard, where a page may go, how the application hides, is
// found again, and ends. The real built main and preload, on the stand-in for Electron.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { ElectronApplication } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AppState } from '../../shared/model.ts';
import { type DesktopApp, desktopCommand, startDesktop } from '../support/desktop-app.ts';
import { openShop } from '../support/journey.ts';
import { tempFolder, until } from '../support/temp.ts';

/** What the preload puts on the window, as a page sees it. */
interface Bridge {
  call(name: unknown, argument: unknown): Promise<unknown>;
  subscribe(listener: (state: AppState) => void): () => void;
}
interface PageGlobals {
  readonly tidemark: Bridge;
}

/** What the stand-in shows of the desktop, as main sees it. */
interface MainGlobals {
  readonly standIn: {
    readonly calls: readonly { readonly name: string; readonly args: readonly unknown[] }[];
    readonly answers: Record<string, unknown[]>;
    readonly trays: readonly {
      readonly toolTip: string;
      readonly menu: {
        readonly items: readonly { readonly label: string; readonly enabled: boolean; click(): void }[];
      };
      emit(event: string): void;
    }[];
  };
}

function call(app: DesktopApp, name: string, argument: unknown): Promise<unknown> {
  return app.page.evaluate(([wanted, given]) => (globalThis as unknown as PageGlobals).tidemark.call(wanted, given), [
    name,
    argument,
  ] as const);
}

function stateOf({ page }: DesktopApp): Promise<AppState> {
  return page.evaluate(
    () =>
      new Promise<AppState>((resolve) => {
        const stop = (globalThis as unknown as PageGlobals).tidemark.subscribe((state) => {
          resolve(state);
          queueMicrotask(() => stop());
        });
      }),
  );
}

/** Labels of the tray's menu. */
function trayLines({ electron }: DesktopApp): Promise<readonly string[]> {
  return electron.evaluate(() =>
    (globalThis as unknown as MainGlobals).standIn.trays.flatMap((tray) => tray.menu.items.map(({ label }) => label)),
  );
}

function pickInTray({ electron }: DesktopApp, label: string): Promise<void> {
  return electron.evaluate((_electron, wanted) => {
    const [tray] = (globalThis as unknown as MainGlobals).standIn.trays;
    tray?.menu.items.find((item) => item.label === wanted)?.click();
  }, label);
}

/** What dialogs answer next. */
function answerDialogs({ electron }: DesktopApp, name: string, ...answers: readonly unknown[]): Promise<void> {
  return electron.evaluate(
    (_electron, [dialog, list]) => {
      (globalThis as unknown as MainGlobals).standIn.answers[dialog] = [...list];
    },
    [name, answers] as const,
  );
}

/** The calls of the desktop's functions by name, with their last argument. */
function callsOf({ electron }: DesktopApp, name: string): Promise<readonly unknown[]> {
  return electron.evaluate(
    (_electron, wanted) =>
      (globalThis as unknown as MainGlobals).standIn.calls
        .filter((one) => one.name === wanted)
        .map(({ args }) => args.at(-1)),
    name,
  );
}

function windowOf({ electron }: DesktopApp) {
  return electron.evaluate(({ BrowserWindow }) => {
    const window = BrowserWindow.getAllWindows()[0];
    if (window === undefined) throw new Error('there is no window');
    return {
      isVisible: window.isVisible(),
      isMinimized: window.isMinimized(),
      url: window.webContents.getURL(),
      count: BrowserWindow.getAllWindows().length,
    };
  });
}

function closeWindow({ electron }: DesktopApp): Promise<void> {
  return electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
}

function quit(electron: ElectronApplication): Promise<void> {
  return electron.evaluate(({ app }) => app.quit()).catch(() => undefined);
}

describe('a window', () => {
  const folder = tempFolder();
  let app: DesktopApp;

  beforeAll(async () => {
    app = await startDesktop({ dataDir: folder.at('data') });
    await app.page.getByRole('heading', { name: 'Protect your first database' }).waitFor();
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test('is sandboxed and isolated', async () => {
    const facts = await app.electron.evaluate(({ app: main, BrowserWindow }) => {
      const [window] = BrowserWindow.getAllWindows() as unknown as readonly {
        readonly options: Electron.BrowserWindowConstructorOptions;
      }[];
      const { preload: _preload, ...preferences } = window?.options.webPreferences ?? {};
      return {
        preferences,
        isSandboxEnabled: (main as unknown as { readonly isSandboxEnabled: boolean }).isSandboxEnabled,
      };
    });
    expect(facts).toEqual({
      isSandboxEnabled: true,
      preferences: {
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        nodeIntegrationInWorker: false,
        nodeIntegrationInSubFrames: false,
        webSecurity: true,
        webviewTag: false,
        spellcheck: false,
      },
    });
  });

  test('gives its page three functions and nothing of Electron or Node', async () => {
    const facts = await app.page.evaluate(() => {
      const globals = globalThis as unknown as Record<string, unknown>;
      const bridge = globals['tidemark'] as Record<string, unknown>;
      return {
        bridge: Object.entries(bridge).map(([name, value]) => `${name}: ${typeof value}`),
        isFrozen: Object.isFrozen(bridge),
        others: ['require', 'process', 'module', 'ipcRenderer', 'electron'].filter((name) => name in globals),
      };
    });
    expect(facts).toEqual({
      bridge: ['call: function', 'subscribe: function', 'pathForFile: function'],
      isFrozen: true,
      others: [],
    });
  });

  test.each([
    ['an unknown command', 'eval', {}, 'invalid-argument'],
    ['a wrong argument', 'inspectDatabase', { path: 7 }, 'invalid-argument'],
    ['an argument with more than asked', 'pause', { databaseId: 'x', force: true }, 'invalid-argument'],
    ['a path to show that no restore wrote', 'showInFolder', { operationId: '/etc/passwd' }, 'operation-not-found'],
  ])('is refused %s', async (_what, name, argument, code) => {
    expect(await call(app, name, argument)).toMatchObject({ ok: false, error: { code } });
    expect(await callsOf(app, 'shell.showItemInFolder')).toEqual([]);
  });

  test('of another origin, or another window, is not heard', async () => {
    const answers = await app.electron.evaluate(async ({ BrowserWindow }) => {
      const own = BrowserWindow.getAllWindows()[0] as unknown as {
        readonly options: Electron.BrowserWindowConstructorOptions;
      };
      const preferences = own.options.webPreferences ?? {};
      const ask = "tidemark.call('pause', {}).then((reply) => 'answered ' + reply.ok, (error) => error.message)";
      const other = new BrowserWindow({ webPreferences: preferences });
      await other.loadURL('app://tidemark/index.html');
      const fromOther = (await other.webContents.executeJavaScript(ask)) as string;
      other.destroy();
      const window = BrowserWindow.getAllWindows()[0];
      const fromOwn = (await window?.webContents.executeJavaScript(ask)) as string;
      await window?.loadURL('about:blank');
      const fromElsewhere = (await window?.webContents.executeJavaScript(ask)) as string;
      await window?.loadURL('app://tidemark/index.html');
      return { fromOther, fromOwn, fromElsewhere };
    });
    const refusal = "Error invoking remote method 'tidemark:call': Error: refused";
    expect(answers).toEqual({ fromOther: refusal, fromOwn: 'answered true', fromElsewhere: refusal });
    await app.page.getByRole('heading', { name: 'Protect your first database' }).waitFor();
  });

  test('runs no inline script and reaches no network', async () => {
    const facts = await app.page.evaluate(async () => {
      const script = document.createElement('script');
      script.textContent = 'globalThis.inlineRan = true';
      document.head.append(script);
      const fetched = await fetch('https://example.com/').then(
        () => 'loaded',
        () => 'refused',
      );
      return { inlineRan: 'inlineRan' in globalThis, fetched };
    });
    expect(facts).toEqual({ inlineRan: false, fetched: 'refused' });
    const load = await app.electron.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]
        ?.loadURL('https://example.com/')
        .then(
          () => 'loaded',
          (error: unknown) => String(error),
        ),
    );
    expect(load).toContain('ERR_BLOCKED_BY_CLIENT');
    await app.electron.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.loadURL('app://tidemark/index.html'),
    );
  });

  test.each(['/..%2f..%2fpackage.json', '/%2e%2e/%2e%2e/package.json', '/missing.js', '/assets'])(
    'finds nothing beside its own files: %s',
    async (path) => {
      expect(await app.page.evaluate((wanted) => fetch(wanted).then(({ status }) => status), path)).toBe(404);
    },
  );

  test('cannot navigate away, open another, or embed one', async () => {
    const before = await windowOf(app);
    await app.page.evaluate(() => {
      const link = document.createElement('a');
      link.href = 'https://example.com/';
      document.body.append(link);
      link.click();
      const popup = document.createElement('a');
      popup.href = 'https://example.com/popup';
      popup.target = '_blank';
      popup.textContent = 'A popup';
      document.body.prepend(popup);
      const frame = document.createElement('iframe');
      frame.src = 'https://example.com/frame';
      document.body.append(frame);
    });
    await app.page.getByRole('link', { name: 'A popup' }).click();
    await until('a popup was asked for', async () => (await callsOf(app, 'popup')).length > 0);
    expect(await callsOf(app, 'popup')).toMatchObject([{ action: 'deny' }]);
    expect(await windowOf(app)).toEqual(before);
    expect(app.page.frames().filter((frame) => frame.url().includes('example.com'))).toEqual([]);
    await app.page.reload().catch(() => undefined);
  });

  test('is granted no permission and no device', async () => {
    const facts = await app.page.evaluate(async () => ({
      notification: await Notification.requestPermission(),
      geolocation: (await navigator.permissions.query({ name: 'geolocation' })).state,
    }));
    expect(facts).toEqual({ notification: 'denied', geolocation: 'denied' });
    const answers = await callsOf(app, 'permission');
    expect(answers.length).toBeGreaterThan(0);
    for (const answer of answers) expect(answer).toMatchObject({ isGranted: false, isAllowed: false });
    const refusesDevices = await app.electron.evaluate(
      ({ session }) => (session.defaultSession as unknown as { readonly refusesDevices: boolean }).refusesDevices,
    );
    expect(refusesDevices).toBe(true);
  });

  test('asks for files in native dialogs', async () => {
    await answerDialogs(app, 'showOpenDialog', { canceled: false, filePaths: ['/srv/till.db'] });
    expect(await call(app, 'chooseDatabase', {})).toEqual({ ok: true, value: { path: '/srv/till.db' } });
    expect(await call(app, 'chooseFolder', { title: 'Where?' })).toEqual({ ok: true, value: {} });
    await answerDialogs(app, 'showSaveDialog', { canceled: false, filePath: '/srv/restored.db' });
    expect(await call(app, 'chooseOutput', { proposedPath: '/srv/proposed.db' })).toEqual({
      ok: true,
      value: { path: '/srv/restored.db' },
    });
    expect(await callsOf(app, 'dialog.showSaveDialog')).toMatchObject([{ defaultPath: '/srv/proposed.db' }]);
  });

  test('follows the chosen theme', async () => {
    expect(await call(app, 'updateSettings', { theme: 'dark' })).toMatchObject({ ok: true });
    const facts = () =>
      app.electron.evaluate(({ nativeTheme, BrowserWindow }) => {
        const [window] = BrowserWindow.getAllWindows() as unknown as readonly { readonly backgroundColor: string }[];
        return [nativeTheme.themeSource, window?.backgroundColor];
      });
    await until('the theme is dark', async () => (await facts())[0] === 'dark');
    expect(await facts()).toEqual(['dark', '#0c1319']);
  });

  test('comes back after its page crashed', async () => {
    await app.electron.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.webContents.forcefullyCrashRenderer(),
    );
    const heading = () =>
      app.electron.evaluate(
        ({ BrowserWindow }) =>
          BrowserWindow.getAllWindows()[0]
            ?.webContents.executeJavaScript("document.querySelector('h1')?.textContent")
            .catch(() => undefined) as Promise<string | undefined>,
      );
    await until('the page is back', async () => (await heading())?.includes('Protect your first database'));
    expect(await windowOf(app)).toMatchObject({ count: 1 });
  });
});

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
    expect(await trayLines(app)).toEqual([
      'till.db is protected',
      '',
      'Open Tidemark',
      'Pause protection',
      '',
      'Quit Tidemark',
    ]);

    await closeWindow(app);
    await until('it is hidden', async () => !(await windowOf(app)).isVisible);
    expect(await callsOf(app, 'dialog.showMessageBox')).toMatchObject([{ title: 'Tidemark keeps running' }]);
    await pickInTray(app, 'Open Tidemark');
    expect(await windowOf(app)).toMatchObject({ isVisible: true });
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
    await until('it is minimised', async () => (await windowOf(app)).isMinimized);
    expect(await callsOf(app, 'dialog.showMessageBox')).toMatchObject([
      { message: 'Tidemark goes on protecting, minimised.' },
    ]);
  });

  test('starts hidden at login, and is shown by a second start, which hands over its file and leaves', async () => {
    using folder = tempFolder();
    await using app = await startDesktop({ dataDir: folder.at('data'), args: ['--background'] });
    await app.page.getByRole('heading', { name: 'Protect your first database' }).waitFor();
    expect(await windowOf(app)).toMatchObject({ isVisible: false });

    const { command, args, env } = desktopCommand({ dataDir: folder.at('data'), args: ['/srv/till & co.db'] });
    const second = spawn(command, args, { env, stdio: 'ignore' });
    expect((await once(second, 'exit'))[0]).toBe(0);
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
    await until('it is hidden', async () => !(await windowOf(app)).isVisible);

    await answerDialogs(app, 'showMessageBox', { response: 0, checkboxChecked: false });
    await pickInTray(app, 'Quit Tidemark');
    await until('it asked', async () => (await callsOf(app, 'dialog.showMessageBox')).length === 2);
    expect((await callsOf(app, 'dialog.showMessageBox')).at(-1)).toMatchObject({
      message: 'Backups stop until you reopen Tidemark.',
      buttons: ['Keep running', 'Quit'],
    });
    await until(
      'points keep coming',
      async () => ((await stateOf(app)).databases[0]?.newest?.at ?? 0) > Date.now() - 1000,
    );

    await answerDialogs(app, 'showMessageBox', { response: 1, checkboxChecked: false });
    await pickInTray(app, 'Quit Tidemark').catch(() => undefined);
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
