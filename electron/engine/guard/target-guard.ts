// What stands before one destination, shared by all databases that have a replica there: counts what it costs, keeps to its
// bandwidth, bounds how much is asked of it at once, ends calls that hang, and stops asking while nothing gets through.
// Each of these is a file of its own; here they are put one into the other.
import { AppError, type Problem, toErrorData } from '../../../shared/errors.ts';
import type { TargetUsage } from '../../../shared/targets.ts';
import type { Clock } from '../basics/clock.ts';
import { type Lane, LaneRow, RankedRow } from '../basics/rows.ts';
import type { Looked, ReadableTarget, Target } from '../targets/target.ts';
import { Turns } from '../basics/turns.ts';
import { Bandwidth } from './bandwidth.ts';
import { type CallKind, Circuit, type CircuitLane, isOfDestination } from './circuit.ts';
import { countTarget, newUsage } from './counted-target.ts';
import { paceTarget } from './paced-target.ts';
import { patientTarget } from './patient-target.ts';
import { SlowDown } from './slow-down.ts';
import { watchTarget } from './watched-target.ts';

export interface TargetGuardOptions {
  readonly clock: Clock;
  /** Bytes a second in each direction; undefined: no limit. */
  readonly bandwidthBytes?: number | undefined;
  /** Calls under way at once. */
  readonly calls?: number;
  /** How long a call may stand still, in milliseconds. */
  readonly stillMs?: number;
  /** The same for a look. */
  readonly lookStillMs?: number | undefined;
  /** The most that is waited between two tries while nothing gets through, in milliseconds. */
  readonly longestRetryMs?: number | undefined;
  /** Between 0 and 1, for waits. */
  readonly random?: (() => number) | undefined;
  /** Nothing gets through from now on, or it does again. */
  readonly onProblem: (problem: Problem | undefined) => void;
}

/** One replica behind the guard of its destination. */
export interface GuardedTarget {
  readonly target: Target;
  readonly reach: Reach;
}

/** How who ships gets along with a destination that does not always answer. */
export interface Reach extends Disposable {
  /** Waits before the next try after a failure; ends early, without an error, on abort. */
  untilRetry(error: unknown, options: { readonly signal: AbortSignal }): Promise<void>;
  /** Everything that there was to do got through. */
  passed(): void;
  /** By how much intervals are to be longer than they were chosen, since the destination asks for fewer requests. */
  readonly stretch: number;
  /** A turn to catch up; dispose it when everything is there. On abort, `signal.reason` is thrown. */
  catchUp(options: { readonly sinceAt: number; readonly signal: AbortSignal }): Promise<Disposable>;
}

const defaultCalls = 6;
/** Longer than a target that tries again by itself needs to notice that a connection is dead. */
const defaultStillMs = 120_000;
/** How long a look may stand still. */
const lookStillMs = 30_000;
/** Catching up leaves room for those who are up to date. */
const catchUpPart = 0.5;

export class TargetGuard {
  readonly #options: TargetGuardOptions;
  readonly #usage = newUsage();
  readonly #sent: Bandwidth;
  readonly #received: Bandwidth;
  /** How many calls are under way at once, however many databases have something for it. */
  readonly #gate: Turns<{ readonly lane: Lane }>;
  /** Reads that somebody waits for. */
  readonly #readers: Turns<{ readonly lane: Lane }>;
  /** After an absence a few databases at once, the one that waits longest first; the others keep what they have in their spools. */
  readonly #catchUps: Turns<{ readonly sinceAt: number }>;
  readonly #circuit: Circuit;
  readonly #slowDown: SlowDown;
  readonly #lookLane: CircuitLane;
  /** What the last look failed with, unless something got through since. */
  #seen: Problem | undefined;
  #isTold = false;

  constructor(options: TargetGuardOptions) {
    const { clock, bandwidthBytes, calls = defaultCalls } = options;
    this.#options = options;
    this.#sent = new Bandwidth(clock, bandwidthBytes);
    this.#received = new Bandwidth(clock, bandwidthBytes);
    this.#gate = new Turns(calls, new LaneRow());
    this.#readers = new Turns(calls, new LaneRow());
    this.#catchUps = new Turns(catchUpsAmong(calls), new RankedRow(({ sinceAt }) => sinceAt));
    this.#circuit = new Circuit({ ...options, onProblem: () => this.#tell() });
    this.#lookLane = this.#circuit.lane();
    this.#slowDown = new SlowDown(clock);
  }

