// Whether the file under a path is still the database that is open, and what happened to it when it is not: moved, deleted,
// replaced, overwritten in place, its WAL deleted. Asks the directory and the long-lived descriptor only: it opens nothing.
// What Tidemark does about it is protection.ts and session.ts.
import fs from 'node:fs';
import path from 'node:path';
import { AppError } from '../../../shared/errors.ts';
import { hashPage, lockPage } from '../replica/state-hash.ts';
import type { PageHashes } from './page-hashes.ts';
import { readFully } from './wal-reader.ts';

/** Tells one file from another that came to its path later: inode numbers are used again, so the time of birth counts too. */
export interface FileIdentity {
  readonly inode: number;
  readonly bornAt: number;
}

/** What changes when a file is written. */
export interface FileLook {
  readonly size: number;
  readonly modifiedAt: number;
}

/** Pages that are compared with what was captured, beside the first, after checkpoints wrote to the file. */
const sampledPages = 8;

export class IdentityGuard {
  readonly #path: string;
  readonly #fd: number;
  readonly #stat: fs.Stats;
  readonly #wal: FileIdentity | undefined;
  readonly #shmInode: number | undefined;
  /** The file as nobody may change it: everything captured lies in it, and a pin keeps it so. */
  #atRest: FileLook | undefined;
  /** The file after the last change that is explained. */
  #seen: FileLook;

  /** Watches over a database that was just opened: its WAL exists. */
  constructor({ path: file, fd }: { readonly path: string; readonly fd: number }) {
    this.#path = file;
    this.#fd = fd;
    this.#stat = fs.fstatSync(fd);
    this.#seen = { size: this.#stat.size, modifiedAt: this.#stat.mtimeMs };
    const wal = fs.statSync(`${file}-wal`, { throwIfNoEntry: false });
    this.#wal = wal && identityOf(wal);
    this.#shmInode = inodeOf(`${file}-shm`);
  }

