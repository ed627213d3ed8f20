// Bad input and faults around one database: each has its own sentence, nothing is lost, and what fails for a while recovers.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AppError, type ErrorCode } from '../../shared/errors.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { startScript } from '../support/processes.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

let folder: TempFolder;
let file: string;
let engine: TestEngine;

beforeEach(() => {
  folder = tempFolder();
  file = folder.at('shop.db');
  createDatabase(file);
  engine = openTestEngine(folder.at('data'));
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function createDatabase(at: string, mode = 'wal'): void {
  const database = new Database(at);
  database.pragma(`journal_mode = ${mode}`);
  database.exec('CREATE TABLE a(b); INSERT INTO a VALUES (1)');
  database.close();
}

async function refusal(
  work: Promise<unknown>,
): Promise<{ readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, message: error.message, hint: error.toData().hint };
    throw error;
  }
  throw new Error('nothing was refused');
}

async function protect(): Promise<DatabaseId> {
  const { databaseId } = await engine.call('addDatabase', { path: file, folder: folder.at('backup') });
  await engine.waitFor(databaseId, 'it is protected', ({ status }) => status.kind === 'protected');
  return databaseId;
}

describe('adding a database', () => {
  const odd: readonly (readonly [ErrorCode, string, (at: string) => void])[] = [
    ['database-missing', 'is not there', () => {}],
    ['database-is-directory', 'is a folder', (at) => fs.mkdirSync(at)],
    ['database-empty', 'is empty', (at) => fs.writeFileSync(at, '')],
    ['database-not-sqlite', 'is a text', (at) => fs.writeFileSync(at, 'hello '.repeat(100))],
    ['database-not-sqlite', 'is shorter than a header', (at) => fs.writeFileSync(at, 'SQLite format 3\0')],
    ['database-not-regular', 'is a pipe', (at) => spawnSync('mkfifo', [at])],
    ['database-not-wal', 'is not in WAL mode', (at) => createDatabase(at, 'delete')],
  ];
  test.for(odd)('says %s for a path that %s', async ([code, , make]) => {
    const at = folder.at('odd.db');
    make(at);
    const refused = await refusal(engine.call('addDatabase', { path: at, folder: folder.at('backup') }));
    expect(refused.code).toBe(code);
    expect(refused.hint).toMatch(/\w/);
    expect(refused.message).toContain(at);
    expect(engine.state().databases).toEqual([]);
    expect(fs.existsSync(folder.at('backup'))).toBe(false);
  });

  test('switches to WAL only with consent', async () => {
    const at = folder.at('old.db');
    createDatabase(at, 'delete');
    expect(await engine.call('inspectDatabase', { path: at })).toMatchObject({ kind: 'database', isWal: false });
    expect(fs.readFileSync(at).readUInt8(18)).toBe(1);
    const { databaseId } = await engine.call('addDatabase', { path: at, folder: folder.at('backup'), enableWal: true });
    await engine.waitFor(databaseId, 'it is protected', ({ status }) => status.kind === 'protected');
  });

  test('says before and after when a database is captured that its application keeps for itself', async () => {
    fs.mkdirSync(folder.at('Anki2', 'Ada'), { recursive: true });
    file = folder.at('Anki2', 'Ada', 'collection.anki2');
    createDatabase(file);
    expect(await engine.call('inspectDatabase', { path: file })).toMatchObject({
      application: { name: 'Anki', isExclusive: true },
    });
    const databaseId = await protect();
    const added = engine.state().activity.find(({ kind }) => kind === 'database-added');
    expect(added).toMatchObject({
      databaseId,
      text: `collection.anki2 was added. Its history goes to ${folder.at('backup')}. Anki keeps this database for itself while it is open. Tidemark captures it each time Anki is closed.`,
    });
  });

  test('resolves sidecars and links, and knows what is protected already', async () => {
    await protect();
    fs.symlinkSync(file, folder.at('link.db'));
    for (const at of [file, `${file}-wal`, folder.at('link.db')]) {
      expect(await refusal(engine.call('addDatabase', { path: at, folder: folder.at('other') }))).toMatchObject({
        code: 'database-already-protected',
      });
    }
  });

  test('knows one that is paused', async () => {
    const databaseId = await protect();
    await engine.call('pause', { databaseId });
    expect(await refusal(engine.call('addDatabase', { path: file, folder: folder.at('other') }))).toMatchObject({
      code: 'database-already-protected',
    });
    expect(fs.existsSync(folder.at('other'))).toBe(false);
  });

  test('takes over what a command line declared, and lets no command line redirect what the window keeps', async () => {
    await engine[Symbol.asyncDispose]();
    const declare = async (replica: string) => {
      await using declared = openTestEngine(folder.at('data'), { isDeclaredOnly: true });
      const databases = [{ path: file, enableWal: false, replicas: [{ url: replica }] }];
      return await declared.call('protectDeclared', { databases });
    };
    expect(await declare(folder.at('declared'))).toMatchObject([{ kind: 'protecting' }]);
    engine = openTestEngine(folder.at('data'));
    expect(engine.state().databases).toEqual([]);
    const databaseId = await protect();
    const { replicas } = engine.database(databaseId);
    await engine[Symbol.asyncDispose]();
    expect(await declare(folder.at('elsewhere'))).toMatchObject([
      { kind: 'refused', error: { code: 'database-of-window' } },
    ]);
    engine = openTestEngine(folder.at('data'));
    expect(engine.database(databaseId).replicas.map(({ url }) => url)).toEqual(replicas.map(({ url }) => url));
  });

  test('refuses a path that has no place, for a database, a folder and a restored file', async () => {
    const codes = [
      await engine.call('inspectDatabase', { path: 'shop.db' }),
      await engine.call('inspectFolder', { path: 's3://bucket/shop', databasePath: file }),
    ].map((seen) => seen.kind === 'refused' && seen.error.code);
    expect(codes).toEqual(['path-unclear', 'path-unclear']);
    const id = await protect();
    const [point] = await engine.points(id);
    if (point === undefined) throw new Error('no restore point');
    const start = (outputPath: string) =>
      engine.call('startRestore', { databaseId: id, position: point.position, outputPath });
    expect((await refusal(start('out.db'))).code).toBe('path-unclear');
    expect((await refusal(start(file))).code).toBe('output-exists');
    expect(engine.state().operations).toEqual([]);
  });

  test('refuses a destination that is declared twice', async () => {
    await engine[Symbol.asyncDispose]();
    engine = openTestEngine(folder.at('data'), { isDeclaredOnly: true });
    const replicas = [{ url: folder.at('backup') }, { url: `file://${folder.at('backup')}` }];
    const [answer] = await engine.call('protectDeclared', { databases: [{ path: file, enableWal: false, replicas }] });
    expect(answer).toMatchObject({ kind: 'refused', error: { code: 'invalid-argument' } });
    expect(engine.state().databases).toEqual([]);
  });

  test('says that rights are missing, when they are', async () => {
    // Root may do everything, so another user asks.
    fs.chmodSync(folder.path, 0o755);
    fs.chmodSync(file, 0o600);
    const script = `
      import { inspectDatabase } from ${JSON.stringify(path.resolve('electron/engine/source/inspect.ts'))};
      if (process.getuid() === 0) process.setuid(65534);
      console.log(JSON.stringify(inspectDatabase(${JSON.stringify(file)}, () => false)));`;
    if (process.getuid?.() !== 0) fs.chmodSync(file, 0o000);
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--no-warnings', '--input-type=module-typescript', '-e', script],
      { encoding: 'utf8' },
    );
    expect(JSON.parse(stdout || stderr)).toMatchObject({ kind: 'refused', error: { code: 'database-no-permission' } });
  });
});

