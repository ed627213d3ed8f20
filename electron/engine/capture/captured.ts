// What was captured of a database: its end, the page hashes there, and when each transaction was made. While the page hashes are
// still being built, what is captured waits for them.
import { must } from '../../../shared/assert.ts';
import type { Place } from '../../../shared/position.ts';
import type { MutableCounters } from './counters.ts';
import { hashPage } from '../replica/state-hash.ts';
import type { PageHashes } from '../source/page-hashes.ts';
import { AwaitedFrames, type HashedFrame } from './awaited-frames.ts';
import { TransactionCount } from './count.ts';
import { type CaptureOptions, ContinuityUnproven } from './options.ts';
import { Sightings } from './sightings.ts';

/** A frame that was read, in the order of the WAL. */
export interface CapturedFrame {
  readonly page: number;
  readonly data: Uint8Array;
  readonly commitPages: number;
  readonly endOffset: number;
}

type Options = Pick<CaptureOptions, 'spool' | 'commits' | 'hashes' | 'now'> & {
  readonly counters: MutableCounters;
};

export class Captured {
  readonly #options: Options;
  readonly count = new TransactionCount();
  /** When transactions were committed that are read later. */
  readonly #sightings = new Sightings();
  #hashes: PageHashes | undefined;
  #awaiting: AwaitedFrames | undefined;
  /** While true, frames are only kept: the image that is taken next contains them. */
  #isOverlap = false;
  #end: Place;
  /** While what changed unseen is being compared: the end before it, and what waits for the end of it. */
  #composing: { readonly end: Place; readonly done: PromiseWithResolvers<void> } | undefined;
  #isUnproven = false;
  #lastAt = 0;
  /** No transaction that follows may bear an earlier time. */
  #notBefore = 0;
  #pages: number;
  #written = 0;

  constructor(options: Options) {
    this.#options = options;
    this.#hashes = options.hashes;
    this.#pages = options.hashes?.pages ?? 0;
    this.#end = options.spool.end;
  }

  /** The end of what is told: of the last transaction before what is being compared. */
  get end(): Place {
    return this.#composing?.end ?? this.#end;
  }

  /** Where the next transaction will follow. */
  get place(): Place {
    return this.#end;
  }

  /** At {@link place}; undefined while they are being built. */
  get hashes(): PageHashes | undefined {
    return this.#hashes;
  }

  /** Size of the database at {@link place}, in pages; 0 while unknown. */
  get pages(): number {
    return this.#pages;
  }

  /** When the last of it was captured. */
  get lastAt(): number {
    return this.#lastAt;
  }

  get isOverlap(): boolean {
    return this.#isOverlap;
  }

  /** What changed unseen is being compared. */
  get isComposing(): boolean {
    return this.#composing !== undefined;
  }

  /** Resolves when nothing is being compared. */
  async whenComposed(): Promise<void> {
    await this.#composing?.done.promise;
  }

  // Whether anything may follow.

