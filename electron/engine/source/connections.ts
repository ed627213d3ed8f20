// The SQLite connections and the file descriptor that Tidemark keeps on one live database. How pins move is pins.ts.
// Never writes: the only change it may cause is SQLite's own checkpoint, PASSIVE but for `mayLoseWal`. Opening order and
// closing order matter: POSIX locks belong to the process (closing any descriptor of the file drops them all), and the last
// connection to close must be read-only, or SQLite deletes the WAL (wanted for `mayLoseWal` too). Reading is wal-reader.ts.
import fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { Checkpointer, type CheckpointOptions, type WalCounts } from './checkpointer.ts';
import { classifySourceError } from './source-errors.ts';
import { openPin, type Pin, Pins } from './pins.ts';
import { WalIndex } from './wal-index.ts';

/** How long SQLite itself retries before a call of ours reports "busy"; short, since the worker thread waits with it. */
const busyTimeoutMs = 20;
const lockBurstMs = 1;
const lockBursts = 10;

export class Connections implements AsyncDisposable {
  readonly path: string;
  /** The one long-lived descriptor of the database file: opened before and closed after every connection. */
  readonly fd: number;
  /** The header of the wal-index, where it can be read. */
  readonly walIndex: WalIndex | undefined;
  /**
   * The WAL holds committed frames that SQLite, when it finds the WAL with nobody at it, would take for torn ones, and lose
   * with all that follow. So it is not left behind: the last connection to close is one that may write, and where no
   * application has the database open, SQLite then copies everything and removes the WAL.
   */
  mayLoseWal = false;
  /** In the checkpoint thread; undefined while it is not needed. */
  #checkpointer: Promise<Checkpointer> | undefined;
  readonly pins: Pins;
  /** Opened with the first seal and kept: opening one touches the WAL's attributes, which would wake us again. */
  #sealer: Database.Database | undefined;
  /** Asks SQLite for its counts where the wal-index cannot be read. */
  #observer: Observer | undefined;
  #closing: Promise<void> | undefined;

  private constructor(opened: {
    readonly path: string;
    readonly fd: number;
    readonly checkpointer: Checkpointer;
    readonly pin: Pin;
  }) {
    this.path = opened.path;
    this.fd = opened.fd;
    this.walIndex = WalIndex.open(opened.path);
    this.#checkpointer = Promise.resolve(opened.checkpointer);
    this.pins = new Pins({
      path: opened.path,
      first: opened.pin,
      walIndex: this.walIndex,
      counts: () => this.counts(),
    });
  }

