// Databases whose rows are known, and what is wrong with one that ought to hold them.
import { createHash, randomBytes } from 'node:crypto';
import Database from 'better-sqlite3';

/** A new database in WAL mode, closed again; resolves with the digest of its rows. */
export function createDatabase(path: string, rows: number, mark: string): string {
  const database = new Database(path);
  try {
    database.pragma('synchronous = OFF');
    database.pragma('journal_mode = WAL');
    database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, mark TEXT NOT NULL, body BLOB NOT NULL)');
    database.exec('CREATE INDEX marks ON t (mark, id)');
    const insert = database.prepare('INSERT INTO t (mark, body) VALUES (?, ?)');
    database.transaction(() => {
      for (let i = 0; i < rows; i += 1) insert.run(mark, randomBytes(200));
    })();
    return digest(database);
  } finally {
    database.close();
  }
}

/** What is wrong with a database that ought to hold exactly those rows and to be in order; undefined where nothing is. */
export function findFault(path: string, content: string): string | undefined {
  try {
    const database = new Database(path, { fileMustExist: true, timeout: 5_000 });
    try {
      if (database.pragma('integrity_check', { simple: true }) !== 'ok') return 'not in order';
      return digest(database) === content ? undefined : 'other rows';
    } finally {
      database.close();
    }
  } catch (error) {
    // @NOTE What SQLite says of a damaged file is the result.
    if (error instanceof Database.SqliteError) return error.message;
    throw error;
  }
}

/** Rows and their digest. */
export function readContent(path: string): { readonly rows: number; readonly content: string } {
  const database = new Database(path, { fileMustExist: true, timeout: 5_000 });
  try {
    return {
      rows: Number(database.prepare('SELECT count(*) FROM t').pluck().get()),
      content: digest(database),
    };
  } finally {
    database.close();
  }
}

/** Of the application's table alone: some capturers keep tables of their own beside it. */
function digest(database: Database.Database): string {
  const hash = createHash('sha256');
  for (const row of database.prepare('SELECT id, mark, hex(body) FROM t ORDER BY id').raw().iterate()) {
    hash.update(JSON.stringify(row));
  }
  return hash.digest('hex');
}
