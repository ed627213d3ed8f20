// What is in a database whose file is replaced again and again, as its one writer knows it: contents, files that hold them,
// the changes that are made, and the log of every state that the database had, each noted before it comes about. A number
// that only grows marks each commit, so that no two states of a run are alike. Knows nothing of Tidemark.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { must } from '../../shared/assert.ts';
import { literal, Model, readVector, type Value } from './model.ts';
import type { Lane } from './said.ts';

/** The writer's name in the model. */
const writer = 'a0';

/** A database without a table: one that was only just created. */
export const emptyState = 'empty';

/** The name of a state: the number of its last commit, and the digest of all that is in it. */
export function stateOf({ n, digest }: { readonly n: number; readonly digest: string }): string {
  return `${n}:${digest}`;
}

/** The state that a database is in. */
export function readState(database: Database.Database): string {
  if (database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0) return emptyState;
  const { n, digest } = readVector(database);
  return stateOf({ n: n[writer] ?? -1, digest: digest[writer] ?? '' });
}

/** The same content, apart: copies of a file go on by themselves. */
export function cloneModel(model: Model): Model {
  const clone = new Model();
  clone.n = model.n;
  for (const [name, { columns, indexes, rows }] of model.tables) {
    clone.create(name);
    clone.change(name, (table) => {
      table.columns.splice(0, 2, ...columns);
      for (const index of indexes) table.indexes.add(index);
      for (const [id, value] of rows) table.rows.set(id, value);
    });
  }
  return clone;
}

export interface Change {
  readonly sql: string;
  readonly apply: () => void;
}

/** Makes up what is written next. Names and numbers are never used twice, in whichever file. */
export class Inventor {
  readonly #random: () => number;
  #nextId = 1;
  #nextName = 1;

  constructor(random: () => number) {
    this.#random = random;
  }

  pick(count: number): number {
    return Math.floor(this.#random() * count);
  }

  one<T>(...choices: readonly T[]): T {
    return must(choices[this.pick(choices.length)], 'not empty');
  }

  isLucky(probability: number): boolean {
    return this.#random() < probability;
  }

  /** The changes of one transaction. */
  changes(model: Model, limit: number): readonly Change[] {
    const names = [...model.tables.keys()];
    const table = names[this.pick(names.length)];
    if (table === undefined || (names.length < 4 && this.isLucky(0.05))) {
      const fresh = this.#name('t');
      const sql = `CREATE TABLE ${fresh}(id INTEGER PRIMARY KEY, v BLOB)`;
      return [{ sql, apply: () => model.create(fresh) }, this.#insert(model, fresh, 1 + this.pick(20))];
    }
    if (this.isLucky(0.05)) return [this.#index(model, table)];
    const isLarge = model.bytes > limit;
    const steps = Array.from({ length: 1 + this.pick(3) }, () => {
      if (isLarge || this.isLucky(0.15)) return this.#delete(model, table);
      if (this.isLucky(0.3)) return this.#update(model, table);
      return this.#insert(model, table, this.isLucky(0.2) ? 10 + this.pick(60) : 1);
    });
    return steps;
  }

  /** A whole content, about so large. */
  content(model: Model, bytes: number): readonly Change[] {
    const fresh = this.#name('t');
    const sql = `CREATE TABLE ${fresh}(id INTEGER PRIMARY KEY, v BLOB)`;
    const value: Value = { unit: this.#unit(), count: 400 };
    const count = 1 + Math.floor(bytes / 800);
    return [{ sql, apply: () => model.create(fresh) }, this.#insert(model, fresh, count, value)];
  }

  #insert(model: Model, table: string, count: number, value = this.#value()): Change {
    const first = this.#nextId;
    this.#nextId += count;
    return {
      sql: `WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < ${count - 1}) INSERT INTO ${table}(id, v) SELECT ${first} + i, ${literal(value)} FROM c`,
      apply: () =>
        model.change(table, ({ rows }) => {
          for (let i = 0; i < count; i++) rows.set(first + i, value);
        }),
    };
  }

  #update(model: Model, table: string): Change {
    const modulus = 2 + this.pick(8);
    const value = this.#value();
    return {
      sql: `UPDATE ${table} SET v = ${literal(value)} WHERE id % ${modulus} = 0`,
      apply: () =>
        model.change(table, ({ rows }) => {
          for (const id of rows.keys()) if (id % modulus === 0) rows.set(id, value);
        }),
    };
  }

  #delete(model: Model, table: string): Change {
    const modulus = 2 + this.pick(2);
    return {
      sql: `DELETE FROM ${table} WHERE id % ${modulus} = 1`,
      apply: () =>
        model.change(table, ({ rows }) => {
          for (const id of rows.keys()) if (id % modulus === 1) rows.delete(id);
        }),
    };
  }

  #index(model: Model, table: string): Change {
    const [known] = must(model.tables.get(table), 'it was just listed').indexes;
    if (known !== undefined) {
      return { sql: `DROP INDEX ${known}`, apply: () => model.change(table, ({ indexes }) => indexes.delete(known)) };
    }
    const index = this.#name('index');
    return {
      sql: `CREATE INDEX ${index} ON ${table}(length(v), id)`,
      apply: () => model.change(table, ({ indexes }) => indexes.add(index)),
    };
  }

  #name(kind: string): string {
    return `${writer}_${kind}${this.#nextName++}`;
  }

