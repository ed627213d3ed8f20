// SQLite's check of a restored file, in its own thread.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { checkDatabase } from '../../electron/engine/restore/check.ts';
import { calm, failureOf, scratchFolder } from '../support/replica-scratch.ts';

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
      kind: 'damaged',
      reason: expect.stringMatching(/page/) as string,
    });
    await writeFile(path, Buffer.alloc(8192, 'no database'));
    expect(await checkDatabase({ path, isFull: false }, { signal: calm })).toMatchObject({ kind: 'damaged' });
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

  test('ends on abort, and fails where there is no file', async () => {
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
