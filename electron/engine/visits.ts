// Programs that open a database, commit and close it within moments, again and again: seen by their rhythm. Between their visits
// the pins stay for a second, or each visit would have to be found by comparing pages instead of being captured.

import { lookAt } from './files.ts';

/** A database that was open for a shorter time was visited. */
const shortMs = 200;
/** So many visits, none longer than this after the one before, make a rhythm, */
const frequentVisits = 3;
const pauseMs = 200;
/** after which the pins stay for so long behind the last commit. */
const stayMs = 1000;

export class Visits {
  #count = 0;
  #lastAt = -Infinity;
  #stayUntil = -Infinity;

  /** Somebody was there for so long, and is gone. Times are of one monotonic clock, in ms. */
  note(now: number, lastedMs: number): void {
    const isNext = lastedMs < shortMs && now - lastedMs - this.#lastAt < pauseMs;
    this.#count = lastedMs >= shortMs ? 0 : isNext ? this.#count + 1 : 1;
    this.#lastAt = now;
    if (this.#count >= frequentVisits) this.#stayUntil = now + stayMs;
  }

  /** Somebody put something in the place of the database: pins that stay could do harm. */
  forget(): void {
    this.#count = 0;
    this.#stayUntil = -Infinity;
  }

  /** Somebody committed. */
  noteNews(now: number): void {
    if (this.isFrequent(now)) this.#stayUntil = now + stayMs;
  }

  /** Another visit is to be expected: the pins stay. */
  isFrequent(now: number): boolean {
    return now < this.#stayUntil;
  }

  /** How long they stay yet, in ms. */
  stayMs(now: number): number {
    return Math.max(0, this.#stayUntil - now);
  }
}

/**
 * Between visits that follow each other quickly the pins stay. The sidecars are then ours, which only the owner of the database,
 * or who may give them to them, may leave there: others could not open it any more.
 */
export function mayExpectVisits({ path, visits }: { readonly path: string; readonly visits: Visits }): boolean {
  if (!visits.isFrequent(performance.now())) return false;
  const owner = lookAt(path)?.uid;
  const user = process.getuid?.();
  return user === undefined || user === 0 || user === owner;
}