  #value(): Value {
    return { unit: this.#unit(), count: 1 + this.pick(300) };
  }

  #unit(): string {
    return (36 + this.pick(36 * 35)).toString(36);
  }
}

/** Creates the table that numbers commits; the file may be in whichever journal mode. */
export const beginSql: readonly string[] = [
  'CREATE TABLE model(actor TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID',
  `INSERT INTO model VALUES ('${writer}', 0)`,
];

/** A file beside the database that holds this content, and is closed. */
export function createFile(
  file: string,
  options: {
    readonly pageSize: number;
    readonly isWal: boolean;
    readonly changes: readonly Change[];
    readonly n: number;
  },
): void {
  const database = new Database(file);
  database.pragma('synchronous = off');
  database.pragma(`page_size = ${options.pageSize}`);
  if (options.isWal) database.pragma('journal_mode = wal');
  database.exec('BEGIN');
  for (const sql of [...beginSql, ...options.changes.map((change) => change.sql)]) database.exec(sql);
  database.exec(`UPDATE model SET n = ${options.n}`);
  database.exec('COMMIT');
  database.close();
}

/** What a writer noted. */
export interface IncarnationLog {
  /** Every state that the database had, in order. */
  readonly states: readonly string[];
  /** The same, each with the instant by which it had come about: whatever its writer noted next was later. */
  readonly lane: Lane;
  readonly complaints: readonly string[];
  /** How often SQLite refused because somebody held a lock, and for how long at most. */
  readonly refusals: number;
  readonly longestRefusalMs: number;
  /** How long after a close `-wal` and `-shm` were gone. */
  readonly goneMs: readonly number[];
  /** How often each step was done. */
  readonly steps: ReadonlyMap<string, number>;
}

/** Reads a log: each line is `<time> <word> <rest>`. */
export function readIncarnationLog(file: string): IncarnationLog {
  const lane: { state: string; at: number }[] = [];
  const complaints: string[] = [];
  const goneMs: number[] = [];
  const steps = new Map<string, number>();
  let refusals = 0;
  let longestRefusalMs = 0;
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  for (const line of text.split('\n')) {
    const [at = '', word = '', first = ''] = line.split(' ');
    const last = lane.at(-1);
    if (last?.at === Infinity && at !== '') last.at = Number(at);
    if (word === 'state') lane.push({ state: first, at: Infinity });
    if (word === 'complaint') complaints.push(line);
    if (word === 'gone') goneMs.push(Number(first));
    if (word === 'step') steps.set(first, (steps.get(first) ?? 0) + 1);
    if (word === 'refused') {
      refusals++;
      longestRefusalMs = Math.max(longestRefusalMs, Number(first));
    }
  }
  const states = lane.map(({ state }) => state);
  return { states, lane, complaints, refusals, longestRefusalMs, goneMs, steps };
}

/** How a writer rests, in its last line; undefined while it does not. */
export function readRest(file: string): { readonly kind: string; readonly state: string } | undefined {
  const line = fs.readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? '';
  const [, word, kind = '', state = ''] = line.split(' ');
  return word === 'rests' ? { kind, state } : undefined;
}
