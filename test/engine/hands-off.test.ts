// What Tidemark never does to a user's database: no table, no schema change, no byte that SQLite did not write; no write and
// no wake-up of its own while nobody writes.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { openTestEngine } from '../support/engine.ts';
import { startScript } from '../support/processes.ts';
import { makeDatabase } from '../support/application.ts';
import { tempFolder, until } from '../support/temp.ts';

const seed = '4711';

function createDatabase(file: string): void {
  makeDatabase(file, 'CREATE TABLE plain(a); INSERT INTO plain VALUES (1)');
}

async function write(file: string): Promise<void> {
  await using writer = startScript('writer.ts', ['--database', file, '--seed', seed, '--count', '120', '--pause', '3']);
  expect(await writer.ended, writer.output()).toBe(0);
}

/** Schema and every page, once nothing is left in the WAL. */
function fingerprint(file: string): { readonly schema: unknown; readonly bytes: string } {
  const database = new Database(file);
  database.pragma('wal_checkpoint(TRUNCATE)');
  const schema = database.prepare('SELECT * FROM sqlite_schema').all();
  database.close();
  const bytes = fs.readFileSync(file);
  return { schema, bytes: createHash('sha256').update(bytes).digest('hex') };
}

describe('the database of a user', () => {
  test('is byte for byte what it would be without Tidemark', async () => {
    using folder = tempFolder();
    const files = [folder.at('alone.db'), folder.at('protected.db')];
    for (const file of files) createDatabase(file);
    const [alone = '', guarded = ''] = files;
    await write(alone);
    {
      await using engine = openTestEngine(folder.at('data'));
      const { databaseId } = await engine.call('addDatabase', { path: guarded, folder: folder.at('backup') });
      await engine.waitFor(databaseId, 'it is protected', ({ status }) => status.kind === 'protected');
      await write(guarded);
      await engine.waitFor(databaseId, 'everything is shipped', ({ lag }) => lag.bytes === 0);
    }
    expect(fingerprint(guarded)).toEqual(fingerprint(alone));
  });

  test('is left alone while nobody writes: no file changes anywhere, no timer runs for it', async () => {
    using folder = tempFolder();
    const file = folder.at('shop.db');
    createDatabase(file);
    await using engine = openTestEngine(folder.at('data'));
    const { databaseId } = await engine.call('addDatabase', { path: file, folder: folder.at('backup') });
    await write(file);
    await engine.waitFor(
      databaseId,
      'everything is shipped',
      ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0,
    );
    // It settles by itself: everything is backfilled, and the last short timer has run.
    await until('it is at rest', async () => {
      const before = timers();
      await new Promise((go) => setTimeout(go, 300));
      return before.length === timers().length && timers().every((name) => name !== 'Timeout');
    });
    const before = snapshotOf(folder.path);
    await new Promise((go) => setTimeout(go, 1500));
    expect(snapshotOf(folder.path)).toEqual(before);
    expect(engine.database(databaseId).status.kind).toBe('protected');
  });

  test('keeps its WAL small under a writer that pauses only shortly', async () => {
    using folder = tempFolder();
    const file = folder.at('shop.db');
    createDatabase(file);
    await using engine = openTestEngine(folder.at('data'));
    const { databaseId } = await engine.call('addDatabase', { path: file, folder: folder.at('backup') });
    await engine.waitFor(databaseId, 'it is protected', ({ status }) => status.kind === 'protected');
    await using writer = startScript('writer.ts', [
      '--database',
      file,
      '--seed',
      seed,
      '--seconds',
      '4',
      '--pause',
      '2',
    ]);
    await writer.printed('ready');
    let largest = 0;
    // It is gone once the writer has closed.
    const walBytes = (): number => fs.statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    const measure = setInterval(() => (largest = Math.max(largest, walBytes())), 20);
    await writer.ended;
    clearInterval(measure);
    expect(largest).toBeLessThan(16 * 1024 * 1024);
  });
});

/** Timers that keep this process alive, but the watcher's one slow poll; what comes round by the hour does not. */
function timers(): readonly string[] {
  const names = process.getActiveResourcesInfo().filter((name) => name === 'Timeout');
  return names.slice(1);
}

function snapshotOf(folder: string): readonly string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { size, mtimeMs } = fs.statSync(`${folder}/${name}`);
      return `${name} ${size} ${mtimeMs}`;
    });
}
