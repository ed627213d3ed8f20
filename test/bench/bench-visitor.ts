// An application of the benchmark that never stays, a process of its own: it opens its database, commits one row and closes it,
// again and again without a pause.
// node bench-visitor.ts --database <file> --seconds <n>
// Prints one JSON line; see VisitorReport.
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import type { VisitorReport } from './figures.ts';

const { values } = parseArgs({
  options: { database: { type: 'string' }, seconds: { type: 'string', default: '5' } },
});

const body = randomBytes(200);
const report = { commits: 0, busy: 0, seconds: 0, slowestMs: 0 };
const begunAt = performance.now();
const endAt = begunAt + Number(values.seconds) * 1000;
for (let at = begunAt; at < endAt;) {
  visit();
  const now = performance.now();
  report.slowestMs = Math.max(report.slowestMs, now - at);
  at = now;
}
report.seconds = (performance.now() - begunAt) / 1000;
process.stdout.write(`${JSON.stringify(report satisfies VisitorReport)}\n`);

function visit(): void {
  try {
    const database = new Database(values.database, { timeout: 5_000 });
    try {
      database.pragma('synchronous = NORMAL');
      database
        .prepare('INSERT INTO t (mark, body) VALUES (?, ?)')
        .run(`#${String(report.commits).padStart(8, '0')}#`, body);
      report.commits += 1;
    } finally {
      database.close();
    }
  } catch (error) {
    if (!(error instanceof Database.SqliteError) || !/^SQLITE_(BUSY|LOCKED)/.test(error.code)) throw error;
    report.busy += 1;
  }
}
