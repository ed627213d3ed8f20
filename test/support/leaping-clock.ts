// The system's clock, in which time passes when a test says so.
import { type Clock, systemClock } from '../../electron/engine/basics/clock.ts';
import { AppError } from '../../shared/errors.ts';

/**
 * The system's clock, which leaps when it is told to; those who slept past that wake. Its ticks do not see that, as while a
 * computer sleeps, unless `isAwake`. `set` moves the time of day, and nothing else.
 */
export function leapingClock({ isAwake = false } = {}): {
  readonly clock: Clock;
  readonly leap: (ms: number) => void;
  readonly set: (ms: number) => void;
} {
  let aheadMs = 0;
  let setMs = 0;
  const sleeping = new Set<() => void>();
  const clock: Clock = {
    ...systemClock,
    now: () => Date.now() + aheadMs + setMs,
    uptime: () => systemClock.uptime() + aheadMs,
    ticks: () => systemClock.ticks() + (isAwake ? aheadMs : 0),
    sleep: async (ms, { signal }) => {
      const dueAt = Date.now() + aheadMs + ms;
      const ends = new AbortController();
      const leapt = new Promise<void>((resolve) => {
        const look = () => {
          if (Date.now() + aheadMs >= dueAt) resolve();
        };
        sleeping.add(look);
        ends.signal.addEventListener('abort', () => sleeping.delete(look), { once: true });
      });
      try {
        await Promise.race([leapt, systemClock.sleep(ms, { signal: AbortSignal.any([signal, ends.signal]) })]);
      } finally {
        ends.abort(new AppError('cancelled'));
      }
    },
  };
  const leap = (ms: number) => {
    aheadMs += ms;
    for (const look of sleeping) look();
  };
  const set = (ms: number) => {
    setMs += ms;
  };
  return { clock, leap, set };
}
