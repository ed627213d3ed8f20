// Things that several may want to keep: each lets go for itself, and the last one frees it.

export class Holds<Thing> {
  readonly #counts = new Map<Thing, number>();

  /** What is held by somebody. */
  get held(): readonly Thing[] {
    return [...this.#counts.keys()];
  }

  has(thing: Thing): boolean {
    return this.#counts.has(thing);
  }

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  /** Until what this returns is disposed of; `onFree` runs when nobody else holds the thing then. */
  hold(thing: Thing, onFree: () => void = () => {}): Disposable {
    this.#counts.set(thing, (this.#counts.get(thing) ?? 0) + 1);
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        const others = (this.#counts.get(thing) ?? 1) - 1;
        if (others > 0) this.#counts.set(thing, others);
        else if (this.#counts.delete(thing)) onFree();
      },
    };
  }

  /** Nobody holds anything any more. */
  clear(): void {
    this.#counts.clear();
  }
}
