// When a loop goes on: when it was woken, not before its interval is over, at once when it has to hurry to its end. While
// nothing wakes it nothing runs; after such a rest it waits a moment, since commits seldom come alone and a request for each
// of them would cost.
import type { Clock } from '../basics/clock.ts';

/** A tenth of the interval, and no longer than a user would notice. */
const gatherPart = 0.1;
const longestGatherMs = 100;
/** The system's clock and the time that passed differ by so much only where it was set, or the computer slept. */
const jumpMs = 10_000;

export class Pace {
  readonly #clock: Clock;
  #wake: () => void = () => {};
  /** Ends what is being waited for before something has to be done. */
  #hasten: () => void = () => {};
  #isWoken = false;
  #isHurried = false;
  #isUrged = false;
  #begunAt = 0;
  #ahead: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#ahead = clock.now() - clock.ticks();
  }

  /** Nothing is waited for any more but what is needed. */
  get isHurried(): boolean {
    return this.#isHurried;
  }

  /** A round begins: what wakes from here on calls for another one. True when the clock jumped since the last one. */
  begin(): boolean {
    this.#begunAt = this.#clock.ticks();
    this.#isWoken = false;
    this.#isUrged = false;
    const ahead = this.#clock.now() - this.#begunAt;
    const hasJumped = Math.abs(ahead - this.#ahead) > jumpMs;
    this.#ahead = ahead;
    return hasJumped;
  }

  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** The next round begins now, whatever is being waited for. */
  urge(): void {
    this.#isUrged = true;
    this.#hasten();
    this.wake();
  }

  hurry(): void {
    this.#isHurried = true;
    this.#hasten();
    this.wake();
  }

  /** Waits until there is something to do, and no earlier than one interval after the round began. */
  async nextRound(intervalMs: number, signal: AbortSignal): Promise<void> {
    await this.woken(signal);
    const leftMs = this.#begunAt + intervalMs - this.#clock.ticks();
    const waitMs = Math.max(leftMs, Math.min(intervalMs * gatherPart, longestGatherMs));
    await this.unlessHurried(async (inner) => await this.#clock.sleep(waitMs, { signal: inner }), signal);
  }

  /** Waits for something, but not when hurried or urged. What it fails with is of no use. */
  async unlessHurried(wait: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    if (this.#isHurried || this.#isUrged || signal.aborted) return;
    const ends = new AbortController();
    const end = (): void => ends.abort(isOver);
    this.#hasten = end;
    signal.addEventListener('abort', end, { once: true });
    try {
      await wait(ends.signal);
    } catch {
      // @NOTE It fails when it is ended early.
    } finally {
      signal.removeEventListener('abort', end);
      this.#hasten = () => {};
    }
  }

  /** Waits until woken; at once when that was since the round began. */
  async woken(signal: AbortSignal): Promise<void> {
    if (!this.#isWoken) await this.#next(signal);
  }

  async #next(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#wake = () => {};
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

/** One for all: an error has to be made, and nobody looks at it. */
const isOver = new Error('the wait is over');
