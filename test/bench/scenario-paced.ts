// Scenario `paced`: an application at 200 transactions a second: what capturing adds to a commit, how large the WAL gets,
// and how soon a commit lies in the spool, from where nothing can take it any more.
import { formatBytes, formatCount } from '../../shared/format.ts';
import { tidemark } from './capturers.ts';
import { formatMs, formatRatio, median, quantile } from './figures.ts';
import { compareWithAlone, measureSpooling, measureWriter } from './measures.ts';
import { type Bench, heading, table } from './report.ts';

const everyMs = 5;

/** Commit latency at 200 transactions a second, and from commit to spool. */
export async function benchPaced({ folder, rounds, seconds, other }: Bench): Promise<void> {
  const reports = await compareWithAlone(
    { rounds, other },
    async (subject) => await measureWriter(subject, { folder, seconds, everyMs }),
  );
  const p99 = (name: string): number => median((reports.get(name) ?? []).map((report) => report.p99Ms));
  heading('Commits at 200 a second (median of rounds; smaller is better)');
  table(
    ['writer', 'commits', 'p50 ms', 'p99 ms', 'of alone', 'each round', 'slowest ms', 'largest WAL'],
    [...reports].map(([name, list]) => [
      name === 'alone' ? 'alone' : `with ${name}`,
      formatCount(list.reduce((sum, report) => sum + report.commits, 0)),
      formatMs(median(list.map((report) => report.p50Ms))),
      formatMs(p99(name)),
      formatRatio(p99(name), p99('alone')),
      list.map((report) => formatMs(report.p99Ms)).join(' '),
      formatMs(Math.max(...list.map((report) => report.maxMs))),
      formatBytes(Math.max(...list.map((report) => report.largestWalBytes))),
    ]),
  );
  const delays: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    delays.push(...(await measureSpooling(tidemark(), { folder, seconds, everyMs })));
  }
  const seen = delays.filter((ms) => !Number.isNaN(ms));
  heading('From a commit to the spool, at 200 commits a second (smaller is better)');
  table(
    ['program', 'commits', 'p50 ms', 'p99 ms', 'longest ms', 'never seen'],
    [
      [
        'Tidemark',
        formatCount(delays.length),
        formatMs(quantile(seen, 0.5)),
        formatMs(quantile(seen, 0.99)),
        formatMs(Math.max(...seen)),
        formatCount(delays.length - seen.length),
      ],
    ],
  );
}
