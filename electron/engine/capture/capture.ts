// Captures one live database into its spool: every committed transaction, in order, whoever checkpoints or restarts the WAL.
// While somebody writes, pins make that lossless: take the new pin, drain, let the old pin go (connections.ts); once writers rest
// everything is let go, and nothing of ours is there until the next sign of life: the database is *dormant* (dormancy.ts). What was
// captured is captured.ts, when it is looked looking.ts; when the pin moves, how the WAL stays small and when to leave is
// wal-upkeep.ts; shipping is shipper.ts.
import fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { must } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Place } from '../../../shared/position.ts';
import { type MutableCounters, newCounters } from './counters.ts';
import type { FileNote } from '../spool/file-note.ts';
import type { WalCounts } from '../source/checkpointer.ts';
import type { Connections, Hold } from '../source/connections.ts';
import { type FileLook, IdentityGuard } from '../source/identity.ts';
import type { PageHashes } from '../source/page-hashes.ts';
import { type FrameSink, type WalEnd, WalReader } from '../source/wal-reader.ts';
import type { Told, Watch } from '../source/watch.ts';
import { Rhythm } from '../upkeep/rhythm.ts';
import type { SealTimes } from '../upkeep/seal.ts';
import { WalUpkeep } from '../upkeep/wal-upkeep.ts';
import { isSameIndex, isSettled, type Left } from './absence.ts';
import { Captured, type CapturedFrame } from './captured.ts';
import { Content } from './content.ts';
import { busyMs, Dormancy, lostWalEveryMs } from './dormancy.ts';
import { Imaging } from './imaging.ts';
import { isAlone, type Life, lookThrough } from './life.ts';
import { Looking } from './looking.ts';
import type { CaptureOptions, ContinuityUnproven, OpenedImage, Unseen } from './options.ts';
import { Signs } from './signs.ts';
import { mayExpectVisits } from './visits.ts';

/** A change of the file alone is looked at with the next commit, or after this time: checkpoints make many. */
const fileToldMs = 50;
/** SQLite checkpoints by itself from so many frames on. */
const autoCheckpointFrames = 1000;

export class Capture implements AsyncDisposable, FrameSink {
  readonly #options: CaptureOptions;
  readonly #counters: MutableCounters;
  readonly #captured: Captured;
  readonly #imaging: Imaging;
  readonly #content: Content;
  readonly #looking: Looking;
  readonly #dormancy: Dormancy;
  /** What the directory told. */
  readonly #signs: Signs;
  readonly #rhythm = new Rhythm();
  #life: Life | undefined;
  /** While it is being left: not closed yet. */
  #leaving: Life | undefined;
  #watch: Watch | undefined;
  #lock: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  #isBlind = false;
  /** Something was read since the last look. */
  #hasNews = false;
  #sealed: SealTimes = { count: 0, maxMs: 0, totalMs: 0 };
  #checkpointed = 0;

