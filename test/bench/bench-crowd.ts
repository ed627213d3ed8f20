// One of several applications on one database, a process of its own, which keeps house by itself: small transactions, and
// now and then a checkpoint of its own kind, a VACUUM, another connection.
// node bench-crowd.ts --database <file> --seconds <n> --mode passive|restart|truncate
// Prints one JSON line: the rows that it wrote, and how often it was told that the database is busy.
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import type { CrowdReport } from './figures.ts';

const { values } = parseArgs({
  options: {
    database: { type: 'string' },
    seconds: { type: 'string', default: '5' },
    mode: { type: 'string', default: 'passive' },
  },
});
const checkpointEvery = 20;
const reopenEvery = 100;
const vacuumEvery = 1000;
const rowsPerCommit = 5;

let database = open();
const report = { rows: 0, busy: 0, slowestMs: 0 };
const endAt = performance.now() + Number(values.seconds) * 1000;
for (let turn = 1; performance.now() < endAt; turn++) {
  const startedAt = performance.now();
  try {
    write();
    if (turn % checkpointEvery === 0) database.pragma(`wal_checkpoint(${values.mode.toUpperCase()})`);
    if (turn % vacuumEvery === 0) database.exec('VACUUM');
  } catch (error) {
    if (!(error instanceof Database.SqliteError) || !/^SQLITE_(BUSY|LOCKED)/.test(error.code)) throw error;
    report.busy += 1;
    if (database.inTransaction) database.exec('ROLLBACK');
  }
  report.slowestMs = Math.max(report.slowestMs, performance.now() - startedAt);
  if (turn % reopenEvery === 0) {
    database.close();
    database = open();
  }
}
database.close();
process.stdout.write(`${JSON.stringify(report satisfies CrowdReport)}\n`);

function open(): Database.Database {
  const opened = new Database(values.database, { timeout: 5000 });
  opened.pragma('synchronous = NORMAL');
  return opened;
}

function write(): void {
  const insert = database.prepare("INSERT INTO t (mark, body) VALUES ('', ?)");
  const remove = database.prepare('DELETE FROM t WHERE id = (SELECT min(id) FROM t)');
  database.exec('BEGIN IMMEDIATE');
  for (let i = 0; i < rowsPerCommit; i += 1) insert.run(randomBytes(200));
  // Full enough: the database stays at its size.
  for (let i = 0; i < rowsPerCommit; i += 1) remove.run();
  database.exec('COMMIT');
  report.rows += rowsPerCommit;
}
