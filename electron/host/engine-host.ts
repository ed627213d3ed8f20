// Starts, supervises and stops the engine's worker thread; the same for every host. Speaks the contract over its port.
// Knows nothing of windows or sockets; what a host adds to the contract is host-api.ts.
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createBirpc } from 'birpc';
import type { Argument, EngineCommandName, Result, Reply } from '../../shared/contract.ts';
import { AppError, type Problem, reasonOf } from '../../shared/errors.ts';
import type { EngineState } from '../../shared/model.ts';
import type { EngineCalls, Greeting, HostCalls, WorkerData } from './engine-channel.ts';
import { Declared } from './engine-declared.ts';
import { version } from './version.ts';

export interface EngineHost {
  /** Rejects with an `AppError`. The argument is checked against the contract's schema. */
  call<N extends EngineCommandName>(name: N, argument: Argument<N>): Promise<Result<N>>;
  /** Called with the newest state at once, and on every change; returns how to stop. */
  subscribe(listener: (state: EngineState) => void): () => void;
  /** Resolves once the thread that answers now has ended: whatever it was doing is over. */
  lost(): Promise<void>;
  /** Ships what is captured, closes every database in order and ends the thread. Idempotent. */
  stop(): Promise<void>;
  /** Ends the thread at once: for a second signal. What was captured stays in the spool. */
  kill(): Promise<void>;
  /** It was stopped or killed, but a call that the thread made does not come back, and keeps it. */
  readonly hangs: boolean;
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
  /** How often is told how far capturing and shipping got; without it often enough for somebody who looks at it. */
  readonly progressEveryMs?: number;
}

interface Thread {
  readonly worker: Worker;
  readonly calls: ReturnType<typeof createBirpc<EngineCalls, HostCalls>>;
  /** Resolves with why, once the thread has ended. */
  readonly exited: Promise<string>;
}

/** What lives long is in buffers: more room for young objects only makes the process larger, and no faster. */
const youngMegabytes = 3;
const firstRestartMs = 500;
const longestRestartMs = 30_000;
/** A thread that has nothing to do any more ends within a moment. */
const endsWithinMs = 1000;
/** A thread that lived for so long did not end because of how it started. */
const provenMs = 60_000;

/** Starts the engine; rejects with `data-folder-held`, `data-folder-unusable` or `sqlite-too-old`. */
export async function startEngine(options: EngineOptions): Promise<EngineHost> {
  const listeners = new Set<(state: EngineState) => void>();
  const stopping = new AbortController();
  const declared = new Declared();
  let newest: EngineState | undefined;
  let restartMs = firstRestartMs;
  let hangs = false;
  const tell = (state: EngineState) => {
    newest = state;
    for (const listener of listeners) listener(state);
  };

  const start = async (death?: WorkerData['death']): Promise<Thread> => {
    let own: EngineState | undefined;
    const onState = (state: EngineState) => {
      own = state;
      tell(declared.complete(state));
    };
    const started = await startThread({ ...options, death }, onState);
    const startedAt = performance.now();
    void started.exited.then((reason) => {
      if (stopping.signal.aborted) return;
      if (performance.now() - startedAt > provenMs) restartMs = firstRestartMs;
      thread = restart({ reason, at: Date.now() });
      // @NOTE Whoever asks meanwhile is told; it fails only when it is to be stopped.
      thread.catch(() => {});
    });
    if (death !== undefined) declareAgain(started, () => own !== undefined && onState(own));
    return started;
  };
  const declareAgain = ({ calls, exited }: Thread, onRefused: () => void): void => {
    const over = new AbortController();
    const ended = exited.then((reason): Reply<'protectDeclared'> => {
      over.abort();
      return { ok: false, error: new AppError('engine-stopped', { reason }).toData() };
    });
    void declared.declareTo(
      async (declaration) =>
        await Promise.race([calls.invoke('protectDeclared', declaration) as Promise<Reply<'protectDeclared'>>, ended]),
      { signal: AbortSignal.any([stopping.signal, over.signal]), onRefused },
    );
  };
  // A thread that ended by itself is started again, until one starts; what it was asked meanwhile waits for the new one.
  const restart = async (death: NonNullable<WorkerData['death']>): Promise<Thread> => {
    for (let problem = new AppError('engine-stopped', { reason: death.reason }); ;) {
      if (newest !== undefined) {
        const without = withoutEngine(newest, { ...problem.toData(), sinceAt: death.at });
        declared.lose(without);
        tell(without);
      }
      await delay(restartMs, undefined, { signal: stopping.signal });
      restartMs = Math.min(restartMs * 2, longestRestartMs);
      try {
        return await start(death);
      } catch (error) {
        stopping.signal.throwIfAborted();
        problem = error instanceof AppError ? error : new AppError('engine-stopped', { reason: reasonOf(error) });
      }
    }
  };
  let thread: Promise<Thread> = start();
  await thread;

  return {
    call: async (name, argument) => {
      if (stopping.signal.aborted) throw new AppError('engine-stopped');
      const { calls, exited } = await thread.catch((): never => {
        throw new AppError('engine-stopped');
      });
      const ended = exited.then((): never => {
        throw new AppError('engine-stopped');
      });
      const reply = await Promise.race([calls.invoke(name, argument), ended]);
      if (!reply.ok) throw AppError.fromData(reply.error);
      if (name === 'protectDeclared') {
        declared.note(argument as Argument<'protectDeclared'>, reply.value as Result<'protectDeclared'>);
      }
      return reply.value as Result<typeof name>;
    },
    subscribe: (listener) => {
      listeners.add(listener);
      if (newest !== undefined) listener(newest);
      return () => listeners.delete(listener);
    },
    lost: async () => {
      // @NOTE Where none could be started, nothing is being done.
      const answering = await thread.catch(() => undefined);
      await answering?.exited;
    },
    stop: async () => {
      const wasStopping = stopping.signal.aborted;
      stopping.abort();
      // @NOTE Where none could be started, nothing is to be stopped.
      const last = await thread.catch(() => undefined);
      if (last === undefined) return;
      if (!wasStopping) await Promise.race([last.calls.stop(), last.exited]);
      hangs = !(await endsSoon(last));
    },
    kill: async () => {
      stopping.abort();
      const last = await thread.catch(() => undefined);
      void last?.worker.terminate();
      hangs = last !== undefined && !(await endsSoon(last));
    },
    get hangs() {
      return hangs;
    },
  };
}

