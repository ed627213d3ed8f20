// A database that held what its schema does not allow, or a damaged page, when it was captured: `restore` gives it, says so, and tells by
// its exit status.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { newPlace, writeHistory } from '../support/replica-place.ts';

test.each([
  [
    'a value',
    'CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER, v BLOB, missing NOT NULL)',
    /NULL value in t\.missing/,
  ],
  ['a damaged page', undefined, /out of order|never used|Tree|page/],
])('restore gives what was captured, tells what SQLite finds, and ends with 3: %s', async (_what, sql, expected) => {
  const place = await newPlace();
  using history = await writeHistory(place);
  history.commit((database) => {
    database.unsafeMode(true);
    database.pragma('writable_schema = ON');
    if (sql !== undefined) database.prepare("UPDATE sqlite_schema SET sql = ? WHERE name = 't'").run(sql);
    else database.exec("UPDATE sqlite_schema SET rootpage = 3 WHERE name = 't'");
    database.pragma('writable_schema = OFF');
  });
  await history.ship();
  const output = join(place.folder, 'restored/out.db');
  const run = await runCommand(['restore', '-o', output, join(place.folder, 'replica')]);
  expect(run.code).toBe(3);
  expect(run.stdout).toContain('Proven identical to what was captured, page for page');
  expect(run.stdout).toMatch(expected);
  expect(existsSync(output)).toBe(true);

  const json = await runCommand(['restore', '-o', `${output}2`, '--json', join(place.folder, 'replica')]);
  expect(json.code).toBe(3);
  expect(JSON.parse(json.stdout)).toMatchObject({ proof: { kind: 'identical', check: 'findings' } });
});
