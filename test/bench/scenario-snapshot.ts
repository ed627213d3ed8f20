// Scenario `snapshot`: an image of a database of 1 GB into a folder, beside `lz4 -1` on the same file: how long it takes, how
// much memory the program needs, what an application at 200 commits a second feels of it meanwhile, and how large the WAL gets
// where one commits as fast as it can.
//   npm run bench -- --only snapshot [--megabytes 1000]
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { formatBytes, formatCount } from '../../shared/format.ts';
import { type Capturer, startCapturing, tidemark } from './capturers.ts';
import { formatMs, formatRatio, median, quantile } from './figures.ts';
import { peakMemory, rotate } from './measures.ts';
import { type Bench, heading, say, table } from './report.ts';
import { writeFor } from './writing.ts';

const everyMs = 5;
const lookEveryMs = 10;
/** Longer than any image of this size takes, and the start of the program before it. */
const writerSeconds = 25;
const fastSeconds = 15;

/** How an application writes meanwhile. */
type Writing = 'not' | 'paced' | 'fast';

interface Imaged {
  /** From the first byte at the destination to the final name. */
  readonly imageMs: number;
  /** The same from the start of the program, which reads and hashes every page first. */
  readonly wholeMs: number;
  readonly peakBytes: number | undefined;
  /** Commit latencies of a paced writer meanwhile. */
  readonly latencies: readonly number[];
  /** Of the writer, from its start to its end. */
  readonly commitsPerSecond: number;
  readonly largestWalBytes: number;
}

/** Speed, memory and politeness of an image. */
export async function benchSnapshot({ folder, rounds, other, megabytes }: Bench): Promise<void> {
  const database = join(folder, 'large.db');
  fillRealistic(database, megabytes * 1e6);
  const { size } = statSync(database);
  const subjects = [tidemark(), ...other()];
  const quiet = new Map<string, Imaged[]>(subjects.map(({ name }) => [name, []]));
  const busy = new Map<string, Imaged[]>(subjects.map(({ name }) => [name, []]));
  const fast = new Map<string, Imaged[]>(subjects.map(({ name }) => [name, []]));
  const alone: number[] = [];
  const aloneFast: { readonly commitsPerSecond: number; readonly largestWalBytes: number }[] = [];
  const lz4: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const ms = timeLz4(database, join(folder, 'large.lz4'));
    if (ms !== undefined) lz4.push(ms);
    alone.push(...(await writeFor(database, { seconds: 5, everyMs })).latenciesMs);
    for (const subject of rotate(subjects, round)) {
      quiet.get(subject.name)?.push(await measureImage(subject, { folder, database, writing: 'not' }));
      busy.get(subject.name)?.push(await measureImage(subject, { folder, database, writing: 'paced' }));
    }
    // At the end of a round, since it makes the database larger.
    const { commits, seconds, largestWalBytes } = await writeFor(database, { seconds: 5 });
    aloneFast.push({ commitsPerSecond: commits / seconds, largestWalBytes });
    for (const subject of rotate(subjects, round)) {
      fast.get(subject.name)?.push(await measureImage(subject, { folder, database, writing: 'fast' }));
    }
  }
  const reference = median(lz4);
  heading(`An image of ${formatBytes(size)} (median of rounds; smaller is better)`);
  if (lz4.length === 0) say('There is no lz4 program here (Debian: apt-get install lz4): no reference.');
  table(
    ['program', 'image ms', 'MB/s', 'of lz4’s speed', 'with start ms', 'of lz4’s speed', 'peak memory'],
    [
      ['lz4 -1', formatMs(reference), formatCount(size / reference / 1000), '1.00×', '-', '-', '-'],
      ...subjects.map(({ name }) => {
        const list = quiet.get(name) ?? [];
        const image = median(list.map(({ imageMs }) => imageMs));
        const whole = median(list.map(({ wholeMs }) => wholeMs));
        const peak = Math.max(...list.map(({ peakBytes }) => peakBytes ?? Number.NaN));
        return [
          name,
          formatMs(image),
          formatCount(size / image / 1000),
          formatRatio(reference, image),
          formatMs(whole),
          formatRatio(reference, whole),
          Number.isNaN(peak) ? '-' : formatBytes(peak),
        ];
      }),
    ],
  );
  heading('Commits at 200 a second while an image is made (all rounds; smaller is better)');
  table(
    ['writer', 'commits', 'p50 ms', 'p99 ms', 'of alone', 'slowest ms'],
    [
      ['alone', alone] as const,
      ...subjects.map(({ name }) => [`with ${name}`, (busy.get(name) ?? []).flatMap((one) => one.latencies)] as const),
    ].map(([name, all]) => [
      name,
      formatCount(all.length),
      formatMs(quantile(all, 0.5)),
      formatMs(quantile(all, 0.99)),
      formatRatio(quantile(all, 0.99), quantile(alone, 0.99)),
      formatMs(Math.max(...all)),
    ]),
  );
  const rate = (list: typeof aloneFast): number => median(list.map(({ commitsPerSecond }) => commitsPerSecond));
  heading(`Commits as fast as it can for ${String(fastSeconds)} s, an image among them (median of rounds)`);
  table(
    ['writer', 'commits/s', 'of alone', 'largest WAL'],
    [['alone', aloneFast] as const, ...subjects.map(({ name }) => [`with ${name}`, fast.get(name) ?? []] as const)].map(
      ([name, list]) => [
        name,
        formatCount(rate(list)),
        formatRatio(rate(list), rate(aloneFast)),
        formatBytes(Math.max(...list.map(({ largestWalBytes }) => largestWalBytes))),
      ],
    ),
  );
}

