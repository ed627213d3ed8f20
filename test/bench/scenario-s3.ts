// Scenario `s3`: what a bucket costs this side: small segments to a server in another process at 4 requests at a time, an image
// streamed in parts, and a long history listed and put in order.
//   npm run bench -- --only s3 [--megabytes 1000]
import { setTimeout as delay } from 'node:timers/promises';
import { buildHistory } from '../../electron/engine/replica/history.ts';
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
  /** Above what was resident before. */
  readonly peakBytes: number;
}

const segments = 1000;
const segmentBytes = 4000;
const atOnce = 4;
const lookEveryMs = 20;
const never = new AbortController().signal;
const access = { credentials: { kind: 'keys', accessKeyId: 'bench', secretAccessKey: 'bench' } } as const;

/** Speed, processor and memory of what goes to a bucket and comes from it. */
export async function benchS3({ rounds, megabytes }: Bench): Promise<void> {
  await using servers = startScript(path.join(import.meta.dirname, 'bench-s3-server.ts'), []);
  await servers.printed('\n');
  const { kept, sink } = JSON.parse(servers.output()) as { readonly kept: string; readonly sink: string };
  const rows: [string, Measured, string][] = [];
  for (let round = 0; round < rounds; round++) {
    const small = await measure(async () => await putSegments(openTarget(kept, access), round));
    rows.push([`${segments} segments of ${formatBytes(segmentBytes)}`, small, perSecond(segments, small, 'objects')]);
    const image = await measure(async () => await putImage(openTarget(sink, access), megabytes * 1e6));
    const speed = `${formatBytes((megabytes * 1e6 * 1000) / image.ms)}/s`;
    rows.push([`an image of ${formatBytes(megabytes * 1e6)} in parts`, image, speed]);
    let listed = 0;
    const history = await measure(async () => {
      const listing = await openTarget(sink, access).list('', { signal: never });
      listed = listing.length;
      buildHistory(listing);
    });
    rows.push([`a history of ${formatCount(listed)} objects, listed`, history, perSecond(listed, history, 'objects')]);
  }
  heading(`A bucket on this computer, ${atOnce} requests at a time`);
  table(
    ['what', 'ms', 'of a core', 'memory above the start', 'speed'],
    rows.map(([what, { ms, cpuMs, peakBytes }, speed]) => [
      what,
      formatMs(ms),
      (cpuMs / ms).toFixed(2),
      formatBytes(peakBytes),
      speed,
    ]),
  );
}

async function putSegments(target: Target, round: number): Promise<void> {
  const body = Buffer.alloc(segmentBytes, 7);
  let next = 0;
  const each = async () => {
    for (let i = next++; i < segments; i = next++) {
      await target.put(`generations/0123456789abcdef/wal/${round}_${i}`, body, { signal: never });
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

async function measure(action: () => Promise<void>): Promise<Measured> {
  const before = process.memoryUsage.rss();
  let peak = before;
  const done = new AbortController();
  const looking = (async () => {
    while (!done.signal.aborted) {
      peak = Math.max(peak, process.memoryUsage.rss());
      await delay(lookEveryMs, undefined, { signal: done.signal }).catch(() => {});
    }
  })();
  const cpu = process.cpuUsage();
  const begunAt = performance.now();
  await action();
  const ms = performance.now() - begunAt;
  const { user, system } = process.cpuUsage(cpu);
  done.abort();
  await looking;
  return { ms, cpuMs: (user + system) / 1000, peakBytes: peak - before };
}

function perSecond(count: number, { ms }: Measured, what: string): string {
  return `${formatCount(Math.round((count * 1000) / ms))} ${what}/s`;
}
