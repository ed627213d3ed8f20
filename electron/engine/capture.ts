// Captures one live database into its spool: every committed transaction, in order, whoever checkpoints or restarts the WAL.
// The rule that makes it lossless is advance: take the new pin, drain, let the old pin go (connections.ts). Also keeps the
// WAL small without making a writer wait: settle, PASSIVE, and as the last resort a seal. Shipping is shipper.ts.
import fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppError } from '../../shared/errors.ts';
import type { Position } from '../../shared/position.ts';
import type { Commit, CommitLog } from './commits.ts';
import { hashPage } from './replica/state-hash.ts';
import type { Connections, WalCounts } from './source/connections.ts';
import type { PageHashes } from './source/page-hashes.ts';
import { type FrameSink, type WalEnd, WalReader } from './source/wal-reader.ts';
import type { Spool } from './spool.ts';

/** Frames that wait for a checkpoint before one is made although writers go on. */
const passiveFrames = 500;
/** Writers that had committed at each of this many looks in a row never pause. */
const restlessLooks = 8;
/**
 * A WAL of this many frames whose writers never pause is sealed: well below the 1,000 from which on SQLite makes each commit
 * of the application try a checkpoint, which under our pin could not finish and would only cost time.
 */
const largeFrames = 500;
/** A WAL that is this many times larger is sealed in any case: its writers pause, but never long enough. */
const tooLargeTimes = 8;
/** The same for large pages. */
const largeBytes = 16 * 1024 * 1024;
/** Before writers are held, most is copied while they go on: until this few frames are left, or so often. */
const smallRestFrames = 400;
const passivesBeforeSeal = 2;
/** A seal that did not help is not tried again at once: writers come first. */
const reclaimEveryMs = 50;
/** How long a seal waits for somebody else's checkpoint. */
const sealWaitMs = 20;
/** Frames that a seal may still have to read under the write lock: well below its budget of 50 ms. */
const sealRestFrames = 2000;
const idleBeforePassiveMs = 1000;
const passiveEveryMs = 20;
/** Under constant writing, commits are read in batches this far apart. */
const batchMs = 3;
const longestSettleMs = 5000;
/** Somebody else's checkpoint that is seen this often in a row, this far apart, without any progress, is stuck. */
const stuckAfterLooks = 4;
const blockedLookMs = 100;
/** SQLite's own busy handler sleeps at most 100 ms between two tries. */
const asideMs = 120;
/**
 * A pin that is taken while a checkpointer still holds slot 0 lands elsewhere although everything is backfilled, and one
 * cannot ask where; so the pin is moved this often, at growing intervals, before it counts as resting.
 */
const restAfter = 4;

/** The end of what was captured: behind a whole transaction, in the spool. */
export type Place = Pick<Position, 'index' | 'offset'>;

export interface CaptureOptions {
  readonly connections: Connections;
  readonly spool: Spool;
  readonly commits: CommitLog;
  /** Instants that never decrease. */
  readonly now: () => number;
  /** The page hashes at the spool's end; undefined where they have to be built first. */
  readonly hashes: PageHashes | undefined;
  /** Where reading goes on; undefined to start at the beginning of whatever WAL there is. */
  readonly end: WalEnd | undefined;
  /** A WAL that is longer goes on as the next index. */
  readonly rollBytes?: number | undefined;
  /** New transactions are in the spool. */
  readonly onCaptured: () => void;
  /** Capturing cannot go on; the owner closes and starts again. */
  readonly onFailed: (error: unknown) => void;
}

/** The history can go on only after pages were compared: the next opening does. */
export class ContinuityUnproven extends Error {
  override readonly name = 'ContinuityUnproven';
  constructor() {
    super('the pin was let go and the WAL moved on');
  }
}

interface PendingFrame {
  readonly page: number;
  readonly hash: bigint;
  readonly commitPages: number;
  readonly endOffset: number;
  readonly index: number;
  readonly at: number;
}

