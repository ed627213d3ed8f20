// Lets databases be opened a few at a time, in order of their asking, so that hundreds that start together neither hold up
// the thread nor the disk. One that takes long does not hold up the others: it goes on beside them.
import { RankedRow } from '../basics/rows.ts';
import { Turns } from '../basics/turns.ts';

/** Openings at a time; one that is not done after `patienceMs` is not counted any more. */
const atOnce = 4;
const patienceMs = 200;

export class Openings {
  readonly #turns = new Turns(atOnce, new RankedRow<object>());

  /** Resolves when it is the caller's turn; dispose what it gives when the opening is over. */
  async enter(options: { readonly signal: AbortSignal }): Promise<Disposable> {
    const turn = await this.#turns.enter({}, options);
    const leave = () => {
      clearTimeout(late);
      // Others get their turn of the event loop first.
      setImmediate(() => turn[Symbol.dispose]());
    };
    const late = setTimeout(leave, patienceMs);
    return { [Symbol.dispose]: leave };
  }
}
