// An application of the benchmark, a process of its own: commits one small row at even intervals.
// node bench-ticker.ts --database <file> --seconds <n> --per-second <n>
// Prints one JSON line with the number of its commits.
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';

const { values } = parseArgs({
  options: {
    database: { type: 'string' },
    seconds: { type: 'string', default: '5' },
    'per-second': { type: 'string', default: '1' },
  },
});

const database = new Database(values.database, { timeout: 5_000 });
database.pragma('synchronous = NORMAL');
const insert = database.prepare("INSERT INTO t (mark, body) VALUES ('', ?)");
const total = Number(values.seconds) * Number(values['per-second']);
const begunAt = performance.now();
for (let i = 0; i < total; i += 1) {
  const dueAt = begunAt + (i * 1000) / Number(values['per-second']);
  const waitMs = dueAt - performance.now();
  if (waitMs > 0) await delay(waitMs);
  insert.run(randomBytes(200));
}
database.close();
process.stdout.write(`${JSON.stringify({ commits: total })}\n`);
