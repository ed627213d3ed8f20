// Restores replicas one after the other and prints, after each, the most memory that this process ever had, in bytes.
// node restore-memory-process.ts (<replica folder> <output>)…
import { readFileSync } from 'node:fs';
import { restoreReplica } from '../../electron/engine/restore/restore.ts';
import { openFolderTarget } from '../../electron/engine/targets/folder.ts';

const places = process.argv.slice(2);
for (let i = 0; i + 1 < places.length; i += 2) {
  await restoreReplica({
    target: openFolderTarget({ path: places[i] ?? '' }),
    wish: { kind: 'latest' },
    outputPath: places[i + 1] ?? '',
    signal: new AbortController().signal,
  });
  // What the system tells of a process's use of resources includes what its parent had.
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  process.stdout.write(`peak ${Number(kilobytes) * 1024}\n`);
}
process.exit();
