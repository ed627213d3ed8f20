// Lets databases be opened a few at a time, in order of their asking, so that hundreds that start together neither hold up
// the thread nor the disk. One that takes long does not hold up the others: it goes on beside them.

/** Openings at a time; one that is not done after `patienceMs` is not counted any more. */
const atOnce = 4;
const patienceMs = 200;

export class Openings {
  #free = atOnce;
  readonly #waiting: (() => void)[] = [];

  /** Resolves when it is the caller's turn; dispose what it gives when the opening is over. */
  async enter({ signal }: { readonly signal: AbortSignal }): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#turn(signal);
    let isOver = false;
    const leave = () => {
      if (isOver) return;
      isOver = true;
      clearTimeout(late);
      this.#leave();
    };
    const late = setTimeout(leave, patienceMs);
    return { [Symbol.dispose]: leave };
  }

  /** Waits for a place that somebody leaves: it is handed over, never free in between. */
  async #turn(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const go = () => {
        signal.removeEventListener('abort', stop);
        resolve();
      };
      const stop = () => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(signal.reason as Error);
      };
      this.#waiting.push(go);
      signal.addEventListener('abort', stop, { once: true });
    });
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    // Others get their turn of the event loop first.
    else setImmediate(next);
  }
}
