// Whether a destination as a whole lets anything through. After failures in a row that are not about one object or one
// database it opens: callers fail at once with what it failed with, one of them tries now and then, and when something gets
// through all go on. What the destination failed with is told once, and once that it is back.
// Nothing of it runs by itself: where nobody has anything for the destination, nobody asks it.
import { AppError, type ErrorCode, toErrorData, type Problem } from '../../../shared/errors.ts';
import type { Clock } from '../basics/clock.ts';
import { askedToWaitMs, BackOff } from './back-off.ts';

export interface CircuitOptions {
  readonly clock: Clock;
  /** Nothing gets through from now on, or it does again. */
  readonly onProblem: (problem: Problem | undefined) => void;
  /** The most that is waited between two tries, in milliseconds. */
  readonly longestRetryMs?: number | undefined;
  /** Between 0 and 1. */
  readonly random?: (() => number) | undefined;
}

/** A failed delete says nothing of the others: keys that may write but not delete are a safer choice of the user. */
export type CallKind = 'read' | 'write' | 'delete';

/** Failures in a row, of any database, after which the destination itself is taken to be the reason. */
const failuresToOpen = 3;
const firstRetryMs = 1000;
const defaultLongestRetryMs = 5 * 60_000;
/** A sign that it may be back is followed at most so often. */
const signEveryMs = 1000;

/** These are about one database there, whatever else their prefix says. */
const ownCodes: ReadonlySet<string> = new Set<ErrorCode>([
  'target-owned-by-other',
  'target-holds-ltx',
  'record-damaged',
  'record-newer',
  'target-collides',
  'target-inside-file',
  'target-unsupported',
]);

/** What may be about one database's folder, and costs nothing to try. */
const folderCodes: ReadonlySet<string> = new Set<ErrorCode>(['target-missing', 'target-read-only']);

export class Circuit {
  readonly #options: CircuitOptions;
  /** Those that failed. */
  readonly #lanes = new Set<CircuitLane>();
  readonly #backOff: BackOff;
  readonly #streaks = { read: 0, write: 0 };
  #open: { readonly by: 'read' | 'write'; readonly sinceAt: number; error: AppError } | undefined;
  /** Who tries for all. */
  #probe: CircuitLane | undefined;
  /** The wait before the next try; undefined when it is over, or somebody tries. */
  #timer: AbortController | undefined;
  /** Those who wait until they may try or go on, in the order in which they came. */
  readonly #waiting = new Map<CircuitLane, () => void>();
  #signAt = -Infinity;

  constructor(options: CircuitOptions) {
    this.#options = options;
    this.#backOff = makeBackOff(options);
  }

  /** What nothing gets through for; undefined while something does. */
  get problem(): Problem | undefined {
    return this.#open && { ...toErrorData(this.#open.error), sinceAt: this.#open.sinceAt };
  }

