// How an application commits, as it did lately: kept while its database is let go and joined again.

/** How much the newest pause counts. */
const newest = 0.3;
/** A longer pause is none of a rhythm. */
const longestMs = 3000;
/**
 * Where commits come closer than this, so many of these pauses have to pass before writers count as resting: joining and leaving,
 * and a WAL of its own, for each of them would cost more than it is good for.
 */
const rhythmicMs = 1200;
const restPauses = 1.5;
/** At least so long; and for who empties the WAL by itself, and must find nobody at it. */
const restMs = 50;
/** Writers this close leave no pause in which the hold could be changed. */
const denseMs = 20;

export class Rhythm {
  #lastAt: number | undefined;
  #pauseMs = longestMs;
  /** How much pauses differ from that. */
  #spreadMs = 0;
  #isHousekeeper = false;

  /** Something was committed; `now` in milliseconds of a monotonic clock. */
  note(now: number): void {
    const pauseMs = Math.min(longestMs, now - (this.#lastAt ?? -Infinity));
    this.#spreadMs = this.#spreadMs * (1 - newest) + Math.abs(pauseMs - this.#pauseMs) * newest;
    this.#pauseMs = this.#pauseMs * (1 - newest) + pauseMs * newest;
    this.#lastAt = now;
  }

  /** What it committed was gone from the WAL when it was looked for: it checkpoints right behind its commits. */
  noteHousekeeping(): void {
    this.#isHousekeeper = true;
  }

  /** Somebody commits all the time. */
  get isDense(): boolean {
    return this.#pauseMs < denseMs;
  }

  /** Nobody is expected to commit any more when nobody did for so long. */
  get restMs(): number {
    if (this.#isHousekeeper || this.#pauseMs > rhythmicMs) return restMs;
    return Math.max(restMs, restPauses * this.#pauseMs + this.#spreadMs);
  }
}
