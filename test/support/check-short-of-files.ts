// Checks a database in a process that has no file left to open: a check that cannot start is none, and ends nobody.
//   node check-short-of-files.ts <database>
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { checkDatabase } from '../../electron/engine/restore/check.ts';

const [path = ''] = process.argv.slice(2);
const { signal } = new AbortController();
const held: number[] = [];
try {
  for (;;) held.push(fs.openSync('/dev/null', 'r'));
} catch {
  // No more are to be had.
}
const short = await checkDatabase({ path, isFull: false }, { signal });
await delay(100);
for (const fd of held) fs.closeSync(fd);
const after = await checkDatabase({ path, isFull: false }, { signal });
console.log(JSON.stringify([short.kind, after.kind]));
