// A process of its own that keeps a small shop and writes to it, as an application would that knows nothing of Tidemark.
//
//   node demo/writer.js --database <path> [--truth <path>] [--rate <transactions per second>]
//
// Creates the database (WAL mode) where there is none, prints the line `ready`, then writes until SIGTERM or SIGINT, or
// until its standard input ends where that is a pipe: it never outlives the process that started it that way.
// `--truth` appends a JSON line {at, n, rows, checksum} just before each commit, so no commit lacks its line; the last
// line may lack its commit where the writer was killed. `n` is max(n) of the table `journal`: what a restored file holds
// tells which line describes it (contentOf in shop.ts).
import { appendFileSync, fstatSync } from 'node:fs';
import { parseArgs } from 'node:util';
import SqliteDatabase, { type Database } from 'better-sqlite3';
import { guardProcess } from '../host/process-guards.ts';
import { contentOf, isOpened, lastNumber, openShop, trade } from './shop.ts';

guardProcess();
const { values } = parseArgs({
  options: { database: { type: 'string' }, truth: { type: 'string' }, rate: { type: 'string', default: '3' } },
});
const rate = Number(values.rate);
if (values.database === undefined || !(rate > 0 && rate <= 1000)) {
  process.stderr.write('usage: demo-writer --database <path> [--truth <path>] [--rate <transactions per second>]\n');
  process.exit(2);
}

const database = openDatabase(values.database);
let timer: NodeJS.Timeout | undefined;
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
if (isPipe(0)) process.stdin.on('end', stop).on('error', stop).resume();
// The reader of our output left: so did our host.
process.stdout.on('error', stop);
process.stdout.write('ready\n');
schedule();

function openDatabase(path: string): Database {
  const opened = new SqliteDatabase(path);
  opened.pragma('journal_mode = WAL');
  opened.pragma('foreign_keys = ON');
  if (!isOpened(opened)) commit(opened, openShop);
  return opened;
}

/** The next transaction follows after half to one and a half of the mean pause. */
function schedule(): void {
  timer = setTimeout(
    () => {
      commit(database, (shop, at) => trade(shop, lastNumber(shop) + 1, at));
      schedule();
    },
    (1000 / rate) * (0.5 + Math.random()),
  );
}

function commit(shop: Database, write: (shop: Database, at: number) => void): void {
  const transaction = shop.transaction(() => {
    const at = Date.now();
    write(shop, at);
    if (values.truth !== undefined) appendFileSync(values.truth, `${JSON.stringify({ at, ...contentOf(shop) })}\n`);
  });
  transaction.immediate();
}

function stop(): void {
  clearTimeout(timer);
  if (database.open) database.close();
  process.exit(0);
}

function isPipe(descriptor: number): boolean {
  try {
    const stat = fstatSync(descriptor);
    return stat.isFIFO() || stat.isSocket();
  } catch {
    // @NOTE no such descriptor: nothing to wait for.
    return false;
  }
}
