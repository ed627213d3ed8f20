// Commit frames that repeat the frame before them. Where a disk may tear what lies beside what is written, SQLite fills the rest
// of the sector behind a transaction with copies of its last frame (https://www.sqlite.org/psow.html): they look like
// transactions, and are none. A transaction that writes the same page again as it was looks the same, and changes nothing either.

/** A frame of a WAL, as far as it matters here. */
export interface Frame {
  readonly page: number;
  readonly commitPages: number;
  readonly hash: bigint;
}

export class Repeats {
  #last: Frame | undefined;
  #count = 0;

  /** How many there were since they were counted anew. */
  get count(): number {
    return this.#count;
  }

  /** The next frame, in the order of the WAL: true where it is a commit frame and repeats the one before it. */
  see(frame: Frame): boolean {
    const last = this.#last;
    this.#last = frame.commitPages > 0 ? frame : undefined;
    const isRepeat =
      last !== undefined &&
      last.commitPages === frame.commitPages &&
      last.page === frame.page &&
      last.hash === frame.hash;
    if (isRepeat) this.#count++;
    return isRepeat;
  }

  /** A WAL begins: what comes first follows nothing. */
  begin(): void {
    this.#last = undefined;
  }

  /** Goes on from here by itself. */
  fork(): Repeats {
    const fork = new Repeats();
    fork.#last = this.#last;
    return fork;
  }

  countAnew(): void {
    this.#count = 0;
  }
}
