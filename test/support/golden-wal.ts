// Real WALs, written by SQLite, and ways to damage or re-write their bytes. Reads and sums them with code of its own, so
// that what is expected does not come from what is tested: https://www.sqlite.org/fileformat2.html#the_write_ahead_log.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import Database from 'better-sqlite3';
import type { FrameSink } from '../../electron/engine/source/wal-reader.ts';
import type { WalHeader } from '../../electron/engine/replica/wal.ts';
import { tempFolder } from './temp.ts';

export interface GoldenWal {
  readonly pageSize: number;
  /** The database file, without anything that lies in the WAL. */
  readonly database: Buffer;
  /** The WAL: header and whole frames. */
  readonly bytes: Buffer;
}

/** One frame, as a reader is expected to tell it. */
export interface GoldenFrame {
  readonly page: number;
  readonly commitPages: number;
  readonly endOffset: number;
  /** A digest of the page's bytes. */
  readonly content: string;
}

/** What differs in a WAL that is encoded anew. */
export interface Encoding {
  readonly isBigEndian?: boolean;
  readonly sequence?: number;
  readonly salt1?: number;
  readonly salt2?: number;
  /** Frames that are encoded; those behind them are left as they are. */
  readonly frames?: number;
}

const headerBytes = 32;

/** Lets SQLite write a table and then `transactions` rows of `rowPages` pages each. */
export function makeWal({ pageSize = 512, transactions = 4, rowPages = 2 } = {}): GoldenWal {
  using folder = tempFolder('golden-wal');
  const file = folder.at('golden.db');
  const database = new Database(file);
  try {
    database.pragma(`page_size = ${pageSize}`);
    database.pragma('journal_mode = wal');
    database.pragma('wal_autocheckpoint = 0');
    database.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)');
    const insert = database.prepare('INSERT INTO t(v) VALUES (?)');
    for (let i = 1; i <= transactions; i++) insert.run(Buffer.alloc(pageSize * rowPages, i));
    return { pageSize, database: fs.readFileSync(file), bytes: fs.readFileSync(`${file}-wal`) };
  } finally {
    database.close();
  }
}

/** How many rows SQLite finds in a database with this WAL beside it. */
export function countRows({ database, bytes }: Pick<GoldenWal, 'database' | 'bytes'>): number {
  using folder = tempFolder('golden-wal');
  const file = folder.at('golden.db');
  fs.writeFileSync(file, database);
  fs.writeFileSync(`${file}-wal`, bytes);
  const opened = new Database(file);
  try {
    return Number(opened.prepare('SELECT count(*) FROM t').pluck().get());
  } finally {
    opened.close();
  }
}

/** Where a WAL ends behind so many frames. */
export function endOf(frames: number, pageSize: number): number {
  return headerBytes + frames * (24 + pageSize);
}

/** Every whole frame of a WAL, whatever its checksums say. */
export function readFrames({ bytes, pageSize }: Pick<GoldenWal, 'bytes' | 'pageSize'>): readonly GoldenFrame[] {
  const frames: GoldenFrame[] = [];
  for (let at = headerBytes; at + 24 + pageSize <= bytes.length; at += 24 + pageSize) {
    const endOffset = at + 24 + pageSize;
    frames.push({
      page: bytes.readUInt32BE(at),
      commitPages: bytes.readUInt32BE(at + 4),
      endOffset,
      content: digest(bytes.subarray(at + 24, endOffset)),
    });
  }
  return frames;
}

/** The same WAL with one byte changed. */
export function withByteFlipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 0x01, at);
  return copy;
}

