// The system's clock, in which time passes when a test says so.
import { type Clock, systemClock } from '../../electron/engine/clock.ts';
import { AppError } from '../../shared/errors.ts';

/** The system's clock, which leaps when it is told to; those who slept past that wake. */
export function leapingClock(): { readonly clock: Clock; readonly leap: (ms: number) => void } {
  let aheadMs = 0;
  const sleeping = new Set<() => void>();
  const clock: Clock = {
    ...systemClock,
    now: () => Date.now() + aheadMs,
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
  return { clock, leap };
}
