// Whose turn it is to catch up: after an absence a few databases at once, the one that waits longest first, until each has
// everything there. The others keep what they have in their spools meanwhile; those that are up to date are not concerned.

interface Waiting {
  readonly sinceAt: number;
  readonly go: () => void;
}

export class CatchUps {
  readonly #limit: number;
  readonly #waiting = new Set<Waiting>();
  #inside = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves with a turn; dispose it when everything is there. On abort, `signal.reason` is thrown. */
  async enter({ sinceAt, signal }: { readonly sinceAt: number; readonly signal: AbortSignal }): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#inside >= this.#limit) {
      await new Promise<void>((resolve, reject) => {
        const leave = () => {
          this.#waiting.delete(waiting);
          reject(signal.reason as Error);
        };
        const go = () => {
          this.#waiting.delete(waiting);
          signal.removeEventListener('abort', leave);
          resolve();
        };
        const waiting = { sinceAt, go };
        signal.addEventListener('abort', leave, { once: true });
        this.#waiting.add(waiting);
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

  #leave(): void {
    const next = [...this.#waiting].sort((a, b) => a.sinceAt - b.sinceAt)[0];
    if (next === undefined) this.#inside--;
    else next.go();
  }
}
