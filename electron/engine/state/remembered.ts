// What is asked of the state database again and again: with hundreds of databases, preparing a statement costs more than
// asking, and reading all rows at each step of each database more than the step.
import type Database from 'better-sqlite3';
import { classifying } from './state-errors.ts';

/**
 * A bound number, as an expression. Of a statement with an order or a range SQLite makes the plan anew whenever a value is bound
 * that is compared with a column, which costs ten times what looking up does; an expression it does not look into.
 */
export function planned(parameter: string): string {
  return `(${parameter} + 0)`;
}

/**
 * `prepare` of a connection that gives the same statement for the same text, whose failures are those of state-errors.ts. Not for
 * statements that are iterated.
 */
export function remembered(database: Database.Database): Database.Database['prepare'] {
  const known = new Map<string, unknown>();
  const prepare = (sql: string): unknown => {
    const found = known.get(sql) ?? classifying(database.prepare(sql), database.name);
    known.set(sql, found);
    return found;
  };
  return prepare as Database.Database['prepare'];
}

/** Rows of a table as they were when they were asked for first, or after the last change. */
export class RememberedRows<Row> {
  readonly #read: (key: string | null) => readonly Row[];
  #all: readonly Row[] | undefined;
  readonly #byKey = new Map<string, readonly Row[]>();

  /** `read` gives those with one key, or, with null, all of them. */
  constructor(read: (key: string | null) => readonly Row[]) {
    this.#read = read;
  }

  all(): readonly Row[] {
    return (this.#all ??= this.#read(null));
  }

  with(key: string): readonly Row[] {
    let rows = this.#byKey.get(key);
    if (rows === undefined) this.#byKey.set(key, (rows = this.#read(key)));
    return rows;
  }

  /** Those with this key change, or any. */
  forget(key?: string): void {
    this.#all = undefined;
    if (key === undefined) this.#byKey.clear();
    else this.#byKey.delete(key);
  }
}