describe('choosing a destination', () => {
  test('refuses a place inside a file, and the database’s own name', async () => {
    fs.writeFileSync(folder.at('plain.txt'), 'text');
    const inside = await engine.call('inspectFolder', { path: folder.at('plain.txt', 'deeper'), databasePath: file });
    expect(inside).toMatchObject({ kind: 'refused', error: { code: 'target-inside-file' } });
    const own = await engine.call('inspectFolder', { path: folder.path, databasePath: file });
    expect(own).toMatchObject({ kind: 'refused', error: { code: 'target-collides', details: { path: file } } });
  });

  test('refuses a folder that is read-only', async () => {
    const at = folder.at('readonly');
    fs.mkdirSync(at);
    const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', at]).status === 0;
    if (!isMounted) fs.chmodSync(at, 0o555);
    try {
      const seen = await engine.call('inspectFolder', { path: at, databasePath: file });
      expect(seen).toMatchObject({ kind: 'refused', error: { code: 'target-read-only' } });
    } finally {
      if (isMounted) spawnSync('umount', [at]);
    }
  });

  test('tells apart new, empty, its own history, Litestream’s, another machine’s and other things', async () => {
    const look = async (at: string) => await engine.call('inspectFolder', { path: at, databasePath: file });
    expect(await look(folder.at('new'))).toMatchObject({
      kind: 'usable',
      contents: 'new',
      replicaPath: folder.at('new', 'shop.db'),
    });
    fs.mkdirSync(folder.at('litestream', 'shop.db', 'generations'), { recursive: true });
    expect(await look(folder.at('litestream'))).toMatchObject({ contents: 'litestream-history' });
    fs.mkdirSync(folder.at('things', 'shop.db', 'photos'), { recursive: true });
    expect(await look(folder.at('things'))).toMatchObject({ kind: 'refused', error: { code: 'target-collides' } });
    await protect();
    expect(await look(folder.at('backup'))).toMatchObject({ contents: 'history-of-this' });
    const record = folder.at('backup', 'shop.db', 'tidemark.json');
    fs.writeFileSync(record, fs.readFileSync(record, 'utf8').replace(/"id": "[^"]+"/, '"id": "elsewhere"'));
    expect(await look(folder.at('backup'))).toMatchObject({
      kind: 'refused',
      error: { code: 'target-owned-by-other' },
    });
  });
});

describe('while protecting', () => {
  test('a destination that vanishes is told, captures wait, and it recovers by itself', async () => {
    const id = await protect();
    fs.renameSync(folder.at('backup'), folder.at('unplugged'));
    await using writer = startScript('writer.ts', ['--database', file, '--count', '10', '--pause', '5', '--seed', '1']);
    expect(await writer.ended, writer.output()).toBe(0);
    const { status, lag } = await engine.waitFor(
      id,
      'the problem is told',
      (database) => database.status.kind === 'problem',
    );
    expect(status).toMatchObject({ problem: { code: 'target-missing' } });
    expect(lag.bytes).toBeGreaterThan(0);
    await until('the destination is told of', () => engine.state().targets[0]?.problem);
    expect(fs.existsSync(folder.at('backup'))).toBe(false);
    fs.renameSync(folder.at('unplugged'), folder.at('backup'));
    await engine.waitFor(
      id,
      'it recovered',
      (database) => database.status.kind === 'protected' && database.lag.bytes === 0,
    );
    const point = (await engine.points(id)).at(-1);
    if (point === undefined) throw new Error('no restore point');
    await engine.restore(id, point, folder.at('out.db'));
    const kinds = engine.state().activity.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'problem' || kind === 'recovered')).toEqual(['recovered', 'problem']);
  });

  test('a full destination is told, and it goes on when there is room', async () => {
    const at = folder.at('small');
    fs.mkdirSync(at);
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', at]).status !== 0) {
      console.log('no right to mount a small file system here: the full disk is tested where there is');
      return;
    }
    try {
      const { databaseId } = await engine.call('addDatabase', { path: file, folder: at });
      await engine.waitFor(databaseId, 'it is protected', ({ status }) => status.kind === 'protected');
      fs.writeFileSync(
        path.join(at, 'filler'),
        Buffer.alloc(1024 * 1024).subarray(0, fs.statfsSync(at).bavail * fs.statfsSync(at).bsize),
      );
      await using writer = startScript('writer.ts', ['--database', file, '--count', '5', '--seed', '1']);
      await writer.ended;
      await engine.waitFor(
        databaseId,
        'the full disk is told',
        ({ status }) => status.kind === 'problem' && status.problem.code === 'target-full',
      );
      fs.rmSync(path.join(at, 'filler'));
      const recovered = await engine.waitFor(
        databaseId,
        'it recovered',
        ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0,
      );
      expect(recovered.replicas.map(({ problem }) => problem)).toEqual([undefined]);
    } finally {
      await engine[Symbol.asyncDispose]();
      spawnSync('umount', [at]);
    }
  });

  test('a database that is deleted is told, and the others go on', async () => {
    const id = await protect();
    const other = folder.at('other.db');
    createDatabase(other);
    const second = await engine.call('addDatabase', { path: other, folder: folder.at('backup') });
    for (const suffix of ['', '-wal', '-shm']) fs.rmSync(file + suffix, { force: true });
    const { status } = await engine.waitFor(id, 'it is missed', (database) => database.status.kind === 'problem');
    expect(status).toMatchObject({ problem: { code: 'database-missing', details: { path: file } } });
    await engine.waitFor(
      second.databaseId,
      'the other is protected',
      (database) => database.status.kind === 'protected',
    );
  });

  test('pauses although a writer never does', async () => {
    const id = await protect();
    await using writer = startScript('writer.ts', ['--database', file, '--seconds', '60', '--seed', '1']);
    await writer.printed('ready');
    await engine.call('pause', { databaseId: id });
    expect(engine.database(id).status.kind).toBe('paused');
    expect(writer.child.exitCode).toBeNull();
  });

  test('pause releases the database, resume catches up', async () => {
    const id = await protect();
    await engine.call('pause', { databaseId: id });
    expect(engine.database(id).status.kind).toBe('paused');
    const application = new Database(file);
    application.exec('INSERT INTO a VALUES (2)');
    expect(application.pragma('journal_mode = delete', { simple: true })).toBe('delete');
    application.pragma('journal_mode = wal');
    application.close();
    await engine.call('resume', { databaseId: id });
    await engine.waitFor(id, 'it is protected', ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0);
    const point = (await engine.points(id)).at(-1);
    if (point === undefined) throw new Error('no restore point');
    await engine.restore(id, point, folder.at('out.db'));
    const restored = new Database(folder.at('out.db'));
    expect(restored.prepare('SELECT count(*) FROM a').pluck().get()).toBe(2);
    restored.close();
  });
});

describe('the data folder', () => {
  test('serves one engine; a second one is told who holds it', async () => {
    const { code, message } = await refusal(Promise.resolve().then(() => openTestEngine(folder.at('data'))));
    expect(code).toBe('data-folder-held');
    expect(message).toContain(String(process.pid));
  });

  test('that cannot be used is refused with the reason', async () => {
    fs.writeFileSync(folder.at('not-a-folder'), '');
    expect(
      await refusal(Promise.resolve().then(() => openTestEngine(folder.at('not-a-folder', 'data')))),
    ).toMatchObject({ code: 'data-folder-unusable' });
  });
});
