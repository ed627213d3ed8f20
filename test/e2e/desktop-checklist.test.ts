// Electron's security checklist (https://www.electronjs.org/docs/latest/tutorial/security), number by number, each layer by itself:
// what another layer would stop as well is still refused by its own. The real built main and preload; what a page can see of it is
// desktop-window.test.ts, and of devices (5) desktop-stand-in.test.ts. The fuses (19) are in host-packaging.test.ts.
import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DesktopApp, startDesktop } from '../support/desktop-app.ts';
import { tempFolder } from '../support/temp.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(resolve(root, path), 'utf8');
const sources = globSync('electron/**/*.{ts,cts}', { cwd: root }).map((path) => ({ path, text: read(path) }));

describe('the window', () => {
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

  /** Whether main prevents what an event of the window's page announces, wherever it leads. */
  const isPrevented = async (name: string): Promise<boolean> =>
    await app.electron.evaluate(({ BrowserWindow }, event) => {
      let prevented = false;
      const details = {
        url: 'app://tidemark/index.html',
        isMainFrame: false,
        preventDefault: () => (prevented = true),
      };
      const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as NodeJS.EventEmitter;
      contents.emit(event, details, details.url, {});
      return prevented;
    }, name);

  const preferences = async (): Promise<Record<string, unknown>> =>
    await app.electron.evaluate(({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as {
        getLastWebPreferences(): Record<string, unknown>;
      };
      return { ...contents.getLastWebPreferences() };
    });

  test.each([
    ['2', 'nodeIntegration', false],
    ['2', 'nodeIntegrationInSubFrames', false],
    ['3', 'contextIsolation', true],
    ['4', 'sandbox', true],
    ['6', 'webSecurity', true],
    ['11', 'webviewTag', false],
  ])('%s: %s is %s', async (_number, name, value) => {
    expect((await preferences())[name]).toBe(value);
  });

  test.each([
    ['8', 'allowRunningInsecureContent'],
    ['9', 'experimentalFeatures'],
    ['10', 'enableBlinkFeatures'],
    ['6', 'disableBlinkFeatures'],
    ['2', 'nodeIntegrationInWorker'],
  ])('%s: %s is not switched on', async (_number, name) => {
    expect((await preferences())[name] ?? false).toSatisfy((value: unknown) => value === false || value === '');
  });

  test.each([
    ['12: no webview is attached', 'will-attach-webview'],
    ['13: nothing navigates', 'will-navigate'],
    ['13: no frame navigates', 'will-frame-navigate'],
    ['13: nothing is redirected', 'will-redirect'],
  ])('%s', async (_what, name) => {
    expect(await isPrevented(name)).toBe(true);
  });

  test('13: downloads are refused', async () => {
    const isRefused = await app.electron.evaluate(({ session }) => {
      let prevented = false;
      const emitter = session.defaultSession as unknown as NodeJS.EventEmitter;
      emitter.emit('will-download', { preventDefault: () => (prevented = true) }, {});
      return prevented;
    });
    expect(isRefused).toBe(true);
  });

  test('13: every page that is made is guarded, not only the window’s', async () => {
    const prevented = await app.electron.evaluate(({ BrowserWindow }) => {
      const webPreferences = { sandbox: true, contextIsolation: true, nodeIntegration: false };
      const other = new BrowserWindow({ show: false, webPreferences });
      const emitter = other.webContents as unknown as NodeJS.EventEmitter;
      const count = ['will-navigate', 'will-frame-navigate', 'will-redirect', 'will-attach-webview'].filter((name) => {
        let wasPrevented = false;
        emitter.emit(
          name,
          { url: 'https://evil.example', preventDefault: () => (wasPrevented = true) },
          'https://evil.example',
          {},
        );
        return wasPrevented;
      }).length;
      other.destroy();
      return count;
    });
    expect(prevented).toBe(4);
  });

  test.each([
    ['a frame inside the page, of the same origin', 'other-frame'],
    ['a frame that is gone', 'no-frame'],
    ['another page', 'other-sender'],
  ])('17: %s is not answered', async (_what, who) => {
    const answer = await app.electron.evaluate(async ({ BrowserWindow, ipcMain }, asked) => {
      // Where Electron keeps what answers: no page can be made to send such a message, since each layer before refuses it.
      const { _invokeHandlers: channels } = ipcMain as unknown as {
        readonly _invokeHandlers: ReadonlyMap<string, (event: object, ...args: unknown[]) => unknown>;
      };
      const sender = BrowserWindow.getAllWindows()[0]?.webContents as unknown as { readonly mainFrame: object };
      const other = { origin: 'app://tidemark' };
      const ours = { sender, senderFrame: sender.mainFrame };
      const events: Record<string, object> = {
        ours,
        'other-frame': { ...ours, senderFrame: { origin: 'app://tidemark', parent: sender.mainFrame } },
        'no-frame': { ...ours, senderFrame: null },
        'other-sender': { sender: { mainFrame: other }, senderFrame: other },
      };
      const ask = async (name: string): Promise<string> =>
        await Promise.resolve()
          .then(() => channels.get('tidemark:call')?.(events[name] ?? {}, 'pause', {}))
          .then(
            () => 'answered',
            (error: unknown) => String(error),
          );
      return [await ask('ours'), await ask(asked)];
    }, who);
    expect(answer).toEqual(['answered', 'Error: refused']);
  });

  test('1 and 18: what it shows comes from its own scheme, and nothing else is asked for', async () => {
    const url = await app.electron.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.webContents.getURL(),
    );
    expect(url).toMatch(/^app:\/\/tidemark\//);
    const loading = sources.filter(({ text }) => /\bloadFile\(/.test(text));
    expect(loading).toEqual([]);
  });
});

test('7: the policy lets a page load its own files alone', async () => {
  const { contentHeaders } = await import('../../electron/host/content-headers.ts');
  const policy = new Map(
    contentHeaders['content-security-policy']
      .split('; ')
      .map((line) => [line.split(' ')[0], line.split(' ').slice(1)] as const),
  );
  expect(policy.get('default-src')).toEqual(["'none'"]);
  expect([...policy.values()].flat().filter((word) => /unsafe|\*|https?:|blob:/.test(word))).toEqual([]);
  for (const name of ['script-src', 'style-src', 'connect-src']) expect(policy.get(name)).toEqual(["'self'"]);
  for (const name of ['base-uri', 'form-action', 'frame-ancestors']) expect(policy.get(name)).toEqual(["'none'"]);
});

test('15: nothing is opened outside but what is ours', () => {
  const opened = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/\bshell\.(\w+)\(([^)]*)\)/g)].map(([, name, what]) => `${path}: ${name}(${what})`),
  );
  // The file that a restore of ours wrote. An address would need a list of those that may be opened.
  expect(opened).toEqual(['electron/desktop/desktop.ts: showItemInFolder(path)']);
  // The data folder, and the page that leads a browser to the headless host, each a path of our own making.
  const started = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/(?<!function )\bopenOutside\((\w+)/g)].map(([, what]) => `${path}: ${what ?? ''}`),
  );
  expect(started.sort()).toEqual([
    'electron/cli/open.ts: writeRedirect',
    'electron/desktop/desktop.ts: dataDir',
    'electron/headless.ts: writeRedirect',
  ]);
});

