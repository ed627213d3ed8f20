// Tidemark's own database: settings, what is protected and where, the catalogue of restore points, activity. Opened once
// per data folder and held exclusively for as long as the engine runs, so that a second engine is told who holds it.
// Prepared statements and rows only; what they mean is store.ts and catalogue.ts.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { AppError, codeOf, reasonOf } from '../../../shared/errors.ts';
import { keepPrivate, privateFile } from '../basics/private-folder.ts';
import { syncWhereAble } from '../basics/files.ts';
import { conversions, migrations } from './migrations.ts';

/** An open state database, for those who read and write in it. */
export type StateDatabase = Database.Database;

const stateFile = 'state.db';
const holderFile = 'holder.json';

/**
 * Opens (and creates or migrates) the state database in `dataDir`. Fails with `data-folder-held` or
 * `data-folder-unusable`.
 */
export function openStateDatabase(dataDir: string): StateDatabase {
  let database: Database.Database | undefined;
  try {
    keepPrivate(dataDir);
    createPrivately(path.join(dataDir, stateFile));
    database = new Database(path.join(dataDir, stateFile), { timeout: 200 });
    // Held by one connection, so without shared memory; the lock is the one that a second engine meets.
    database.pragma('locking_mode = EXCLUSIVE');
    // First of all: on a disk that cannot do it SQLite could not do anything.
    database.pragma(`synchronous = ${canSync(dataDir) ? 'NORMAL' : 'OFF'}`);
    database.pragma('journal_mode = WAL');
    database.pragma('foreign_keys = ON');
    migrate(database);
    noteHolder(dataDir);
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) {
      throw new AppError('data-folder-held', { path: dataDir, ...readHolder(dataDir) }, { cause: error });
    }
    if (error instanceof AppError) throw error;
    if (isFull(error)) throw new AppError('spool-full', { path: dataDir }, { cause: error });
    throw new AppError('data-folder-unusable', { path: dataDir, reason: reasonOf(error) }, { cause: error });
  }
}

/** Whether nothing that is kept in the data folder is ever brought to its disk, since that disk cannot say when it is there. */
export function isUnsynced(database: Database.Database): boolean {
  return database.pragma('synchronous', { simple: true }) === 0;
}

/** Asked of a file that nobody needs. */
function canSync(dataDir: string): boolean {
  const probe = path.join(dataDir, `.sync-${process.pid}.tmp`);
  const fd = fs.openSync(probe, 'w', privateFile);
  try {
    return syncWhereAble(fd);
  } finally {
    fs.closeSync(fd);
    fs.rmSync(probe, { force: true });
  }
}

/** SQLite would make it with the mode that any new file gets; its other files get that of the database. */
function createPrivately(file: string): void {
  try {
    fs.closeSync(fs.openSync(file, 'wx', privateFile));
  } catch (error) {
    // Not opened where it is there: closing it would give up the lock that this process may have on it.
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function migrate(database: Database.Database): void {
  // Even when there is nothing to migrate: it takes the exclusive lock.
  database.exec('BEGIN EXCLUSIVE');
  try {
    const version = Number(database.pragma('user_version', { simple: true }));
    if (version > migrations.length) {
      throw new AppError('data-folder-unusable', {
        path: database.name,
        reason: 'it was written by a newer version of Tidemark',
      });
    }
    for (const [i, step] of migrations.entries()) {
      if (i < version) continue;
      database.exec(step);
      conversions.get(i + 1)?.(database);
    }
    // On a full disk nothing can be written: what is kept can be started with all the same.
    if (version < migrations.length) database.pragma(`user_version = ${migrations.length}`);
    database.exec('COMMIT');
    if (version > 0 && version < migrations.length) giveBack(database);
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** What a step left over goes back to the disk where it is much. */
function giveBack(database: Database.Database): void {
  const [pages = 0, free = 0] = ['page_count', 'freelist_count'].map((name) =>
    Number(database.pragma(name, { simple: true })),
  );
  if (free < pages / 2) return;
  try {
    database.exec('VACUUM');
    database.pragma('wal_checkpoint(TRUNCATE)');
  } catch {
    // @NOTE There is no room to make it smaller; what is written next goes where there is some in it.
  }
}

function noteHolder(dataDir: string): void {
  try {
    const holder = JSON.stringify({ pid: process.pid, machine: os.hostname() });
    fs.writeFileSync(path.join(dataDir, holderFile), holder, { mode: privateFile });
  } catch (error) {
    if (!isFull(error)) throw error;
    // @NOTE Whoever comes second is told less; the lock is what counts.
  }
}

function isFull(error: unknown): boolean {
  return /^(SQLITE_FULL|ENOSPC|EDQUOT)$/.test(codeOf(error));
}

function readHolder(dataDir: string): { readonly pid: string; readonly machine: string } {
  try {
    const holder = JSON.parse(fs.readFileSync(path.join(dataDir, holderFile), 'utf8')) as {
      pid: number;
      machine: string;
    };
    return { pid: String(holder.pid), machine: holder.machine };
  } catch {
    // @NOTE The other engine is just starting; the lock is what counts.
    return { pid: 'unknown', machine: os.hostname() };
  }
}
