// Wrong use of the command line: a sentence on standard error, exit status 2, nothing started.
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { tempFolder } from '../support/temp.ts';

test.each([
  ['an unknown command', ['frobnicate'], 'unknown command'],
  ['an unknown flag, with one dash', ['restore', '-frobnicate'], "unknown option '--frobnicate'"],
  ['a flag without its value', ['restore', '-o'], 'argument missing'],
  ['an index that is none', ['restore', '-o', 'out.db', '-index', 'xyz', 'rep'], '“xyz” is no index'],
  ['a time that is none', ['restore', '-o', 'out.db', '-timestamp', 'soon', 'rep'], '“soon” is no time'],
  [
    'a time that no history can have',
    ['restore', '-o', 'out.db', '-timestamp', '99999999 days ago', 'rep'],
    'before 1970',
  ],
  ['a year that no history can have', ['restore', '-o', 'out.db', '-timestamp', '0099-01-01', 'rep'], 'is no time'],
  ['a generation that is none', ['wal', '-generation', 'ABC', 'rep'], '“ABC” is no generation'],
  ['a check that is none', ['restore', '-integrity-check', 'none', '-o', 'out.db', 'rep'], '“none” is no check'],
  [
    'a time and an index',
    ['restore', '-o', 'out.db', '-index', '1', '-timestamp', '14:30', 'rep'],
    'exclude each other',
  ],
  ['nothing to restore from', ['restore', '-o', 'out.db'], 'name a replica'],
  ['nowhere to restore to', ['restore', 'rep'], '-o <file>'],
  ['nothing to replicate', ['replicate'], 'name a database'],
  ['nowhere to replicate to', ['replicate', 'app.db'], 'name where the database goes'],
  ['a retention that is none', ['retain', '-keep', 'forever', 'rep'], '“forever” is no retention'],
  ['a retention that nobody asked for', ['retain', 'rep'], 'say what stays with -keep'],
  ['a switch with a value that is none', ['restore', '-json=perhaps', '-o', 'out.db', 'rep'], "option '--json"],
  [
    'a flag of Litestream’s that cannot be left undone',
    ['replicate', '-exec', 'app', 'a.db', 'rep'],
    '-exec: starting',
  ],
  ['the same for a restore', ['restore', '-o', 'out.db', '-txid=1f', 'rep'], '-txid: that is of Litestream 0.5'],
  ['a retention that would keep one image', ['retain', '-keep', '0', 'rep'], '“0” would keep'],
  ['nothing to list', ['snapshots'], 'name a replica'],
])('%s', async (_name, args, sentence) => {
  using folder = tempFolder();
  const ended = await runCommand(args, { cwd: folder.path });
  expect(ended).toMatchObject({ code: 2, stdout: '' });
  expect(ended.stderr).toContain(sentence);
});

test('a time that clocks showed twice is told, with both of its meanings', async () => {
  const args = ['restore', '-o', 'out.db', '-timestamp', '2025-10-26 02:30', '/nowhere/at/all'];
  const ended = await runCommand(args, { env: { TZ: 'Europe/Berlin' } });
  expect(ended.stderr).toContain(
    'the second time is taken, 2025-10-26 02:30:00 +01:00. The first one is “2025-10-26 02:30:00 +02:00”.',
  );
});

test('flags of Litestream’s that change nothing are told by their names', async () => {
  using folder = tempFolder();
  const args = ['-v', '-parallelism', '8', '-if-db-not-exists=true', '-o', 'there.db', 'rep'];
  fs.writeFileSync(path.join(folder.path, 'there.db'), 'x');
  const ended = await runCommand(['restore', ...args], { cwd: folder.path });
  expect(ended).toMatchObject({ code: 0, stdout: '' });
  expect(ended.stderr.split('\n')).toEqual([
    '-v has no effect: what there is to say is said.',
    '-parallelism has no effect: Tidemark reads as much at a time as the destination takes.',
    `${fs.realpathSync(folder.path)}/there.db exists already; nothing to restore.`,
    '',
  ]);
});

test.runIf(process.platform === 'linux')('what cannot be made fails at once, with a sentence', async () => {
  using folder = tempFolder();
  const database = path.join(folder.path, 'app.db');
  const app = new Database(database);
  app.pragma('journal_mode = wal');
  app.exec('CREATE TABLE t(v)');
  app.close();
  const own = path.join(folder.path, 'own');
  const to = await runCommand(['replicate', '-data-dir', own, database, '/proc/nonexistent/x']);
  expect(to).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('/proc/nonexistent/x cannot be made') as string,
  });
  const from = await runCommand([
    'replicate',
    '-data-dir',
    '/proc/nonexistent/x',
    database,
    path.join(folder.path, 'to'),
  ]);
  expect(from).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot keep its state in /proc/') as string });
});

test('without a command the help is shown, as wrong use', async () => {
  const ended = await runCommand([]);
  expect(ended.code).toBe(2);
  expect(ended.stderr).toContain('Usage: tidemark');
});

test.each([['help'], ['--help'], ['-help'], ['-h']])('%s shows the help', async (flag) => {
  const ended = await runCommand([flag]);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toContain('replicate');
});

test.each([['version'], ['--version'], ['-version']])('%s prints the version', async (flag) => {
  const ended = await runCommand([flag]);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('an old Node gets a sentence before anything is loaded', async () => {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.11.0' } })`;
  const ended = await runCommand(['version'], { nodeArgs: ['--import', `data:text/javascript,${pretend}`] });
  expect(ended).toMatchObject({ code: 1, stdout: '' });
  expect(ended.stderr).toContain('tidemark needs Node 22.14 or newer; this is Node 20.11.0.');
});
