// Long runs of seeded histories: npm run soak -- [--minutes 10] [--seed N] [--seconds 8] [--restores 100] [--once] [--crash]
// --storm [--alone] [--hands ms] [--only step,step]: applications that replace, delete and switch their files; alone: without
// an engine; hands: they come to a closed file after so many milliseconds at the earliest.
// --outages [--rounds 2]: destinations and disks that fail and come back, and everything that is said meanwhile.
// Prints every seed; a history that fails stays in its folder as evidence, and the run ends with status 1.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom } from '../support/truth.ts';
import { type CrashPoint, CrashStage, scenarios } from './crash-points.ts';
import { versionOf } from './executors.ts';
import { runHistory } from './history.ts';
import { runOutages } from './outages.ts';
import { runStorm } from './storm.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    seconds: { type: 'string', default: '8' },
    restores: { type: 'string', default: '100' },
    once: { type: 'boolean', default: false },
    crash: { type: 'boolean', default: false },
    storm: { type: 'boolean', default: false },
    outages: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '2' },
    alone: { type: 'boolean', default: false },
    hands: { type: 'string', default: '0' },
    only: { type: 'string', default: '' },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);
for (const application of ['sqlite3', 'python3'] as const) {
  const version = versionOf(application);
  say(version === undefined ? `without ${application}, which is not installed` : `${application}: SQLite ${version}`);
}
process.on('SIGTERM', () => process.exit(1)).on('SIGINT', () => process.exit(1));
const endAt = Date.now() + Number(values.minutes) * 60_000;
if (values.crash) {
  await crashEverywhere();
  process.exit();
}
let failures = 0;
let histories = 0;
for (let seed = Number(values.seed); Date.now() < endAt && (!values.once || histories === 0); seed++) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tidemark-soak-'));
  let complaints: readonly string[];
  const startedAt = Date.now();
  try {
    const run = await play(seed, folder);
    ({ complaints } = run);
    say(`  ${run.summary}; ${Math.round((Date.now() - startedAt) / 1000)} s`);
  } catch (error) {
    complaints = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
  histories++;
  if (complaints.length === 0) {
    fs.rmSync(folder, { recursive: true, force: true });
    continue;
  }
  failures++;
  say(`  FAILED: seed ${seed}, evidence in ${folder}`);
  for (const complaint of complaints.slice(0, 20)) say(`    ${complaint}`);
  if (complaints.length > 20) say(`    and ${complaints.length - 20} more`);
}
say(`${histories} histories, ${failures} failed`);
process.exitCode = failures > 0 ? 1 : 0;

interface Run {
  readonly complaints: readonly string[];
  readonly summary: string;
}

async function play(seed: number, folder: string): Promise<Run> {
  if (values.storm) return await storm(seed, folder);
  if (!values.outages) return await history(seed, folder);
  const [seconds, rounds] = [Number(values.seconds), Number(values.rounds)];
  return await runOutages({ seed, folder, seconds, rounds, say });
}

async function history(seed: number, folder: string): Promise<Run> {
  const [seconds, restores] = [Number(values.seconds), Number(values.restores)];
  const { complaints, commits, points, restored, gaps, generations } = await runHistory({
    seed,
    folder,
    seconds,
    restores,
    say,
  });
  const summary = `${commits} commits, ${points} points, ${restored} restored, ${gaps} gaps, ${generations} generations`;
  return { complaints, summary };
}

async function storm(seed: number, folder: string): Promise<Run> {
  const [seconds, handsMs] = [Number(values.seconds), Number(values.hands)];
  return await runStorm({ seed, folder, seconds, isAlone: values.alone, handsMs, only: values.only, say });
}

/** One run per place where the engine awaits or touches a file, in random order, as long as there is time. */
async function crashEverywhere(): Promise<void> {
  const seed = Number(values.seed);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tidemark-crash-'));
  using stage = new CrashStage(folder);
  const points: CrashPoint[] = [];
  for (const scenario of scenarios) points.push(...(await stage.find(scenario, seed)));
  const random = seededRandom(seed);
  const shuffled = points
    .filter(({ scenario, site }) => `${scenario} ${site}`.includes(values.only))
    .map((point) => ({ point, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ point }) => point);
  // Every place once, then the same places in other scenarios.
  const places = new Set<string>();
  const isNews = ({ site, occurrence }: CrashPoint): boolean => {
    const place = `${site} ${occurrence === 1}`;
    return !places.has(place) && places.add(place) !== undefined;
  };
  const news = shuffled.filter(isNews);
  const chosen = [...news, ...shuffled.filter((point) => !news.includes(point))];
  say(`${news.length} places, ${new Set(chosen.map(({ site }) => site)).size} of them distinct lines`);
  say(`seed ${seed}: ${chosen.length} crash points`);
  let reached = 0;
  let failed = 0;
  let done = 0;
  for (const point of chosen) {
    if (Date.now() > endAt) break;
    done++;
    if (done % 50 === 0) say(`  ${done} done, ${reached} reached`);
    const name = `${point.scenario} ${point.site} #${point.occurrence}`;
    try {
      const { isReached, complaints } = await stage.crash(point);
      if (isReached) reached++;
      if (complaints.length === 0) continue;
      say(`  FAILED: ${name}`);
      for (const complaint of complaints.slice(0, 8)) say(`    ${complaint}`);
    } catch (error) {
      say(`  FAILED: ${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
    failed++;
    const evidence = `${folder}-evidence-${failed}`;
    fs.cpSync(path.join(folder, 'work'), evidence, { recursive: true });
    say(`    evidence in ${evidence}`);
  }
  fs.rmSync(folder, { recursive: true, force: true });
  say(`${done} of ${chosen.length} crash points tried, ${reached} reached, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}
