// The checkpoint thread: one for all databases, one order after the other, and no failure of one reaches another.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Checkpointer } from '../../electron/engine/source/checkpointer.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

let folder: TempFolder;
let apps: Database.Database[];
beforeEach(() => {
  folder = tempFolder();
  apps = [];
});
afterEach(() => {
  for (const app of apps) app.close();
  folder[Symbol.dispose]();
});

/** An application's database in WAL mode with some transactions in its WAL. */
function makeApp(name: string, rows: number): Database.Database {
  const app = new Database(folder.at(name));
  apps.push(app);
  app.pragma('journal_mode = wal');
  app.pragma('wal_autocheckpoint = 0');
  app.exec('CREATE TABLE t(v)');
  const insert = app.prepare('INSERT INTO t VALUES (randomblob(3000))');
  for (let i = 0; i < rows; i++) insert.run();
  return app;
}

test('copies what lies in the WAL, of several databases at once', async () => {
  makeApp('one.db', 10);
  makeApp('two.db', 2000);
  await using one = await Checkpointer.open(folder.at('one.db'));
  await using two = await Checkpointer.open(folder.at('two.db'));
  const order: string[] = [];
  const large = two.checkpoint({ onBegun: () => order.push('two begun') }).finally(() => order.push('two done'));
  const small = one.checkpoint({ onBegun: () => order.push('one begun') }).finally(() => order.push('one done'));
  // Who holds writers does not wait for another database's.
  const atOnce = await one.checkpoint({ atOnce: true });
  const idle = one.idle().then(() => order.push('idle'));
  const counts = await Promise.all([large, small]);
  await idle;
  expect(counts.map((count) => count && count.frames > 0 && count.backfilled === count.frames)).toEqual([true, true]);
  expect(order).toEqual(['two begun', 'two done', 'one begun', 'one done', 'idle']);
  await one.idle();
  expect([atOnce, await one.checkpoint({ atOnce: true })]).toEqual([undefined, counts[1]]);
});

test('says that somebody else holds the last word, and when a reader keeps frames back', async () => {
  const app = makeApp('one.db', 3);
  await using one = await Checkpointer.open(folder.at('one.db'));
  const reader = new Database(folder.at('one.db'), { readonly: true });
  reader.exec('BEGIN; SELECT * FROM t');
  app.exec('INSERT INTO t VALUES (1)');
  const held = await one.checkpoint();
  reader.close();
  const free = await one.checkpoint();
  expect([held && held.frames - held.backfilled, free && free.frames - free.backfilled]).toEqual([1, 0]);
});

test('recovers a WAL that a killed application left, and fails for one database alone', async () => {
  const app = makeApp('one.db', 5);
  fs.copyFileSync(folder.at('one.db'), folder.at('left.db'));
  fs.copyFileSync(folder.at('one.db-wal'), folder.at('left.db-wal'));
  const [row] = app.pragma('wal_checkpoint(NOOP)') as readonly { readonly log: number }[];
  app.close();
  fs.writeFileSync(folder.at('text.db'), 'Not a database. '.repeat(100));
  const codes = await Promise.all(
    ['text.db', 'nowhere.db', 'left.db'].map(async (name) => {
      try {
        await using opened = await Checkpointer.open(folder.at(name));
        return (await opened.checkpoint())?.backfilled;
      } catch (error) {
        return error instanceof Error && 'code' in error ? error.code : error;
      }
    }),
  );
  expect(codes).toEqual(['database-not-sqlite', 'database-no-permission', row?.log]);
  const left = new Database(folder.at('left.db'));
  apps.push(left);
  expect(left.prepare('SELECT count(*) FROM t').pluck().get()).toBe(5);
});
