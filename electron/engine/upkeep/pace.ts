// How closely commits follow each other, by what looks found: with pauses, steadily, or without ever pausing; with habit in
// between, so that neither a pause nor a burst changes it at once.
import { burstGapMs, fewFrames, rhythms, steadyNews } from './rhythms.ts';

const { batchMs, few, pauseMs, restlessLooks, streak } = rhythms;

/** What came since the last look. */
interface Read {
  readonly isNew: boolean;
  /** SQLite's count of transactions; undefined where it is not to be had. */
  readonly changes: number | undefined;
  /** Frames that came. */
  readonly frames: () => number;
}

export class Pace {
  #kind: 'calm' | 'steady' | 'restless' = 'calm';
  /** Looks in a row in which there was news without a pause; and in which there was none, or with a pause. */
  #dense = 0;
  #sparse = 0;
  /** News with no pause before it, of late; and that followed each other closely. */
  #steady = 0;
  #burst = 0;
  /** Between two commits, on average, of late. */
  #gapMs = Infinity;
  #newsAt = 0;
  #readAt = -Infinity;
  #changes: number | undefined;

  /** `isClose`: commits were close together before, as far as is remembered: it is soon seen that they still are. */
  constructor({ isClose = false }: { readonly isClose?: boolean } = {}) {
    if (isClose) this.#steady = steadyNews - few;
  }

  get kind(): 'calm' | 'steady' | 'restless' {
    return this.#kind;
  }

  /** When there was news last. */
  get newsAt(): number {
    return this.#newsAt;
  }

  /** Milliseconds between two commits, on average, of late. */
  get gapMs(): number {
    return this.#gapMs;
  }

  /** Commits in a row that followed each other closely. */
  get burst(): number {
    return this.#burst;
  }

  /** Something was committed since the last look: by the count, where that is to be had. */
  isNews({ isNew, changes }: Pick<Read, 'isNew' | 'changes'>): boolean {
    return changes === undefined || this.#changes === undefined ? isNew : changes !== this.#changes;
  }

  /** Everything that is committed was read. */
  read(now: number, read: Read): void {
    const isDense = read.isNew && this.#isDense(now - this.#readAt, read);
    if (read.isNew) this.#noteGap(now - this.#newsAt, read);
    this.#readAt = now;
    this.#changes = read.changes;
    this.#dense = isDense ? this.#dense + 1 : 0;
    this.#sparse = isDense ? 0 : this.#sparse + 1;
    if (!read.isNew) return;
    const agoMs = now - this.#newsAt;
    // One pause does not end a habit, several do.
    this.#steady = agoMs < pauseMs ? Math.min(this.#steady + 1, 2 * steadyNews) : Math.floor(this.#steady / 2);
    this.#burst = agoMs < burstGapMs ? this.#burst + 1 : 1;
    this.#newsAt = now;
  }

  #noteGap(agoMs: number, { changes }: Read): void {
    const commits = changes === undefined || this.#changes === undefined ? 1 : (changes - this.#changes) >>> 0;
    const gapMs = Math.min(agoMs, pauseMs) / commits;
    this.#gapMs = Number.isFinite(this.#gapMs) ? this.#gapMs + (gapMs - this.#gapMs) / few : gapMs;
  }

  /** What came within so long left no pause: in whatever time, as much as would be a few commits in a batch. */
  #isDense(withinMs: number, { changes, frames }: Read): boolean {
    const batches = withinMs / batchMs;
    if (changes !== undefined && this.#changes !== undefined) return (changes - this.#changes) >>> 0 >= few * batches;
    return frames() >= fewFrames * batches;
  }

  /** Who empties the WAL itself may not be restless: it must find the pin at its end. */
  settle(now: number, mayBeRestless: boolean): void {
    const isConstant = this.#kind === 'restless' ? this.#sparse < streak : this.#dense >= restlessLooks;
    const isSteady = this.#steady >= steadyNews && now - this.#newsAt < pauseMs;
    this.#kind = isConstant && mayBeRestless ? 'restless' : isSteady ? 'steady' : 'calm';
  }
}
