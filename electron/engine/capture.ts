// Captures one live database into its spool: every committed transaction, in order, whoever checkpoints or restarts the WAL.
// The rule that makes it lossless is advance: take the new pin, drain, let the old pin go (connections.ts). When the pin
// moves and how the WAL stays small is wal-upkeep.ts; shipping is shipper.ts.
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { must } from '../../shared/assert.ts';
import { AppError } from '../../shared/errors.ts';
import type { Place } from '../../shared/position.ts';
import type { Commit, CommitLog } from './commits.ts';
import { type MutableCounters, newCounters } from './counters.ts';
import { hashPage } from './replica/state-hash.ts';
import type { SealTimes } from './seal.ts';
import type { WalCounts } from './source/checkpointer.ts';
import type { Connections } from './source/connections.ts';
import { IdentityGuard } from './source/identity.ts';
import { type LiveImage, LiveImages } from './source/live-image.ts';
import type { PageHashes } from './source/page-hashes.ts';
import { type FrameSink, type WalEnd, WalReader } from './source/wal-reader.ts';
import type { Watch, Watcher } from './source/watch.ts';
import type { Spool } from './spool.ts';
import { WalUpkeep } from './wal-upkeep.ts';

/** Connections that only writing needs are closed when nobody wrote for this long; at first at once: hundreds may start. */
const relaxAfterMs = 5000;
const firstRelaxAfterMs = 100;
/** The pin follows commits in turns of this length, */
const followMs = 0.15;
/** and at most for so long, or so many frames, before what it passed is read. */
const longestFollowMs = 10;
const mostUnread = 400;
/** Between two looks while nobody commits: much shorter than an application sleeps between two tries. */
const dozeMs = 0.1;

export interface CaptureOptions {
  readonly connections: Connections;
  readonly spool: Spool;
  readonly commits: CommitLog;
  readonly watcher: Watcher;
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
  /** The database came to rest: everything captured lies in its file. */
  readonly onRest?: () => void;
  /** Somebody deleted the WAL that is open. */
  readonly onWalLost?: () => void;
  /** A reader keeps the WAL from being emptied, or does not any more. */
  readonly onHeld?: (isHeld: boolean) => void;
  readonly counters?: MutableCounters;
  /** Capturing cannot go on; the owner closes and starts again. */
  readonly onFailed: (error: unknown) => void;
}

/** The history can go on only after pages were compared: the next opening does. */
export class ContinuityUnproven extends Error {
  override readonly name = 'ContinuityUnproven';
  constructor() {
    super('transactions may have been missed');
  }
}

/** An image at a place, that has to be described before it is read (session-image.ts). */
export interface OpenedImage {
  readonly image: LiveImage;
  readonly at: Place;
  readonly time: number;
}

interface HashedFrame {
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
  readonly #counters: MutableCounters;
  /** Asked whether the file is still the database that is open. */
  readonly guard: IdentityGuard;
  #hashes: PageHashes | undefined;
  /** While the page hashes are still being built: their place, and when each transaction behind it was captured. */
  #awaiting: { readonly from: Place; readonly times: number[] } | undefined;
  /** While true, frames are only kept: the image that is taken next contains them. */
  #isOverlap = false;
  #end: Place;
  #pages = 0;
  #written = 0;
  /** SQLite's count of transactions at the captured end. */
  #changes: number | undefined;
  /** How many WALs were begun. */
  #wals = 0;
  readonly #upkeep: WalUpkeep;
  readonly #images = new LiveImages();
  #watch: Watch | undefined;
  #lock: Promise<unknown> = Promise.resolve();
  /** Somebody committed since it was opened. */
  #hasNews = false;
  #isWoken = false;
  #isRunning = false;
  #isClosed = false;
  #isUnproven = false;
  /** What the WAL held when it was opened was read. */
  #isAnchored = false;
  #timer: NodeJS.Timeout | undefined;
  #lastCycleAt = 0;

