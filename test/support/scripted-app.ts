// An application that does what it is told, or a person at its files: each line of stdin is a JSON list of steps, done back to
// back, and answered by one line of JSON: `{ answers }`, or `{ error }` of the step that failed. node scripted-app.ts
// The same on Python's own SQLite is scripted-app.py; who tells them is scripted.ts.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createInterface } from 'node:readline';
import Database from 'better-sqlite3';

let connection: Database.Database | undefined;
const clock = new Int32Array(new SharedArrayBuffer(4));

const steps: Record<string, (a: string, b: string) => unknown> = {
  open: (file, waitMs) => void (connection = new Database(file, { timeout: Number(waitMs) })),
  run: (sql) => void opened().exec(sql),
  try: (sql) => {
    try {
      opened().exec(sql);
      return 'ok';
    } catch (error) {
      return String(error);
    }
  },
  ask: (sql) => opened().prepare(sql).raw().all(),
  close: () => {
    opened().close();
    connection = undefined;
  },
  sleep: (ms) => void Atomics.wait(clock, 0, 0, Number(ms)),
  // As an installer does: whole, into the same file.
  copy: (from, to) => fs.copyFileSync(from, to),
  move: (from, to) => fs.renameSync(from, to),
  remove: (file) => fs.rmSync(file, { force: true }),
  touch: (file) => fs.utimesSync(file, new Date(), new Date()),
  hash: (file) => createHash('sha1').update(fs.readFileSync(file)).digest('hex'),
};

function opened(): Database.Database {
  if (connection === undefined) throw new Error('no database is open');
  return connection;
}

function doAll(line: string): unknown {
  try {
    const told = JSON.parse(line) as readonly (readonly [string, string, string])[];
    return { answers: told.map(([name, a, b]) => steps[name]?.(a, b) ?? 'done') };
  } catch (error) {
    return { error: String(error) };
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => process.stdout.write(`${JSON.stringify(doAll(line))}\n`))
  .on('close', () => connection?.close());