  /** Fails where something may be missing: frames behind an unproven moment would look contiguous. */
  mustBeProven(): void {
    if (this.#isUnproven) throw new ContinuityUnproven();
  }

  /** Something may be missing, or the file is not what was captured: nothing more is captured on top of it. */
  distrust(): void {
    this.#isUnproven = true;
  }

  /** As {@link distrust}; and who waits for a comparison waits no longer. */
  abandon(): void {
    this.#isUnproven = true;
    this.endComposing();
  }

  giveUp(why?: ContinuityUnproven['why']): never {
    this.abandon();
    throw new ContinuityUnproven(why);
  }

  // What comes.

  /** Transactions up to this count were committed by now. True where there were not so many before. */
  sighted(changes: number): boolean {
    return this.#sightings.note(changes, this.#options.now);
  }

  /** What was seen of another WAL says nothing about this one. */
  forgetSightings(): void {
    this.#sightings.forget();
  }

  /** An instant of now, before which nothing that follows was committed. */
  stamp(): number {
    this.#notBefore = this.#options.now();
    return this.#notBefore;
  }

  add({ page, data, commitPages, endOffset }: CapturedFrame): void {
    const { spool, counters, now } = this.#options;
    const { index } = spool;
    const hash = commitPages > 0 || !this.#isOverlap ? hashPage(page, data) : 0n;
    const isRepeat = this.count.see({ page, commitPages, hash });
    if (commitPages > 0) {
      if (!isRepeat) counters.transactions++;
      this.#end = { index, offset: endOffset };
      this.#pages = commitPages;
    }
    if (this.#isOverlap) return;
    const { captured } = this.count;
    const seenAt = captured === undefined ? undefined : this.#sightings.timeOf(captured);
    const at = Math.max(this.#notBefore, seenAt ?? now());
    this.#notBefore = at;
    this.#lastAt = at;
    const end = commitPages > 0 ? { index, offset: endOffset, at, pages: commitPages, isRepeat } : undefined;
    const hashed = { page, hash, end };
    if (this.#hashes === undefined) this.#awaiting?.add(hashed);
    else this.#apply(this.#hashes, hashed);
  }

  #apply(hashes: PageHashes, { page, hash, end }: HashedFrame): void {
    const { commits } = this.#options;
    hashes.set(page, hash);
    this.#written++;
    if (end === undefined) return;
    hashes.resize(end.pages);
    const { isRepeat, ...place } = end;
    const commit = { ...place, state: hashes.state, written: this.#written, transactions: 1 };
    this.#written = 0;
    if (isRepeat) commits.repeat(commit);
    else commits.add(commit);
  }

  // An image is taken, and what follows waits for its page hashes.

  /** What is read meanwhile is contained in the image that is taken next. */
  async overlapping(read: () => Promise<unknown>): Promise<void> {
    this.#isOverlap = true;
    await read();
    this.#isOverlap = false;
  }

  /** The page hashes are to come by {@link adopt}, for this place. */
  awaitHashes(): void {
    this.#hashes = undefined;
    this.#awaiting = new AwaitedFrames();
  }

  /** Takes over the page hashes for the place at which they were awaited. True where transactions followed it. */
  async adopt(hashes: PageHashes, exclusively: <T>(work: () => Promise<T>) => Promise<T>): Promise<boolean> {
    const awaited = must(this.#awaiting, 'an image was begun');
    let commits = 0;
    const apply = (frame: HashedFrame): void => {
      if (frame.end !== undefined) commits++;
      this.#apply(hashes, frame);
    };
    // Most of it while capturing goes on.
    await awaited.take(apply);
    await exclusively(async () => {
      await awaited.take(apply);
      this.#hashes = hashes;
      this.#pages = hashes.pages;
      this.#awaiting = undefined;
      this.endComposing();
    });
    return commits > 0;
  }

  // Something changed unseen.

  /** Leaves an index free for it; what follows waits for the page hashes behind it. */
  beginComposing(): { readonly index: number; readonly since: number } {
    const index = this.#options.spool.reserve();
    this.#composing = { end: this.#end, done: Promise.withResolvers<void>() };
    this.#end = { index: index + 1, offset: 0 };
    this.#pages = 0;
    this.#hashes = undefined;
    this.count.assume(undefined);
    this.count.settle();
    return { index, since: this.#lastAt };
  }

  endComposing(): void {
    this.#composing?.done.resolve();
    this.#composing = undefined;
  }

  /** Nothing changed: as if it had not begun. False where something was captured since. */
  undoComposing({ index, before }: { readonly index: number; readonly before: PageHashes }): boolean {
    const { end } = this.#composing ?? {};
    if (end === undefined || !this.#options.spool.giveBack(index)) return false;
    this.#end = end;
    this.#hashes = before;
    this.#pages = before.pages;
    this.#awaiting = undefined;
    this.endComposing();
    return true;
  }

  /** Fails with `database-overwritten` and the like as `ask` does; then nothing more is captured on top of it. */
  prove<T>(ask: () => T): T {
    try {
      return ask();
    } catch (error) {
      this.distrust();
      throw error;
    }
  }
}