  constructor(options: CaptureOptions) {
    this.#options = options;
    const { connections, spool } = options;
    this.#reader = new WalReader(connections.path, options.end, {
      rollBytes: options.rollBytes,
      pageOf: (frame) => connections.walIndex?.pageOf(frame),
    });
    this.guard = new IdentityGuard(connections);
    this.#counters = options.counters ?? newCounters();
    this.#hashes = options.hashes;
    this.#pages = options.hashes?.pages ?? 0;
    this.#end = spool.offset > 0 ? { index: spool.index, offset: spool.offset } : { index: spool.index + 1, offset: 0 };
    this.#upkeep = new WalUpkeep({
      connections,
      pageSize: () => this.#reader.header?.pageSize ?? 4096,
      catchUp: async () => await this.#catchUp(),
      unread: () => Math.max(0, connections.counts().frames - this.#reader.frames),
      advance: async () => await this.#advance(),
      stepAside: async (ms) => await this.stepAside(ms),
      exclusively: async (work) => await this.#exclusively(work),
      wake: () => this.wake(),
      onFailed: (error) => this.#fail(error),
      proveContent: async () => await this.#proveContent(),
      afterCheckpoint: () => this.guard.afterCheckpoint(),
      onRest: () => this.#rest(),
      onHeld: (isHeld) => this.#options.onHeld?.(isHeld),
      onSteady: (isSteady) => (isSteady ? this.#watch?.pause() : this.#watch?.resume()),
    });
  }

  /** The end of the last transaction in the spool. */
  get end(): Place {
    return this.#end;
  }

  get hashes(): PageHashes | undefined {
    return this.#hashes;
  }

  /** How long writers were held by seals. */
  get seals(): SealTimes {
    return this.#upkeep.seals;
  }

  /** Checkpoints that were made here. */
  get checkpoints(): number {
    return this.#upkeep.checkpoints;
  }

  /** What the WAL held at the last look. */
  get wal(): WalCounts {
    return this.#upkeep.counts;
  }

  /** From now on each change on disk is captured at once. */
  startWatching(): void {
    this.#watch ??= this.#options.watcher.watch(this.#options.connections.path, () => this.wake());
    this.#look();
  }

  /** Something changed on disk: captures it soon. Never throws. */
  wake(): void {
    this.#upkeep.notice();
    this.#look();
  }

  /** Captures everything that is committed now, then calls `work` while nothing moves: between two transactions. */
  async catchUp<T>(work: (at: Place) => T): Promise<T> {
    return await this.#exclusively(async () => {
      await this.#catchUp();
      return work(this.#end);
    });
  }

  /** An image of everything that is committed now. */
  async openImage(pageSize: number): Promise<OpenedImage & { readonly state: bigint }> {
    return await this.#exclusively(async () => {
      await this.#catchUp();
      return { ...this.#openImage(pageSize, this.#hashes?.pages ?? 0), state: this.#hashes?.state ?? 0n };
    });
  }

  /**
   * Starts over from an image: what the WAL holds now is kept but not taken apart, since the image contains it (`filePages`:
   * its size where the WAL does not tell). The page hashes there follow by {@link adoptHashes}; until then transactions wait for them.
   */
  async startFromImage(pageSize: number, filePages: () => number): Promise<OpenedImage> {
    return await this.#exclusively(async () => {
      this.#isOverlap = true;
      await this.#advance();
      this.#isOverlap = false;
      this.#hashes = undefined;
      this.#awaiting = { from: this.#end, times: [] };
      return this.#openImage(pageSize, this.#pages > 0 ? this.#pages : filePages());
    });
  }

  #openImage(pageSize: number, pages: number): OpenedImage {
    const { connections, spool, now } = this.#options;
    const at = this.#end;
    const hold = spool.hold(spool.filesOfWal(at.index)[0]?.index ?? at.index);
    const { path, fd } = connections;
    const onClose = (): void => hold[Symbol.dispose]();
    // By the clock of the capture: no transaction that follows may bear an earlier time.
    return { image: this.#images.open({ path, fd, pageSize, pages, folder: spool.folder, onClose }), at, time: now() };
  }

  /**
   * Takes over the page hashes at the place that {@link startFromImage} returned, and brings them to the captured end by
   * what the spool holds: most of it while capturing goes on.
   */
  async adoptHashes(hashes: PageHashes): Promise<void> {
    const { from, times } = must(this.#awaiting, 'an image was begun');
    const { spool } = this.#options;
    let place = from;
    let commits = 0;
    const catchUp = async (): Promise<void> => {
      const to = this.#end;
      for (let { index } = place; index <= to.index; index++) {
        const end = index === to.index ? to.offset : (spool.sizeOf(index) ?? 0);
        const start = index === place.index ? place.offset : 0;
        if (end <= start) continue;
        await spool.visitFrames(index, { from: start, to: end }, ({ page, data, commitPages, endOffset }) => {
          const at = commitPages > 0 ? (times[commits++] ?? this.#options.now()) : 0;
          this.#apply(hashes, { page, hash: hashPage(page, data), commitPages, endOffset, index, at });
        });
      }
      place = to;
    };
    await catchUp();
    await catchUp();
    await this.#exclusively(async () => {
      await catchUp();
      this.#hashes = hashes;
      this.#pages = hashes.pages;
      this.#awaiting = undefined;
    });
    if (commits > 0) this.#options.onCaptured();
  }

  /** A checkpoint may write to the file: fails with `database-overwritten` where somebody else did. */
  async proveContent(): Promise<void> {
    // The pin must not move meanwhile: an application's checkpoint could bring newer pages than are looked for.
    await this.#exclusively(async () => await this.#proveContent());
  }

  async #proveContent(): Promise<void> {
    const hashes = this.#hashes;
    if (hashes === undefined || !this.guard.isChanged) return;
    const { spool } = this.#options;
    const sample = this.guard.sample(hashes);
    let leastPages = Infinity;
    for (const { index, bytes } of spool.filesOfWal(spool.index)) {
      await spool.visitFrames(index, { from: 0, to: bytes }, ({ page, data, commitPages }) => {
        sample.get(page)?.add(hashPage(page, data));
        if (commitPages > 0) leastPages = Math.min(leastPages, commitPages);
      });
    }
    // A page that was cut off meanwhile and came back need not lie in the file yet.
    for (const [page, known] of sample) if (page > leastPages) known.add(0n);
    this.#prove((guard) => guard.beforeCheckpoint(sample, hashes.pageSize));
  }

  /** Bytes of the database after the last captured transaction, in pages; 0 while unknown. */
  get pages(): number {
    return this.#pages;
  }

  // The sink: called by the reader, in WAL order.

  /**
   * The pins permit no two restarts between two looks; SQLite's own count of transactions is the proof of it. Asked before
   * anything of the next WAL is kept: behind a hole it would look contiguous.
   */
  async restarted(): Promise<void> {
    if (!this.#isAnchored && this.#options.end !== undefined) this.#giveUpContinuity();
    if (this.#changes === undefined) return;
    const unseen = await this.#countUnseen();
    if (unseen === undefined || unseen === 0) return;
    this.#giveUpContinuity();
  }

  begin(_header: unknown, headerBytes: Uint8Array, isRolled: boolean): void {
    this.#options.spool.begin(headerBytes, isRolled);
    if (isRolled) return;
    this.#wals++;
    this.#options.connections.mayLoseWal = false;
    this.guard.restarted(this.#hashes);
    this.#counters.walRestarts++;
  }

  /** What an image overlaps stays in one index: between two, its states would be told apart. */
  get canRoll(): boolean {
    return !this.#isOverlap;
  }

  mended(frames: number): void {
    this.#counters.mendedFrames += frames;
    this.#options.connections.mayLoseWal = true;
  }

  append(bytes: Uint8Array, offset: number): void {
    this.#options.spool.append(bytes, offset);
    this.#counters.capturedBytes += bytes.length;
  }

  frame(frame: {
    readonly page: number;
    readonly data: Uint8Array;
    readonly commitPages: number;
    readonly endOffset: number;
  }): void {
    const { page, data, commitPages, endOffset } = frame;
    const { index } = this.#options.spool;
    this.#counters.frames++;
    this.#images.note(page, commitPages);
    if (commitPages > 0) {
      this.#counters.transactions++;
      this.#hasNews = true;
      this.#end = { index, offset: endOffset };
      if (this.#changes !== undefined) this.#changes = (this.#changes + 1) >>> 0;
      this.#pages = commitPages;
    }
    if (this.#isOverlap) return;
    const at = this.#options.now();
    if (this.#hashes === undefined) {
      // Taken apart once the hashes are there, from the spool.
      if (commitPages > 0) this.#awaiting?.times.push(at);
    } else {
      this.#apply(this.#hashes, { page, hash: hashPage(page, data), commitPages, endOffset, index, at });
    }
  }

  /** Stops capturing; waits for a running step. The connections are the owner's. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#watch?.[Symbol.dispose]();
    clearTimeout(this.#timer);
    await this.#upkeep.close();
    await this.#lock;
    this.#reader[Symbol.dispose]();
  }

  #apply(hashes: PageHashes, frame: HashedFrame): void {
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

  #look(): void {
    this.#isWoken = true;
    if (!this.#isRunning && !this.#isClosed) void this.#pump();
  }

  async #pump(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#isWoken && !this.#isClosed) {
        this.#isWoken = false;
        clearTimeout(this.#timer);
        const wait = this.#lastCycleAt + this.#upkeep.gapMs - performance.now();
        if (this.#upkeep.isPinAwaited) await this.#follow();
        else if (wait > 0) await delay(wait);
        await this.#exclusively(async () => await this.#cycle());
        if (this.#upkeep.isPinAwaited) this.#isWoken = true;
      }
      this.#scheduleLook();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isRunning = false;
    }
  }

  /**
   * An application that empties the WAL itself waits for the pin, and sleeps longer with each try. So the pin follows its
   * commits at once, without reading; what they left is read when they break off.
   */
  async #follow(): Promise<void> {
    const { connections } = this.#options;
    for (const endAt = performance.now() + longestFollowMs; performance.now() < endAt && !this.#isClosed;) {
      const isMoved = await this.#exclusively(
        // What an image needs is copied aside before the pin moves.
        async () => !this.#images.isAnyOpen && connections.pins.follow(followMs, () => this.#leaveRest()),
      );
      if (this.#isClosed || this.#images.isAnyOpen) return;
      const { changes, frames = 0, backfilled } = connections.walIndex?.read() ?? {};
      if (isMoved) {
        if (frames - this.#reader.frames > mostUnread) return;
      } else {
        // A checkpoint copies, or has copied, what was committed: the pin may rest.
        if (changes !== this.#changes || backfilled !== this.#upkeep.counts.backfilled) return;
        doze();
      }
      await nextTurn();
    }
  }

  async #cycle(): Promise<void> {
    if (this.#isClosed) return;
    this.#lastCycleAt = performance.now();
    this.guard.checkPath();
    if (this.guard.isWalLost) this.#options.onWalLost?.();
    const walsBefore = this.#wals;
    const isNew = await this.#catchUp();
    await this.#upkeep.look({ isNew, isRestart: this.#wals !== walsBefore });
  }

  /** Looks again without a notice, where that may bring something. */
  #scheduleLook(): void {
    const ms = this.#upkeep.nextLookMs;
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => (ms === undefined ? void this.#relax() : this.#look()),
      ms ?? (this.#hasNews ? relaxAfterMs : firstRelaxAfterMs),
    );
  }

  /** Nobody wrote for long: a pin is all that is needed. Then nothing ticks until the next notice. */
  async #relax(): Promise<void> {
    try {
      await this.#exclusively(async () => {
        if (this.#upkeep.isResting && !this.#isClosed && !this.#isWoken) await this.#options.connections.relax();
      });
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (!this.#isClosed) this.#options.onFailed(error);
  }

  /**
   * Lets go of the pin while somebody else's checkpoint waits for it. Nobody commits while that checkpoint holds the write
   * lock; that it was so, or that everything committed meanwhile is still there to be read, is proved by counting. Without
   * proof the next opening compares pages.
   */
  async stepAside(ms: number): Promise<void> {
    const { connections } = this.#options;
    await this.#catchUp();
    const { frames } = this.#reader;
    try {
      await connections.pins.stepAside(ms);
    } catch (error) {
      // Perhaps no pin is held now.
      this.#isUnproven = true;
      throw error;
    }
    const { frames: now } = connections.counts();
    if (now === frames && this.#reader.isCurrent()) return;
    // What was committed meanwhile may lie in the file already.
    if (now > 0) this.#images.spoil();
    if ((await this.#countUnseen()) !== 0) this.#giveUpContinuity();
  }

  #giveUpContinuity(): never {
    this.#isUnproven = true;
    throw new ContinuityUnproven();
  }

  /**
   * Transactions that SQLite counted, and that neither were captured nor can be read now: 0 proves that nothing was missed.
   * Undefined where it cannot be told: the count is not to be had, began anew, or was not known before.
   */
  async #countUnseen(): Promise<number | undefined> {
    for (let again = 0; again < 3; again++) {
      const now = this.#options.connections.walIndex?.read();
      if (now === undefined) return undefined;
      const ahead = now.frames === 0 ? 0 : await this.#reader.countAhead(now);
      if (ahead === undefined) continue;
      const captured = (now.changes - ahead) >>> 0;
      const unseen = this.#changes === undefined ? undefined : (captured - this.#changes) | 0;
      this.#changes = captured;
      return unseen !== undefined && unseen < 0 ? undefined : unseen;
    }
    return undefined;
  }

  /** Reads what is committed now, under the pin that is held. True when there was something. */
  async #catchUp(): Promise<boolean> {
    // Frames behind an unproven moment would look contiguous: better none.
    if (this.#isUnproven) throw new ContinuityUnproven();
    const { connections, onCaptured } = this.#options;
    this.#prove((guard) => guard.checkContent());
    const before = this.#end;
    const isOutrun = !this.#isOverlap && this.#upkeep.isOutrun;
    const draining = this.#reader.drain(() => connections.counts().frames, this);
    const isWhole = await (isOutrun ? this.#upkeep.slowing(draining) : draining);
    if (!this.#isAnchored) this.#anchor(isWhole);
    if (!isWhole) {
      throw new AppError('database-damaged', { path: connections.path, reason: 'its WAL changed unexpectedly' });
    }
    const isNew = this.#end.index !== before.index || this.#end.offset !== before.offset;
    if (this.#changes === undefined) await this.#countUnseen();
    if (isNew) {
      this.guard.moved();
      onCaptured();
    }
    if (!(await this.#images.save(() => connections.pins.keep()))) this.#look();
    return isNew;
  }

  /**
   * Read for the first time: the one restart that the pin permits may have come before, over frames that nobody has read.
   * That matters where they follow what was captured, and where they were being read; later restarts are counted.
   */
  #anchor(isWhole: boolean): void {
    const isReplaced = this.#reader.header !== undefined && !this.#reader.isCurrent();
    if (isReplaced && (!isWhole || this.#options.end !== undefined)) this.#giveUpContinuity();
    this.#isAnchored = isWhole;
  }

  #rest(): void {
    const hashes = this.#hashes;
    if (hashes !== undefined && this.#prove((guard) => guard.rest(hashes))) this.#options.onRest?.();
  }

  /** Asks whether the file still holds what was captured; where it does not, nothing more is captured on top of it. */
  #prove<T>(ask: (guard: IdentityGuard) => T): T {
    try {
      return ask(this.guard);
    } catch (error) {
      this.#isUnproven = true;
      throw error;
    }
  }

  /** What lies behind the old pin may be copied into the file from now on, before it is read: looked at while it may not. */
  #leaveRest(): void {
    this.#prove((guard) => guard.checkContent());
    this.guard.moved();
  }

  /** Moves the pin to the end of the WAL. True when there was something to read on the way. */
  async #advance(): Promise<boolean> {
    let isNew = false;
    const drain = async (): Promise<void> => {
      if (await this.#catchUp()) isNew = true;
    };
    const beforeEarly = this.#images.isAnyOpen ? undefined : () => this.#leaveRest();
    await this.#options.connections.pins.advance(drain, beforeEarly);
    return isNew;
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lock.then(work);
    // @NOTE The next in line must run whether or not this one fails; the failure reaches this one's caller.
    this.#lock = turn.catch(() => {});
    return await turn;
  }
}

const dozing = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps for less than a timer can. */
function doze(): void {
  Atomics.wait(dozing, 0, 0, dozeMs);
}
