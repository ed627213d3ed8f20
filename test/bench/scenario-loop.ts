// How long one large database holds up the event loop of the engine: at the first image, while it captures a large
// transaction, at a restart that reads back what was captured, and when pages are compared after unseen changes.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { formatBytes } from '../../shared/format.ts';
import { formatMs } from './figures.ts';
import { type Bench, heading, table } from './report.ts';

export interface LoopReport {
  readonly longestMs: number;
  readonly p99Ms: number;
  /** The same in time that the thread worked: without waiting for a processor or a disk. */
  readonly longestCpuMs: number;
  readonly seconds: number;
  readonly peakBytes: number;
}

const databaseBytes = 1_000_000_000;
const script = join(import.meta.dirname, 'loop-probe.ts');

/** How long one database holds up all others. */
export async function benchLoop({ folder }: Bench): Promise<void> {
  const phases = await measureLoop(join(folder, 'loop'), databaseBytes);
  heading(`The event loop of an engine with one database of ${formatBytes(databaseBytes)} (smaller is better)`);
  table(
    ['while', 'seconds', 'p99 ms', 'longest ms', 'longest of work ms', 'largest memory'],
    phases.map(([phase, report]) => [
      phase,
      report.seconds.toFixed(1),
      formatMs(report.p99Ms),
      formatMs(report.longestMs),
      formatMs(report.longestCpuMs),
      formatBytes(report.peakBytes),
    ]),
  );
}

/** Each part of a large database's life, in order, with what held up the loop meanwhile. */
async function measureLoop(
  folder: string,
  bytes: number,
): Promise<readonly (readonly [phase: string, report: LoopReport])[]> {
  mkdirSync(folder);
  const database = join(folder, 'large.db');
  const places = ['--data', join(folder, 'data'), '--database', database, '--replica', join(folder, 'replica')];
  const app = new Database(database);
  try {
    app.pragma('journal_mode = WAL');
    app.pragma('synchronous = OFF');
    app.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)');
    insert(app, bytes);
    app.pragma('wal_checkpoint(TRUNCATE)');
    const first = await run(places);
    // Captured and shipped, but not noted down: killed before the next restart of the WAL.
    const killed = start([...places, '--stays']);
    await killed.shipped;
    insert(app, bytes / 4);
    await new Promise((go) => setTimeout(go, 5000));
    killed.child.kill('SIGKILL');
    await killed.ended;
    const restart = await run(places);
    const writing = start(places);
    insert(app, bytes / 8);
    const during = parse(await writing.ended);
    app.exec('UPDATE t SET v = randomblob(3900) WHERE id % 100 < 2');
    app.pragma('wal_checkpoint(TRUNCATE)');
    const compare = await run(places);
    return [
      ['first image', first],
      ['restart that reads back a quarter', restart],
      ['a transaction of an eighth', during],
      ['compared after unseen changes', compare],
    ];
  } finally {
    app.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function insert(app: Database.Database, bytes: number): void {
  app
    .prepare(
      'WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ?) INSERT INTO t(v) SELECT randomblob(3900) FROM i',
    )
    .run(Math.ceil(bytes / 4096));
}

async function run(args: readonly string[]): Promise<LoopReport> {
  return parse(await start(args).ended);
}

function parse(output: string): LoopReport {
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as LoopReport;
}

function start(args: readonly string[]): {
  readonly child: ChildProcess;
  readonly shipped: Promise<void>;
  readonly ended: Promise<string>;
} {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  let onShipped = () => {};
  const shipped = new Promise<void>((resolve) => (onShipped = resolve));
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.includes('shipped')) onShipped();
  });
  const ended = once(child, 'close').then(() => {
    onShipped();
    return output;
  });
  return { child, shipped, ended };
}