/** Starts a program on the database, waits for its image, and ends it. */
async function measureImage(
  capturer: Capturer,
  { folder, database, writing }: { readonly folder: string; readonly database: string; readonly writing: Writing },
): Promise<Imaged> {
  const place = join(folder, 'image');
  mkdirSync(place);
  try {
    const pace = writing === 'paced' ? { seconds: writerSeconds, everyMs } : { seconds: fastSeconds };
    const written = writing === 'not' ? undefined : writeFor(database, pace);
    if (written !== undefined) await delay(1500);
    const startedAt = Date.now();
    let begunAt: number | undefined;
    const watch = setInterval(() => {
      if (begunAt === undefined && hasBegun(join(place, 'replica'))) begunAt = Date.now();
    }, lookEveryMs);
    await using running = await startCapturing(capturer, database, place);
    const endAt = Date.now();
    clearInterval(watch);
    const peakBytes = peakMemory(running.pid);
    const report = await written;
    await running.stop();
    const from = begunAt ?? startedAt;
    const latencies = (report?.latenciesMs ?? []).filter((_, i) => {
      const at = report?.committedAt[i] ?? 0;
      return at >= from && at <= endAt;
    });
    const commitsPerSecond = report === undefined ? 0 : report.commits / report.seconds;
    const largestWalBytes = report?.largestWalBytes ?? 0;
    return {
      imageMs: endAt - from,
      wholeMs: endAt - startedAt,
      peakBytes,
      latencies,
      commitsPerSecond,
      largestWalBytes,
    };
  } finally {
    rmSync(place, { recursive: true, force: true, maxRetries: 5 });
  }
}

function hasBegun(replica: string): boolean {
  if (!existsSync(replica)) return false;
  return readdirSync(replica, { recursive: true }).some((name) => String(name).includes('.snapshot.lz4'));
}

/** Milliseconds of `lz4 -1`; undefined without the program. */
function timeLz4(input: string, output: string): number | undefined {
  const begunAt = performance.now();
  const { status } = spawnSync('lz4', ['-1', '-f', '-q', input, output]);
  const tookMs = performance.now() - begunAt;
  rmSync(output, { force: true });
  return status === 0 ? tookMs : undefined;
}

/** Orders as an application keeps them: words, times, numbers, and some bytes that do not compress. */
function fillRealistic(file: string, bytes: number): void {
  const database = new Database(file);
  database.pragma('journal_mode = OFF');
  database.pragma('synchronous = OFF');
  database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, mark TEXT NOT NULL, body BLOB NOT NULL)');
  const words = 'alpha order customer invoice shipped pending Berlin Munich street price total discount the for'.split(
    ' ',
  );
  const insert = database.prepare('INSERT INTO t (mark, body) VALUES (?, CAST(? AS BLOB) || randomblob(60))');
  const text = (): string =>
    Array.from({ length: 40 }, () => words[Math.floor(Math.random() * words.length)]).join(' ');
  database.transaction(() => {
    for (let i = 0; i < 50_000; i += 1) insert.run(new Date(1.7e12 + i * 1e6).toISOString(), text());
  })();
  // The same again and again lies far beyond the 64 KiB that LZ4 looks back.
  const size = (): number => Number(database.pragma('page_count', { simple: true })) * 4096;
  const more = database.prepare('INSERT INTO t (mark, body) SELECT mark, body FROM t WHERE id <= 50000');
  while (size() < bytes) more.run();
  database.pragma('journal_mode = WAL');
  database.close();
}
