// What the desktop host promises of its window: it is closed to everything but its own page, and that page may ask for no more than
// the contract. The real built main and preload, on the stand-in for Electron.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DesktopApp, startDesktop } from '../support/desktop-app.ts';
import { answerDialogs, call, callsOf, windowOf } from '../support/desktop-look.ts';
import { tempFolder, until } from '../support/temp.ts';

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
    // What was refused ends with a page of its own, which may come late: what follows is for the window's.
    await until('the window shows its own page', async () => {
      const isThere = app.page.evaluate(
        () => location.pathname.endsWith('/index.html') && document.readyState === 'complete',
      );
      return await isThere.catch(() => false);
    });
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
