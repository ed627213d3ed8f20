// The application's state as everybody sees it: plain, readonly, structured-clone data. One value, pushed whole.
// Instants are unix milliseconds (`…At`), sizes are bytes (`…Bytes`).
import type { AppErrorData } from './errors.ts';
import type { Generation, Position } from './position.ts';

declare const brand: unique symbol;
export type DatabaseId = string & { readonly [brand]: 'DatabaseId' };
export type TargetId = string & { readonly [brand]: 'TargetId' };
export type OperationId = string & { readonly [brand]: 'OperationId' };
export type NamedPointId = string & { readonly [brand]: 'NamedPointId' };

export interface AppState {
  readonly app: AppInfo;
  readonly host: HostInfo;
  readonly settings: Settings;
  readonly databases: readonly DatabaseState[];
  readonly targets: readonly TargetState[];
  /** Running operations, and those that ended and were not dismissed yet; newest first. */
  readonly operations: readonly Operation[];
  /** The newest activity (at most 50 entries); older ones by `listActivity`. Newest first. */
  readonly activity: readonly ActivityEntry[];
  readonly demo: DemoState;
}

/** What the engine pushes; the host adds itself and its demo. */
export type EngineState = Omit<AppState, 'host' | 'demo'>;

export interface AppInfo {
  readonly version: string;
  readonly sqliteVersion: string;
  readonly dataDir: string;
  readonly startedAt: number;
}

/** What the host of this window can do; the renderer offers nothing else. */
export interface HostInfo {
  readonly kind: 'desktop' | 'headless' | 'command-line';
  /** Native file dialogs. */
  readonly hasDialogs: boolean;
  /** Can show a file in the system's file manager. */
  readonly canShowInFolder: boolean;
  /** Stays in the tray when the window closes. */
  readonly hasTray: boolean;
  /** Where the key lies that locks the secrets of credentials: in the system's keyring, or in a file for its owner alone. */
  readonly secretsKeptBy: 'keyring' | 'file';
  /** Path separator and home of the machine the engine runs on. */
  readonly platform: 'linux' | 'darwin' | 'win32';
  readonly home: string;
}

export interface Settings {
  readonly theme: 'system' | 'light' | 'dark';
}

/** A place that stores objects. In the interface: a destination. */
export interface TargetState {
  readonly id: TargetId;
  readonly kind: 'folder' | 's3';
  /** What the user calls it; by default the folder's or the bucket's name. */
  readonly name: string;
  /** Never holds a secret. */
  readonly url: string;
  /** The same place, field by field. */
  readonly place: PlaceState;
  /** Bytes a second; undefined: no limit. */
  readonly bandwidthBytes: number | undefined;
  /** Since the engine started. */
  readonly usage: TargetUsage;
  /** Nothing gets through to it at present. */
  readonly problem: Problem | undefined;
  /** How many databases keep a replica there. */
  readonly databases: number;
}

