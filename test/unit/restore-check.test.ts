// SQLite's check of a restored file, in its own process.
import { readdirSync, readlinkSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { checkDatabase } from '../../electron/engine/restore/check.ts';
import { calm, failureOf, scratchFolder } from '../support/replica-scratch.ts';
import { until } from '../support/temp.ts';

async function makeDatabase(): Promise<string> {
  const path = join(await scratchFolder(), 'app.db');
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT UNIQUE)');
  const insert = database.prepare('INSERT INTO t(name) VALUES (?)');
  for (let i = 0; i < 500; i++) insert.run(`name ${i}`);
  database.close();
  return path;
}

/** Processes that have a file open. */
function checkersOf(path: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) return false;
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === path);
    } catch {
      return false;
    }
  });
}

describe('checkDatabase', () => {
  test.each([false, true])(
    'finds nothing wrong with a sound database, and changes no byte (full: %s)',
    async (isFull) => {
      const path = await makeDatabase();
      const before = await readFile(path);
      expect(await checkDatabase({ path, isFull }, { signal: calm })).toEqual({ kind: 'ok' });
      expect((await readFile(path)).equals(before)).toBe(true);
    },
  );

  test('says what is wrong with a damaged one', async () => {
    const path = await makeDatabase();
    const bytes = await readFile(path);
    bytes.fill(0xff, 4096 * 2, 4096 * 2 + 100);
    await writeFile(path, bytes);
    expect(await checkDatabase({ path, isFull: false }, { signal: calm })).toMatchObject({
      kind: 'findings',
      findings: expect.arrayContaining([expect.stringMatching(/page/)]) as string[],
      isOfApplication: false,
    });
    await writeFile(path, Buffer.alloc(8192, 'no database'));
    expect(await checkDatabase({ path, isFull: false }, { signal: calm })).toMatchObject({
      kind: 'findings',
      isOfApplication: false,
    });
  });

  test('does not call a database damaged whose schema needs what only its application has', async () => {
    const path = await makeDatabase();
    const database = new Database(path);
    database.function('priced', { deterministic: true }, (value: unknown) => value as number);
    database.exec('CREATE TABLE priced_rows(id INTEGER PRIMARY KEY, price INTEGER)');
    database.exec('INSERT INTO priced_rows(price) VALUES (7)');
    database.exec('CREATE INDEX by_price ON priced_rows(priced(price))');
    database.close();
    expect(await checkDatabase({ path, isFull: true }, { signal: calm })).toMatchObject({
      kind: 'unable',
      reason: expect.stringContaining('priced') as string,
    });
  });

  test.each([
    [
      'NOT NULL',
      'CREATE TABLE kept(id INTEGER PRIMARY KEY, v)',
      'INSERT INTO kept(v) VALUES (NULL)',
      'v',
      'v NOT NULL',
    ],
    [
      'STRICT',
      'CREATE TABLE kept(id INTEGER PRIMARY KEY, v INT)',
      "INSERT INTO kept(v) VALUES ('a')",
      'v INT)',
      'v INT) STRICT',
    ],
  ])('tells values that the schema does not allow from damage: %s', async (_what, create, insert, part, wanted) => {
    const path = await makeDatabase();
    const database = new Database(path);
    database.exec(`${create}; ${insert}`);
    database.unsafeMode(true);
    database.pragma('writable_schema = ON');
    const sql = create.replace(part, wanted);
    database.prepare("UPDATE sqlite_schema SET sql = ? WHERE name = 'kept'").run(sql);
    database.close();
    expect(await checkDatabase({ path, isFull: false }, { signal: calm })).toMatchObject({
      kind: 'findings',
      findings: [expect.stringContaining('kept')],
      isOfApplication: true,
    });
  });

  test.skipIf(process.platform !== 'linux')(
    'ends on abort, wherever SQLite is, and leaves no process behind',
    async () => {
      const path = await makeDatabase();
      const database = new Database(path);
      database.exec('CREATE TABLE large(v); BEGIN');
      const insert = database.prepare('INSERT INTO large VALUES (randomblob(4000))');
      for (let i = 0; i < 60_000; i++) insert.run();
      database.exec('COMMIT; CREATE INDEX by_v ON large(v)');
      database.close();
      const control = new AbortController();
      let hasEnded = false;
      const checking = failureOf(checkDatabase({ path, isFull: true }, { signal: control.signal }));
      void checking.finally(() => (hasEnded = true));
      // It is in the middle of it when the process has the file open.
      await until('it is being checked', () => checkersOf(path).length > 0 || hasEnded);
      expect(hasEnded).toBe(false);
      control.abort('enough');
      expect(await checking).toBe('enough');
      await until('its process is gone', () => checkersOf(path).length === 0);
    },
  );

  test('ends on abort before it began, and fails where there is no file', async () => {
    const path = await makeDatabase();
    const control = new AbortController();
    const checking = checkDatabase({ path, isFull: true }, { signal: control.signal });
    control.abort('enough');
    expect(await failureOf(checking)).toBe('enough');
    const missing = `${path}-no`;
    expect(await failureOf(checkDatabase({ path: missing, isFull: false }, { signal: calm }))).toBeInstanceOf(Error);
    expect(await readdir(join(path, '..'))).not.toContain('app.db-no');
  });
});
