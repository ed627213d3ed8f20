// Prepares each statement once: with hundreds of databases, preparing costs more than asking.
import type Database from 'better-sqlite3';

/** `prepare` of a connection that gives the same statement for the same text. Not for statements that are iterated. */
export function remembered(database: Database.Database): Database.Database['prepare'] {
  const known = new Map<string, unknown>();
  const prepare = (sql: string): unknown => {
    const found = known.get(sql) ?? database.prepare(sql);
    known.set(sql, found);
    return found;
  };
  return prepare as Database.Database['prepare'];
}
