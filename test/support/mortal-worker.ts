// The engine's thread, but one that can be killed: by what is said on the channel that its environment names, and at its start
// while a file lies in the data folder. For tests of what a host makes of its end.
import fs from 'node:fs';
import path from 'node:path';
import { workerData } from 'node:worker_threads';
import type { WorkerData } from '../../electron/host/engine-channel.ts';

/** How a thread may end by itself. */
export type Death = 'throw' | 'reject' | 'exit';

const { dataDir = '' } = workerData as WorkerData;
if (fs.existsSync(path.join(dataDir, 'die-at-start'))) throw new Error('killed at its start');

const channel = new BroadcastChannel(`kill ${dataDir}`);
channel.onmessage = ({ data }: MessageEvent) => die(data as Death);
(channel as unknown as { unref: () => void }).unref();
await import('../../electron/engine/worker.ts');

function die(how: Death): void {
  switch (how) {
    case 'throw':
      setImmediate(() => {
        throw new Error('killed by a throw');
      });
      return;
    case 'reject':
      void Promise.reject(new Error('killed by a rejection'));
      return;
    case 'exit':
      process.exit(3);
  }
}
