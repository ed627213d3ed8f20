// Programs that open a database, commit and close it within moments, again and again: seen by their rhythm. Between their visits
// the pins stay for a second, or each visit would have to be found by comparing pages instead of being captured.

import { lookAt } from '../basics/files.ts';

/** A database that was open for a shorter time was visited. */
const shortMs = 200;
/** So many visits, none longer than this after the one before, make a rhythm, */
const frequentVisits = 3;
const pauseMs = 200;
/** after which the pins stay for so long behind the last commit. */
const stayMs = 1000;
/** For so long after a visit spoiled an image, or came into a comparison, pins stay for the next ones. */
const unsteadyMs = 5000;
/** For one of them they stay no longer: what an application may do with its file without us matters more than what we read. */
const longestStayMs = 2000;

export class Visits {
  #count = 0;
  #lastAt = -Infinity;
  #stayUntil = -Infinity;
  #unsteadyUntil = -Infinity;
  readonly #staying = new Set<{ readonly until: number }>();

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
    this.#unsteadyUntil = -Infinity;
  }

  /** Somebody committed. */
  noteNews(now: number): void {
    if (now < this.#stayUntil) this.#stayUntil = now + stayMs;
  }

  /** Another visit is to be expected, or somebody needs the pins: they stay. */
  isFrequent(now: number): boolean {
    return this.stayMs(now) > 0;
  }

  /** How long they stay yet, in ms. */
  stayMs(now: number): number {
    const asked = [...this.#staying].map(({ until }) => Math.min(stayMs, until - now));
    return Math.max(0, this.#stayUntil - now, ...asked);
  }

  /** An image of the database was overtaken by who came, went or checkpointed meanwhile. */
  noteSpoiled(now: number): void {
    this.#unsteadyUntil = now + unsteadyMs;
  }

  /** The next image is to be read while pins stay, or it may be overtaken as one before was. */
  isUnsteady(now: number): boolean {
    return now < this.#unsteadyUntil;
  }

  /** Whoever comes, the pins stay, until what this returns is disposed of, or for two seconds. */
  stay(now: number): Disposable {
    const one = { until: now + longestStayMs };
    this.#staying.add(one);
    return { [Symbol.dispose]: () => void this.#staying.delete(one) };
  }
}

/**
 * Between visits that follow each other quickly the pins stay. The sidecars are then ours, which only the owner of the database,
 * or who may give them to them, may leave there: others could not open it any more.
 */
export function mayExpectVisits({ path, visits }: { readonly path: string; readonly visits: Visits }): boolean {
  return visits.isFrequent(performance.now()) && mayLeaveSidecars(path);
}

/** Whoever comes to the database could open it beside sidecars that are ours. */
export function mayLeaveSidecars(path: string): boolean {
  const owner = lookAt(path)?.uid;
  const user = process.getuid?.();
  return user === undefined || user === 0 || user === owner;
}
