// A database while nothing of ours is connected to it: how it looked when it was left, and what a look from outside tells now:
// nobody was there, somebody is, or it changed without having been seen. Asks the directory only: opens nothing.
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError, mustNotBeShort } from '../../../shared/errors.ts';
import { databaseHeaderBytes, parseDatabaseHeader } from '../source/header.ts';
import { WalIndex } from '../source/wal-index.ts';
import { readJournal } from '../source/journal.ts';
import { readFully } from '../source/wal-reader.ts';
import {
  checkNoLink,
  type FileIdentity,
  type FileLook,
  findMoved,
  identityOf,
  isSameFile,
  isLockedByOthers,
  isWorkedOn,
  type Trail,
} from '../source/identity.ts';

/** File systems take a file's times from a clock that ticks every few milliseconds; FAT every two seconds. */
const tickMs = 50;
const coarseTickMs = 4000;
/**
 * Who commits and closes at once is not joined in that moment: joining takes, for some microseconds, the lock that the close needs to
 * empty and delete the WAL. Whoever is still there after this time stays, as a rule.
 */
const joinAfterMs = 10;
/** Whoever writes so much before goes on writing, as a rule. */
const joinAtBytes = 256 * 1024;
const joinAnywayMs = 2;
/** Nor is who copies all of its WAL into the database, and may want to empty it, for at most so long. */
const copyingMs = 40;
/** SQLite makes the WAL before the wal-index; who keeps a database for itself makes none. */
const makingMs = 100;
/** Who writes to the file beside SQLite writes for long: it is looked at again until it rests for so long. */
const stillMs = 150;

/** How a database looked when it was left: all that was captured lay in its file. */
export interface Left extends FileLook {
  readonly identity: FileIdentity;
  readonly trail: Trail;
  /** The wal-index that others went on with, SQLite's count of transactions there, and the first salt. */
  readonly index: { readonly inode: number; readonly changes: number; readonly salt: number } | undefined;
  /** A later change would have left another time. */
  readonly isSettled: boolean;
  /** Somebody keeps the database for itself. */
  readonly isHeld?: boolean;
}

export type Sight =
  /** As it was left: nobody wrote. */
  | { readonly kind: 'nobody' }
  /** Look again so soon. */
  | { readonly kind: 'unclear'; readonly againMs: number }
  /** Somebody has it open and wrote, in a WAL that can be joined. */
  | { readonly kind: 'somebody' }
  /** Empty sidecars lie there, and nobody has it open. */
  | { readonly kind: 'left-over' }
  /** Somebody keeps it for itself: there is a WAL, and nothing that others could use it by. */
  | { readonly kind: 'held' }
  /** Somebody deleted the sidecars and goes on writing to them. */
  | { readonly kind: 'detached' }
  /** The file changed, and nobody who did it is there any more. */
  | { readonly kind: 'changed' };

/** Each restart of a WAL adds one to its first salt; one that began anew has any. */
const mostRestarts = 1000;

/**
 * Whether a wal-index is the one that others went on with: then its count of transactions goes on, too. Another one may have the
 * same inode, and one that was recovered counts anew.
 */
export function isSameIndex(
  left: NonNullable<Left['index']>,
  now: { readonly inode: number; readonly salts: readonly [number, number] },
): boolean {
  return left.inode === now.inode && (now.salts[0] - left.salt) >>> 0 <= mostRestarts;
}

/** What the directory says of a database. */
export interface Seen extends FileLook {
  readonly identity: FileIdentity;
  /** Undefined where there is none. */
  readonly walBytes: number | undefined;
  readonly hasIndex: boolean;
  readonly hasJournal: boolean;
}

/** Looks at a database and its sidecars. Fails with `database-missing` or `-is-link`. */
export function see(path: string): Seen {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  checkNoLink(path, stat);
  if (stat === undefined) throw new AppError('database-missing', { path });
  const sizeOf = (end: string): number | undefined => fs.statSync(path + end, { throwIfNoEntry: false })?.size;
  return {
    identity: identityOf(stat),
    size: stat.size,
    modifiedAt: stat.mtimeMs,
    walBytes: sizeOf('-wal'),
    hasIndex: sizeOf('-shm') !== undefined,
    hasJournal: isHot(`${path}-journal`),
  };
}

function isHot(journal: string): boolean {
  try {
    const kind = readJournal(journal);
    return kind === 'hot' || kind === 'foreign';
  } catch (error) {
    mustNotBeShort(error);
    // @NOTE Of one that may not be read nothing can be told.
    return false;
  }
}

/** A change from now on would leave another time than this file has: `now` is by the clock that file systems use. */
export function isSettled({ modifiedAt }: FileLook, now: number): boolean {
  const ageMs = now - modifiedAt;
  return ageMs >= (modifiedAt % 1000 === 0 ? coarseTickMs : tickMs);
}

export class Absence {
  readonly #path: string;
  #left: Left;
  /** What was seen last, and since when it has looked so. */
  #seen: Seen | undefined;
  #since = 0;
  #isDetached = false;
  /** It was tried to have what is left over removed. */
  #isTidied = false;
  /** Since when somebody is there who wrote. */
  #writtenSince: number | undefined;

  constructor(path: string, left: Left) {
    this.#path = path;
    this.#left = left;
  }

  get left(): Left {
    return this.#left;
  }

