// Which SQLite this is: looked at before any database is opened, ours or a user's.
import Database from 'better-sqlite3';
import { AppError } from '../../../shared/errors.ts';

/** The first library version without the WAL-reset bug (https://www.sqlite.org/wal.html#walresetbug). */
const oldestSqlite = [3, 51, 3] as const;

/** The version of the SQLite library; fails with `sqlite-too-old` where it could corrupt a database. */
export function checkSqlite(): string {
  const probe = new Database(':memory:');
  try {
    const version = String(probe.prepare('SELECT sqlite_version()').pluck().get());
    const parts = version.split('.').map(Number);
    const difference = oldestSqlite.map((least, i) => (parts[i] ?? 0) - least).find((value) => value !== 0) ?? 0;
    if (difference < 0) throw new AppError('sqlite-too-old', { version });
    return version;
  } finally {
    probe.close();
  }
}
