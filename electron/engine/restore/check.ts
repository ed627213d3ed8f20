// SQLite's own check of a restored file, in a worker thread (check-worker.ts).
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

/** Checks a database file. On abort the thread is ended, which waits for the step that SQLite is in. */
export async function checkDatabase(
  order: CheckOrder,
  options: { readonly signal: AbortSignal },
): Promise<CheckResult> {
  const { signal } = options;
  signal.throwIfAborted();
  const worker = new Worker(workerUrl(import.meta.url), { workerData: order });
  try {
    return await new Promise<CheckResult>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`the checking thread ended with ${code}`)));
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
    });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    await worker.terminate();
  }
}

/** The worker beside this file in the sources; where it is bundled, at the same place below the engine's folder. */
function workerUrl(here: string): URL {
  if (here.endsWith('.ts')) return new URL('./check-worker.ts', here);
  return new URL(here.replace(/\/(?:engine|chunks)\/[^/]+$/, '/engine/restore/check-worker.js'));
}
