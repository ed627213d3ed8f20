// A clock that stands still until a test moves it: those who sleep wake in order, each having done what it does before the
// next one wakes.
import type { Clock } from '../../electron/engine/basics/clock.ts';

export interface TestClock extends Clock {
  /** Lets time pass, in milliseconds. */
  advance(ms: number): Promise<void>;
  /** Lets time pass in one piece: who sleeps wakes late, and once. */
  leap(ms: number): Promise<void>;
  /** The computer sleeps, or its clock is set: the time of day moves, and nothing else. */
  jump(ms: number): void;
  /** How many sleep. */
  readonly sleepers: number;
}

/** A clock at an instant. */
export function testClock(startAt = 1_700_000_000_000): TestClock {
  let elapsed = 0;
  let ahead = 0;
  const sleeping = new Set<{ readonly at: number; readonly wake: () => void }>();
  return {
    now: () => startAt + ahead + elapsed,
    ticks: () => elapsed,
    uptime: () => elapsed,
    get sleepers() {
      return sleeping.size;
    },
    leap: async (ms) => {
      elapsed += ms;
      for (const { at, wake } of sleeping) if (at <= elapsed) wake();
      await settle();
    },
    jump: (ms) => {
      ahead += ms;
    },
    sleep: async (ms, { signal }) => {
      signal.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const sleeper = { at: elapsed + Math.max(0, ms), wake: () => (end(), resolve()) };
        const stop = () => (end(), reject(signal.reason as Error));
        const end = () => {
          sleeping.delete(sleeper);
          signal.removeEventListener('abort', stop);
        };
        sleeping.add(sleeper);
        signal.addEventListener('abort', stop, { once: true });
      });
    },
    advance: async (ms) => {
      const until = elapsed + ms;
      for (;;) {
        await settle();
        const [next] = [...sleeping].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        elapsed = Math.max(elapsed, next.at);
        next.wake();
      }
      elapsed = until;
    },
  };
}

/** Lets everything happen that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((next) => setImmediate(next));
}
