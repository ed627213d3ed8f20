// Reading an exact image of a live database while another process writes on; and its parts from plain files.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hashImage, layersAt } from '../../electron/engine/protection/read-image.ts';
import { hashPage } from '../../electron/engine/replica/state-hash.ts';
import { Connections } from '../../electron/engine/source/connections.ts';
import { type ImageSource, readImage } from '../../electron/engine/source/image.ts';
import { PagePlaces } from '../../electron/engine/source/page-places.ts';
import { LiveImages } from '../../electron/engine/source/live-image.ts';
import { type FrameSink, WalReader } from '../../electron/engine/source/wal-reader.ts';
import { Spool } from '../../electron/engine/spool/spool.ts';
import { startScript } from '../support/processes.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';
import { readTruth, type Truth } from '../support/truth.ts';

const pageSize = 4096;
let folder: TempFolder;
beforeEach(() => {
  folder = tempFolder();
});
afterEach(() => folder[Symbol.dispose]());

/** A database of a few megabytes that a writer goes on with. */
function makeDatabase(file: string): void {
  const database = new Database(file);
  database.pragma('journal_mode = wal');
  database.exec(
    'CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB); CREATE TABLE t_n(n INTEGER); INSERT INTO t_n VALUES (0)',
  );
  database.exec(
    'WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 5000) INSERT INTO t SELECT n, randomblob(700) FROM i',
  );
  database.close();
}

/** Keeps every frame in a spool and remembers where the last transaction ended. */
class Keeper implements FrameSink {
  readonly spool: Spool;
  readonly images = new LiveImages();
  at = { index: -1, offset: 0 };
  pages = 0;
  constructor(spool: Spool) {
    this.spool = spool;
  }
  begin(_header: unknown, bytes: Uint8Array): void {
    this.spool.begin(bytes);
  }
  append(bytes: Uint8Array, offset: number): void {
    this.spool.append(bytes, offset);
  }
  frame({ page, commitPages, endOffset }: Parameters<FrameSink['frame']>[0]): void {
    this.images.note(page, commitPages);
    if (commitPages === 0) return;
    this.at = { index: this.spool.index, offset: endOffset };
    this.pages = commitPages;
  }
}

test('an image equals the state at its place although a writer goes on and checkpoints', async () => {
  const file = folder.at('shop.db');
  makeDatabase(file);
  const truthFile = folder.at('truth');
  const truths = () =>
    fs
      .readFileSync(truthFile, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Truth);
  await using writer = startScript('writer.ts', [
    '--database',
    file,
    '--mode',
    'bulk',
    '--pause',
    '2',
    '--truth',
    truthFile,
  ]);
  await writer.printed('ready');
  await using connections = await Connections.open(file);
  using spool = Spool.create(folder.at('spool'), 0);
  using reader = new WalReader(file);
  const keeper = new Keeper(spool);
  const advance = () =>
    connections.pins.advance(async () => {
      expect(await reader.drain(() => connections.counts().frames, keeper)).toBe(true);
      await keeper.images.save(() => connections.pins.keep());
    });
  await until('something was captured', async () => {
    await advance();
    return keeper.at.offset > 0;
  });
  const before = truths().length;
  await advance();
  const { at, pages } = keeper;
  const image = keeper.images.open({ path: file, fd: connections.fd, pageSize, pages, folder: folder.path });
  image.describe(await layersAt(spool, { at, pageSize }));

  // While the image is read, the writer commits, and everything that may be checkpointed is.
  const output = fs.openSync(folder.at('image.db'), 'w');
  const { frames } = connections.counts();
  let backfilled = 0;
  let pieces = 0;
  for await (const { firstPage, bytes } of readImage(image, { signal: new AbortController().signal })) {
    fs.writeSync(output, bytes, 0, bytes.length, (firstPage - 1) * pageSize);
    const count = truths().length;
    await until('the writer went on', () => truths().length >= count + 5);
    await advance();
    backfilled = Math.max(backfilled, (await connections.checkpoint()).backfilled);
    pieces++;
  }
  fs.closeSync(output);
  image[Symbol.dispose]();
  await writer[Symbol.asyncDispose]();

  // The image is of the WAL mode that the database has; nothing lies beside it.
  const found = readTruth(folder.at('image.db'));
  const all = truths();
  const known = all.find(({ n }) => n === found.n);
  expect(found).toEqual({ n: known?.n, rows: known?.rows, digest: known?.digest });
  expect({
    isLater: found.n >= before,
    isPast: all.length > found.n + 10,
    isLong: pieces > 2,
    isOverwritten: backfilled > frames,
    isPinKept: connections.pins.isKeeping,
  }).toEqual({ isLater: true, isPast: true, isLong: true, isOverwritten: true, isPinKept: false });
  expect(fs.statSync(folder.at('image.db')).size % pageSize).toBe(0);
});

