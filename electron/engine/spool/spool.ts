// The spool of one generation: captured frames as local files, one per index, byte for byte what the WAL held.
// The tail is the captured position: the WAL's own checksum chain proves it after a crash, so no separate position file
// can disagree with it: recovery.ts. Knows nothing of targets; who may remove what is protection/spool-upkeep.ts.
import fs from 'node:fs';
import { AppError, codeOf, fileOf, isShortage, reasonOf } from '../../../shared/errors.ts';
import type { Place } from '../../../shared/position.ts';
import { Holds } from '../source/holds.ts';
import type { WalEnd } from '../source/wal-reader.ts';
import { type ByteRange, readMark, readPieces, pathOfIndex, type SpooledFrame, visitFrames } from './file.ts';
import { type RecoverOptions, recoverFiles } from './recovery.ts';
import { privateFile } from '../basics/private-folder.ts';
import { whereAble } from '../basics/files.ts';

/** One index in the spool. */
export interface SpoolFile {
  readonly index: number;
  /** Bytes up to the last whole transaction; 0 while there is none. */
  readonly bytes: number;
}

/** Small files are brought to the disk together in hardly more time than one. */
const syncsAtOnce = 16;

export class Spool implements Disposable {
  readonly folder: string;
  readonly #sizes = new Map<number, number>();
  /** Indices that go on with the WAL of the one before. */
  readonly #rolled = new Set<number>();
  /** Indices that somebody still reads. */
  readonly #held = new Holds<number>();
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
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    return new Spool(folder, new Map(), index - 1);
  }

  /**
   * Opens what an earlier run left. Cuts the newest file behind its last whole transaction; `end` is where reading the WAL
   * may go on. Undefined when there is nothing usable.
   */
  static async recover(
    folder: string,
    options: RecoverOptions = {},
  ): Promise<{ readonly spool: Spool; readonly end: WalEnd | undefined; readonly writtenAt: number } | undefined> {
    const found = await recoverFiles(folder, options);
    if (found === undefined) return undefined;
    const { sizes, index, end, writtenAt } = found;
    return { spool: new Spool(folder, sizes, index), end, writtenAt };
  }

  /** The index that is being written; one less than the first while nothing was captured. */
  get index(): number {
    return this.#index;
  }

  /** Bytes of the index that is being written. */
  get offset(): number {
    return this.#sizes.get(this.#index) ?? 0;
  }

  /** Where what is captured ends: at the beginning of the first index while nothing was. */
  get end(): Place {
    return this.offset > 0 ? { index: this.#index, offset: this.offset } : { index: this.#index + 1, offset: 0 };
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
      fd = fs.openSync(file, 'w+', privateFile);
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

  /** Takes back what {@link reserve} left free, where no WAL began since. False where one did. */
  giveBack(index: number): boolean {
    if (this.#index !== index || this.#sizes.has(index)) return false;
    this.#index--;
    return true;
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
    // What the pieces, and who is told, fail with is theirs.
    const ours = async <T>(writing: Promise<T>): Promise<T> =>
      await writing.catch((error: unknown) => {
        throw classifySpoolError(error, this.folder);
      });
    let size = 0;
    try {
      const handle = await ours(fs.promises.open(`${file}.tmp`, 'w', privateFile));
      try {
        for await (const piece of pieces) {
          await ours(handle.appendFile(piece));
          size += piece.length;
        }
        await ours(whereAble(() => handle.sync()));
      } finally {
        await handle.close();
      }
      await onWhole(size);
      await ours(fs.promises.rename(`${file}.tmp`, file));
    } catch (error) {
      await fs.promises.rm(`${file}.tmp`, { force: true }).catch(() => {});
      throw error;
    }
    this.#sizes.set(index, size);
    return size;
  }

  /** Brings everything that was written to the disk, where a power cut does not lose it. */
  async sync(): Promise<void> {
    // What is written meanwhile waits for the next time.
    const written = [...this.#unsynced];
    for (let at = 0; at < written.length; at += syncsAtOnce) {
      await Promise.all(written.slice(at, at + syncsAtOnce).map(async (index) => await this.#syncFile(index)));
    }
  }

  async #syncFile(index: number): Promise<void> {
    this.#unsynced.delete(index);
    if (!this.#sizes.has(index)) return;
    try {
      const handle = await fs.promises.open(this.pathOf(index), 'r+');
      try {
        await whereAble(() => handle.datasync());
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (!this.#sizes.has(index)) return;
      this.#unsynced.add(index);
      throw classifySpoolError(error, this.folder);
    }
  }

  /** The running checksum of the frame that ends at a place; 0 at an index's start. Undefined where no frame ends there. */
  markAt({ index, offset }: Place): bigint | undefined {
    if (offset === 0) return 0n;
    if (offset > (this.#sizes.get(index) ?? 0)) return undefined;
    return readMark(this.pathOf(index), offset);
  }

  /** Streams bytes `[from, to)` of an index. A chunk is overwritten once the next one is asked for. */
  read(index: number, range: ByteRange): Generator<Uint8Array> {
    return readPieces(this.pathOf(index), range);
  }

  /**
   * Visits every frame before `to` of an index, in order, with its page and where its page data lies in the file. Reads in
   * pieces, off the event loop.
   */
  async visitFrames(index: number, range: ByteRange, visit: (frame: SpooledFrame) => void): Promise<void> {
    await visitFrames(this.pathOf(index), range, visit);
  }

  /** Keeps an index, and those behind it, from being removed, until what this returns is disposed of. */
  hold(index: number): Disposable {
    return this.#held.hold(index);
  }

  /** Removes every index below `index`, but for those that are held, and those of the WAL that is being written. */
  removeBelow(index: number): void {
    const needed = this.filesOfWal(this.#index)[0]?.index ?? index;
    const least = Math.min(index, needed, ...this.#held.held);
    for (const at of this.#sizes.keys()) {
      if (at >= least) continue;
      fs.rmSync(this.pathOf(at), { force: true });
      this.#sizes.delete(at);
    }
  }

  pathOf(index: number): string {
    return pathOfIndex(this.folder, index);
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
  }
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
  if (isShortage(error)) return new AppError('too-many-files', { file: fileOf(error) }, { cause: error });
  if (code === 'ENOSPC' || code === 'EDQUOT') return new AppError('spool-full', { path: folder }, { cause: error });
  return new AppError('data-folder-unusable', { path: folder, reason: reasonOf(error) }, { cause: error });
}
