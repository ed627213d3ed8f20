// Whether the file under a path is still the database that is open, and what happened to it when it is not: moved, deleted,
// replaced, overwritten in place, its WAL deleted. Asks the directory and the long-lived descriptor only: it opens nothing.
// What Tidemark does about it is protection/protection.ts and protection/opening.ts.
import fs from 'node:fs';
import path from 'node:path';
import { AppError, mustNotBeShort } from '../../../shared/errors.ts';
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

/** The process namespace that sees all others (`PROC_PID_INIT_INO` of the kernel). */
const wholeSystem = 'pid:[4026531836]';
const locksPiece = 64 * 1024;

/** Pages that are compared with what was captured, beside the first, when the file was written. */
const sampledPages = 24;

export class IdentityGuard {
  readonly #path: string;
  readonly #fd: number;
  readonly #stat: fs.Stats;
  readonly #wal: FileIdentity | undefined;
  readonly #trail: Trail;
  /** The file as nobody may change it: everything captured lies in it, and a pin keeps it so. */
  #atRest: FileLook | undefined;
  /** The file after the last change that is explained. */
  #seen: FileLook;
  /** Some pages of the file, as they were when everything captured lay in it last. */
  #sampleAtRest: ReadonlyMap<number, bigint> = new Map();

  /** Watches over a database that was just opened: its WAL exists. */
  constructor({ path: file, fd }: { readonly path: string; readonly fd: number }) {
    this.#path = file;
    this.#fd = fd;
    this.#stat = fs.fstatSync(fd);
    this.#seen = { size: this.#stat.size, modifiedAt: this.#stat.mtimeMs };
    const wal = fs.statSync(`${file}-wal`, { throwIfNoEntry: false });
    this.#wal = wal && identityOf(wal);
    this.#trail = noteTrail(file);
  }

