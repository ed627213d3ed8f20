// Scenario `leaving`: how soon a database is as its application left it. How long `-wal` and `-shm` outlive its last close, what
// finds an application that replaces its own file at once, and how soon a WAL at rest is empty.
import { formatCount } from '../../shared/format.ts';
import { type Capturer, tidemark, tidemarkApart } from './capturers.ts';
import { formatMs, goneLimitMs, quantile, restLimitMs } from './figures.ts';
import { atOnce, type Leavings, measureLeaving, measureReplacing, type Replacements } from './leaving.ts';
import { rotate } from './measures.ts';
import { attempt, type Bench, heading, say, table } from './report.ts';

const manners = {
  committing: 'commits and closes',
  rested: 'rests for 2 s and closes',
  flat: 'writes flat out and closes',
} as const;

/** How soon a database is as without a capturer. */
export async function benchLeaving(bench: Bench): Promise<void> {
  const apart = tidemarkApart('Tidemark without /proc/locks');
  if (apart === undefined)
    say('\nTidemark without /proc/locks is left out: a PID namespace of its own is not permitted here.');
  const subjects = [undefined, tidemark(), ...(apart === undefined ? [] : [apart]), ...bench.other()];
  const leavings = await compare(bench, subjects, async (subject) => await measureLeaving(subject, bench));
  printGone(leavings);
  printRest(leavings);
  const without = subjects.filter((subject) => subject === undefined || subject !== apart);
  printReplaced(await compare(bench, without, async (subject) => await measureReplacing(subject, bench)));
}

function printGone(leavings: ReadonlyMap<string, readonly Leavings[]>): void {
  const never = `never in ${String(goneLimitMs / 1000)} s`;
  heading(
    `From an application’s close to the moment when neither -wal nor -shm lies there (${String(atOnce)} of each at once; smaller is better)`,
  );
  table(
    ['application that', 'beside', 'closes', 'p50 ms', 'p99 ms', 'longest ms', never],
    Object.entries(manners).flatMap(([manner, title]) =>
      [...leavings].map(([name, reports]) => [
        title,
        name,
        ...formatWaits(reports.flatMap((report) => report[manner as keyof typeof manners])),
      ]),
    ),
  );
}

function printRest(leavings: ReadonlyMap<string, readonly Leavings[]>): void {
  heading(
    `From the last commit of an application that stays to an empty WAL (${String(atOnce)} at once; smaller is better)`,
  );
  table(
    ['beside', 'rests', 'p50 ms', 'p99 ms', 'longest ms', `never in ${String(restLimitMs / 1000)} s`],
    [...leavings]
      .filter(([name]) => name !== 'alone')
      .map(([name, reports]) => [name, ...formatWaits(reports.flatMap(({ staying }) => staying))]),
  );
}

function printReplaced(replaced: ReadonlyMap<string, readonly Replacements[]>): void {
  heading('An application that closes, copies another file over its database at once and opens it (larger is better)');
  table(
    ['beside', 'tries', 'in order', 'in order later', 'what it found'],
    [...replaced].map(([name, reports]) => {
      const faults = reports.flatMap((report) => report.atOnce);
      const later = reports.flatMap((report) => report.later);
      return [
        name,
        formatCount(faults.length),
        formatCount(faults.filter((fault) => fault === null).length),
        formatCount(later.filter((fault) => fault === null).length),
        formatFaults(faults),
      ];
    }),
  );
}

async function compare<T>(
  { rounds }: Bench,
  subjects: readonly (Capturer | undefined)[],
  measure: (subject: Capturer | undefined) => Promise<T>,
): Promise<ReadonlyMap<string, readonly T[]>> {
  const nameOf = (subject: Capturer | undefined): string => subject?.name ?? 'alone';
  const reports = new Map(subjects.map((subject) => [nameOf(subject), [] as T[]]));
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of rotate(subjects, round)) {
      const report = await attempt(nameOf(subject), async () => await measure(subject));
      if (report !== undefined) reports.get(nameOf(subject))?.push(report);
    }
  }
  return new Map([...reports].filter(([, list]) => list.length > 0));
}

/** Number, p50, p99, longest, and how many never came; what never came counts as the longest. */
function formatWaits(waits: readonly number[]): readonly string[] {
  const format = (ms: number): string => (ms === Infinity ? 'never' : formatMs(ms));
  return [
    formatCount(waits.length),
    format(quantile(waits, 0.5)),
    format(quantile(waits, 0.99)),
    format(waits.length === 0 ? Number.NaN : Math.max(...waits)),
    formatCount(waits.filter((ms) => ms === Infinity).length),
  ];
}

function formatFaults(faults: readonly (string | null)[]): string {
  const counts = Map.groupBy(
    faults.filter((fault) => fault !== null),
    (fault) => fault,
  );
  return [...counts].map(([fault, list]) => `${String(list.length)} × ${fault}`).join(', ') || '-';
}
