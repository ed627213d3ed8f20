// The times that transactions are labelled with. Inside a generation they never run backwards, and none lies before what the time is
// known to be at least. They are for people to find things by: what came after what, positions say. Where the clock was ahead and is
// right again, labels would stick at the wrong time: then a new generation begins.
import type { Clock } from '../basics/clock.ts';
import type { ConfirmedTime } from '../basics/confirmed-time.ts';

/** Why a new generation begins after a clock was ahead. */
export const correctedWords = 'The computer’s clock was corrected: it had been ahead';

/** What a clock may go back without that labels stick for long. */
const tolerableMs = 60_000;

interface Sources {
  readonly clock: Clock;
  readonly confirmed: ConfirmedTime;
}

/** True where labels up to `lastAt` were given while the clock was ahead, which it is not any more. */
export function wasAhead(lastAt: number, { clock, confirmed }: Sources): boolean {
  return lastAt - Math.max(clock.now(), confirmed.look() ?? 0) > tolerableMs;
}

/** A clock for the labels of a generation, the last of which was `startAt`. `onCorrected` is told once, where they stick. */
export function labels({
  clock,
  confirmed,
  startAt = 0,
  onCorrected,
}: Sources & { readonly startAt?: number | undefined; readonly onCorrected: () => void }): () => number {
  let last = startAt;
  let isTold = false;
  return () => {
    const shown = Math.floor(clock.now());
    // Only a clock that was set back is held against anything.
    const now = shown < last ? Math.max(shown, confirmed.look() ?? 0) : shown;
    if (last - now > tolerableMs && !isTold) {
      isTold = true;
      onCorrected();
    }
    last = Math.max(last, now);
    return last;
  };
}
