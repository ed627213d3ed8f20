// What a writer wrote, as a digest that a restored database can be compared with.
import Database from 'better-sqlite3';

/** A reproducible random number in [0, 1) per call (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** FNV-1a over a row's id and value, widened so that sums of rows stay exact. */
export function rowDigest(id: number, value: Uint8Array): number {
  let hash = (0x811c9dc5 ^ id) >>> 0;
  for (const byte of value) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** One line of a writer's record. */
export interface Truth {
  readonly n: number;
  readonly rows: number;
  readonly digest: number;
}

/** The same facts, read from a database file that nobody writes. */
export function readTruth(file: string, table = 't'): Truth {
  const database = new Database(file);
  try {
    return readTruthOf(database, table);
  } finally {
    database.close();
  }
}

/** The same facts, as a connection sees them. */
export function readTruthOf(database: Database.Database, table = 't'): Truth {
  let rows = 0;
  let digest = 0;
  for (const row of database.prepare<[], { id: number; v: Buffer }>(`SELECT id, v FROM ${table}`).iterate()) {
    rows++;
    digest = (digest + rowDigest(row.id, row.v)) % 2 ** 48;
  }
  return { n: Number(database.prepare(`SELECT n FROM ${table}_n`).pluck().get()), rows, digest };
}
