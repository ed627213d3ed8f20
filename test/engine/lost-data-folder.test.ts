// A data folder was lost, or a new computer takes the place of one: what lies at the destination is found, told and gone on with, and
// nothing of it is touched. Real processes, as a command line starts them.
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, test } from 'vitest';
import { runCommand, startCommand } from '../support/command-line.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

let folder: TempFolder;
let database: string;
let replica: string;

beforeEach(() => {
  folder = tempFolder();
  database = folder.at('app.db');
  replica = folder.at('replica');
  const app = new Database(database);
  app.pragma('journal_mode = wal');
  app.exec('CREATE TABLE t(v); INSERT INTO t VALUES (1)');
  app.close();
  return () => folder[Symbol.dispose]();
});

function add(value: number): void {
  const app = new Database(database);
  app.prepare('INSERT INTO t VALUES (?)').run(value);
  app.close();
}

function valuesIn(file: string): unknown {
  const db = new Database(file);
  try {
    return db.prepare('SELECT v FROM t ORDER BY v').pluck().all();
  } finally {
    db.close();
  }
}

function replicate(dataDir: string, ...more: readonly string[]) {
  return startCommand(['replicate', '-data-dir', folder.at(dataDir), ...more, database, replica]);
}

/** Runs until everything is there, and ends in order. */
async function replicateOnce(dataDir: string, ...more: readonly string[]): Promise<string> {
  await using replicating = replicate(dataDir, ...more);
  await replicating.printed(': protected');
  replicating.child.kill('SIGINT');
  expect(await replicating.ended).toBe(0);
  return replicating.output();
}

async function restored(...more: readonly string[]): Promise<unknown> {
  const out = folder.at('out.db');
  fs.rmSync(out, { force: true });
  expect(await runCommand(['restore', '-o', out, ...more, replica])).toMatchObject({ code: 0 });
  return valuesIn(out);
}

/** The objects of the history, with their content's size. */
function objects(): readonly string[] {
  const root = path.join(replica, 'generations');
  const names = fs.readdirSync(root, { recursive: true, encoding: 'utf8' }).toSorted();
  return names.map((name) => `${name} ${fs.statSync(path.join(root, name)).size}`);
}

const inherited = 'by a Tidemark whose data folder is gone. It goes on there as a new history; what is there stays.';

describe.runIf(process.platform === 'linux')('where the data folder is lost, and its process is over', () => {
  test('the same computer goes on by itself, and says what it found', async () => {
    await replicateOnce('own');
    const before = objects();
    fs.rmSync(folder.at('own'), { recursive: true });
    add(2);
    expect(await replicateOnce('own')).toContain(inherited);
    expect(objects()).toEqual(expect.arrayContaining(before as string[]));
    expect(await restored()).toEqual([1, 2]);

    // Elsewhere too, and what is gone on with is its own from then on.
    fs.rmSync(folder.at('own'), { recursive: true });
    add(3);
    expect(await replicateOnce('new')).toContain(inherited);
    add(4);
    expect(await replicateOnce('new')).not.toContain(inherited);
    expect(await restored()).toEqual([1, 2, 3, 4]);
  });

  test('one that was killed is gone on with as well', async () => {
    await using former = replicate('own');
    await former.printed(': protected');
    former.child.kill('SIGKILL');
    await former.ended;
    fs.rmSync(folder.at('own'), { recursive: true });
    expect(await replicateOnce('own')).toContain(inherited);
  });

  test('while its process lives, nothing is taken from it', async () => {
    await using former = replicate('own');
    await former.printed(': protected');
    const before = objects();
    fs.renameSync(folder.at('own'), folder.at('moved'));
    await using late = replicate('new');
    await late.printed('holds the history of');
    expect(late.output()).not.toContain(inherited);
    late.child.kill('SIGINT');
    expect(await late.ended).toBe(1);
    expect(objects()).toEqual(before);
    fs.renameSync(folder.at('moved'), folder.at('own'));
  });
});

