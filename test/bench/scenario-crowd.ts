// Scenario `crowd`: three applications on one database that run PASSIVE, RESTART and TRUNCATE checkpoints of their own,
// VACUUM, and come and go. Each waiting checkpoint needs every reader to let go: a capturer that does not costs them most.
import { formatCount } from '../../shared/format.ts';
import { formatMs, formatRatio, median } from './figures.ts';
import { compareWithAlone, measureCrowd } from './measures.ts';
import { type Bench, heading, table } from './report.ts';

/** Rows that the crowd writes. */
export async function benchCrowd({ folder, rounds, seconds, other }: Bench): Promise<void> {
  const reports = await compareWithAlone(
    { rounds, other },
    async (subject) => await measureCrowd(subject, { folder, seconds }),
  );
  const rows = (name: string): number => median((reports.get(name) ?? []).map((report) => report.rows));
  heading('Rows of three applications that checkpoint, vacuum and reconnect (median of rounds; larger is better)');
  table(
    ['writers', 'rows', 'of alone', 'each round', 'told busy', 'slowest turn ms'],
    [...reports].map(([name, list]) => [
      name === 'alone' ? 'alone' : `with ${name}`,
      formatCount(rows(name)),
      formatRatio(rows(name), rows('alone')),
      list.map((report) => formatCount(report.rows)).join(' '),
      formatCount(list.reduce((sum, report) => sum + report.busy, 0)),
      formatMs(Math.max(...list.map((report) => report.slowestMs))),
    ]),
  );
}
