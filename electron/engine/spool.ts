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

/** One index in the spool. */
export interface SpoolFile {
  readonly index: number;
  /** Bytes up to the last whole transaction; 0 while there is none. */
  readonly bytes: number;
}

export class Spool implements Disposable {
  readonly folder: string;
  readonly #sizes = new Map<number, number>();
  #fd: number | undefined;
  #index: number;

  private constructor(folder: string, sizes: ReadonlyMap<number, number>, index: number) {
    this.folder = folder;
    for (const [at, bytes] of sizes) this.#sizes.set(at, bytes);
    this.#index = index;
  }

  /** An empty spool whose first WAL becomes `index`. */
  static create(folder: string, index: number): Spool {
    fs.mkdirSync(folder, { recursive: true });
    return new Spool(folder, new Map(), index - 1);
  }

  /**
   * Opens what an earlier run left. Cuts the newest file behind its last whole transaction; `end` is where reading the WAL
   * may go on. Undefined when there is nothing usable.
   */
  static recover(
    folder: string,
  ): { readonly spool: Spool; readonly end: WalEnd | undefined; readonly writtenAt: number } | undefined {
    const sizes = new Map<number, number>();
    for (const name of listSpoolFiles(folder)) {
      sizes.set(Number.parseInt(name, 16), fs.statSync(path.join(folder, name)).size);
    }
    const newest = keepContiguous(folder, sizes);
    if (newest === undefined) return undefined;
    const file = path.join(folder, `${formatHex8(newest)}.wal`);
    const writtenAt = fs.statSync(file).mtimeMs;
    const found = findCommittedEnd(file);
    if (found === undefined) {
      // Not even one whole transaction: as if this WAL had never begun.
      fs.rmSync(file);
      sizes.delete(newest);
      return { spool: new Spool(folder, sizes, newest - 1), end: undefined, writtenAt };
    }
    if (found.bytes < (sizes.get(newest) ?? 0)) fs.truncateSync(file, found.bytes);
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

  /** Bytes of one index; undefined where the spool does not have it. */
  sizeOf(index: number): number | undefined {
    return this.#sizes.get(index);
  }

  /** A WAL begins: opens the next index with its header. Fails with `spool-full` and stays where it was. */
  begin(headerBytes: Uint8Array): void {
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
    this.#sizes.set(index, headerBytes.length);
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
  }

  /** Leaves one index free below the next WAL, for {@link writeIndex}. */
  reserve(): number {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
    this.#index++;
    return this.#index;
  }

  /** Writes an index that is not read from a WAL, published whole when finished. */
  writeIndex(index: number): { append(bytes: Uint8Array): void; finish(): number } {
    const file = this.pathOf(index);
    const fd = fs.openSync(`${file}.tmp`, 'w');
    let size = 0;
    return {
      append: (bytes) => {
        try {
          writeFully(fd, bytes, size);
        } catch (error) {
          fs.closeSync(fd);
          fs.rmSync(`${file}.tmp`, { force: true });
          throw classifySpoolError(error, this.folder);
        }
        size += bytes.length;
      },
      finish: () => {
        fs.closeSync(fd);
        fs.renameSync(`${file}.tmp`, file);
        this.#sizes.set(index, size);
        return size;
      },
    };
  }

  /** Streams bytes `[from, to)` of an index. */
  *read(index: number, range: { readonly from: number; readonly to: number }): Generator<Uint8Array> {
    const fd = fs.openSync(this.pathOf(index), 'r');
    try {
      for (let at = range.from; at < range.to;) {
        const chunk = new Uint8Array(Math.min(chunkBytes, range.to - at));
        const got = readFully(fd, chunk, at);
        if (got < chunk.length) throw new Error(`spool file ${formatHex8(index)} ends at ${at + got}, not ${range.to}`);
        yield chunk;
        at += got;
      }
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Visits every frame before `to` of an index, in order, with its page and where its page data lies in the file. */
  visitFrames(
    index: number,
    range: { readonly from: number; readonly to: number },
    visit: (frame: SpooledFrame) => void,
  ): void {
    const fd = fs.openSync(this.pathOf(index), 'r');
    try {
      const head = new Uint8Array(walHeaderBytes);
      readFully(fd, head, 0);
      const header = parseWalHeader(head);
      if (header === undefined) throw new Error(`spool file ${formatHex8(index)} has no WAL header`);
      visitFile(fd, { header, ...range }, visit);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Removes every index below `index`. */
  removeBelow(index: number): void {
    for (const at of this.#sizes.keys()) {
      if (at >= index) continue;
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

function visitFile(
  fd: number,
  { header, from, to }: { readonly header: WalHeader; readonly from: number; readonly to: number },
  visit: (frame: SpooledFrame) => void,
): void {
  const size = frameBytes(header.pageSize);
  const buffer = new Uint8Array(Math.max(1, Math.floor(chunkBytes / size)) * size);
  const view = new DataView(buffer.buffer);
  for (let at = Math.max(from, walHeaderBytes); at + size <= to;) {
    const got = readFully(fd, buffer.subarray(0, Math.min(buffer.length, to - at)), at);
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
function findCommittedEnd(file: string): { readonly bytes: number; readonly end: WalEnd } | undefined {
  const fd = fs.openSync(file, 'r');
  try {
    const head = new Uint8Array(walHeaderBytes);
    readFully(fd, head, 0);
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
      const got = readFully(fd, buffer, walHeaderBytes + frames * size);
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
    fs.closeSync(fd);
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

function listSpoolFiles(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder).filter((name) => /^[0-9a-f]{8}\.wal$/.test(name));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function writeFully(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}

function classifySpoolError(error: unknown, folder: string): AppError {
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return new AppError('spool-full', { path: folder }, { cause: error });
  return new AppError('data-folder-unusable', { path: folder, reason: reasonOf(error) }, { cause: error });
}