describe('readImage', () => {
  /** Three pages in the file, five in the image; the second page and the fourth lie in the spool. */
  function makeSource(): ImageSource {
    fs.writeFileSync(folder.at('file'), Buffer.concat(['a', 'b', 'c'].map((text) => Buffer.alloc(512, text))));
    fs.writeFileSync(folder.at('spool'), Buffer.concat(['#', 'B', 'D'].map((text) => Buffer.alloc(512, text))));
    const newest = new PagePlaces({ from: 512, stride: 512 });
    newest.set(2, 512);
    newest.set(4, 1024);
    return {
      fd: fs.openSync(folder.at('file'), 'r'),
      pageSize: 512,
      pages: 5,
      layers: [{ path: folder.at('spool'), newest }],
    };
  }
  const { signal } = new AbortController();

  async function collect(source: ImageSource): Promise<string> {
    let text = '';
    for await (const { bytes } of readImage(source, { signal })) {
      for (let at = 0; at < bytes.length; at += 512) text += String.fromCharCode(bytes[at] ?? 0).replace('\0', '0');
    }
    fs.closeSync(source.fd);
    return text;
  }

  test('takes each page from where its newest bytes lie; one that nobody wrote reads as zeros', async () => {
    expect(await collect(makeSource())).toBe('aBcD0');
  });

  test('ends with the size that is asked for, though the file is longer', async () => {
    expect(await collect({ ...makeSource(), pages: 1 })).toBe('a');
    expect(await collect({ ...makeSource(), pages: 0 })).toBe('');
  });

  test('needs no spool', async () => {
    expect(await collect({ ...makeSource(), layers: [] })).toBe('abc00');
  });

  test('gives whole pages, whatever their number, and its hashes are those of the pages', async () => {
    const pages = 5000;
    const bytes = Buffer.alloc(pages * 512);
    for (let page = 1; page <= pages; page++) bytes.writeUInt32BE(page, (page - 1) * 512);
    fs.writeFileSync(folder.at('large'), bytes);
    const fd = fs.openSync(folder.at('large'), 'r');
    const source: ImageSource = { fd, pageSize: 512, pages, layers: [] };
    const pieces: Uint8Array[] = [];
    for await (const piece of readImage(source, { signal })) {
      expect([piece.firstPage, piece.bytes.length % 512]).toEqual([
        1 + pieces.reduce((sum, { length }) => sum + length, 0) / 512,
        0,
      ]);
      pieces.push(piece.bytes.slice());
    }
    expect([pieces.length > 1, Buffer.concat(pieces).equals(bytes)]).toEqual([true, true]);
    const hashes = await hashImage(source, { signal, onProgress: () => {} });
    let state = 0n;
    for (let page = 1; page <= pages; page++) state ^= hashPage(page, bytes.subarray((page - 1) * 512, page * 512));
    expect([hashes.pages, hashes.state]).toEqual([pages, state]);
    fs.closeSync(fd);
  });

  test('stops with the reason of the abort', async () => {
    const abort = new AbortController();
    abort.abort(new Error('enough'));
    const source = makeSource();
    await expect(readImage(source, { signal: abort.signal }).next()).rejects.toThrow('enough');
    fs.closeSync(source.fd);
  });
});
