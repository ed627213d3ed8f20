// SQLite's own count of transactions, held against what was captured: it is the proof that nothing was missed where no pin was
// held, or where a WAL was restarted.
import { hashPage } from '../replica/state-hash.ts';
import type { AheadCounter } from '../source/wal-reader.ts';
import type { Life } from './life.ts';
import { type Frame, Repeats } from './repeats.ts';

const tries = 3;

export class TransactionCount {
  readonly #repeats = new Repeats();
  #captured: number | undefined;
  #isDoubtful = false;

  /** SQLite's count at the captured end; undefined while it is not known. */
  get captured(): number | undefined {
    return this.#captured;
  }

  /** There was a moment without a pin since transactions were counted last. */
  get isDoubtful(): boolean {
    return this.#isDoubtful;
  }

  doubt(): void {
    this.#isDoubtful = true;
  }

  /** Everything up to here is known, however it was captured. */
  settle(): void {
    this.#isDoubtful = false;
  }

  /** The captured end has so many; undefined: that is not known. */
  assume(captured: number | undefined): void {
    this.#captured = captured;
  }

  /** A WAL begins. */
  begin(): void {
    this.#repeats.begin();
  }

  /** The next frame that is captured. True where it is no transaction, but repeats the frame before it. */
  see(frame: Frame): boolean {
    const isRepeat = this.#repeats.see(frame);
    if (frame.commitPages > 0 && this.#captured !== undefined) this.#captured = (this.#captured + 1) >>> 0;
    return isRepeat;
  }

  /**
   * Transactions that SQLite counted, and that neither were captured nor can be read now: 0 proves that nothing was missed.
   * Undefined where it cannot be told: the count is not to be had, began anew, or was not known before.
   */
  async unseen({ connections, reader }: Life): Promise<number | undefined> {
    for (let again = 0; again < tries; again++) {
      const now = connections.walIndex?.read();
      if (now === undefined) return undefined;
      const ahead = now.frames === 0 ? 0 : await reader.countAhead(now, counterAfter(this.#repeats));
      if (ahead === undefined) continue;
      const captured = (now.changes - ahead) >>> 0;
      const difference = this.#captured === undefined ? undefined : (captured - this.#captured) | 0;
      // SQLite counts no copies: where it counted as many less as there were, nothing was missed.
      const unseen = difference === -this.#repeats.count ? 0 : difference;
      this.#captured = captured;
      this.#repeats.countAnew();
      if (unseen === 0) this.#isDoubtful = false;
      return unseen !== undefined && unseen < 0 ? undefined : unseen;
    }
    return undefined;
  }
}

/** SQLite counts no copies: not those ahead either. */
function counterAfter(captured: Repeats): AheadCounter {
  const repeats = captured.fork();
  return {
    begin: () => repeats.begin(),
    isTransaction: ({ page, data, commitPages }) => {
      const hash = commitPages > 0 ? hashPage(page, data) : 0n;
      return !repeats.see({ page, commitPages, hash }) && commitPages > 0;
    },
  };
}
