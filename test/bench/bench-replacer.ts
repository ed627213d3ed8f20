// An application of the benchmark that restores an old copy the simple way, a process of its own: it closes its database, copies
// another file over it at once and opens it. Each try has a database of its own; the files take turns.
// node bench-replacer.ts --database <file>… --file <file>… --content <digest>… [--after <ms>]
// Prints one JSON line; see ReplacerReport.
import { randomBytes } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { findFault } from './content.ts';
import type { ReplacerReport } from './figures.ts';

const { values } = parseArgs({
  options: {
    database: { type: 'string', multiple: true, default: [] },
    file: { type: 'string', multiple: true, default: [] },
    content: { type: 'string', multiple: true, default: [] },
    after: { type: 'string', default: '0' },
  },
});
const openMs = 1_000;
const paceMs = 50;
const faults: (string | null)[] = [];

await delay(Number(values.after));
for (const [i, database] of values.database.entries()) {
  const which = i % values.file.length;
  await work(database);
  copyFileSync(values.file[which] ?? '', database);
  faults.push(findFault(database, values.content[which] ?? '') ?? null);
}
process.stdout.write(`${JSON.stringify({ faults } satisfies ReplacerReport)}\n`);

async function work(path: string): Promise<void> {
  const database = new Database(path, { timeout: 5_000 });
  database.pragma('synchronous = NORMAL');
  const insert = database.prepare("INSERT INTO t (mark, body) VALUES ('live', ?)");
  const endAt = performance.now() + openMs + Math.random() * paceMs;
  while (performance.now() < endAt) {
    insert.run(randomBytes(200));
    await delay(paceMs);
  }
  insert.run(randomBytes(200));
  database.close();
}
