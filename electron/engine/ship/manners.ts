// How fast an image is made: at once while the database is at rest, and with pauses while somebody writes to it, so that
// commits take hardly longer than without. For a while only: before the first image is there, nothing is safe.
import type { Place } from '../../../shared/position.ts';
import type { Clock } from '../basics/clock.ts';

/** An application that wrote this long ago may write again at any moment. */
const writersForMs = 1000;
/** Between two blocks of 256 KB, of which each takes about one. */
const pauseMs = 4;
/** All pauses of one image together: enough for about 1 GB. */
const longestMs = 16_000;
/** Blocks that are compressed at the same time. */
const atRest = 2;
const besideWriters = 1;

/** Asked before each block of an image: waits where that is due, and answers how many may be compressed at the same time. */
export function mannersOf(
  end: () => Place,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): () => Promise<number> {
  let seen = end();
  let changedAt = -Infinity;
  let leftMs = longestMs;
  return async () => {
    const now = end();
    if (now.index !== seen.index || now.offset !== seen.offset) changedAt = clock.ticks();
    seen = now;
    if (clock.ticks() - changedAt >= writersForMs) return atRest;
    if (leftMs > 0) await clock.sleep(pauseMs, { signal });
    leftMs -= pauseMs;
    return besideWriters;
  };
}
