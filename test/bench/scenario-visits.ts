// Scenario `visits`: an application that opens its database, commits one row and closes it, again and again: what capturing
// costs it, and whether its history is complete afterwards.
import { join } from 'node:path';
import { formatCount } from '../../shared/format.ts';
import { type Capturer, startCapturing, tidemark, timeRestore } from './capturers.ts';
import { createDatabase, findFault, readContent } from './content.ts';
import { formatMs, formatRatio, median, type VisitorReport } from './figures.ts';
import { rotate, scratch } from './measures.ts';
import { countMoments } from './moments.ts';
import { attempt, type Bench, heading, table } from './report.ts';
import { visitFor } from './writing.ts';

interface Visits extends VisitorReport {
  /** Rows of the newest moment that the program's own tool restored, or what was wrong with it. */
  readonly restored: string;
  /** Commits that the replica keeps as moments of their own. */
  readonly moments: number;
}

const rowsBefore = 1_000;

/** What capturing costs an application that never stays, and what is left of it. */
export async function benchVisits({ folder, rounds, seconds, other }: Bench): Promise<void> {
  const subjects: readonly (Capturer | undefined)[] = [undefined, tidemark(), ...other()];
  const nameOf = (subject: Capturer | undefined): string => subject?.name ?? 'alone';
  const reports = new Map(subjects.map((subject) => [nameOf(subject), [] as Visits[]]));
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of rotate(subjects, round)) {
      const name = nameOf(subject);
      const report = await attempt(name, async () => await measureVisits(subject, { folder, seconds }));
      if (report !== undefined) reports.get(name)?.push(report);
    }
  }
  const rate = (name: string): number => median((reports.get(name) ?? []).map((each) => each.commits / each.seconds));
  heading('Commits of an application that opens and closes for each (median of rounds; larger is better)');
  table(
    ['beside', 'commits/s', 'of alone', 'each round', 'told busy', 'slowest ms', 'newest restored', 'own moments'],
    [...reports]
      .filter(([, list]) => list.length > 0)
      .map(([name, list]) => [
        name,
        formatCount(rate(name)),
        formatRatio(rate(name), rate('alone')),
        list.map((each) => formatCount(each.commits / each.seconds)).join(' '),
        formatCount(sum(list.map(({ busy }) => busy))),
        formatMs(Math.max(...list.map(({ slowestMs }) => slowestMs))),
        name === 'alone' ? '-' : list.map(({ restored }) => restored).join('; '),
        name === 'alone'
          ? '-'
          : `${formatCount(sum(list.map(({ moments }) => moments)))} of ${formatCount(sum(list.map(({ commits }) => commits)))}`,
      ]),
  );
}

async function measureVisits(
  subject: Capturer | undefined,
  { folder, seconds }: { readonly folder: string; readonly seconds: number },
): Promise<Visits> {
  using place = scratch(folder);
  const database = join(place.path, 'app.db');
  createDatabase(database, rowsBefore, 'before');
  if (subject === undefined) return { ...(await visitFor(database, seconds)), restored: '', moments: 0 };
  await using running = await startCapturing(subject, database, place.path);
  const report = await visitFor(database, seconds);
  running.assertAlive();
  await running.stop();
  const restored = await restoreAndCompare(subject, {
    database,
    replica: running.replica,
    output: join(place.path, 'restored.db'),
    commits: report.commits,
  });
  return { ...report, restored, moments: await countMoments(running.replica) };
}

/** Each row of the newest moment is compared with the database itself, which ought to hold all that was committed. */
async function restoreAndCompare(
  subject: Capturer,
  {
    database,
    replica,
    output,
    commits,
  }: { readonly database: string; readonly replica: string; readonly output: string; readonly commits: number },
): Promise<string> {
  const live = readContent(database);
  if (live.rows !== rowsBefore + commits)
    return `the database itself lost ${formatCount(rowsBefore + commits - live.rows)}`;
  try {
    await timeRestore(subject, replica, output);
  } catch {
    // @NOTE That it cannot be restored is the result.
    return 'not restorable';
  }
  const fault = findFault(output, live.content);
  if (fault === undefined) return 'all rows';
  return fault === 'other rows' ? `${formatCount(readContent(output).rows)} of ${formatCount(live.rows)} rows` : fault;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
