// Looks at the destinations that databases ship to, whether anything is written or not: a folder once a minute, a bucket once an
// hour, sooner when something failed there and when the computer woke up. What a look costs does not grow with the databases.
// What it showed of the destination is kept by its guard; what it showed of single databases there is told and kept here.
import type { AppError, Problem } from '../../../shared/errors.ts';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import type { Clock } from '../basics/clock.ts';
import type { KnownTargets, LyingReplica } from './known-targets.ts';
import type { ReplicaRow } from '../state/rows.ts';
import type { TargetGuards } from './guards.ts';
import type { Generation } from '../../../shared/position.ts';

export interface LookTimes {
  readonly folderEveryMs: number;
  readonly bucketEveryMs: number;
}

/** One replica, and the generation whose images lie there, as far as is known; undefined where there are none. */
export interface Shipping {
  readonly replica: ReplicaRow;
  readonly generation: Generation | undefined;
}

export interface TargetLooksOptions {
  readonly clock: Clock;
  readonly targets: KnownTargets;
  readonly guards: TargetGuards;
  readonly times?: LookTimes | undefined;
  /** What is shipped where at present. */
  readonly shipping: () => readonly Shipping[];
  /** Histories of databases are not where they were. */
  readonly onGone: (targetId: TargetId, replicas: readonly ReplicaRow[]) => void;
  /** Some databases may not use their folders from now on, for this reason, or all may again. */
  readonly onBarred: (targetId: TargetId, problem: Problem | undefined) => void;
}

const usualTimes: LookTimes = { folderEveryMs: 60_000, bucketEveryMs: 3_600_000 };
/** While a look fails the next one comes sooner: at a folder it costs nothing. */
const folderAgainMs = 2000;
const bucketAgainMs = { first: 10_000, longest: 300_000 };
/** After failures elsewhere is looked no sooner than so long after the last look. */
const calmMs = { folder: 2000, s3: 60_000 };

interface Watched {
  dueAt: number;
  lookedAt: number;
  failures: number;
  isLooking: boolean;
  gone: ReadonlySet<DatabaseId>;
  barred: ReadonlyMap<DatabaseId, Problem>;
}

export class TargetLooks implements Disposable {
  readonly #options: TargetLooksOptions;
  readonly #watched = new Map<TargetId, Watched>();
  readonly #stop = new AbortController();
  #nap = new AbortController();

  constructor(options: TargetLooksOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#run();
  }

  /** What nothing of a database gets through to a target for, whether it has something for it or not. */
  problemOf({ targetId, databaseId }: Pick<ReplicaRow, 'targetId' | 'databaseId'>): Problem | undefined {
    return this.#options.guards.find(targetId)?.problem ?? this.#watched.get(targetId)?.barred.get(databaseId);
  }

