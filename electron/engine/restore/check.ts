// SQLite's own check of a restored file, in a worker thread (check-worker.ts).
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export interface CheckOrder {
  readonly path: string;
  /** `integrity_check` instead of `quick_check`. */
  readonly isFull: boolean;
}

export type CheckResult =
  | { readonly kind: 'ok' }
  | { readonly kind: 'damaged'; readonly reason: string }
  /** SQLite cannot check it here; says nothing about the file. */
  | { readonly kind: 'unable'; readonly reason: string };

/** A thread that has nothing to do is kept this long: starting one takes longer than checking a small database. */
const keepMs = 10_000;

let idle: { readonly worker: Worker; readonly ends: NodeJS.Timeout } | undefined;

/** Checks a database file. On abort the thread is ended, which waits for the step that SQLite is in. */
export async function checkDatabase(
  order: CheckOrder,
  options: { readonly signal: AbortSignal },
): Promise<CheckResult> {
  const { signal } = options;
  signal.throwIfAborted();
  const worker = takeWorker();
  const settled = new AbortController();
  try {
    const [answer] = (await Promise.race([
      once(worker, 'message', { signal: AbortSignal.any([signal, settled.signal]) }),
      once(worker, 'exit', { signal: settled.signal }).then(([code]) => {
        throw new Error(`the checking thread ended with ${String(code)}`);
      }),
      ask(worker, order),
    ])) as [CheckResult];
    keepWorker(worker);
    return answer;
  } catch (error) {
    await worker.terminate();
    signal.throwIfAborted();
    throw error;
  } finally {
    settled.abort();
  }
}

/** Never resolves: the answer is a message. */
async function ask(worker: Worker, order: CheckOrder): Promise<never> {
  worker.ref();
  worker.postMessage(order);
  return await new Promise<never>(() => {});
}

function takeWorker(): Worker {
  if (idle === undefined) return new Worker(workerUrl(import.meta.url));
  const { worker, ends } = idle;
  clearTimeout(ends);
  idle = undefined;
  return worker;
}

function keepWorker(worker: Worker): void {
  if (idle !== undefined) {
    void worker.terminate();
    return;
  }
  // It must not keep a thread or process alive that is otherwise done.
  worker.unref();
  const ends = setTimeout(() => {
    idle = undefined;
    void worker.terminate();
  }, keepMs);
  ends.unref();
  idle = { worker, ends };
}

/** The worker beside this file in the sources; where it is bundled, at the same place below the engine's folder. */
function workerUrl(here: string): URL {
  if (here.endsWith('.ts')) return new URL('./check-worker.ts', here);
  return new URL(here.replace(/\/(?:engine|chunks)\/[^/]+$/, '/engine/restore/check-worker.js'));
}
