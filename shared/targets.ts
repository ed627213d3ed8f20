// Targets as everybody sees them, in the interface destinations: how one stands, where its objects lie, and what a test or a
// look at a place found. Plain data.
import type { AppErrorData, Problem } from './errors.ts';
import type { TargetId } from './ids.ts';
import type { ProviderId } from './providers.ts';

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

/** What a folder turned out to be, as a destination for one database. */
export type FolderInspection =
  | {
      readonly kind: 'usable';
      readonly path: string;
      /** Where the database's history would lie. */
      readonly replicaPath: string;
      /** Undefined where the disk does not tell. */
      readonly freeBytes: number | undefined;
      readonly contents: 'new' | 'empty' | 'history-of-this' | 'litestream-history' | 'other-things';
      /** The folder lies on the database's own disk: no help against a dying disk. */
      readonly isSameDisk: boolean;
    }
  | { readonly kind: 'refused'; readonly error: AppErrorData };