export class Capture implements AsyncDisposable, FrameSink {
  readonly #options: CaptureOptions;
  readonly #reader: WalReader;
  #hashes: PageHashes | undefined;
  /** Frames that arrived while the page hashes were still being built. */
  #pending: PendingFrame[] = [];
  /** While true, frames are only kept: the image that is taken next contains them. */
  #isOverlap = false;
  #end: Place;
  #pages = 0;
  #written = 0;
  #counts: WalCounts = { frames: 0, backfilled: 0 };
  /** How often the pin was moved since everything is backfilled. */
  #rests = 0;
  /** Looks in a row that found new transactions. */
  #newsInARow = 0;
  #lock: Promise<unknown> = Promise.resolve();
  #isWoken = false;
  #isRunning = false;
  #isClosed = false;
  #blockedLooks = 0;
  #isUnproven = false;
  #timer: NodeJS.Timeout | undefined;
  #settleMs = 1;
  #lastNewsAt = 0;
  #lastCycleAt = 0;
  #lastPassiveAt = 0;
  #reclaimedAt = 0;
  #locked = { maxMs: 0, totalMs: 0 };

  constructor(options: CaptureOptions) {
    this.#options = options;
    this.#reader = new WalReader(options.connections.path, options.end, options.rollBytes);
    this.#hashes = options.hashes;
    this.#pages = options.hashes?.pages ?? 0;
    const { spool } = options;
    this.#end = spool.offset > 0 ? { index: spool.index, offset: spool.offset } : { index: spool.index + 1, offset: 0 };
  }

  /** The end of the last transaction in the spool. */
  get end(): Place {
    return this.#end;
  }

  get hashes(): PageHashes | undefined {
    return this.#hashes;
  }

