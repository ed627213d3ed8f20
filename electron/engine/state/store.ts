// What is protected and where, and settings: reads and writes of the state database as plain data. Rows are rows.ts, what happened
// activity-rows.ts.
import { randomUUID } from 'node:crypto';
import type Database from 'better-sqlite3';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import type { Settings } from '../../../shared/model.ts';
import type { Position } from '../../../shared/position.ts';
import type { DiskPlace } from '../basics/mounts.ts';
import { ActivityRows } from './activity-rows.ts';
import { NamedPoints } from './named-points.ts';
import { remembered, RememberedRows } from './remembered.ts';
import {
  type DatabaseRow,
  type NewDatabase,
  type RawDatabase,
  type RawReplica,
  type RawTarget,
  rawTarget,
  type ReplicaRow,
  type TargetRow,
  toDatabase,
  toReplica,
  toTarget,
} from './rows.ts';

const defaults: Settings = { theme: 'system' };
export class Store {
  /** Restore points with names. */
  readonly namedPoints: NamedPoints;
  /** What happened. */
  readonly activity: ActivityRows;
  readonly #database: { readonly prepare: Database.Database['prepare'] };
  readonly #databases = new RememberedRows<DatabaseRow>((id) => this.#readDatabases(id));
  readonly #targets = new RememberedRows<TargetRow>((id) => this.#readTargets(id));
  readonly #replicas = new RememberedRows<ReplicaRow>((id) => this.#readReplicas(id));
  #settings: Settings | undefined;

  constructor(database: Database.Database) {
    this.#database = { prepare: remembered(database) };
    this.namedPoints = new NamedPoints(database);
    this.activity = new ActivityRows(database);
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
      .map(toDatabase);
  }

  #readTargets(id: string | null): readonly TargetRow[] {
    return this.#database
      .prepare<[object], RawTarget>('SELECT * FROM target WHERE $id IS NULL OR id = $id ORDER BY name, id')
      .all({ id })
      .map(toTarget);
  }

  #readReplicas(id: string | null): readonly ReplicaRow[] {
    return this.#database
      .prepare<[object], RawReplica>(
        'SELECT * FROM replica WHERE $id IS NULL OR database_id = $id ORDER BY database_id, target_id',
      )
      .all({ id })
      .map(toReplica);
  }

  #forgetTargets(): void {
    this.#targets.forget();
    this.#database.prepare('DELETE FROM target WHERE is_kept = 0 AND id NOT IN (SELECT target_id FROM replica)').run();
  }
}
