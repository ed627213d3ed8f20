// What a database must hold, told twice: by an actor while it writes (kept in memory, logged before each commit), and by a
// database that was restored. Both end in one digest per actor and number of commits, so that a restored state can be
// tied to exactly one written state. Knows nothing of Tidemark.
import fs from 'node:fs';
import type Database from 'better-sqlite3';
import loadHashing from 'xxhash-wasm';
import type { Span } from './said.ts';

const hashing = await loadHashing();

/** One table of an actor: names, and the sum of its rows' hashes. */
interface Table {
  readonly columns: string[];
  readonly indexes: Set<string>;
  readonly rows: Map<number, Value>;
}

/** A value is a unit of two characters, repeated. */
export interface Value {
  readonly unit: string;
  readonly count: number;
}

/** The tables that one actor owns. */
export class Model {
  /** How often the actor has committed. */
  n = 0;
  readonly tables = new Map<string, Table>();
  readonly #digests = new Map<string, bigint>();

  /** Changes a table; its digest is computed anew when it is asked for. */
  change(name: string, how: (table: Table) => void): void {
    const table = this.tables.get(name);
    if (table === undefined) throw new Error(`no table ${name}`);
    how(table);
    this.#digests.delete(name);
  }

  create(name: string): void {
    this.tables.set(name, { columns: ['id', 'v'], indexes: new Set(), rows: new Map() });
  }

  drop(name: string): void {
    this.tables.delete(name);
    this.#digests.delete(name);
  }

  rename(from: string, to: string): void {
    const table = this.tables.get(from);
    if (table === undefined) throw new Error(`no table ${from}`);
    this.drop(from);
    this.tables.set(to, table);
  }

  get bytes(): number {
    let bytes = 0;
    for (const { rows } of this.tables.values()) for (const { count } of rows.values()) bytes += 2 * count;
    return bytes;
  }

  digest(): string {
    let sum = 0n;
    for (const [name, { columns, indexes, rows }] of this.tables) {
      let digest = this.#digests.get(name);
      if (digest === undefined) {
        let content = 0n;
        for (const [id, value] of rows) content += hashRow(id, hashOf(value));
        digest = digestTable({ name, columns, indexes: [...indexes], content });
        this.#digests.set(name, digest);
      }
      sum += digest;
    }
    return hex(sum);
  }
}

/** Text of a value, as SQL. */
export function literal({ unit, count }: Value): string {
  return `CAST(replace(hex(zeroblob(${count})), '00', '${unit}') AS BLOB)`;
}

/** What the actors of a database have in it. */
export interface Vector {
  readonly n: Readonly<Record<string, number>>;
  readonly digest: Readonly<Record<string, string>>;
}

/** Reads the whole content of a database, per actor. */
export function readVector(database: Database.Database): Vector {
  const n: Record<string, number> = {};
  const sums: Record<string, bigint> = {};
  for (const row of database.prepare<[], { actor: string; n: number }>('SELECT actor, n FROM model').iterate()) {
    n[row.actor] = row.n;
    sums[row.actor] = 0n;
  }
  for (const { name } of tablesOf(database)) {
    const [actor = ''] = name.split('_');
    const columns = database.prepare<[string]>('SELECT name FROM pragma_table_info(?)').pluck().all(name).map(String);
    const indexes = database
      .prepare<[string]>("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?")
      .pluck()
      .all(name)
      .map(String);
    let content = 0n;
    for (const row of database.prepare<[], { id: number; v: Buffer }>(`SELECT id, v FROM "${name}"`).iterate()) {
      content += hashRow(row.id, hashing.h64Raw(row.v));
    }
    sums[actor] = (sums[actor] ?? 0n) + digestTable({ name, columns, indexes, content });
  }
  return { n, digest: Object.fromEntries(Object.entries(sums).map(([actor, sum]) => [actor, hex(sum)])) };
}

