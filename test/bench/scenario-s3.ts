// Scenario `s3`: what a bucket costs this side: small segments, framed and sent through the guard that stands before every destination,
// to servers in other processes at 4 requests at a time; an image streamed in parts; and a long history listed and put in order.
// What the servers use of the processor is told apart. One checks signatures and keeps objects on disk, as those that people use
// (Debian's Swift); one only keeps them in memory; one answers and does nothing.
//   npm run bench -- --only s3 [--megabytes 1000]
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../electron/engine/basics/clock.ts';
import { TargetGuard } from '../../electron/engine/guard/target-guard.ts';
import { buildHistory } from '../../electron/engine/replica/history.ts';
import { encodeWhole, type TrailerFields } from '../../electron/engine/replica/object.ts';
import { openTarget } from '../../electron/engine/targets/open-target.ts';
import type { S3Credentials } from '../../electron/engine/targets/s3-address.ts';
import type { Target } from '../../electron/engine/targets/target.ts';
import { formatBytes, formatCount } from '../../shared/format.ts';
import { startScript } from '../support/processes.ts';
import { startSwift, whyNoSwift } from '../support/swift.ts';
import { formatMs } from './figures.ts';
import { type Bench, heading, say, table } from './report.ts';
import path from 'node:path';

interface Measured {
  readonly ms: number;
  /** Of this process, all threads. */
  readonly cpuMs: number;
  /** Of the servers' process, meanwhile; undefined for those that run in others. */
  readonly serverCpuMs: number | undefined;
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
const bench = { kind: 'keys', accessKeyId: 'bench', secretAccessKey: 'bench' } as const;

/** Speed, processor and memory of what goes to a bucket and comes from it. */
export async function benchS3({ rounds, megabytes }: Bench): Promise<void> {
  await using servers = startScript(path.join(import.meta.dirname, 'bench-s3-server.ts'), []);
  await servers.printed('\n');
  const { kept, sink, cpu } = JSON.parse(servers.output()) as Record<'kept' | 'sink' | 'cpu', string>;
  const guard = new TargetGuard({ clock: systemClock, calls: atOnce, onProblem: () => {} });
  const open = (url: string, credentials: S3Credentials = bench): Target =>
    guard.guard(openTarget(url, { credentials })).target;
  const whyNot = await whyNoSwift();
  await using swift = whyNot === undefined ? await startSwift() : undefined;
  const rows: [string, Measured, string][] = [];
  const first = await measure(cpu, async () => await putSegments(open(kept), { count: 1, round: -1 }));
  rows.push(['the first segment, with loading what speaks S3', first, '']);
  const stores: readonly (readonly [string, Target, string | undefined])[] = [
    ...(swift === undefined
      ? []
      : [['Swift', open(swift.urlOf(await swift.makeBucket()), swift.credentials), undefined] as const]),
    ['one that keeps them in memory', open(kept), cpu],
    ['one that does nothing', open(sink), cpu],
  ];
  for (let round = 0; round < rounds; round++) {
    for (const [server, target, serverCpu] of stores) {
      const small = await measure(serverCpu, async () => await putSegments(target, { count: segments, round }));
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
  if (whyNot !== undefined) say(whyNot);
  heading(`A bucket on this computer, ${atOnce} requests at a time`);
  table(
    ['what', 'ms', 'of a core', 'the servers', 'memory above the start', 'speed'],
    rows.map(([what, { ms, cpuMs, serverCpuMs, peakBytes }, speed]) => [
      what,
      formatMs(ms),
      (cpuMs / ms).toFixed(2),
      serverCpuMs === undefined ? '-' : (serverCpuMs / ms).toFixed(2),
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

async function measure(serverCpu: string | undefined, action: () => Promise<void>): Promise<Measured> {
  const before = process.memoryUsage.rss();
  let peak = before;
  const done = new AbortController();
  const looking = (async () => {
    while (!done.signal.aborted) {
      peak = Math.max(peak, process.memoryUsage.rss());
      await delay(lookEveryMs, undefined, { signal: done.signal }).catch(() => {});
    }
  })();
  const serverBefore = serverCpu === undefined ? undefined : await cpuMsOf(serverCpu);
  const cpu = process.cpuUsage();
  const begunAt = performance.now();
  await action();
  const ms = performance.now() - begunAt;
  const { user, system } = process.cpuUsage(cpu);
  done.abort();
  await looking;
  const serverCpuMs =
    serverCpu === undefined || serverBefore === undefined ? undefined : (await cpuMsOf(serverCpu)) - serverBefore;
  return { ms, cpuMs: (user + system) / 1000, serverCpuMs, peakBytes: peak - before };
}

async function cpuMsOf(url: string): Promise<number> {
  const { user, system } = (await (await fetch(url)).json()) as NodeJS.CpuUsage;
  return (user + system) / 1000;
}

function perSecond(count: number, { ms }: Measured, what: string): string {
  return `${formatCount(Math.round((count * 1000) / ms))} ${what}/s`;
}
