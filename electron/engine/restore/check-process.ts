// The process in which SQLite checks restored files: the check of a large database takes minutes and cannot be interrupted, so what
// is ended when nobody waits any more is the process. Its main thread stays free to hear that whoever started it is gone.
import { Worker } from 'node:worker_threads';

const here = import.meta.url;
const worker = new Worker(new URL(here.endsWith('.ts') ? './check-worker.ts' : './check-worker.js', here));

process.on('message', (order) => worker.postMessage(order));
worker.on('message', (answer: object) => process.send?.(answer));
worker.on('error', () => leave());
process.on('disconnect', () => leave());

/** At once: an orderly end would wait for the thread. */
function leave(): void {
  process.kill(process.pid, 'SIGKILL');
}
