// Databases as everybody sees them: how each stands, its replicas, what it costs, and what a path turned out to be. Plain data.
import type { AppErrorData, Problem } from './errors.ts';
import type { GenerationBand, Moment } from './history.ts';
import type { DatabaseId, TargetId } from './ids.ts';
import type { KnownApplication } from './known-applications.ts';
import type { NamedPoint } from './named-points.ts';
import type { Retention } from './retention.ts';

export interface DatabaseState {
  readonly id: DatabaseId;
  readonly path: string;
  /** The file's name. */
  readonly name: string;
  /** It counts apart from what is the user's own. */
  readonly isDemo?: boolean;
  readonly addedAt: number;
  readonly status: DatabaseStatus;
  readonly sizeBytes: number;
  readonly walBytes: number;
  readonly pageSize: number;
  /** The end of what was captured into the spool. */
  readonly captured: Moment | undefined;
  /** The newest restore point that lies complete on at least one target. */
  readonly newest: Moment | undefined;
  readonly oldestAt: number | undefined;
  /** Captured but not yet on every enabled target. */
  readonly lag: { readonly bytes: number; readonly sinceAt: number | undefined };
  readonly generation: GenerationBand | undefined;
  readonly replicas: readonly ReplicaState[];
  /** Oldest first. */
  readonly namedPoints: readonly NamedPoint[];
  /** When a restore of this database was last proven identical. */
  readonly provenAt: number | undefined;
  /** Time that writers waited for Tidemark under the write lock. */
  readonly locked: { readonly maxMs: number; readonly totalMs: number };
  /** Transactions per day, oldest first, the last entry is today (UTC days of the engine's clock); 30 entries. */
  readonly days: readonly DayActivity[];
}

export interface DayActivity {
  /** `none`: before protection began; `idle`: protected, nothing written. */
  readonly kind: 'none' | 'idle' | 'active' | 'attention';
  readonly transactions: number;
}

export type DatabaseStatus =
  | { readonly kind: 'starting' }
  /** The first image (or that of a new generation) is on its way; `done` of `total` bytes. */
  | { readonly kind: 'snapshotting'; readonly doneBytes: number; readonly totalBytes: number }
  /** Every captured transaction is restorable, or will be within the sync interval. */
  | { readonly kind: 'protected'; readonly capturedWhen?: CapturedWhen }
  /** More is captured than shipped, and it shrinks. */
  | { readonly kind: 'catching-up' }
  /** Restorable on one target at least, but something needs a look. */
  | { readonly kind: 'attention'; readonly problem: Problem }
  /** New transactions are not being made restorable. */
  | { readonly kind: 'problem'; readonly problem: Problem }
  | { readonly kind: 'paused'; readonly sinceAt: number };

/** When a database is captured whose application keeps it for itself: not while it is open. */
export interface CapturedWhen {
  readonly kind: 'closed';
  /** As people call it, where it is known. */
  readonly application: string | undefined;
}

export interface ReplicaState {
  readonly targetId: TargetId;
  /** Where this database lies on the target, as a URL. */
  readonly url: string;
  readonly shipped: Moment | undefined;
  /** What lies there was looked at since the engine began to protect the database. */
  readonly isSeen: boolean;
  readonly lagBytes: number;
  readonly problem: Problem | undefined;
  /** False: nothing is shipped there until it is enabled again. */
  readonly isEnabled: boolean;
  readonly syncIntervalMs: number;
  readonly snapshotIntervalMs: number;
  readonly retention: Retention;
  /** When retention last ran through there. */
  readonly retainedAt: number | undefined;
  /** The oldest restore point there. */
  readonly oldestAt: number | undefined;
}

/** What one database costs and how it stands, for people who look closely. Asked for, not pushed. */
export interface DatabaseDetails {
  readonly databaseId: DatabaseId;
  /** The end of what was captured into the spool. */
  readonly captured: Moment | undefined;
  readonly generation: GenerationBand | undefined;
  readonly replicas: readonly ReplicaLag[];
  readonly wal: WalDetails;
  /** Captured frames on this computer that targets may still need. */
  readonly spoolBytes: number;
  /** Time that writers waited for Tidemark under the write lock. */
  readonly locked: { readonly count: number; readonly maxMs: number; readonly totalMs: number };
  /** The last thing that went wrong, even when it is over. */
  readonly lastProblem: Problem | undefined;
  readonly counters: Counters;
  /** The longest time that the engine's thread was kept from its turns since the last question. */
  readonly loopDelayMaxMs: number;
}

export interface ReplicaLag {
  readonly targetId: TargetId;
  readonly lagBytes: number;
  readonly lagSeconds: number;
}

export interface WalDetails {
  readonly bytes: number;
  readonly frames: number;
  /** Frames that no checkpoint has copied into the database yet. */
  readonly waitingFrames: number;
  /** Since when a reader keeps the WAL from being emptied. */
  readonly heldSinceAt: number | undefined;
}

/** What was done for a database since the engine started, whether it was paused meanwhile or not; these only grow. */
export interface Counters {
  readonly transactions: number;
  readonly frames: number;
  /** Committed frames without a checksum in the WAL: old versions of SQLite leave some, and would lose them in a crash. */
  readonly mendedFrames: number;
  readonly capturedBytes: number;
  /** How often a WAL began anew. */
  readonly walRestarts: number;
  readonly checkpoints: number;
  /** Checkpoints under the write lock, for how long together, and the longest. */
  readonly seals: number;
  readonly sealMs: number;
  readonly sealMaxMs: number;
  readonly composedIndices: number;
  readonly generations: number;
  readonly segments: number;
  readonly snapshots: number;
  readonly shippedBytes: number;
  readonly targetErrors: number;
  /** How often the database was opened. */
  readonly openings: number;
}

/** What a path turned out to be, before it is protected. */
export type DatabaseInspection =
  | {
      readonly kind: 'database';
      /** Absolute, symbolic links resolved, sidecars replaced by their database. */
      readonly path: string;
      readonly name: string;
      readonly sizeBytes: number;
      readonly pageSize: number;
      /** False: protecting it needs the user's consent to switch its journal mode. */
      readonly isWal: boolean;
      readonly journalMode: string;
      /** What speaks against this place, though it can be protected there. */
      readonly warning?: AppErrorData;
      /** Whose database it is, where that is known. */
      readonly application?: KnownApplication;
    }
  | { readonly kind: 'refused'; readonly error: AppErrorData };
