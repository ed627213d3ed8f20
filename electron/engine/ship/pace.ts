// When a loop goes on: when it was woken, not before its interval is over, at once when it has to hurry to its end.
import type { Clock } from '../clock.ts';

export class Pace {
  readonly #clock: Clock;
  #wake: () => void = () => {};
  #isWoken = false;
  #isHurried = false;
  #isUrged = false;
  #begunAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Nothing is waited for any more but what is needed. */
  get isHurried(): boolean {
    return this.#isHurried;
  }

  /** A round begins: what wakes from here on calls for another one. */
  begin(): void {
    this.#begunAt = this.#clock.now();
    this.#isWoken = false;
    this.#isUrged = false;
  }

  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** The next round begins now, whatever is being waited for. */
  urge(): void {
    this.#isUrged = true;
    this.wake();
  }

  hurry(): void {
    this.#isHurried = true;
    this.wake();
  }

  /** Waits until there is something to do, and no earlier than one interval after the round began. */
  async nextRound(intervalMs: number, signal: AbortSignal): Promise<void> {
    await this.woken(signal);
    const waitMs = this.#begunAt + intervalMs - this.#clock.now();
    if (waitMs > 0 && !this.#isHurried && !this.#isUrged) await this.pause(waitMs, signal);
  }

  /** Sleeps, but not when hurried or urged. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    const ends = new AbortController();
    const timer = this.#clock.sleep(ms, { signal: AbortSignal.any([signal, ends.signal]) }).catch(() => {});
    await Promise.race([timer, this.#hurried(ends.signal)]);
    ends.abort();
  }

  /** Waits until woken; at once when that was since the round began. */
  async woken(signal: AbortSignal): Promise<void> {
    if (!this.#isWoken) await this.#next(signal);
  }

  async #hurried(signal: AbortSignal): Promise<void> {
    while (!this.#isHurried && !this.#isUrged && !signal.aborted) await this.#next(signal);
  }

  async #next(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
