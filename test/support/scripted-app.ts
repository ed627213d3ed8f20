// An application that does what it is told, or a person at its files: each line of stdin is a JSON list of steps, done back to
// back, and answered by one line of JSON: `{ answers }`, or `{ error }` of the step that failed. node scripted-app.ts [PORT]
// With a port it is told over a connection to that port of this computer instead.
// The same on Python's own SQLite is scripted-app.py; who tells them is scripted.ts.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import Database from 'better-sqlite3';

let connection: Database.Database | undefined;
let held: number | undefined;
/** libuv’s UV_FS_O_EXLOCK on Windows, which Node passes on and does not name. */
const exclusive = process.platform === 'win32' ? 0x1000_0000 : 0;
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
  // On Windows nobody else may open, rename or delete it then, as while a virus scanner reads it.
  hold: (file) => void (held = fs.openSync(file, fs.constants.O_RDWR | exclusive)),
  release: () => {
    if (held !== undefined) fs.closeSync(held);
    held = undefined;
  },
  chmod: (file, mode) => fs.chmodSync(file, Number(mode)),
  list: (folder) => fs.readdirSync(folder).toSorted(),
  // Again and again, as installers do; gives the milliseconds that it took.
  insist: (from, to) => {
    const begunAt = performance.now();
    for (;;) {
      try {
        fs.renameSync(from, to);
        return performance.now() - begunAt;
      } catch (error) {
        if (performance.now() - begunAt > 20_000) throw error;
        Atomics.wait(clock, 0, 0, 1);
      }
    }
  },
  hash: (file) => createHash('sha1').update(fs.readFileSync(file)).digest('hex'),
};

function opened(): Database.Database {
  if (connection === undefined) throw new Error('no database is open');
  return connection;
}

function doAll(line: string): unknown {
  let at = '';
  try {
    const told = JSON.parse(line) as readonly (readonly [string, string, string])[];
    return {
      answers: told.map(([name, a, b]) => {
        at = `${name} ${a}`;
        return steps[name]?.(a, b) ?? 'done';
      }),
    };
  } catch (error) {
    // SQLite’s own name of what failed says more than its message.
    const code = error instanceof Database.SqliteError ? ` (${error.code})` : '';
    return { error: `${String(error)}${code} at “${at}”` };
  }
}

const [port] = process.argv.slice(2);
const socket = port === undefined ? undefined : connect(Number(port), '127.0.0.1');
createInterface({ input: socket ?? process.stdin })
  .on('line', (line) => (socket ?? process.stdout).write(`${JSON.stringify(doAll(line))}\n`))
  .on('close', () => connection?.close());
