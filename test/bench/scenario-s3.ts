// Scenario `s3`: what a bucket costs this side: small segments, framed and sent through the guard that stands before every destination,
// to servers in another process at 4 requests at a time; an image streamed in parts; and a long history listed and put in order.
// What the servers use of the processor is told apart: one is a real one, the other answers and does nothing.
//   npm run bench -- --only s3 [--megabytes 1000]
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../electron/engine/clock.ts';
import { TargetGuard } from '../../electron/engine/guard/target-guard.ts';
import { buildHistory } from '../../electron/engine/replica/history.ts';
import { encodeWhole, type TrailerFields } from '../../electron/engine/replica/object.ts';
import { openTarget } from '../../electron/engine/targets/open-target.ts';
import type { Target } from '../../electron/engine/targets/target.ts';
import { formatBytes, formatCount } from '../../shared/format.ts';
import { startScript } from '../support/processes.ts';
import { formatMs } from './figures.ts';
import { type Bench, heading, table } from './report.ts';
import path from 'node:path';

interface Measured {
  readonly ms: number;
  /** Of this process, all threads. */
  readonly cpuMs: number;
  /** Of the servers' process, meanwhile. */
  readonly serverCpuMs: number;
  /** Above what was resident before. */
  readonly peakBytes: number;
}

const segments = 1000;
const segmentBytes = 4000;
const atOnce = 4;
const lookEveryMs = 20;
const trailer = {
  pages: 1000,
  pageSize: 4096,
  commits: [[4152, 1_700_000_000_000]],
  by: { tidemark: '0.1.0', sqlite: '3.54.1' },
} satisfies TrailerFields;
const never = new AbortController().signal;
const access = { credentials: { kind: 'keys', accessKeyId: 'bench', secretAccessKey: 'bench' } } as const;

/** Speed, processor and memory of what goes to a bucket and comes from it. */
export async function benchS3({ rounds, megabytes }: Bench): Promise<void> {
  await using servers = startScript(path.join(import.meta.dirname, 'bench-s3-server.ts'), []);
  await servers.printed('\n');
  const { kept, sink, cpu } = JSON.parse(servers.output()) as Record<'kept' | 'sink' | 'cpu', string>;
  const guard = new TargetGuard({ clock: systemClock, calls: atOnce, onProblem: () => {} });
  const open = (url: string): Target => guard.guard(openTarget(url, access)).target;
  const rows: [string, Measured, string][] = [];
  const first = await measure(cpu, async () => await putSegments(open(kept), { count: 1, round: -1 }));
  rows.push(['the first segment, with loading what speaks S3', first, '']);
  for (let round = 0; round < rounds; round++) {
    for (const [url, server] of [
      [kept, 'a server'],
      [sink, 'one that does nothing'],
    ] as const) {
      const small = await measure(cpu, async () => await putSegments(open(url), { count: segments, round }));
      const each = `${formatMs(small.cpuMs / segments)} ms of the processor each`;
      const speed = `${perSecond(segments, small, 'objects')}, ${each}`;
      rows.push([`${segments} segments of ${formatBytes(segmentBytes)} to ${server}`, small, speed]);
    }
    const image = await measure(cpu, async () => await putImage(open(sink), megabytes * 1e6));
    const speed = `${formatBytes((megabytes * 1e6 * 1000) / image.ms)}/s`;
    rows.push([`an image of ${formatBytes(megabytes * 1e6)} in parts`, image, speed]);
    let listed = 0;
    const history = await measure(cpu, async () => {
      const listing = await open(sink).list('', { signal: never });
      listed = listing.length;
      buildHistory(listing);
    });
    rows.push([`a history of ${formatCount(listed)} objects, listed`, history, perSecond(listed, history, 'objects')]);
  }
  heading(`A bucket on this computer, ${atOnce} requests at a time`);
  table(
    ['what', 'ms', 'of a core', 'the servers', 'memory above the start', 'speed'],
    rows.map(([what, { ms, cpuMs, serverCpuMs, peakBytes }, speed]) => [
      what,
      formatMs(ms),
      (cpuMs / ms).toFixed(2),
      (serverCpuMs / ms).toFixed(2),
      formatBytes(peakBytes),
      speed,
    ]),
  );
}

async function putSegments(
  target: Target,
  { count, round }: { readonly count: number; readonly round: number },
): Promise<void> {
  const frames = [randomBytes(segmentBytes)];
  let next = 0;
  const each = async () => {
    for (let i = next++; i < count; i = next++) {
      const segment = await encodeWhole(frames, trailer);
      await target.put(`generations/0123456789abcdef/wal/${round}_${i}`, segment, { signal: never });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, each));
}

async function putImage(target: Target, bytes: number): Promise<void> {
  const chunk = Buffer.alloc(256 << 10, 7);
  async function* body() {
    for (let left = bytes; left > 0; left -= chunk.length) yield await Promise.resolve(chunk.subarray(0, left));
  }
  await target.put('generations/0123456789abcdef/snapshots/image', body(), { signal: never });
}

async function measure(serverCpu: string, action: () => Promise<void>): Promise<Measured> {
  const before = process.memoryUsage.rss();
  let peak = before;
  const done = new AbortController();
  const looking = (async () => {
    while (!done.signal.aborted) {
      peak = Math.max(peak, process.memoryUsage.rss());
      await delay(lookEveryMs, undefined, { signal: done.signal }).catch(() => {});
    }
  })();
  const serverBefore = await cpuMsOf(serverCpu);
  const cpu = process.cpuUsage();
  const begunAt = performance.now();
  await action();
  const ms = performance.now() - begunAt;
  const { user, system } = process.cpuUsage(cpu);
  done.abort();
  await looking;
  const serverCpuMs = (await cpuMsOf(serverCpu)) - serverBefore;
  return { ms, cpuMs: (user + system) / 1000, serverCpuMs, peakBytes: peak - before };
}

async function cpuMsOf(url: string): Promise<number> {
  const { user, system } = (await (await fetch(url)).json()) as NodeJS.CpuUsage;
  return (user + system) / 1000;
}

function perSecond(count: number, { ms }: Measured, what: string): string {
  return `${formatCount(Math.round((count * 1000) / ms))} ${what}/s`;
}
