// Places for a few at once: the others wait in a row, which says who of them is next. A place that is left goes to the next one at
// once: it is never free while somebody waits.
import type { Row } from './rows.ts';

export interface Turn extends Disposable {
  /** It has come. Dispose it when it is over, or not wanted any more. */
  readonly isGranted: boolean;
}

export class Turns<T extends object> {
  #limit: number;
  readonly #row: Row<T>;
  readonly #grants = new Map<T, () => void>();
  #inside = 0;

  constructor(limit: number, row: Row<T>) {
    this.#limit = limit;
    this.#row = row;
  }

  /** From now on so many at once; those who are inside stay. */
  set limit(limit: number) {
    this.#limit = limit;
    this.#fill();
  }

  /** Resolves with a turn; dispose it when it is over. On abort, `signal.reason` is thrown. */
  async enter(asked: T, { signal }: { readonly signal: AbortSignal }): Promise<Turn> {
    signal.throwIfAborted();
    const { promise: granted, resolve: grant } = Promise.withResolvers<void>();
    const turn = this.request(asked, grant);
    await untilGranted(granted, { leave: () => turn[Symbol.dispose](), signal });
    return turn;
  }

  /** Asks for a turn; `onGranted` is called once it has come, at the earliest when this has returned. */
  request(asked: T, onGranted: () => void): Turn {
    // A thing of its own in the row, however often the same is asked.
    const claim = { ...asked };
    let state: 'waiting' | 'granted' | 'over' = 'waiting';
    this.#row.add(claim);
    this.#grants.set(claim, () => {
      state = 'granted';
      onGranted();
    });
    queueMicrotask(() => this.#fill());
    return {
      get isGranted() {
        return state === 'granted';
      },
      [Symbol.dispose]: () => {
        if (state === 'waiting') this.#row.delete(claim);
        if (state === 'granted') this.#inside--;
        this.#grants.delete(claim);
        state = 'over';
        this.#fill();
      },
    };
  }

  #fill(): void {
    while (this.#inside < this.#limit) {
      const next = this.#row.shift();
      if (next === undefined) return;
      this.#inside++;
      const grant = this.#grants.get(next);
      this.#grants.delete(next);
      grant?.();
    }
  }
}

/** Waits for what somebody grants; on abort `leave` is called at once, so that nobody grants in vain, and `signal.reason` is thrown. */
export async function untilGranted(
  granted: Promise<void>,
  { leave, signal }: { readonly leave: () => void; readonly signal: AbortSignal },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      leave();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    void granted.then(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
  });
}