  get trail(): Trail {
    return this.#trail;
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

  /** Fails with `database-missing`, `-moved`, `-is-link` or `-replaced` where the open file itself is not at the path any more. */
  checkPath(): void {
    const there = fs.lstatSync(this.#path, { throwIfNoEntry: false });
    if (there?.ino === this.#stat.ino && there.dev === this.#stat.dev) return;
    checkNoLink(this.#path, there);
    if (there !== undefined) throw new AppError('database-replaced', { path: this.#path });
    const to = findMoved(this.#path, this.#trail);
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

  /** Others may have written to the file by checkpoints: nothing is known of what lies there. */
  loosen(): void {
    this.#atRest = undefined;
    this.#sampleAtRest = new Map();
  }

  /**
   * Everything captured lies in the file, and the pin rests there: the file must be what was captured. True when it comes to
   * rest; fails with `database-overwritten` where its size, its first page or one of a few others is not what it should be.
   */
  rest(hashes: PageHashes): boolean {
    if (this.#atRest !== undefined) return false;
    const look = this.#look();
    if (!isSameLook(look, this.#seen)) {
      if (look.size < hashes.pages * hashes.pageSize) throw this.#overwritten();
      const sample = [...samplePages(hashes)].map(([page, hash]) => [page, new Set([hash])] as const);
      this.#compare(new Map(sample), hashes.pageSize);
    }
    this.#atRest = look;
    this.#seen = look;
    this.#sampleAtRest = samplePages(hashes);
    return true;
  }

  /** The file was written by somebody since the last checkpoint that was made here. */
  get isChanged(): boolean {
    return !isSameLook(this.#look(), this.#seen);
  }

  /** A few pages of the file with the hashes that they may have by now; those of frames in the WAL are for the caller to add. */
  sample(hashes: PageHashes): Map<number, Set<bigint>> {
    return new Map([...this.#sampleAtRest].map(([page, hash]) => [page, new Set([hash, hashes.get(page)])]));
  }

  /** The WAL was restarted: everything of the former one lies in the file, whose page hashes are these. */
  restarted(hashes: PageHashes | undefined): void {
    this.#sampleAtRest = hashes === undefined ? new Map() : samplePages(hashes);
  }

  /**
   * A checkpoint is about to write to the file, which somebody changed: pages must be what they were, or what the WAL says.
   * Fails with `database-overwritten`.
   */
  beforeCheckpoint(sample: ReadonlyMap<number, ReadonlySet<bigint>>, pageSize: number): void {
    const look = this.#look();
    this.#compare(sample, pageSize);
    this.#seen = look;
  }

  /** A checkpoint wrote to the file. */
  afterCheckpoint(): void {
    this.#seen = this.#look();
  }

  #look(): FileLook {
    const { size, mtimeMs } = fs.fstatSync(this.#fd);
    return { size, modifiedAt: mtimeMs };
  }

  #compare(expected: ReadonlyMap<number, ReadonlySet<bigint>>, pageSize: number): void {
    const bytes = new Uint8Array(pageSize);
    for (const [page, hashes] of expected) {
      const got = readFully(this.#fd, bytes, (page - 1) * pageSize);
      // A page that was allocated and never written reads as whatever lay there before.
      const isUnwritten = hashes.has(0n) || hashes.has(hashPage(page, new Uint8Array(pageSize)));
      if (!isUnwritten && (got < pageSize || !hashes.has(hashPage(page, bytes)))) throw this.#overwritten();
    }
  }

  /** The WAL that is open lies under its path no more: somebody deleted it, which SQLite itself never does meanwhile. */
  get isWalLost(): boolean {
    if (this.#wal === undefined || inodeOf(`${this.#path}-wal`) === this.#wal.inode) return false;
    // Where the database itself is gone, that is what there is to tell.
    return inodeOf(this.#path) === this.#stat.ino;
  }

  #overwritten(): AppError {
    return new AppError('database-overwritten', { path: this.#path });
  }
}

/**
 * Fails with `database-is-link` where a symbolic link lies at the path of a database: SQLite keeps the WAL beside the file that
 * it leads to, where nobody would read it.
 */
export function checkNoLink(
  file: string,
  stat: Pick<fs.Stats, 'isSymbolicLink'> | undefined = fs.lstatSync(file, { throwIfNoEntry: false }),
): void {
  if (stat?.isSymbolicLink() !== true) return;
  throw new AppError('database-is-link', { path: file, to: path.resolve(path.dirname(file), fs.readlinkSync(file)) });
}

const unknownBirth = 0;

/** Its inode number alone tells it from others, and that is used again. */
export function isBirthKnown({ bornAt }: FileIdentity): boolean {
  return bornAt !== unknownBirth;
}

/** What tells this file from another. */
export function identityOf(stat: fs.Stats): FileIdentity {
  // Not every file system of a Windows keeps when a file was made: some say when it was written to instead.
  const isKept = process.platform !== 'win32' || stat.birthtimeMs !== stat.mtimeMs;
  return { inode: stat.ino, bornAt: isKept ? Math.floor(stat.birthtimeMs) : unknownBirth };
}

/** True where it is the file that was known before. */
export function isSameFile(known: FileIdentity, now: FileIdentity): boolean {
  return known.inode === now.inode && (known.bornAt === unknownBirth || known.bornAt === now.bornAt);
}

/**
 * Whether a process other than this one holds a POSIX lock on a file, from `/proc/locks`; undefined where that does not list
 * every process: inside a container, and on systems other than Linux.
 */
export function isLockedByOthers(inode: number, locks = readLocks()): boolean | undefined {
  if (locks === undefined) return undefined;
  return locks.split('\n').some((line) => {
    const [, , , , pid, file] = line.trim().split(/\s+/);
    return file?.endsWith(`:${inode}`) === true && pid !== String(process.pid);
  });
}

/** The bytes of a wal-index that SQLite locks for whoever writes, or checkpoints (https://www.sqlite.org/walformat.html). */
const firstLockByte = 120;
const checkpointLockByte = 121;

/** Whether somebody commits or checkpoints at this moment, by the locks on a wal-index; undefined where the system does not tell. */
export function isWorkedOn(inode: number, locks = readLocks()): boolean | undefined {
  return locks?.split('\n').some((line) => {
    const [, , , kind, , file, from] = line.trim().split(/\s+/);
    const byte = Number(from);
    const isThis = file?.endsWith(`:${inode}`) === true && kind === 'WRITE';
    return isThis && byte >= firstLockByte && byte <= checkpointLockByte;
  });
}

/** Hashes of the first page and a few others; of all pages of a small database. */
function samplePages(hashes: PageHashes): ReadonlyMap<number, bigint> {
  const { pages, pageSize } = hashes;
  const all = pages <= sampledPages;
  const sample = Array.from({ length: Math.min(pages, sampledPages) }, (_, i) =>
    all ? i + 1 : 1 + Math.floor(Math.random() * pages),
  );
  const kept = [1, ...sample].filter((page) => page !== lockPage(pageSize));
  return new Map(kept.map((page) => [page, hashes.get(page)]));
}

function isSameLook(a: FileLook, b: FileLook): boolean {
  return a.size === b.size && a.modifiedAt === b.modifiedAt;
}

/** `/proc/locks`, from the first look on: it tells also while no more files may be opened. */
let locksFile: number | undefined;

/** Undefined where not every process's locks are listed. */
function readLocks(): string | undefined {
  try {
    if (fs.readlinkSync('/proc/self/ns/pid') !== wholeSystem) return undefined;
    locksFile ??= fs.openSync('/proc/locks', 'r');
    return readText(locksFile);
  } catch (error) {
    mustNotBeShort(error);
    // @NOTE Only Linux tells.
    return undefined;
  }
}

function readText(fd: number): string {
  const pieces: Buffer[] = [];
  for (let at = 0; ;) {
    const piece = Buffer.alloc(locksPiece);
    const got = fs.readSync(fd, piece, 0, piece.length, at);
    if (got === 0) return Buffer.concat(pieces).toString();
    pieces.push(piece.subarray(0, got));
    at += got;
  }
}

function inodeOf(file: string): number | undefined {
  return fs.statSync(file, { throwIfNoEntry: false })?.ino;
}

/** The inodes of a file and of the folders above it, nearest first: by them it is found again when it, or one of them, was moved. */
export type Trail = readonly number[];

const longestTrail = 4;

/** Where a file lies; what is not there counts as nothing. */
export function noteTrail(file: string): Trail {
  const trail: number[] = [];
  for (let at = file; trail.length < longestTrail && at !== path.dirname(at); at = path.dirname(at)) {
    trail.push(inodeOf(at) ?? 0);
  }
  return trail;
}

/** Where a file lies that is not at its path any more: it, or a folder above it, has another name in the same folder. */
export function findMoved(file: string, trail: Trail): string | undefined {
  let at = file;
  for (const [i, inode] of trail.entries()) {
    const to = findInode(path.dirname(at), inode);
    const rest = path.relative(at, file);
    const found = to === undefined ? undefined : path.join(to, rest);
    if (found !== undefined && found !== file && inodeOf(found) === trail[0]) return found;
    if (i > 0 && to !== undefined) return undefined;
    at = path.dirname(at);
  }
  return undefined;
}

function findInode(folder: string, inode: number): string | undefined {
  try {
    const names = fs.readdirSync(folder).map((name) => path.join(folder, name));
    return names.find((file) => inodeOf(file) === inode);
  } catch (error) {
    mustNotBeShort(error);
    // @NOTE The folder is gone too: then one above it may tell.
    return undefined;
  }
}