  /** A place for one database. Dispose it when the database does not ship any more. */
  lane(): CircuitLane {
    return new CircuitLane(this, this.#options);
  }

  /** Something says that it may be back: whoever waits tries now. */
  sign(): void {
    const now = this.#options.clock.ticks();
    if (now - this.#signAt < signEveryMs) return;
    this.#signAt = now;
    this.#backOff.reset();
    for (const lane of this.#lanes) lane.hurry();
    if (this.#open !== undefined && this.#probe === undefined) this.#try();
  }

  /** Fails with the last error while nothing gets through, except for who tries. */
  mustPass(lane: CircuitLane): void {
    if (this.#open === undefined || this.#probe === lane) return;
    // Perhaps it was the folder of one database only.
    if (folderCodes.has(this.#open.error.code) && lane.failedBy === undefined) return;
    // Its time has come, and nobody was waiting to do it.
    if (this.#timer === undefined && this.#probe === undefined) this.#probe = lane;
    else throw this.#open.error;
  }

  noteSuccess(lane: CircuitLane, kind: CallKind): void {
    if (kind === 'delete') return;
    const open = this.#open;
    if (open !== undefined) {
      // A disk that is full can still be read.
      if (kind === 'read' && open.by === 'write') return;
      this.#close();
      lane.noteThrough();
      return;
    }
    this.#streaks.read = 0;
    if (kind === 'write') this.#streaks.write = 0;
    if (kind === 'write' || lane.failedBy === 'read') lane.noteThrough();
  }

  noteFailure(lane: CircuitLane, kind: CallKind, error: unknown): void {
    if (!(error instanceof AppError) || kind === 'delete') return;
    if (!isOfDestination(error.code)) {
      // It never got there, and knows nothing new: another one tries later.
      if (error.code === 'too-many-files' && this.#probe === lane) this.#wait();
      return;
    }
    lane.failedBy = kind;
    this.#lanes.add(lane);
    if (this.#open !== undefined) {
      this.#open.error = error;
      if (this.#probe === lane) this.#wait();
      return;
    }
    // Others got through while it did not: it is about this one.
    if (lane.isAlone) return;
    this.#streaks[kind]++;
    if (this.#streaks[kind] < failuresToOpen && askedToWaitMs(error) === 0) return;
    const sinceAt = this.#options.clock.now();
    this.#open = { by: kind, sinceAt, error };
    this.#wait();
    this.#options.onProblem(this.problem);
  }

  /** A lane has nothing more to say, or does not go on. */
  noteDone(lane: CircuitLane): void {
    if (this.#probe !== lane) return;
    this.#probe = undefined;
    if (this.#waiting.size > 0) this.#try();
    // Nobody has anything for it: there is no reason left to call it closed to all.
    else this.#close();
  }

  leave(lane: CircuitLane): void {
    this.#lanes.delete(lane);
    this.#waiting.delete(lane);
    this.noteDone(lane);
    if (![...this.#lanes].some(({ failedBy }) => failedBy !== undefined)) this.#close();
  }

  /** Resolves when a lane may try again: at once when it is its turn to try for all, or when it is open to all again. */
  async untilPassable(lane: CircuitLane, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    if (this.#open === undefined || this.#probe === lane) return;
    if (this.#probe === undefined && this.#timer === undefined) {
      this.#probe = lane;
      return;
    }
    await new Promise<void>((resolve) => {
      const go = () => {
        signal.removeEventListener('abort', go);
        this.#waiting.delete(lane);
        resolve();
      };
      signal.addEventListener('abort', go, { once: true });
      this.#waiting.set(lane, go);
    });
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  #wait(): void {
    this.#probe = undefined;
    this.#timer?.abort();
    const timer = new AbortController();
    this.#timer = timer;
    const waitMs = this.#backOff.next(this.#open?.error);
    const then = () => {
      if (!timer.signal.aborted) this.#try();
    };
    // @NOTE Aborted when it is over some other way.
    this.#options.clock.sleep(waitMs, { signal: timer.signal }).then(then, () => {});
  }

  /** Lets the one try who waits longest; who tried last came last. */
  #try(): void {
    this.#timer?.abort();
    this.#timer = undefined;
    const [next] = this.#waiting;
    if (next === undefined) return;
    const [lane, go] = next;
    this.#probe = lane;
    go();
  }

  #close(): void {
    if (this.#open === undefined) return;
    this.#timer?.abort();
    this.#timer = undefined;
    this.#open = undefined;
    this.#probe = undefined;
    this.#streaks.read = 0;
    this.#streaks.write = 0;
    this.#backOff.reset();
    this.#options.onProblem(undefined);
    for (const lane of this.#lanes) {
      lane.noteOthersThrough();
      lane.hurry();
    }
    for (const go of this.#waiting.values()) go();
  }
}

/** One database's view of a destination. */
export class CircuitLane implements Disposable {
  readonly #circuit: Circuit;
  readonly #clock: Clock;
  readonly #backOff: BackOff;
  #isAlone = false;
  #pause: AbortController | undefined;
  /** What it failed with last, and did not get through since. */
  failedBy: 'read' | 'write' | undefined;

  constructor(circuit: Circuit, options: CircuitOptions) {
    this.#circuit = circuit;
    this.#clock = options.clock;
    this.#backOff = makeBackOff(options);
  }

  /** It fails where others get through. */
  get isAlone(): boolean {
    return this.#isAlone;
  }

  /** Waits before the next try after a failure; ends early, without an error, on abort. */
  async untilRetry(failure: unknown, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    if (!this.#circuit.isOpen) {
      this.#pause = new AbortController();
      const both = AbortSignal.any([signal, this.#pause.signal]);
      const wait = this.#clock.sleep(this.#backOff.next(failure), { signal: both });
      // @NOTE A sign that it may be back ends the wait early.
      await wait.catch(() => {});
      this.#pause = undefined;
    }
    if (!signal.aborted) await this.#circuit.untilPassable(this, { signal });
  }

  /** A whole round got through. */
  passed(): void {
    this.noteThrough();
    this.#circuit.noteDone(this);
  }

  hurry(): void {
    this.#pause?.abort();
  }

  noteThrough(): void {
    this.failedBy = undefined;
    this.#isAlone = false;
    this.#backOff.reset();
  }

  noteOthersThrough(): void {
    this.#isAlone = this.failedBy !== undefined;
  }

  [Symbol.dispose](): void {
    this.#circuit.leave(this);
  }
}

function makeBackOff({ longestRetryMs = defaultLongestRetryMs, random }: CircuitOptions): BackOff {
  return new BackOff({ firstMs: firstRetryMs, longestMs: longestRetryMs, random });
}

/** Failures that others would meet too. */
export function isOfDestination(code: ErrorCode): boolean {
  return code.startsWith('target-') && !ownCodes.has(code);
}
