// Long work as everybody sees it: its phases, and what came of it. Plain data.
import type { AppErrorData } from './errors.ts';
import type { Moment } from './history.ts';
import type { DatabaseId, OperationId } from './ids.ts';

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

/** What a restore would do, before it is started. */
export interface RestoreProposal {
  readonly point: Moment;
  readonly proposedPath: string;
  readonly snapshotAt: number;
  readonly segments: number;
  readonly fetchBytes: number;
  readonly resultBytes: number;
  /** Undefined where the disk does not tell. */
  readonly freeBytes: number | undefined;
  readonly fromName: string;
}
