// The record beside a history is damaged while nobody looks: whoever wrote the history goes on by itself and says so, anybody else is
// told what to do.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { beforeEach, expect, test } from 'vitest';
import { runCommand, startCommand } from '../support/command-line.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

let folder: TempFolder;
let app: Database.Database;

beforeEach(() => {
  folder = tempFolder();
  app = new Database(folder.at('app.db'));
  app.pragma('journal_mode = wal');
  app.exec('CREATE TABLE t(v); INSERT INTO t VALUES (1)');
  return () => {
    app.close();
    folder[Symbol.dispose]();
  };
});

async function replicate(dataDir: string, ...said: readonly string[]): Promise<void> {
  const args = ['replicate', '-data-dir', folder.at(dataDir), folder.at('app.db'), folder.at('replica')];
  await using replicating = startCommand(args);
  for (const text of said) await replicating.printed(text);
  replicating.child.kill('SIGINT');
  await replicating.ended;
}

test.each(['', '{"v":1,"database":"app', 'garbage'])('a history goes on beside the record %j', async (content) => {
  await replicate('own', 'protected');
  const before = fs.readdirSync(folder.at('replica/generations'));
  fs.writeFileSync(folder.at('replica/tidemark.json'), content);
  app.exec('INSERT INTO t VALUES (2)');
  await replicate('own', 'so the record was written anew', 'protected');
  expect(fs.readdirSync(folder.at('replica/generations'))).toEqual(before);
  expect(JSON.parse(fs.readFileSync(folder.at('replica/tidemark.json'), 'utf8'))).toMatchObject({ database: 'app.db' });
  expect(await runCommand(['restore', '-o', folder.at('out.db'), folder.at('replica')])).toMatchObject({ code: 0 });
  const restored = new Database(folder.at('out.db'));
  expect(restored.prepare('SELECT v FROM t').pluck().all()).toEqual([1, 2]);
  restored.close();
});

test('an installation that knows nothing of the history is told what to do', async () => {
  await replicate('own', 'protected');
  fs.writeFileSync(folder.at('replica/tidemark.json'), '');
  await replicate('other', 'cannot be read, and nothing shows that it is this database’s: it is empty', '--take-over');
  expect(fs.readFileSync(folder.at('replica/tidemark.json'), 'utf8')).toBe('');
});
