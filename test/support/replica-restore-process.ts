// A restore in a process of its own that stops where it is told, to be killed there.
// node replica-restore-process.ts <replica folder> <output> <phase>
import { writeSync } from 'node:fs';
import { restoreReplica } from '../../electron/engine/restore/restore.ts';
import { openFolderTarget } from '../../electron/engine/targets/folder.ts';

const [path = '', outputPath = '', stopAt] = process.argv.slice(2);
await restoreReplica({
  target: openFolderTarget({ path }),
  wish: { kind: 'latest' },
  outputPath,
  onPhase: ({ name, state }) => {
    if (state !== 'running' || name !== stopAt) return;
    writeSync(1, `stopped at ${name}\n`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
  signal: new AbortController().signal,
});
