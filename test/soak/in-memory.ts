// A database file as a database in memory.
import Database from 'better-sqlite3';

/** Opens a copy of it; to be closed. */
export function openInMemory(image: Buffer): Database.Database {
  const copy = Buffer.from(image);
  // A database in memory has no WAL.
  copy.writeUInt8(1, 18);
  copy.writeUInt8(1, 19);
  return new Database(copy);
}
