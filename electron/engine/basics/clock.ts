// The engine's time. Loops ask it rather than the system, so that tests need not wait.
import os from 'node:os';

export interface Clock {
  /** Unix milliseconds. */
  now(): number;
  /** Milliseconds since some instant: only grow, whatever the system's clock is set to. */
  ticks(): number;
  /** Milliseconds since the computer was started, its sleep included, whatever its clock is set to. */
  uptime(): number;
  /** Rejects with `signal.reason` on abort. `ref: false`: for what comes round by the hour, and holds nothing up. */
  sleep(ms: number, options: { readonly signal: AbortSignal; readonly ref?: boolean }): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  ticks: () => performance.now(),
  uptime: () => os.uptime() * 1000,
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

/**
 * How long ago something was that is `ranMs` ago now, in milliseconds: as long as the time of day or the ticks say, since the
 * first may be set back, and the others may stand still while the computer sleeps.
 */
export function stopwatch(clock: Clock, ranMs = 0): () => number {
  const [at, ticks] = [clock.now(), clock.ticks()];
  return () => ranMs + Math.max(clock.now() - at, clock.ticks() - ticks);
}

/** What never was is as long ago as can be. */
export function never(): number {
  return Infinity;
}
