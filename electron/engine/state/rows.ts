// What is protected and where, as rows: as plain data for everybody, as the state database holds it, and from the one to the other.
import { fileURLToPath } from 'node:url';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import type { Position } from '../../../shared/position.ts';
import type { Retention } from '../../../shared/retention.ts';
import type { PlaceState } from '../../../shared/targets.ts';

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

export interface RawDatabase {
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

export interface RawTarget {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly place: string | null;
  readonly bandwidth_bytes: number | null;
  readonly secret: Uint8Array | null;
  readonly is_kept: number;
}

export interface RawReplica {
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

/** A row as it is read. */
export function toDatabase(row: RawDatabase): DatabaseRow {
  return {
    id: row.id as DatabaseId,
    path: row.path,
    givenPath: row.given_path ?? undefined,
    addedAt: row.added_at,
    pausedAt: row.paused_at ?? undefined,
    provenAt: row.proven_at ?? undefined,
    proven: row.proven_position === null ? undefined : (JSON.parse(row.proven_position) as Position),
    isDemo: row.is_demo === 1,
    isDeclared: row.is_declared === 1,
  };
}

/** A row as it is read. */
export function toTarget(row: RawTarget): TargetRow {
  return {
    id: row.id as TargetId,
    name: row.name,
    url: row.url,
    place: row.place === null ? folderOf(row.url) : (JSON.parse(row.place) as PlaceState),
    bandwidthBytes: row.bandwidth_bytes ?? undefined,
    secret: row.secret ?? undefined,
    isKept: row.is_kept === 1,
  };
}

/** A row as it is read. */
export function toReplica(row: RawReplica): ReplicaRow {
  return {
    databaseId: row.database_id as DatabaseId,
    targetId: row.target_id as TargetId,
    url: row.url,
    isEnabled: row.is_enabled === 1,
    syncIntervalMs: row.sync_interval_ms,
    snapshotIntervalMs: row.snapshot_interval_ms,
    retention: JSON.parse(row.retention) as Retention,
    retainedAt: row.retained_at ?? undefined,
    refusesDeletesAt: row.refuses_deletes_at ?? undefined,
  };
}

/** A target as it is written. */
export function rawTarget({ name, url, place, bandwidthBytes, secret, isKept }: Omit<TargetRow, 'id'>): object {
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
