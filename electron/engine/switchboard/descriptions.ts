// How the databases look, kept for as long as that stays true: with hundreds of them, describing each one anew for every push
// would keep the thread busy. How one is described is describe.ts; who knows that something changed says so.
import type { DatabaseState, DayActivity } from '../../../shared/databases.ts';
import type { DatabaseId } from '../../../shared/ids.ts';
import type { Databases } from './databases.ts';
import { dayMs, describeDatabase, describeDays } from './describe.ts';
import type { Catalogue } from '../state/catalogue.ts';
import type { TargetLooks } from '../destinations/looks.ts';
import type { DatabaseRow } from '../state/rows.ts';
import type { Store } from '../state/store.ts';

/** Longer than anything that changes without being told needs to be seen. */
const describedForMs = 30_000;
const daysForMs = 5000;
/** Of days that are over, next to nothing changes; to count a month of them takes its time. */
const daysBeforeForMs = 60_000;

export class Descriptions {
  readonly #options: { readonly store: Store; readonly catalogue: Catalogue };
  readonly #described = new Map<DatabaseId, { readonly at: number; readonly state: DatabaseState }>();
  readonly #days = new Map<
    DatabaseId,
    { readonly at: number; readonly wholeAt: number; readonly days: readonly DayActivity[] }
  >();

  constructor(options: { readonly store: Store; readonly catalogue: Catalogue }) {
    this.#options = options;
  }

  /** A database as it looks now; one that nothing happened to looks as it did. */
  describe(
    row: DatabaseRow,
    {
      databases,
      now,
    }: {
      readonly databases: Pick<Databases, 'protectionOf' | 'links'> & {
        readonly looks: Pick<TargetLooks, 'problemOf'>;
      };
      readonly now: number;
    },
  ): DatabaseState {
    const kept = this.#described.get(row.id);
    if (
      kept !== undefined &&
      now - kept.at < describedForMs &&
      kept.state.provenAt === row.provenAt &&
      isStill(kept.state, row)
    )
      return kept.state;
    const { store, catalogue } = this.#options;
    const state = describeDatabase({
      row,
      now,
      replicas: store.replicas(row.id),
      namedPoints: store.namedPoints.of(row.id),
      protection: databases.protectionOf(row.id),
      notice: databases.links.noticeOf(row.id),
      problemAt: (targetId) => databases.looks.problemOf({ databaseId: row.id, targetId }),
      catalogue,
      days: this.#daysOf(row, now),
    });
    this.#described.set(row.id, { at: now, state });
    return state;
  }

  /** A database looks different; without `id`: all may. */
  forget(id?: DatabaseId): void {
    if (id === undefined) this.#described.clear();
    else this.#described.delete(id);
  }

  /** The 30-day strip changes slowly and costs a query: kept for a few seconds. */
  #daysOf(row: DatabaseRow, now: number): readonly DayActivity[] {
    const kept = this.#days.get(row.id);
    if (kept !== undefined && now - kept.at < daysForMs) return kept.days;
    const { catalogue } = this.#options;
    const isToday = kept !== undefined && Math.floor(kept.wholeAt / dayMs) === Math.floor(now / dayMs);
    const isKept = isToday && now - kept.wholeAt < daysBeforeForMs;
    const days = isKept
      ? [...kept.days.slice(0, -1), ...describeDays(row, { catalogue, now, days: 1 })]
      : describeDays(row, { catalogue, now });
    this.#days.set(row.id, { at: now, wholeAt: isKept ? kept.wholeAt : now, days });
    return days;
  }
}

/** Nothing is under way that a look at the clock or at the disk would show differently. */
function isStill({ status, lag }: DatabaseState, row: DatabaseRow): boolean {
  const isQuiet = status.kind === 'protected' || status.kind === 'paused' || status.kind === 'problem';
  return isQuiet && (status.kind === 'paused') === (row.pausedAt !== undefined) && lag.sinceAt === undefined;
}
