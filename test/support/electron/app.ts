// The application object: life cycle and the single-instance lock. Chromium starts after main's first turn, so that a
// second instance which quits at once never pays for it.
import { EventEmitter } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChromiumProcess, startChromium } from './chromium-process.ts';
import { type Members, as, eventWith } from './members.ts';

interface OpenWindow {
  close(): void;
}

type AppMembers =
  | 'quit'
  | 'exit'
  | 'whenReady'
  | 'isReady'
  | 'getPath'
  | 'setPath'
  | 'requestSingleInstanceLock'
  | 'releaseSingleInstanceLock'
  | 'enableSandbox'
  | 'isPackaged';

class App extends EventEmitter implements Members<Electron.App, AppMembers> {
  readonly isPackaged = false;
  readonly windows = new Set<OpenWindow>();
  readonly chromium: Promise<ChromiumProcess>;
  isSandboxEnabled = false;
  #userData: string | undefined;
  #lock: string | undefined;
  #isReady = false;
  #isQuitting = false;
  readonly #ready = Promise.withResolvers<void>();

  constructor() {
    super();
    const { promise: firstTurn, resolve } = Promise.withResolvers<void>();
    setImmediate(resolve);
    this.chromium = firstTurn.then(() =>
      this.#isQuitting
        ? new Promise<never>(() => undefined)
        : startChromium(join(this.getPath('userData'), `chromium-${process.pid}`)),
    );
    this.chromium.then(
      () => {
        this.#isReady = true;
        this.#ready.resolve();
        this.emit('ready', eventWith({}), {});
      },
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.quit());
  }

  isReady(): boolean {
    return this.#isReady;
  }

  whenReady(): Promise<void> {
    return this.#ready.promise;
  }

  enableSandbox(): void {
    this.isSandboxEnabled = true;
  }

  getPath(name: string): string {
    this.#userData ??= mkdtempSync(join(tmpdir(), 'electron-stand-in-'));
    return name === 'userData' ? this.#userData : join(this.#userData, name);
  }

  setPath(name: string, path: string): void {
    if (name !== 'userData') throw new Error(`stand-in: the path of ${name} cannot be set`);
    this.#userData = path;
  }

  /** Must answer at once: the lock is a file, and the message to its holder a file that the holder watches for. */
  requestSingleInstanceLock(additionalData: Record<string, unknown> = {}): boolean {
    const folder = join(this.getPath('userData'), 'instance');
    const lock = join(folder, 'lock');
    mkdirSync(folder, { recursive: true });
    const holder = tryLock(lock);
    if (holder !== undefined) {
      const message = join(folder, `${process.pid}.json`);
      writeFileSync(message, JSON.stringify([process.argv, process.cwd(), additionalData]));
      return false;
    }
    this.#lock = lock;
    process.on('exit', () => this.releaseSingleInstanceLock());
    watch(folder, () => {
      for (const name of readdirSync(folder)) if (name.endsWith('.json')) this.#receive(join(folder, name));
    }).unref();
    return true;
  }

  releaseSingleInstanceLock(): void {
    if (this.#lock !== undefined) rmSync(this.#lock, { force: true });
    this.#lock = undefined;
  }

  quit(): void {
    const event = eventWith({});
    this.emit('before-quit', event);
    if (event.defaultPrevented) return;
    this.#isQuitting = true;
    for (const window of this.windows) window.close();
    if (this.windows.size === 0) this.#finish();
  }

  exit(code = 0): void {
    this.emit('quit', eventWith({}), code);
    process.exit(code);
  }

  /** A window's close was prevented: that calls off the quit. */
  stay(): void {
    this.#isQuitting = false;
  }

  windowClosed(window: OpenWindow): void {
    this.windows.delete(window);
    if (this.windows.size > 0) return;
    if (this.#isQuitting) this.#finish();
    else if (this.listenerCount('window-all-closed') > 0) this.emit('window-all-closed');
    else this.quit();
  }

  #finish(): void {
    const event = eventWith({});
    this.emit('will-quit', event);
    if (event.defaultPrevented) this.#isQuitting = false;
    else this.exit(0);
  }

  #receive(file: string): void {
    try {
      const [argv, workingDir, data] = JSON.parse(readFileSync(file, 'utf8')) as unknown[];
      rmSync(file);
      this.emit('second-instance', eventWith({}), argv, workingDir, data);
    } catch {
      // @NOTE still being written: the next change of the folder brings it.
    }
  }
}

/** The process that holds the lock; undefined once it is ours. */
function tryLock(lock: string): number | undefined {
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return undefined;
    } catch {
      // @NOTE held, or left behind by a process that was killed; its liveness tells.
      const holder = Number(readFileSync(lock, 'utf8'));
      if (isAlive(holder)) return holder;
      rmSync(lock, { force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export const app = new App();
export const electronApp = as<Electron.App>(app);
