// What an earlier run left, read back and judged: page hashes brought to the spool's end, and how a history goes on.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { must } from '../../shared/assert.ts';
import type { Commit } from '../../electron/engine/replica/commit.ts';
import { CommitLog } from '../../electron/engine/spool/commits.ts';
import { changedPages, spoolComposed } from '../../electron/engine/protection/changes.ts';
import { decideContinuation, readRemains, type Remains } from '../../electron/engine/protection/continuity.ts';
import {
  forgetClean,
  noteBoot,
  noteClean,
  readClean,
  saveClean,
  saveNotes,
} from '../../electron/engine/spool/notes.ts';
import { hashPage } from '../../electron/engine/replica/state-hash.ts';
import { layersAt } from '../../electron/engine/protection/read-image.ts';
import { Connections } from '../../electron/engine/source/connections.ts';
import { type HashedAt, PageHashes } from '../../electron/engine/source/page-hashes.ts';
import { Spool } from '../../electron/engine/spool/spool.ts';
import type { Generation } from '../../shared/position.ts';
import { countRows, endOf, type GoldenWal, makeWal, readFrames } from '../support/golden-wal.ts';
import { openDatabaseHere } from '../support/application.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

const generation = '00000000000000aa' as Generation;
const golden = makeWal();
const { pageSize } = golden;
const frames = readFrames(golden);
const commits = frames.filter(({ commitPages }) => commitPages > 0);

let folder: TempFolder;
let spoolFolder: string;
beforeEach(() => {
  folder = tempFolder();
  spoolFolder = folder.at('spool');
  fs.mkdirSync(spoolFolder);
  noteBoot(spoolFolder, 'this start');
});
afterEach(() => folder[Symbol.dispose]());

const put = (index: number, bytes: Uint8Array) => fs.writeFileSync(`${spoolFolder}/0000000${index}.wal`, bytes);

/** Page hashes of a database's bytes, from scratch. */
function hashesOf(bytes: Uint8Array, size = pageSize): PageHashes {
  const hashes = new PageHashes(size);
  for (let page = 1; page <= bytes.length / size; page++) {
    hashes.set(page, hashPage(page, bytes.subarray((page - 1) * size, page * size)));
  }
  hashes.resize(bytes.length / size);
  return hashes;
}

/** The database file after SQLite itself replayed the WAL up to an end. */
function replayed({ database, bytes }: GoldenWal, end: number): Buffer {
  const file = folder.at('replayed.db');
  fs.writeFileSync(file, database);
  fs.writeFileSync(`${file}-wal`, bytes.subarray(0, end));
  new Database(file).exec('SELECT 1 FROM sqlite_schema; PRAGMA wal_checkpoint(TRUNCATE)').close();
  return fs.readFileSync(file);
}

/** Notes at a place of the golden WAL. */
async function save(
  at: HashedAt,
  { hashes = hashesOf(golden.database), log = new CommitLog(), mark = markAt(at.offset) } = {},
): Promise<void> {
  await saveNotes(spoolFolder, generation, { hashes, commits: log.encode(), at, mark });
}

const markAt = (offset: number) => (offset < 600 ? 0n : golden.bytes.readBigUInt64BE(offset - pageSize - 24 + 16));

async function read(
  timesIn: (index: number) => ReadonlyMap<number, number> = () => new Map(),
): Promise<Remains | undefined> {
  const remains = await readRemains(spoolFolder, { generation, notBefore: 0, boot: 'this start', timesIn });
  remains?.spool[Symbol.dispose]();
  return remains;
}

