// Rows that tell where they come from, written and read by SQL alone, so that any application can: the table `t` of applications
// whose database is replaced, and what it holds as a short sum that shows at a glance whose rows they are.
import { createHash } from 'node:crypto';
import Database from 'better-sqlite3';

type Row = readonly [number, string];

/** Whose rows are there, how many, and a digest of all of them. */
export interface Rows {
  readonly counts: Readonly<Record<string, number>>;
  readonly digest: string;
}

export const createTable = 'CREATE TABLE t(a INTEGER PRIMARY KEY, b)';
export const createIndex = 'CREATE INDEX i ON t(b)';
export const askRows = 'SELECT a, b FROM t ORDER BY a';
export const askIntegrity = 'PRAGMA integrity_check(2)';
const filling = 'x'.repeat(200);

/** Inserts rows of `tag`, from the number `from` on, in one transaction. */
export function insertRows(tag: string, { from, count }: { readonly from: number; readonly count: number }): string {
  const numbers = `WITH RECURSIVE k(n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM k WHERE n < ${from + count - 1})`;
  return `${numbers} INSERT INTO t SELECT n, '${tag}' || n || '${filling}' FROM k`;
}

/** The rows that {@link insertRows} makes. */
export function rowsOf(
  tag: string,
  { from, count }: { readonly from: number; readonly count: number },
): readonly Row[] {
  return Array.from({ length: count }, (_, i) => [from + i, `${tag}${from + i}${filling}`] as const);
}

/** The sum of what {@link askRows} answered. */
export function sumRows(answer: unknown): Rows {
  const rows = answer as readonly Row[];
  const counts: Record<string, number> = {};
  for (const [, b] of rows) {
    const tag = /^[a-z]+/.exec(b)?.[0] ?? '';
    counts[tag] = (counts[tag] ?? 0) + 1;
  }
  return { counts, digest: createHash('sha1').update(JSON.stringify(rows)).digest('hex').slice(0, 12) };
}

/** What a file holds that nobody has open. */
export function readRows(file: string): Rows {
  const opened = new Database(file);
  try {
    return sumRows(opened.prepare(askRows).raw().all());
  } finally {
    opened.close();
  }
}

/** Makes a database of `count` rows of `tag`, in WAL mode, that nobody has open. */
export function makeRows(file: string, tag: string, count: number): void {
  const made = new Database(file);
  made.pragma('journal_mode = wal');
  made.exec(`${createTable}; ${createIndex}`);
  if (count > 0) made.exec(insertRows(tag, { from: 0, count }));
  made.close();
}
