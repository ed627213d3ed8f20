// The SQLite connections that Tidemark has on a live database while somebody writes to it. How pins move is pins.ts; when any of
// this is there at all is capture/capture.ts. Never writes: the only changes it may cause are SQLite's own checkpoints.
// Two ways of being there. *Light*: read-only pins that keep the WAL from restarting, and no lock on the database file, so that
// the application's own last close empties and deletes the WAL as it would without us. SQLite holds that lock for as long as a
// connection is open, but POSIX locks belong to the process, and closing any descriptor of a file lets go of all of them: that
// is done here on purpose, and only while nothing of ours may write. *Firm*: with the lock, and connections that checkpoint. The
// last one to close may write, so that SQLite copies and deletes what it would have deleted for the application.
import fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { must } from '../../../shared/assert.ts';
import { Checkpointer, type CheckpointOptions, type WalCounts } from './checkpointer.ts';
import { AppError } from '../../../shared/errors.ts';
import { isLockedByOthers } from './identity.ts';
import { classifySourceError } from './source-errors.ts';
import { openPin, type Pin, Pins } from './pins.ts';
import { WalIndex } from './wal-index.ts';
import { lookAt } from '../basics/files.ts';

/** How long SQLite itself retries before a call of ours reports "busy"; short, since the worker thread waits with it. */
const busyTimeoutMs = 20;
/** SQLite recovers a WAL of this size within a millisecond or so. */
const recoveredHereBytes = 1024 * 1024;
const lockBurstMs = 1;
const lockBursts = 10;
/** Where locks belong to descriptors, not to the process, a lock cannot be let go by itself. */
const canBeLight = process.platform !== 'win32';

/** `light` waits for nothing that others do with the file; `firm` may checkpoint. */
export type Hold = 'light' | 'firm';

export class Connections implements AsyncDisposable {
  readonly path: string;
  /** A descriptor of the database file: opened before and closed after every connection. */
  readonly fd: number;
  /** The header of the wal-index, where it can be read. */
  readonly walIndex: WalIndex | undefined;
  readonly pins: Pins;
  #hold: Hold = 'firm';
  /** In the checkpoint thread; undefined while it is not needed. */
  #checkpointer: Promise<Checkpointer> | undefined;
  /** May take the write lock. Opened first, and with a read, when the hold becomes firm: it gets the lock on the file. */
  #writer: Database.Database | undefined;
  #closing: Promise<void> | undefined;

  private constructor(opened: { readonly path: string; readonly fd: number; readonly pin: Pin }) {
    this.path = opened.path;
    this.fd = opened.fd;
    this.walIndex = WalIndex.open(opened.path);
    this.pins = new Pins({
      path: opened.path,
      first: opened.pin,
      walIndex: this.walIndex,
      counts: () => this.counts(),
    });
  }

