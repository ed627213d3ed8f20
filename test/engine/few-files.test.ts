// A process that may open too few files: it says so of the databases that do not fit, and protects those that do.
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { startProcess, type Started } from '../support/processes.ts';
import { tempFolder } from '../support/temp.ts';

const support = path.resolve(import.meta.dirname, '../support');
const writing = `const all = process.argv.slice(1).map((file) => new (require('better-sqlite3'))(file));
for (const one of all) one.pragma('synchronous = off');
setInterval(() => { for (const one of all) one.exec('UPDATE a SET b = b + 1'); }, 10); process.stdout.write('writing\\n');`;
/** Node and the engine's own files take about thirty, each database that somebody writes to about twelve. */
const mostFiles = 128;
const count = 28;

function startShort(args: readonly string[]): Started {
  const command = `ulimit -n ${mostFiles}; exec "$0" "$@"`;
  return startProcess('sh', ['-c', command, process.execPath, ...args]);
}

test.runIf(process.platform === 'linux')('says of which databases it may not open the files', async () => {
  using folder = tempFolder();
  const files = Array.from({ length: count }, (_, i) => folder.at(`d${i}.db`));
  for (const file of files) {
    const database = new Database(file);
    database.pragma('synchronous = off');
    database.pragma('journal_mode = wal');
    database.exec('CREATE TABLE a(b); INSERT INTO a VALUES (1)');
    database.close();
  }
  // At rest they take hardly any file; this one writes to all of them.
  await using application = startProcess(process.execPath, ['-e', writing, ...files], { cwd: support });
  await application.printed('writing');
  const args = [path.join(support, 'engine-process.ts'), '--data', folder.at('data'), '--folder', folder.at('backup')];
  const adds = files.flatMap((file) => ['--add', file]);
  await using engine = startShort([...args, ...adds]);
  await Promise.all([engine.printed('problem too-many-files'), engine.printed('protected ')]);
  expect(engine.output()).not.toMatch(/problem (?:internal|data|spool)/);

  engine.child.kill('SIGTERM');
  expect(await engine.ended, engine.output()).toBe(0);
  await application[Symbol.asyncDispose]();
  const rows = files.map((file) => {
    const database = new Database(file);
    const row = [
      database.prepare('SELECT b FROM a').pluck().get(),
      database.pragma('integrity_check', { simple: true }),
    ];
    database.close();
    return row;
  });
  expect(rows).toEqual(files.map(() => [expect.any(Number) as number, 'ok']));
});

test.runIf(process.platform === 'linux')('says of everything that opens a file which one it may not open', async () => {
  using folder = tempFolder();
  await using short = startShort([path.join(support, 'short-of-files.ts'), folder.path]);
  expect(await short.ended, short.output()).toBe(0);
  const { told, ...left } = JSON.parse(short.output()) as { readonly told: Readonly<Record<string, unknown>> };
  const refused = (file: string) => ({
    code: 'too-many-files',
    message: expect.stringMatching(`; \\S*${file}\\S* could not be opened\\.$`) as string,
  });
  const unprotected = {
    code: 'too-many-files',
    message: expect.stringContaining(`; ${folder.at('shop.db')} is not protected.`) as string,
  };
  expect(told).toEqual({
    ...Object.fromEntries(['put', 'list', 'get'].map((what) => [what, refused(folder.at('to'))])),
    ...Object.fromEntries(['claims', 'claim'].map((what) => [what, refused(folder.at('notes', 'claims.json'))])),
    ...Object.fromEntries(
      ['remains', 'formers', 'note', 'sync', 'begin', 'index'].map((what) => [what, refused(folder.at('spool'))]),
    ),
    boot: refused('/proc/sys/kernel/random/boot_id'),
    behind: refused('shop\\.db-wal'),
    'wal-index': refused('shop\\.db-shm'),
    ...Object.fromEntries(
      ['light', 'firm', 'checkpointer', 'inspected', 'half-open'].map((what) => [what, unprotected]),
    ),
    // They are read on by a file that is open.
    locks: { code: 'none', message: 'true' },
  });
  // And nothing was taken for lost.
  expect(left).toEqual({ claims: ['claim'], isOpen: 'firm', formers: [true] });
});

test.runIf(process.platform === 'linux')('a check that cannot be started for lack of them ends nobody', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  new Database(file).exec('CREATE TABLE a(b)').close();
  await using short = startShort([path.join(support, 'check-short-of-files.ts'), file]);
  expect(await short.ended, short.output()).toBe(0);
  expect(JSON.parse(short.output())).toEqual(['unable', 'ok']);
});