  /** What was asked of the destination since the engine started. */
  get usage(): TargetUsage {
    return { ...this.#usage };
  }

  /** Why nothing gets through at present. */
  get problem(): Problem | undefined {
    return this.#circuit.problem ?? this.#seen;
  }

  /** The last look failed, and nothing got through since. */
  get isSeenAway(): boolean {
    return this.#seen !== undefined;
  }

  /** Looks whether it answers, and still has what it had; undefined where that cannot be told. Rejects on abort only. */
  async look(
    target: Target,
    folders: readonly string[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Looked | undefined> {
    const { clock, lookStillMs: stillMs = lookStillMs } = this.#options;
    const watched = watchTarget(countTarget(target, this.#usage), {
      gate: this.#gate,
      lane: this.#lookLane,
      clock,
      stillMs,
    });
    try {
      const looked = await watched.look?.(folders, { signal });
      const wasAway = this.#seen !== undefined;
      this.#seen = undefined;
      if (wasAway) this.#circuit.sign();
      this.#tell();
      return looked;
    } catch (error) {
      signal.throwIfAborted();
      // Keys that may list below a database's place only say nothing of the others.
      if (!isToldByLook(error)) return undefined;
      this.#seen = { ...toErrorData(error), sinceAt: this.#seen?.sinceAt ?? clock.now() };
      this.#tell();
      return undefined;
    }
  }

  /** Tells once that nothing gets through, and once that something does. */
  #tell(): void {
    const { problem } = this;
    if ((problem !== undefined) === this.#isTold) return;
    this.#isTold = problem !== undefined;
    this.#options.onProblem(problem);
  }

  /** What may only be read is no better for having been read. */
  #noteThrough(kind: CallKind): void {
    if (this.#seen === undefined || kind === 'delete') return;
    if (kind === 'read' && this.#seen.code === 'target-read-only') return;
    this.#seen = undefined;
    this.#tell();
  }

  /** Bytes a second in each direction; counts at once. */
  setBandwidth(bytes: number | undefined): void {
    this.#sent.limit = bytes;
    this.#received.limit = bytes;
  }

  /** Calls under way at once; counts at once. */
  setCalls(calls: number): void {
    this.#gate.limit = calls;
    this.#readers.limit = calls;
    this.#catchUps.limit = catchUpsAmong(calls);
  }

  /** Something says that the destination may be back: whoever waits tries now. */
  sign(): void {
    this.#circuit.sign();
  }

  /**
   * One replica there, for somebody who reads it and waits: counted and watched, slower where the destination asks for it, but
   * never behind the shipping: for no bandwidth, no turn and no circuit. `onWait`: it goes on in so many milliseconds.
   */
  forReading(target: Target, onWait: (ms: number) => void = () => {}): ReadableTarget {
    const { clock, stillMs = defaultStillMs, random } = this.#options;
    const counted = countTarget(target, this.#usage);
    const watched = watchTarget(counted, { gate: this.#readers, lane: {}, clock, stillMs });
    return patientTarget(watched, {
      clock,
      random,
      onWait: (ms) => {
        this.#slowDown.note();
        onWait(ms);
      },
    });
  }

  /** One replica there, for one database. */
  guard(target: Target): GuardedTarget {
    const { clock, stillMs = defaultStillMs } = this.#options;
    const lane = this.#circuit.lane();
    const counted = countTarget(target, this.#usage);
    const paced = paceTarget(counted, {
      isTelling: target.tellsTraffic === true,
      sent: this.#sent,
      received: this.#received,
      lane,
    });
    const watched = watchTarget(paced, { gate: this.#gate, lane, clock, stillMs });
    const slowDown = this.#slowDown;
    return {
      target: breakCircuit(watched, {
        circuit: this.#circuit,
        lane,
        slowDown,
        onThrough: (kind) => this.#noteThrough(kind),
      }),
      reach: {
        get stretch() {
          return slowDown.times;
        },
        untilRetry: async (error, options) => await lane.untilRetry(error, options),
        passed: () => lane.passed(),
        catchUp: async ({ sinceAt, signal }) => await this.#catchUps.enter({ sinceAt }, { signal }),
        [Symbol.dispose]: () => lane[Symbol.dispose](),
      },
    };
  }
}

function catchUpsAmong(calls: number): number {
  return Math.max(1, Math.floor(calls * catchUpPart));
}

function isToldByLook(error: unknown): boolean {
  return error instanceof AppError && isOfDestination(error.code) && error.code !== 'target-forbidden';
}

/** The same target; fails at once while nothing gets through, and tells what does. */
function breakCircuit(
  target: Target,
  {
    circuit,
    lane,
    slowDown,
    onThrough,
  }: {
    readonly circuit: Circuit;
    readonly lane: CircuitLane;
    readonly slowDown: SlowDown;
    readonly onThrough: (kind: CallKind) => void;
  },
): Target {
  const run = async <T>(kind: CallKind, signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    circuit.mustPass(lane);
    try {
      const result = await work();
      circuit.noteSuccess(lane, kind);
      onThrough(kind);
      return result;
    } catch (error) {
      if (!signal.aborted) circuit.noteFailure(lane, kind, error);
      if (error instanceof AppError && error.code === 'target-throttled') slowDown.note();
      throw error;
    }
  };
  return {
    url: target.url,
    list: async (prefix, options) => await run('read', options.signal, async () => await target.list(prefix, options)),
    put: async (key, body, options) =>
      await run('write', options.signal, async () => await target.put(key, body, options)),
    get: async function* (key, options) {
      const stream = target.get(key, options)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const step: IteratorResult<Uint8Array, unknown> = await run(
            'read',
            options.signal,
            async () => await stream.next(),
          );
          if (step.done === true) return;
          yield step.value;
        }
      } finally {
        await stream.return?.();
      }
    },
    delete: async (keys, options) =>
      await run('delete', options.signal, async () => await target.delete(keys, options)),
    removeLeftovers: async (options) =>
      await run('delete', options.signal, async () => await target.removeLeftovers?.(options)),
    dateBack: async (options) => await run('write', options.signal, async () => await target.dateBack?.(options)),
  };
}
