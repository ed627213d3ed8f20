// The SQLite connections and the file descriptor that Tidemark keeps on one live database. Owns the pins.
// Never writes: the only change it may cause is SQLite's own PASSIVE checkpoint. Opening order and closing order matter:
// POSIX locks belong to the process (closing any descriptor of the file drops them all), and the last connection to close
// must be read-only, or SQLite deletes the WAL. Reading frames is wal-reader.ts.
import fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { AppError } from '../../../shared/errors.ts';
import { classifySourceError } from './source-errors.ts';

/** What `wal_checkpoint` says: frames in the WAL, and how many of them lie in the database file already. */
export interface WalCounts {
  readonly frames: number;
  readonly backfilled: number;
}

interface Pin {
  readonly connection: Database.Database;
  readonly take: () => void;
  readonly release: () => void;
}

/** How long SQLite itself retries before a call of ours reports "busy"; short, since the worker thread waits with it. */
const busyTimeoutMs = 20;
const lockTriesMs = 2;

export class Connections implements Disposable {
  readonly path: string;
  /** The one long-lived descriptor of the database file: opened before and closed after every connection. */
  readonly fd: number;
  readonly #checkpointer: Database.Database;
  readonly #noop: Database.Statement<[], readonly [number, number, number]>;
  readonly #passive: Database.Statement<[], readonly [number, number, number]>;
  readonly #pins: [Pin, Pin];
  #held: 0 | 1 = 0;
  #images = 0;
  /** Opened with the first seal and kept: opening one touches the WAL's attributes, which would wake us again. */
  #sealer: Database.Database | undefined;
  #isClosed = false;

  private constructor(path: string, fd: number, checkpointer: Database.Database, pins: [Pin, Pin]) {
    this.path = path;
    this.fd = fd;
    this.#checkpointer = checkpointer;
    this.#noop = prepareCheckpoint(checkpointer, 'NOOP');
    this.#passive = prepareCheckpoint(checkpointer, 'PASSIVE');
    this.#pins = pins;
  }