/** Fills a model from what an actor has in a database. */
export function readModel(database: Database.Database, actor: string): Model {
  const model = new Model();
  model.n = Number(database.prepare('SELECT n FROM model WHERE actor = ?').pluck().get(actor));
  for (const { name } of tablesOf(database).filter((table) => table.name.startsWith(`${actor}_`))) {
    model.create(name);
    model.change(name, (table) => {
      const info = database.prepare<[string]>('SELECT name FROM pragma_table_info(?)').pluck().all(name).map(String);
      table.columns.splice(0, 2, ...info);
      for (const index of database
        .prepare<[string]>("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?")
        .pluck()
        .all(name)) {
        table.indexes.add(String(index));
      }
      for (const row of database.prepare<[], { id: number; v: Buffer }>(`SELECT id, v FROM "${name}"`).iterate()) {
        table.rows.set(row.id, { unit: row.v.toString('latin1', 0, 2), count: row.v.length / 2 });
      }
    });
  }
  return model;
}

/** What an actor wrote down: the digest behind each commit, noted before it; and how far commits were confirmed. */
export interface ActorLog {
  readonly digests: ReadonlyMap<number, string>;
  readonly confirmed: number;
  /** When each commit was confirmed. */
  readonly confirmedAt: ReadonlyMap<number, number>;
  /** Times in which the actor's connection was certainly open, and in which it may have switched the journal mode. */
  readonly open: readonly Span[];
  readonly modes: readonly Span[];
  /** What went wrong in the actor's own eyes. */
  readonly complaints: readonly string[];
}

/** Reads an actor's log; a line that a kill cut short is passed over. */
export function readActorLog(file: string): ActorLog {
  const digests = new Map<number, string>();
  const confirmedAt = new Map<number, number>();
  const complaints: string[] = [];
  const [open, modes]: [Span[], Span[]] = [[], []];
  let openedAt: number | undefined;
  let modeAt: number | undefined;
  let confirmed = 0;
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  for (const line of text.split('\n')) {
    const [word = '', n = '', digest = ''] = line.split(' ');
    // An intent that was rolled back is followed by another one for the same number: the last word counts.
    if (word === 'will' && digest.length === 16) digests.set(Number(n), digest);
    if (word === 'did') {
      confirmed = Math.max(confirmed, Number(n));
      confirmedAt.set(Number(n), Number(digest));
    }
    if (word === 'opened') openedAt = Number(n);
    // A kill closes, too; whoever killed it notes when.
    if ((word === 'closing' || word === 'killed') && openedAt !== undefined) {
      open.push({ from: openedAt, to: Number(n) });
      openedAt = undefined;
    }
    if (word === 'mode') modeAt = Number(n);
    if ((word === 'wal' || word === 'killed' || word === 'opened') && modeAt !== undefined) {
      modes.push({ from: modeAt, to: Number(n) });
      modeAt = undefined;
    }
    if (word === 'complaint') complaints.push(line);
  }
  if (openedAt !== undefined) open.push({ from: openedAt, to: Infinity });
  if (modeAt !== undefined) modes.push({ from: modeAt, to: Infinity });
  return { digests, confirmed, confirmedAt, open, modes, complaints };
}

function tablesOf(database: Database.Database): readonly { readonly name: string }[] {
  return database
    .prepare<[], { name: string }>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'a%' ESCAPE '!' ORDER BY name",
    )
    .all();
}

function digestTable(table: {
  readonly name: string;
  readonly columns: readonly string[];
  readonly indexes: readonly string[];
  readonly content: bigint;
}): bigint {
  const { name, columns, indexes, content } = table;
  return hashing.h64(`${name}|${columns.join()}|${[...indexes].sort().join()}|${hex(content)}`);
}

function hashRow(id: number, value: bigint): bigint {
  return BigInt.asUintN(64, value * (2n * BigInt(id) + 1n));
}

const hashes = new Map<string, bigint>();

function hashOf({ unit, count }: Value): bigint {
  const key = unit + String(count);
  let hash = hashes.get(key);
  if (hash === undefined) {
    hash = hashing.h64Raw(Buffer.alloc(2 * count, unit));
    hashes.set(key, hash);
  }
  return hash;
}

function hex(value: bigint): string {
  return BigInt.asUintN(64, value).toString(16).padStart(16, '0');
}
