// Long work as everybody sees it: its phases, and what came of it. Plain data.
import type { AppErrorData } from './errors.ts';
import type { Moment } from './history.ts';
import type { DatabaseId, OperationId } from './ids.ts';
import type { Generation } from './position.ts';

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
  readonly check: 'quick_check ok' | 'integrity_check ok' | 'not possible' | 'findings';
  /** What SQLite found, in its own words; the first ones, where there are many. It was so when it was captured. */
  readonly findings?: readonly string[];
}

/** What SQLite found in a restored file, as sentences. */
export function findingsSentence({ findings = [] }: Pick<Proof, 'findings'>): string {
  const shown = findings.slice(0, shownFindings).join('; ');
  const more = findings.length > shownFindings ? ` and ${findings.length - shownFindings} more` : '';
  return `SQLite’s check finds what was there when it was captured: ${shown}${more}.`;
}

const shownFindings = 5;

/** Where a wish leads in one replica, without restoring it. */
export interface RestoreOutlook {
  readonly point: Moment;
  /** Nothing newer is restorable there. */
  readonly isNewest: boolean;
  /** The generations there, in the order in which they were begun. */
  readonly order: readonly Generation[];
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
