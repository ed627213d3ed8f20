// Reads the header of SQLite's wal-index (`-shm`): how many transactions were ever committed to this WAL's database since
// the index was made, and how far the WAL is filled and copied. With it one can prove, after a moment without a pin, that nothing was committed and lost unseen.
// POSIX locks belong to the process, and closing any descriptor of this file drops them: so there is one descriptor per
// database, opened after the first of our SQLite connections and closed after the last (connections.ts). Never written.
// Format: https://www.sqlite.org/walformat.html#the_wal_index_file_format
import fs from 'node:fs';
import { mustNotBeShort } from '../../../shared/errors.ts';
import { readFully } from './wal-reader.ts';

export interface WalIndexHeader {
  /** Counts every committed transaction; wraps at 2^32. */
  readonly changes: number;
  /** Committed frames in the present WAL. */
  readonly frames: number;
  /** How many of them lie in the database file already. */
  readonly backfilled: number;
  /** How many of them a checkpoint has begun to copy, or has copied: one that still waits for readers has not. */
  readonly attempted: number;
  /** Those in the header of the WAL that the frames lie in. */
  readonly salts: readonly [number, number];
}

/** The header is there twice, so that a reader can tell a half-written one. */
const copyBytes = 48;
/** Unlike the numbers beside them, the salts are kept byte for byte as the WAL has them. */
const saltsOffset = 32;
/** Behind the marks of readers lie the bytes that locks are for: Windows lets nobody read those that another one holds. */
const locksOffset = 120;
const attemptedOffset = 128;
const areLocksInTheWay = process.platform === 'win32';
const tries = 100;
/** The page numbers of all frames in turn, in blocks: the first shares its block with the header. */
const blockBytes = 32_768;
const firstPagesOffset = 136;
const framesPerBlock = 4096;
const framesInFirst = framesPerBlock - firstPagesOffset / 4;
/** The only version there is; anything else is not understood, and not used. */
const knownVersion = 3_007_000;

export class WalIndex implements Disposable {
  /** Tells this file from another that comes to its path. */
  readonly inode: number;
  readonly #fd: number;
  /** Both copies of the header, and what checkpointers note. */
  readonly #bytes = new Uint8Array(attemptedOffset + 4);
  readonly #first = this.#bytes.subarray(0, copyBytes);
  readonly #second = this.#bytes.subarray(copyBytes, 2 * copyBytes);
  /** In this machine's byte order. */
  readonly #words = new Uint32Array(this.#bytes.buffer);
  readonly #view = new DataView(this.#bytes.buffer);

  private constructor(fd: number) {
    this.#fd = fd;
    this.inode = fs.fstatSync(fd).ino;
  }

  /** Undefined where there is no such file: then nothing can be proved by it. */
  static open(databasePath: string): WalIndex | undefined {
    try {
      return new WalIndex(fs.openSync(`${databasePath}-shm`, 'r'));
    } catch (error) {
      mustNotBeShort(error);
      // @NOTE Not there or not readable: its owner then proves less and compares more.
      return undefined;
    }
  }

  /** The header now; undefined while it is not in order. */
  read(): WalIndexHeader | undefined {
    const words = this.#words;
    for (let again = 0; again < tries; again++) {
      if (!this.#fill()) return undefined;
      if (Buffer.compare(this.#first, this.#second) !== 0) continue;
      // Version, unused, changes, flags and page size, frames; later: backfilled.
      const [changes = 0, frames = 0] = [words[2], words[4]];
      if (words[0] !== knownVersion) return undefined;
      const salts = [this.#view.getUint32(saltsOffset), this.#view.getUint32(saltsOffset + 4)] as const;
      const [backfilled = 0, attempted = 0] = [words[(2 * copyBytes) / 4], words[attemptedOffset / 4]];
      return {
        changes,
        frames,
        backfilled: Math.min(frames, backfilled),
        attempted: Math.min(frames, attempted),
        salts,
      };
    }
    return undefined;
  }

  /** The page that a committed frame of the present WAL, counted from 1, is for; undefined where the index ends before. */
  pageOf(frame: number): number | undefined {
    const behind = frame - 1 - framesInFirst;
    const offset =
      behind < 0
        ? firstPagesOffset + (frame - 1) * 4
        : blockBytes * (1 + Math.floor(behind / framesPerBlock)) + (behind % framesPerBlock) * 4;
    const word = new Uint32Array(1);
    return readFully(this.#fd, new Uint8Array(word.buffer), offset) < word.byteLength ? undefined : word[0];
  }

  #fill(): boolean {
    const all = this.#bytes;
    if (!areLocksInTheWay) return readFully(this.#fd, all, 0) === all.length;
    const isRead = readFully(this.#fd, all.subarray(0, locksOffset), 0) === locksOffset;
    return isRead && readFully(this.#fd, all.subarray(attemptedOffset), attemptedOffset) === 4;
  }

  [Symbol.dispose](): void {
    fs.closeSync(this.#fd);
  }
}
