// Switches a database to WAL mode, after the user agreed. The one change to a user's database that Tidemark ever asks for.
import Database from 'better-sqlite3';
import { AppError } from '../../../shared/errors.ts';
import { classifySourceError } from './source-errors.ts';

/** Fails with `database-busy` while another program has the database open in a way that forbids the switch. */
export function enableWal(path: string): void {
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { timeout: 2000, fileMustExist: true });
    const mode = String(database.pragma('journal_mode = WAL', { simple: true }));
    if (mode !== 'wal') throw new AppError('database-busy', { path });
  } catch (error) {
    throw classifySourceError(error, path);
  } finally {
    database?.close();
  }
}
