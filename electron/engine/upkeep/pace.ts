// How closely commits follow each other, by what looks found: with pauses, steadily, or without ever pausing; with habit in
// between, so that neither a pause nor a burst changes it at once.
import { burstGapMs, fewFrames, rhythms, steadyNews } from './rhythms.ts';

const { few, pauseMs, restlessLooks, streak } = rhythms;

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
  /** News in a row with no pause in between; and that followed each other closely. */
  #steady = 0;
  #burst = 0;
  #newsAt = 0;
  #changes: number | undefined;

  get kind(): 'calm' | 'steady' | 'restless' {
    return this.#kind;
  }

  /** When there was news last. */
  get newsAt(): number {
    return this.#newsAt;
  }

  /** Commits in a row that followed each other closely. */
  get burst(): number {
    return this.#burst;
  }

  /** Everything that is committed was read. */
  read(now: number, read: Read): void {
    const isDense = this.#isDense(read) && read.isNew;
    this.#changes = read.changes;
    this.#dense = isDense ? this.#dense + 1 : 0;
    this.#sparse = isDense ? 0 : this.#sparse + 1;
    if (!read.isNew) return;
    const agoMs = now - this.#newsAt;
    this.#steady = agoMs < pauseMs ? this.#steady + 1 : 0;
    this.#burst = agoMs < burstGapMs ? this.#burst + 1 : 1;
    this.#newsAt = now;
  }

  /** What came left no pause; outside of batches, each look is close enough. */
  #isDense({ changes, frames }: Read): boolean {
    if (this.#kind === 'calm') return true;
    if (changes !== undefined && this.#changes !== undefined) return (changes - this.#changes) >>> 0 >= few;
    return frames() >= fewFrames;
  }

  /** Who empties the WAL itself may not be restless: it must find the pin at its end. */
  settle(now: number, mayBeRestless: boolean): void {
    const isConstant = this.#kind === 'restless' ? this.#sparse < streak : this.#dense >= restlessLooks;
    const isSteady = this.#steady >= steadyNews && now - this.#newsAt < pauseMs;
    this.#kind = isConstant && mayBeRestless ? 'restless' : isSteady ? 'steady' : 'calm';
  }
}
