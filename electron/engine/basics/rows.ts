// Who is next among those who wait: by rank, or in turn among lanes.

/** Those who wait, in an order of its own. */
export interface Row<T> {
  add(one: T): void;
  /** Takes one out who does not wait any more; nothing where it is not there. */
  delete(one: T): void;
  /** Who is next. */
  first(): T | undefined;
  /** Takes out who is next. */
  shift(): T | undefined;
}

/** The lowest rank is next; of equal ones, and where none is told, who came first. */
export class RankedRow<T> implements Row<T> {
  readonly #waiting = new Set<T>();
  readonly #rankOf: (one: T) => number;

  constructor(rankOf: (one: T) => number = () => 0) {
    this.#rankOf = rankOf;
  }

  add(one: T): void {
    this.#waiting.add(one);
  }

  delete(one: T): void {
    this.#waiting.delete(one);
  }

  first(): T | undefined {
    let first: T | undefined;
    for (const one of this.#waiting) if (first === undefined || this.#rankOf(one) < this.#rankOf(first)) first = one;
    return first;
  }

  shift(): T | undefined {
    const first = this.first();
    if (first !== undefined) this.#waiting.delete(first);
    return first;
  }
}

/** Who asks: those of one lane share one place in the order. */
export type Lane = object;

/** Lanes take turns: who is alone in one does not wait behind the hundred of another. */
export class LaneRow<T extends { readonly lane: Lane }> implements Row<T> {
  readonly #lanes = new Map<Lane, T[]>();

  add(one: T): void {
    const waiting = this.#lanes.get(one.lane);
    if (waiting === undefined) this.#lanes.set(one.lane, [one]);
    else waiting.push(one);
  }

  delete(one: T): void {
    const waiting = this.#lanes.get(one.lane)?.filter((other) => other !== one) ?? [];
    if (waiting.length === 0) this.#lanes.delete(one.lane);
    else this.#lanes.set(one.lane, waiting);
  }

  first(): T | undefined {
    const [waiting] = this.#lanes.values();
    return waiting?.[0];
  }

  shift(): T | undefined {
    const [waiting] = this.#lanes.values();
    const one = waiting?.shift();
    if (waiting === undefined || one === undefined) return undefined;
    // The lane goes to the end of the order.
    this.#lanes.delete(one.lane);
    if (waiting.length > 0) this.#lanes.set(one.lane, waiting);
    return one;
  }
}
