// Writes a real history: a real database, its real WAL, and a replica of it made with the product's own object functions.
// Remembers the image after every commit, put together the simple way (oldest frame first), as the truth for restores.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { compressFrameSync } from 'lz4-napi';
import { formatSegmentKey, formatSnapshotKey } from '../../electron/engine/replica/keys.ts';
import { encodeWhole, encodeObject, type TrailerFields } from '../../electron/engine/replica/object.ts';
import { formatHash, hashPage, lockPage, stateHashName } from '../../electron/engine/replica/state-hash.ts';
import {
  frameBytes,
  frameHeaderBytes,
  parseWalHeader,
  scanFrames,
  startChain,
  walHeaderBytes,
} from '../../electron/engine/replica/wal.ts';
import type { Target } from '../../electron/engine/targets/target.ts';
import type { Generation } from '../../shared/position.ts';
import { calm, inPieces } from './replica-scratch.ts';

export interface RecordedPoint {
  readonly index: number;
  readonly offset: number;
  readonly at: number;
  readonly image: Buffer;
  readonly pages: number;
  readonly state: string;
}

export interface HistoryOptions {
  readonly folder: string;
  readonly target: Target;
  readonly generation?: string;
  readonly pageSize?: number;
  /** Unix milliseconds of the first commit; each commit is a second later. */
  readonly startAt?: number;
  /** Without trailers, as Litestream writes. */
  readonly isForeign?: boolean;
  /** Orders it among other generations; its objects then say where they belong, too. */
  readonly sequence?: number;
}

const by = { tidemark: '0.0.0-test', sqlite: '3' };

export class RealHistory implements Disposable {
  readonly points: RecordedPoint[] = [];
  readonly generation: Generation;
  readonly path: string;
  readonly database: Database.Database;
  readonly #target: Target;
  readonly #isForeign: boolean;
  readonly #pageSize: number;
  readonly #sequence: number | undefined;
  #now: number;
  #index = 0;
  /** End of what was recorded in this index, and of what was shipped. */
  #recorded = 0;
  #shipped = 0;
  #follows: { readonly index: number; readonly offset: number } | undefined;
  #image: Buffer;