  get #largeFrames(): number {
    const pageSize = this.#reader.header?.pageSize ?? 4096;
    return Math.min(largeFrames, Math.floor(largeBytes / pageSize));
  }

  /** How long writers were held by seals. */
  get locked(): { readonly maxMs: number; readonly totalMs: number } {
    return this.#locked;
  }

  /** Something changed on disk: captures it soon. Never throws. */
  wake(): void {
    this.#settleMs = 1;
    this.#isWoken = true;
    if (!this.#isRunning && !this.#isClosed) void this.#pump();
  }

  /** Captures everything that is committed now, then calls `work` while nothing moves: between two transactions. */
  async catchUp<T>(work: (at: Place) => T): Promise<T> {
    return await this.#exclusively(async () => {
      await this.#catchUp();
      return work(this.#end);
    });
  }

  /**
   * Starts over from an image: what the WAL holds now is kept but not taken apart, since the image at the returned place
   * contains it. The page hashes there follow by {@link adoptHashes}; until then transactions wait for them.
   */
  async startFromImage(): Promise<Place> {
    await this.#exclusively(async () => {
      this.#isOverlap = true;
      await this.#advance();
      this.#isOverlap = false;
      this.#hashes = undefined;
    });
    return this.#end;
  }

  /** Takes over the page hashes at the place that {@link startFromImage} returned. */
  adoptHashes(hashes: PageHashes): void {
    this.#hashes = hashes;
    this.#pages = hashes.pages;
    const pending = this.#pending;
    this.#pending = [];
    for (const frame of pending) this.#apply(hashes, frame);
    if (pending.length > 0) this.#options.onCaptured();
  }

  /** Bytes of the database after the last captured transaction, in pages; 0 while unknown. */
  get pages(): number {
    return this.#pages;
  }

  // The sink: called by the reader, in WAL order.

  begin(_header: unknown, headerBytes: Uint8Array, isRolled: boolean): void {
    this.#options.spool.begin(headerBytes, isRolled);
  }

  /** What an image overlaps stays in one index: between two, its states would be told apart. */
  get canRoll(): boolean {
    return !this.#isOverlap;
  }

  append(bytes: Uint8Array, offset: number): void {
    this.#options.spool.append(bytes, offset);
  }

  frame(frame: {
    readonly page: number;
    readonly data: Uint8Array;
    readonly commitPages: number;
    readonly endOffset: number;
  }): void {
    const { page, data, commitPages, endOffset } = frame;
    const { index } = this.#options.spool;
    if (commitPages > 0) {
      this.#end = { index, offset: endOffset };
      this.#pages = commitPages;
    }
    if (this.#isOverlap) return;
    const hashed = { page, hash: hashPage(page, data), commitPages, endOffset, index, at: this.#options.now() };
    if (this.#hashes === undefined) {
      this.#pending.push(hashed);
    } else {
      this.#apply(this.#hashes, hashed);
    }
  }

  /** Stops capturing; waits for a running step. The connections are the owner's. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#lock;
    this.#reader[Symbol.dispose]();
  }

  #apply(hashes: PageHashes, frame: PendingFrame): void {
    hashes.set(frame.page, frame.hash);
    this.#written++;
    if (frame.commitPages === 0) return;
    hashes.resize(frame.commitPages);
    const commit: Commit = {
      index: frame.index,
      offset: frame.endOffset,
      at: frame.at,
      state: hashes.state,
      pages: frame.commitPages,
      written: this.#written,
      transactions: 1,
    };
    this.#options.commits.add(commit);
    this.#written = 0;
  }

  async #pump(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#isWoken && !this.#isClosed) {
        this.#isWoken = false;
        clearTimeout(this.#timer);
        // Under constant writing, read batches rather than single commits; and never keep others from their turn.
        const gapMs = this.#lastNewsAt === this.#lastCycleAt ? batchMs : 1;
        const wait = this.#lastCycleAt + gapMs - performance.now();
        if (wait > 0) await new Promise((go) => setTimeout(go, wait));
        await this.#exclusively(() => this.#cycle());
      }
      this.#scheduleSettle();
    } catch (error) {
      if (!this.#isClosed) this.#options.onFailed(error);
    } finally {
      this.#isRunning = false;
    }
  }

  async #cycle(): Promise<void> {
    if (this.#isClosed) return;
    const { connections } = this.#options;
    this.#lastCycleAt = performance.now();
    checkIdentity(connections);
    const isNew = await this.#catchUp();
    if (isNew) this.#lastNewsAt = this.#lastCycleAt;
    this.#newsInARow = isNew ? this.#newsInARow + 1 : 0;
    const { frames } = this.#counts;
    const isRestless = this.#newsInARow >= restlessLooks;
    if (frames >= this.#largeFrames * tooLargeTimes || (isRestless && frames >= this.#largeFrames)) {
      await this.#reclaim();
      return;
    }
    // Writers are at work: the pin stays where it is, which also spares them checkpoints that could not finish anyway.
    if (isNew) return;
    await this.#advance();
    await this.#checkpointWhenDue();
    if (this.#counts.frames === this.#counts.backfilled) await this.#settle();
  }

  async #checkpointWhenDue(): Promise<void> {
    const now = performance.now();
    const waiting = this.#counts.frames - this.#counts.backfilled;
    const isQuiet = now - this.#lastNewsAt >= idleBeforePassiveMs;
    const isDue = isQuiet || (waiting >= passiveFrames && now - this.#lastPassiveAt >= passiveEveryMs);
    if (waiting === 0 || !isDue) return;
    const { isBlocked, ...counts } = this.#options.connections.checkpoint();
    const isStill = isQuiet && isBlocked && counts.backfilled === this.#counts.backfilled;
    this.#blockedLooks = isStill ? this.#blockedLooks + 1 : 0;
    this.#counts = counts;
    this.#lastPassiveAt = now;
    if (this.#blockedLooks >= stuckAfterLooks) await this.#stepAside();
  }

  /** Everything is backfilled, whoever did it: the pin may rest where it hinders nobody. */
  async #settle(): Promise<void> {
    if (this.#rests >= restAfter) return;
    const before = this.#counts;
    const isNew = await this.#advance();
    const isSame = !isNew && this.#counts.frames === before.frames && this.#counts.backfilled === before.frames;
    this.#rests = isSame ? this.#rests + 1 : 0;
  }

  /** Writers never pause and the WAL is large: copies what can be copied, then seals. */
  async #reclaim(): Promise<void> {
    const { connections } = this.#options;
    if (connections.isReadingImage || performance.now() - this.#reclaimedAt < reclaimEveryMs) return;
    for (let i = 0; i < passivesBeforeSeal && this.#restFrames > smallRestFrames; i++) {
      await this.#advance();
      const { isBlocked, ...counts } = connections.checkpoint();
      this.#counts = counts;
      if (isBlocked) break;
      await nextTurn();
    }
    const isSealed = await this.#seal();
    if (isSealed && this.#counts.frames !== this.#counts.backfilled) this.#reclaimedAt = performance.now();
  }

  /** Holds writers while the small rest of the WAL is read and copied. False when a writer had the lock. */
  async #seal(): Promise<boolean> {
    const { connections } = this.#options;
    let startedAt = 0;
    const isLocked = await connections.whileLocked(async () => {
      startedAt = performance.now();
      if (this.#restFrames > sealRestFrames) return;
      await this.#advance();
      this.#counts = await this.#checkpointAlone(startedAt);
      if (this.#counts.frames === this.#counts.backfilled) await this.#advance();
    });
    if (!isLocked) return false;
    const ms = performance.now() - startedAt;
    this.#locked = { maxMs: Math.max(this.#locked.maxMs, ms), totalMs: this.#locked.totalMs + ms };
    return true;
  }

  /** Frames that lie in the WAL only. */
  get #restFrames(): number {
    const { frames, backfilled } = this.#options.connections.counts();
    return frames - backfilled;
  }

  /** A checkpoint that waits, for a moment, until a writer's own has ended. */
  async #checkpointAlone(lockedAt: number): Promise<WalCounts> {
    for (;;) {
      const { isBlocked, ...counts } = this.#options.connections.checkpoint();
      if (!isBlocked || performance.now() - lockedAt > sealWaitMs) return counts;
      await new Promise((go) => setTimeout(go, 1));
    }
  }

  /**
   * Somebody checkpoints and does not get on. SQLite looks at a reader's mark once and then waits for its slot; a pin that took
   * this very slot in between, at the newest frame, would be given the same slot at every advance, and the application would
   * wait out its busy timeout. So let go for a moment. Nobody commits while that checkpoint holds the write lock; whether it
   * stayed so is proved by the WAL, or else by comparing pages at the next opening.
   */
  async #stepAside(): Promise<void> {
    const { connections } = this.#options;
    this.#blockedLooks = 0;
    if (await this.#advance()) return;
    const before = connections.counts();
    const { isBlocked } = connections.checkpoint();
    if (!isBlocked || before.frames === before.backfilled) return;
    await connections.withoutPin(asideMs);
    const isProven = connections.counts().frames === before.frames && this.#reader.isCurrent();
    if (isProven) return;
    this.#isUnproven = true;
    throw new ContinuityUnproven();
  }

  /** Reads what is committed now, under the pin that is held. True when there was something. */
  async #catchUp(): Promise<boolean> {
    // Frames behind an unproven moment would look contiguous: better none.
    if (this.#isUnproven) throw new ContinuityUnproven();
    const { connections, onCaptured } = this.#options;
    const before = this.#end;
    const isWhole = await this.#reader.drain(() => connections.counts().frames, this);
    if (!isWhole) {
      throw new AppError('database-damaged', { path: connections.path, reason: 'its WAL changed unexpectedly' });
    }
    this.#counts = connections.counts();
    const isNew = this.#end.index !== before.index || this.#end.offset !== before.offset;
    if (isNew) {
      this.#rests = 0;
      onCaptured();
    }
    return isNew;
  }

  /** Moves the pin to the end of the WAL. True when there was something to read on the way. */
  async #advance(): Promise<boolean> {
    let isNew = false;
    await this.#options.connections.advance(async () => {
      isNew = await this.#catchUp();
    });
    return isNew;
  }

  /** Looks again at growing intervals until the pin rests; then only events wake. */
  #scheduleSettle(): void {
    if (this.#rests >= restAfter || this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#isWoken = true;
      if (!this.#isRunning && !this.#isClosed) void this.#pump();
    }, this.#settleMs);
    this.#settleMs = this.#blockedLooks > 0 ? blockedLookMs : Math.min(this.#settleMs * 2, longestSettleMs);
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lock.then(work);
    // @NOTE The next in line must run whether or not this one fails; the failure reaches this one's caller.
    this.#lock = turn.catch(() => {});
    return await turn;
  }
}

/** The file under the path is still the one that is open. */
function checkIdentity({ path, fd }: Connections): void {
  const there = fs.statSync(path, { throwIfNoEntry: false });
  if (there === undefined) throw new AppError('database-missing', { path });
  if (there.ino !== fs.fstatSync(fd).ino) throw new AppError('database-replaced', { path });
}
