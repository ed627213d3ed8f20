// What is protected and where, settings and activity: reads and writes of the state database as plain data.
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type Database from 'better-sqlite3';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import type { ActivityEntry, ActivityKind, Settings } from '../../../shared/model.ts';
import type { Retention } from '../../../shared/retention.ts';
import type { PlaceState } from '../../../shared/targets.ts';
import type { Position } from '../../../shared/position.ts';
import type { DiskPlace } from '../basics/mounts.ts';
import { NamedPoints } from './named-points.ts';
import { remembered, RememberedRows } from './remembered.ts';

export interface DatabaseRow {
  readonly id: DatabaseId;
  readonly path: string;
  /** As its user named it; undefined where that is {@link path}, to which no link leads from there. */
  readonly givenPath: string | undefined;
  readonly addedAt: number;
  readonly pausedAt: number | undefined;
  readonly provenAt: number | undefined;
  /** What was restored then. */
  readonly proven: Position | undefined;
  readonly isDemo: boolean;
  readonly isDeclared: boolean;
}

/** A database that is added. */
export interface NewDatabase extends Pick<DatabaseRow, 'path' | 'addedAt' | 'isDemo' | 'isDeclared'> {
  readonly givenPath?: string | undefined;
}

export interface TargetRow {
  readonly id: TargetId;
  readonly name: string;
  /** Never holds a secret. */
  readonly url: string;
  readonly place: PlaceState;
  /** Bytes a second; undefined: no limit. */
  readonly bandwidthBytes: number | undefined;
  /** What is secret of its credentials, as secrets.ts sealed it. */
  readonly secret: Uint8Array | undefined;
  /** Stays when no database keeps a replica there. */
  readonly isKept: boolean;
}

export interface ReplicaRow {
  readonly databaseId: DatabaseId;
  readonly targetId: TargetId;
  readonly url: string;
  readonly isEnabled: boolean;
  readonly syncIntervalMs: number;
  readonly snapshotIntervalMs: number;
  readonly retention: Retention;
  /** When retention last ran through there. */
  readonly retainedAt: number | undefined;
  /** Since when the target lets nothing be deleted. */
  readonly refusesDeletesAt: number | undefined;
}

