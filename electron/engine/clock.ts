// The engine's time. Loops ask it rather than the system, so that tests need not wait.

export interface Clock {
  /** Unix milliseconds. */
  now(): number;
  /** Milliseconds since some instant: only grow, whatever the system's clock is set to. */
  ticks(): number;
  /** Rejects with `signal.reason` on abort. `ref: false`: for what comes round by the hour, and holds nothing up. */
  sleep(ms: number, options: { readonly signal: AbortSignal; readonly ref?: boolean }): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  ticks: () => performance.now(),
  // By hand: Node's own makes an error with a stack for each sleep that ends early, which most do.
  sleep: async (ms, { signal, ref = true }) => {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', stop);
        resolve();
      }, ms);
      if (!ref) timer.unref();
      signal.addEventListener('abort', stop, { once: true });
    });
  },
};

/** A clock whose instants never decrease: a history's times must not run backwards when the system's clock is set. */
export function monotonic(clock: Clock, startAt = 0): () => number {
  let last = startAt;
  return () => (last = Math.max(last, Math.floor(clock.now())));
}
