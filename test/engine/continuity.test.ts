// What happened while Tidemark was away: closed in order, killed, the WAL gone, the file replaced. The history goes on where
// that can be proved, says where it could not see, and never restores to anything that was not there.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RestorePoint } from '../../shared/history.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { startScript } from '../support/processes.ts';
import { startScripted } from '../support/scripted.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';
import { readTruth } from '../support/truth.ts';

const seed = String(process.env['TIDEMARK_SEED'] ?? Math.floor(Math.random() * 1e9));
let folder: TempFolder;
let file: string;

beforeEach(() => {
  folder = tempFolder();
  file = folder.at('shop.db');
  const database = new Database(file);
  database.pragma('journal_mode = wal');
  database.close();
});
afterEach(() => folder[Symbol.dispose]());

async function write(count: number, ...more: string[]): Promise<void> {
  await using writer = startScript('writer.ts', [
    '--database',
    file,
    '--seed',
    seed,
    '--count',
    String(count),
    '--pause',
    '5',
    ...more,
  ]);
  expect(await writer.ended, writer.output()).toBe(0);
}

/** Protects (the first time) or goes on, and returns once everything is shipped. */
async function protect(work: () => Promise<void> = async () => {}): Promise<DatabaseId> {
  await using engine = openTestEngine(folder.at('data'));
  const known = engine.state().databases[0];
  const id = known?.id ?? (await engine.call('addDatabase', { path: file, folder: folder.at('backup') })).databaseId;
  await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
  await work();
  await engine.waitFor(id, 'everything is shipped', ({ lag }) => lag.bytes === 0);
  return id;
}

async function restoreNewest(id: DatabaseId): Promise<{ n: number; generations: number; gaps: number }> {
  await using engine = openTestEngine(folder.at('data'));
  const points = await engine.points(id);
  const last = points.at(-1);
  if (last === undefined) throw new Error('no restore point');
  const every = Math.ceil(points.length / 4);
  for (const point of [last, ...points.filter((_, i) => i % every === 0)]) {
    const output = folder.at('restored.db');
    const operation = await engine.restore(id, point, output);
    expect(operation.result?.proof.kind).toBe('identical');
    if (point === last) expect(readTruth(output)).toEqual(readTruth(file));
    fs.rmSync(output);
  }
  const timeline = await engine.call('getTimeline', { databaseId: id, bins: 100 });
  return {
    n: readTruth(file).n,
    generations: timeline.generations.length,
    gaps: timeline.events.filter(({ kind }) => kind === 'gap').length,
  };
}

async function restoreAll(
  engine: TestEngine,
  id: DatabaseId,
  points: readonly RestorePoint[],
): Promise<readonly unknown[]> {
  const kinds: unknown[] = [];
  for (const [i, point] of points.entries()) {
    const operation = await engine.restore(id, point, folder.at(`all-${i}.db`));
    kinds.push(operation.result?.proof.kind);
  }
  return kinds;
}

function objects(): readonly string[] {
  return fs.existsSync(folder.at('backup'))
    ? fs.readdirSync(folder.at('backup'), { recursive: true, encoding: 'utf8' })
    : [];
}

function hasTable(output: string): boolean {
  const database = new Database(output);
  try {
    return database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 't_n'").get() !== undefined;
  } finally {
    database.close();
  }
}

function notesOf(id: DatabaseId): string {
  const spool = folder.at('data', 'databases', id, 'spool');
  return `${spool}/${fs.readdirSync(spool)[0]}/hashes`;
}

