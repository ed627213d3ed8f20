// Names that are too long: of databases, of files to restore to, of folders to keep history in. Each has its own sentence.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { beforeEach, expect, test } from 'vitest';
import { runCommand, startCommand } from '../support/command-line.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

let folder: TempFolder;

beforeEach(() => {
  folder = tempFolder();
  makeDatabase('app.db');
  return () => folder[Symbol.dispose]();
});

function makeDatabase(name: string, mode = 'wal'): void {
  const app = new Database(folder.at('new.db'));
  app.pragma(`journal_mode = ${mode}`);
  app.exec('CREATE TABLE t(v); INSERT INTO t VALUES (1)');
  app.close();
  fs.renameSync(folder.at('new.db'), folder.at(name));
}

const named = (bytes: number) => `${'n'.repeat(bytes - 3)}.db`;

async function replicate(database: string, place: string): Promise<string> {
  await using replicating = startCommand(['replicate', '-data-dir', folder.at('own'), folder.at(database), place]);
  await replicating.printed('protected');
  replicating.child.kill('SIGINT');
  expect(await replicating.ended).toBe(0);
  return replicating.output();
}

test('a database whose name is as long as SQLite takes it is protected', async () => {
  makeDatabase(named(247));
  await replicate(named(247), folder.at('to'));
  const out = named(247).replaceAll('n', 'o');
  expect(await runCommand(['restore', '-o', folder.at(out), folder.at('to')])).toMatchObject({ code: 0 });
});

test.each([248, 252, 255])('one of %i bytes is refused with what is wrong, whatever its mode', async (bytes) => {
  for (const mode of ['wal', 'delete']) {
    makeDatabase(named(bytes), mode);
    const args = ['replicate', '-enable-wal', '-data-dir', folder.at('own'), folder.at(named(bytes)), folder.at('to')];
    const ended = await runCommand(args);
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringMatching(/is too long: SQLite needs names beside it/)]);
    expect(ended.stderr).not.toMatch(/check the disk|by itself/i);
  }
});

test.each([248, 252, 255, 256, 300])(
  'a file to restore to of %i bytes is refused, and nothing stays',
  async (bytes) => {
    await replicate('app.db', folder.at('to'));
    const before = fs.readdirSync(folder.path);
    const ended = await runCommand(['restore', '-o', folder.at(named(bytes)), folder.at('to')]);
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringMatching(/is too long: SQLite needs names beside it/)]);
    expect(fs.readdirSync(folder.path)).toEqual(before);
  },
);

test.each([
  ['a name', ['n'.repeat(256)]],
  ['a path', Array.from({ length: 25 }, () => 'n'.repeat(200))],
])('a folder with %s that is too long is refused', async (_what, parts) => {
  const args = ['replicate', '-data-dir', folder.at('own'), folder.at('app.db'), folder.at(...parts)];
  const ended = await runCommand(args);
  expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining('is too long for the file system there')]);
});
