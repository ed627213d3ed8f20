// Whether an application empties the WAL itself, and so may wait for our pin when it does: seen by a WAL that is cut off, and by a
// small one that starts over although nobody of ours copied what it held.
import type { WalCounts } from '../source/checkpointer.ts';
import { enoughFrames, rhythms } from './rhythms.ts';
import type { Writing } from './writing.ts';

const { rememberMs, slowMs } = rhythms;

export class Housekeeping {
  #emptiedAt = -Infinity;
  /** Frames of the present WAL that were copied from here; whether others copied some. */
  #copied = 0;
  #isCopiedByOthers = false;
  /** The most frames that were seen in the present WAL; it is seen empty for a moment before the next one begins. */
  #fullest = 0;

  /** How often it does, as far as is known. */
  habit(now: number): Writing['housekeeping'] {
    const agoMs = now - this.#emptiedAt;
    if (agoMs < slowMs) return 'often';
    return agoMs < rememberMs ? 'lately' : 'none';
  }

  /** What the WAL holds. `isBusy`: something of ours copies at this moment. */
  counted({ frames, backfilled }: WalCounts, isBusy: boolean): void {
    if (backfilled > this.#copied && !isBusy) this.#isCopiedByOthers = true;
    this.#fullest = Math.max(this.#fullest, frames);
  }

  /** A checkpoint of ours copied so many frames. */
  copied(backfilled: number): void {
    this.#copied = backfilled;
  }

  /** Somebody else cut off the WAL. */
  cutOff(now: number): void {
    this.#emptiedAt = now;
  }

  /** Another WAL began. */
  restarted(now: number): void {
    if (this.#isCopiedByOthers && this.#fullest < enoughFrames(false)) this.#emptiedAt = now;
    this.#isCopiedByOthers = false;
    this.#fullest = 0;
    this.#copied = 0;
  }
}
