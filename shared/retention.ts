// How much of a history is kept on a target, and what that would leave of it; and how much where nobody chose: what new
// replicas begin with, and what a form offers first.
import type { Generation } from './position.ts';
import { dayMs } from './format.ts';

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

/** Every transaction of a week, then a snapshot a day for a month, then one a week for a year. */
export const defaultRetention: Retention = {
  kind: 'thinned',
  windowMs: 7 * dayMs,
  dailyMs: 30 * dayMs,
  weeklyMs: 365 * dayMs,
};
