// The spool of one generation: captured frames as local files, one per index, byte for byte what the WAL held.
// The tail is the captured position: the WAL's own checksum chain proves it after a crash, so no separate position file
// can disagree with it. Knows nothing of targets; who may remove what is protection.ts.
import fs from 'node:fs';
import path from 'node:path';
import { AppError, codeOf, reasonOf } from '../../shared/errors.ts';
import { formatHex8 } from '../../shared/position.ts';
import { readFully, type WalEnd } from './source/wal-reader.ts';
import { frameBytes, parseWalHeader, scanFrames, startChain, type WalHeader, walHeaderBytes } from './source/wal.ts';

const chunkBytes = 1024 * 1024;
/** What a run that was killed left of an index that it composed. */
const unfinished = /\.tmp$/;

/** One index in the spool. */
export interface SpoolFile {
  readonly index: number;
  /** Bytes up to the last whole transaction; 0 while there is none. */
  readonly bytes: number;
}

export class Spool implements Disposable {
  readonly folder: string;
  readonly #sizes = new Map<number, number>();
  /** Indices that go on with the WAL of the one before. */
  readonly #rolled = new Set<number>();
  /** Indices with something that a power cut may lose. */
  readonly #unsynced = new Set<number>();
  #fd: number | undefined;
  #index: number;

  private constructor(folder: string, sizes: ReadonlyMap<number, number>, index: number) {
    this.folder = folder;
    for (const [at, bytes] of sizes) {
      this.#sizes.set(at, bytes);
      this.#unsynced.add(at);
    }
    this.#index = index;
  }

  /** An empty spool whose first WAL becomes `index`. */
  static create(folder: string, index: number): Spool {
    fs.mkdirSync(folder, { recursive: true });
    return new Spool(folder, new Map(), index - 1);
  }

  /**
   * Opens what an earlier run left. Cuts the newest file behind its last whole transaction; `end` is where reading the WAL
   * may go on. Undefined when there is nothing usable. What lies behind `through` is removed first.
   */
  static async recover(
    folder: string,
    through?: { readonly index: number; readonly offset: number },
  ): Promise<{ readonly spool: Spool; readonly end: WalEnd | undefined; readonly writtenAt: number } | undefined> {
    const sizes = new Map<number, number>();
    for (const name of listSpoolFiles(folder)) {
      const file = path.join(folder, name);
      if (unfinished.test(name)) fs.rmSync(file, { force: true });
      else sizes.set(Number.parseInt(name, 16), fs.statSync(file).size);
    }
    if (through !== undefined) cutBehind(folder, sizes, through);
    const newest = keepContiguous(folder, sizes);
    if (newest === undefined) return undefined;
    const file = path.join(folder, `${formatHex8(newest)}.wal`);
    const writtenAt = fs.statSync(file).mtimeMs;
    const found = await findCommittedEnd(file);
    if (found === undefined) {
      // Not even one whole transaction: as if this WAL had never begun.
      fs.rmSync(file);
      sizes.delete(newest);
      return { spool: new Spool(folder, sizes, newest - 1), end: undefined, writtenAt };
    }
    if (found.bytes < (sizes.get(newest) ?? 0)) await fs.promises.truncate(file, found.bytes);
    sizes.set(newest, found.bytes);
    return { spool: new Spool(folder, sizes, newest), end: found.end, writtenAt };
  }

  /** The index that is being written; one less than the first while nothing was captured. */
  get index(): number {
    return this.#index;
  }

  /** Bytes of the index that is being written. */
  get offset(): number {
    return this.#sizes.get(this.#index) ?? 0;
  }

