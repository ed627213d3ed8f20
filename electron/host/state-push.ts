// Hands states to one slow listener: at once when it is quiet, then at most every `everyMs`, newest wins.
// A listener whose channel is clogged is skipped until it has drained; it misses states in between, never the newest.

export interface StatePush<T> {
  push(state: T): void;
  /** Drops what waits. Idempotent. */
  [Symbol.dispose](): void;
}

export interface StatePushOptions<T> {
  readonly everyMs: number;
  readonly send: (state: T) => void;
  /** True while the channel still holds too much of what was sent before. */
  readonly isClogged?: () => boolean;
}

/** Makes a coalescing sender; the caller disposes it with its channel. */
export function createStatePush<T>({ everyMs, send, isClogged = () => false }: StatePushOptions<T>): StatePush<T> {
  let waiting: { readonly state: T } | undefined;
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    timer = undefined;
    if (waiting === undefined) return;
    if (!isClogged()) {
      const { state } = waiting;
      waiting = undefined;
      send(state);
    }
    timer = setTimeout(flush, everyMs);
  }

  return {
    push(state) {
      waiting = { state };
      if (timer === undefined) flush();
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      waiting = undefined;
    },
  };
}
