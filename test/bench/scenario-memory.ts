// Scenario `memory`: the most that the built command line holds while it restores a large history of a thousand segments: from a
// folder, from a bucket (sent there in parts), and one that `litestream` wrote, whose blocks are sixteen times as large.
//   npm run bench -- --only memory [--megabytes 551]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createFolderTarget } from '../../electron/engine/targets/folder.ts';
import { openTarget } from '../../electron/engine/targets/open-target.ts';
import type { Target } from '../../electron/engine/targets/target.ts';
import { formatBytes } from '../../shared/format.ts';
import { makeLargeReplica } from '../support/large-replica.ts';
import { startScript } from '../support/processes.ts';
import { startCapturing, tidemark } from './capturers.ts';
import { formatMs } from './figures.ts';
import { peakMemory, scratch } from './measures.ts';
import { type Bench, heading, say, table } from './report.ts';

const segments = 1000;
const segmentBytes = 65_536;
const lookEveryMs = 10;
const signal = new AbortController().signal;
const credentials = { kind: 'keys', accessKeyId: 'bench', secretAccessKey: 'bench' } as const;

/** What a restore holds in memory. */
export async function benchMemory({ folder, rounds, megabytes, other }: Bench): Promise<void> {
  if (process.platform !== 'linux') {
    say('\nWhat a restore holds in memory is measured on Linux only.');
    return;
  }
  using place = scratch(folder);
  const own = await createFolderTarget({ path: join(place.path, 'own') });
  const { file, sizeBytes } = await makeLargeReplica({
    folder: place.path,
    target: own,
    megabytes,
    segments,
    segmentBytes,
  });
  await using servers = startScript(join(import.meta.dirname, 'bench-s3-server.ts'), []);
  await servers.printed('\n');
  const { kept } = JSON.parse(servers.output()) as { readonly kept: string };
  await copyObjects(own, openTarget(kept, { credentials }));
  const subjects = [
    ['a folder', own.url],
    ['a bucket', kept],
  ];
  for (const foreign of other()) {
    await using running = await startCapturing(foreign, file, place.path);
    await running.stop();
    subjects.push([`a folder, written by ${foreign.name}`, `file://${running.replica}`]);
  }
  const rows: string[][] = [];
  for (const [from = '', url = ''] of subjects) {
    const runs: { readonly ms: number; readonly peakBytes: number }[] = [];
    for (let round = 0; round < rounds; round += 1) runs.push(await restore(url, place.path));
    const peak = Math.max(...runs.map(({ peakBytes }) => peakBytes));
    rows.push([from, formatBytes(peak), formatMs(Math.min(...runs.map(({ ms }) => ms)))]);
  }
  heading(`Restore of ${formatBytes(sizeBytes)} (the most memory of any round; smaller is better)`);
  table(['from', 'peak memory', 'shortest ms'], rows);
}

async function restore(url: string, folder: string): Promise<{ readonly ms: number; readonly peakBytes: number }> {
  using place = scratch(folder);
  const [program, ...words] = tidemark().program;
  const begunAt = performance.now();
  const child = spawn(program, [...words, 'restore', '--json', '-o', join(place.path, 'out.db'), url], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, AWS_ACCESS_KEY_ID: 'bench', AWS_SECRET_ACCESS_KEY: 'bench' },
  });
  const ended = once(child, 'close');
  let peakBytes = 0;
  while (child.exitCode === null) {
    peakBytes = Math.max(peakBytes, peakMemory(child.pid ?? 0) ?? 0);
    await Promise.race([ended, delay(lookEveryMs)]);
  }
  if (child.exitCode !== 0) throw new Error(`${url} could not be restored`);
  return { ms: performance.now() - begunAt, peakBytes };
}

async function copyObjects(from: Target, to: Target): Promise<void> {
  for (const { key } of await from.list('', { signal })) await to.put(key, from.get(key, { signal }), { signal });
}
