// The application's one window: created once, hidden rather than closed, its place remembered.
// What its page may do is guards.ts; what it may ask is ipc.ts.
import { join } from 'node:path';
import { BrowserWindow, type Rectangle, nativeTheme, screen } from 'electron';
import { contentOrigin } from '../host/content-files.ts';
import { readMemory, remember } from './memory.ts';
import { explainClosing, explainCrashes, isAsking } from './dialogs.ts';

export interface MainWindowOptions {
  readonly dataDir: string;
  /** Folder of the built hosts, where the preload lies. */
  readonly hostDir: string;
  readonly iconPath: string;
  readonly hasTray: boolean;
  /** Started at login: nothing is shown until asked. */
  readonly isBackground: boolean;
}

/** The tokens `--bg` of both themes: no white flash before the page draws. */
const backgrounds = { light: '#eef1f4', dark: '#0c1319' } as const;
const smallest = { width: 720, height: 520 } as const;
/** A page that crashed this often in a row will crash again. */
const reloadLimit = 3;

/** Creates the window and begins to load its page. */
export function createMainWindow(options: MainWindowOptions): BrowserWindow {
  const { bounds, isMaximized } = readMemory(options.dataDir);
  const window = new BrowserWindow({
    width: 1180,
    height: 780,
    ...(bounds !== undefined && isOnScreen(bounds) ? bounds : {}),
    minWidth: smallest.width,
    minHeight: smallest.height,
    show: false,
    // A page that nobody sees yet would draw all the same.
    paintWhenInitiallyHidden: !options.isBackground,
    title: 'Tidemark',
    icon: options.iconPath,
    backgroundColor: background(),
    webPreferences: {
      preload: join(options.hostDir, 'preload.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
      // Its dictionaries come from the network.
      spellcheck: false,
    },
  });
  // Not before: what is maximised is shown by that.
  if (isMaximized === true) window.once('show', () => window.maximize());
  if (!options.isBackground) window.once('ready-to-show', () => window.show());
  else if (!options.hasTray) window.minimize();
  window.on('close', (event) => {
    event.preventDefault();
    if (isAsking()) return;
    rememberPlace(window, options.dataDir);
    putAway(window, options);
  });
  nativeTheme.on('updated', () => {
    if (!window.isDestroyed()) window.setBackgroundColor(background());
  });
  reloadAfterCrash(window, options);
  void openPlace(window, '');
  return window;
}

/** Shows the window, wherever it went. */
export function showWindow(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}

/** Goes to a place of the application, such as `#/add`; where it is there already, nothing that was typed is lost. */
export async function goTo(window: BrowserWindow, hash: string): Promise<void> {
  if (placeOf(window) !== hash) await openPlace(window, hash);
}

function placeOf(window: BrowserWindow): string {
  const url = window.webContents.getURL();
  return URL.canParse(url) ? new URL(url).hash : '';
}

async function openPlace(window: BrowserWindow, hash: string): Promise<void> {
  try {
    await window.loadURL(`${contentOrigin}/index.html${hash}`);
  } catch {
    // @NOTE the page went elsewhere meanwhile, or crashed, which is handled where it is reported.
  }
}

/** Keeps where the window is for the next start; of one that is maximised, where it was before. */
export function rememberPlace(window: BrowserWindow, dataDir: string): void {
  const isMaximized = window.isMaximized();
  remember(dataDir, { isMaximized, ...(isMaximized ? {} : { bounds: window.getNormalBounds() }) });
}

/** Hidden before anything is explained: a window that is hidden right behind a dialog of its own gets no keys when it comes back. */
function putAway(window: BrowserWindow, { dataDir, hasTray }: MainWindowOptions): void {
  if (hasTray) window.hide();
  else window.minimize();
  if (readMemory(dataDir).hasExplainedClosing === true) return;
  remember(dataDir, { hasExplainedClosing: true });
  void explainClosing(hasTray);
}

/** A remembered place counts if enough of the title bar can be reached to move it. */
function isOnScreen(bounds: Rectangle): boolean {
  return screen.getAllDisplays().some(({ workArea }) => {
    const width = Math.min(bounds.x + bounds.width, workArea.x + workArea.width) - Math.max(bounds.x, workArea.x);
    return width >= 120 && bounds.y >= workArea.y - 8 && bounds.y <= workArea.y + workArea.height - 40;
  });
}

function reloadAfterCrash(window: BrowserWindow, options: MainWindowOptions): void {
  let crashes = 0;
  async function giveUp(): Promise<void> {
    if (await explainCrashes()) {
      crashes = 0;
      await openPlace(window, '');
    } else if (!window.isDestroyed()) putAway(window, options);
  }
  window.webContents.on('did-finish-load', () => {
    setTimeout(() => (crashes = 0), 60_000).unref();
  });
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    crashes += 1;
    if (reason === 'clean-exit' || window.isDestroyed()) return;
    if (crashes > reloadLimit) void giveUp();
    // The first may be an accident; what crashes again may do so because of where it is.
    else void openPlace(window, crashes === 1 ? placeOf(window) : '');
  });
}

function background(): string {
  return nativeTheme.shouldUseDarkColors ? backgrounds.dark : backgrounds.light;
}