describe('readRemains', () => {
  test('brings page hashes from where they were saved to the spool’s end, telling every transaction', async () => {
    put(0, golden.bytes);
    await save({ index: 0, offset: 0 });
    const remains = await read();
    expect(remains?.hashes?.state).toBe(hashesOf(replayed(golden, golden.bytes.length)).state);
    expect(remains?.commits.between(0, 0, Infinity).map(({ offset, pages, state }) => [offset, pages, state])).toEqual(
      commits.map(({ endOffset, commitPages }) => [
        endOffset,
        commitPages,
        hashesOf(replayed(golden, endOffset)).state,
      ]),
    );
    expect([remains?.end?.frames, remains?.lastAt]).toEqual([
      frames.length,
      // A little later: a file's time may be behind the clock that transactions got theirs from.
      Math.floor(fs.statSync(`${spoolFolder}/00000000.wal`).mtimeMs) + 10,
    ]);
  });

  test('tells those that were saved once, and those behind them anew', async () => {
    put(0, golden.bytes);
    const [first, second] = commits;
    if (first === undefined || second === undefined) throw new Error('there are transactions');
    const log = new CommitLog();
    // The commits are saved before the hashes: one may lie behind the hashes' place.
    for (const { endOffset, commitPages } of [first, second]) {
      const commit: Commit = {
        index: 0,
        offset: endOffset,
        at: 7,
        state: 7n,
        pages: commitPages,
        written: 1,
        transactions: 3,
      };
      log.add(commit);
    }
    await save({ index: 0, offset: first.endOffset }, { hashes: hashesOf(replayed(golden, first.endOffset)), log });
    const remains = await read();
    expect(remains?.hashes?.state).toBe(hashesOf(replayed(golden, golden.bytes.length)).state);
    expect(remains?.commits.between(0, 0, Infinity).map(({ offset, transactions }) => [offset, transactions])).toEqual(
      commits.map(({ endOffset }, i) => [endOffset, i === 0 ? 3 : 1]),
    );
  });

  test('keeps the times that some target was told, and lets none run backwards', async () => {
    put(0, golden.bytes);
    put(1, golden.bytes);
    await save({ index: 0, offset: 0 });
    const ends = commits.map(({ endOffset }) => endOffset);
    const remains = await read((index) => new Map(index === 0 ? [[ends[1] ?? 0, 70]] : [[ends[0] ?? 0, 90]]));
    const late = remains?.lastAt ?? 0;
    expect(ends).toHaveLength(5);
    const times = (index: number) => remains?.commits.between(index, 0, Infinity).map(({ at }) => at);
    expect([times(0), times(1)]).toEqual([
      [70, 70, 90, 90, 90],
      [90, late, late, late, late],
    ]);
  });

  test('reads a generation that has no transaction yet', async () => {
    await save({ index: 0, offset: 0 });
    const remains = await read();
    expect([remains?.hashes?.state, remains?.spool.index, remains?.end]).toEqual([
      hashesOf(golden.database).state,
      -1,
      undefined,
    ]);
  });

  test.each<[string, () => unknown]>([
    ['nothing was saved', () => {}],
    [
      'the hashes are damaged',
      async () => {
        await save({ index: 0, offset: 0 });
        fs.truncateSync(`${spoolFolder}/hashes`, 50);
      },
    ],
    [
      'the spool ends before the hashes',
      async () => {
        put(0, golden.bytes.subarray(0, endOf(4, pageSize)));
        await save({ index: 0, offset: golden.bytes.length });
      },
    ],
    [
      'the hashes are those of another WAL',
      async () => await save({ index: 0, offset: commits[0]?.endOffset ?? 0 }, { mark: 7n }),
    ],
    ['the index of the hashes is gone', async () => await save({ index: 2, offset: 0 })],
    [
      'the index after the hashes is gone',
      async () => (put(1, golden.bytes), put(3, golden.bytes), await save({ index: 3, offset: 600 })),
    ],
  ])('has the spool alone where %s', async (_what, make) => {
    put(0, golden.bytes);
    await make();
    const remains = await read();
    expect([remains === undefined, remains?.hashes, remains?.commits.last]).toEqual([false, undefined, undefined]);
  });

  test('gives up where neither is left', async () => {
    expect(await read()).toBe(undefined);
    await save({ index: 2, offset: golden.bytes.length });
    expect(await read()).toBe(undefined);
  });

  test('does without the note of a clean stop where it is half-written', async () => {
    await save({ index: 0, offset: 0 });
    fs.writeFileSync(`${spoolFolder}/clean.json`, '{"index": 0');
    expect((await read())?.clean).toBe(undefined);
  });
});

describe('changedPages', () => {
  const of = (...pages: readonly number[]) =>
    hashesOf(Buffer.concat(pages.map((byte) => Buffer.alloc(512, byte))), 512);
  test.each<[string, PageHashes, PageHashes, readonly number[]]>([
    ['nothing', of(1, 2), of(1, 2), []],
    ['one page', of(1, 2, 3), of(1, 9, 3), [2]],
    ['pages that are new', of(1), of(1, 2, 3), [2, 3]],
    ['a smaller database', of(1, 2, 3), of(1, 2), [1]],
    ['a smaller database with a page changed', of(1, 2, 3), of(1, 9), [2]],
    ['a page of zeros that is new', of(1), of(1, 0), [2]],
  ])('%s', async (_what, before, after, expected) => {
    expect(await changedPages(before, after)).toEqual(expected);
  });
});