/** Requests to a target, and the bytes of objects that went each way. */
export interface TargetUsage {
  readonly puts: number;
  readonly gets: number;
  readonly lists: number;
  readonly deletes: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** Where objects lie, as a form shows it; without secrets. */
export type PlaceState = FolderPlace | S3Place;

export interface FolderPlace {
  readonly kind: 'folder';
  /** Absolute. */
  readonly path: string;
}

export interface S3Place {
  readonly kind: 's3';
  readonly provider: ProviderId;
  readonly bucket: string;
  /** Without slashes at its ends; empty for the whole bucket. */
  readonly prefix: string;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  readonly isPathStyle: boolean | undefined;
  /** The server's certificate is not checked. */
  readonly isUnverified?: boolean | undefined;
  /** Requests at a time, and bytes of a part of an image; undefined: as the provider has it. */
  readonly concurrency?: number | undefined;
  readonly partBytes?: number | undefined;
  readonly storageClass: string | undefined;
  readonly encryption:
    { readonly kind: 'sse-s3' } | { readonly kind: 'sse-kms'; readonly keyId: string | undefined } | undefined;
  readonly credentials:
    | { readonly kind: 'keys'; readonly accessKeyId: string }
    /** As the AWS tools find them: environment, profiles, single sign-on, the machine's role. */
    | { readonly kind: 'chain'; readonly profile: string | undefined };
}

/** Whose service an S3 place is: its quirks are known by that. */
export type ProviderId =
  'aws' | 'r2' | 'b2' | 'minio' | 'wasabi' | 'digitalocean' | 'hetzner' | 'scaleway' | 'tigris' | 'google' | 'other';

/** How much of a history is kept on a target. */
export type Retention =
  | { readonly kind: 'keep-all' }
  | {
      readonly kind: 'thinned';
      /** Every transaction that is younger than this stays restorable. */
      readonly windowMs: number;
      /** Behind the window a snapshot a day, up to this age; none where it is not longer than the window. */
      readonly dailyMs: number;
      /** Behind those a snapshot a week, up to this age. */
      readonly weeklyMs: number;
    };

export type TestStageName =
  'address' | 'tls' | 'clock' | 'credentials' | 'region' | 'bucket' | 'list' | 'write' | 'read' | 'delete';

/** One step of a connection test. */
export interface TestStage {
  readonly name: TestStageName;
  readonly state: 'ok' | 'warning' | 'failed' | 'skipped';
  /** One sentence. */
  readonly text: string;
  readonly error: AppErrorData | undefined;
  readonly ms: number;
}

/** What a connection test found. @public */
export interface TargetTest {
  readonly stages: readonly TestStage[];
  readonly isUsable: boolean;
  /** As it was tested in the end, with what was corrected. */
  readonly place: PlaceState;
  /** What was corrected, in sentences. */
  readonly corrected: readonly string[];
  readonly contents:
    | 'new'
    | 'empty'
    | 'history-of-this'
    | 'tidemark-history'
    | 'litestream-history'
    | 'litestream-05-history'
    | 'other-things'
    | undefined;
  readonly versioning: 'on' | 'off' | 'suspended' | 'unknown';
  readonly hasObjectLock: boolean;
  readonly canDelete: boolean;
  readonly hasConditionalWrites: boolean;
}

/** What retention would leave of a history. @public */
export interface RetentionPreview {
  readonly atMs: number;
  readonly keptSnapshots: readonly {
    readonly generation: Generation;
    readonly index: number;
    readonly at: number;
    readonly why: 'window' | 'daily' | 'weekly' | 'pinned' | 'proven' | 'newest';
    /** Those of the named points that it is kept for. */
    readonly names?: readonly string[];
  }[];
  /** From here on every transaction is restorable. */
  readonly windowFromAt: number | undefined;
  readonly keptObjects: number;
  readonly keptBytes: number;
  readonly deletedObjects: number;
  readonly deletedBytes: number;
  /** Why nothing is deleted, a sentence. */
  readonly held: string | undefined;
}

export interface DatabaseState {
  readonly id: DatabaseId;
  readonly path: string;
  /** The file's name. */
  readonly name: string;
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
  | { readonly kind: 'protected' }
  /** More is captured than shipped, and it shrinks. */
  | { readonly kind: 'catching-up' }
  /** Restorable on one target at least, but something needs a look. */
  | { readonly kind: 'attention'; readonly problem: Problem }
  /** New transactions are not being made restorable. */
  | { readonly kind: 'problem'; readonly problem: Problem }
  | { readonly kind: 'paused'; readonly sinceAt: number };

export interface Problem extends AppErrorData {
  readonly sinceAt: number;
}

/** A restorable place in time. */
export interface Moment {
  readonly position: Position;
  readonly at: number;
}

export interface ReplicaState {
  readonly targetId: TargetId;
  /** Where this database lies on the target, as a URL. */
  readonly url: string;
  readonly shipped: Moment | undefined;
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

/** A transaction one can restore to. */
export interface RestorePoint extends Moment {
  /** Size of the database then. */
  readonly sizeBytes: number;
  /** Pages that this transaction (or, where points were thinned, this run of transactions) wrote. */
  readonly pages: number;
  readonly targetIds: readonly TargetId[];
}

/** A restore point with a name: it stays at every destination, whatever retention says, until the name is removed. */
export interface NamedMoment extends Moment {
  readonly name: string;
  readonly namedAt: number;
}

/** One that was named here, or taken over from who named it. */
export interface NamedPoint extends NamedMoment {
  readonly id: NamedPointId;
}

export interface GenerationBand {
  readonly generation: Generation;
  readonly fromAt: number;
  readonly toAt: number;
  /** Why this generation began, in a user's words. */
  readonly reason: string;
  readonly isCurrent: boolean;
}

export type TimelineEvent =
  | { readonly kind: 'snapshot'; readonly at: number; readonly sizeBytes: number }
  | { readonly kind: 'restore'; readonly at: number; readonly text: string }
  | { readonly kind: 'drill'; readonly at: number; readonly text: string }
  | { readonly kind: 'named'; readonly at: number; readonly position: Position; readonly name: string }
  /** Time in which nothing was seen; states in between were never captured. */
  | { readonly kind: 'gap'; readonly at: number; readonly toAt: number; readonly text: string };

/** Density of transactions between two instants, with what else lies there. */
export interface Timeline {
  readonly databaseId: DatabaseId;
  readonly fromAt: number;
  readonly toAt: number;
  readonly binMs: number;
  /** Transactions per bin; bin `i` covers `[fromAt + i·binMs, fromAt + (i+1)·binMs)`. At most 4,000 entries. */
  readonly counts: readonly number[];
  /** The same for the whole history, for the overview band. */
  readonly overview: {
    readonly fromAt: number;
    readonly toAt: number;
    readonly binMs: number;
    readonly counts: readonly number[];
  };
  readonly generations: readonly GenerationBand[];
  readonly events: readonly TimelineEvent[];
  readonly first: Moment | undefined;
  readonly last: Moment | undefined;
}

export interface Operation {
  readonly id: OperationId;
  readonly kind: 'restore';
  readonly title: string;
  readonly databaseId: DatabaseId | undefined;
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  readonly state: 'running' | 'done' | 'failed' | 'cancelled';
  readonly phases: readonly Phase[];
  readonly error: AppErrorData | undefined;
  readonly result: RestoreResult | undefined;
}

export interface Phase {
  readonly name: RestorePhase;
  readonly state: 'waiting' | 'running' | 'done';
  /** What it is doing or did, with figures: "Fetched 18.6 MB from Backup disk". */
  readonly text: string;
  readonly doneBytes: number;
  /** Zero where unknown. */
  readonly totalBytes: number;
  readonly ms: number | undefined;
}

export type RestorePhase = 'plan' | 'fetch' | 'apply' | 'prove' | 'check' | 'publish';

export interface RestoreResult {
  readonly path: string;
  readonly point: Moment;
  readonly sizeBytes: number;
  readonly proof: Proof;
}

/** What a restore showed about its result. */
export interface Proof {
  /**
   * `identical`: page for page what was captured. `image`: foreign replica without recorded hashes, so only its own
   * checksums and SQLite's check speak for it.
   */
  readonly kind: 'identical' | 'image';
  /** The state hash, 16 hex digits. */
  readonly stateHash: string;
  /** `not possible`: the schema needs functions or collations that only its application has. */
  readonly check: 'quick_check ok' | 'integrity_check ok' | 'not possible';
}

export type ActivityKind =
  | 'database-added'
  | 'database-removed'
  | 'generation-started'
  | 'snapshot'
  | 'problem'
  | 'recovered'
  | 'paused'
  | 'resumed'
  | 'restored'
  | 'restore-failed'
  | 'replica-changed'
  | 'point-named'
  | 'name-removed';

export interface ActivityEntry {
  readonly id: number;
  readonly at: number;
  readonly kind: ActivityKind;
  readonly level: 'info' | 'good' | 'warning' | 'problem';
  readonly databaseId: DatabaseId | undefined;
  /** One sentence. */
  readonly text: string;
}

export interface DemoState {
  readonly isRunning: boolean;
  readonly databaseId: DatabaseId | undefined;
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
    }
  | { readonly kind: 'refused'; readonly error: AppErrorData };

/** A path that begins as the user typed. */
export interface PathSuggestion {
  readonly path: string;
  readonly isFolder: boolean;
}

/** What a folder turned out to be, as a destination for one database. */
export type FolderInspection =
  | {
      readonly kind: 'usable';
      readonly path: string;
      /** Where the database's history would lie. */
      readonly replicaPath: string;
      readonly freeBytes: number;
      readonly contents: 'new' | 'empty' | 'history-of-this' | 'litestream-history' | 'other-things';
      /** The folder lies on the database's own disk: no help against a dying disk. */
      readonly isSameDisk: boolean;
    }
  | { readonly kind: 'refused'; readonly error: AppErrorData };

/** What a restore would do, before it is started. */
export interface RestoreProposal {
  readonly point: Moment;
  readonly proposedPath: string;
  readonly snapshotAt: number;
  readonly segments: number;
  readonly fetchBytes: number;
  readonly resultBytes: number;
  readonly freeBytes: number;
  readonly fromName: string;
}

/** One generation, snapshot or segment of a replica, as the command line lists them. */
export interface ReplicaListing {
  readonly url: string;
  readonly record:
    | {
        readonly database: string;
        readonly path: string;
        readonly machine: string;
        readonly namedPoints: readonly NamedMoment[];
      }
    | undefined;
  readonly generations: readonly ListedGeneration[];
  readonly snapshots: readonly ListedObject[];
  readonly segments: readonly (ListedObject & { readonly offset: number })[];
}

export interface ListedGeneration {
  readonly generation: Generation;
  readonly startAt: number;
  readonly endAt: number;
  readonly lagMs: number;
}

export interface ListedObject {
  readonly generation: Generation;
  readonly index: number;
  readonly sizeBytes: number;
  readonly createdAt: number;
}
