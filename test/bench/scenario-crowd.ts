// Scenario `crowd`: three applications on one database that run PASSIVE, RESTART and TRUNCATE checkpoints of their own,
// VACUUM, and come and go. Each waiting checkpoint needs every reader to let go: a capturer that does not costs them most.
import { formatCount } from '../../shared/format.ts';
import { type Capturer, tidemark } from './capturers.ts';
import { formatMs, formatRatio, median } from './figures.ts';
import { measureCrowd, rotate } from './measures.ts';
import { type Bench, heading, table } from './report.ts';

/** Rows that the crowd writes. */
export async function benchCrowd({ folder, rounds, seconds, other }: Bench): Promise<void> {
  const subjects: readonly (Capturer | undefined)[] = [undefined, tidemark(), ...other()];
  const nameOf = (subject: Capturer | undefined): string => subject?.name ?? 'alone';
  const reports = new Map(
    subjects.map((subject) => [nameOf(subject), [] as Awaited<ReturnType<typeof measureCrowd>>[]]),
  );
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of rotate(subjects, round)) {
      reports.get(nameOf(subject))?.push(await measureCrowd(subject, { folder, seconds }));
    }
  }
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