describe('after a time away', () => {
  test('goes on in the same generation when nobody wrote', async () => {
    const id = await protect(async () => await write(10));
    await protect();
    expect(await restoreNewest(id)).toMatchObject({ generations: 1, gaps: 0, n: 10 });
  });

  test('catches up from the WAL when the application wrote and stayed open', async () => {
    const id = await protect(async () => await write(10));
    // A reader that stays connected keeps the WAL when the writer leaves.
    await using reader = startScripted('node');
    await reader.does(['open', file, 0], ['ask', 'SELECT count(*) FROM t']);
    await write(10);
    await protect();
    await reader.does(['close']);
    expect(await restoreNewest(id)).toMatchObject({ generations: 1, gaps: 0, n: 20 });
  });

  test('composes what changed when the WAL is gone, and shows the gap', async () => {
    const id = await protect(async () => await write(80));
    const reopened = new Database(file);
    reopened.pragma('wal_checkpoint(TRUNCATE)');
    reopened.close();
    await write(3);
    await protect(async () => await write(5));
    expect(await restoreNewest(id)).toMatchObject({ generations: 1, gaps: 1, n: 88 });
  });

  test('begins a new generation with a reason when most pages differ', async () => {
    const id = await protect(async () => await write(60, '--mode', 'bulk'));
    const other = new Database(file);
    other.exec('UPDATE t SET v = zeroblob(500)');
    other.exec('VACUUM');
    other.close();
    await protect();
    const { generations } = await restoreNewest(id);
    expect(generations).toBe(2);
  });

  const damage = {
    'are damaged': (notes: string) => {
      const bytes = fs.readFileSync(notes);
      bytes.writeUInt8(bytes.readUInt8(70) ^ 1, 70);
      fs.writeFileSync(notes, bytes);
    },
    'are gone': (notes: string) => fs.rmSync(notes),
  };
  test.for(Object.entries(damage))('goes on where its own notes %s and the WAL is still there', async ([, harm]) => {
    // Who reads keeps the WAL when Tidemark ends.
    await using reader = startScripted('node');
    const id = await protect(async () => {
      await reader.does(['open', file, 0], ['run', 'BEGIN'], ['ask', 'SELECT count(*) FROM sqlite_schema']);
      await write(10);
    });
    harm(notesOf(id));
    // What is committed meanwhile is in the WAL, but cannot be told apart without notes: a gap says so.
    await write(4);
    await protect(async () => await write(3));
    await reader.does(['close']);
    await protect();
    expect(await restoreNewest(id)).toMatchObject({ generations: 1, gaps: 1, n: 17 });
  });

  test('begins a new generation when its own notes are damaged and the WAL is gone', async () => {
    const id = await protect(async () => await write(10));
    damage['are damaged'](notesOf(id));
    const app = new Database(file);
    app.pragma('wal_checkpoint(TRUNCATE)');
    app.close();
    await protect();
    expect(await restoreNewest(id)).toMatchObject({ generations: 2, gaps: 0, n: 10 });
  });

  test('goes on with a file that was replaced, and the former history stays', async () => {
    const id = await protect(async () => await write(10));
    fs.rmSync(file);
    fs.rmSync(`${file}-wal`, { force: true });
    fs.rmSync(`${file}-shm`, { force: true });
    const fresh = new Database(file);
    fresh.pragma('journal_mode = wal');
    fresh.close();
    await write(4);
    await protect();
    expect(await restoreNewest(id)).toMatchObject({ n: 4 });
  });

  test('notices a file that is replaced while it is protected', async () => {
    await using engine = openTestEngine(folder.at('data'));
    await write(5);
    const { databaseId: id } = await engine.call('addDatabase', { path: file, folder: folder.at('backup') });
    await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
    fs.renameSync(file, folder.at('moved.db'));
    await engine.waitFor(
      id,
      'it is missed',
      ({ status }) => status.kind === 'problem' && status.problem.code === 'database-missing',
    );
    fs.rmSync(`${file}-wal`, { force: true });
    fs.rmSync(`${file}-shm`, { force: true });
    const fresh = new Database(file);
    fresh.pragma('journal_mode = wal');
    fresh.close();
    await write(3);
    const written = Date.now();
    await engine.waitFor(
      id,
      'it is protected again',
      ({ status, newest, lag }) => status.kind === 'protected' && lag.bytes === 0 && (newest?.at ?? 0) > written - 3000,
    );
    const output = folder.at('out.db');
    await until('the new content is restorable', async () => {
      const point = (await engine.points(id)).at(-1);
      if (point === undefined) return false;
      fs.rmSync(output, { force: true });
      await engine.restore(id, point, output);
      return hasTable(output) && readTruth(output).n === 3;
    });
    expect(readTruth(output)).toEqual(readTruth(file));
  });

  test('finds again what lies on the destination when a kill kept it from being noted', async () => {
    const id = await protect(async () => await write(12));
    const state = new Database(folder.at('data', 'state.db'));
    state.exec('DELETE FROM snapshot; DELETE FROM shipped; DELETE FROM run');
    state.close();
    await protect();
    await using engine = openTestEngine(folder.at('data'));
    const points = await engine.points(id);
    expect(points.length).toBeGreaterThanOrEqual(12);
    expect(await restoreAll(engine, id, points.slice(0, 3))).toEqual(['identical', 'identical', 'identical']);
  });

  test('finds again what a killed run had put of a generation that ended with it', async () => {
    const id = await protect(async () => await write(12));
    const state = new Database(folder.at('data', 'state.db'));
    state.exec(`DELETE FROM run WHERE end_offset > 0;
      UPDATE shipped SET last_idx = first_idx, last_offset = first_offset, last_at = first_at`);
    state.close();
    fs.rmSync(folder.at('data', 'databases', id, 'spool'), { recursive: true });
    await protect(async () => await write(2));
    await using engine = openTestEngine(folder.at('data'));
    const points = await engine.points(id);
    const generations = points.map(({ position }) => position.generation);
    const first = points.filter(({ position }) => position.generation === generations[0]);
    expect([new Set(generations).size, first.length >= 12]).toEqual([2, true]);
    expect(await restoreAll(engine, id, first.slice(-2))).toEqual(['identical', 'identical']);
  });

  test('goes on after kill -9 in the middle of the first image, and leaves nothing half-written', async () => {
    const large = new Database(file);
    large.exec('CREATE TABLE filler(v)');
    const insert = large.prepare('INSERT INTO filler VALUES (?)');
    large.transaction(() => {
      for (let i = 0; i < 6000; i++) insert.run(randomBytes(8000));
    })();
    large.close();
    await write(3);
    {
      await using engine = startScript('engine-process.ts', [
        '--data',
        folder.at('data'),
        '--add',
        file,
        '--folder',
        folder.at('backup'),
      ]);
      await until('an image is on its way', () =>
        objects().some((name) => name.endsWith('.tmp') && name.includes('snapshot')),
      );
      engine.child.kill('SIGKILL');
      await engine.ended;
    }
    expect(objects().filter((name) => name.endsWith('.snapshot.lz4'))).toEqual([]);
    const id = await protect(async () => await write(3));
    expect(objects().filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(await restoreNewest(id)).toMatchObject({ n: 6 });
  });

  test('clears at the next start what a killed restore left, and nothing has the final name', async () => {
    const large = new Database(file);
    large.exec('CREATE TABLE filler(v)');
    const insert = large.prepare('INSERT INTO filler VALUES (?)');
    large.transaction(() => {
      for (let i = 0; i < 6000; i++) insert.run(randomBytes(8000));
    })();
    large.close();
    const id = await protect();
    const output = folder.at('restored.db');
    const left = () => fs.readdirSync(folder.path).filter((name) => name.includes('.tidemark-'));
    {
      await using engine = startScript('engine-process.ts', ['--data', folder.at('data'), '--restore', output]);
      await until('the restore writes', () => left().length > 0);
      engine.child.kill('SIGKILL');
      await engine.ended;
    }
    expect(left().length).toBeGreaterThan(0);
    expect(fs.existsSync(output)).toBe(false);
    await using engine = openTestEngine(folder.at('data'));
    await until('it is cleared', () => left().length === 0);
    await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
  });

  test.for([0, 1, 2])('goes on after kill -9 in the middle of the work (%i)', async (round) => {
    await using writer = startScript('writer.ts', [
      '--database',
      file,
      '--seed',
      seed + String(round),
      '--seconds',
      '60',
      '--pause',
      '4',
      '--mode',
      round === 1 ? 'reopen' : 'small',
      '--truth',
      folder.at('truth'),
    ]);
    await writer.printed('ready');
    for (let i = 0; i < 4; i++) {
      const add = i === 0 ? ['--add', file, '--folder', folder.at('backup')] : [];
      await using engine = startScript('engine-process.ts', ['--data', folder.at('data'), ...add]);
      await engine.printed(i === 0 ? 'added' : 'protected');
      await new Promise((go) => setTimeout(go, 60 + 90 * i));
      engine.child.kill('SIGKILL');
      await engine.ended;
      const unfinished = fs
        .readdirSync(folder.at('backup'), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.lz4'));
      for (const name of unfinished) expect(fs.statSync(folder.at('backup', name)).size).toBeGreaterThan(0);
    }
    writer.child.kill('SIGKILL');
    await writer.ended;
    let id: DatabaseId | undefined;
    {
      await using engine = openTestEngine(folder.at('data'));
      id = engine.state().databases[0]?.id;
      await until('it is protected', () => engine.state().databases[0]?.status.kind === 'protected');
    }
    if (id === undefined) throw new Error('the database was forgotten');
    await restoreNewest(id);
  });
});