  get identity(): FileIdentity {
    return identityOf(this.#stat);
  }

  /** The WAL that is open. */
  get wal(): FileIdentity | undefined {
    return this.#wal;
  }

  /** How the file looks while everything captured lies in it; undefined while something does not. */
  get atRest(): FileLook | undefined {
    return this.#atRest;
  }

  /** Fails with `database-missing`, `-moved` or `-replaced` where the path does not lead to the open file any more. */
  checkPath(): void {
    const there = fs.statSync(this.#path, { throwIfNoEntry: false });
    if (there?.ino === this.#stat.ino && there.dev === this.#stat.dev) return;
    if (there !== undefined) throw new AppError('database-replaced', { path: this.#path });
    const to = this.#findMoved();
    throw to === undefined
      ? new AppError('database-missing', { path: this.#path })
      : new AppError('database-moved', { path: this.#path, to });
  }

  /**
   * Fails with `database-overwritten` where the file changed since {@link rest}. While a pin rests at the end of a WAL that
   * is completely backfilled, no checkpoint may write to the file, and in WAL mode nothing else does.
   */
  checkContent(): void {
    if (this.#atRest !== undefined && !isSameLook(this.#look(), this.#atRest)) throw this.#overwritten();
  }

  /** Frames were read: once the pin moves behind them, checkpoints may write to the file. */
  moved(): void {
    this.#atRest = undefined;
  }

  /**
   * Everything captured lies in the file, and the pin rests there: the file must be what was captured. True when it comes to
   * rest; fails with `database-overwritten` where its size, its first page or one of a few others is not what it should be.
   */
  rest(hashes: PageHashes): boolean {
    if (this.#atRest !== undefined) return false;
    this.#atRest = this.#look();
    if (isSameLook(this.#atRest, this.#seen)) return true;
    this.#seen = this.#atRest;
    if (this.#seen.size < hashes.pages * hashes.pageSize) throw this.#overwritten();
    this.#sample(hashes, new Set());
    return true;
  }

  /**
   * A checkpoint is about to write to the file, which somebody changed: it must still hold what was captured, apart from
   * pages that the WAL holds. Fails with `database-overwritten`.
   */
  beforeCheckpoint(hashes: PageHashes, pagesInWal: ReadonlySet<number>): void {
    const look = this.#look();
    this.#sample(hashes, pagesInWal);
    this.#seen = look;
  }

  /** The file was written by somebody since the last checkpoint that was made here. */
  get isChanged(): boolean {
    return !isSameLook(this.#look(), this.#seen);
  }

  /** A checkpoint wrote to the file. */
  afterCheckpoint(): void {
    this.#seen = this.#look();
  }

  #look(): FileLook {
    const { size, mtimeMs } = fs.fstatSync(this.#fd);
    return { size, modifiedAt: mtimeMs };
  }

  /** Compares the first page and a few others with what was captured. */
  #sample(hashes: PageHashes, mayDiffer: ReadonlySet<number>): void {
    const { pages, pageSize } = hashes;
    const sample = Array.from({ length: sampledPages }, () => 1 + Math.floor(Math.random() * pages));
    const page = new Uint8Array(pageSize);
    const isSame = [1, ...sample].every((number) => {
      if (number === lockPage(pageSize) || mayDiffer.has(number)) return true;
      const got = readFully(this.#fd, page, (number - 1) * pageSize);
      const expected = hashes.get(number);
      // A page that was allocated and never written reads as whatever lay there before.
      return (
        got === pageSize &&
        (hashPage(number, page) === expected || hashPage(number, new Uint8Array(pageSize)) === expected)
      );
    });
    if (!isSame) throw this.#overwritten();
  }

  /** The WAL that is open lies under its path no more: somebody deleted it, which SQLite itself never does meanwhile. */
  get isWalLost(): boolean {
    if (this.#wal === undefined || inodeOf(`${this.#path}-wal`) === this.#wal.inode) return false;
    // Where the database itself is gone, that is what there is to tell.
    return inodeOf(this.#path) === this.#stat.ino;
  }

  /** Another process has the database open; undefined where the system does not tell. */
  get isHeldByOthers(): boolean | undefined {
    return this.#shmInode === undefined ? undefined : isLockedByOthers(this.#shmInode);
  }

  #overwritten(): AppError {
    return new AppError('database-overwritten', { path: this.#path });
  }

  /** Where the open file lies now. */
  #findMoved(): string | undefined {
    try {
      const link = fs.readlinkSync(`/proc/self/fd/${this.#fd}`);
      return link.endsWith(' (deleted)') ? undefined : link;
    } catch {
      // @NOTE Not Linux: a look around the former place finds what was only renamed.
      return findInode(path.dirname(this.#path), this.#stat.ino);
    }
  }
}

/** What tells this file from another. */
export function identityOf(stat: fs.Stats): FileIdentity {
  return { inode: stat.ino, bornAt: Math.floor(stat.birthtimeMs) };
}

/** True where both are the same file. */
export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.inode === b.inode && a.bornAt === b.bornAt;
}

/**
 * Whether a process other than this one holds a POSIX lock on a file, from `/proc/locks`; undefined elsewhere.
 * @NOTE A process in another container is not listed there.
 */
export function isLockedByOthers(inode: number, locks = readLocks()): boolean | undefined {
  if (locks === undefined) return undefined;
  return locks.split('\n').some((line) => {
    const [, , , , pid, file] = line.trim().split(/\s+/);
    return file?.endsWith(`:${inode}`) === true && pid !== String(process.pid);
  });
}

function isSameLook(a: FileLook, b: FileLook): boolean {
  return a.size === b.size && a.modifiedAt === b.modifiedAt;
}

function readLocks(): string | undefined {
  try {
    return fs.readFileSync('/proc/locks', 'utf8');
  } catch {
    // @NOTE Only Linux tells.
    return undefined;
  }
}

function inodeOf(file: string): number | undefined {
  return fs.statSync(file, { throwIfNoEntry: false })?.ino;
}

function findInode(folder: string, inode: number): string | undefined {
  try {
    const names = fs.readdirSync(folder).map((name) => path.join(folder, name));
    return names.find((file) => inodeOf(file) === inode);
  } catch {
    // @NOTE The folder is gone too: then it is not known where the file went.
    return undefined;
  }
}
