// What a path is, before it is protected: each odd file gets its own error. Opens nothing that is protected already
// (closing a descriptor would drop its locks: the caller checks by inode first) and no SQLite connection at all.
import fs from 'node:fs';
import path from 'node:path';
import { AppError, codeOf } from '../../../shared/errors.ts';
import type { DatabaseInspection } from '../../../shared/databases.ts';
import { knownApplication } from '../../../shared/known-applications.ts';
import { type DatabaseHeader, databaseHeaderBytes, parseDatabaseHeader } from './header.ts';
import { readJournal } from './journal.ts';
import { cloudService, networkFileSystem } from './place.ts';
import { classifySourceError } from './source-errors.ts';
import { readFully } from './wal-reader.ts';

/** SQLite's own limit on Unix: 512 bytes with room for the name of a journal. */
const longestPathBytes = 504;
/** From here on many calls of Windows, and most of its programs, open nothing. */
const longWindowsPath = 260;

/** The absolute path that `input` means: links as they are, a sidecar replaced by its database. */
export function readDatabasePath(input: string): string {
  const absolute = path.resolve(input);
  const sidecar = /^(.+)-(?:wal|shm|journal)$/.exec(absolute)?.[1];
  return sidecar !== undefined && fs.existsSync(sidecar) ? sidecar : absolute;
}

/** The absolute path of the database that `input` means: links resolved, a sidecar replaced by its database. */
export function resolveDatabasePath(input: string): string {
  const meant = readDatabasePath(input);
  try {
    // The system's own resolution turns a mapped drive of Windows into the share that it stands for.
    return fs.realpathSync.native(meant);
  } catch (error) {
    // @NOTE What does not exist keeps its name; whoever opens it says so.
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return meant;
    const isLong = process.platform === 'win32' && meant.length >= longWindowsPath;
    throw isLong ? new AppError('database-path-too-long', { path: meant }) : classifySourceError(error, meant);
  }
}

/** Inspects a path; `isProtected` says by its identity whether a file is protected already. */
export function inspectDatabase(input: string, isProtected: (stat: fs.BigIntStats) => boolean): DatabaseInspection {
  try {
    return inspect(resolveDatabasePath(input), isProtected);
  } catch (error) {
    return { kind: 'refused', error: classifySourceError(error, path.resolve(input)).toData() };
  }
}

function inspect(file: string, isProtected: (stat: fs.BigIntStats) => boolean): DatabaseInspection {
  const stat = fs.statSync(file, { bigint: true });
  if (stat.isDirectory()) throw new AppError('database-is-directory', { path: file });
  if (!stat.isFile()) throw new AppError('database-not-regular', { path: file });
  if (process.platform !== 'win32' && Buffer.byteLength(file) > longestPathBytes) {
    throw new AppError('database-path-too-long', { path: file });
  }
  if (isProtected(stat)) throw new AppError('database-already-protected', { path: file });
  checkPlace(file);
  if (stat.size === 0n) throw new AppError('database-empty', { path: file });
  fs.accessSync(file, fs.constants.R_OK | fs.constants.W_OK);
  fs.accessSync(path.dirname(file), fs.constants.W_OK);
  const header = readFileHeader(file);
  checkJournal(file);
  const service = cloudService(file);
  const application = knownApplication(file);
  return {
    kind: 'database',
    path: file,
    name: path.basename(file),
    sizeBytes: Number(stat.size),
    pageSize: header.pageSize,
    isWal: header.isWal,
    journalMode: header.isWal ? 'wal' : 'delete',
    ...(service === undefined
      ? {}
      : { warning: new AppError('database-in-cloud-folder', { path: file, service }).toData() }),
    ...(application === undefined ? {} : { application }),
  };
}

/**
 * Looks at a database that is kept here before SQLite opens it: opening it in a wrong state would change it. Fails with
 * `database-missing`, `-on-network`, `-not-sqlite`, `-left-wal` or `-hot-journal`. No connection to it may be open here.
 */
export function checkBeforeOpening(file: string): void {
  try {
    checkPlace(file);
    const header = readFileHeader(file);
    checkJournal(file);
    if (!header.isWal) throw new AppError('database-left-wal', { path: file, mode: 'delete' });
  } catch (error) {
    throw classifySourceError(error, file);
  }
}

function checkPlace(file: string): void {
  const fileSystem = networkFileSystem(file);
  if (fileSystem !== undefined) throw new AppError('database-on-network', { path: file, fileSystem });
}

/** A rollback journal with content: SQLite would undo a transaction with it, which is not ours to cause. */
function checkJournal(file: string): void {
  const journal = `${file}-journal`;
  if (readJournal(journal) === 'hot') throw new AppError('database-hot-journal', { path: file, journal });
}

function readFileHeader(file: string): DatabaseHeader {
  if (fs.statSync(file).size === 0) throw new AppError('database-empty', { path: file });
  const bytes = new Uint8Array(databaseHeaderBytes);
  const fd = fs.openSync(file, 'r');
  try {
    readFully(fd, bytes, 0);
  } finally {
    fs.closeSync(fd);
  }
  const header = parseDatabaseHeader(bytes);
  if (header === undefined) throw new AppError('database-not-sqlite', { path: file });
  return header;
}
