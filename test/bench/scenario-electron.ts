// Scenario `electron`: the desktop application on the real Electron that `npm run test:electron` made ready, with fifty databases. How
// soon its window is there, what each of its processes keeps in memory, and what it uses of a core, at rest and while one database is
// written, with its window shown and hidden. The display is in memory: what draws has no graphics card.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { formatBytes, formatCount } from '../../shared/format.ts';
import { processesOf, startDesktop } from '../support/desktop-app.ts';
import { call } from '../support/desktop-look.ts';
import { startDesktopSession } from '../support/real-electron/desktop-session.ts';
import { type ReadyElectron, findReadyElectron } from '../support/real-electron/ready.ts';
import { electronAsUser, run } from '../support/real-electron/run.ts';
import { until } from '../support/temp.ts';
import { type Bench, heading, say, table } from './report.ts';

const databases = 50;
const perSecond = 3;
const settleMs = 10_000;
const pageBytes = 4096;
const ticksPerSecond = 100;
const kinds = ['main', 'renderer', 'gpu-process', 'utility'] as const;
type Kind = (typeof kinds)[number];
type Weights = ReadonlyMap<Kind, { readonly resident: number; readonly seconds: number }>;

/** What the desktop application costs. */
export async function benchElectron({ folder, rounds, weighSeconds }: Bench): Promise<void> {
  const ready = findReadyElectron();
  if (process.platform !== 'linux' || ready === undefined) {
    say('\nThe desktop application is measured on Linux, on the Electron that `npm run test:electron` makes ready.');
    return;
  }
  const place = mkdtempSync(join(folder, 'electron-'));
  try {
    const written = await prepare(ready, place);
    const starts = [];
    for (let round = 0; round < rounds; round += 1) starts.push(await timeToWindow(ready, place));
    const states = [];
    for (const isShown of [true, false]) states.push(await measure(ready, { place, written, isShown, weighSeconds }));
    const columns = states.flatMap(({ name, rest, busy }) => [
      { name: `${name}, at rest`, ...rest },
      { name: `${name}, ${formatCount(perSecond)} transactions a second`, ...busy },
    ]);
    heading(
      `Electron ${ready.version} with ${formatCount(databases)} databases: start to window ${Math.min(...starts).toFixed(0)} ms at best of ${formatCount(rounds)}; % of a core, and memory`,
    );
    table(
      ['window', ...kinds, 'all'],
      columns.map(({ name, cores, resident }) => [
        name,
        ...kinds.map((kind) => `${(cores.get(kind) ?? 0).toFixed(1)}; ${formatBytes(resident.get(kind) ?? 0)}`),
        `${sum(cores).toFixed(1)}; ${formatBytes(sum(resident))}`,
      ]),
    );
  } finally {
    rmSync(place, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Adds the databases through the window, as its user does; resolves with the one that is written later. */
async function prepare(real: ReadyElectron, place: string): Promise<string> {
  const files = Array.from({ length: databases }, (_, number) => createDatabase(place, number));
  await using app = await startDesktop({ dataDir: join(place, 'data'), real });
  for (const path of files) await call(app, 'addDatabase', { path, folder: join(place, 'backup') });
  app.electron.process().kill('SIGTERM');
  await app.ended;
  return files[0] ?? '';
}

function createDatabase(place: string, number: number): string {
  const folder = join(place, `folder-${String(number % 5)}`);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${String(number)}.db`);
  const database = new Database(file);
  database.pragma('synchronous = off');
  database.pragma('journal_mode = wal');
  database.exec("CREATE TABLE t(mark, body); INSERT INTO t VALUES ('', randomblob(20000))");
  database.close();
  return file;
}

interface Costs {
  /** In percent. */
  readonly cores: ReadonlyMap<Kind, number>;
  readonly resident: ReadonlyMap<Kind, number>;
}

interface Start {
  readonly place: string;
  readonly isShown: boolean;
}

/** Starts the application on a desktop of its own; disposing ends both. */
async function startOn(
  { executable, app }: ReadyElectron,
  { place, isShown }: Start,
): Promise<AsyncDisposable & { readonly toWindowMs: number }> {
  await using owned = new AsyncDisposableStack();
  const session = owned.use(await startDesktopSession({ hasPanel: true, hasWindowManager: true }));
  const startedAt = performance.now();
  const env = { ...session.env, TIDEMARK_TEST_RUNTIME: executable };
  const args = [app, '--data-dir', join(place, 'data'), ...(isShown ? [] : ['--background'])];
  const main = spawn(electronAsUser, args, { env, stdio: 'ignore' });
  owned.defer(() => end(main));
  // While windows come and go, the search may fail.
  const search = ['search', '--onlyvisible', '--name', '^Tidemark$'];
  if (isShown) await until('its window is there', () => run('xdotool', search, session.env).catch(() => ''), 60_000);
  const toWindowMs = performance.now() - startedAt;
  const stack = owned.move();
  return { toWindowMs, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function timeToWindow(ready: ReadyElectron, place: string): Promise<number> {
  await using started = await startOn(ready, { place, isShown: true });
  return started.toWindowMs;
}

async function measure(
  ready: ReadyElectron,
  { written, weighSeconds, ...start }: Start & { readonly written: string; readonly weighSeconds: number },
): Promise<{ readonly name: string; readonly rest: Costs; readonly busy: Costs }> {
  const dataDir = join(start.place, 'data');
  await using owned = new AsyncDisposableStack();
  owned.use(await startOn(ready, start));
  await delay(settleMs);
  const rest = await weigh(dataDir, weighSeconds);

  const ticking = ['--database', written, '--seconds', String(weighSeconds + 10), '--per-second', String(perSecond)];
  const ticker = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, 'bench-ticker.ts'), ...ticking], {
    stdio: 'ignore',
  });
  owned.defer(() => end(ticker));
  await delay(settleMs / 2);
  const busy = await weigh(dataDir, weighSeconds);
  return { name: start.isShown ? 'shown' : 'hidden', rest, busy };
}

/** In order: the next one starts on the same data folder. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

async function weigh(dataDir: string, seconds: number): Promise<Costs> {
  const before = weights(dataDir);
  await delay(seconds * 1000);
  const after = weights(dataDir);
  const used = (kind: Kind): number => (after.get(kind)?.seconds ?? 0) - (before.get(kind)?.seconds ?? 0);
  return {
    cores: new Map(kinds.map((kind) => [kind, (used(kind) / seconds) * 100])),
    resident: new Map(kinds.map((kind) => [kind, after.get(kind)?.resident ?? 0])),
  };
}

/** From Linux's accounts of each process, summed up by what it is for. */
function weights(dataDir: string): Weights {
  const found = new Map<Kind, { resident: number; seconds: number }>();
  for (const pid of processesOf(dataDir)) {
    const read = (name: string): string => readFileSync(`/proc/${String(pid)}/${name}`, 'utf8');
    const [, type = 'main'] = /--type=([\w-]+)/.exec(read('cmdline')) ?? [];
    const kind = kinds.find((one) => one === type);
    if (kind === undefined) continue;
    const fields = read('stat')
      .replace(/^.*\) /s, '')
      .split(' ');
    const sofar = found.get(kind) ?? { resident: 0, seconds: 0 };
    found.set(kind, {
      resident: sofar.resident + Number(read('statm').split(' ')[1]) * pageBytes,
      seconds: sofar.seconds + (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    });
  }
  return found;
}

function sum(figures: ReadonlyMap<Kind, number>): number {
  return [...figures.values()].reduce((total, figure) => total + figure, 0);
}
