// Everything that SQL sees of a database, as a short text that two databases can be compared by.
import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';

/** Schema, rows and numbers of an open database. */
export function contentOf(app: Database.Database): string {
  const hash = createHash('sha1');
  const schema = app.prepare<[], { name: string; type: string; sql: string | null }>(
    'SELECT name, type, sql FROM sqlite_schema ORDER BY name',
  );
  for (const { name, type, sql } of schema.all()) {
    hash.update(`${name} ${type} ${String(sql)}`);
    if (type !== 'table') continue;
    for (const row of app.prepare(`SELECT * FROM "${name}"`).raw().iterate()) hash.update(JSON.stringify(row));
  }
  const numbers = ['user_version', 'application_id', 'encoding', 'auto_vacuum', 'page_count'].map((name) =>
    String(app.pragma(name, { simple: true })),
  );
  return `${hash.digest('hex').slice(0, 12)} ${numbers.join(' ')}`;
}

/** The same of a file that nobody has open. */
export function readContent(file: string): string {
  const opened = new Database(file);
  try {
    return contentOf(opened);
  } finally {
    opened.close();
  }
}
