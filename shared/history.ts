// The history of a database as everybody sees it: its moments, its generations, and the timeline that shows them. Plain data.
import type { DatabaseId, TargetId } from './ids.ts';
import type { Generation, Position } from './position.ts';

/** A restorable place in time. */
export interface Moment {
  readonly position: Position;
  readonly at: number;
}

/** A transaction one can restore to. */
export interface RestorePoint extends Moment {
  /** Size of the database then. */
  readonly sizeBytes: number;
  /** Pages that this transaction (or, where points were thinned, this run of transactions) wrote. */
  readonly pages: number;
  readonly targetIds: readonly TargetId[];
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
