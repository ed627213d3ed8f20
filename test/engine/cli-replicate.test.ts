// The command line's main job, with real processes: replicate while another process writes, end in order, list, restore.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { findLitestream, runLitestream } from '../../electron/demo/litestream-binary.ts';
import { type Ended, runCommand, startCommand } from '../support/command-line.ts';
import { type Started, startScript } from '../support/processes.ts';
import { startS3Server } from '../support/s3-server.ts';
import { type TempFolder, tempFolder, until } from '../support/temp.ts';
import { readTruth } from '../support/truth.ts';

describe('replicate', () => {
  test('ships while another process writes, ends in order at SIGINT, and restores what the writer wrote', async () => {
    using folder = tempFolder();
    const database = createDatabase(folder.at('app.db'));
    await using replicating = startReplicating(folder, database);
    await replicating.printed('protected');
    await using writer = startScript('writer.ts', [
      '--database',
      database,
      '--seed',
      '7',
      '--count',
      '150',
      '--pause',
      '2',
    ]);
    expect(await writer.ended).toBe(0);
    replicating.child.kill('SIGUSR2');
    await replicating.printed('; captured to ');
    expect(replicating.output()).toMatch(
      /; WAL .+ not in the database yet; writers held .+; since the start \d+ transactions, .+ 0 errors of destinations$/m,
    );
    replicating.child.kill('SIGINT');
    expect(await replicating.ended).toBe(0);
    expect(replicating.output()).toContain('Stopped. Everything that was captured is at its destination.');

    const restored = await runCommand(['restore', '-o', folder.at('out.db'), folder.at('replica')]);
    expect(restored).toMatchObject({ code: 0 });
    expect(restored.stdout).toContain('Proven identical to what was captured, page for page');
    expect(readTruth(folder.at('out.db'))).toEqual(readTruth(database));
    expect(readdirSync(folder.path).filter((name) => name.startsWith('out.db'))).toEqual(['out.db']);
  });

  test.runIf(process.platform === 'linux')('lets applications have the processor first', async () => {
    using folder = tempFolder();
    const database = createDatabase(folder.at('app.db'));
    await using replicating = startReplicating(folder, database);
    await replicating.printed('protected');
    const tasks = `/proc/${String(replicating.child.pid)}/task`;
    const niceness = (name: string): readonly number[] =>
      readdirSync(tasks)
        .filter((id) => readFileSync(`${tasks}/${id}/comm`, 'utf8').trim() === name)
        .map((id) =>
          Number(
            readFileSync(`${tasks}/${id}/stat`, 'utf8')
              .replace(/^.*\) /, '')
              .split(' ')[16],
          ),
        );
    // Compression and files; not the engine and its checkpoints, which hold locks.
    expect(new Set(niceness('libuv-worker'))).toEqual(new Set([10]));
    const ours = os.getPriority();
    expect([niceness('WorkerThread'), niceness('MainThread')]).toEqual([[ours], [ours]]);
    // There is a thread for checkpoints while somebody writes.
    await using writer = startScript('writer.ts', ['--database', database, '--seconds', '60']);
    await writer.printed('ready');
    const both = await until('it checkpoints', () => [niceness('WorkerThread')].find(({ length }) => length > 1));
    expect(both).toEqual([ours, ours]);
    await writer[Symbol.asyncDispose]();
    replicating.child.kill('SIGTERM');
    expect(await replicating.ended).toBe(0);
  });

  test('reads a configuration with two databases, and says what has no effect', async () => {
    using folder = tempFolder();
    const first = createDatabase(folder.at('first.db'));
    const second = createDatabase(folder.at('second.db'));
    const config = folder.at('tidemark.yml');
    writeFileSync(
      config,
      `dbs:\n  - path: ${first}\n    replicas:\n      - url: file://${folder.at('one')}\n        sync-interval: 0s\n        validation-interval: 6h\n  - path: ${second}\n    replica:\n      path: ${folder.at('two')}\n`,
    );
    await using replicating = startCommand(['replicate', '-config', config, '-data-dir', folder.at('state')]);
    await replicating.printed(`${first}: protected`);
    await replicating.printed(`${second}: protected`);
    expect(replicating.output()).toContain('“validation-interval” has no effect');
    replicating.child.kill('SIGTERM');
    expect(await replicating.ended).toBe(0);

    const databases = await runCommand(['databases', '-config', config, '-json']);
    expect(JSON.parse(databases.stdout)).toEqual([
      { path: first, replica: 'file', url: `file://${folder.at('one')}` },
      { path: second, replica: 'file', url: folder.at('two') },
    ]);
    const generations = await runCommand(['generations', '-config', config, '--json', second]);
    expect(JSON.parse(generations.stdout)).toMatchObject([{ replica: 'file' }]);
    const restored = await runCommand(['restore', '-config', config, '-o', folder.at('out.db'), second]);
    expect(restored).toMatchObject({ code: 0 });
    expect(readNumber(folder.at('out.db'))).toBe(1);
  });

  test('notes when a database is captured that its application keeps for itself', async () => {
    using folder = tempFolder();
    mkdirSync(folder.at('Anki2', 'Ada'), { recursive: true });
    const database = createDatabase(folder.at('Anki2', 'Ada', 'collection.anki2'));
    await using replicating = startReplicating(folder, database);
    await replicating.printed(
      `${database}: Anki keeps this database for itself while it is open. Tidemark captures it each time Anki is closed.`,
    );
    replicating.child.kill('SIGTERM');
    expect(await replicating.ended).toBe(0);
  });

  test('asks before it switches a database to WAL mode', async () => {
    using folder = tempFolder();
    const database = createDatabase(folder.at('app.db'), 'delete');
    const args = ['replicate', '-data-dir', folder.at('state'), database, folder.at('replica')];
    const refused = await runCommand(args);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('--enable-wal');
    expect(existsSync(folder.at('replica'))).toBe(false);
    expect(journalMode(database)).toBe('delete');

    await using replicating = startCommand([...args, '--enable-wal']);
    await replicating.printed('protected');
    replicating.child.kill('SIGINT');
    expect(await replicating.ended).toBe(0);
    expect(journalMode(database)).toBe('wal');
  });

  test('goes on with the other databases where one is refused', async () => {
    using folder = tempFolder();
    const good = createDatabase(folder.at('good.db'));
    const config = folder.at('c.yml');
    writeFileSync(
      folder.at('bad.db'),
      'this is a text and no database, and long enough to be read as one\n'.repeat(20),
    );
    writeFileSync(
      config,
      `dbs:\n  - {path: ${folder.at('bad.db')}, replica: ${folder.at('b')}}\n  - {path: ${good}, replica: ${folder.at('g')}}\n`,
    );
    await using replicating = startCommand(['replicate', '-config', config, '-data-dir', folder.at('state')]);
    await replicating.printed(`${good}: protected`);
    expect(replicating.output()).toContain('is not a SQLite database');
    replicating.child.kill('SIGINT');
    // Not everything that was named is at its destination.
    expect(await replicating.ended).toBe(1);
  });

  test('names the one that holds the data folder', async () => {
    using folder = tempFolder();
    const database = createDatabase(folder.at('app.db'));
    await using replicating = startReplicating(folder, database);
    await replicating.printed('protected');
    const second = await runCommand(['replicate', '-data-dir', folder.at('state'), database, folder.at('other')]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`process ${String(replicating.child.pid)}`);
  });

  test('stops at once at a second signal; the next start ships the rest; a restore can be interrupted', async () => {
    using folder = tempFolder();
    const database = createDatabase(folder.at('app.db'));
    const config = folder.at('c.yml');
    writeFileSync(
      config,
      `dbs:\n  - path: ${database}\n    replicas:\n      - {path: ${folder.at('replica')}, sync-interval: 1h}\n`,
    );
    const args = ['replicate', '-config', config, '-data-dir', folder.at('state')];
    await using replicating = startCommand(args);
    await replicating.printed('protected');
    // Far more than can be shipped between the two signals.
    fillWithNoise(database, 100);
    replicating.child.kill('SIGINT');
    await replicating.printed('A second interrupt stops at once');
    await new Promise((resolve) => setTimeout(resolve, 150));
    replicating.child.kill('SIGINT');
    expect(await replicating.ended).toBe(130);
    expect(replicating.output()).not.toContain('Stopped.');

    const startAgain = async (): Promise<unknown> => {
      await using again = startCommand(args);
      await again.printed('protected');
      again.child.kill('SIGINT');
      return await again.ended;
    };
    // A busy machine may not ship it all in the time that a stop has.
    await until('a start has shipped the rest', async () => (await startAgain()) === 0);

    const restore = ['restore', '-o', folder.at('out.db'), folder.at('replica')];
    await using interrupted = startCommand(restore);
    await interrupted.printed('✓');
    interrupted.child.kill('SIGINT');
    expect(await interrupted.ended).toBe(130);
    expect(interrupted.output()).toContain('Cancelled.');
    expect(readdirSync(folder.path).filter((name) => name.startsWith('out.db'))).toEqual([]);

    expect(await runCommand(restore)).toMatchObject({ code: 0 });
    expect(readNumber(folder.at('out.db'))).toBe(readNumber(database));
  });
});