/** False where a thread that has nothing to do any more does not end. */
async function endsSoon({ exited }: Pick<Thread, 'exited'>): Promise<boolean> {
  const ended = new AbortController();
  const late = delay(endsWithinMs, false, { signal: ended.signal }).catch(() => false);
  const isEnded = await Promise.race([exited.then(() => true), late]);
  ended.abort();
  return isEnded;
}

/** How things stand while there is no engine: nothing is captured, and what ran has failed. */
function withoutEngine(state: EngineState, problem: Problem): EngineState {
  const { sinceAt: endedAt, ...error } = problem;
  return {
    ...state,
    databases: state.databases.map((database) =>
      database.status.kind === 'paused' ? database : { ...database, status: { kind: 'problem', problem } },
    ),
    operations: state.operations.map((operation) =>
      operation.state === 'running' ? { ...operation, state: 'failed', endedAt, error } : operation,
    ),
  };
}

/** The worker's URL for a host whose file is `hostUrl` (`import.meta.url`): same extension, below `engine/`. */
export function workerBeside(hostUrl: string): URL {
  return new URL(`./engine/worker${hostUrl.endsWith('.ts') ? '.ts' : '.js'}`, hostUrl);
}

async function startThread(
  {
    dataDir,
    workerUrl,
    isDeclaredOnly = false,
    secretKey,
    progressEveryMs,
    death,
  }: EngineOptions & { readonly death: WorkerData['death'] },
  onState: (state: EngineState) => void,
): Promise<Thread> {
  // Read by lz4-napi's allocator when it is loaded: huge pages make it larger, and no faster. A thread's own environment is
  // a copy, which no library reads. See https://microsoft.github.io/mimalloc/environment.html
  process.env['MIMALLOC_ALLOW_LARGE_OS_PAGES'] ??= '0';
  const worker = new Worker(workerUrl, {
    workerData: { dataDir, isDeclaredOnly, version, secretKey, progressEveryMs, death } satisfies WorkerData,
    resourceLimits: { maxYoungGenerationSizeMb: youngMegabytes },
  });
  const exited = endOf(worker);
  const greeting = await Promise.race([
    new Promise<Greeting>((resolve) => worker.once('message', resolve)),
    exited.then((reason): Greeting => ({
      kind: 'failed',
      error: new AppError('internal', { reason: `the engine ended at its start: ${reason}` }).toData(),
    })),
  ]);
  if (greeting.kind === 'failed') {
    // What keeps a thread that could not begin keeps nobody else.
    if (!(await endsSoon({ exited }))) void worker.terminate();
    throw AppError.fromData(greeting.error);
  }
  const calls = createBirpc<EngineCalls, HostCalls>(
    { state: onState },
    { post: (data) => worker.postMessage(data), on: (listener) => void worker.on('message', listener), timeout: -1 },
  );
  onState(greeting.state);
  return { worker, calls, exited };
}

/** Resolves with why, once a thread has ended. An error that nobody caught ends it, and not the host. */
async function endOf(worker: Worker): Promise<string> {
  // Not `once` of node:events: where an emitter tells of an error, that rejects.
  return await new Promise((resolve) => {
    let crash: unknown;
    worker.on('error', (error: unknown) => {
      crash = error;
    });
    worker.on('exit', (code) => resolve(crash === undefined ? `exit code ${code}` : reasonOf(crash)));
  });
}
