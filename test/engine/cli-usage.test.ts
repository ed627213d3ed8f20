// Wrong use of the command line: a sentence on standard error, exit status 2, nothing started.
import { expect, test } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { tempFolder } from '../support/temp.ts';

test.each([
  ['an unknown command', ['frobnicate'], 'unknown command'],
  ['an unknown flag, with one dash', ['restore', '-frobnicate'], "unknown option '--frobnicate'"],
  ['a flag without its value', ['restore', '-o'], 'argument missing'],
  ['an index that is none', ['restore', '-o', 'out.db', '-index', 'xyz', 'rep'], '“xyz” is no index'],
  ['a time that is none', ['restore', '-o', 'out.db', '-timestamp', 'soon', 'rep'], '“soon” is no time'],
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
  ['nothing to list', ['snapshots'], 'name a replica'],
])('%s', async (_name, args, sentence) => {
  using folder = tempFolder();
  const ended = await runCommand(args, { cwd: folder.path });
  expect(ended).toMatchObject({ code: 2, stdout: '' });
  expect(ended.stderr).toContain(sentence);
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
