// The desktop application, put together: engine, demo, contract, window, tray, menu, and their common end.
// Started by main.ts once Electron is ready and this is the only instance.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type BrowserWindow, app, nativeTheme, powerMonitor, session, shell, utilityProcess } from 'electron';
import type { EngineCommandName } from '../../shared/contract.ts';
import { AppError, errorSentence } from '../../shared/errors.ts';
import type { AppState, HostInfo } from '../../shared/model.ts';
import { summarize } from '../../shared/summary.ts';
import { serveContent } from './content.ts';
import { type Demo, createDemo } from '../demo/demo.ts';
import { createEnding } from './ending.ts';
import { guardSession } from './guards.ts';
import { chooseDatabase, chooseFolder, chooseOutput, confirmQuit, showFailure } from './dialogs.ts';
import type { EngineHost } from '../host/engine-host.ts';
import { type HostApi, type HostHandlers, createHostApi } from '../host/host-api.ts';
import { openIpc } from './ipc.ts';
import { installMenu } from './menu.ts';
import { plainSurroundings } from '../host/surroundings.ts';
import { openOutside } from '../host/open-browser.ts';
import { createTrayIcon } from './tray.ts';
import { createMainWindow, goTo, rememberPlace, showWindow } from './window.ts';

export interface DesktopParts {
  readonly engine: EngineHost;
  readonly dataDir: string;
  /** `main.js`; everything else that was built lies beside and below it. */
  readonly mainUrl: string;
  readonly hostDir: string;
  readonly hasTray: boolean;
  readonly secretsKeptBy: HostInfo['secretsKeptBy'];
  readonly isBackground: boolean;
}

export interface Desktop {
  /** Shows the window, at a file to add where one was handed over. */
  show(paths: readonly string[]): void;
}

/** Opens the application for its user. */
export function startDesktop(parts: DesktopParts): Desktop {
  const { engine, dataDir, mainUrl, hostDir, hasTray, isBackground } = parts;
  const owned = new AsyncDisposableStack();
  owned.defer(() => engine.stop());
  const demo = owned.use(
    createDemo({
      dataDir,
      hostUrl: mainUrl,
      engine,
      startProcess: (file, args) =>
        utilityProcess.fork(file, [...args], { stdio: 'pipe', serviceName: 'Tidemark demo', env: plainSurroundings() }),
    }),
  );

  guardSession(session.defaultSession);
  serveContent(session.defaultSession.protocol, join(hostDir, '../renderer'));
  const iconPath = join(hostDir, '../../electron/icons/icon.png');
  const window = createMainWindow({ dataDir, hostDir, iconPath, hasTray, isBackground });
  const host = hostInfo(parts);
  const api = createHostApi({ engine, host, demo, handlers: handlersFor(window, demo) });
  owned.use(openIpc(window, api));

  let state: AppState | undefined;
  const ending = createEnding({
    confirm: () => mayQuit(window, state),
    async stop() {
      rememberPlace(window, dataDir);
      window.hide();
      await owned.disposeAsync();
    },
    kill: () => engine.kill(),
    hangs: () => engine.hangs,
  });

  function show(hash: string | undefined): void {
    if (hash !== undefined) void goTo(window, hash);
    showWindow(window);
  }
  const tray = owned.use(
    createTrayIcon({
      onOpen: () => show(undefined),
      onPause: () => void ask(api, 'pause'),
      onResume: () => void ask(api, 'resume'),
      onQuit: () => ending.request(),
    }),
  );
  installMenu({
    onAddDatabase: () => show('#/add'),
    onOpenSettings: () => show('#/settings'),
    onShowDataFolder: () => openOutside(dataDir),
    onQuit: () => ending.request(),
  });
  owned.defer(
    api.subscribe((next) => {
      state = next;
      tray.update(next);
      if (nativeTheme.themeSource !== next.settings.theme) nativeTheme.themeSource = next.settings.theme;
    }),
  );
  app.on('activate', () => show(undefined));
  // @NOTE An engine that is gone or comes back needs no waking: it looks at everything when it starts.
  powerMonitor.on('resume', () => void engine.call('noteWake', {}).catch(() => {}));

  return {
    show([path]) {
      show(path === undefined ? undefined : `#/add/${encodeURIComponent(path)}`);
    },
  };
}

function handlersFor(window: BrowserWindow, demo: Demo): HostHandlers {
  return {
    chooseDatabase: () => chooseDatabase(window),
    chooseFolder: ({ title }) => chooseFolder(window, title),
    chooseOutput: ({ proposedPath }) => chooseOutput(window, proposedPath),
    showInFolder({ operationId }, state) {
      // Only what a restore of ours wrote; never a path that a page names.
      const path = state?.operations.find(({ id }) => id === operationId)?.result?.path;
      if (path === undefined) return Promise.reject(new AppError('operation-not-found'));
      shell.showItemInFolder(path);
      return Promise.resolve();
    },
    startDemo: () => demo.start(),
    stopDemo: () => demo.stop(),
  };
}

async function ask(api: HostApi, name: Extract<EngineCommandName, 'pause' | 'resume'>): Promise<void> {
  const reply = await api.invoke(name, {});
  if (!reply.ok) showFailure(errorSentence(reply.error));
}

/** Nothing to ask where nothing is being protected. */
async function mayQuit(window: BrowserWindow, state: AppState | undefined): Promise<boolean> {
  const isProtecting = state?.databases.some(({ status }) => status.kind !== 'paused') ?? false;
  if (state === undefined || !isProtecting) return true;
  return await confirmQuit(window, summarize(state.databases, Date.now()).headline);
}

function hostInfo({ hasTray, secretsKeptBy }: DesktopParts): HostInfo {
  const platform = process.platform === 'darwin' || process.platform === 'win32' ? process.platform : 'linux';
  return {
    kind: 'desktop',
    hasDialogs: true,
    canShowInFolder: true,
    hasTray,
    secretsKeptBy,
    platform,
    home: homedir(),
  };
}
