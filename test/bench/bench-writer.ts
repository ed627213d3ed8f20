// The application of the benchmark, a process of its own: commits small transactions to a database in WAL mode.
// node bench-writer.ts --database <file> --seconds <n> [--every <ms>] [--rows <n>]
// With --rows it only fills a new database and ends. Prints one JSON line with what it did; see WriterReport.
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import type { WriterReport } from './figures.ts';

const { values } = parseArgs({
  options: {
    database: { type: 'string' },
    seconds: { type: 'string', default: '0' },
    every: { type: 'string', default: '0' },
    rows: { type: 'string' },
  },
});

const database = new Database(values.database, { timeout: 30_000 });
database.pragma('journal_mode = WAL');
database.pragma('synchronous = NORMAL');
if (values.rows === undefined) process.stdout.write(`${JSON.stringify(await write(Number(values.seconds)))}\n`);
else fill(Number(values.rows));
database.close();

function fill(rows: number): void {
  database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, mark TEXT NOT NULL, body BLOB NOT NULL)');
  const insert = database.prepare("INSERT INTO t (mark, body) VALUES ('', ?)");
  database.transaction(() => {
    for (let i = 0; i < rows; i += 1) insert.run(randomBytes(200));
  })();
}

/** One row more and one row changed per transaction; as fast as it goes, or one every few milliseconds. */
async function write(seconds: number): Promise<WriterReport> {
  const insert = database.prepare('INSERT INTO t (mark, body) VALUES (?, ?)');
  const update = database.prepare('UPDATE t SET body = ? WHERE id = ?');
  const known = Number(database.prepare('SELECT count(*) FROM t').pluck().get());
  const body = randomBytes(200);
  const everyMs = Number(values.every);
  const latencies: number[] = [];
  const committedAt: number[] = [];
  const begunAt = performance.now();
  while (performance.now() - begunAt < seconds * 1000) {
    const at = performance.now();
    database.exec('BEGIN IMMEDIATE');
    insert.run(`#${String(latencies.length).padStart(8, '0')}#`, body);
    update.run(body, 1 + Math.floor(Math.random() * known));
    database.exec('COMMIT');
    const endAt = performance.now();
    latencies.push(endAt - at);
    if (everyMs > 0) {
      committedAt.push(performance.timeOrigin + endAt);
      await delay(everyMs * 2 * Math.random());
    }
  }
  const tookMs = performance.now() - begunAt;
  const sorted = latencies.toSorted((a, b) => a - b);
  const quantile = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
  return {
    commits: latencies.length,
    seconds: tookMs / 1000,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    maxMs: sorted.at(-1) ?? 0,
    committedAt,
    latenciesMs: everyMs > 0 ? latencies : [],
  };
}
