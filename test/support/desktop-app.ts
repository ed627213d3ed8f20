// The built desktop host, started by Playwright's own launcher on the stand-in for Electron.
import { readlink } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { type ElectronApplication, type Page, _electron } from 'playwright-core';
import { until } from './temp.ts';

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
  const page = await electron.firstWindow();
  const browserPid = await findBrowser(join(options.dataDir, 'desktop', `chromium-${child.pid}`));
  return {
    electron,
    page,
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
      // Left alone it would end in order, and write its profile anew into a folder that the test has removed.
      await until('Chromium is gone', () => !kill(browserPid));
    },
  };
}

/** Chromium's profile is locked by a link that names its process: `host-1234`. */
async function findBrowser(profileDir: string): Promise<number> {
  const holder = await readlink(join(profileDir, 'SingletonLock'));
  return Number(holder.slice(holder.lastIndexOf('-') + 1));
}

/** False once there is no such process. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}
