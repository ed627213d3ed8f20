// A destination that asks for fewer requests gets fewer: intervals stretch each time it does, and shrink again while it does not.
import type { Clock } from '../basics/clock.ts';

const mostTimes = 32;
const halfLifeMs = 60_000;

export class SlowDown {
  readonly #clock: Clock;
  #times = 1;
  #askedAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** By how much intervals are to be longer than they were chosen; 1 where nothing was asked for. */
  get times(): number {
    const halves = (this.#clock.ticks() - this.#askedAt) / halfLifeMs;
    return Math.max(1, this.#times / 2 ** halves);
  }

  /** It asked for fewer requests. */
  note(): void {
    this.#times = Math.min(this.times * 2, mostTimes);
    this.#askedAt = this.#clock.ticks();
  }
}