test('16: Electron is pinned to one release, the same in both files, of a line that gets security fixes', () => {
  const { devDependencies } = JSON.parse(read('package.json')) as { readonly devDependencies: Record<string, string> };
  const { packages } = JSON.parse(read('package-lock.json')) as {
    readonly packages: Record<string, { readonly version?: string }>;
  };
  const pinned = devDependencies['electron'] ?? '';
  expect(pinned).toMatch(/^\d+\.\d+\.\d+$/);
  expect(packages['node_modules/electron']?.version).toBe(pinned);
  // The line that was newest when this was written; older ones get none any more a few months later.
  expect(Number(pinned.split('.')[0])).toBeGreaterThanOrEqual(45);
});

test('17: every channel is registered by the one function that looks at who calls', () => {
  const handled = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/\bipcMain\s*\.\s*(?:handle|on|once|handleOnce)\b/g)].map(() => path),
  );
  expect(handled).toEqual(['electron/desktop/ipc.ts']);
});

test('20: the preload hands out named functions, and no part of Electron', () => {
  const preload = read('electron/preload.cts');
  expect(preload.match(/exposeInMainWorld\(/g)).toHaveLength(1);
  expect(preload).not.toMatch(/exposeInMainWorld\([^)]*,\s*(?:ipcRenderer|webUtils|require)/);
  expect(
    [...preload.matchAll(/ipcRenderer\.(\w+)\(\s*'([^']+)'/g)].map(([, name, channel]) => `${name} ${channel}`),
  ).toEqual(['invoke tidemark:call', 'on tidemark:state', 'invoke tidemark:subscribe', 'off tidemark:state']);
});
