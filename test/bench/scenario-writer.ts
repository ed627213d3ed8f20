// Scenario `writer`: what capturing costs an application that commits as fast as it can.
import { formatBytes, formatCount } from '../../shared/format.ts';
import { formatMs, formatRatio, median } from './figures.ts';
import { compareWithAlone, measureWriter } from './measures.ts';
import { type Bench, heading, table } from './report.ts';

/** What capturing costs the application. */
export async function benchWriter({ folder, rounds, seconds, other }: Bench): Promise<void> {
  const reports = await compareWithAlone(
    { rounds, other },
    async (subject) => await measureWriter(subject, { folder, seconds }),
  );
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
