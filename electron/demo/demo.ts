// "Try it with a demo database": owns the writing process and asks the engine to protect what it writes.
// Everything lies in `<data folder>/demo`. How a process is started is the host's; what it writes is writer.ts.
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../shared/errors.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import type { DemoState, EngineState } from '../../shared/model.ts';
import type { EngineHost } from '../host/engine-host.ts';

/** What Node's and Electron's child processes have in common. */
export interface StartedProcess {
  readonly stdout: NodeJS.ReadableStream | null;
  readonly stderr: NodeJS.ReadableStream | null;
  once(event: 'exit', listener: (code: number | null) => void): unknown;
  kill(): boolean;
}

/** Starts a module as a process of its own that dies with this one. */
export type StartProcess = (file: string, args: readonly string[]) => StartedProcess;

export interface Demo extends AsyncDisposable {
  /** Creates, protects and goes on writing; what exists already is used again. */
  start(): Promise<{ readonly databaseId: DatabaseId }>;
  /** Ends the writing process; database and history stay. */
  stop(): Promise<void>;
  /** Calls with the newest state at once, and on every change; returns how to stop. */
  subscribe(listener: (state: DemoState) => void): () => void;
}

export interface DemoParts {
  readonly dataDir: string;
  /** The host's own file; the writer lies in the room beside it. */
  readonly hostUrl: string;
  readonly startProcess: StartProcess;
  readonly engine: Pick<EngineHost, 'call' | 'subscribe'>;
}

/** Sets the demo up; nothing is created or started before `start`. */
export function createDemo({ dataDir, hostUrl, startProcess, engine }: DemoParts): Demo {
  const writerFile = fileURLToPath(new URL(`./demo/writer${hostUrl.endsWith('.ts') ? '.ts' : '.js'}`, hostUrl));
  const listeners = new Set<(state: DemoState) => void>();
  let path = join(dataDir, 'demo', 'shop.db');
  let engineState: EngineState | undefined;
  let state: DemoState = { isRunning: false, databaseId: undefined };
  let starting: Promise<{ readonly databaseId: DatabaseId }> | undefined;
  let writer: Writer | undefined;

  function announce(): void {
    const databaseId = engineState?.databases.find((database) => database.path === path)?.id;
    const isRunning = writer !== undefined;
    if (state.isRunning === isRunning && state.databaseId === databaseId) return;
    const wasRemoved = state.databaseId !== undefined && databaseId === undefined;
    state = { isRunning, databaseId };
    for (const listener of listeners) listener(state);
    // Nobody protects what it writes any more: nothing left to show.
    if (wasRemoved) writer?.stop();
  }

  async function start(): Promise<{ readonly databaseId: DatabaseId }> {
    const folder = join(dataDir, 'demo');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    path = join(await realpath(folder), 'shop.db');
    if (writer === undefined) {
      const started = startWriter(startProcess(writerFile, ['--database', path]));
      writer = started;
      void started.ended.then(() => {
        if (writer === started) writer = undefined;
        announce();
      });
    }
    const current = writer;
    try {
      await current.ready;
      announce();
      if (state.databaseId !== undefined) return { databaseId: state.databaseId };
      return await engine.call('addDatabase', { path, folder: join(folder, 'backup'), isDemo: true });
    } catch (error) {
      current.stop();
      throw error;
    }
  }

  async function stop(): Promise<void> {
    const current = writer;
    current?.stop();
    await current?.ended;
  }

  engine.subscribe((next) => {
    engineState = next;
    announce();
  });

  return {
    async start() {
      starting ??= start().finally(() => {
        starting = undefined;
      });
      return await starting;
    },
    stop,
    subscribe(listener) {
      listeners.add(listener);
      listener(state);
      return () => {
        listeners.delete(listener);
      };
    },
    [Symbol.asyncDispose]: stop,
  };
}

interface Writer {
  /** Rejects where the process ends before it could create its database. */
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  stop(): void;
}

function startWriter(child: StartedProcess): Writer {
  const { promise: ready, resolve: onReady, reject: onFailure } = Promise.withResolvers<void>();
  const { promise: ended, resolve: onEnd } = Promise.withResolvers<void>();
  let output = '';
  let complaint = '';
  child.stdout?.on('data', (chunk: Buffer | string) => {
    output = (output + String(chunk)).slice(-64);
    if (output.includes('ready')) onReady();
  });
  child.stderr?.on('data', (chunk: Buffer | string) => {
    complaint = (complaint + String(chunk)).slice(-2000);
  });
  child.once('exit', (code) => {
    const reason = /^.*Error: .*$/m.exec(complaint)?.[0] ?? `its process ended with ${code ?? 'a signal'}`;
    onFailure(new AppError('internal', { reason: `The demo’s writer stopped: ${reason}` }));
    onEnd();
  });
  // Whoever awaits `ready` hears of it; a failure after that concerns nobody.
  ready.catch(() => undefined);
  return { ready, ended, stop: () => void child.kill() };
}