describe('where another Tidemark keeps its history', () => {
  test('it stays so unless somebody decides, who is told how', async () => {
    await replicateOnce('own');
    const before = objects();
    add(2);
    // It could go on at any time: its data folder is there.
    await using other = replicate('new');
    await other.printed('holds the history of');
    await other.printed('replicate --take-over');
    other.child.kill('SIGINT');
    expect(await other.ended).toBe(1);
    expect(objects()).toEqual(before);

    await replicateOnce('new', '-take-over');
    expect(objects()).toEqual(expect.arrayContaining(before as string[]));
    expect(await restored()).toEqual([1, 2]);

    // The former one is told, and may take it back: with a new history each time.
    add(3);
    await using former = replicate('own');
    await former.printed('holds the history of');
    former.child.kill('SIGINT');
    expect(await former.ended).toBe(1);
    await replicateOnce('own', '-take-over');
    expect(await restored()).toEqual([1, 2, 3]);
    expect(fs.readdirSync(path.join(replica, 'generations'))).toHaveLength(3);
  });

  test('another database’s history is taken over in the same way', async () => {
    await replicateOnce('own');
    fs.renameSync(database, folder.at('former.db'));
    fs.rmSync(folder.at('own'), { recursive: true });
    database = folder.at('other.db');
    fs.copyFileSync(folder.at('former.db'), database);
    await using late = replicate('own');
    await late.printed('holds the history of');
    late.child.kill('SIGINT');
    await late.ended;
    await replicateOnce('own', '--take-over');
    expect(await restored()).toEqual([1]);
  });
});

describe('a database that is not there', () => {
  test.each(['--restore-if-missing', '-restore-if-db-not-exists=true'])('is restored first by %s', async (flag) => {
    await replicateOnce('own');
    for (const suffix of ['', '-wal', '-shm']) fs.rmSync(`${database}${suffix}`, { force: true });
    fs.rmSync(folder.at('own'), { recursive: true });
    const output = await replicateOnce('new', flag, '-take-over');
    expect(output).toContain(`${database} is not there: its newest state is restored first.`);
    expect(output).toContain('Proven identical');
    expect(valuesIn(database)).toEqual([1]);
    add(2);
    // There it is left alone.
    expect(await replicateOnce('new', flag)).not.toContain('is restored first');
    expect(await restored()).toEqual([1, 2]);
  });

  test('is restored first where a configuration says so, and waited for where there is no history', async () => {
    const config = folder.at('tidemark.yml');
    const restoring = `restore-if-db-not-exists: true\n    replicas: [${replica}]`;
    fs.writeFileSync(config, `dbs:\n  - path: ${database}\n    ${restoring}\n`);
    fs.renameSync(database, folder.at('aside.db'));
    const args = ['replicate', '-data-dir', folder.at('own'), '-config', config];
    await using replicating = startCommand(args);
    await replicating.printed('Nothing to restore.');
    await replicating.printed('waited for');
    fs.renameSync(folder.at('aside.db'), database);
    await replicating.printed(': protected');
    replicating.child.kill('SIGINT');
    expect(await replicating.ended).toBe(0);

    fs.rmSync(database);
    await using again = startCommand(args);
    await again.printed('is restored first');
    await again.printed(': protected');
    again.child.kill('SIGINT');
    expect(await again.ended).toBe(0);
    expect(valuesIn(database)).toEqual([1]);
  });

  test('is not begun anew where its history cannot be restored', async () => {
    await replicateOnce('own');
    fs.rmSync(database);
    fs.writeFileSync(`${database}-wal`, 'left behind');
    const ended = await runCommand([
      'replicate',
      '-data-dir',
      folder.at('own'),
      '-restore-if-missing',
      database,
      replica,
    ]);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining(`${database}-wal`) as string });
    expect(fs.existsSync(database)).toBe(false);
  });

  test('is restored and then protected by two commands too', async () => {
    await replicateOnce('own');
    fs.rmSync(database);
    fs.rmSync(folder.at('own'), { recursive: true });
    const restoring = ['restore', '-if-db-not-exists', '-if-replica-exists', '-o', database, replica];
    expect(await runCommand(restoring)).toMatchObject({ code: 0 });
    await replicateOnce('new', '-take-over');
    await until('it is there', () => fs.existsSync(database));
    expect(await restored()).toEqual([1]);
  });
});
