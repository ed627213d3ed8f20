// What the desktop host promises of its window: it is closed to everything but its own page, and that page may ask for no more than
// the contract. The real built main and preload.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DesktopApp, realElectron, startDesktop } from '../support/desktop-app.ts';
import { call, callsOf, chooseIn, windowOf } from '../support/desktop-look.ts';
import { tempFolder, until } from '../support/temp.ts';

const preloadPath = join(import.meta.dirname, '../../dist/electron/preload.cjs');

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

  /** What was refused before ends with a page of its own, which may come late, and in between. */
  async function showOwnPage(): Promise<void> {
    await until('the window shows its own page', async () => {
      const load = app.electron.evaluate(({ BrowserWindow }) =>
        BrowserWindow.getAllWindows()[0]?.loadURL('app://tidemark/index.html'),
      );
      const isLoaded = await load.then(
        () => true,
        () => false,
      );
      return isLoaded && (await app.page.evaluate(() => 'tidemark' in window).catch(() => false));
    });
    await app.page.getByRole('heading', { name: 'Protect your first database' }).waitFor();
  }

  test('is sandboxed and isolated', async () => {
    const preferences = await app.electron.evaluate(({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as {
        getLastWebPreferences(): Electron.WebPreferences;
      };
      return contents.getLastWebPreferences();
    });
    expect(preferences).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
    });
  });

  test.runIf(process.platform === 'linux' && realElectron !== undefined)(
    'is held by the system’s own sandbox',
    async () => {
      const pid = await app.electron.evaluate(({ BrowserWindow }) =>
        BrowserWindow.getAllWindows()[0]?.webContents.getOSProcessId(),
      );
      const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
      // Filtered system calls, no way to more rights, and a view of processes that has its own alone.
      expect(status).toMatch(/^Seccomp:\t2$/m);
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      expect(status).toMatch(/^NSpid:(?:\t\d+){2,}$/m);
    },
  );

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
    const answers = await app.electron.evaluate(async ({ BrowserWindow }, preload) => {
      // The very rights of the window's page, its preload among them: what differs is who it is.
      const preferences = { sandbox: true, contextIsolation: true, nodeIntegration: false, preload };
      const ask = "tidemark.call('pause', {}).then((reply) => 'answered ' + reply.ok, (error) => error.message)";
      const other = new BrowserWindow({ show: false, webPreferences: preferences });
      await other.loadURL('app://tidemark/index.html');
      const fromOther = (await other.webContents.executeJavaScript(ask)) as string;
      other.destroy();
      const window = BrowserWindow.getAllWindows()[0];
      const fromOwn = (await window?.webContents.executeJavaScript(ask)) as string;
      await window?.loadURL('about:blank');
      const fromElsewhere = (await window?.webContents.executeJavaScript(ask)) as string;
      await window?.loadURL('app://tidemark/index.html');
      return { fromOther, fromOwn, fromElsewhere };
    }, preloadPath);
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
    await showOwnPage();
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
      const frame = document.createElement('iframe');
      frame.src = 'https://example.com/frame';
      document.body.append(frame);
    });
    // As if the user had clicked, without whom no page may open another.
    const click = `{
      const popup = Object.assign(document.createElement('a'), { href: 'https://example.com/popup', target: '_blank' });
      document.body.append(popup);
      popup.click();
    }`;
    await app.electron.evaluate(
      ({ BrowserWindow }, code) => BrowserWindow.getAllWindows()[0]?.webContents.executeJavaScript(code, true),
      click,
    );
    const opened = await app.page.evaluateHandle(() => open('https://example.com/other'));
    await until('no popup is there', () => opened.evaluate((popup) => popup === null || popup.closed));
    expect(await app.electron.evaluate(({ webContents }) => webContents.getAllWebContents().length)).toBe(1);
    expect(await windowOf(app)).toEqual(before);
    expect(app.page.frames().filter((frame) => frame.url().includes('example.com'))).toEqual([]);
    await showOwnPage();
  });

  test('is granted no permission and no device', async () => {
    const facts = await app.page.evaluate(async () => ({
      notification: await Notification.requestPermission(),
      geolocation: (await navigator.permissions.query({ name: 'geolocation' })).state,
    }));
    expect(facts).toEqual({ notification: 'denied', geolocation: 'denied' });
  });

  test('is given no device, camera, place or foreign clipboard', async () => {
    const facts = await app.page.evaluate(async () => {
      const outcome = (asked: Promise<unknown> | undefined): Promise<string> =>
        asked === undefined
          ? Promise.resolve('not there')
          : asked.then(
              (given) => JSON.stringify(given),
              (error: unknown) => (error instanceof Error ? error.name : 'refused'),
            );
      const devices = navigator as unknown as Readonly<
        Record<string, { getDevices(): Promise<unknown[]> } | undefined>
      >;
      return {
        usb: await outcome(devices['usb']?.getDevices()),
        hid: await outcome(devices['hid']?.getDevices()),
        camera: await outcome(navigator.mediaDevices.getUserMedia({ video: true })),
        clipboard: await outcome(navigator.clipboard.readText()),
        place: await new Promise<number>((resolve) => {
          navigator.geolocation.getCurrentPosition(
            () => resolve(0),
            ({ code }) => resolve(code),
          );
        }),
      };
    });
    expect(facts).toMatchObject({ clipboard: 'NotAllowedError', place: 1 });
    expect(['[]', 'not there', 'SecurityError']).toContain(facts.usb);
    expect(['[]', 'not there', 'SecurityError']).toContain(facts.hid);
    expect(['NotAllowedError', 'NotFoundError']).toContain(facts.camera);
  });

  test('asks for files in native dialogs', async () => {
    const database = folder.at('till.db');
    writeFileSync(database, '');
    const chosen = call(app, 'chooseDatabase', {});
    expect(await chooseIn(app, 'showOpenDialog', database)).toMatchObject({ title: 'Protect a database' });
    expect(await chosen).toEqual({ ok: true, value: { path: database } });

    const nothing = call(app, 'chooseFolder', { title: 'Where?' });
    await chooseIn(app, 'showOpenDialog', undefined);
    expect(await nothing).toEqual({ ok: true, value: {} });

    const output = call(app, 'chooseOutput', { proposedPath: folder.at('proposed.db') });
    const asked = await chooseIn(app, 'showSaveDialog', folder.at('restored.db'));
    expect(asked).toMatchObject({ defaultPath: folder.at('proposed.db') });
    expect(await output).toEqual({ ok: true, value: { path: folder.at('restored.db') } });
  });

  test('follows the chosen theme', async () => {
    expect(await call(app, 'updateSettings', { theme: 'dark' })).toMatchObject({ ok: true });
    const background = () =>
      app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.getBackgroundColor());
    await until('the window is dark behind its page', async () => (await background()) === '#0C1319');
    const isDark = () => app.page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
    expect(await app.electron.evaluate(({ nativeTheme }) => nativeTheme.shouldUseDarkColors)).toBe(true);
    await until('the page knows', isDark);
    expect(await call(app, 'updateSettings', { theme: 'light' })).toMatchObject({ ok: true });
    await until('the window is light behind its page', async () => (await background()) === '#EEF1F4');
    await until('the page knows', async () => !(await isDark()));
  });

  test('comes back after its page crashed', async () => {
    await app.electron.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.webContents.forcefullyCrashRenderer(),
    );
    // What is asked of a page that is gone may never be answered.
    const heading = () =>
      app.electron.evaluate(({ BrowserWindow }) =>
        Promise.race([
          BrowserWindow.getAllWindows()[0]
            ?.webContents.executeJavaScript("document.querySelector('h1')?.textContent")
            .catch(() => undefined) as Promise<string | undefined>,
          new Promise<undefined>((resolve) => setTimeout(resolve, 1000, undefined)),
        ]),
      );
    await until('the page is back', async () => (await heading())?.includes('Protect your first database'));
    expect(await windowOf(app)).toMatchObject({ count: 1 });
  });
});
