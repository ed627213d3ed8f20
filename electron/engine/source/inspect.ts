// What a path is, before it is protected: each odd file gets its own error. Opens nothing that is protected already
// (closing a descriptor would drop its locks: the caller checks by inode first) and no SQLite connection at all.
import fs from 'node:fs';
import path from 'node:path';
import { AppError, codeOf } from '../../../shared/errors.ts';
import type { DatabaseInspection } from '../../../shared/model.ts';
import { databaseHeaderBytes, parseDatabaseHeader } from './header.ts';
import { classifySourceError } from './source-errors.ts';
import { readFully } from './wal-reader.ts';

/** SQLite's own limit on Unix: 512 bytes with room for the name of a journal. */
const longestPathBytes = 504;

/** The absolute path of the database that `input` means: links resolved, a sidecar replaced by its database. */
export function resolveDatabasePath(input: string): string {
  const absolute = path.resolve(input);
  const sidecar = /^(.+)-(?:wal|shm|journal)$/.exec(absolute)?.[1];
  const meant = sidecar !== undefined && fs.existsSync(sidecar) ? sidecar : absolute;
  try {
    return fs.realpathSync(meant);
  } catch (error) {
    // @NOTE What does not exist keeps its name; whoever opens it says so.
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return meant;
    throw classifySourceError(error, meant);
  }
}

/** Inspects a path; `isProtected` says by its identity whether a file is protected already. */
export function inspectDatabase(input: string, isProtected: (stat: fs.Stats) => boolean): DatabaseInspection {
  try {
    return inspect(resolveDatabasePath(input), isProtected);
  } catch (error) {
    return { kind: 'refused', error: classifySourceError(error, path.resolve(input)).toData() };
  }
}

function inspect(file: string, isProtected: (stat: fs.Stats) => boolean): DatabaseInspection {
  const stat = fs.statSync(file);
  if (stat.isDirectory()) throw new AppError('database-is-directory', { path: file });
  if (!stat.isFile()) throw new AppError('database-not-regular', { path: file });
  if (process.platform !== 'win32' && Buffer.byteLength(file) > longestPathBytes) {
    throw new AppError('database-path-too-long', { path: file });
  }
  if (isProtected(stat)) throw new AppError('database-already-protected', { path: file });
  if (stat.size === 0) throw new AppError('database-empty', { path: file });
  fs.accessSync(file, fs.constants.R_OK | fs.constants.W_OK);
  fs.accessSync(path.dirname(file), fs.constants.W_OK);
  const bytes = new Uint8Array(databaseHeaderBytes);
  const fd = fs.openSync(file, 'r');
  try {
    readFully(fd, bytes, 0);
  } finally {
    fs.closeSync(fd);
  }
  const header = parseDatabaseHeader(bytes);
  if (header === undefined) throw new AppError('database-not-sqlite', { path: file });
  return {
    kind: 'database',
    path: file,
    name: path.basename(file),
    sizeBytes: stat.size,
    pageSize: header.pageSize,
    isWal: header.isWal,
    journalMode: header.isWal ? 'wal' : 'delete',
  };
}
