// The built desktop host, started by Playwright's own launcher on the stand-in for Electron.
import { delimiter, resolve } from 'node:path';
import { type ElectronApplication, type Page, _electron } from 'playwright-core';

const root = resolve(import.meta.dirname, '../..');
const standIn = resolve(import.meta.dirname, 'electron/electron-stand-in');
const desktopWithTray = resolve(import.meta.dirname, 'electron/desktop-with-tray');

export interface DesktopApp extends AsyncDisposable {
  readonly electron: ElectronApplication;
  readonly page: Page;
  /** Resolves with the exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

export interface DesktopAppOptions {
  readonly dataDir: string;
  readonly hasTray?: boolean;
  readonly args?: readonly string[];
}

/** Command and surroundings of a start, for those that need no Playwright (a second instance). */
export function desktopCommand({ dataDir, hasTray = true, args = [] }: DesktopAppOptions) {
  const path = process.env['PATH'] ?? '';
  return {
    command: standIn,
    args: [root, '--data-dir', dataDir, ...args],
    env: {
      ...process.env,
      STAND_IN_NODE: process.execPath,
      PATH: hasTray ? `${desktopWithTray}${delimiter}${path}` : path,
    },
  };
}

/** Starts the application and waits for its window. */
export async function startDesktop(options: DesktopAppOptions): Promise<DesktopApp> {
  const { command, args, env } = desktopCommand(options);
  const electron = await _electron.launch({ executablePath: command, args, env });
  const child = electron.process();
  const { promise: ended, resolve: onEnd } = Promise.withResolvers<number | null>();
  child.once('exit', onEnd);
  return {
    electron,
    page: await electron.firstWindow(),
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
