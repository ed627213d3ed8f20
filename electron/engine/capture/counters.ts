// What a protection has done since the engine started, as numbers that only grow: for people who look closely, and for
// whoever collects them.
import type { Counters } from '../../../shared/databases.ts';
import type { Problem } from '../../../shared/errors.ts';
import { parseKey } from '../replica/keys.ts';
import type { Target } from '../targets/target.ts';

export type MutableCounters = { -readonly [K in keyof Counters]: Counters[K] };

/** What is kept of a database while the engine runs, from one protection of it to the next. */
export interface Tally {
  readonly counters: MutableCounters;
  /** The last thing that went wrong, even when it is over. */
  lastProblem: Problem | undefined;
}

/** A tally of nothing yet. */
export function newTally(): Tally {
  return { counters: newCounters(), lastProblem: undefined };
}

/** Counters at zero. */
export function newCounters(): MutableCounters {
  return {
    transactions: 0,
    frames: 0,
    mendedFrames: 0,
    capturedBytes: 0,
    walRestarts: 0,
    checkpoints: 0,
    seals: 0,
    sealMs: 0,
    sealMaxMs: 0,
    composedIndices: 0,
    generations: 0,
    segments: 0,
    snapshots: 0,
    shippedBytes: 0,
    targetErrors: 0,
    openings: 0,
  };
}

/** The same target; what is put on it counts. */
export function countPuts(target: Target, counters: MutableCounters): Target {
  return {
    url: target.url,
    list: async (prefix, options) => await target.list(prefix, options),
    get: (key, options) => target.get(key, options),
    delete: async (keys, options) => await target.delete(keys, options),
    put: async (key, body, options) => {
      const stored = await target.put(key, body, options);
      const kind = parseKey(key)?.kind;
      if (kind === 'snapshot') counters.snapshots++;
      if (kind === 'segment') counters.segments++;
      counters.shippedBytes += stored.bytes;
      return stored;
    },
  };
}
