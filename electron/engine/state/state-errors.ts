// What it means that the state database cannot be read or written: classified once, where it enters.
import path from 'node:path';
import Database from 'better-sqlite3';
import { AppError, codeOf, reasonOf } from '../../../shared/errors.ts';
import { isShortOfFiles } from '../basics/open-files.ts';

/** The failure that users are told: `spool-full` where the disk with the data folder is, else `data-folder-unusable`. */
export function classifyStateError(error: unknown, file: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  const code = codeOf(error);
  const about = { path: path.dirname(file) };
  if (code.startsWith('SQLITE_CANTOPEN') && isShortOfFiles())
    return new AppError('too-many-files', { file }, { cause: error });
  if (code === 'SQLITE_FULL') return new AppError('spool-full', about, { cause: error });
  const isUnusable = /^SQLITE_(IOERR|READONLY|CANTOPEN|PERM|AUTH|CORRUPT|NOTADB)/.test(code);
  return isUnusable
    ? new AppError('data-folder-unusable', { ...about, reason: reasonOf(error) }, { cause: error })
    : error;
}

/** The same statement, whose failures are classified. */
export function classifying<S extends Database.Statement>(statement: S, file: string): S {
  for (const name of ['run', 'get', 'all'] as const) {
    const method: (...values: unknown[]) => unknown = statement[name];
    const guarded = (...values: unknown[]): unknown => {
      try {
        return Reflect.apply(method, statement, values);
      } catch (error) {
        throw classifyStateError(error, file);
      }
    };
    Object.defineProperty(statement, name, { value: guarded });
  }
  return statement;
}