/** The same pages with another header: other salts or sums in the other byte order. */
export function encodeAnew({ bytes, pageSize }: GoldenWal, encoding: Encoding): Buffer {
  const copy = Buffer.from(bytes);
  const isBigEndian = encoding.isBigEndian ?? copy.readUInt32BE(0) === 0x377f0683;
  copy.writeUInt32BE(isBigEndian ? 0x377f0683 : 0x377f0682, 0);
  copy.writeUInt32BE(encoding.sequence ?? copy.readUInt32BE(12), 12);
  copy.writeUInt32BE(encoding.salt1 ?? copy.readUInt32BE(16), 16);
  copy.writeUInt32BE(encoding.salt2 ?? copy.readUInt32BE(20), 20);
  let sums = addUp(copy.subarray(0, 24), [0, 0], isBigEndian);
  writeSums(copy, 24, sums);
  const size = 24 + pageSize;
  const frames = encoding.frames ?? Math.floor((copy.length - headerBytes) / size);
  for (let i = 0, at = headerBytes; i < frames; i++, at += size) {
    copy.copy(copy, at + 8, 16, 24);
    sums = addUp(copy.subarray(at, at + 8), sums, isBigEndian);
    sums = addUp(copy.subarray(at + 24, at + size), sums, isBigEndian);
    writeSums(copy, at + 16, sums);
  }
  return copy;
}

/**
 * The same WAL as old versions of SQLite leave it behind a savepoint that was rolled back: some frames, from the `from`th on
 * (counted from 0), have neither salts nor sums, and the sums behind them begin anew from those zeros, or from anything.
 */
export function withoutSums(
  { bytes, pageSize }: GoldenWal,
  { from, to, behind = [0, 0] }: { readonly from: number; readonly to: number; readonly behind?: Sums },
): Buffer {
  const copy = Buffer.from(bytes);
  const isBigEndian = copy.readUInt32BE(0) === 0x377f0683;
  const size = 24 + pageSize;
  for (let i = from; i < to; i++) copy.fill(0, headerBytes + i * size + 8, headerBytes + i * size + 24);
  let sums = behind;
  for (let at = headerBytes + to * size; at + size <= copy.length; at += size) {
    sums = addUp(copy.subarray(at, at + 8), sums, isBigEndian);
    sums = addUp(copy.subarray(at + 24, at + size), sums, isBigEndian);
    writeSums(copy, at + 16, sums);
  }
  return copy;
}

/** What a reader told, to be compared as a whole. */
export interface Told {
  /** Sequence numbers of the WALs that began. */
  readonly begun: readonly number[];
  readonly frames: readonly GoldenFrame[];
  /** A digest of what was kept, per WAL that began. */
  readonly kept: readonly string[];
}

/** A sink that writes down everything. */
export class Recorder implements FrameSink {
  readonly #begun: number[] = [];
  readonly #frames: GoldenFrame[] = [];
  readonly #kept: Buffer[] = [];

  begin(header: WalHeader, bytes: Uint8Array): void {
    this.#begun.push(header.sequence);
    this.#kept.push(Buffer.from(bytes));
  }

  append(bytes: Uint8Array, offset: number): void {
    const kept = this.#kept.at(-1) ?? Buffer.alloc(0);
    this.#kept[Math.max(0, this.#kept.length - 1)] = Buffer.concat([kept.subarray(0, offset), bytes]);
  }

  frame(frame: Parameters<FrameSink['frame']>[0]): void {
    const { page, commitPages, endOffset, data } = frame;
    this.#frames.push({ page, commitPages, endOffset, content: digest(data) });
  }

  told(): Told {
    return { begun: this.#begun, frames: this.#frames, kept: this.#kept.map(digest) };
  }
}

/** A short digest of bytes, easy on the eye where two differ. */
export function digest(bytes: Uint8Array): string {
  return `${bytes.length} bytes, ${createHash('sha1').update(bytes).digest('hex')}`;
}

type Sums = readonly [number, number];

function addUp(bytes: Buffer, [first, second]: Sums, isBigEndian: boolean): Sums {
  let s0 = first;
  let s1 = second;
  const word = (at: number) => (isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at));
  for (let at = 0; at < bytes.length; at += 8) {
    s0 = (s0 + word(at) + s1) % 2 ** 32;
    s1 = (s1 + word(at + 4) + s0) % 2 ** 32;
  }
  return [s0, s1];
}

function writeSums(bytes: Buffer, at: number, [s0, s1]: Sums): void {
  bytes.writeUInt32BE(s0, at);
  bytes.writeUInt32BE(s1, at + 4);
}
