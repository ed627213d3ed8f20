// What happened, as rows of the state database: the newest so many. How it is said is switchboard/narrate.ts.
import type Database from 'better-sqlite3';
import type { DatabaseId } from '../../../shared/ids.ts';
import type { ActivityEntry, ActivityKind } from '../../../shared/model.ts';
import { remembered } from './remembered.ts';

export interface NewActivity {
  readonly at: number;
  readonly kind: ActivityKind;
  readonly level: ActivityEntry['level'];
  readonly databaseId: DatabaseId | undefined;
  readonly text: string;
}

/** Which entries are asked for: of one database, before one of them. */
export interface ActivityWish {
  readonly databaseId?: DatabaseId | undefined;
  readonly beforeId?: number | undefined;
  readonly limit: number;
}

/** Entries that are kept; the oldest go first. */
const activityLimit = 20_000;

export class ActivityRows {
  readonly #prepare: Database.Database['prepare'];
  /** The newest of all, as they were asked for last. */
  #newest: { readonly limit: number; readonly entries: readonly ActivityEntry[] } | undefined;

  constructor(database: Database.Database) {
    this.#prepare = remembered(database);
  }

  /** Adds an entry; the oldest go. */
  add(entry: NewActivity): void {
    this.#newest = undefined;
    const { lastInsertRowid } = this.#prepare(
      'INSERT INTO activity (at, kind, level, database_id, text) VALUES (?, ?, ?, ?, ?)',
    ).run(entry.at, entry.kind, entry.level, entry.databaseId ?? null, entry.text);
    this.#prepare('DELETE FROM activity WHERE id <= ?').run(Number(lastInsertRowid) - activityLimit);
  }

  /** Newest first. */
  list(options: ActivityWish): readonly ActivityEntry[] {
    const { databaseId, beforeId, limit } = options;
    if (databaseId !== undefined || beforeId !== undefined) return this.#read(options);
    if (this.#newest?.limit !== limit) this.#newest = { limit, entries: this.#read(options) };
    return this.#newest.entries;
  }

  #read(options: ActivityWish): readonly ActivityEntry[] {
    return this.#prepare<[object], RawActivity>(
      `SELECT * FROM activity WHERE ($database IS NULL OR database_id = $database) AND ($before IS NULL OR id < $before)
         ORDER BY id DESC LIMIT $limit`,
    )
      .all({ database: options.databaseId ?? null, before: options.beforeId ?? null, limit: options.limit })
      .map((row) => ({
        id: row.id,
        at: row.at,
        kind: row.kind as ActivityKind,
        level: row.level as ActivityEntry['level'],
        databaseId: (row.database_id ?? undefined) as DatabaseId | undefined,
        text: row.text,
      }));
  }
}

interface RawActivity {
  readonly id: number;
  readonly at: number;
  readonly kind: string;
  readonly level: string;
  readonly database_id: string | null;
  readonly text: string;
}