  /**
   * Opens a database in WAL mode and takes the first pin. Fails with `database-missing`, `-no-permission`, `-not-wal`,
   * `-busy`, `-damaged` or `-not-sqlite`.
   */
  static async open(path: string): Promise<Connections> {
    let fd: number | undefined;
    let checkpointer: Checkpointer | undefined;
    let pin: Pin | undefined;
    try {
      fd = fs.openSync(path, 'r');
      fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK);
      checkpointer = await Checkpointer.open(path);
      pin = openPin(path);
      pin.take();
      return new Connections({ path, fd, checkpointer, pin });
    } catch (error) {
      // Read-only connections last, the descriptor after them.
      await checkpointer?.[Symbol.asyncDispose]();
      pin?.connection.close();
      if (fd !== undefined) fs.closeSync(fd);
      throw classifySourceError(error, path);
    }
  }

  /** Frames in the WAL that are committed, and how many are backfilled. Takes no lock. */
  counts(): WalCounts {
    const header = this.walIndex?.read();
    if (header !== undefined) return { frames: header.frames, backfilled: header.backfilled };
    this.#observer ??= openObserver(this.path);
    return toCounts(this.#observer.noop.get());
  }

  /** Closes what a database that nobody writes does not need: all but the pin. It opens again by itself. */
  async relax(): Promise<void> {
    const { checkpointer } = this.#letGo();
    this.pins.relax();
    await (await checkpointer)?.[Symbol.asyncDispose]();
  }

  /**
   * SQLite's PASSIVE checkpoint, in the checkpoint thread: copies what no reader prevents, waits for nobody. Judge it by the
   * counts. `isBlocked`: somebody else is checkpointing at this moment, or, `atOnce`, the thread has other work.
   */
  async checkpoint(options: CheckpointOptions = {}): Promise<WalCounts & { readonly isBlocked: boolean }> {
    const checkpointer = await this.#openCheckpointer();
    const counts = await checkpointer.checkpoint(options);
    return counts === undefined ? { ...this.counts(), isBlocked: true } : { ...counts, isBlocked: false };
  }

  /**
   * Empties a WAL that must not be left, as the application would have done when it closed last: the one checkpoint of ours
   * that is not PASSIVE. For a WAL that is copied whole, with the pin at rest; waits for nobody. False where it could not be
   * done.
   */
  async emptyWal(): Promise<boolean> {
    const isEmpty = await (await this.#openCheckpointer()).empty();
    if (isEmpty) this.mayLoseWal = false;
    return isEmpty;
  }

  /**
   * Brings the database file to the disk. SQLite does so at the end of a checkpoint that copied everything: done before, it
   * takes a writer that waits for that end much less time.
   */
  async flush(): Promise<void> {
    // @NOTE Where a descriptor for reading cannot do it (Windows), the checkpoint does it as ever.
    await new Promise<void>((done) => fs.fsync(this.fd, () => done()));
  }

  /** Checkpoints that were ordered before, of any database, are not done. */
  async isCheckpointerBusy(): Promise<boolean> {
    return (await this.#openCheckpointer()).isBusy;
  }

  /** Resolves when a checkpoint would run at once: no other database's is under way. */
  async checkpointerIdle(): Promise<void> {
    await (await this.#openCheckpointer()).idle();
  }

  /** The WAL's file was cut off, as a TRUNCATE checkpoint does. */
  get isWalEmpty(): boolean {
    return fs.statSync(`${this.path}-wal`, { throwIfNoEntry: false })?.size === 0;
  }

  /** A checkpoint copies what the WAL holds, or has done so; one that still waits for a reader does not. True where it cannot be told. */
  get isBeingCopied(): boolean {
    const header = this.walIndex?.read();
    return header === undefined || header.attempted >= header.frames;
  }

  /**
   * Runs `work` while holding the write lock, so that nobody commits meanwhile; false when another writer holds it for the
   * whole of so many `bursts` of a millisecond. Nothing is written: the transaction is rolled back.
   */
  async whileLocked(work: () => Promise<void>, bursts = lockBursts): Promise<boolean> {
    const sealer = (this.#sealer ??= openSealer(this.path));
    if (!(await takeWriteLock(sealer, this.path, bursts))) return false;
    try {
      await work();
    } finally {
      sealer.exec('ROLLBACK');
    }
    return true;
  }

  /** Closes in the order that leaves the WAL in place: read-only connections last, then the descriptor. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    if (this.mayLoseWal) await this.#openCheckpointer().catch(() => {});
    const { checkpointer } = this.#letGo();
    try {
      if (this.mayLoseWal) this.pins.close();
      await (await checkpointer)?.[Symbol.asyncDispose]();
    } finally {
      if (!this.mayLoseWal) this.pins.close();
      this.walIndex?.[Symbol.dispose]();
      fs.closeSync(this.fd);
    }
  }

  async #openCheckpointer(): Promise<Checkpointer> {
    this.#checkpointer ??= Checkpointer.open(this.path);
    const opening = this.#checkpointer;
    try {
      return await opening;
    } catch (error) {
      // Not for good: the path may lead to the database again.
      if (this.#checkpointer === opening) this.#checkpointer = undefined;
      throw error;
    }
  }

  /** Closes what may write, but for the checkpointer, which its thread closes. */
  #letGo(): { readonly checkpointer: Promise<Checkpointer | undefined> | undefined } {
    this.#sealer?.close();
    this.#sealer = undefined;
    this.#observer?.connection.close();
    this.#observer = undefined;
    // @NOTE One that could not be opened needs no closing.
    const checkpointer = this.#checkpointer?.catch(() => undefined);
    this.#checkpointer = undefined;
    return { checkpointer };
  }
}

interface Observer {
  readonly connection: Database.Database;
  readonly noop: Database.Statement<[], readonly [number, number, number]>;
}

function openObserver(path: string): Observer {
  const connection = openWriter(path, busyTimeoutMs);
  const noop = connection.prepare<[], readonly [number, number, number]>('PRAGMA wal_checkpoint(NOOP)').raw();
  return { connection, noop };
}

/** A writer that commits without pause leaves the lock for microseconds: looks closely, in bursts, for a moment. */
async function takeWriteLock(sealer: Database.Database, path: string, bursts: number): Promise<boolean> {
  for (let burst = 0; burst < bursts; burst++) {
    const endAt = performance.now() + lockBurstMs;
    while (performance.now() < endAt) {
      try {
        sealer.exec('BEGIN IMMEDIATE');
        return true;
      } catch (error) {
        if (!isBusy(error)) throw classifySourceError(error, path);
      }
    }
    await nextTurn();
  }
  return false;
}

function openSealer(path: string): Database.Database {
  try {
    return openWriter(path, 0);
  } catch (error) {
    throw classifySourceError(error, path);
  }
}

/** A connection that may take the write lock, and never checkpoints by itself. */
function openWriter(path: string, timeout: number): Database.Database {
  const connection = new Database(path, { timeout, fileMustExist: true });
  connection.pragma('wal_autocheckpoint = 0');
  return connection;
}

function toCounts(row: readonly [number, number, number] | undefined): WalCounts {
  const [, frames = 0, backfilled = 0] = row ?? [];
  return { frames: Math.max(0, frames), backfilled: Math.max(0, backfilled) };
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code);
}
