// A database that is damaged already when it is protected: it is captured as it is, and that is said.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DatabaseId } from '../../shared/ids.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

let folder: TempFolder;
let file: string;
beforeEach(() => {
  folder = tempFolder();
  file = folder.at('shop.db');
});
afterEach(() => folder[Symbol.dispose]());

const pageSize = 4096;

/** A table of some pages, and what was done to it. */
function makeShop(change: (shop: Database.Database) => void = () => {}): void {
  const shop = new Database(file);
  shop.pragma(`page_size = ${pageSize}`);
  shop.pragma('journal_mode = wal');
  shop.exec('CREATE TABLE t(v NOT NULL); CREATE INDEX i ON t(v)');
  const insert = shop.prepare('INSERT INTO t VALUES (?)');
  for (let i = 0; i < 200; i++) insert.run(`${i}`.padStart(200, 'x'));
  change(shop);
  shop.close();
}

/** Spoils the head of the page that a table or an index begins with. */
function damage(name: 't' | 'i'): void {
  const shop = new Database(file, { readonly: true });
  const page = shop.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').pluck().get(name) as number;
  shop.close();
  const fd = fs.openSync(file, 'r+');
  fs.writeSync(fd, new Uint8Array(64).fill(0x7f), 0, 64, (page - 1) * pageSize);
  fs.closeSync(fd);
}

async function protect(engine: TestEngine): Promise<DatabaseId> {
  const { databaseId } = await engine.call('addDatabase', { path: file, folder: folder.at('disk') });
  await engine.waitFor(databaseId, 'it is protected', ({ status }) => status.kind === 'protected');
  return databaseId;
}

const told = (engine: TestEngine) => engine.state().activity.filter(({ text }) => text.includes('was damaged before'));

/** Copies that are looked through now. */
const copies = () =>
  fs.readdirSync(folder.at('data'), { recursive: true }).filter((name) => /check-/.test(String(name)));

test.each(['t', 'i'] as const)('a damaged page of %s is told once, and captured as it is', async (name) => {
  makeShop();
  damage(name);
  await using engine = openTestEngine(folder.at('data'));
  const id = await protect(engine);
  await until('it is told', () => told(engine).length > 0);
  expect(told(engine)).toEqual([expect.objectContaining({ kind: 'problem', level: 'problem', databaseId: id })]);
  expect(told(engine)[0]?.text).toMatch(
    /^shop\.db was damaged before it was protected\. SQLite’s check finds: .+\. It is captured/,
  );
  await until('nothing is left', () => copies().length === 0);
  const [point] = await engine.points(id);
  if (point === undefined) throw new Error('there is a restore point');
  const { result } = await engine.restore(id, point, folder.at('out.db'));
  expect(result?.proof).toMatchObject({ kind: 'identical', check: 'findings' });
});

test('a sound one is not suspected, nor what only the application would mind', async () => {
  makeShop((shop) => {
    shop.unsafeMode();
    shop.pragma('writable_schema = on');
    shop.exec("UPDATE sqlite_schema SET sql = 'CREATE TABLE t(v)' WHERE name = 't'");
    shop.pragma('writable_schema = reset');
    shop.exec('INSERT INTO t VALUES (NULL)');
    shop.pragma('writable_schema = on');
    shop.exec("UPDATE sqlite_schema SET sql = 'CREATE TABLE t(v NOT NULL)' WHERE name = 't'");
  });
  const seen: string[] = [];
  await using engine = openTestEngine(folder.at('data'));
  const watching = setInterval(() => seen.push(...copies().map(String)), 1);
  await protect(engine);
  await until('it was looked through', () => seen.length > 0 && copies().length === 0);
  clearInterval(watching);
  expect(told(engine)).toEqual([]);
});
