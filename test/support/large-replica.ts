// Makes the replica of a large database with many segments, in little memory: a real file, real transactions, the product's own
// object functions. For whoever asks what a restore of such a one costs.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { compressFrameSync } from 'lz4-napi';
import { formatSegmentKey, formatSnapshotKey } from '../../electron/engine/replica/keys.ts';
import { encodeObject, encodeWhole, type TrailerFields } from '../../electron/engine/replica/object.ts';
import { formatHash, hashPage, lockPage, stateHashName } from '../../electron/engine/replica/state-hash.ts';
import {
  frameHeaderBytes,
  parseWalHeader,
  scanFrames,
  startChain,
  walHeaderBytes,
} from '../../electron/engine/replica/wal.ts';
import type { Target } from '../../electron/engine/targets/target.ts';
import type { Generation } from '../../shared/position.ts';

const pageSize = 4096;
/** About a page, half of which compresses. */
const value = 'CAST(randomblob(1950) || zeroblob(1950) AS BLOB)';
const mebibyte = 1 << 20;
const generation = '0123456789abcdef' as Generation;
const firstAt = Date.UTC(2026, 0, 2, 10);
const signal = new AbortController().signal;

export interface LargeReplica {
  /** The file as the application left it. */
  readonly file: string;
  readonly sizeBytes: number;
}

/**
 * A database of about so many megabytes, its image, and so many segments behind it, each of about
 * `segmentBytes` of changed pages all over the file.
 */
export async function makeLargeReplica(options: {
  readonly folder: string;
  readonly target: Target;
  readonly megabytes: number;
  readonly segments: number;
  readonly segmentBytes: number;
  /** As Litestream writes: without trailers, in blocks of 4 MiB; the image is held in memory then. */
  readonly isForeign?: boolean;
}): Promise<LargeReplica> {
  const { folder, target, megabytes, segments, segmentBytes, isForeign = false } = options;
  const file = join(folder, 'large.db');
  const app = fillDatabase(file, megabytes * 1e6);
  try {
    const state = new StateHash();
    const image = pagesOf(file, (page, bytes) => state.add(page, bytes));
    const trailer = (): TrailerFields => ({
      state: { kind: stateHashName, hash: formatHash(state.hash) },
      pages: state.pages,
      pageSize,
      by: { tidemark: '0.0.0-test', sqlite: '3' },
    });
    const first = isForeign
      ? frame(Buffer.concat(Array.from(image, (piece) => Buffer.from(piece))))
      : encodeObject(image, () => ({ ...trailer(), at: { time: firstAt, index: 0, offset: 0 } }));
    await target.put(formatSnapshotKey(generation, 0), first, { modifiedAt: firstAt, signal });

    const rows = Number(app.prepare('SELECT max(id) FROM t').pluck().get());
    const rowsEach = Math.ceil(segmentBytes / pageSize);
    const change = app.prepare(`UPDATE t SET v = ${value} WHERE id = ?`);
    const wal = openSync(`${file}-wal`, 'r');
    try {
      let offset = 0;
      let chain: ReturnType<typeof startChain> | undefined;
      for (let i = 0; i < segments; i++) {
        app.transaction(() => {
          for (let row = 0; row < rowsEach; row++) change.run(1 + ((i + row * 7919) % rows));
        })();
        const bytes = new Uint8Array(fstatSync(wal).size - offset);
        readSync(wal, bytes, 0, bytes.length, offset);
        const frames = bytes.slice(chain === undefined ? walHeaderBytes : 0);
        const header = parseWalHeader(bytes);
        if (chain === undefined && header !== undefined) chain = startChain(header);
        if (chain === undefined) throw new Error('the WAL has no header');
        scanFrames(chain, frames, (at, page) =>
          state.add(page, frames.subarray(at + frameHeaderBytes, at + frameHeaderBytes + pageSize)),
        );
        const at = firstAt + (i + 1) * 1000;
        const end = offset + bytes.length;
        const fields = { ...trailer(), commits: [[end, at]] as [number, number][], origin: { kind: 'wal' as const } };
        const segment = isForeign ? frame(bytes) : await encodeWhole(bytes, fields);
        await target.put(formatSegmentKey(generation, 0, offset), segment, { modifiedAt: at, signal });
        offset = end;
      }
    } finally {
      closeSync(wal);
    }
    return { file, sizeBytes: state.pages * pageSize };
  } finally {
    app.close();
  }
}

/** Rows of a page each; the WAL is empty afterwards, and grows until it is read. */
function fillDatabase(file: string, bytes: number): Database.Database {
  const app = new Database(file);
  app.pragma(`page_size = ${pageSize}`);
  app.pragma('journal_mode = off');
  app.pragma('synchronous = off');
  app.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)');
  const insert = app.prepare(
    `WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ?) INSERT INTO t(v) SELECT ${value} FROM i`,
  );
  for (let left = Math.ceil(bytes / pageSize); left > 0; left -= 10_000) insert.run(Math.min(left, 10_000));
  app.pragma('journal_mode = wal');
  app.pragma('wal_autocheckpoint = 0');
  app.exec('BEGIN IMMEDIATE; CREATE TABLE marks(n); COMMIT');
  app.pragma('wal_checkpoint(TRUNCATE)');
  return app;
}

function frame(bytes: Uint8Array): Buffer {
  return compressFrameSync(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), { contentChecksum: true });
}

function* pagesOf(file: string, onPage: (page: number, bytes: Uint8Array) => void): Generator<Uint8Array> {
  const fd = openSync(file, 'r');
  try {
    const buffer = new Uint8Array(mebibyte);
    let page = 1;
    for (let read = readSync(fd, buffer); read > 0; read = readSync(fd, buffer)) {
      for (let at = 0; at < read; at += pageSize) onPage(page++, buffer.subarray(at, at + pageSize));
      yield buffer.subarray(0, read);
    }
  } finally {
    closeSync(fd);
  }
}

/** The state hash as pages come by, each replacing what was known of it. */
class StateHash {
  #hashes = new BigUint64Array(1024);
  hash = 0n;
  pages = 0;

  add(page: number, bytes: Uint8Array): void {
    if (page > this.#hashes.length) {
      const larger = new BigUint64Array(2 * page);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.pages = Math.max(this.pages, page);
    if (page === lockPage(pageSize)) return;
    const fresh = hashPage(page, bytes);
    this.hash ^= (this.#hashes[page - 1] ?? 0n) ^ fresh;
    this.#hashes[page - 1] = fresh;
  }
}
