// Scenario `weight`: what a capturer uses of a processor while its database is written, at several rhythms. Both programs are
// weighed at the same time, each beside an application of its own, so that what else the machine does weighs on both.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { accounts } from './accounts.ts';
import { type Capturer, startCapturing, tidemark } from './capturers.ts';
import { formatRatio, median } from './figures.ts';
import { scratch } from './measures.ts';
import { attempt, type Bench, heading, say, table } from './report.ts';
import { fillDatabase, tickFor } from './writing.ts';

const rates = [1, 20, 200];
/** Starting a program, its first image, and what its runtime compiles when it has just begun, are left out. */
const settleSeconds = 15;

/** What capturing costs a processor. */
export async function benchWeight({ folder, rounds, weighSeconds, other }: Bench): Promise<void> {
  if (process.platform !== 'linux') {
    say('\nWhat capturing costs a processor is measured on Linux only.');
    return;
  }
  const subjects = [tidemark(), ...other()];
  const rows: string[][] = [];
  for (const perSecond of rates) {
    const seconds = perSecond === 1 ? 2 * weighSeconds : weighSeconds;
    const loads = new Map(subjects.map(({ name }) => [name, [] as number[]]));
    for (let round = 0; round < rounds; round += 1) {
      using place = scratch(folder);
      await Promise.all(
        subjects.map(async (subject) => {
          const measured = await attempt(
            subject.name,
            async () => await weigh(subject, { folder: join(place.path, subject.name), seconds, perSecond }),
          );
          if (measured !== undefined) loads.get(subject.name)?.push(measured);
        }),
      );
    }
    const load = (name: string): number => median(loads.get(name) ?? []);
    for (const [name, list] of loads) {
      rows.push([
        name,
        String(perSecond),
        String(seconds),
        formatPercent(load(name)),
        formatRatio(load(name), load('Litestream')),
        list.map(formatPercent).join(' '),
      ]);
    }
  }
  heading('Percent of a core while a database is written, both at the same time (median of rounds; smaller is better)');
  table(['capturer', 'commits/s', 'seconds', '% of a core', 'of Litestream', 'each round'], rows);
}

async function weigh(
  subject: Capturer,
  { folder, seconds, perSecond }: { readonly folder: string; readonly seconds: number; readonly perSecond: number },
): Promise<number> {
  mkdirSync(folder);
  const database = join(folder, 'app.db');
  await fillDatabase(database, 1_000);
  await using running = await startCapturing(subject, database, folder);
  const writing = tickFor(database, { seconds: settleSeconds + seconds + 1, perSecond });
  const weighing = (async () => {
    await delay(settleSeconds * 1000);
    const before = accounts(running.pid);
    const begunAt = performance.now();
    await delay(seconds * 1000);
    const spent = accounts(running.pid).processorSeconds - before.processorSeconds;
    return (spent / ((performance.now() - begunAt) / 1000)) * 100;
  })();
  const [percent] = await Promise.all([weighing, writing]);
  running.assertAlive();
  return percent;
}

function formatPercent(value: number): string {
  return Number.isNaN(value) ? '-' : value.toFixed(2);
}
