// How many calls are under way on a target at once, however many databases have something for it. Lanes take turns: one with
// a hundred calls waits no less for each than one with a single call.
import type { Lane } from './bandwidth.ts';

export class Gate {
  readonly #limit: number;
  readonly #waiting = new Map<Lane, (() => void)[]>();
  #inside = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves when there is room; dispose it when the call is over. On abort, `signal.reason` is thrown. */
  async enter(lane: Lane, { signal }: { readonly signal: AbortSignal }): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#inside >= this.#limit) {
      await new Promise<void>((resolve, reject) => {
        const row = this.#waiting.get(lane) ?? [];
        const go = () => {
          signal.removeEventListener('abort', leave);
          resolve();
        };
        const leave = () => {
          row.splice(row.indexOf(go), 1);
          reject(signal.reason as Error);
        };
        signal.addEventListener('abort', leave, { once: true });
        row.push(go);
        this.#waiting.set(lane, row);
      });
    } else {
      this.#inside++;
    }
    let isInside = true;
    return {
      [Symbol.dispose]: () => {
        if (isInside) this.#leave();
        isInside = false;
      },
    };
  }

  /** Hands the place on to the next lane, if any waits. */
  #leave(): void {
    for (const [lane, row] of this.#waiting) {
      const go = row.shift();
      this.#waiting.delete(lane);
      if (go === undefined) continue;
      if (row.length > 0) this.#waiting.set(lane, row);
      go();
      return;
    }
    this.#inside--;
  }
}