  /** Something failed at a target. */
  suspect(targetId: TargetId): void {
    const watched = this.#watched.get(targetId);
    if (watched === undefined) return;
    watched.dueAt = Math.min(watched.dueAt, watched.lookedAt + calmMs[this.#kindOf(targetId)]);
    this.#nap.abort();
  }

  /** Who knows what became of them meanwhile: all are looked at now. */
  lookAtAll(): void {
    for (const watched of this.#watched.values()) watched.dueAt = -Infinity;
    this.#nap.abort();
  }

  /** Looks at all once more, before the last word is said of them. */
  async lookLast(): Promise<void> {
    const byTarget = Map.groupBy(this.#options.shipping(), ({ replica }) => replica.targetId);
    await Promise.all(
      [...byTarget].map(async ([targetId, all]) => {
        const watched = this.#watched.get(targetId) ?? this.#begin(targetId, this.#options.clock.ticks());
        await this.#look(targetId, watched, lyingAmong(all));
      }),
    );
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#nap = new AbortController();
      const waitMs = this.#lookAtDue(clock.ticks());
      const both = AbortSignal.any([signal, this.#nap.signal]);
      // @NOTE Ends early when something is due sooner.
      await clock.sleep(waitMs, { signal: both, ref: false }).catch(() => {});
    }
  }

  /** Begins the looks that are due; answers how long nothing else is. */
  #lookAtDue(now: number): number {
    const byTarget = Map.groupBy(this.#options.shipping(), ({ replica }) => replica.targetId);
    for (const targetId of this.#watched.keys()) if (!byTarget.has(targetId)) this.#watched.delete(targetId);
    let waitMs = this.#times.folderEveryMs;
    for (const [targetId, all] of byTarget) {
      const replicas = lyingAmong(all);
      const watched = this.#watched.get(targetId) ?? this.#begin(targetId, now);
      if (watched.isLooking) continue;
      if (watched.dueAt <= now) void this.#look(targetId, watched, replicas);
      else waitMs = Math.min(waitMs, watched.dueAt - now);
    }
    return waitMs;
  }

  /** What was just shipped to was just seen. */
  #begin(targetId: TargetId, now: number): Watched {
    const dueAt = now + this.#everyMs(targetId);
    const watched: Watched = {
      dueAt,
      lookedAt: now,
      failures: 0,
      isLooking: false,
      gone: new Set(),
      barred: new Map(),
    };
    this.#watched.set(targetId, watched);
    return watched;
  }

  async #look(targetId: TargetId, watched: Watched, replicas: readonly LyingReplica[]): Promise<void> {
    const { clock, targets, onGone } = this.#options;
    watched.isLooking = true;
    watched.dueAt = Infinity;
    try {
      const looked = await targets.look(targetId, replicas, this.#stop);
      const gone = looked?.gone ?? [];
      const news = gone.filter(({ databaseId }) => !watched.gone.has(databaseId));
      watched.gone = new Set(gone.map(({ databaseId }) => databaseId));
      if (looked !== undefined) this.#keepBarred(targetId, watched, looked.barred);
      if (news.length > 0) onGone(targetId, news);
    } catch {
      // @NOTE Stopped, or the target was removed meanwhile.
    } finally {
      watched.isLooking = false;
      watched.lookedAt = clock.ticks();
      watched.failures = this.#isAway(targetId) || watched.barred.size > 0 ? watched.failures + 1 : 0;
      watched.dueAt = Math.min(watched.dueAt, watched.lookedAt + this.#nextMs(targetId, watched.failures));
      this.#nap.abort();
    }
  }

  #keepBarred(
    targetId: TargetId,
    watched: Watched,
    found: readonly { readonly replica: ReplicaRow; readonly error: AppError }[],
  ): void {
    const before = watched.barred;
    watched.barred = new Map(
      found.map(({ replica: { databaseId }, error }) => {
        const sinceAt = before.get(databaseId)?.sinceAt ?? this.#options.clock.now();
        return [databaseId, { ...error.toData(), sinceAt }];
      }),
    );
    const [first] = watched.barred.values();
    if (before.size > 0 !== watched.barred.size > 0) this.#options.onBarred(targetId, first);
  }

  #nextMs(targetId: TargetId, failures: number): number {
    if (failures === 0) return this.#everyMs(targetId);
    if (this.#kindOf(targetId) === 'folder') return Math.min(folderAgainMs, this.#times.folderEveryMs);
    const { first, longest } = bucketAgainMs;
    return Math.min(longest, first * 2 ** (failures - 1), this.#times.bucketEveryMs);
  }

  #everyMs(targetId: TargetId): number {
    const { folderEveryMs, bucketEveryMs } = this.#times;
    return this.#kindOf(targetId) === 'folder' ? folderEveryMs : bucketEveryMs;
  }

  #isAway(targetId: TargetId): boolean {
    return this.#options.guards.find(targetId)?.isSeenAway === true;
  }

  #kindOf(targetId: TargetId): 'folder' | 's3' {
    return this.#options.targets.rowOf(targetId).place.kind;
  }

  get #times(): LookTimes {
    return this.#options.times ?? usualTimes;
  }
}

function lyingAmong(all: readonly Shipping[]): readonly LyingReplica[] {
  return all.flatMap(({ replica, generation }) => (generation === undefined ? [] : [{ replica, generation }]));
}
