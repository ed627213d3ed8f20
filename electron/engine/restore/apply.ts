// Builds the restored database: newest index first, each page written once (a bitmap remembers), the snapshot's pages
// last, then the length that the last commit says. SQLite need not replay anything, and nothing here grows with the size
// of the database but one bit per page and four bytes per frame of one index.
import { constants, writevSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { must } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import { noFollow } from '../basics/files.ts';
import { isPageSize, smallestPageSize } from '../replica/bounds.ts';
import {
  frameBytes,
  frameHeaderBytes,
  parseWalHeader,
  scanFrames,
  startChain,
  walHeaderBytes,
} from '../replica/wal.ts';
import type { FetchedIndex } from './fetch.ts';

const chunkBytes = 1 << 20;
const smallRunBytes = 1 << 16;

/** What was built. */
export interface Built {
  readonly pageSize: number;
  /** Size of the database, in pages. */
  readonly pages: number;
  /** Pages that came from segments rather than from the snapshot. */
  readonly newerPages: number;
}

/** An index whose frames up to the cut have proved themselves. */
interface ScannedIndex {
  readonly pageSize: number;
  /** Page number of each frame up to the last commit. */
  readonly frames: Uint32Array;
  /** Size of the database after the last commit, in pages; undefined without a commit. */
  readonly pages: number | undefined;
}

/**
 * Writes the database into the empty file at `path`. `cut` is the offset in the newest index behind which nothing counts.
 * Throws `object-damaged`, naming the segment where a WAL's checksum chain breaks.
 */
export async function applyHistory(options: {
  readonly path: string;
  readonly indices: readonly FetchedIndex[];
  readonly cut: number | undefined;
  /** `mostPages`: more are not in it. */
  readonly snapshot: {
    readonly key: string;
    readonly content: AsyncIterable<Uint8Array>;
    readonly mostPages: number;
  };
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}): Promise<Built> {
  const { path, indices, snapshot, onBytes, signal } = options;
  const output = await open(path, constants.O_RDWR | noFollow);
  try {
    const writer = new PageWriter(output, await mostPagesOf(options));
    for (const [i, index] of indices.toReversed().entries()) {
      signal.throwIfAborted();
      const wal = await open(index.path, 'r');
      try {
        const scanned = await scanIndex(wal, index, i === 0 ? options.cut : undefined, signal);
        if (scanned.pages !== undefined) writer.begin(scanned.pageSize, scanned.pages, keyAt(index, 0));
        if (writer.isBegun) await writeNewest(wal, scanned, { writer, onBytes, signal });
      } finally {
        await wal.close();
      }
    }
    const newerPages = writer.count;
    await writeSnapshot(snapshot, { writer, onBytes, signal });
    const { pageSize, pages } = writer;
    await output.truncate(pages * pageSize);
    return { pageSize, pages, newerPages };
  } finally {
    await output.close();
  }
}

/**
 * What the database can have of pages at the most: each was in the image, or was written since; the one of SQLite's lock was not.
 * What a commit says beyond that would only make an empty file of terabytes.
 */
async function mostPagesOf({
  indices,
  snapshot,
}: {
  readonly indices: readonly FetchedIndex[];
  readonly snapshot: { readonly mostPages: number };
}): Promise<number> {
  const sizes = await Promise.all(indices.map(async (index) => (await stat(index.path)).size));
  return sizes.reduce((sum, size) => sum + Math.ceil(size / frameBytes(smallestPageSize)), snapshot.mostPages + 1);
}

/** Reads an index from its header on and verifies every frame up to the cut. */
async function scanIndex(
  wal: FileHandle,
  index: FetchedIndex,
  cut: number | undefined,
  signal: AbortSignal,
): Promise<ScannedIndex> {
  const { size } = await wal.stat();
  const end = cut ?? size;
  if (end > size) throw broken(index, end, `it ends before offset ${end}`);
  const header = parseWalHeader(await readExactly(wal, 0, walHeaderBytes));
  if (header === undefined) throw broken(index, 0, 'it does not begin with a sound WAL header');
  const { pageSize } = header;
  const step = frameBytes(pageSize);
  const frames = new Uint32Array(Math.floor((end - walHeaderBytes) / step));
  const chain = startChain(header);
  let count = 0;
  let committed = 0;
  let pages: number | undefined;
  const perChunk = Math.max(1, Math.floor(chunkBytes / step)) * step;
  const buffer = new Uint8Array(Math.min(perChunk, Math.max(0, end - walHeaderBytes)));
  for (let at = walHeaderBytes; at < end; at += perChunk) {
    signal.throwIfAborted();
    const expected = Math.min(perChunk, end - at);
    const bytes = await readInto(wal, at, buffer.subarray(0, expected));
    if (bytes.length < expected) throw broken(index, end, `it ends before offset ${end}`);
    const good = scanFrames(chain, bytes, (_at, page, commitPages) => {
      frames[count++] = page;
      if (commitPages === 0) return;
      committed = count;
      pages = commitPages;
    });
    if (good < bytes.length) {
      throw broken(index, at + good, `the WAL’s checksum chain breaks at offset ${at + good}`);
    }
  }
  return { pageSize, frames: frames.subarray(0, committed), pages };
}

interface Writing {
  readonly writer: PageWriter;
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** Writes the newest version of each page that no newer index had, reading the index from its end. */
async function writeNewest(
  wal: FileHandle,
  scanned: ScannedIndex,
  { writer, onBytes, signal }: Writing,
): Promise<void> {
  const { frames, pageSize } = scanned;
  const step = frameBytes(pageSize);
  const perChunk = Math.max(1, Math.floor(chunkBytes / step));
  const buffer = new Uint8Array(Math.min(perChunk, frames.length) * step);
  for (let end = frames.length; end > 0; end -= perChunk) {
    signal.throwIfAborted();
    const start = Math.max(0, end - perChunk);
    const wanted: number[] = [];
    for (let i = end - 1; i >= start; i--) if (writer.claim(frames[i] ?? 0)) wanted.push(i);
    if (wanted.length === 0) continue;
    const bytes = await readInto(wal, walHeaderBytes + start * step, buffer.subarray(0, (end - start) * step));
    const found = wanted.map((i) => {
      const at = (i - start) * step + frameHeaderBytes;
      return { page: frames[i] ?? 0, data: bytes.subarray(at, at + pageSize) };
    });
    await writer.write(found);
    onBytes(found.length * pageSize);
  }
}

/** Writes the snapshot's pages that nothing newer replaced. */
async function writeSnapshot(
  snapshot: { readonly key: string; readonly content: AsyncIterable<Uint8Array> },
  { writer, onBytes, signal }: Writing,
): Promise<void> {
  const { key } = snapshot;
  let rest: Uint8Array = new Uint8Array(0);
  let page = 1;
  for await (const chunk of snapshot.content) {
    signal.throwIfAborted();
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (page === 1 && bytes.length < 20) {
      rest = new Uint8Array(bytes);
      continue;
    }
    if (page === 1) writer.beginImage(pageSizeOf(bytes, key), key);
    const { pageSize } = writer;
    const found: Pages[] = [];
    let at = 0;
    for (let from = 0; at + pageSize <= bytes.length; at += pageSize, page++) {
      const isWanted = writer.claim(page);
      const isLast = at + 2 * pageSize > bytes.length;
      const to = isWanted ? at + pageSize : at;
      if ((!isWanted || isLast) && to > from) {
        found.push({ page: page - (at - from) / pageSize, data: bytes.subarray(from, to) });
      }
      if (!isWanted) from = at + pageSize;
    }
    await writer.write(found);
    onBytes(found.reduce((sum, { data }) => sum + data.length, 0));
    // The chunk is its owner's again once the next one is asked for.
    rest = new Uint8Array(bytes.subarray(at));
  }
  if (rest.length > 0 || page === 1) {
    throw new AppError('object-damaged', { key, reason: 'it does not hold whole pages of a database' });
  }
  writer.endImage(page - 1);
}

/** Neighbouring pages, from `page` on. */
interface Pages {
  readonly page: number;
  readonly data: Uint8Array;
}

/** Writes pages into the database file, each one once. */
class PageWriter {
  readonly #output: FileHandle;
  #pageSize: number | undefined;
  /** Undefined while only a snapshot is written: it has as many pages as it has. */
  #pages: number | undefined;
  #written = new Uint8Array(0);
  #count = 0;
  readonly #mostPages: number;

  constructor(output: FileHandle, mostPages: number) {
    this.#output = output;
    this.#mostPages = mostPages;
  }

  get isBegun(): boolean {
    return this.#pageSize !== undefined;
  }

  get pageSize(): number {
    return must(this.#pageSize, 'an index or the snapshot told it');
  }

  get pages(): number {
    return must(this.#pages, 'an index or the snapshot told it');
  }

  /** Pages claimed so far. */
  get count(): number {
    return this.#count;
  }

  /** An index was read: the newest one says how large the database is, the others must agree on the page size. */
  begin(pageSize: number, pages: number, key: string): void {
    this.#agree(pageSize, key);
    if (this.#pages !== undefined) return;
    if (pages > this.#mostPages) {
      throw new AppError('object-damaged', { key, reason: `it tells of a database of ${pages} pages` });
    }
    this.#pages = pages;
    this.#written = new Uint8Array((pages >>> 3) + 1);
  }

  beginImage(pageSize: number, key: string): void {
    this.#agree(pageSize, key);
  }

  endImage(pages: number): void {
    this.#pages ??= pages;
  }

  /** True the first time that a page of the database is asked for. */
  claim(page: number): boolean {
    if (this.#pages === undefined) return true;
    const bit = 1 << (page & 7);
    const held = this.#written[page >>> 3] ?? 0xff;
    if (page === 0 || page > this.#pages || (held & bit) !== 0) return false;
    this.#written[page >>> 3] = held | bit;
    this.#count++;
    return true;
  }

  /** Writes pages, neighbours in one go. */
  async write(found: readonly Pages[]): Promise<void> {
    const { pageSize } = this;
    const sorted = [...found].sort((a, b) => a.page - b.page);
    let run: Uint8Array[] = [];
    let position = 0;
    let end = -1;
    for (const { page, data } of sorted) {
      const start = (page - 1) * pageSize;
      if (start !== end) {
        await this.#writeRun(run, position);
        run = [];
        position = start;
      }
      run.push(data);
      end = start + data.length;
    }
    await this.#writeRun(run, position);
    await nextTurn();
  }

  async #writeRun(run: readonly Uint8Array[], position: number): Promise<void> {
    if (run.length === 0) return;
    const expected = run.reduce((sum, { length }) => sum + length, 0);
    // A few scattered pages are written faster than a thread of the pool is asked to.
    const bytesWritten =
      expected <= smallRunBytes
        ? writevSync(this.#output.fd, run, position)
        : (await this.#output.writev(run, position)).bytesWritten;
    if (bytesWritten === expected) return;
    // A short write (a nearly full disk, a very long run): the rest in one piece, until it is done or fails.
    const rest = Buffer.concat(run);
    for (let at = bytesWritten; at < expected;) {
      at += (await this.#output.write(rest, at, expected - at, position + at)).bytesWritten;
    }
  }

  #agree(pageSize: number, key: string): void {
    if (this.#pageSize !== undefined && this.#pageSize !== pageSize) {
      throw new AppError('object-damaged', { key, reason: `its page size is ${pageSize}, not ${this.#pageSize}` });
    }
    this.#pageSize = pageSize;
  }
}

/** The page size in a database's header: https://www.sqlite.org/fileformat2.html#page_size. */
function pageSizeOf(image: Uint8Array, key: string): number {
  const stored = ((image[16] ?? 0) << 8) | (image[17] ?? 0);
  const pageSize = stored === 1 ? 65_536 : stored;
  if (isPageSize(pageSize)) return pageSize;
  throw new AppError('object-damaged', {
    key,
    reason: `it is not the image of a database: its page size is ${pageSize}`,
  });
}

/** The error for a WAL that is wrong at an offset, naming the segment that holds it. */
function broken(index: FetchedIndex, offset: number, reason: string): AppError {
  return new AppError('object-damaged', { key: keyAt(index, offset), reason });
}

function keyAt(index: FetchedIndex, offset: number): string {
  const segment = index.segments.findLast(({ object }) => object.offset <= offset) ?? index.segments[0];
  return must(segment, 'an index is fetched for its segments').object.key;
}

/** Reads a range as a buffer of its own (aligned, as the WAL scanner wants it); shorter only at the end of the file. */
async function readExactly(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  return await readInto(file, position, new Uint8Array(length));
}

/** The same into a buffer that is there: collecting garbage alone would let hundreds of them pile up. */
async function readInto(file: FileHandle, position: number, bytes: Uint8Array): Promise<Uint8Array> {
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
