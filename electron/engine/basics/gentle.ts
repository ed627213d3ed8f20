// Applications go first: what compresses, reads and writes for the engine takes the processor only where nobody else wants it
// much. Not so the threads that capture and checkpoint: they have little to do, but hold locks of SQLite meanwhile, and an
// application that waits for one must not wait for the processor too.
import { readdir, readFile } from 'node:fs/promises';
import os from 'node:os';
import process from 'node:process';

/** Of 19; about a tenth of the processor where everybody wants it. */
const niceness = 10;
/** As Node names them. */
const helpers = new Set(['libuv-worker', 'V8Worker']);

/**
 * Lowers the priority of the threads that work for the engine. Linux only: elsewhere a priority belongs to the whole
 * process, and with it to its windows. See https://man7.org/linux/man-pages/man2/setpriority.2.html, “C library/kernel differences”.
 */
export async function letOthersGoFirst(): Promise<void> {
  if (process.platform !== 'linux') return;
  // The first read of the pool starts all of its threads.
  for (const name of await readdir('/proc/self/task').catch(() => [])) {
    const thread = Number(name);
    try {
      const kind = await readFile(`/proc/self/task/${name}/comm`, 'utf8');
      if (helpers.has(kind.trim()) && os.getPriority(thread) < niceness) os.setPriority(thread, niceness);
    } catch {
      // @NOTE A thread that has ended meanwhile, or a system that does not allow it: then it is as it was.
    }
  }
}
