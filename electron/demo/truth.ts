// Compares what the demo's writer recorded with what a file holds. The writer notes rows and checksum of all its tables
// just before each commit; a restored file says itself which transaction it ends with.
import { readFileSync } from 'node:fs';
import SqliteDatabase from 'better-sqlite3';
import { type ShopContent, contentOf } from './shop.ts';

/** One line of the writer's record. */
export interface TruthLine extends ShopContent {
  readonly at: number;
}

/** What a file turned out to be, beside the writer's record. */
export type Verdict =
  { readonly kind: 'true'; readonly content: ShopContent } | { readonly kind: 'false'; readonly reason: string };

/** The writer's record so far; a line that is being written is left out. */
export function readTruth(path: string): readonly TruthLine[] {
  const text = readFileSync(path, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as TruthLine);
}

/** Reads all a file holds. The file must be nobody's live database: closing it drops this process's locks on it. */
export function readContent(path: string): ShopContent {
  const database = new SqliteDatabase(path);
  try {
    return contentOf(database);
  } finally {
    database.close();
  }
}

/** Judges a restored file by the line of the transaction that it ends with. */
export function judge(content: ShopContent, truth: readonly TruthLine[]): Verdict {
  const line = truth.find((candidate) => candidate.n === content.n);
  if (line === undefined) return { kind: 'false', reason: `the writer knows no transaction ${String(content.n)}` };
  const difference = differenceOf(content, line);
  return difference === undefined ? { kind: 'true', content } : { kind: 'false', reason: difference };
}

/** In what two contents differ, as a sentence; undefined where they are equal. */
export function differenceOf(found: ShopContent, expected: ShopContent): string | undefined {
  if (found.n !== expected.n) {
    return `it ends with transaction ${String(found.n)} instead of ${String(expected.n)}`;
  }
  const table = Object.keys(expected.rows).find((name) => found.rows[name] !== expected.rows[name]);
  if (table !== undefined) {
    return `${table} has ${String(found.rows[table])} rows instead of ${String(expected.rows[table])}`;
  }
  return found.checksum === expected.checksum ? undefined : 'the checksum over all rows differs';
}

/** Rows in all tables together. */
export function countRows(content: ShopContent): number {
  return Object.values(content.rows).reduce((sum, count) => sum + count, 0);
}
