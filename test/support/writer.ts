// A writer in a process of its own: random transactions on its own table, seeded. Records the truth of each commit.
// node writer.ts --database <file> --table <name> --seed <n> [--count <n>|--seconds <n>] [--mode <mode>] [--pause <ms>] [--linger <ms>] [--truth <file>]
// Prints "ready" once its table exists, and a JSON summary at the end. Modes: small, bulk, truncate, restart, reopen, vacuum.
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { rowDigest, seededRandom } from './truth.ts';

const { values } = parseArgs({
  options: {
    database: { type: 'string' },
    table: { type: 'string', default: 't' },
    seed: { type: 'string', default: '1' },
    count: { type: 'string' },
    seconds: { type: 'string' },
    mode: { type: 'string', default: 'small' },
    pause: { type: 'string', default: '0' },
    // How long it keeps the database open after its last commit.
    linger: { type: 'string', default: '0' },
    truth: { type: 'string' },
  },
});
const file = values.database ?? '';
const { table, mode } = values;
const random = seededRandom(Number(values.seed));
const pauseMs = Number(values.pause);
const endAt = values.seconds === undefined ? Infinity : Date.now() + Number(values.seconds) * 1000;
const count = values.count === undefined ? Infinity : Number(values.count);
const truth = values.truth === undefined ? undefined : fs.openSync(values.truth, 'a');

let database = open();
database.exec(
  `CREATE TABLE IF NOT EXISTS ${table}(id INTEGER PRIMARY KEY, v BLOB); CREATE TABLE IF NOT EXISTS ${table}_n(n INTEGER); INSERT INTO ${table}_n SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM ${table}_n)`,
);
const rows = new Map<number, number>();
for (const row of database.prepare<[], { id: number; v: Buffer }>(`SELECT id, v FROM ${table}`).iterate()) {
  rows.set(row.id, rowDigest(row.id, row.v));
}
let digest = [...rows.values()].reduce((sum, value) => (sum + value) % 2 ** 48, 0);
let n = Number(database.prepare(`SELECT n FROM ${table}_n`).pluck().get());
let nextId = Math.max(0, ...rows.keys()) + 1;
process.stdout.write('ready\n');

let done = 0;
let slowestMs = 0;
while (done < count && Date.now() < endAt) {
  const startedAt = performance.now();
  try {
    transact();
    maintain();
  } catch (error) {
    if (!(error instanceof Database.SqliteError) || !/BUSY|LOCKED/.test(error.code)) throw error;
    if (database.inTransaction) database.exec('ROLLBACK');
  }
  slowestMs = Math.max(slowestMs, performance.now() - startedAt);
  if (pauseMs > 0) await delay(pauseMs * 2 * random());
}
if (Number(values.linger) > 0) await delay(Number(values.linger));
database.close();
process.stdout.write(`${JSON.stringify({ commits: done, slowestMs: Math.round(slowestMs) })}\n`);

function open(): Database.Database {
  const opened = new Database(file, { timeout: 10_000 });
  opened.pragma('synchronous = NORMAL');
  return opened;
}

function transact(): void {
  const changes = new Map<number, number | undefined>();
  const size = 1 + Math.floor(random() * (mode === 'bulk' ? 400 : 5));
  database.exec('BEGIN IMMEDIATE');
  for (let i = 0; i < size; i++) change(changes);
  if (random() < 0.05) {
    database.exec('ROLLBACK');
    return;
  }
  database.prepare(`UPDATE ${table}_n SET n = ?`).run(n + 1);
  database.exec('COMMIT');
  n++;
  done++;
  for (const [id, value] of changes) {
    digest = (digest - (rows.get(id) ?? 0) + (value ?? 0) + 2 ** 48) % 2 ** 48;
    if (value === undefined) rows.delete(id);
    else rows.set(id, value);
    nextId = Math.max(nextId, id + 1);
  }
  if (truth !== undefined) fs.writeSync(truth, `${JSON.stringify({ n, at: Date.now(), rows: rows.size, digest })}\n`);
}

function change(changes: Map<number, number | undefined>): void {
  const value = Buffer.alloc(20 + Math.floor(random() * 900), Math.floor(random() * 256));
  const kind = random();
  const known = 1 + Math.floor(random() * Math.max(1, nextId - 1));
  if (kind < 0.6 || nextId === 1) {
    const id = nextId + [...changes.keys()].filter((at) => at >= nextId).length;
    database.prepare(`INSERT INTO ${table}(id, v) VALUES (?, ?)`).run(id, value);
    changes.set(id, rowDigest(id, value));
  } else if (kind < 0.85) {
    if (database.prepare(`UPDATE ${table} SET v = ? WHERE id = ?`).run(value, known).changes > 0) {
      changes.set(known, rowDigest(known, value));
    }
  } else if (database.prepare(`DELETE FROM ${table} WHERE id = ?`).run(known).changes > 0) {
    changes.set(known, undefined);
  }
}

function maintain(): void {
  if (mode === 'truncate' && random() < 0.05) database.pragma('wal_checkpoint(TRUNCATE)');
  if (mode === 'restart' && random() < 0.05) database.pragma('wal_checkpoint(RESTART)');
  if (mode === 'vacuum' && random() < 0.01) database.exec('VACUUM');
  if (mode === 'reopen' && random() < 0.1) {
    database.close();
    database = open();
  }
}