  /** At the last look its file was not as it was left: somebody writes to it, or did. */
  get isTouched(): boolean {
    const seen = this.#seen;
    return seen !== undefined && (seen.size !== this.#left.size || seen.modifiedAt !== this.#left.modifiedAt);
  }

  /**
   * Waits until a change of the file would leave another time than it has: from then on, what is read of it can be proved. No
   * longer than any file system needs: where its time lies ahead of the clock, each change leaves another one.
   */
  async untilTold(): Promise<void> {
    const endAt = performance.now() + coarseTickMs;
    while (!isSettled(this.#see(), Date.now()) && performance.now() < endAt) await delay(tickMs / 2);
  }

  /** As it looks now: what changed is known. */
  again(): Absence {
    const { size, modifiedAt } = this.#see();
    const look = { size, modifiedAt };
    const isFresh = isSettled(look, Date.now());
    return new Absence(this.#path, { ...this.#left, ...look, index: undefined, isSettled: isFresh });
  }

  /** Its header says that it is in WAL mode. Opens it: nothing of ours has it open. */
  get isWal(): boolean {
    const fd = fs.openSync(this.#path, 'r');
    try {
      const bytes = new Uint8Array(databaseHeaderBytes);
      readFully(fd, bytes, 0);
      return parseDatabaseHeader(bytes)?.isWal === true;
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Nothing was told since it was left, and a while has passed: the next change leaves another time. */
  settle(): void {
    if (this.look().kind === 'nobody') this.#left = { ...this.#left, isSettled: true };
  }

  /** The directory told of a write to the WAL. One that has not been there for a while was deleted under an application. */
  walWritten(): void {
    const isGone =
      this.#seen?.walBytes === undefined && this.#seen !== undefined && performance.now() - this.#since > makingMs;
    if (isGone && this.#see().walBytes === undefined) this.#isDetached = true;
  }

  /** What is left over was to be removed: where it is still there, it is somebody's. */
  tidied(): void {
    this.#isTidied = true;
  }

  /** Fails with `database-missing`, `-moved` or `-replaced` where the path does not lead to the file that was left. */
  look(): Sight {
    const now = performance.now();
    const seen = this.#see();
    if (this.#seen === undefined || !isSame(seen, this.#seen)) {
      this.#since = now;
      this.#isTidied = false;
    }
    this.#seen = seen;
    const isForMs = now - this.#since;
    const { walBytes, hasIndex, hasJournal } = seen;
    const { isTouched } = this;
    const hasWal = walBytes !== undefined;
    // Whoever has it open and did not write since has an empty WAL: nothing is there to be captured.
    const isWritten = hasWal && hasIndex && (walBytes > 0 || isTouched);
    this.#writtenSince = isWritten ? (this.#writtenSince ?? now) : undefined;
    if (this.#writtenSince !== undefined) {
      const writtenMs = now - this.#writtenSince;
      const againMs = (walBytes !== undefined && walBytes > joinAtBytes ? joinAnywayMs : joinAfterMs) - writtenMs;
      if (againMs > 0) return { kind: 'unclear', againMs };
      return writtenMs < copyingMs && this.#isCopying()
        ? { kind: 'unclear', againMs: joinAnywayMs }
        : { kind: 'somebody' };
    }
    // Empty, and nobody has the database open: perhaps a connection of ours made it in the moment in which that one left.
    if (walBytes === 0 && !this.#isTidied && this.#isLeftOver(hasIndex)) {
      return isForMs < makingMs ? { kind: 'unclear', againMs: makingMs / 2 } : { kind: 'left-over' };
    }
    if (hasWal && hasIndex) return { kind: 'nobody' };
    // Who has it open had a WAL: that was deleted.
    if (hasIndex && !hasWal && this.#isInUse()) {
      return isForMs < makingMs ? { kind: 'unclear', againMs: makingMs / 4 } : { kind: 'detached' };
    }
    // The wal-index that others went on with is gone: somebody deleted it under them.
    if (hasWal && this.#left.index !== undefined && isForMs >= makingMs) return { kind: 'detached' };
    if (hasWal) return isForMs < makingMs ? { kind: 'unclear', againMs: 5 } : { kind: 'held' };
    if (isTouched) {
      return isForMs < stillMs || hasJournal ? { kind: 'unclear', againMs: stillMs / 3 } : { kind: 'changed' };
    }
    return this.#isDetached ? { kind: 'detached' } : { kind: 'nobody' };
  }

  /** By the locks on the file, and on the wal-index that lies there. */
  #isLeftOver(hasIndex: boolean): boolean {
    if (hasIndex && this.#isInUse()) return false;
    return isLockedByOthers(this.#left.identity.inode) === false;
  }

  /** By the locks on the wal-index that lies there. */
  #isInUse(): boolean {
    const index = fs.statSync(`${this.#path}-shm`, { throwIfNoEntry: false });
    return index !== undefined && isLockedByOthers(index.ino) === true;
  }

  /** Somebody checkpoints or commits in this moment, or everything that was committed was copied into the file. Nothing of ours has a lock that this could drop. */
  #isCopying(): boolean {
    using index = WalIndex.open(this.#path);
    if (index !== undefined && isWorkedOn(index.inode) === true) return true;
    const { frames = 0, attempted = 0 } = index?.read() ?? {};
    return frames > 0 && attempted === frames;
  }

  #see(): Seen {
    const { identity, trail } = this.#left;
    let seen: Seen;
    try {
      seen = see(this.#path);
    } catch (error) {
      if (error instanceof AppError && error.code !== 'database-missing') throw error;
      const to = findMoved(this.#path, trail);
      throw to === undefined ? error : new AppError('database-moved', { path: this.#path, to });
    }
    if (isSameFile(seen.identity, identity)) return seen;
    throw new AppError('database-replaced', { path: this.#path });
  }
}

function isSame(a: Seen, b: Seen): boolean {
  return (
    a.size === b.size &&
    a.modifiedAt === b.modifiedAt &&
    a.walBytes === b.walBytes &&
    a.hasIndex === b.hasIndex &&
    a.hasJournal === b.hasJournal
  );
}
