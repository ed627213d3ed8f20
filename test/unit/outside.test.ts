// What is asked of a file from outside, before SQLite opens it.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { must } from '../../shared/assert.ts';
import { CommitLog } from '../../electron/engine/spool/commits.ts';
import { newGeneration } from '../../electron/engine/protection/continuity.ts';
import { noteCapturedFile } from '../../electron/engine/spool/file-note.ts';
import { lookFromOutside, untilStill } from '../../electron/engine/protection/outside.ts';
import { identityOf } from '../../electron/engine/source/identity.ts';
import { walHeaderBytes } from '../../electron/engine/replica/wal.ts';
import { Spool } from '../../electron/engine/spool/spool.ts';
import { hashFile } from '../support/hash-file.ts';
import { tempFolder } from '../support/temp.ts';

/** An application that does something with a database, and is killed. */
function runAndKill(file: string, script: string): void {
  const all = `const app = new (require('better-sqlite3'))(${JSON.stringify(file)}); ${script}; process.kill(process.pid, 'SIGKILL');`;
  expect(spawnSync(process.execPath, ['-e', all]).signal).toBe('SIGKILL');
}

test('a file that is written on and on is not waited for without end', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  fs.writeFileSync(file, 'first');
  let writes = 0;
  const writing = setInterval(() => fs.appendFileSync(file, String(writes++)), 30);
  await untilStill(file, { signal: new AbortController().signal, atMostMs: 1200 });
  clearInterval(writing);
  expect(writes).toBeGreaterThan(2);
});

test('a WAL that an application went on with while pages were compared is left alone', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  const rows = `for (let i = 0; i < 400; i++) app.exec('INSERT INTO t VALUES (randomblob(3900))')`;
  runAndKill(
    file,
    `app.pragma('journal_mode = wal'); app.exec('CREATE TABLE t(v)'); ${rows}; app.pragma('wal_checkpoint')`,
  );
  // Everything in it is captured.
  const wal = fs.readFileSync(`${file}-wal`);
  const captured = Spool.create(folder.at('spool'), 0);
  captured.begin(wal.subarray(0, walHeaderBytes));
  captured.append(wal.subarray(walHeaderBytes), walHeaderBytes);
  captured[Symbol.dispose]();
  const left = must(await Spool.recover(folder.at('spool')), 'it was just captured');
  using spool = left.spool;
  const atRest = { index: spool.index, offset: spool.offset, size: fs.statSync(file).size, modifiedAt: 0 };
  noteCapturedFile(spool.folder, { ...identityOf(fs.statSync(file)), wal: undefined, atRest });
  const facts = {
    generation: newGeneration(),
    commits: new CommitLog(),
    composed: [],
    clean: undefined,
    isCut: false,
    isUntouched: () => false,
    lastAt: 0,
  };
  const remains = { ...left, ...facts, hashes: hashFile(file, 4096) };

  const looking = lookFromOutside(file, { remains, signal: new AbortController().signal });
  // Comparing all pages takes more than a turn of the event loop.
  const commit = `app.exec("UPDATE t SET v = 'new' WHERE rowid = 399")`;
  runAndKill(file, `${commit}; app.pragma('wal_checkpoint'); app.exec("INSERT INTO t VALUES ('last')")`);

  expect(await looking).toEqual({ isReplaced: false, removedWal: undefined });
  const last = `if (app.prepare('SELECT v FROM t ORDER BY rowid DESC').pluck().get() !== 'last') process.exit(1)`;
  runAndKill(file, last);
});
