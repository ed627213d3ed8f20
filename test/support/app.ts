// An application that keeps a database open and does what it is told by signals: SIGUSR2 commits one transaction, SIGTERM
// closes and quits. node app.ts --database <file> --truth <file> [--exclusive]. Prints "ready", and "wrote <n>" per commit.
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { readTruthOf } from './truth.ts';

const { values } = parseArgs({
  options: {
    database: { type: 'string', default: '' },
    truth: { type: 'string', default: '' },
    exclusive: { type: 'boolean', default: false },
  },
});
const database = new Database(values.database, { timeout: 5000 });
if (values.exclusive) database.pragma('locking_mode = EXCLUSIVE');
database.pragma('synchronous = NORMAL');
const alive = setInterval(() => {}, 1 << 30);

function commit(): number {
  const n = database.transaction(() => {
    const next = Number(database.prepare('SELECT n FROM t_n').pluck().get()) + 1;
    database.prepare('INSERT INTO t(v) VALUES (?)').run(Buffer.alloc(300, next));
    database.prepare('UPDATE t_n SET n = ?').run(next);
    return next;
  })();
  const { rows, digest } = readTruthOf(database);
  fs.appendFileSync(values.truth, `${JSON.stringify({ n, at: Date.now(), rows, digest })}\n`);
  return n;
}

process.on('SIGUSR2', () => process.stdout.write(`wrote ${commit()}\n`));
process.on('SIGTERM', () => {
  database.close();
  clearInterval(alive);
});
process.stdout.write(`ready ${commit()}\n`);
