// The built desktop host, started by Playwright's own launcher: on the stand-in for Electron, or on a real one where the test project
// names it (vitest.config.ts). Tests see the same of both.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { type ElectronApplication, type Page, _electron } from 'playwright-core';
import { type DesktopSession, startDesktopSession } from './real-electron/desktop-session.ts';
import { electronAsUser } from './real-electron/run.ts';
import { until } from './temp.ts';

const root = resolve(import.meta.dirname, '../..');
const support = (name: string): string => join(import.meta.dirname, name);

export interface RealElectron {
  readonly executable: string;
  /** The folder that it starts. */
  readonly app: string;
}

/** The real Electron that the tests run on; undefined on the stand-in. */
export const realElectron = fromEnvironment();

function fromEnvironment(): RealElectron | undefined {
  const { TIDEMARK_TEST_RUNTIME: executable, TIDEMARK_TEST_APP: app = root } = process.env;
  return executable === undefined ? undefined : { executable, app };
}

export interface DesktopApp extends AsyncDisposable {
  readonly electron: ElectronApplication;
  readonly page: Page;
  /** Resolves with the exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  /** The desktop that a real Electron has to itself. */
  readonly session: DesktopSession | undefined;
  /** Starts the application once more beside itself; resolves with how that ended. */
  startAgain(...args: readonly string[]): Promise<number | null>;
}

export interface DesktopAppOptions {
  readonly dataDir: string;
  readonly hasTray?: boolean;
  readonly hasWindowManager?: boolean;
  /** A folder of programs that are found before all others. */
  readonly programs?: string;
  readonly args?: readonly string[];
  /** The Electron to start; that of the test project unless named. */
  readonly real?: RealElectron;
}

/** Starts the application and waits for its window. */
export async function startDesktop(options: DesktopAppOptions): Promise<DesktopApp> {
  const { dataDir, hasTray = true, hasWindowManager = true, programs, args = [], real = realElectron } = options;
  await using owned = new AsyncDisposableStack();
  const session =
    real === undefined ? undefined : owned.use(await startDesktopSession({ hasPanel: hasTray, hasWindowManager }));
  const path = [programs, process.env['PATH']].filter((part) => part !== undefined).join(delimiter);
  const [command, app, env] =
    session === undefined || real === undefined
      ? [
          support('electron/electron-stand-in'),
          root,
          {
            ...process.env,
            STAND_IN_NODE: process.execPath,
            // A desktop has one; nobody connects to it.
            DISPLAY: ':stand-in',
            PATH: hasTray ? `${support('electron/desktop-with-tray')}${delimiter}${path}` : path,
          },
        ]
      : [electronAsUser, real.app, { ...session.env, PATH: path, TIDEMARK_TEST_RUNTIME: real.executable }];
  const line = (more: readonly string[]): string[] => [app, '--data-dir', dataDir, ...more];

  // Playwright by itself asks for no sandbox, and shows every page a light theme.
  const launched = { executablePath: command, args: line(args), env: definedOnly(env), chromiumSandbox: true };
  const electron = await _electron.launch({ ...launched, colorScheme: null });
  const child = electron.process();
  const { promise: ended, resolve: onEnd } = Promise.withResolvers<number | null>();
  child.once('exit', onEnd);
  owned.defer(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await electron.evaluate(watchNatives);
  const page = await electron.firstWindow();
  if (session === undefined) {
    const browserPid = await findBrowser(join(dataDir, 'desktop', `chromium-${child.pid}`));
    // Left alone it would end in order, and write its profile anew into a folder that the test has removed.
    owned.defer(async () => void (await until('Chromium is gone', () => !kill(browserPid))));
  } else {
    owned.defer(
      async () => void (await until('its processes are gone', () => processesOf(dataDir).every((pid) => !kill(pid)))),
    );
  }
  const stack = owned.move();
  return {
    electron,
    page,
    ended,
    session,
    async startAgain(...more) {
      const second = spawn(command, line(more), { env, stdio: 'ignore' });
      return (await once(second, 'exit'))[0] as number | null;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/**
 * Runs in main: keeps what native dialogs and the system's shell are asked for a test to read (`callsOf`), and asks them all the same.
 */
function watchNatives({ dialog, shell }: Pick<typeof Electron.CrossProcessExports, 'dialog' | 'shell'>): void {
  type Asked = (...args: unknown[]) => unknown;
  const calls: { name: string; args: unknown[]; isOpen: boolean }[] = [];
  Object.assign(globalThis, { nativeCalls: calls });
  for (const [prefix, native] of Object.entries({ dialog, shell })) {
    const functions = native as unknown as Record<string, Asked>;
    for (const name of [
      'showMessageBox',
      'showErrorBox',
      'showOpenDialog',
      'showSaveDialog',
      'openPath',
      'showItemInFolder',
    ]) {
      const original = functions[name];
      if (original === undefined) continue;
      functions[name] = (...args) => {
        const call = { name: `${prefix}.${name}`, args, isOpen: true };
        calls.push(call);
        const answer = original.apply(native, args);
        void Promise.resolve(answer).finally(() => (call.isOpen = false));
        return answer;
      };
    }
  }
}

/** Chromium's profile is locked by a link that names its process: `host-1234`. */
async function findBrowser(profileDir: string): Promise<number> {
  const holder = await readlink(join(profileDir, 'SingletonLock'));
  return Number(holder.slice(holder.lastIndexOf('-') + 1));
}

/** Linux's processes that were started for a data folder, helpers of Chromium among them. */
export function processesOf(dataDir: string): readonly number[] {
  if (process.platform !== 'linux') return [];
  const isFor = (line: string): boolean => [`${dataDir}/`, `${dataDir}\0`].some((text) => line.includes(text));
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isFor(commandLineOf(pid)));
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8');
  } catch {
    // @NOTE It has ended meanwhile.
    return '';
  }
}

/** False once there is no such process. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}
