// Applications go first: the engine's threads take the processor only where nobody else wants it much. On a busy machine this
// is what keeps commits as fast as they are without Tidemark, since each of them wakes the engine.
import { readdir, readFile } from 'node:fs/promises';
import os from 'node:os';
import process from 'node:process';

/** Of 19; about a tenth of the processor where everybody wants it. */
const niceness = 10;
/** The engine, the threads that it starts later (they inherit), and those that read, write and compress for it. */
const ours = new Set(['WorkerThread', 'libuv-worker', 'V8Worker']);

/**
 * Lowers the priority of the engine's threads, not of the host's own. Linux only: elsewhere a priority belongs to the whole
 * process, and with it to its windows. See https://man7.org/linux/man-pages/man2/setpriority.2.html, “C library/kernel differences”.
 */
export async function letOthersGoFirst(): Promise<void> {
  if (process.platform !== 'linux') return;
  // The first read of the pool starts all of its threads.
  for (const name of await readdir('/proc/self/task').catch(() => [])) {
    const thread = Number(name);
    try {
      const kind = await readFile(`/proc/self/task/${name}/comm`, 'utf8');
      if (ours.has(kind.trim()) && os.getPriority(thread) < niceness) os.setPriority(thread, niceness);
    } catch {
      // @NOTE A thread that has ended meanwhile, or a system that does not allow it: then it is as it was.
    }
  }
}
