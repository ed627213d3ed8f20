// The demo's judgement: a restored shop is equal to the writer's note of its last transaction, or it says in what it differs.
import { appendFileSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { openShop, trade } from '../../electron/demo/shop.ts';
import { countRows, differenceOf, judge, readContent, readTruth } from '../../electron/demo/truth.ts';
import { tempFolder } from '../support/temp.ts';

function createShop(path: string, transactions: number): void {
  const database = new Database(path);
  database.transaction(() => openShop(database, 1))();
  for (let n = 2; n <= transactions; n += 1) database.transaction(() => trade(database, n, n))();
  database.close();
}

describe('judge', () => {
  test('finds an equal shop true', () => {
    using folder = tempFolder();
    createShop(folder.at('a.db'), 30);
    createShop(folder.at('b.db'), 30);
    const content = readContent(folder.at('a.db'));
    const truth = [{ at: 1, ...readContent(folder.at('b.db')) }];
    expect(judge(content, truth)).toEqual({ kind: 'true', content });
    expect(countRows(content)).toBeGreaterThan(100);
  });

  test('finds a changed row', () => {
    using folder = tempFolder();
    createShop(folder.at('a.db'), 30);
    const before = readContent(folder.at('a.db'));
    const database = new Database(folder.at('a.db'));
    database.exec("UPDATE customers SET name = 'Somebody Else' WHERE id = 3");
    database.close();
    expect(judge(readContent(folder.at('a.db')), [{ at: 1, ...before }])).toEqual({
      kind: 'false',
      reason: 'the checksum over all rows differs',
    });
  });

  test('finds a missing row, and names its table', () => {
    using folder = tempFolder();
    createShop(folder.at('a.db'), 30);
    const before = readContent(folder.at('a.db'));
    const database = new Database(folder.at('a.db'));
    database.exec('DELETE FROM order_lines WHERE (order_id, line) IN (SELECT order_id, line FROM order_lines LIMIT 1)');
    database.close();
    const after = readContent(folder.at('a.db'));
    expect(differenceOf(after, before)).toMatch(/^order_lines has \d+ rows instead of \d+$/);
  });

  test('finds a transaction that the writer never noted', () => {
    using folder = tempFolder();
    createShop(folder.at('a.db'), 5);
    expect(judge(readContent(folder.at('a.db')), [])).toEqual({
      kind: 'false',
      reason: 'the writer knows no transaction 5',
    });
  });
});

test('the record is read without the line that a killed writer left unfinished', () => {
  using folder = tempFolder();
  const path = folder.at('truth.jsonl');
  const line = { at: 1, n: 1, rows: { orders: 2 }, checksum: 'a' };
  writeFileSync(path, `${JSON.stringify(line)}\n`);
  appendFileSync(path, '{"at":2,"n":2,"ro');
  expect(readTruth(path)).toEqual([line]);
});