/** What a user may change of a replica. */
export type ReplicaSettings = Pick<ReplicaRow, 'isEnabled' | 'syncIntervalMs' | 'snapshotIntervalMs' | 'retention'>;

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
  /** Restore points with names. */
  readonly namedPoints: NamedPoints;
  readonly #database: { readonly prepare: Database.Database['prepare'] };
  readonly #databases = new RememberedRows<DatabaseRow>((id) => this.#readDatabases(id));
  readonly #targets = new RememberedRows<TargetRow>((id) => this.#readTargets(id));
  readonly #replicas = new RememberedRows<ReplicaRow>((id) => this.#readReplicas(id));
  #settings: Settings | undefined;
  /** The newest activity of all, as it was asked for last. */
  #newest: { readonly limit: number; readonly entries: readonly ActivityEntry[] } | undefined;

  constructor(database: Database.Database) {
    this.#database = { prepare: remembered(database) };
    this.namedPoints = new NamedPoints(database);
  }

  settings(): Settings {
    return (this.#settings ??= this.#readSettings());
  }

  #readSettings(): Settings {
    const rows = this.#database.prepare<[], { name: string; value: string }>('SELECT name, value FROM setting').all();
    const stored = Object.fromEntries(rows.map(({ name, value }) => [name, JSON.parse(value) as unknown]));
    return { ...defaults, ...stored };
  }

  updateSettings(changes: { readonly [K in keyof Settings]?: Settings[K] | undefined }): void {
    this.#settings = undefined;
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

  /** What is kept of which time it is at least (basics/confirmed-time.ts). */
  confirmedTime(): string | undefined {
    const found = this.#database.prepare('SELECT value FROM confirmed_time').pluck().get();
    return typeof found === 'string' ? found : undefined;
  }

  setConfirmedTime(text: string): void {
    this.#database.prepare('INSERT OR REPLACE INTO confirmed_time VALUES (1, ?)').run(text);
  }

  /** In the order in which they were added. */
  databases(): readonly DatabaseRow[] {
    return this.#databases.all();
  }

  database(id: DatabaseId): DatabaseRow | undefined {
    return this.#databases.with(id)[0];
  }

  addDatabase(row: NewDatabase): DatabaseId {
    this.#databases.forget();
    const id = randomUUID() as DatabaseId;
    this.#database
      .prepare('INSERT INTO database (id, path, given_path, added_at, is_demo, is_declared) VALUES (?, ?, ?, ?, ?, ?)')
      .run(id, row.path, row.givenPath ?? null, row.addedAt, Number(row.isDemo), Number(row.isDeclared));
    return id;
  }

  /** A database that a command line declared becomes one that was added here; undefined where none has that path. */
  adoptDeclared(row: Omit<NewDatabase, 'isDeclared'>): DatabaseId | undefined {
    this.#databases.forget();
    const id = this.#database
      .prepare(
        `UPDATE database SET given_path = ?, added_at = ?, is_demo = ?, is_declared = 0, paused_at = NULL
         WHERE path = ? AND is_declared = 1 RETURNING id`,
      )
      .pluck()
      .get(row.givenPath ?? null, row.addedAt, Number(row.isDemo), row.path);
    return typeof id === 'string' ? (id as DatabaseId) : undefined;
  }

  /** The path by which it was named this time. */
  setGivenPath(id: DatabaseId, givenPath: string | undefined): void {
    this.#databases.forget(id);
    this.#database.prepare('UPDATE database SET given_path = ? WHERE id = ?').run(givenPath ?? null, id);
  }

  removeDatabase(id: DatabaseId): void {
    this.#databases.forget(id);
    this.#replicas.forget(id);
    this.namedPoints.forget(id);
    this.#database.prepare('DELETE FROM database WHERE id = ?').run(id);
    this.#forgetTargets();
  }

  setPaused(id: DatabaseId, at: number | undefined): void {
    this.#databases.forget(id);
    this.#database.prepare('UPDATE database SET paused_at = ? WHERE id = ?').run(at ?? null, id);
  }

  setProven(id: DatabaseId, at: number, position: Position): void {
    this.#databases.forget(id);
    this.#database
      .prepare('UPDATE database SET proven_at = ?, proven_position = ? WHERE id = ?')
      .run(at, JSON.stringify(position), id);
  }

  /** On which computer a database was captured last. */
  computerOf(id: DatabaseId): string | undefined {
    const name = this.#database.prepare('SELECT computer FROM database WHERE id = ?').pluck().get(id);
    return typeof name === 'string' ? name : undefined;
  }

  setComputer(id: DatabaseId, name: string): void {
    this.#database
      .prepare('UPDATE database SET computer = $name WHERE id = $id AND computer IS NOT $name')
      .run({ id, name });
  }

  /** In the order of their names. */
  targets(): readonly TargetRow[] {
    return this.#targets.all();
  }

  target(id: TargetId): TargetRow | undefined {
    return this.#targets.with(id)[0];
  }

  addTarget(target: Omit<TargetRow, 'id'>, id = randomUUID() as TargetId): TargetId {
    this.#targets.forget();
    this.#database
      .prepare(
        `INSERT INTO target (id, kind, name, url, place, bandwidth_bytes, secret, is_kept)
         VALUES ($id, $kind, $name, $url, $place, $bandwidth, $secret, $isKept)`,
      )
      .run({ id, ...rawTarget(target) });
    return id;
  }

  /** Replaces what is kept of a target. */
  updateTarget(id: TargetId, target: Omit<TargetRow, 'id'>): void {
    this.#targets.forget(id);
    this.#database
      .prepare(
        `UPDATE target SET kind = $kind, name = $name, url = $url, place = $place, bandwidth_bytes = $bandwidth,
           secret = $secret, is_kept = $isKept WHERE id = $id`,
      )
      .run({ id, ...rawTarget(target) });
  }

  /** The disk that a folder was on when it was last used. */
  diskOf(id: TargetId): DiskPlace | undefined {
    const text = this.#database.prepare('SELECT disk FROM target WHERE id = ?').pluck().get(id);
    return typeof text === 'string' ? (JSON.parse(text) as DiskPlace) : undefined;
  }

  setDisk(id: TargetId, place: DiskPlace): void {
    this.#database.prepare('UPDATE target SET disk = ? WHERE id = ?').run(JSON.stringify(place), id);
  }

  removeTarget(id: TargetId): void {
    this.#targets.forget(id);
    this.#database.prepare('DELETE FROM target WHERE id = ?').run(id);
  }

  /** Without an id: of all databases. */
  replicas(databaseId?: DatabaseId): readonly ReplicaRow[] {
    return databaseId === undefined ? this.#replicas.all() : this.#replicas.with(databaseId);
  }

  /** Adds a replica, or replaces where it is and how it is kept. */
  putReplica({ databaseId, targetId, url, ...settings }: Omit<ReplicaRow, 'retainedAt' | 'refusesDeletesAt'>): void {
    this.#replicas.forget(databaseId);
    const { isEnabled, syncIntervalMs, snapshotIntervalMs, retention } = settings;
    this.#database
      .prepare(
        `INSERT INTO replica (database_id, target_id, url, is_enabled, sync_interval_ms, snapshot_interval_ms, retention)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET url = excluded.url, is_enabled = excluded.is_enabled,
           sync_interval_ms = excluded.sync_interval_ms, snapshot_interval_ms = excluded.snapshot_interval_ms,
           retention = excluded.retention`,
      )
      .run(databaseId, targetId, url, Number(isEnabled), syncIntervalMs, snapshotIntervalMs, JSON.stringify(retention));
  }

  /** Forgets a replica, and its target where that was there for its replicas only. */
  removeReplica({ databaseId, targetId }: Pick<ReplicaRow, 'databaseId' | 'targetId'>): void {
    this.#replicas.forget(databaseId);
    this.#database.prepare('DELETE FROM replica WHERE database_id = ? AND target_id = ?').run(databaseId, targetId);
    this.#forgetTargets();
  }

  setRetained({ databaseId, targetId }: Pick<ReplicaRow, 'databaseId' | 'targetId'>, at: number): void {
    this.#replicas.forget(databaseId);
    this.#database
      .prepare('UPDATE replica SET retained_at = ? WHERE database_id = ? AND target_id = ?')
      .run(at, databaseId, targetId);
  }

  /** Undefined: it lets things be deleted. */
  setRefusesDeletes(
    { databaseId, targetId }: Pick<ReplicaRow, 'databaseId' | 'targetId'>,
    at: number | undefined,
  ): void {
    this.#replicas.forget(databaseId);
    this.#database
      .prepare('UPDATE replica SET refuses_deletes_at = ? WHERE database_id = ? AND target_id = ?')
      .run(at ?? null, databaseId, targetId);
  }

  #readDatabases(id: string | null): readonly DatabaseRow[] {
    return this.#database
      .prepare<[object], RawDatabase>('SELECT * FROM database WHERE $id IS NULL OR id = $id ORDER BY added_at, id')
      .all({ id })
      .map((row) => ({
        id: row.id as DatabaseId,
        path: row.path,
        givenPath: row.given_path ?? undefined,
        addedAt: row.added_at,
        pausedAt: row.paused_at ?? undefined,
        provenAt: row.proven_at ?? undefined,
        proven: row.proven_position === null ? undefined : (JSON.parse(row.proven_position) as Position),
        isDemo: row.is_demo === 1,
        isDeclared: row.is_declared === 1,
      }));
  }

  #readTargets(id: string | null): readonly TargetRow[] {
    return this.#database
      .prepare<[object], RawTarget>('SELECT * FROM target WHERE $id IS NULL OR id = $id ORDER BY name, id')
      .all({ id })
      .map((row) => ({
        id: row.id as TargetId,
        name: row.name,
        url: row.url,
        place: row.place === null ? folderOf(row.url) : (JSON.parse(row.place) as PlaceState),
        bandwidthBytes: row.bandwidth_bytes ?? undefined,
        secret: row.secret ?? undefined,
        isKept: row.is_kept === 1,
      }));
  }

  #readReplicas(id: string | null): readonly ReplicaRow[] {
    return this.#database
      .prepare<[object], RawReplica>(
        'SELECT * FROM replica WHERE $id IS NULL OR database_id = $id ORDER BY database_id, target_id',
      )
      .all({ id })
      .map((row) => ({
        databaseId: row.database_id as DatabaseId,
        targetId: row.target_id as TargetId,
        url: row.url,
        isEnabled: row.is_enabled === 1,
        syncIntervalMs: row.sync_interval_ms,
        snapshotIntervalMs: row.snapshot_interval_ms,
        retention: JSON.parse(row.retention) as Retention,
        retainedAt: row.retained_at ?? undefined,
        refusesDeletesAt: row.refuses_deletes_at ?? undefined,
      }));
  }

  #forgetTargets(): void {
    this.#targets.forget();
    this.#database.prepare('DELETE FROM target WHERE is_kept = 0 AND id NOT IN (SELECT target_id FROM replica)').run();
  }

  addActivity(entry: NewActivity): void {
    this.#newest = undefined;
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
    const { databaseId, beforeId, limit } = options;
    if (databaseId !== undefined || beforeId !== undefined) return this.#readActivity(options);
    if (this.#newest?.limit !== limit) this.#newest = { limit, entries: this.#readActivity(options) };
    return this.#newest.entries;
  }

  #readActivity(options: {
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
  readonly given_path: string | null;
  readonly added_at: number;
  readonly paused_at: number | null;
  readonly proven_at: number | null;
  readonly proven_position: string | null;
  readonly is_demo: number;
  readonly is_declared: number;
}

interface RawTarget {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly place: string | null;
  readonly bandwidth_bytes: number | null;
  readonly secret: Uint8Array | null;
  readonly is_kept: number;
}

interface RawReplica {
  readonly database_id: string;
  readonly target_id: string;
  readonly url: string;
  readonly is_enabled: number;
  readonly sync_interval_ms: number;
  readonly snapshot_interval_ms: number;
  readonly retention: string;
  readonly retained_at: number | null;
  readonly refuses_deletes_at: number | null;
}

interface RawActivity {
  readonly id: number;
  readonly at: number;
  readonly kind: string;
  readonly level: string;
  readonly database_id: string | null;
  readonly text: string;
}

function rawTarget({ name, url, place, bandwidthBytes, secret, isKept }: Omit<TargetRow, 'id'>): object {
  return {
    kind: place.kind,
    name,
    url,
    place: JSON.stringify(place),
    bandwidth: bandwidthBytes ?? null,
    secret: secret ?? null,
    isKept: Number(isKept),
  };
}

/** Targets of the first schema are folders, and their URL says all. */
function folderOf(url: string): PlaceState {
  return { kind: 'folder', path: url.startsWith('file:') ? fileURLToPath(url) : url };
}