describe('lists and restores of one history', () => {
  test('find the same history as the real litestream, and restore parts of it', async () => {
    using folder = tempFolder();
    const database = createDatabase(folder.at('app.db'));
    const replica = folder.at('replica');
    await using replicating = startReplicating(folder, database);
    await replicating.printed('protected');
    await increase(database, replica, 2);
    await increase(database, replica, 3);
    replicating.child.kill('SIGINT');
    await replicating.ended;

    const listed = await runCommand(['wal', '-json', `file://${replica}`]);
    const segments = JSON.parse(listed.stdout) as {
      index: string;
      offset: number;
      generation: string;
      created: string;
    }[];
    expect(segments.length).toBeGreaterThan(1);
    const [first] = segments;
    expect(first).toMatchObject({ index: '00000000', offset: 0 });
    const generation = first?.generation ?? '';

    const table = await runCommand(['snapshots', replica]);
    expect(table.stdout).toMatch(
      new RegExp(`^replica +generation +index +size +created\nfile +${generation} +00000000 `),
    );
    const databases = await runCommand(['databases', '-json', replica]);
    expect(JSON.parse(databases.stdout)).toMatchObject([{ path: database }]);
    const litestream = findLitestream();
    if (litestream !== undefined) {
      const theirs = await runLitestream(litestream, ['wal', `file://${replica}`]);
      expect(theirs.trim().split('\n')).toHaveLength(segments.length + 1);
    }

    // The moment when the counter stood at 2, by its time.
    const at = new Date(timeOf(database, 2)).toISOString();
    const early = await runCommand([
      'restore',
      '-timestamp',
      at,
      '-generation',
      generation,
      '-o',
      folder.at('early.db'),
      replica,
    ]);
    expect(early).toMatchObject({ code: 0 });
    expect(readNumber(folder.at('early.db'))).toBe(2);
    const full = await runCommand([
      'restore',
      '-index',
      '0',
      '-integrity-check',
      'full',
      '-json',
      '-o',
      folder.at('0.db'),
      replica,
    ]);
    expect(full).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(full.stdout)).toMatchObject({
      path: folder.at('0.db'),
      proof: { kind: 'identical', check: 'integrity_check ok' },
    });
  });

  test('an empty prefix of a bucket is no failure where no history is no failure', async () => {
    using folder = tempFolder();
    await using server = await startS3Server();
    const url = server.urlOf(await server.makeBucket(), 'empty');
    const place = `${url}&accessKeyId=${server.credentials.accessKeyId}&secretAccessKey=${server.credentials.secretAccessKey}`;
    const restoring = ['restore', '-o', folder.at('out.db'), place];
    expectRefusal(await runCommand(restoring), 'There is no history at');
    expect(await runCommand([...restoring, '-if-replica-exists'])).toMatchObject({ code: 0, stdout: '' });
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test('each bad wish has its own sentence, and leaves nothing behind', async () => {
    using folder = tempFolder();
    const database = createDatabase(folder.at('app.db'));
    const replica = folder.at('replica');
    await using replicating = startReplicating(folder, database);
    await replicating.printed('protected');
    replicating.child.kill('SIGINT');
    await replicating.ended;
    writeFileSync(folder.at('taken.db'), 'mine');
    writeFileSync(folder.at('stale.db-wal'), 'old');
    mkdirSync(folder.at('empty'));
    const before = readdirSync(folder.path).toSorted();

    const restoreTo = async (name: string, ...args: string[]) =>
      await runCommand(['restore', '-o', folder.at(name), ...args, replica]);
    expectRefusal(await restoreTo('taken.db'), 'exists already');
    expectRefusal(await restoreTo('stale.db'), 'stale.db-wal');
    expectRefusal(await restoreTo('out.db', '-timestamp', '2001-01-01T00:00:00Z'), 'before the first restore point');
    expectRefusal(await restoreTo('out.db', '-generation', '0123456789abcdef'), 'no generation 0123456789abcdef');
    expectRefusal(await restoreTo('out.db', '-index', 'ff'), 'holds no index');
    const nowhere = folder.at('nowhere');
    expectRefusal(await runCommand(['restore', '-o', folder.at('out.db'), nowhere]), 'There is no history at');
    expectRefusal(await runCommand(['wal', nowhere]), 'There is no history at');
    expectRefusal(await runCommand(['restore', '-o', folder.at('out.db'), 'ftp://host/x']), 'does not understand');
    expect(await restoreTo('taken.db', '-if-db-not-exists')).toMatchObject({ code: 0 });

    for (const place of [nowhere, folder.at('empty')]) {
      const none = ['restore', '-if-replica-exists=true', '-o', folder.at('out.db'), place];
      expect(await runCommand(none)).toMatchObject({
        code: 0,
        stderr: expect.stringContaining('Nothing to restore') as string,
      });
    }
    expect(readdirSync(folder.path).toSorted()).toEqual(before);
  });
});

function expectRefusal(ended: Ended, sentence: string): void {
  expect(ended).toMatchObject({ code: 1, stdout: '' });
  expect(ended.stderr).toContain(sentence);
}

function startReplicating(folder: TempFolder, database: string): Started {
  return startCommand(['replicate', '-data-dir', folder.at('state'), database, folder.at('replica')]);
}

function createDatabase(path: string, mode = 'wal'): string {
  const database = new Database(path);
  database.pragma(`journal_mode = ${mode}`);
  database.exec('CREATE TABLE counter (n INTEGER PRIMARY KEY, at INTEGER); INSERT INTO counter VALUES (1, 0);');
  database.close();
  return path;
}

/** Commits the next number, and waits until a segment that holds it is there. */
async function increase(path: string, replica: string, n: number): Promise<void> {
  const before = countSegments(replica);
  const database = new Database(path);
  database.prepare('INSERT INTO counter VALUES (?, ?)').run(n, Date.now());
  const committedAt = Date.now();
  // What the writer knows of the moment: after this commit, before the next.
  database.close();
  await until(`number ${String(n)} is shipped`, () => countSegments(replica) > before);
  await until('the clock moved on', () => Date.now() > committedAt + 5);
}

/** An instant at which the counter stood at `n`: just before the next commit. */
function timeOf(path: string, n: number): number {
  const database = new Database(path);
  const next = Number(
    database
      .prepare('SELECT at FROM counter WHERE n = ?')
      .pluck()
      .get(n + 1),
  );
  database.close();
  return next - 1;
}

function countSegments(replica: string): number {
  return readdirSync(replica, { recursive: true }).filter((name) => String(name).endsWith('.wal.lz4')).length;
}

function fillWithNoise(path: string, megabytes: number): void {
  const database = new Database(path);
  database.exec('CREATE TABLE IF NOT EXISTS noise (body BLOB)');
  const insert = database.prepare('INSERT INTO noise VALUES (randomblob(1000000))');
  for (let i = 0; i < megabytes; i += 1) insert.run();
  database.prepare('INSERT INTO counter VALUES (2, ?)').run(Date.now());
  database.close();
}

function readNumber(path: string): number {
  const database = new Database(path);
  const n = Number(database.prepare('SELECT max(n) FROM counter').pluck().get());
  database.close();
  return n;
}

function journalMode(path: string): string {
  const database = new Database(path, { readonly: true });
  const mode = String(database.pragma('journal_mode', { simple: true }));
  database.close();
  return mode;
}