  constructor(options: CaptureOptions) {
    this.#options = options;
    const { path, start } = options;
    this.#counters = options.counters ?? newCounters();
    this.#signs = new Signs(path);
    const exclusively = async <T>(work: () => Promise<T>): Promise<T> => await this.#exclusively(work);
    const onFailed = (error: unknown): void => this.#fail(error);
    this.#captured = new Captured({ ...options, counters: this.#counters });
    this.#imaging = new Imaging({
      ...options,
      hold: () => this.#life?.connections.hold,
      isTouched: () => this.#signs.touched !== undefined,
      wake: () => this.#looking.look(),
    });
    this.#content = new Content({
      ...options,
      captured: this.#captured,
      imaging: this.#imaging,
      exclusively,
      isOver: (life) => this.#isClosed || this.#life !== life,
      catchUp: async (life) => await this.#drain(life),
      onFailed,
    });
    this.#dormancy = new Dormancy({
      ...options,
      signs: this.#signs,
      whyUnseen: () => this.#whyUnseen,
      onTouched: () => this.#imaging.spoil(),
      wake: () => this.#looking.look(),
    });
    this.#looking = new Looking({
      life: () => this.#life,
      nextLookMs: () => this.#dormancy.nextLookMs,
      isAnyImageOpen: () => this.#imaging.isAnyOpen,
      captured: () => this.#captured.count.captured,
      exclusively,
      cycle: async () => await this.#cycle(),
      leaveRest: (life) => this.#leaveRest(life),
      sighted: (changes) => this.#captured.sighted(changes),
      onUnread: () => options.onCommitted?.(),
      onSettled: () => this.#tellBlind(),
      onFailed,
    });
    if ('pins' in start) this.#life = this.#begin(start, options.end);
    else this.#dormancy.begin(start);
  }

  /** The end of the last transaction in the spool. */
  get end(): Place {
    return this.#captured.end;
  }

  get hashes(): PageHashes | undefined {
    return this.#captured.hashes;
  }

  /** Bytes of the database after the last captured transaction, in pages; 0 while unknown. */
  get pages(): number {
    return this.#captured.pages;
  }

  /** How long writers were held by seals. */
  get seals(): SealTimes {
    const { count, maxMs, totalMs } = this.#life?.upkeep.seals ?? { count: 0, maxMs: 0, totalMs: 0 };
    const before = this.#sealed;
    return {
      count: before.count + count,
      maxMs: Math.max(before.maxMs, maxMs),
      totalMs: before.totalMs + totalMs,
    };
  }

  /** Checkpoints that were made here. */
  get checkpoints(): number {
    return this.#checkpointed + (this.#life?.upkeep.checkpoints ?? 0);
  }

  /** What the WAL held at the last look. */
  get wal(): WalCounts {
    return this.#life?.upkeep.counts ?? { frames: 0, backfilled: 0 };
  }

  /** Nothing of ours is connected to the database. */
  get isDormant(): boolean {
    return this.#life === undefined;
  }

  /** Which file is captured; and how it looked when everything captured lay in it, while that is so. */
  get file(): FileNote {
    const left = this.#dormancy.absence?.left;
    if (left !== undefined) {
      const atRest = { size: left.size, modifiedAt: left.modifiedAt, ...this.#captured.place };
      return { ...left.identity, wal: undefined, atRest };
    }
    const { guard } = must(this.#life ?? this.#leaving, 'it is joined or left');
    return { ...guard.identity, wal: guard.wal, atRest: undefined };
  }

  /** From now on each change on disk is captured at once. */
  startWatching(): void {
    if (this.#watch === undefined) {
      this.#watch = this.#options.watcher.watch(this.#options.path, (told) => this.#hear(told));
      this.#signs.begin();
    }
    if (this.#dormancy.absence?.left.isHeld === true) this.#dormancy.setExclusive(true);
    this.#looking.look();
  }

  /** Something may have changed: captures it soon. Never throws. */
  wake(): void {
    this.#life?.upkeep.notice();
    this.#looking.look();
  }

  /** Captures what was committed and left unread. Never throws. */
  async catchUpUnread(): Promise<void> {
    if (this.#looking.isUnread) await this.#looking.lookNow();
  }

  /** Captures everything that is committed now, then calls `work` while nothing moves: between two transactions. */
  async catchUp<T>(work: (at: Place) => T): Promise<T> {
    return await this.#exclusively(async () => {
      await this.#catchUp();
      return work(this.end);
    });
  }

  /** Captures what is committed now; false where that is not known yet. Nobody waits for one who keeps the database for itself. */
  async isCurrent(): Promise<boolean> {
    return await this.#exclusively(async () => {
      await this.#catchUp();
      return !this.#captured.isComposing && (this.#life !== undefined || this.#dormancy.nextLookMs === undefined);
    });
  }

  /** Fails with `database-overwritten` where the file does not hold what was captured: asked before a checkpoint writes to it. */
  async proveContent(): Promise<void> {
    // The pin must not move meanwhile: an application's checkpoint could bring newer pages than are looked for.
    await this.#exclusively(async () => {
      if (this.#life !== undefined) await this.#content.beforeCheckpoint(this.#life);
    });
  }

  /** An image of everything that is committed now. */
  async openImage(pageSize: number): Promise<OpenedImage & { readonly state: bigint }> {
    for (;;) {
      await this.#captured.whenComposed();
      const opened = await this.#exclusively(async () => {
        using stay = this.#imaging.stay();
        await this.#catchUp();
        if (this.#imaging.isUnsteady && this.#life !== undefined) await this.#firm(this.#life);
        await this.#dormancy.absence?.untilTold();
        // What changed unseen in this moment is compared first.
        if (this.#captured.isComposing) return undefined;
        const { pages, state } = must(this.#captured.hashes, 'they are known, or compared');
        return { ...this.#openImage(pageSize, pages, stay.move()), state };
      });
      if (opened !== undefined) return opened;
    }
  }

  /**
   * Starts over from an image: what the WAL holds now is kept but not taken apart, since the image contains it (`filePages`:
   * its size where the WAL does not tell). The page hashes there follow by {@link adoptHashes}; until then transactions wait for them.
   */
  async startFromImage(pageSize: number, filePages: () => number): Promise<OpenedImage> {
    return await this.#exclusively(async () => {
      using stay = this.#imaging.stay();
      const life = this.#life;
      if (life !== undefined) await this.#captured.overlapping(async () => await this.#advance(life));
      this.#captured.awaitHashes();
      await this.#dormancy.absence?.untilTold();
      return this.#openImage(pageSize, this.pages > 0 ? this.pages : filePages(), stay.move());
    });
  }

  #openImage(pageSize: number, pages: number, stay: Disposable): OpenedImage {
    const at = this.#captured.place;
    return this.#imaging.open(pageSize, { at, pages, time: () => this.#captured.stamp(), stay });
  }

  /**
   * Takes over the page hashes at the place that {@link startFromImage} returned, and brings them to the captured end: most of it
   * while capturing goes on.
   */
  async adoptHashes(hashes: PageHashes): Promise<void> {
    const isMore = await this.#captured.adopt(hashes, async (work) => await this.#exclusively(work));
    if (isMore) this.#options.onCaptured();
  }

  /** What changed unseen could not be compared: nothing more is captured on top of it. */
  abandonUnseen(): void {
    this.#captured.abandon();
  }

  /** The pages are what they were before: as if nothing had happened. False where something was captured meanwhile. */
  async forgetUnseen({ before, index, image }: Unseen): Promise<boolean> {
    return await this.#exclusively(async () => {
      if (this.#life !== undefined || !this.#captured.undoComposing({ index, before })) return false;
      image[Symbol.dispose]();
      await Promise.resolve();
      return true;
    });
  }

  /** Something may have changed unseen: leaves an index free for what did, and starts over from an image. */
  async #goOnUnseen(why: ContinuityUnproven['why'], transactions?: number): Promise<void> {
    const { onUnseen } = this.#options;
    const captured: Captured = this.#captured;
    const before = captured.hashes;
    if (before === undefined || captured.isComposing || onUnseen === undefined) captured.giveUp(why);
    this.#imaging.spoil();
    const begun = captured.beginComposing();
    try {
      this.#life?.readAnew();
      using stay = this.#imaging.stay();
      if (this.#life === undefined && mayExpectVisits(this.#options)) await this.#joinAnew();
      const opened = await this.#openBase(before.pageSize, stay.move());
      if (onUnseen({ ...opened, ...begun, why, before, transactions })) return;
      opened.image[Symbol.dispose]();
    } catch (error) {
      // Who waits for the comparison must not wait for ever.
      captured.abandon();
      throw error;
    }
    captured.giveUp(why);
  }

  /**
   * An image behind which all is captured. Where nothing of the WAL was copied into the file yet, that is the file as it is, and each
   * transaction in the WAL follows; else it is what the WAL ends with.
   */
  async #openBase(pageSize: number, stay: Disposable): Promise<OpenedImage> {
    const life = this.#life;
    if (life === undefined) await this.#dormancy.absence?.untilTold();
    const filePages = Math.floor(fs.statSync(this.#options.path).size / pageSize);
    const isCopied = (): boolean => {
      const index = life?.connections.walIndex?.read();
      return index === undefined || index.backfilled > 0 || index.attempted > 0;
    };
    this.#captured.awaitHashes();
    if (life === undefined) return this.#openImage(pageSize, filePages, stay);
    if (!isCopied()) {
      const opened = this.#openImage(pageSize, filePages, stay);
      const { wals } = life;
      await this.#drain(life);
      // What was read was copied aside where a checkpoint may overwrite it from now on.
      if (!isCopied() && life.wals <= wals + 1) return opened;
      opened.image[Symbol.dispose]();
    }
    await this.#captured.overlapping(async () => await this.#advance(life));
    this.#captured.awaitHashes();
    return this.#openImage(pageSize, this.pages > 0 ? this.pages : filePages, this.#imaging.stay());
  }

  // The sink: called by the reader, in WAL order.

  /**
   * The pins permit no two restarts between two looks; SQLite's own count of transactions is the proof of it. Asked before
   * anything of the next WAL is kept: behind a hole it would look contiguous.
   */
  async restarted(): Promise<void> {
    const life = must(this.#life, 'its reader asks');
    const { count } = this.#captured;
    if (!life.isAnchored && life.goesOn) this.#captured.giveUp();
    if (count.captured === undefined) return;
    const unseen = await count.unseen(life);
    // Where a pin was held all the time, nothing can have been missed that could not be counted.
    if (unseen === 0 || (unseen === undefined && !count.isDoubtful)) return;
    this.#captured.giveUp();
  }

  begin(_header: unknown, headerBytes: Uint8Array, isRolled: boolean): void {
    this.#options.spool.begin(headerBytes, isRolled);
    if (isRolled) return;
    const life = this.#life;
    this.#imaging.walBegins(life?.reader.frames);
    this.#captured.count.begin();
    if (life !== undefined) {
      life.wals++;
      life.walPages.clear();
      life.guard.restarted(this.#captured.hashes);
    }
    this.#counters.walRestarts++;
  }

  /** What an image overlaps stays in one index: between two, its states would be told apart. */
  get canRoll(): boolean {
    return !this.#captured.isOverlap;
  }

  mended(frames: number): void {
    this.#counters.mendedFrames += frames;
  }

  append(bytes: Uint8Array, offset: number): void {
    this.#options.spool.append(bytes, offset);
    this.#counters.capturedBytes += bytes.length;
  }

  frame(frame: CapturedFrame): void {
    this.#counters.frames++;
    this.#life?.walPages.add(frame.page);
    this.#imaging.note(frame.page, frame.commitPages);
    this.#captured.add(frame);
  }

  /**
   * Captures what is committed now and lets go of the database as the application's own close would. True where everything
   * captured lies in its file then: {@link file} tells how that looks.
   */
  async letGo(): Promise<boolean> {
    return await this.#exclusively(async () => {
      this.#isClosed = true;
      this.#looking[Symbol.dispose]();
      this.#dormancy[Symbol.dispose]();
      if (this.#life === undefined) return this.#dormancy.absence?.look().kind === 'nobody';
      const life = this.#life;
      await this.#drain(life);
      if (await this.#leave(life)) return true;
      // Somebody reads or writes: it stays theirs.
      const { frames, backfilled } = life.connections.counts();
      const look = isAlone(life) ? await this.#lookAsClosed(life) : lookThrough(life);
      await this.#depart(life, look);
      return frames === backfilled && look !== undefined;
    });
  }

  /** Stops capturing; waits for a running step, and lets go of the database. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#watch?.[Symbol.dispose]();
    this.#looking[Symbol.dispose]();
    this.#dormancy[Symbol.dispose]();
    this.#captured.endComposing();
    await this.#life?.upkeep.close();
    await this.#lock;
    await this.#content.settle();
    const life = this.#life;
    if (life === undefined) return;
    try {
      // As the application's own close: what it would have removed goes, where nobody else is there.
      life.guard.checkPath();
      if (life.connections.isBeside !== false) life.connections.firm();
    } catch {
      // @NOTE The path leads elsewhere, or nobody may write there: then nothing is touched.
    }
    await this.#depart(life);
  }

  #begin(connections: Connections, end: WalEnd | undefined): Life {
    const { path, rollBytes, onHeld, onUncopied, batchMs, unreadMs, visits } = this.#options;
    const readFrom = (from: WalEnd | undefined): WalReader =>
      new WalReader(path, from, { rollBytes, pageOf: (frame) => connections.walIndex?.pageOf(frame) });
    const upkeep = new WalUpkeep({
      connections,
      pageSize: () => life.reader.header?.pageSize ?? 4096,
      catchUp: async () => await this.#drain(life),
      unread: () => Math.max(0, connections.counts().frames - life.reader.frames),
      advance: async () => await this.#advance(life),
      stepAside: async (ms) => await this.#stepAside(life, ms),
      exclusively: async (work) => await this.#exclusively(work),
      wake: () => this.#looking.look(),
      onFailed: (error) => this.#fail(error),
      proveContent: async () => await this.#content.beforeCheckpoint(life),
      afterCheckpoint: () => {
        life.guard.afterCheckpoint();
        life.traces = undefined;
      },
      onHeld: (isHeld) => onHeld?.(isHeld),
      onUncopied: (error) => onUncopied?.(error),
      onSteady: (isSteady) => (isSteady ? this.#watch?.pause() : this.#watch?.resume()),
      firm: async () => await this.#firm(life),
      ease: async () => await this.#ease(life),
      leave: async () => await this.#leave(life),
      mayLeave: () =>
        (!this.#imaging.isAnyOpen || connections.isShared === false) &&
        !connections.pins.isKeeping &&
        this.#content.isAtRest,
      stayMs: () => visits.stayMs(performance.now()),
      batchMs: () => batchMs?.() ?? 0,
      unreadMs: () => unreadMs?.() ?? 0,
      rhythm: this.#rhythm,
    });
    const life: Life = {
      connections,
      reader: readFrom(end),
      readAnew: () => {
        life.reader[Symbol.dispose]();
        life.reader = readFrom(undefined);
        this.#imaging.readFrom(0);
        life.goesOn = false;
        life.isAnchored = false;
        life.walPages.clear();
      },
      guard: new IdentityGuard(connections),
      upkeep,
      goesOn: end !== undefined,
      isAnchored: false,
      wals: 0,
      traces: undefined,
      walPages: new Set(),
      aloneSince: undefined,
    };
    this.#signs.forgetRenames();
    this.#imaging.readFrom(life.reader.frames);
    this.#captured.forgetSightings();
    return life;
  }

  // When something is told, and what a look does.

  #hear(told: Told): void {
    const { file, event } = told;
    const { visits } = this.#options;
    const now = performance.now();
    const sign = this.#signs.hear(told, now);
    if (sign?.kind === 'wal-went') visits.note(now, sign.lastedMs);
    else if (sign?.kind === 'touched') visits.forget();
    if (this.#life !== undefined && file === 'database' && event === 'change') {
      this.#looking.look(fileToldMs);
      return;
    }
    const isWritten = file === 'wal' && event === 'change';
    // What is told of a commit that was read already, or is about to be looked for by the clock, needs no look of its own.
    if (isWritten && (this.#looking.isGlancing || this.#life?.upkeep.isToldBefore === true)) return;
    if (this.#life === undefined && isWritten && !this.#signs.isWalThere) {
      try {
        this.#dormancy.absence?.walWritten();
      } catch {
        // @NOTE The look that follows says what is the matter with the path.
      }
    }
    this.wake();
  }

  async #cycle(): Promise<void> {
    if (this.#isClosed) return;
    if (this.#life === undefined) await this.#lookOutside();
    const life = this.#life;
    if (life === undefined) return;
    if (isAlone(life)) return await this.#goOnAlone(life);
    life.guard.checkPath();
    const { wals } = life;
    await this.#drain(life);
    const isNew = this.#hasNews;
    this.#hasNews = false;
    if (isNew) this.#options.visits.noteNews(performance.now());
    this.#content.look(life);
    await life.upkeep.look({ isNew, isRestart: life.wals !== wals });
  }

  #tellBlind(): void {
    const isBlind = this.#watch?.isBlind === true;
    if (isBlind !== this.#isBlind) this.#options.onBlind?.(isBlind);
    this.#isBlind = isBlind;
  }

  #fail(error: unknown): void {
    if (!this.#isClosed) this.#options.onFailed(error);
  }

  // Dormant: nothing of ours is there.

  /** Looks at the directory; joins whoever has the database open. Fails where it changed without having been seen. */
  async #lookOutside(): Promise<void> {
    const outlook = await this.#dormancy.look();
    switch (outlook.kind) {
      case 'nothing':
        return;
      case 'join':
        return await this.#join(outlook);
      case 'changed':
        // Out of WAL mode nothing is captured; the next opening says so.
        if (!outlook.isWal) this.#captured.giveUp('mode');
        return await this.#goOnUnseen(outlook.why);
    }
  }

  /** How it came that the file changed unseen. */
  get #whyUnseen(): ContinuityUnproven['why'] {
    if (this.#signs.touched !== undefined) return this.#signs.touched;
    return this.#watch === undefined || this.#watch.isBlind ? undefined : 'visit';
  }

  async #join({ hold, left }: { readonly hold: Hold; readonly left: Left }): Promise<void> {
    const connections = await this.#dormancy.connect(hold);
    if (connections === undefined) return;
    const { renames } = this.#signs;
    const life = this.#joined(connections);
    const { size, mtimeMs } = fs.fstatSync(connections.fd);
    const isUntouched = size === left.size && mtimeMs === left.modifiedAt;
    if (!isUntouched) this.#imaging.spoil();
    const index = connections.walIndex?.read();
    const isCopied = index !== undefined && index.frames > 0 && index.backfilled === index.frames;
    // Sooner than SQLite by itself: it checkpoints right behind its commits.
    if (isCopied && index.frames < autoCheckpointFrames) this.#rhythm.noteHousekeeping();
    const missed = await this.#countSince(life, left);
    // The file may have been copied into meanwhile, or written to by somebody else.
    if (missed === 0 && !isUntouched) this.#content.suspect();
    const isContinuous = missed === 0 || (isUntouched && (left.isSettled || (await this.#isFirstVisit(left, renames))));
    const why = this.#whyUnseen;
    this.#signs.forgetTouch();
    if (!isContinuous) await this.#goOnUnseen(why, missed);
  }

  #joined(connections: Connections): Life {
    const life = this.#begin(connections, undefined);
    this.#life = life;
    this.#dormancy.end();
    return life;
  }

  /** There before whoever comes next, where all is compared anyway. */
  async #joinAnew(): Promise<void> {
    try {
      this.#joined(await this.#options.connect('firm'));
    } catch (error) {
      // @NOTE Somebody keeps it for itself in this moment: it is compared as it lies there.
      if (!(error instanceof AppError)) throw error;
    }
  }

  /** Transactions since the database was left that cannot be read now; undefined where they cannot be counted. */
  async #countSince(life: Life, { index }: Left): Promise<number | undefined> {
    const { count } = this.#captured;
    const { walIndex } = life.connections;
    const salts = walIndex?.read()?.salts;
    count.assume(undefined);
    if (index === undefined || walIndex === undefined || salts === undefined) return undefined;
    if (!isSameIndex(index, { inode: walIndex.inode, salts })) return undefined;
    count.assume(index.changes);
    const missed = await count.unseen(life);
    if (missed === 0) return missed;
    if (missed !== undefined) this.#rhythm.noteHousekeeping();
    count.assume(undefined);
    return missed;
  }

  /** Nobody came and went in the moment in which it was left, before the one who is there now. */
  async #isFirstVisit({ index }: Left, renames: number): Promise<boolean> {
    // Who did is told of by now: once a WAL came, and this one.
    await nextTurn();
    await nextTurn();
    return this.#watch !== undefined && renames + this.#signs.renames <= 1 + (index === undefined ? 2 : 0);
  }

  /** Takes down how the database looks with everything captured in its file, and is not connected to it any more. */
  async #depart(life: Life, look: FileLook = lookThrough(life)): Promise<void> {
    const { connections, guard, upkeep, reader } = life;
    const [salt] = connections.walIndex?.read()?.salts ?? [];
    await upkeep.close();
    const { seals } = this;
    this.#checkpointed = this.checkpoints;
    this.#sealed = seals;
    this.#life = undefined;
    this.#leaving = life;
    this.#dormancy.setWalLost(false);
    this.#watch?.resume();
    // Before SQLite deletes the WAL: on Windows the next one with its name could not be made while somebody has it open.
    reader[Symbol.dispose]();
    try {
      await connections[Symbol.asyncDispose]();
    } finally {
      this.#imaging.closeLeftFiles();
      const { walIndex, isBeside } = connections;
      const changes = this.#captured.count.captured;
      const isShared = isBeside === true && walIndex !== undefined && changes !== undefined && salt !== undefined;
      this.#dormancy.begin({
        ...look,
        identity: guard.identity,
        trail: guard.trail,
        index: isShared ? { inode: walIndex.inode, changes, salt } : undefined,
        isSettled: isSettled(look, Date.now()),
      });
      this.#leaving = undefined;
    }
  }

  // Joined: pins are held.

  /**
   * The sidecars that are open here do not lie beside the database any more: the last application closed it, as it would have
   * without us; or somebody deleted them under one that goes on writing to them.
   */
  async #goOnAlone(life: Life): Promise<void> {
    const { connections } = life;
    await this.#drain(life);
    const { frames, backfilled } = connections.counts();
    if (connections.isShared ?? backfilled < frames) {
      // Its close is what brings it home: nothing of ours may be in its way.
      await connections.ease();
      life.aloneSince ??= performance.now();
      // Who closes deletes them first, and lets go of its locks then.
      const isLost = performance.now() - life.aloneSince >= lostWalEveryMs;
      if (isLost) this.#dormancy.setWalLost(true);
      this.#dormancy.nextLookMs = isLost ? lostWalEveryMs : busyMs;
      return;
    }
    const look = await this.#lookAsClosed(life);
    await this.#depart(life, look);
    if (backfilled < frames) this.#captured.giveUp('outside');
    this.#dormancy.nextLookMs = undefined;
    if (look === undefined) {
      const why = this.#whyUnseen;
      this.#signs.forgetTouch();
      await this.#goOnUnseen(why);
    }
    this.#dormancy.settleSoon();
    this.#looking.look();
  }

  /**
   * How the file looks where nobody wrote to it since the last application closed it, whose close deleted the WAL behind its last
   * write. Within the moment in which that happened only notices can tell; without them the first page does, which changes with
   * each transaction without a WAL. Undefined where somebody wrote, or may have.
   */
  async #lookAsClosed(life: Life): Promise<FileLook | undefined> {
    const look = lookThrough(life);
    const { deletedAt } = life.reader;
    if (deletedAt !== undefined && look.modifiedAt !== deletedAt) return look.modifiedAt < deletedAt ? look : undefined;
    const isTold = this.#watch?.isTelling === true;
    const isClosed = isTold ? await this.#signs.isClosedOnce() : this.#content.isFirstPageKnown(life);
    return isClosed ? look : undefined;
  }

  /** May checkpoint from now on. False where that cannot be had at the moment. */
  async #firm(life: Life): Promise<boolean> {
    const { connections } = life;
    if (isAlone(life)) return false;
    if (connections.hold === 'firm') return true;
    if (connections.pins.isKeeping) return false;
    life.guard.checkPath();
    try {
      const isLocked = this.#rhythm.isDense && (await connections.firmWhileLocked(async () => await this.#drain(life)));
      if (isAlone(life)) return false;
      if (!isLocked) connections.firm();
    } catch (error) {
      // Perhaps no pin is held now.
      this.#captured.distrust();
      throw error;
    }
    if (isAlone(life)) return false;
    await this.#provePinless(life);
    return true;
  }

  /** No pin was held for a moment: nothing was committed in it that cannot be read now. */
  async #provePinless(life: Life): Promise<void> {
    const { count } = this.#captured;
    const { changes } = life.connections.walIndex?.read() ?? {};
    if (changes !== undefined && changes === count.captured) return;
    life.guard.loosen();
    count.doubt();
    const missed = await count.unseen(life);
    if (missed !== 0) return await this.#goOnUnseen('visit', missed);
    // What was committed meanwhile may be copied into the file from now on.
    if (this.#imaging.isAnyOpen) await this.#drain(life);
  }

  /** Lets go of the lock on the file; for a moment no pin is held. */
  async #ease(life: Life): Promise<void> {
    if (life.connections.hold === 'light') return;
    await this.#drain(life);
    await life.connections.ease();
    await this.#provePinless(life);
  }

  /**
   * Everything captured goes into the file, the WAL is emptied, waiting for nobody, and all connections are closed. False where
   * somebody reads or writes at this moment: then it stays as it is.
   */
  async #leave(life: Life): Promise<boolean> {
    const { connections, guard, upkeep } = life;
    const { hashes, count } = this.#captured;
    // An image goes on reading the file alone; who wakes the database is joined before that one overwrites anything, as a rule.
    if (this.#imaging.isAnyOpen && connections.isShared !== false) return false;
    if (!(await this.#firm(life))) return false;
    if (!(await upkeep.empty())) return false;
    if (hashes !== undefined) this.#captured.prove(() => guard.rest(hashes));
    if (count.captured === undefined) await count.unseen(life);
    if (connections.counts().frames > 0) return false;
    await this.#depart(life);
    this.#dormancy.settleSoon();
    return true;
  }

  /**
   * Lets go of the pin while somebody else's checkpoint waits for it. Nobody commits while that checkpoint holds the write
   * lock; that it was so, or that everything committed meanwhile is still there to be read, is proved by counting. Without
   * proof the next opening compares pages.
   */
  async stepAside(ms: number): Promise<void> {
    await this.#stepAside(must(this.#life, 'a pin is held'), ms);
  }

  async #stepAside(life: Life, ms: number): Promise<void> {
    const { connections, reader } = life;
    await this.#drain(life);
    const { frames } = reader;
    try {
      await connections.pins.stepAside(ms);
    } catch (error) {
      // Perhaps no pin is held now.
      this.#captured.distrust();
      throw error;
    }
    const { frames: now } = connections.counts();
    if (now === frames && reader.isCurrent()) return;
    life.guard.loosen();
    if ((await this.#captured.count.unseen(life)) !== 0) this.#captured.giveUp();
    // What was committed meanwhile may be copied into the file from now on.
    if (this.#imaging.isAnyOpen) await this.#drain(life);
  }

  // Reading.

  async #catchUp(): Promise<void> {
    this.#captured.mustBeProven();
    if (this.#life === undefined) await this.#lookOutside();
    if (this.#life !== undefined) await this.#drain(this.#life);
  }

  /** Reads what is committed now, under the pin that is held. True when there was something. */
  async #drain(life: Life): Promise<boolean> {
    const captured: Captured = this.#captured;
    captured.mustBeProven();
    const { connections, reader, guard, upkeep } = life;
    if (!isAlone(life)) this.#content.check(life);
    const before = captured.place;
    const committed = (): number => {
      const header = connections.walIndex?.read();
      if (header !== undefined) captured.sighted(header.changes);
      return header?.frames ?? connections.counts().frames;
    };
    const isOutrun = !captured.isOverlap && upkeep.isOutrun;
    this.#looking.read();
    const draining = reader.drain(committed, this);
    let isWhole = await (isOutrun ? upkeep.slowing(draining) : draining);
    // Without the lock on the file, an application may end, or empty the WAL, between the count and the reading.
    if (!isWhole && connections.hold === 'light') isWhole = await reader.drain(committed, this);
    if (!life.isAnchored) this.#anchor(life, isWhole);
    if (!isWhole && connections.hold === 'light') captured.giveUp();
    if (!isWhole)
      throw new AppError('database-damaged', { path: this.#options.path, reason: 'its WAL changed unexpectedly' });
    const isNew = captured.place.index !== before.index || captured.place.offset !== before.offset;
    if (captured.count.captured === undefined) await captured.count.unseen(life);
    if (isNew) {
      this.#hasNews = true;
      guard.moved();
      this.#options.onCaptured();
    }
    await this.#imaging.save(life);
    return isNew;
  }

  /**
   * Read for the first time: the one restart that the pin permits may have come before, over frames that nobody has read.
   * That matters where they follow what was captured, and where they were being read; later restarts are counted.
   */
  #anchor(life: Life, isWhole: boolean): void {
    const { reader, goesOn } = life;
    const isReplaced = reader.header !== undefined && !reader.isCurrent();
    if (isReplaced && (!isWhole || goesOn)) this.#captured.giveUp();
    life.isAnchored = isWhole;
  }

  /** What lies behind the old pin may be copied into the file from now on, before it is read: looked at while it may not. */
  #leaveRest(life: Life): void {
    this.#content.check(life);
    life.guard.moved();
  }

  /** Moves the pin to the end of the WAL. True when there was something to read on the way. */
  async #advance(life: Life): Promise<boolean> {
    let isNew = false;
    const drain = async (): Promise<void> => {
      if (await this.#drain(life)) isNew = true;
    };
    const beforeEarly = this.#imaging.isAnyOpen ? undefined : () => this.#leaveRest(life);
    await life.connections.pins.advance(drain, beforeEarly);
    return isNew;
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lock.then(work);
    // @NOTE The next in line must run whether or not this one fails; the failure reaches this one's caller.
    this.#lock = turn.catch(() => {});
    return await turn;
  }
}