  constructor(options: HistoryOptions) {
    this.generation = (options.generation ?? '0123456789abcdef') as Generation;
    this.path = join(options.folder, `${this.generation}.db`);
    this.#target = options.target;
    this.#isForeign = options.isForeign ?? false;
    this.#pageSize = options.pageSize ?? 4096;
    this.#sequence = options.sequence;
    this.#now = options.startAt ?? Date.UTC(2026, 0, 2, 10);
    this.database = new Database(this.path);
    this.database.pragma(`page_size = ${this.#pageSize}`);
    this.database.pragma('journal_mode = WAL');
    this.database.pragma('wal_autocheckpoint = 0');
    this.database.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER, v BLOB)');
    this.database.pragma('wal_checkpoint(TRUNCATE)');
    this.#image = readFileSync(this.path);
  }

  get last(): RecordedPoint {
    const last = this.points.at(-1);
    if (last === undefined) throw new Error('nothing was committed yet');
    return last;
  }

  /** One transaction: `rows` new rows of about a page each, or whatever `change` does. Returns its restore point. */
  commit(rows: number | ((database: Database.Database) => void) = 1): RecordedPoint {
    const n = this.points.length;
    this.database.exec('BEGIN IMMEDIATE');
    if (typeof rows === 'function') rows(this.database);
    else {
      const insert = this.database.prepare('INSERT INTO t(n, v) VALUES (?, ?)');
      for (let i = 0; i < rows; i++) insert.run(n, Buffer.alloc(this.#pageSize - 200, n * 7 + i));
    }
    this.database.exec('COMMIT');
    this.#record();
    return this.last;
  }

  /** The application checkpoints everything: the next commit begins a new index. */
  restart(): void {
    this.database.pragma('wal_checkpoint(TRUNCATE)');
    this.#follows = { index: this.#index, offset: this.#recorded };
    this.#index++;
    this.#recorded = 0;
    this.#shipped = 0;
  }

  /** Ships what was committed since the last time, as one segment; it must lie within one index. */
  async ship(): Promise<string> {
    const { generation } = this;
    const from = this.#shipped;
    const bytes = readFileSync(`${this.path}-wal`).subarray(from, this.#recorded);
    const commits = this.points.filter(({ index, offset }) => index === this.#index && offset > from);
    const last = this.last;
    const fields: TrailerFields = {
      state: { kind: stateHashName, hash: last.state },
      pages: last.pages,
      pageSize: this.#pageSize,
      commits: commits.map(({ offset, at }) => [offset, at]),
      states: commits.map(({ state, pages }) => [state, pages]),
      ...(from === 0 && this.#follows !== undefined ? { follows: this.#follows } : {}),
      origin: { kind: 'wal' },
      ...this.#placed(from),
      by,
    };
    const object = this.#isForeign ? frame(bytes) : await encodeWhole(bytes, fields);
    const key = formatSegmentKey(generation, this.#index, from);
    await this.#target.put(key, object, { modifiedAt: last.at, signal: calm });
    this.#shipped = this.#recorded;
    return key;
  }

  /** Puts a snapshot of the newest state; everything before it must be shipped. */
  async snapshot(): Promise<string> {
    const image = this.#image;
    const at = this.points.at(-1)?.at ?? this.#now;
    const object = this.#isForeign
      ? frame(image)
      : encodeObject(inPieces(image, [100, 10_000]), () => ({
          state: { kind: stateHashName, hash: hashImage(image, this.#pageSize) },
          pages: image.length / this.#pageSize,
          pageSize: this.#pageSize,
          at: { time: at, index: this.#index, offset: this.#recorded },
          ...this.#placed(0),
          by,
        }));
    const key = formatSnapshotKey(this.generation, this.#index);
    await this.#target.put(key, object, { modifiedAt: at, signal: calm });
    return key;
  }

  [Symbol.dispose](): void {
    this.database.close();
  }

  #placed(offset: number): Pick<TrailerFields, 'place' | 'sequence'> {
    if (this.#sequence === undefined) return {};
    return { place: { generation: this.generation, index: this.#index, offset }, sequence: this.#sequence };
  }

  #record(): void {
    const wal = readFileSync(`${this.path}-wal`);
    const header = parseWalHeader(wal);
    if (header === undefined) throw new Error('the WAL has no header');
    const frames: { readonly page: number; readonly at: number; readonly commitPages: number }[] = [];
    const body = new Uint8Array(wal.subarray(walHeaderBytes));
    scanFrames(startChain(header), body, (at, page, commitPages) => frames.push({ page, at, commitPages }));
    const size = this.#pageSize;
    const skip = this.#recorded === 0 ? 0 : (this.#recorded - walHeaderBytes) / frameBytes(size);
    const fresh = frames.slice(skip);
    const image = Buffer.alloc(Math.max(this.#image.length, ...fresh.map(({ page }) => page * size)));
    this.#image.copy(image);
    for (const { page, at } of fresh) {
      image.set(body.subarray(at + frameHeaderBytes, at + frameHeaderBytes + size), (page - 1) * size);
    }
    this.#image = image.subarray(0, (fresh.at(-1)?.commitPages ?? 0) * size);
    this.#recorded = walHeaderBytes + frames.length * frameBytes(size);
    this.points.push({
      index: this.#index,
      offset: this.#recorded,
      at: this.#now,
      image: this.#image,
      pages: this.#image.length / size,
      state: hashImage(this.#image, size),
    });
    this.#now += 1000;
  }
}

/** The state hash of a whole image. */
function hashImage(image: Uint8Array, pageSize: number): string {
  let state = 0n;
  for (let page = 1; page * pageSize <= image.length; page++) {
    if (page !== lockPage(pageSize)) state ^= hashPage(page, image.subarray((page - 1) * pageSize, page * pageSize));
  }
  return formatHash(state);
}

function frame(bytes: Uint8Array): Buffer {
  return compressFrameSync(Buffer.from(bytes), { contentChecksum: true });
}
