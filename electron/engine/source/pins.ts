// The pins on one live database: always at least one read transaction that keeps the WAL from restarting unseen, but for the
// rare moments of `stepAside`. Owns their read-only connections. When a pin moves is capture/capture.ts and upkeep/wal-upkeep.ts.
import { setImmediate as nextTurn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import type { WalCounts } from './checkpointer.ts';
import { AppError } from '../../../shared/errors.ts';
import { Holds } from './holds.ts';
import { classifySourceError } from './source-errors.ts';
import type { WalIndex, WalIndexHeader } from './wal-index.ts';

export interface Pin {
  readonly connection: Database.Database;
  readonly take: () => void;
  readonly release: () => void;
}

export interface PinsOptions {
  readonly path: string;
  /** Is taken. */
  readonly first: Pin;
  readonly walIndex: Pick<WalIndex, 'read'> | undefined;
  readonly counts: () => WalCounts;
}

/** What the WAL held when a pin was taken. */
interface Place {
  /** Committed frames, at most. */
  readonly frames: number;
  readonly salts: WalIndexHeader['salts'] | undefined;
}

/** Short, since the engine's thread waits with it. */
const busyTimeoutMs = 20;
/** How long is looked without a turn of the event loop while no pin is held. */
const burstMs = 2;

export class Pins {
  readonly #options: PinsOptions;
  #pin: Pin;
  #spare: Pin | undefined;
  #at: Place | undefined;
  /** Pins that are kept for somebody: the present one, or former ones. */
  readonly #kept = new Holds<Pin>();

  constructor(options: PinsOptions) {
    this.#options = options;
    this.#pin = options.first;
  }

  /** The pin lies at this frame of the present WAL, or behind it; undefined before it was ever moved. */
  get frames(): number | undefined {
    return this.#at?.frames;
  }

  /**
   * Moves the pin: takes a new one, runs `drain` while the old one still keeps the WAL from restarting twice, lets the old
   * one go. If draining fails the old pin stays. Where it is certain that the new one keeps the WAL from restarting at all,
   * the old one goes before that, since a checkpoint may wait for it: `beforeEarly` runs right before, and may refuse by throwing.
   */
  async advance(drain: () => Promise<void>, beforeEarly?: () => void): Promise<void> {
    const next = (this.#spare ??= openSpare(this.#options.path));
    // What is committed between the count and the pin only makes the count too low.
    const before = this.#options.walIndex?.read();
    const { frames } = before ?? this.#options.counts();
    next.take();
    try {
      const place = before && this.#placeInWal(before);
      if (beforeEarly !== undefined && place !== undefined) {
        beforeEarly();
        this.#swap(next, place);
      }
      await drain();
    } catch (error) {
      if (this.#pin !== next) next.release();
      throw error;
    }
    if (this.#pin !== next) this.#swap(next, { frames, salts: before?.salts });
  }

  /**
   * For `ms`, moves the pin with each commit, without anything being read, as long as it is certain that the WAL cannot
   * restart meanwhile. An application's checkpoint that comes right behind its commit then finds the pin at the end. True
   * when it moved. `beforeMove` may refuse by throwing.
   */
  follow(ms: number, beforeMove: () => void): boolean {
    let isMoved = false;
    for (const endAt = performance.now() + ms; performance.now() < endAt;) {
      const before = this.#options.walIndex?.read();
      if (before === undefined || before.frames === before.backfilled) break;
      if (isSameWal(before, this.#at) && before.frames === this.#at?.frames) continue;
      const next = (this.#spare ??= openSpare(this.#options.path));
      next.take();
      try {
        const place = this.#placeInWal(before);
        if (place === undefined) break;
        beforeMove();
        this.#swap(next, place);
        isMoved = true;
      } finally {
        if (this.#pin !== next) next.release();
      }
    }
    return isMoved;
  }

  /**
   * Lets the pin go until somebody's checkpoint gets on or `ms` have passed, then takes it again. Whether anything happened in
   * between that was not seen is for the caller to prove.
   */
  async stepAside(ms: number): Promise<void> {
    const pin = this.#pin;
    const before = this.#look();
    const endAt = performance.now() + ms;
    pin.release();
    try {
      while (performance.now() < endAt) {
        // Look often for a moment, then let others run.
        for (const burstEndAt = performance.now() + burstMs; performance.now() < burstEndAt;) {
          if (this.#look() !== before) return;
        }
        await nextTurn();
      }
    } finally {
      pin.take();
      this.#at = undefined;
    }
  }

  #look(): string {
    const header = this.#options.walIndex?.read();
    const { frames, backfilled } = header ?? this.#options.counts();
    return `${frames} ${backfilled} ${header?.attempted}`;
  }

  /** A former pin is held, or the present one will be when it moves: checkpoints cannot finish. */
  get isKeeping(): boolean {
    return !this.#kept.isEmpty;
  }

  /** Holds the pin that there is now, where it lies, until what this returns is disposed of. */
  keep(): Disposable {
    const pin = this.#pin;
    return this.#kept.hold(pin, () => {
      if (pin !== this.#pin) closePin(pin);
    });
  }

  /**
   * Lets the pin go and takes it at the end of a WAL that is copied whole: from then on others may empty it. What is committed in
   * between is behind it.
   */
  retake(): void {
    const before = this.#options.walIndex?.read();
    const { frames } = before ?? this.#options.counts();
    this.#pin.release();
    this.#pin.take();
    this.#at = { frames, salts: before?.salts };
  }

  /** Closes what is not held; it opens again by itself. */
  relax(): void {
    this.#spare?.connection.close();
    this.#spare = undefined;
  }

  /** Lets go of everything. Idempotent. */
  close(): void {
    this.relax();
    for (const pin of this.#kept.held) if (pin !== this.#pin) closePin(pin);
    this.#kept.clear();
    closePin(this.#pin);
  }

  /** After {@link close}: takes a pin anew, wherever the WAL ends now. */
  reopen(): void {
    this.#at = undefined;
    this.#pin = openPin(this.#options.path);
    this.#pin.take();
  }

  /**
   * Where a pin lies that was taken just now, after `before`, when it reads through the WAL: not everything in it was backfilled
   * then, and it is the same WAL. SQLite gives it the slot that permits a restart only where everything is.
   */
  #placeInWal(before: WalIndexHeader): Place | undefined {
    const now = this.#options.walIndex?.read();
    if (now === undefined || !isSameWal(now, before) || now.backfilled >= before.frames) return undefined;
    return { frames: before.frames, salts: before.salts };
  }

  #swap(next: Pin, at: Place): void {
    const isKept = this.#kept.has(this.#pin);
    if (!isKept) this.#pin.release();
    this.#spare = isKept ? undefined : this.#pin;
    this.#pin = next;
    this.#at = at;
  }
}

/** One more connection for pins. `onJoined` runs as soon as it has read once, and with it taken the lock on the database file. */
export function openPin(path: string, onJoined?: () => void): Pin {
  const connection = new Database(path, { readonly: true, timeout: busyTimeoutMs, fileMustExist: true });
  if (onJoined !== undefined) {
    const mode = String(connection.pragma('journal_mode', { simple: true }));
    onJoined();
    if (mode !== 'wal') {
      connection.close();
      throw new AppError('database-not-wal', { path, mode });
    }
  }
  // Once more after the schema was read: a cache this small takes no memory in advance, which adds up over many databases.
  connection.pragma('cache_size = 1');
  connection.pragma('shrink_memory');
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

function closePin(pin: Pin): void {
  pin.release();
  pin.connection.close();
}

function openSpare(path: string): Pin {
  try {
    return openPin(path);
  } catch (error) {
    throw classifySourceError(error, path);
  }
}

function isSameWal(one: WalIndexHeader, other: Place | undefined): boolean {
  return other?.salts !== undefined && one.salts[0] === other.salts[0] && one.salts[1] === other.salts[1];
}
