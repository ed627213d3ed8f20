// What the system lets others do to a process of ours, and what it tells of it: no debugger at a signal, no memory in a dump. For
// every process that reads databases or holds keys. What was given on a command line cannot be taken back, only told.
import { writeFileSync } from 'node:fs';

/** Guards this process from now on. */
export function guardProcess(): void {
  // Node opens its inspector at it, which runs anything for whoever connects, unless somebody listens.
  process.on('SIGUSR1', () => {});
  // Bits for kinds of memory: none. See https://docs.kernel.org/filesystems/proc.html#proc-pid-coredump-filter
  if (process.platform === 'linux') setQuietly('/proc/self/coredump_filter', '0');
}

function setQuietly(file: string, value: string): void {
  try {
    writeFileSync(file, value);
  } catch {
    // @NOTE Not every kernel has it, and not every container lets it be written.
  }
}
