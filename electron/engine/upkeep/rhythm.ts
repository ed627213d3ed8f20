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
/** One pause says nothing, two begin a rhythm. */
const fewestPauses = 2;
/** Commits this close, for so long, are without pauses; and those leave none in which the hold could be changed. */
const closeMs = 100;
const closePauses = 20;
const denseMs = 20;
const densePauses = 10;

export class Rhythm {
  #lastAt: number | undefined;
  #pauses = 0;
  #pauseMs = 0;
  /** How much pauses differ from that. */
  #spreadMs = 0;
  #isHousekeeper = false;

  /** Something was committed; `now` in milliseconds of a monotonic clock. */
  note(now: number): void {
    const agoMs = now - (this.#lastAt ?? now);
    this.#lastAt = now;
    if (agoMs <= 0) return;
    const pauseMs = Math.min(longestMs, agoMs);
    // The first few count alike.
    const weight = Math.max(newest, 1 / ++this.#pauses);
    if (this.#pauses > 1) this.#spreadMs += (Math.abs(pauseMs - this.#pauseMs) - this.#spreadMs) * weight;
    this.#pauseMs += (pauseMs - this.#pauseMs) * weight;
  }

  /** What it committed was gone from the WAL when it was looked for: it checkpoints right behind its commits. */
  noteHousekeeping(): void {
    this.#isHousekeeper = true;
  }

  /** Somebody commits all the time. */
  get isDense(): boolean {
    return this.#pauses >= densePauses && this.#pauseMs < denseMs;
  }

  /** It was committed without pauses, of late. */
  get isClose(): boolean {
    return this.#pauses >= closePauses && this.#pauseMs < closeMs;
  }

  /** Nobody is expected to commit any more when nobody did for so long. */
  get restMs(): number {
    if (this.#isHousekeeper || this.#pauses < fewestPauses || this.#pauseMs > rhythmicMs) return restMs;
    return Math.max(restMs, restPauses * this.#pauseMs + this.#spreadMs);
  }
}