  /**
   * Opens a database in WAL mode and takes the first pin; `light`, where that can be had. Fails with `database-missing`,
   * `-no-permission`, `-not-wal`, `-busy`, `-damaged` or `-not-sqlite`.
   */
  static async open(path: string, hold: Hold = 'firm'): Promise<Connections> {
    const isLight = hold === 'light' && canBeLight;
    let fd: number | undefined;
    let pin: Pin | undefined;
    let checkpointer: Checkpointer | undefined;
    let opened: Database.Database | undefined;
    try {
      fd = fs.openSync(path, 'r');
      fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK);
      // The recovery of a large WAL must not hold up this thread. Where others have it open there is none.
      if (!isLight && walBytesOf(path) > recoveredHereBytes) checkpointer = await Checkpointer.open(path);
      const writer = isLight ? undefined : openWriter(path);
      opened = writer;
      // For as long as the lock is there the application could not close as it would without us.
      pin = openPin(path, isLight ? () => letGoOfFile(path) : undefined);
      pin.take();
      const connections = new Connections({ path, fd, pin });
      if (isLight && connections.#mayBeLight) {
        connections.#letGoOfIndex();
        connections.#hold = 'light';
        return connections;
      }
      if (checkpointer !== undefined) connections.#checkpointer = Promise.resolve(checkpointer);
      connections.#writer = writer ?? openWriter(path);
      return connections;
    } catch (error) {
      pin?.release();
      pin?.connection.close();
      opened?.close();
      await checkpointer?.[Symbol.asyncDispose]();
      if (fd !== undefined) fs.closeSync(fd);
      throw classifySourceError(error, path);
    }
  }

  get hold(): Hold {
    return this.#hold;
  }

  /** Without the wal-index nothing could be proved of the moment in which the hold becomes firm again. */
  get #mayBeLight(): boolean {
    return canBeLight && this.walIndex !== undefined;
  }

  /**
   * Takes the lock on the database file again. No pin is held for a moment: whether anything happened meanwhile that was not seen
   * is for the caller to prove. Nothing is kept meanwhile for images (`pins.isKeeping`).
   */
  firm(): void {
    if (this.#hold === 'firm') return;
    this.pins.close();
    try {
      this.#writer = openWriter(this.path);
      this.pins.reopen();
      this.#hold = 'firm';
    } catch (error) {
      throw classifySourceError(error, this.path);
    }
  }

  /**
   * The same while nobody can commit: `drain` runs when that is so. Writers that were told to wait do not come back at once, so the
   * moment without a pin is over before. False where another writer has the lock all the time.
   */
  async firmWhileLocked(drain: () => Promise<unknown>): Promise<boolean> {
    if (this.#hold === 'firm') return true;
    const guard = openClassified(this.path);
    try {
      if (!(await takeWriteLock(guard, this.path, lockBursts))) return false;
      await drain();
      guard.exec('ROLLBACK');
    } finally {
      // Before the pins, so that it is not the last one to close.
      guard.close();
    }
    this.firm();
    return true;
  }

  /**
   * Lets go of the lock on the database file, and of what needs it. The pin is taken anew: whoever starts the WAL over in that
   * moment is found by counting transactions. Does nothing where that cannot be done.
   */
  async ease(): Promise<void> {
    if (this.#hold === 'light' || !this.#mayBeLight || this.pins.isKeeping) return;
    await this.#closeWriting();
    letGoOfFile(this.path);
    this.#letGoOfIndex();
    this.#hold = 'light';
  }

  /**
   * From 3.51 on, the last connection to close leaves everything as it is, too, where somebody has the wal-index locked as all who
   * open it do. The pin needs no more than its own lock there, which goes with the others and is taken again.
   */
  #letGoOfIndex(): void {
    WalIndex.open(this.path)?.[Symbol.dispose]();
    this.pins.retake();
  }

  /** Frames in the WAL that are committed, and how many are backfilled. Takes no lock. */
  counts(): WalCounts {
    const header = this.walIndex?.read();
    if (header !== undefined) return { frames: header.frames, backfilled: header.backfilled };
    if (this.#writer === undefined) return { frames: 0, backfilled: 0 };
    return toCounts(this.#writer.prepare<[], CountRow>('PRAGMA wal_checkpoint(NOOP)').raw().get());
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
   * SQLite's TRUNCATE checkpoint, for a WAL that is copied whole, with the pin at rest; waits for nobody. False where somebody
   * reads or writes at this moment.
   */
  async emptyWal(): Promise<boolean> {
    return await (await this.#openCheckpointer()).empty();
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

  /** The sidecars beside the database are those that are open here. Undefined where it cannot be told. */
  get isBeside(): boolean | undefined {
    if (this.walIndex === undefined) return undefined;
    try {
      return fs.statSync(`${this.path}-shm`, { throwIfNoEntry: false })?.ino === this.walIndex.inode;
    } catch {
      // @NOTE The folder cannot be looked at: that is for who has to do something there.
      return undefined;
    }
  }

  /** Another process has the database open, too; undefined where the system does not tell. */
  get isShared(): boolean | undefined {
    return this.walIndex === undefined ? undefined : isLockedByOthers(this.walIndex.inode);
  }

  /** The WAL's file was cut off, as a TRUNCATE checkpoint does. */
  get isWalEmpty(): boolean {
    return lookAt(`${this.path}-wal`)?.size === 0;
  }

  /** How the WAL's file looks: another one after each write, as far as the file system's clock tells. */
  get walLook(): string {
    const wal = lookAt(`${this.path}-wal`);
    return wal === undefined ? '' : `${wal.size}:${wal.mtimeMs}`;
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
    const writer = must(this.#writer, 'the hold is firm');
    if (!(await takeWriteLock(writer, this.path, bursts))) return false;
    try {
      await work();
    } finally {
      writer.exec('ROLLBACK');
    }
    return true;
  }

  /**
   * Lets go of everything. Where the hold is firm, one that may write goes last: where nobody else has the database open, SQLite
   * then copies what is left and deletes the WAL. Idempotent.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    // Closing a descriptor of a file lets go of POSIX locks that SQLite has on it; on Windows SQLite could not delete the file.
    const { walIndex } = this;
    try {
      if (!canBeLight) walIndex?.[Symbol.dispose]();
      this.pins.close();
      await this.#closeWriting();
    } finally {
      if (canBeLight) walIndex?.[Symbol.dispose]();
      fs.closeSync(this.fd);
    }
  }

  async #closeWriting(): Promise<void> {
    // @NOTE One that could not be opened needs no closing.
    const checkpointer = this.#checkpointer?.catch(() => undefined);
    this.#checkpointer = undefined;
    // What the last one to close has to copy is copied in the thread.
    const opened = await checkpointer;
    this.#writer?.close();
    this.#writer = undefined;
    await opened?.[Symbol.asyncDispose]();
  }

  async #openCheckpointer(): Promise<Checkpointer> {
    must(this.#hold === 'firm', 'only then may be written');
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
}

function walBytesOf(path: string): number {
  return lookAt(`${path}-wal`)?.size ?? 0;
}

type CountRow = readonly [number, number, number];

/** A writer that commits without pause leaves the lock for microseconds: looks closely, in bursts, for a moment. */
async function takeWriteLock(writer: Database.Database, path: string, bursts: number): Promise<boolean> {
  for (let burst = 0; burst < bursts; burst++) {
    const endAt = performance.now() + lockBurstMs;
    while (performance.now() < endAt) {
      try {
        writer.exec('BEGIN IMMEDIATE');
        return true;
      } catch (error) {
        if (!isBusy(error)) throw classifySourceError(error, path);
      }
    }
    await nextTurn();
  }
  return false;
}

/** A connection that may take the write lock, and never checkpoints by itself. Its first read takes the lock on the file. */
function openWriter(path: string): Database.Database {
  const connection = new Database(path, { timeout: busyTimeoutMs, fileMustExist: true });
  try {
    connection.pragma('wal_autocheckpoint = 0');
    connection.pragma('cache_size = 1');
    const mode = String(connection.pragma('journal_mode', { simple: true }));
    if (mode !== 'wal') throw new AppError('database-not-wal', { path, mode });
    connection.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get();
    connection.pragma('busy_timeout = 0');
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function openClassified(path: string): Database.Database {
  try {
    return openWriter(path);
  } catch (error) {
    throw classifySourceError(error, path);
  }
}

/** Lets go of all locks that this process has on a file, which those who have them do not notice. */
function letGoOfFile(path: string): void {
  fs.closeSync(fs.openSync(path, 'r'));
}

function toCounts(row: CountRow | undefined): WalCounts {
  const [, frames = 0, backfilled = 0] = row ?? [];
  return { frames: Math.max(0, frames), backfilled: Math.max(0, backfilled) };
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code);
}
