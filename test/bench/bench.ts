// `npm run bench`: Tidemark's built command line beside the real `litestream`, in one run on one machine. Prints figures
// and ratios, sets no bar. Each program runs as a process of its own, so does the writer; rounds are interleaved.
//   npm run bench -- [--rounds 3] [--seconds 5] [--only writer,latency,restore]
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findLitestream } from '../../electron/litestream-binary.ts';
import { formatBytes, formatCount, formatDuration } from '../../shared/format.ts';
import { formatTable } from '../../shared/table.ts';
import { type Capturer, killAll, litestream, tidemark } from './capturers.ts';
import { formatMs, formatRatio, median, quantile } from './figures.ts';
import { makeReplica, measureLatency, measureRestores, measureWriter, rotate, weigh } from './measures.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    only: { type: 'string', default: 'writer,latency,restore' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const wanted = values.only.split(',');
if (!(rounds >= 1 && seconds > 0)) throw new Error('--rounds and --seconds must be positive');

const executable = findLitestream();
const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
process.once('SIGINT', () => leave());
process.once('SIGTERM', () => leave());

const begunAt = performance.now();
try {
  const [processor] = cpus();
  say(
    `${processor?.model ?? 'unknown processor'}, ${String(cpus().length)} cores; Node ${process.versions.node}; ${process.platform}`,
  );
  say(`${String(rounds)} rounds of ${String(seconds)} s; files in ${folder}`);
  if (executable === undefined) say('There is no litestream for this platform: Tidemark is measured alone.');
  if (wanted.includes('writer')) await benchWriter();
  if (wanted.includes('latency')) await benchLatency();
  if (wanted.includes('restore')) await benchRestore();
  say(`\nDone in ${formatDuration(performance.now() - begunAt)}.`);
} finally {
  killAll();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** What capturing costs the application. */
async function benchWriter(): Promise<void> {
  const subjects: readonly (Capturer | undefined)[] = [undefined, tidemark(), ...other()];
  const nameOf = (subject: Capturer | undefined): string => subject?.name ?? 'alone';
  const reports = new Map(
    subjects.map((subject) => [nameOf(subject), [] as Awaited<ReturnType<typeof measureWriter>>[]]),
  );
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of rotate(subjects, round)) {
      reports.get(nameOf(subject))?.push(await measureWriter(subject, { folder, seconds }));
    }
  }
  const rate = (name: string): number =>
    median((reports.get(name) ?? []).map((report) => report.commits / report.seconds));
  heading('Commits of a writer as fast as it can (median of rounds; larger is better)');
  table(
    ['writer', 'commits/s', 'of alone', 'each round', 'p50 ms', 'p99 ms', 'slowest ms', 'largest WAL'],
    [...reports].map(([name, list]) => [
      name === 'alone' ? 'alone' : `with ${name}`,
      formatCount(rate(name)),
      formatRatio(rate(name), rate('alone')),
      list.map((report) => formatCount(report.commits / report.seconds)).join(' '),
      formatMs(median(list.map((report) => report.p50Ms))),
      formatMs(median(list.map((report) => report.p99Ms))),
      formatMs(Math.max(...list.map((report) => report.maxMs))),
      formatBytes(Math.max(...list.map((report) => report.largestWalBytes))),
    ]),
  );
}

/** How soon a commit lies at its destination. */
async function benchLatency(): Promise<void> {
  const eager = 'sync-interval: 10ms';
  const subjects: readonly Capturer[] = [
    tidemark('Tidemark, default (1 s)'),
    ...other('Litestream, default (1 s + 1 s)'),
    tidemark('Tidemark, sync-interval 0s', ['sync-interval: 0s']),
    ...other('Litestream, both intervals 10ms', { database: ['monitor-interval: 10ms'], replica: [eager] }),
  ];
  const delays = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of rotate(subjects, round)) {
      delays.get(subject.name)?.push(...(await measureLatency(subject, { folder, seconds })));
    }
  }
  heading('From a commit to its object in a folder, about 50 commits a second (smaller is better)');
  table(
    ['program', 'commits', 'p50 ms', 'p99 ms', 'longest ms', 'never seen'],
    [...delays].map(([name, all]) => {
      const seen = all.filter((ms) => !Number.isNaN(ms));
      return [
        name,
        formatCount(all.length),
        formatMs(quantile(seen, 0.5)),
        formatMs(quantile(seen, 0.99)),
        formatMs(Math.max(...seen)),
        formatCount(all.length - seen.length),
      ];
    }),
  );
}

/** How long until the file is back. */
async function benchRestore(): Promise<void> {
  const programs = [tidemark(), ...other()];
  for (const maker of programs) {
    const replica = await makeReplica(maker, { folder, seconds });
    const { objects, bytes } = weigh(replica);
    const times = await measureRestores(programs, replica, { folder, rounds: Math.max(rounds, 5) });
    heading(
      `Restore of a replica by ${maker.name}: ${formatCount(objects)} objects, ${formatBytes(bytes)} (whole process; smaller is better)`,
    );
    const reference = median(times.get('Litestream') ?? []);
    table(
      ['restored by', 'median ms', 'of Litestream', 'shortest ms', 'longest ms', 'result checked'],
      [...times].map(([name, list]) => [
        name,
        formatMs(median(list)),
        formatRatio(median(list), reference),
        formatMs(Math.min(...list)),
        formatMs(Math.max(...list)),
        name === 'Litestream' ? 'no' : 'yes',
      ]),
    );
  }
}

function other(name?: string, settings?: Parameters<typeof litestream>[2]): readonly Capturer[] {
  return executable === undefined ? [] : [litestream(executable, name, settings)];
}

function heading(text: string): void {
  say(`\n${text}`);
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): void {
  const figures = new Set(titles.map((_, column) => column).slice(1));
  process.stdout.write(formatTable([titles, ...rows], { end: figures }));
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function leave(): void {
  killAll();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(130);
}
