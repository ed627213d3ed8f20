// Starts, supervises and stops the engine's worker thread; the same for every host. Speaks the contract over its port.
// Knows nothing of windows or sockets; what a host adds to the contract is host-api.ts.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createBirpc } from 'birpc';
import type { Argument, EngineCommandName, Result } from '../shared/contract.ts';
import { AppError, reasonOf } from '../shared/errors.ts';
import type { EngineState } from '../shared/model.ts';
import type { EngineCalls, Greeting, HostCalls, WorkerData } from './engine-channel.ts';
import { version } from './version.ts';

export interface EngineHost {
  /** Rejects with an `AppError`. The argument is checked against the contract's schema. */
  call<N extends EngineCommandName>(name: N, argument: Argument<N>): Promise<Result<N>>;
  /** Called with the newest state at once, and on every change; returns how to stop. */
  subscribe(listener: (state: EngineState) => void): () => void;
  /** Ships what is captured, closes every database in order and ends the thread. Idempotent. */
  stop(): Promise<void>;
  /** Ends the thread at once: for a second signal. What was captured stays in the spool. */
  kill(): Promise<void>;
}

export interface EngineOptions {
  /** Where state, spool and logs live; undefined for a toolbox without state (listing and restoring by URL). */
  readonly dataDir: string | undefined;
  /** The thread's entry: `engine/worker` beside the host's own file, as source or bundled. */
  readonly workerUrl: URL;
  /** Protect only what `protectDeclared` names, nothing that a window added. */
  readonly isDeclaredOnly?: boolean;
  /** 32 random bytes that the host keeps: under them the engine seals the secrets in its state. Without them it keeps none. */
  readonly secretKey?: Uint8Array;
}

interface Thread {
  readonly worker: Worker;
  readonly calls: ReturnType<typeof createBirpc<EngineCalls, HostCalls>>;
  readonly exited: Promise<void>;
}

/** What lives long is in buffers: more room for young objects only makes the process larger, and no faster. */
const youngMegabytes = 3;
const firstRestartMs = 500;
const longestRestartMs = 30_000;

/** Starts the engine; rejects with `data-folder-held`, `data-folder-unusable` or `sqlite-too-old`. */
export async function startEngine(options: EngineOptions): Promise<EngineHost> {
  const listeners = new Set<(state: EngineState) => void>();
  let newest: EngineState | undefined;
  let isStopping = false;
  let restartMs = firstRestartMs;
  const onState = (state: EngineState) => {
    newest = state;
    for (const listener of listeners) listener(state);
  };

  const start = async (): Promise<Thread> => {
    const started = await startThread(options, onState);
    void started.exited.then(() => {
      if (!isStopping) thread = restart();
    });
    return started;
  };
  // A thread that ended by itself is started again; what it was asked meanwhile waits for the new one.
  const restart = async (): Promise<Thread> => {
    await delay(restartMs);
    restartMs = Math.min(restartMs * 2, longestRestartMs);
    return await start();
  };
  let thread: Promise<Thread> = start();
  await thread;

  return {
    call: async (name, argument) => {
      if (isStopping) throw new AppError('engine-stopped');
      const { calls, exited } = await thread;
      const ended = exited.then((): never => {
        throw new AppError('engine-stopped');
      });
      const reply = await Promise.race([calls.invoke(name, argument), ended]);
      if (!reply.ok) throw AppError.fromData(reply.error);
      return reply.value as Result<typeof name>;
    },
    subscribe: (listener) => {
      listeners.add(listener);
      if (newest !== undefined) listener(newest);
      return () => listeners.delete(listener);
    },
    stop: async () => {
      const wasStopping = isStopping;
      isStopping = true;
      const { calls, exited } = await thread;
      if (!wasStopping) await Promise.race([calls.stop(), exited]);
      await exited;
    },
    kill: async () => {
      isStopping = true;
      const { worker, exited } = await thread;
      await worker.terminate();
      await exited;
    },
  };
}

/** The worker's URL for a host whose file is `hostUrl` (`import.meta.url`): same extension, below `engine/`. */
export function workerBeside(hostUrl: string): URL {
  return new URL(`./engine/worker${hostUrl.endsWith('.ts') ? '.ts' : '.js'}`, hostUrl);
}

async function startThread(
  { dataDir, workerUrl, isDeclaredOnly = false, secretKey }: EngineOptions,
  onState: (state: EngineState) => void,
): Promise<Thread> {
  // Read by lz4-napi's allocator when it is loaded: huge pages make it larger, and no faster. A thread's own environment is
  // a copy, which no library reads. See https://microsoft.github.io/mimalloc/environment.html
  process.env['MIMALLOC_ALLOW_LARGE_OS_PAGES'] ??= '0';
  const worker = new Worker(workerUrl, {
    workerData: { dataDir, isDeclaredOnly, version, secretKey } satisfies WorkerData,
    resourceLimits: { maxYoungGenerationSizeMb: youngMegabytes },
  });
  const exited = once(worker, 'exit').then(() => {});
  // @NOTE Without a listener a crash of the thread would end the host; `exited` tells of it instead.
  let crash: unknown;
  worker.on('error', (error: unknown) => {
    crash = error;
  });
  const greeting = await Promise.race([
    once(worker, 'message').then(([message]) => message as Greeting),
    exited.then((): Greeting => ({
      kind: 'failed',
      error: new AppError('internal', {
        reason: `the engine ended at its start: ${reasonOf(crash ?? 'no reason given')}`,
      }).toData(),
    })),
  ]);
  if (greeting.kind === 'failed') {
    await exited;
    throw AppError.fromData(greeting.error);
  }
  const calls = createBirpc<EngineCalls, HostCalls>(
    { state: onState },
    { post: (data) => worker.postMessage(data), on: (listener) => void worker.on('message', listener), timeout: -1 },
  );
  onState(greeting.state);
  return { worker, calls, exited };
}