  /**
   * Opens a database in WAL mode and takes the first pin. Fails with `database-missing`, `-no-permission`, `-not-wal`,
   * `-busy`, `-damaged` or `-not-sqlite`.
   */
  static open(path: string): Connections {
    let fd: number | undefined;
    const opened: Database.Database[] = [];
    try {
      fd = fs.openSync(path, 'r');
      fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK);
      const checkpointer = new Database(path, { timeout: busyTimeoutMs, fileMustExist: true });
      opened.push(checkpointer);
      checkpointer.pragma('wal_autocheckpoint = 0');
      const mode = String(checkpointer.pragma('journal_mode', { simple: true }));
      if (mode !== 'wal') throw new AppError('database-not-wal', { path, mode });
      // The first read makes SQLite open (or recover) the WAL before a read-only connection needs its shared memory.
      checkpointer.prepare('SELECT count(*) FROM sqlite_schema').get();
      const first = openPin(path);
      opened.push(first.connection);
      const second = openPin(path);
      opened.push(second.connection);
      first.take();
      return new Connections(path, fd, checkpointer, [first, second]);
    } catch (error) {
      // Read-only connections last, the descriptor after them.
      for (const connection of opened) connection.close();
      if (fd !== undefined) fs.closeSync(fd);
      throw classifySourceError(error, path);
    }
  }

  /** Frames in the WAL that are committed, and how many are backfilled. Takes no lock. */
  counts(): WalCounts {
    return toCounts(this.#noop.get());
  }

  /**
   * SQLite's PASSIVE checkpoint: copies what no reader prevents, waits for nobody. Judge it by the counts. `isBlocked`: somebody
   * else is checkpointing at this moment.
   */
  checkpoint(): WalCounts & { readonly isBlocked: boolean } {
    try {
      const row = this.#passive.get();
      if (row !== undefined && row[1] >= 0) return { ...toCounts(row), isBlocked: false };
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
    return { ...this.counts(), isBlocked: true };
  }

  /**
   * Lets the pin go until the counts change or `ms` have passed, then takes it again. Whether anything happened in between
   * that was not seen is for the caller to prove.
   */
  async withoutPin(ms: number): Promise<void> {
    const pin = this.#pins[this.#held];
    const before = this.counts();
    const endAt = performance.now() + ms;
    pin.release();
    try {
      while (performance.now() < endAt) {
        // Look often for a moment, then let others run.
        const burstEndAt = performance.now() + 2;
        while (performance.now() < burstEndAt) {
          const { frames, backfilled } = this.counts();
          if (frames !== before.frames || backfilled !== before.backfilled) return;
        }
        await nextTurn();
      }
    } finally {
      pin.take();
    }
  }

  /**
   * Moves the pin: takes a new one, runs `drain` while the old one still keeps the WAL from restarting twice, lets the old
   * one go. If draining fails the old pin stays.
   */
  async advance(drain: () => Promise<void>): Promise<void> {
    const next = this.#held === 0 ? 1 : 0;
    this.#pins[next].take();
    try {
      await drain();
    } catch (error) {
      this.#pins[next].release();
      throw error;
    }
    this.#pins[this.#held].release();
    this.#held = next;
  }

  /**
   * Runs `work` while holding the write lock, so that nobody commits meanwhile; false when another writer holds it.
   * Nothing is written: the transaction is rolled back.
   */
  async whileLocked(work: () => Promise<void>): Promise<boolean> {
    const sealer = (this.#sealer ??= openSealer(this.path));
    // A writer that commits without pause leaves the lock for microseconds: look closely, for a moment.
    const endAt = performance.now() + lockTriesMs;
    while (!sealer.inTransaction) {
      try {
        sealer.exec('BEGIN IMMEDIATE');
      } catch (error) {
        if (!isBusy(error)) throw classifySourceError(error, this.path);
        if (performance.now() > endAt) return false;
      }
    }
    try {
      await work();
    } finally {
      sealer.exec('ROLLBACK');
    }
    return true;
  }

  /** One more pin, for as long as an image is read; dispose it to let go. */
  pinForImage(): Disposable {
    const pin = openPin(this.path);
    pin.take();
    this.#images++;
    return {
      [Symbol.dispose]: () => {
        pin.release();
        pin.connection.close();
        this.#images--;
      },
    };
  }

  /** An image is being read: its pin keeps checkpoints from finishing, whoever makes them. */
  get isReadingImage(): boolean {
    return this.#images > 0;
  }

  /** Closes in the order that leaves the WAL in place: read-only connections last, then the descriptor. Idempotent. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#sealer?.close();
    this.#checkpointer.close();
    for (const pin of this.#pins) {
      pin.release();
      pin.connection.close();
    }
    fs.closeSync(this.fd);
  }
}

function openPin(path: string): Pin {
  const connection = new Database(path, { readonly: true, timeout: busyTimeoutMs, fileMustExist: true });
  const begin = connection.prepare('BEGIN');
  // BEGIN alone is deferred: only a read opens the snapshot.
  const read = connection.prepare('SELECT 1 FROM sqlite_schema LIMIT 1');
  const commit = connection.prepare('COMMIT');
  return {
    connection,
    take: () => {
      begin.run();
      try {
        read.get();
      } catch (error) {
        commit.run();
        throw error;
      }
    },
    release: () => {
      if (connection.inTransaction) commit.run();
    },
  };
}

function openSealer(path: string): Database.Database {
  const sealer = new Database(path, { timeout: 0, fileMustExist: true });
  sealer.pragma('wal_autocheckpoint = 0');
  return sealer;
}

function prepareCheckpoint(connection: Database.Database, mode: 'NOOP' | 'PASSIVE') {
  return connection.prepare<[], readonly [number, number, number]>(`PRAGMA wal_checkpoint(${mode})`).raw();
}

function toCounts(row: readonly [number, number, number] | undefined): WalCounts {
  const [, frames = 0, backfilled = 0] = row ?? [];
  return { frames: Math.max(0, frames), backfilled: Math.max(0, backfilled) };
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code);
}
