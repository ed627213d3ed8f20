// What is protected and where, settings and activity: reads and writes of the state database as plain data.
import { randomUUID } from 'node:crypto';
import type Database from 'better-sqlite3';
import type {
  ActivityEntry,
  ActivityKind,
  DatabaseId,
  Settings,
  TargetId,
  TargetState,
} from '../../../shared/model.ts';
import { remembered } from './remembered.ts';

export interface DatabaseRow {
  readonly id: DatabaseId;
  readonly path: string;
  readonly addedAt: number;
  readonly pausedAt: number | undefined;
  readonly provenAt: number | undefined;
  readonly isDemo: boolean;
  readonly isDeclared: boolean;
}

export interface ReplicaRow {
  readonly databaseId: DatabaseId;
  readonly targetId: TargetId;
  readonly url: string;
  readonly syncIntervalMs: number;
  readonly snapshotIntervalMs: number;
}

export interface NewActivity {
  readonly at: number;
  readonly kind: ActivityKind;
  readonly level: ActivityEntry['level'];
  readonly databaseId: DatabaseId | undefined;
  readonly text: string;
}

const defaults: Settings = { theme: 'system' };
/** Entries that are kept; the oldest go first. */
const activityLimit = 20_000;

export class Store {
  readonly #database: { readonly prepare: Database.Database['prepare'] };

  constructor(database: Database.Database) {
    this.#database = { prepare: remembered(database) };
  }

  settings(): Settings {
    const rows = this.#database.prepare<[], { name: string; value: string }>('SELECT name, value FROM setting').all();
    const stored = Object.fromEntries(rows.map(({ name, value }) => [name, JSON.parse(value) as unknown]));
    return { ...defaults, ...stored };
  }

  updateSettings(changes: { readonly [K in keyof Settings]?: Settings[K] | undefined }): void {
    const upsert = this.#database.prepare(
      'INSERT INTO setting VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    );
    for (const [name, value] of Object.entries(changes)) {
      if (value !== undefined) upsert.run(name, JSON.stringify(value));
    }
  }

  /** This installation's own id; made by `create` the first time. */
  machineId(create: () => string): string {
    const found = this.#database.prepare('SELECT value FROM machine').pluck().get();
    if (typeof found === 'string') return found;
    const id = create();
    this.#database.prepare('INSERT INTO machine VALUES (?)').run(id);
    return id;
  }

  databases(): readonly DatabaseRow[] {
    return this.#database
      .prepare<[], RawDatabase>('SELECT * FROM database ORDER BY added_at, id')
      .all()
      .map((row) => ({
        id: row.id as DatabaseId,
        path: row.path,
        addedAt: row.added_at,
        pausedAt: row.paused_at ?? undefined,
        provenAt: row.proven_at ?? undefined,
        isDemo: row.is_demo === 1,
        isDeclared: row.is_declared === 1,
      }));
  }

  addDatabase(row: Pick<DatabaseRow, 'path' | 'addedAt' | 'isDemo' | 'isDeclared'>): DatabaseId {
    const id = randomUUID() as DatabaseId;
    this.#database
      .prepare('INSERT INTO database (id, path, added_at, is_demo, is_declared) VALUES (?, ?, ?, ?, ?)')
      .run(id, row.path, row.addedAt, Number(row.isDemo), Number(row.isDeclared));
    return id;
  }

  /** A database that a command line declared becomes one that was added here; undefined where none has that path. */
  adoptDeclared(row: Pick<DatabaseRow, 'path' | 'addedAt' | 'isDemo'>): DatabaseId | undefined {
    const id = this.#database
      .prepare(
        `UPDATE database SET added_at = ?, is_demo = ?, is_declared = 0, paused_at = NULL
         WHERE path = ? AND is_declared = 1 RETURNING id`,
      )
      .pluck()
      .get(row.addedAt, Number(row.isDemo), row.path);
    return typeof id === 'string' ? (id as DatabaseId) : undefined;
  }

  removeDatabase(id: DatabaseId): void {
    this.#database.prepare('DELETE FROM database WHERE id = ?').run(id);
    this.#database.prepare('DELETE FROM target WHERE id NOT IN (SELECT target_id FROM replica)').run();
  }

  setPaused(id: DatabaseId, at: number | undefined): void {
    this.#database.prepare('UPDATE database SET paused_at = ? WHERE id = ?').run(at ?? null, id);
  }

  setProven(id: DatabaseId, at: number): void {
    this.#database.prepare('UPDATE database SET proven_at = ? WHERE id = ?').run(at, id);
  }

  targets(): readonly TargetState[] {
    return this.#database.prepare<[], TargetState>('SELECT id, kind, name, url FROM target ORDER BY name, id').all();
  }

  /** The target with this URL; made when it is new. */
  ensureTarget(target: Omit<TargetState, 'id'>): TargetId {
    const found = this.#database.prepare('SELECT id FROM target WHERE url = ?').pluck().get(target.url);
    if (typeof found === 'string') return found as TargetId;
    const id = randomUUID() as TargetId;
    this.#database.prepare('INSERT INTO target VALUES (?, ?, ?, ?)').run(id, target.kind, target.name, target.url);
    return id;
  }

  replicas(databaseId: DatabaseId): readonly ReplicaRow[] {
    return this.#database
      .prepare<[string], RawReplica>('SELECT * FROM replica WHERE database_id = ? ORDER BY target_id')
      .all(databaseId)
      .map((row) => ({
        databaseId,
        targetId: row.target_id as TargetId,
        url: row.url,
        syncIntervalMs: row.sync_interval_ms,
        snapshotIntervalMs: row.snapshot_interval_ms,
      }));
  }

  /** Replaces the replicas of a database. */
  setReplicas(databaseId: DatabaseId, replicas: readonly Omit<ReplicaRow, 'databaseId'>[]): void {
    this.#database.prepare('DELETE FROM replica WHERE database_id = ?').run(databaseId);
    const insert = this.#database.prepare('INSERT INTO replica VALUES (?, ?, ?, ?, ?)');
    for (const { targetId, url, syncIntervalMs, snapshotIntervalMs } of replicas) {
      insert.run(databaseId, targetId, url, syncIntervalMs, snapshotIntervalMs);
    }
  }

  addActivity(entry: NewActivity): void {
    const { lastInsertRowid } = this.#database
      .prepare('INSERT INTO activity (at, kind, level, database_id, text) VALUES (?, ?, ?, ?, ?)')
      .run(entry.at, entry.kind, entry.level, entry.databaseId ?? null, entry.text);
    this.#database.prepare('DELETE FROM activity WHERE id <= ?').run(Number(lastInsertRowid) - activityLimit);
  }

  /** Newest first. */
  activity(options: {
    readonly databaseId?: DatabaseId | undefined;
    readonly beforeId?: number | undefined;
    readonly limit: number;
  }): readonly ActivityEntry[] {
    return this.#database
      .prepare<[object], RawActivity>(
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

interface RawDatabase {
  readonly id: string;
  readonly path: string;
  readonly added_at: number;
  readonly paused_at: number | null;
  readonly proven_at: number | null;
  readonly is_demo: number;
  readonly is_declared: number;
}

interface RawReplica {
  readonly target_id: string;
  readonly url: string;
  readonly sync_interval_ms: number;
  readonly snapshot_interval_ms: number;
}

interface RawActivity {
  readonly id: number;
  readonly at: number;
  readonly kind: string;
  readonly level: string;
  readonly database_id: string | null;
  readonly text: string;
}
