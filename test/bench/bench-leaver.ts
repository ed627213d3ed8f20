// An application of the benchmark that leaves its database, or rests in it, a process of its own: says how long what SQLite keeps
// beside the file outlives that.
// node bench-leaver.ts --database <file> --manner committing|rested|flat|staying --tries <n> [--after <ms>]
// Prints one JSON line; see LeaverReport.
import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { goneLimitMs, type LeaverReport, restLimitMs } from './figures.ts';

const { values } = parseArgs({
  options: {
    database: { type: 'string', default: '' },
    manner: { type: 'string', default: 'committing' },
    tries: { type: 'string', default: '1' },
    after: { type: 'string', default: '0' },
  },
});
const openMs = 1_000;
const restMs = 2_000;
const paceMs = 50;
/** Between a file that is alone again and the next opening. */
const pauseMs = 250;
/** Between one rest and the next commits. */
const betweenRestsMs = 1_500;
/** Who waited in vain this often, and never otherwise, tries no further. */
const patience = 2;
/** Looks without a pause at first, then ones that leave the processor to others, and still err by a fiftieth at most. */
const spinMs = 2;
const shortestNapMs = 0.25;
const napPart = 1 / 50;

const wal = `${values.database}-wal`;
const shm = `${values.database}-shm`;
const bed = new Int32Array(new SharedArrayBuffer(4));
const waits: (number | null)[] = [];

await delay(Number(values.after));
if (values.manner === 'staying') await stay();
else await leave();
process.stdout.write(`${JSON.stringify({ waits } satisfies LeaverReport)}\n`);

/** From each close's return until neither file lies there. */
async function leave(): Promise<void> {
  while (goesOn()) {
    const database = open();
    const insert = database.prepare("INSERT INTO t (mark, body) VALUES ('', ?)");
    const body = randomBytes(200);
    const endAt = performance.now() + openMs + Math.random() * paceMs;
    while (performance.now() < endAt) {
      insert.run(body);
      if (values.manner !== 'flat') await delay(paceMs);
    }
    if (values.manner === 'rested') await delay(restMs);
    else insert.run(body);
    database.close();
    waits.push(waitUntil(() => !existsSync(wal) && !existsSync(shm), goneLimitMs));
    await delay(pauseMs);
  }
}

/** From the last commit's return until the WAL is empty, with the database open all the time. */
async function stay(): Promise<void> {
  const database = open();
  const insert = database.prepare("INSERT INTO t (mark, body) VALUES ('', ?)");
  while (goesOn()) {
    for (let i = 0; i < 5; i += 1) {
      await delay(i === 0 ? 0 : paceMs);
      insert.run(randomBytes(200));
    }
    waits.push(waitUntil(() => (statSync(wal, { throwIfNoEntry: false })?.size ?? 0) === 0, restLimitMs));
    await delay(betweenRestsMs);
  }
  database.close();
}

function goesOn(): boolean {
  const isHopeless = waits.length >= patience && waits.every((wait) => wait === null);
  return waits.length < Number(values.tries) && !isHopeless;
}

function open(): Database.Database {
  const database = new Database(values.database, { timeout: 5_000 });
  database.pragma('synchronous = NORMAL');
  return database;
}

/** Milliseconds; 0 where the first look finds it, null where none does. */
function waitUntil(check: () => boolean, limitMs: number): number | null {
  if (check()) return 0;
  const begunAt = performance.now();
  for (;;) {
    const tookMs = performance.now() - begunAt;
    if (check()) return tookMs;
    if (tookMs > limitMs) return null;
    if (tookMs > spinMs) Atomics.wait(bed, 0, 0, Math.max(shortestNapMs, tookMs * napPart));
  }
}