  /** Bytes on disk. */
  get totalBytes(): number {
    return [...this.#sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Every index, ascending. */
  files(): readonly SpoolFile[] {
    return [...this.#sizes].map(([index, bytes]) => ({ index, bytes })).sort((a, b) => a.index - b.index);
  }

  /** The indices up to `index` that hold frames of the same WAL, ascending; none where the spool does not have it. */
  filesOfWal(index: number): readonly SpoolFile[] {
    const files: SpoolFile[] = [];
    for (let at = index; ; at--) {
      const bytes = this.#sizes.get(at);
      if (bytes === undefined) return files;
      files.unshift({ index: at, bytes });
      if (!this.#rolled.has(at)) return files;
    }
  }

  /** Bytes of one index; undefined where the spool does not have it. */
  sizeOf(index: number): number | undefined {
    return this.#sizes.get(index);
  }

  /**
   * A WAL begins: opens the next index with its header. `isRolled`: it goes on with the WAL of the index before. Fails with
   * `spool-full` and stays where it was.
   */
  begin(headerBytes: Uint8Array, isRolled = false): void {
    const index = this.#index + 1;
    const file = this.pathOf(index);
    let fd: number | undefined;
    try {
      fd = fs.openSync(file, 'w+');
      writeFully(fd, headerBytes, 0);
    } catch (error) {
      if (fd !== undefined) fs.closeSync(fd);
      fs.rmSync(file, { force: true });
      throw classifySpoolError(error, this.folder);
    }
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = fd;
    this.#index = index;
    if (isRolled) this.#rolled.add(index);
    this.#sizes.set(index, headerBytes.length);
    this.#unsynced.add(index);
  }

  /** Keeps frames at their offset. Fails with `spool-full`; what was there before stays good. */
  append(bytes: Uint8Array, offset: number): void {
    try {
      this.#fd ??= fs.openSync(this.pathOf(this.#index), 'r+');
      writeFully(this.#fd, bytes, offset);
    } catch (error) {
      throw classifySpoolError(error, this.folder);
    }
    this.#sizes.set(this.#index, offset + bytes.length);
    this.#unsynced.add(this.#index);
  }

  /** Leaves one index free below the next WAL, for {@link writeIndex}. */
  reserve(): number {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
    this.#index++;
    return this.#index;
  }

  /**
   * Writes an index that is not read from a WAL, published whole: when all pieces are on the disk and `onWhole`, told the
   * size, has done its part. Returns the size.
   */
  async writeIndex(
    index: number,
    pieces: AsyncIterable<Uint8Array>,
    onWhole: (size: number) => Promise<void> = async () => {},
  ): Promise<number> {
    const file = this.pathOf(index);
    let size = 0;
    try {
      const handle = await fs.promises.open(`${file}.tmp`, 'w');
      try {
        for await (const piece of pieces) {
          await handle.appendFile(piece);
          size += piece.length;
        }
        await handle.sync();
      } finally {
        await handle.close();
      }
      await onWhole(size);
      await fs.promises.rename(`${file}.tmp`, file);
    } catch (error) {
      await fs.promises.rm(`${file}.tmp`, { force: true }).catch(() => {});
      throw classifySpoolError(error, this.folder);
    }
    this.#sizes.set(index, size);
    return size;
  }

  /** Brings everything that was written to the disk, where a power cut does not lose it. */
  async sync(): Promise<void> {
    // What is written meanwhile waits for the next time.
    const written = [...this.#unsynced];
    for (const index of written) {
      this.#unsynced.delete(index);
      if (!this.#sizes.has(index)) continue;
      try {
        const handle = await fs.promises.open(this.pathOf(index), 'r+');
        try {
          await handle.datasync();
        } finally {
          await handle.close();
        }
      } catch (error) {
        if (!this.#sizes.has(index)) continue;
        this.#unsynced.add(index);
        throw classifySpoolError(error, this.folder);
      }
    }
  }

  /** The running checksum of the frame that ends at a place; 0 at an index's start. Undefined where no frame ends there. */
  markAt({ index, offset }: { readonly index: number; readonly offset: number }): bigint | undefined {
    if (offset === 0) return 0n;
    if (offset > (this.#sizes.get(index) ?? 0)) return undefined;
    const fd = fs.openSync(this.pathOf(index), 'r');
    try {
      const head = new Uint8Array(walHeaderBytes);
      readFully(fd, head, 0);
      const size = frameBytes(parseWalHeader(head)?.pageSize ?? 0);
      if (offset < walHeaderBytes + size || (offset - walHeaderBytes) % size !== 0) return undefined;
      const mark = new Uint8Array(8);
      readFully(fd, mark, offset - size + 16);
      return new DataView(mark.buffer).getBigUint64(0);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Streams bytes `[from, to)` of an index. A chunk is overwritten once the next one is asked for. */
  *read(index: number, range: { readonly from: number; readonly to: number }): Generator<Uint8Array> {
    const fd = fs.openSync(this.pathOf(index), 'r');
    try {
      const buffer = new Uint8Array(Math.max(0, Math.min(chunkBytes, range.to - range.from)));
      for (let at = range.from; at < range.to;) {
        const chunk = buffer.subarray(0, range.to - at);
        const got = readFully(fd, chunk, at);
        if (got < chunk.length) throw new Error(`spool file ${formatHex8(index)} ends at ${at + got}, not ${range.to}`);
        yield chunk;
        at += got;
      }
    } finally {
      fs.closeSync(fd);
    }
  }

  /**
   * Visits every frame before `to` of an index, in order, with its page and where its page data lies in the file. Reads in
   * pieces, off the event loop.
   */
  async visitFrames(
    index: number,
    range: { readonly from: number; readonly to: number },
    visit: (frame: SpooledFrame) => void,
  ): Promise<void> {
    const file = await fs.promises.open(this.pathOf(index), 'r');
    try {
      const head = new Uint8Array(walHeaderBytes);
      await readInto(file, head, 0);
      const header = parseWalHeader(head);
      if (header === undefined) throw new Error(`spool file ${formatHex8(index)} has no WAL header`);
      await visitFile(file, { header, ...range }, visit);
    } finally {
      await file.close();
    }
  }

  /** Removes every index below `index`, but for those of the WAL that is being written: images need them. */
  removeBelow(index: number): void {
    const needed = this.filesOfWal(this.#index)[0]?.index ?? index;
    for (const at of this.#sizes.keys()) {
      if (at >= Math.min(index, needed)) continue;
      fs.rmSync(this.pathOf(at), { force: true });
      this.#sizes.delete(at);
    }
  }

  pathOf(index: number): string {
    return path.join(this.folder, `${formatHex8(index)}.wal`);
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
  }
}

export interface SpooledFrame {
  readonly page: number;
  /** Valid during the call only. */
  readonly data: Uint8Array;
  /** Where `data` lies in the file. */
  readonly dataOffset: number;
  readonly commitPages: number;
  readonly endOffset: number;
}

async function visitFile(
  file: fs.promises.FileHandle,
  { header, from, to }: { readonly header: WalHeader; readonly from: number; readonly to: number },
  visit: (frame: SpooledFrame) => void,
): Promise<void> {
  const size = frameBytes(header.pageSize);
  const buffer = new Uint8Array(Math.max(1, Math.floor(chunkBytes / size)) * size);
  const view = new DataView(buffer.buffer);
  for (let at = Math.max(from, walHeaderBytes); at + size <= to;) {
    const got = await readInto(file, buffer.subarray(0, Math.min(buffer.length, to - at)), at);
    const frames = Math.floor(got / size);
    if (frames === 0) throw new Error(`spool file ends at ${at + got}, not ${to}`);
    for (let i = 0; i < frames; i++) {
      const start = i * size;
      visit({
        page: view.getUint32(start),
        data: buffer.subarray(start + 24, start + size),
        dataOffset: at + start + 24,
        commitPages: view.getUint32(start + 4),
        endOffset: at + start + size,
      });
    }
    at += frames * size;
  }
}

/** Walks the chain of a spool file from its header on; undefined when it holds no whole transaction. */
async function findCommittedEnd(place: string): Promise<{ readonly bytes: number; readonly end: WalEnd } | undefined> {
  const file = await fs.promises.open(place, 'r');
  try {
    const head = new Uint8Array(walHeaderBytes);
    await readInto(file, head, 0);
    const header = parseWalHeader(head);
    if (header === undefined) return undefined;
    const size = frameBytes(header.pageSize);
    const buffer = new Uint8Array(Math.max(1, Math.floor(chunkBytes / size)) * size);
    const chain = startChain(header);
    let frames = 0;
    let committed: WalEnd | undefined;
    for (;;) {
      const before = { ...chain };
      const framesBefore = frames;
      const got = await readInto(file, buffer, walHeaderBytes + frames * size);
      let last = 0;
      let seen = 0;
      const good = scanFrames(chain, buffer.subarray(0, got), (_at, _page, commitPages) => {
        seen++;
        if (commitPages > 0) last = seen;
      });
      frames += seen;
      if (last > 0) {
        // The chain at the last commit: walk this piece once more up to there.
        scanFrames(before, buffer.subarray(0, last * size), () => {});
        committed = { chain: before, frames: framesBefore + last };
      }
      if (good < buffer.length) break;
    }
    return committed && { bytes: walHeaderBytes + committed.frames * size, end: committed };
  } finally {
    await file.close();
  }
}

/** An index that is missing makes everything behind it unusable; removes that and returns the newest that is left. */
function keepContiguous(folder: string, sizes: Map<number, number>): number | undefined {
  const sorted = [...sizes.keys()].sort((a, b) => a - b);
  const first = sorted[0];
  if (first === undefined) return undefined;
  const end = sorted.findIndex((index, i) => index !== first + i);
  const lost = end === -1 ? [] : sorted.slice(end);
  for (const index of lost) {
    fs.rmSync(path.join(folder, `${formatHex8(index)}.wal`), { force: true });
    sizes.delete(index);
  }
  return end === -1 ? sorted.at(-1) : sorted[end - 1];
}

/** Removes what lies behind a place. */
function cutBehind(
  folder: string,
  sizes: Map<number, number>,
  { index, offset }: { readonly index: number; readonly offset: number },
): void {
  for (const [at, bytes] of sizes) {
    const file = path.join(folder, `${formatHex8(at)}.wal`);
    if (at > index || (at === index && offset === 0)) {
      fs.rmSync(file, { force: true });
      sizes.delete(at);
    } else if (at === index && bytes > offset) {
      fs.truncateSync(file, offset);
      sizes.set(at, offset);
    }
  }
}

function listSpoolFiles(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder).filter((name) => /^[0-9a-f]{8}\.wal(\.tmp)?$/.test(name));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Reads until `into` is full or the file ends; returns the bytes read. */
async function readInto(file: fs.promises.FileHandle, into: Uint8Array, position: number): Promise<number> {
  let got = 0;
  while (got < into.length) {
    const { bytesRead } = await file.read(into, got, into.length - got, position + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return got;
}

function writeFully(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}

/** What it means that a file beside the spool cannot be written. */
export function classifySpoolError(error: unknown, folder: string): AppError {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return new AppError('spool-full', { path: folder }, { cause: error });
  return new AppError('data-folder-unusable', { path: folder, reason: reasonOf(error) }, { cause: error });
}
