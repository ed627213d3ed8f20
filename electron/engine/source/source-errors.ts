// Classifies what the file system and SQLite say about a user's database, once, where it enters.
import fs from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { AppError, codeOf, type ErrorCode, isShortage, reasonOf } from '../../../shared/errors.ts';
import { isShortOfFiles } from '../basics/open-files.ts';

/** The `AppError` behind a failure on the database at `path`. */
export function classifySourceError(error: unknown, path: string): AppError {
  if (error instanceof AppError) return error;
  const cause = { cause: error };
  const code = codeOf(error);
  if (isShortage(error)) return new AppError('too-many-files', { path }, cause);
  if (error instanceof Database.SqliteError) {
    if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return new AppError('database-busy', { path }, cause);
    if (code === 'SQLITE_NOTADB') return new AppError('database-not-sqlite', { path }, cause);
    if (code.startsWith('SQLITE_CORRUPT'))
      return new AppError('database-damaged', { path, reason: reasonOf(error) }, cause);
    if (/^SQLITE_(CANTOPEN|READONLY|PERM|AUTH)/.test(code))
      return new AppError(
        isShortOfFiles() && isAllowed(path) ? 'too-many-files' : 'database-no-permission',
        { path },
        cause,
      );
    if (code === 'SQLITE_FULL') return new AppError('database-disk-full', { path }, cause);
    if (code.startsWith('SQLITE_IOERR'))
      return new AppError('database-unreachable', { path, reason: reasonOf(error) }, cause);
  }
  if (code === 'ENOENT' || code === 'ENOTDIR') return new AppError('database-missing', { path }, cause);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new AppError('database-no-permission', { path }, cause);
  if (code === 'EISDIR') return new AppError('database-is-directory', { path }, cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') return new AppError('database-disk-full', { path }, cause);
  if (code === 'ENAMETOOLONG') return new AppError('database-name-too-long', { path }, cause);
  const reason = unreachable[code];
  if (reason !== undefined) return new AppError('database-unreachable', { path, reason }, cause);
  return new AppError('internal', { reason: `${path}: ${reasonOf(error)}` }, cause);
}

/** What the system may say of a path although nothing is wrong with what asks. */
const unreachable: Readonly<Record<string, string>> = {
  EIO: 'its disk reports an error',
  ELOOP: 'its symbolic links lead in a circle',
  ENXIO: 'its disk is gone',
  ENODEV: 'its disk is gone',
  ENOTCONN: 'its drive is not connected',
  ESTALE: 'its drive is not connected any more',
  EHOSTDOWN: 'its drive is not connected',
  ETIMEDOUT: 'its drive does not answer',
};

/** The same failure, or what it means of the database where the file system failed on it or beside it, whoever asked. */
export function explainFailure(error: unknown, path: string): unknown {
  const told = explainShortage(error, { path });
  if (told instanceof AppError || !(told instanceof Error) || !('syscall' in told)) return told;
  const of = 'path' in told && typeof told.path === 'string' ? told.path : path;
  return of === dirname(path) || of.startsWith(path) ? classifySourceError(told, path) : told;
}

/** As what a lack of file descriptors may show: SQLite does not say, and threads fail in their own words. */
const vague: ReadonlySet<ErrorCode> = new Set(['database-no-permission', 'data-folder-unusable', 'internal']);

/** The same failure, or `too-many-files` where that is what is behind it: `about` is what could not be opened. */
export function explainShortage(error: unknown, about: { readonly path: string } | { readonly file: string }): unknown {
  if (error instanceof AppError && !vague.has(error.code)) return error;
  const isBehind = isShortage(error) || (isShortOfFiles() && isAllowed('path' in about ? about.path : about.file));
  return isBehind ? new AppError('too-many-files', about, { cause: error }) : error;
}

function isAllowed(path: string): boolean {
  try {
    fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
