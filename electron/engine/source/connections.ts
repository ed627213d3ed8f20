// The SQLite connections and the file descriptor that Tidemark keeps on one live database. Owns the pins.
// Never writes: the only change it may cause is SQLite's own checkpoint, PASSIVE but for `mayLoseWal`. Opening order and
// closing order matter: POSIX locks belong to the process (closing any descriptor of the file drops them all), and the last
// connection to close must be read-only, or SQLite deletes the WAL (wanted for `mayLoseWal` too). Reading is wal-reader.ts.
import fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { Checkpointer, type CheckpointOptions, type WalCounts } from './checkpointer.ts';
import { classifySourceError } from './source-errors.ts';
import { WalIndex, type WalIndexHeader } from './wal-index.ts';

interface Pin {
  readonly connection: Database.Database;
  readonly take: () => void;
  readonly release: () => void;
}

/** What the WAL held when a pin was taken; its salts where they could be read. */
type PinnedAt = Pick<WalIndexHeader, 'frames'> & Partial<Pick<WalIndexHeader, 'salts'>>;

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
  /** The pin that is held, and the one that takes turns with it. */
  #pin: Pin;
  #spare: Pin | undefined;
  #pinnedAt: PinnedAt | undefined;
  #images = 0;
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
    this.#pin = opened.pin;
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

  /** The pin lies at this frame of the present WAL, or behind it; undefined before it was ever moved. */
  get pinnedFrames(): number | undefined {
    return this.#pinnedAt?.frames;
  }

  /** Closes what a database that nobody writes does not need: all but the pin. It opens again by itself. */
  async relax(): Promise<void> {
    const { checkpointer } = this.#letGo();
    this.#spare?.connection.close();
    this.#spare = undefined;
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
    await (await this.#checkpointer?.catch(() => undefined))?.idle();
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
   * Lets the pin go until the counts change or `ms` have passed, then takes it again. Whether anything happened in between
   * that was not seen is for the caller to prove.
   */
  async withoutPin(ms: number): Promise<void> {
    const pin = this.#pin;
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
   * one go. If draining fails the old pin stays. Where it is certain that the new one keeps the WAL from restarting at all,
   * the old one goes before that, since a checkpoint may wait for it: `beforeEarly` runs right before, and may refuse by throwing.
   */
  async advance(drain: () => Promise<void>, beforeEarly?: () => void): Promise<void> {
    const next = (this.#spare ??= this.#openSpare());
    // What is committed between the count and the pin only makes the count too low.
    const before = this.walIndex?.read();
    const at = before ?? this.counts();
    next.take();
    try {
      if (beforeEarly !== undefined && this.#isInWal(before)) {
        beforeEarly();
        this.#swap(next, at);
      }
      await drain();
    } catch (error) {
      if (this.#pin !== next) next.release();
      throw error;
    }
    if (this.#pin !== next) this.#swap(next, at);
  }

  /**
   * A pin that was taken just now, after `before`, reads through the WAL: not everything in it was backfilled then, and it is
   * the same WAL. SQLite gives it the slot that permits a restart only where everything is.
   */
  #isInWal(before: WalIndexHeader | undefined): boolean {
    const now = this.walIndex?.read();
    if (now === undefined || before === undefined) return false;
    return isSameWal(now, before) && now.backfilled < before.frames;
  }

  /**
   * For `ms`, moves the pin with each commit, without anything being read, as long as it is certain that the WAL cannot
   * restart meanwhile. An application's checkpoint that comes right behind its commit then finds the pin at the end. True
   * when it moved. `beforeMove` may refuse by throwing.
   */
  follow(ms: number, beforeMove: () => void): boolean {
    let isMoved = false;
    for (const endAt = performance.now() + ms; performance.now() < endAt;) {
      const before = this.walIndex?.read();
      if (before === undefined || before.frames === before.backfilled) break;
      if (isSameWal(before, this.#pinnedAt) && before.frames === this.#pinnedAt?.frames) continue;
      const next = (this.#spare ??= this.#openSpare());
      next.take();
      try {
        if (!this.#isInWal(before)) break;
        beforeMove();
        this.#swap(next, before);
        isMoved = true;
      } finally {
        if (this.#pin !== next) next.release();
      }
    }
    return isMoved;
  }

  #swap(next: Pin, at: PinnedAt): void {
    this.#pin.release();
    this.#spare = this.#pin;
    this.#pin = next;
    this.#pinnedAt = at;
  }

  /**
   * Runs `work` while holding the write lock, so that nobody commits meanwhile; false when another writer holds it.
   * Nothing is written: the transaction is rolled back.
   */
  async whileLocked(work: () => Promise<void>): Promise<boolean> {
    const sealer = (this.#sealer ??= openWriter(this.path, 0));
    if (!(await takeWriteLock(sealer, this.path))) return false;
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
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    if (this.mayLoseWal) await this.#openCheckpointer().catch(() => {});
    const { checkpointer } = this.#letGo();
    const closePins = (): void => {
      this.#spare?.connection.close();
      this.#pin.release();
      this.#pin.connection.close();
    };
    try {
      if (this.mayLoseWal) closePins();
      await (await checkpointer)?.[Symbol.asyncDispose]();
    } finally {
      if (!this.mayLoseWal) closePins();
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

  #openSpare(): Pin {
    try {
      return openPin(this.path);
    } catch (error) {
      throw classifySourceError(error, this.path);
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

/** A writer that commits without pause leaves the lock for microseconds: looks closely, in bursts, for a moment. */
async function takeWriteLock(sealer: Database.Database, path: string): Promise<boolean> {
  for (let burst = 0; burst < lockBursts; burst++) {
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

/** A connection that may take the write lock, and never checkpoints by itself. */
function openWriter(path: string, timeout: number): Database.Database {
  const connection = new Database(path, { timeout, fileMustExist: true });
  connection.pragma('wal_autocheckpoint = 0');
  return connection;
}

function isSameWal(one: WalIndexHeader, other: PinnedAt | undefined): boolean {
  return other?.salts !== undefined && one.salts[0] === other.salts[0] && one.salts[1] === other.salts[1];
}

function toCounts(row: readonly [number, number, number] | undefined): WalCounts {
  const [, frames = 0, backfilled = 0] = row ?? [];
  return { frames: Math.max(0, frames), backfilled: Math.max(0, backfilled) };
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code);
}