describe('going on', () => {
  let app: Database.Database;
  let file: string;
  beforeEach(() => {
    file = folder.at('shop.db');
    app = openDatabaseHere(file, 'CREATE TABLE t(v); INSERT INTO t VALUES (1)', { checkpoints: false });
  });
  afterEach(() => app.close());

  /** What a run leaves that captured everything up to now. */
  async function leave(): Promise<Remains> {
    put(0, fs.readFileSync(`${file}-wal`));
    await save({ index: 0, offset: 0 }, { hashes: new PageHashes(4096) });
    const remains = await read();
    if (remains === undefined) throw new Error('everything is there');
    return remains;
  }
  const decide = async (remains: Remains) => {
    await using connections = await Connections.open(file);
    const { fd } = connections;
    return decideContinuation({ fd, connections, file }, remains);
  };
  /** The remains with a note of a clean stop, taken now. */
  async function stopCleanly(remains: Remains): Promise<Remains> {
    const fd = fs.openSync(file, 'r');
    const clean = noteClean(remains.spool.end, fd);
    fs.closeSync(fd);
    await saveClean(spoolFolder, must(clean, 'times are fine'));
    return { ...remains, clean: readClean(spoolFolder) };
  }
  const restart = () => app.pragma('wal_checkpoint(TRUNCATE)');

  test('is in the same WAL where it still holds what was captured last', async () => {
    const remains = await leave();
    expect(await decide(remains)).toEqual({ kind: 'same-wal', end: remains.end, hashes: remains.hashes });
    app.exec('INSERT INTO t VALUES (2)');
    expect(await decide(remains)).toEqual({ kind: 'same-wal', end: remains.end, hashes: remains.hashes });
  });

  test('compares pages where the WAL restarted, and with a note of a clean stop that is not true any more', async () => {
    const remains = await leave();
    restart();
    expect(await decide(remains)).toMatchObject({ kind: 'compare' });
    const stopped = await stopCleanly(remains);
    // All of what came since lies in the WAL: it is the next index.
    app.exec('INSERT INTO t VALUES (2)');
    expect(await decide(stopped)).toMatchObject({ kind: 'untouched' });
    app.pragma('wal_checkpoint(PASSIVE)');
    expect(await decide(stopped)).toMatchObject({ kind: 'compare' });
    restart();
    expect(await decide(stopped)).toMatchObject({ kind: 'compare' });
  });

  test('needs nothing where nobody wrote since a clean stop', async () => {
    const remains = await leave();
    restart();
    const stopped = await stopCleanly(remains);
    expect(await decide(stopped)).toMatchObject({ kind: 'untouched' });
    const elsewhere = { ...stopped, clean: stopped.clean && { ...stopped.clean, offset: 32 } };
    expect(await decide(elsewhere)).toMatchObject({ kind: 'compare' });
    forgetClean(spoolFolder);
    forgetClean(spoolFolder);
    expect((await read())?.clean).toBe(undefined);
  });

  test('needs nothing either where nothing was captured before the clean stop', async () => {
    restart();
    await save({ index: 0, offset: 0 }, { hashes: new PageHashes(4096) });
    const remains = must(await read(), 'it was saved');
    expect(await decide(remains)).toMatchObject({ kind: 'compare' });
    expect(await decide(await stopCleanly(remains))).toMatchObject({ kind: 'untouched' });
  });

  test('builds the hashes again only where the WAL goes on and no other index waits', async () => {
    const remains = await leave();
    const lost = { ...remains, hashes: undefined };
    expect(await decide(lost)).toEqual({ kind: 'rehash', end: remains.end });
    put(1, fs.readFileSync(`${file}-wal`));
    const more = await read();
    if (more === undefined) throw new Error('the spool is there');
    const reason = 'What Tidemark had noted about the database was lost or damaged';
    expect(await decide({ ...more, hashes: undefined })).toEqual({ kind: 'new-generation', reason });
    restart();
    expect(await decide(lost)).toEqual({ kind: 'new-generation', reason });
  });

  test('begins anew where the page size was changed', async () => {
    const remains = await leave();
    expect(await decide({ ...remains, hashes: new PageHashes(512) })).toEqual({
      kind: 'new-generation',
      reason: 'The page size of the database was changed',
    });
  });

  test('composes an index that SQLite replays to the present state', async () => {
    // The former state, as a file; then changes in the database file and in the WAL.
    restart();
    const before = fs.readFileSync(file);
    app.exec('INSERT INTO t SELECT randomblob(3000) FROM (VALUES (1), (2), (3))');
    restart();
    app.exec('INSERT INTO t SELECT randomblob(3000) FROM (VALUES (1), (2))');
    using spool = Spool.create(folder.at('composed'), 4);
    const index = spool.reserve();
    const wal = fs.readFileSync(`${file}-wal`);
    spool.begin(wal.subarray(0, 32));
    spool.append(wal.subarray(32), 32);
    await using connections = await Connections.open(file);
    const at = { index: spool.index, offset: spool.offset };
    const pages = readFrames({ bytes: wal, pageSize: 4096 }).findLast(
      ({ commitPages }) => commitPages > 0,
    )?.commitPages;
    const request = { at, pageSize: 4096 };
    const changed = Array.from({ length: pages ?? 0 }, (_, i) => i + 1);
    const { fd } = connections;
    const image = { fd, pageSize: 4096, pages: pages ?? 0, layers: await layersAt(spool, request) };
    const told: unknown[] = [];
    const { signal } = new AbortController();
    const onWhole = async (whole: unknown) => {
      told.push(whole, fs.existsSync(spool.pathOf(index)));
      await Promise.resolve();
    };
    const end = await spoolComposed(image, { spool, index, changed, signal, onWhole });
    expect(told).toEqual([end, false]);
    const bytes = fs.readFileSync(spool.pathOf(index));
    expect(end).toEqual({ index, offset: bytes.length });
    expect(countRows({ database: before, bytes })).toBe(6);
    const composed = readFrames({ bytes, pageSize: 4096 });
    expect(composed.map(({ page, commitPages }) => [page, commitPages])).toEqual(
      changed.map((page) => [page, page === image.pages ? image.pages : 0]),
    );
    const elsewhere = await layersAt(spool, { ...request, at: { index: index + 9, offset: 0 } });
    expect([image.layers.length, elsewhere]).toEqual([1, []]);
  });
});
