// Classifies what the file system and SQLite say about a user's database, once, where it enters.
import Database from 'better-sqlite3';
import { AppError, codeOf, reasonOf } from '../../../shared/errors.ts';

/** The `AppError` behind a failure on the database at `path`. */
export function classifySourceError(error: unknown, path: string): AppError {
  if (error instanceof AppError) return error;
  const cause = { cause: error };
  const code = codeOf(error);
  if (code === 'EMFILE' || code === 'ENFILE') return new AppError('too-many-files', { path }, cause);
  if (error instanceof Database.SqliteError) {
    if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return new AppError('database-busy', { path }, cause);
    if (code === 'SQLITE_NOTADB') return new AppError('database-not-sqlite', { path }, cause);
    if (code.startsWith('SQLITE_CORRUPT'))
      return new AppError('database-damaged', { path, reason: reasonOf(error) }, cause);
    if (/^SQLITE_(CANTOPEN|READONLY|PERM|AUTH)/.test(code))
      return new AppError('database-no-permission', { path }, cause);
    if (code === 'SQLITE_FULL') return new AppError('spool-full', { path }, cause);
  }
  if (code === 'ENOENT' || code === 'ENOTDIR') return new AppError('database-missing', { path }, cause);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new AppError('database-no-permission', { path }, cause);
  if (code === 'EISDIR') return new AppError('database-is-directory', { path }, cause);
  return new AppError('internal', { reason: `${path}: ${reasonOf(error)}` }, cause);
}
