// Beside the real `litestream` v0.3.13: what we write it restores, what it writes we restore, and where it restores a
// history with a hole as if nothing were missing, we refuse.
import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import { mkdir, readFile } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { findLitestream, runLitestream } from '../../electron/demo/litestream-binary.ts';
import { writeRecord } from '../../electron/engine/replica/record.ts';
import { parseKey } from '../../electron/engine/replica/keys.ts';
import { listReplica } from '../../electron/engine/restore/list-replica.ts';
import { openFolderTarget } from '../../electron/engine/targets/folder.ts';
import { must } from '../../shared/assert.ts';
import { startProcess } from '../support/processes.ts';
import { RealHistory } from '../support/replica-history.ts';
import { newPlace, type Place, restore, writeHistory } from '../support/replica-place.ts';
import { recordOf } from '../support/replica-record.ts';
import { calm, failureOf, scratchFolder } from '../support/replica-scratch.ts';
import { until } from '../support/temp.ts';

const litestream = must(findLitestream(), 'npm ci brings the real litestream');

async function restoreByLitestream(place: Place, ...options: string[]): Promise<string> {
  const output = join(place.folder, `restored/litestream-${options.length}.db`);
  await runLitestream(litestream, ['restore', ...options, '-o', output, place.target.url]);
  return output;
}

/** Every row of the history's table, and what SQLite says about the file. */
function contentOf(path: string): { readonly rows: unknown[]; readonly check: unknown } {
  const database = new Database(path);
  try {
    const check = database.pragma('integrity_check(3)', { simple: true });
    return {
      rows: database.prepare('SELECT id, n, length(v) AS size, substr(v, 1, 1) AS v FROM t ORDER BY id').all(),
      check,
    };
  } finally {
    database.close();
  }
}

describe('a replica that we write', () => {
  test('is restored by litestream to the same database, byte for byte', async () => {
    const place = await newPlace();
    using history = await writeHistory(place);
    await writeRecord(place.target, recordOf({ path: history.path }), { signal: calm });
    await restore(place, { kind: 'latest' });
    const theirs = await restoreByLitestream(place);
    expect((await readFile(theirs)).equals(await readFile(place.output))).toBe(true);
    expect(contentOf(theirs)).toEqual({ rows: contentOf(history.path).rows, check: 'ok' });
  });

  test('is restored by litestream to the end of an index, and to a time', async () => {
    const place = await newPlace();
    using history = await writeHistory(place);
    await restore(place, { kind: 'index', index: 1 });
    const theirs = await restoreByLitestream(place, '-generation', history.generation, '-index', '00000001');
    expect((await readFile(theirs)).equals(await readFile(place.output))).toBe(true);

    const output = join(place.folder, 'restored/time.db');
    const at = must(history.points[2], 'nine points').at;
    await restore({ ...place, output }, { kind: 'time', at });
    const timed = await restoreByLitestream(place, '-timestamp', new Date(at + 500).toISOString());
    expect((await readFile(timed)).equals(await readFile(output))).toBe(true);
  });

  test('and that lacks a segment in the middle, is “restored” by litestream into a malformed file; we refuse', async () => {
    const place = await newPlace();
    using history = new RealHistory(place);
    history.commit(900);
    await history.snapshot();
    await history.ship();
    history.commit((database) => database.exec('DELETE FROM t WHERE id % 2'));
    const middle = await history.ship();
    history.commit(200);
    await history.ship();
    history.restart();
    history.commit(10);
    await history.ship();
    await place.target.delete([middle], { signal: calm });

    // It ends with exit status 0.
    const theirs = await restoreByLitestream(place);
    expect(() => contentOf(theirs)).toThrow('database disk image is malformed');

    const from = must(history.points[0], 'four points').offset;
    const to = must(history.points[1], 'four points').offset;
    const hex = (value: number) => value.toString(16).padStart(8, '0');
    expect(await failureOf(restore(place, { kind: 'latest' }))).toMatchObject({
      code: 'history-gap',
      details: {
        missing: `index 00000000, offset ${hex(from)} to ${hex(to)}`,
        before: new Date(must(history.points[0], 'four points').at).toISOString(),
      },
    });
  });
});

describe('a replica that litestream writes', () => {
  test('is listed and restored by us, over restarts of the WAL', async () => {
    const folder = await scratchFolder();
    await mkdir(join(folder, 'restored'));
    const path = join(folder, 'app.db');
    const database = new Database(path);
    database.pragma('journal_mode = WAL');
    database.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER, v BLOB)');
    const insert = database.prepare('INSERT INTO t(n, v) VALUES (?, ?)');
    const write = (n: number, rows: number) => {
      database.transaction(() => {
        for (let i = 0; i < rows; i++) insert.run(n, Buffer.alloc(3000, n + i));
      })();
    };
    write(0, 50);

    const target = openFolderTarget({ path: join(folder, 'replica') });
    const segments = async () =>
      (await target.list('generations/', { signal: calm }).catch(() => [])).flatMap(({ key }) => parseKey(key) ?? []);
    await using replicate = startProcess(litestream, ['replicate', path, target.url]);
    await until('litestream wrote a snapshot', async () => (await segments()).some(({ kind }) => kind === 'snapshot'));
    // More than its checkpoint threshold of 1,000 pages, so that it begins new indices.
    for (let n = 1; n <= 30; n++) {
      write(n, 60);
      await delay(20);
    }
    await until('litestream began another index', async () => (await segments()).some(({ index }) => index > 0));
    write(31, 5);
    const before = (await segments()).length;
    await until('litestream shipped the last commit', async () => (await segments()).length > before);
    replicate.child.kill('SIGINT');
    await replicate.ended;
    database.close();

    const listing = await listReplica(target, { now: Date.now(), signal: calm });
    expect(listing).toMatchObject({
      record: undefined,
      generations: [{ generation: listing.snapshots[0]?.generation }],
    });
    const output = join(folder, 'restored/out.db');
    const result = await restore({ target, output }, { kind: 'latest' });
    expect(result.proof).toMatchObject({ kind: 'image', check: 'quick_check ok' });
    const ours = contentOf(output);
    expect(ours.check).toBe('ok');
    expect(ours.rows).toEqual(contentOf(path).rows);
    expect(ours.rows).toHaveLength(50 + 30 * 60 + 5);
  });
});
