// How fast a WAL is drained, beside the fastest that SQLite writes one: checksums alone, the reader, and the whole way of
// capture with page hashes into a spool. Each on the same WAL, in this process, several times; the best counts.
import { openSync, closeSync, readSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Connections } from '../../electron/engine/source/connections.ts';
import { PageHashes } from '../../electron/engine/source/page-hashes.ts';
import { type FrameSink, WalReader } from '../../electron/engine/source/wal-reader.ts';
import { Watcher } from '../../electron/engine/source/watch.ts';
import {
  frameBytes,
  parseWalHeader,
  scanFrames,
  startChain,
  walHeaderBytes,
} from '../../electron/engine/replica/wal.ts';
import { Spool } from '../../electron/engine/spool/spool.ts';
import { formatBytes } from '../../shared/format.ts';
import { makeCapture } from '../support/capture.ts';
import { formatRatio } from './figures.ts';
import { type Bench, heading, table } from './report.ts';

interface DrainReport {
  readonly pageSize: number;
  /** Bytes per second. */
  readonly written: number;
  readonly scanned: number;
  readonly read: number;
  readonly captured: number;
}

const walBytes = 300_000_000;
const rounds = 3;
const nowhere: FrameSink = { begin: () => {}, append: () => {}, frame: () => {} };

/** How fast a WAL is drained. */
export async function benchDrain({ folder }: Bench): Promise<void> {
  const perSecond = (bytes: number): string => `${formatBytes(bytes)}/s`;
  const reports: DrainReport[] = [];
  for (const pageSize of [512, 4096, 65_536]) reports.push(await measureDrain(folder, pageSize, walBytes));
  heading(`A WAL of ${formatBytes(walBytes)}, written by large transactions and drained (larger is better)`);
  table(
    ['page size', 'SQLite writes', 'checksums', 'reader', 'captured into the spool', 'of the writer'],
    reports.map(({ pageSize, written, scanned, read, captured }) => [
      String(pageSize),
      perSecond(written),
      perSecond(scanned),
      perSecond(read),
      perSecond(captured),
      formatRatio(captured, written),
    ]),
  );
}

/** Writes a WAL of about `bytes` and drains it. */
async function measureDrain(folder: string, pageSize: number, bytes: number): Promise<DrainReport> {
  const file = join(folder, `drain-${String(pageSize)}.db`);
  const app = new Database(file);
  try {
    app.pragma(`page_size = ${String(pageSize)}`);
    app.pragma('journal_mode = WAL');
    app.pragma('synchronous = OFF');
    app.pragma('wal_autocheckpoint = 0');
    app.exec('CREATE TABLE t(v BLOB)');
    const writingMs = await best(1, () => {
      const insert = app.prepare(
        'WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ?) INSERT INTO t SELECT zeroblob(?) FROM i',
      );
      const rows = Math.ceil(bytes / 20 / pageSize);
      for (let transaction = 0; transaction < 20; transaction++) insert.run(rows, pageSize - 100);
    });
    const size = statSync(`${file}-wal`).size;
    const counts = app.prepare<[], { readonly log: number }>('PRAGMA wal_checkpoint(NOOP)');
    const frames = counts.get()?.log ?? 0;
    const scanMs = await best(rounds, () => scan(`${file}-wal`));
    const readMs = await best(rounds, async () => {
      using reader = new WalReader(file);
      await reader.drain(() => frames, nowhere);
    });
    const captureMs = await best(rounds, async () => await capture(file, { folder, pageSize }));
    const rate = (ms: number): number => (size / ms) * 1000;
    return {
      pageSize,
      written: rate(writingMs),
      scanned: rate(scanMs),
      read: rate(readMs),
      captured: rate(captureMs),
    };
  } finally {
    app.close();
    rmSync(file);
  }
}

/** Checksums of the whole WAL, without the time that reading the file takes. Milliseconds. */
function scan(wal: string): number {
  const fd = openSync(wal, 'r');
  try {
    const head = new Uint8Array(walHeaderBytes);
    readSync(fd, head, 0, head.length, 0);
    const header = parseWalHeader(head);
    if (header === undefined) throw new Error('it was just written');
    const chain = startChain(header);
    const size = frameBytes(header.pageSize);
    const buffer = new Uint8Array(Math.max(1, Math.floor((4 * 1024 * 1024) / size)) * size);
    let ms = 0;
    for (let at = walHeaderBytes; ;) {
      const got = readSync(fd, buffer, 0, buffer.length, at);
      const begunAt = performance.now();
      const good = scanFrames(chain, buffer.subarray(0, got), () => {});
      ms += performance.now() - begunAt;
      if (good === 0) return ms;
      at += good;
    }
  } finally {
    closeSync(fd);
  }
}

async function capture(
  file: string,
  { folder, pageSize }: { readonly folder: string; readonly pageSize: number },
): Promise<number> {
  const place = join(folder, 'spool');
  await using connections = await Connections.open(file);
  using spool = Spool.create(place, 0);
  using watcher = new Watcher();
  try {
    await using capturing = makeCapture({
      path: file,
      start: connections,
      spool,
      watcher,
      hashes: new PageHashes(pageSize),
      onFailed: (error) => {
        throw error;
      },
    });
    const begunAt = performance.now();
    await capturing.catchUp(() => {});
    return performance.now() - begunAt;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** The shortest of several, in milliseconds; `work` may tell its own. */
async function best(times: number, work: () => number | void | Promise<number | void>): Promise<number> {
  let shortest = Infinity;
  for (let i = 0; i < times; i++) {
    const begunAt = performance.now();
    const own = await work();
    shortest = Math.min(shortest, own ?? performance.now() - begunAt);
  }
  return shortest;
}
