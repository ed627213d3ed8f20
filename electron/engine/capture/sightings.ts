// When transactions were committed that are read later: the wal-index was seen with so many of them, by the clock of the capture.
// Each gets the time at which it was seen first; how often is looked is how exactly that is known.

export interface Sighting {
  /** SQLite's count of transactions; wraps at 2^32. */
  readonly changes: number;
  readonly at: number;
}

export class Sightings {
  #seen: Sighting[] = [];
  #last: number | undefined;

  /** There are so many transactions now. True where there were not so many before. */
  note(changes: number, now: () => number): boolean {
    if (changes === this.#last) return false;
    // A count that began anew.
    if (this.#last !== undefined && ((changes - this.#last) | 0) < 0) this.#seen = [];
    this.#last = changes;
    this.#seen.push({ changes, at: now() });
    return true;
  }

  /** When the transaction with this number was seen first; undefined where that is not known. Those before are not asked for again. */
  timeOf(changes: number): number | undefined {
    const isThere = ({ changes: count }: Sighting): boolean => ((count - changes) | 0) >= 0;
    while (this.#seen[0] !== undefined && !isThere(this.#seen[0])) this.#seen.shift();
    return this.#seen[0]?.at;
  }

  /** What was seen says nothing about what is read from now on. */
  forget(): void {
    this.#seen = [];
    this.#last = undefined;
  }
}
