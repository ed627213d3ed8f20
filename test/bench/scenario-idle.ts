// Scenario `idle`: databases that nobody writes. What a capturer uses of a processor's core, what it writes and what it keeps
// in memory meanwhile, from Linux's own accounts of its process.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { formatBytes, formatCount } from '../../shared/format.ts';
import { accounts } from './accounts.ts';
import { type Capturer, startCapturing, tidemark } from './capturers.ts';
import { type Bench, heading, say, table } from './report.ts';

const counts = [50, 500];
const settleMs = 15_000;
const measureMs = 60_000;

/** What idle databases cost. */
export async function benchIdle({ folder, other }: Bench): Promise<void> {
  if (process.platform !== 'linux') {
    say('\nIdle databases are measured on Linux only.');
    return;
  }
  const rows: string[][] = [];
  for (const count of counts) {
    for (const subject of [tidemark(), ...other()]) rows.push(await measureIdle(subject, { folder, count }));
  }
  heading(`Idle databases over ${String(measureMs / 1000)} s (smaller is better)`);
  table(['capturer', 'databases', '% of a core', 'write calls', 'written', 'resident', 'files'], rows);
}

async function measureIdle(
  subject: Capturer,
  { folder, count }: { readonly folder: string; readonly count: number },
): Promise<string[]> {
  const place = mkdtempSync(join(folder, 'idle-'));
  try {
    const databases = Array.from({ length: count }, (_, i) => createDatabase(place, i));
    await using running = await startCapturing(subject, databases, place);
    await delay(settleMs);
    const before = accounts(running.pid);
    await delay(measureMs);
    const after = accounts(running.pid);
    const cpu = ((after.processorSeconds - before.processorSeconds) / (measureMs / 1000)) * 100;
    return [
      subject.name,
      formatCount(count),
      cpu.toFixed(2),
      formatCount(after.writeCalls - before.writeCalls),
      formatBytes(after.written - before.written),
      formatBytes(after.resident),
      formatCount(after.files),
    ];
  } finally {
    rmSync(place, { recursive: true, force: true, maxRetries: 5 });
  }
}

function createDatabase(place: string, number: number): string {
  const folder = join(place, `folder-${String(number % 5)}`);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${String(number)}.db`);
  const database = new Database(file);
  database.pragma('synchronous = off');
  database.pragma('journal_mode = wal');
  database.exec('CREATE TABLE t(v); INSERT INTO t VALUES (randomblob(20000))');
  database.close();
  return file;
}
