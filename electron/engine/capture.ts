// Captures one live database into its spool: every committed transaction, in order, whoever checkpoints or restarts the WAL.
// While somebody writes, pins make that lossless: take the new pin, drain, let the old pin go (connections.ts); once writers rest
// everything is let go, and nothing of ours is there until the next sign of life: the database is *dormant* (absence.ts). When
// the pin moves, how the WAL stays small and when to leave is wal-upkeep.ts; shipping is shipper.ts.
import fs from 'node:fs';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { must } from '../../shared/assert.ts';
import { AppError } from '../../shared/errors.ts';
import type { Place } from '../../shared/position.ts';
import { Absence, isSameIndex, isSettled, type Left } from './absence.ts';
import { AwaitedFrames, type HashedFrame } from './awaited-frames.ts';
import type { CommitLog } from './commits.ts';
import { type MutableCounters, newCounters } from './counters.ts';
import type { FileNote } from './file-note.ts';
import { hashPage } from './replica/state-hash.ts';
import { Rhythm } from './upkeep/rhythm.ts';
import type { SealTimes } from './upkeep/seal.ts';
import type { WalCounts } from './source/checkpointer.ts';
import type { Connections, Hold } from './source/connections.ts';
import { type FileLook, IdentityGuard } from './source/identity.ts';
import { type LiveImage, LiveImages } from './source/live-image.ts';
import type { PageHashes } from './source/page-hashes.ts';
import { type FrameSink, readFully, type WalEnd, WalReader } from './source/wal-reader.ts';
import type { Told, Watch, Watcher } from './source/watch.ts';
import { Repeats } from './repeats.ts';
import { Sightings } from './sightings.ts';
import { Signs } from './signs.ts';
import type { Spool } from './spool.ts';
import { explainChange, findSuspects, isAsCaptured, Leisure, type Traces } from './verify.ts';
import { mayExpectVisits, type Visits } from './visits.ts';
import { WalUpkeep } from './upkeep/wal-upkeep.ts';
import type { Leeway } from './upkeep/writing.ts';

/** The pin follows commits in turns of this length, */
const followMs = 0.15;
/** and at most for so long, or so many frames, before what it passed is read. */
const longestFollowMs = 10;
const mostUnread = 400;
/** Between two looks while nobody commits: much shorter than an application sleeps between two tries. */
const dozeMs = 0.1;
/** What the directory tells of the moment in which a database was left comes within this time. */
const settleMs = 60;
/** A deleted WAL is read on through its descriptor, of which no directory tells. */
const lostWalEveryMs = 250;
/** A change of the file alone is looked at with the next commit, or after this time: checkpoints make many. */
const fileToldMs = 50;
/** A database that is locked is tried again after this time, twice as long each time; from the second one on it counts as held. */
const busyMs = 20;
/** SQLite checkpoints by itself from so many frames on. */
const autoCheckpointFrames = 1000;
const heldAfterMs = 200;
const longestBusyMs = 2000;

export interface CaptureOptions {
  readonly path: string;
  /** Joins those who have the database open. */
  readonly connect: (hold: Hold) => Promise<Connections>;
  /** The connections that there are already; or how the database looked with nobody there. */
  readonly start: Connections | Left;
  readonly spool: Spool;
  readonly commits: CommitLog;
  readonly watcher: Watcher;
  /** Who comes and goes; kept from session to session. */
  readonly visits: Visits;
  /** Instants that never decrease. */
  readonly now: () => number;
  /** The page hashes at the spool's end; undefined where they have to be built first. */
  readonly hashes: PageHashes | undefined;
  /** Where reading goes on; undefined to start at the beginning of whatever WAL there is. */
  readonly end: WalEnd | undefined;
  /** A WAL that is longer goes on as the next index. */
  readonly rollBytes?: number | undefined;
  /** Commits are seen in batches this far apart at most, where somebody commits all the time, */
  readonly batchMs?: () => number;
  /** and read so much later at most: {@link Capture.catchUpUnread} reads them before. */
  readonly unreadMs?: () => number;
  /** Something was committed that is read later. */
  readonly onCommitted?: () => void;
  /** New transactions are in the spool. */
  readonly onCaptured: () => void;
  /** Everything captured lies in the database's file, as {@link Capture.file} tells it, and nothing of ours is there any more. */
  readonly onLeft?: () => void;
  /** Somebody deleted the WAL that is open; or that is over. */
  readonly onWalLost?: (isLost: boolean) => void;
  /** A reader keeps the WAL from being emptied, or does not any more. */
  readonly onHeld?: (isHeld: boolean) => void;
  /** Why nothing can be copied from the WAL into the file; undefined: it can again. */
  readonly onUncopied?: (error: AppError | undefined) => void;
  /** The system tells nothing of changes in the database's folder, or does again. */
  readonly onBlind?: (isBlind: boolean) => void;
  /** Somebody keeps the database for itself, or does not any more. */
  readonly onExclusive?: (isExclusive: boolean) => void;
  readonly counters?: MutableCounters;
  /**
   * The database changed unseen: its pages have to be compared, by {@link Capture.adoptHashes} in the end. False where that cannot
   * be done beside the capturing; then it fails with {@link ContinuityUnproven}.
   */
  readonly onUnseen?: (unseen: Unseen) => boolean;
  /** Capturing cannot go on; the owner closes and starts again. */
  readonly onFailed: (error: unknown) => void;
}

/** The history can go on only after pages were compared: the next opening does. */
export class ContinuityUnproven extends Error {
  override readonly name = 'ContinuityUnproven';
  /** What happened, where that is known. */
  readonly why: 'visit' | 'exclusive' | 'outside' | 'mode' | undefined;
  constructor(why?: ContinuityUnproven['why']) {
    super('transactions may have been missed');
    this.why = why;
  }
}

/** What changed unseen lies between page hashes and an image; an index is left free for it. */
export interface Unseen extends OpenedImage {
  readonly why: ContinuityUnproven['why'];
  /** The page hashes before. */
  readonly before: PageHashes;
  readonly index: number;
  /** When the last of it was captured before. */
  readonly since: number;
  /** How many transactions it was; undefined where they cannot be counted. */
  readonly transactions: number | undefined;
}

/** An image at a place, that has to be described before it is read (session-image.ts). */
export interface OpenedImage {
  readonly image: LiveImage;
  readonly at: Place;
  readonly time: number;
}

/** What there is while a database is joined. */
interface Life {
  readonly connections: Connections;
  reader: WalReader;
  /** From the beginning of the WAL. */
  readonly readAnew: () => void;
  /** Asked whether the file is still the database that is open. */
  readonly guard: IdentityGuard;
  readonly upkeep: WalUpkeep;
  /** Reading goes on behind what was captured before. */
  goesOn: boolean;
  /** What the WAL held when it was joined was read. */
  isAnchored: boolean;
  /** How the file and the WAL looked at the last look. */
  traces: Traces | undefined;
  /** Pages of the present WAL. */
  readonly walPages: Set<number>;
  /** Since when its sidecars do not lie beside the database any more while somebody has them open. */
  aloneSince: number | undefined;
}

export class Capture implements AsyncDisposable, FrameSink {
  readonly #options: CaptureOptions;
  readonly #counters: MutableCounters;
  #life: Life | undefined;
  /** While it is being left: not closed yet. */
  #leaving: Life | undefined;
  /** While nobody is joined. */
  #absence: Absence | undefined;
  #hashes: PageHashes | undefined;
  /** While the page hashes are still being built: their place, and when each transaction behind it was captured. */
  #awaiting: AwaitedFrames | undefined;
  /** While true, frames are only kept: the image that is taken next contains them. */
  #isOverlap = false;
  #end: Place;
  /** While what changed unseen is being compared: the end before it, and what waits for the end of it. */
  #composing: { readonly end: Place; readonly done: PromiseWithResolvers<void> } | undefined;
  #lastAt = 0;
  #pages = 0;
  #written = 0;
  /** SQLite's count of transactions at the captured end. */
  #changes: number | undefined;
  /** How many WALs were begun. */
  #wals = 0;
  readonly #images = new LiveImages();
  /** Up to this frame of the present WAL, what images that are open need of the pages before was copied aside. */
  #saved = 0;
  readonly #repeats = new Repeats();
  /** Descriptors of images that ended while closing them would have let go of locks. */
  #leftFiles: number[] = [];
  #watch: Watch | undefined;
  #lock: Promise<unknown> = Promise.resolve();
  #isWoken = false;
  #isRunning = false;
  #isClosed = false;
  #isUnproven = false;
  #timer: NodeJS.Timeout | undefined;
  #settling: NodeJS.Timeout | undefined;
  #lastCycleAt = 0;
  /** Until the next look from outside; undefined when only a notice can bring news. */
  #nextLookMs: number | undefined;
  #busyForMs = 0;
  #isExclusive = false;
  #isBlind = false;
  #isWalLost = false;
  /** What the directory told. */
  readonly #signs: Signs;
  /** When transactions were committed that are read later; and whether there are any. */
  readonly #sightings = new Sightings();
  #isUnread = false;
  /** For how long what is committed may stay unread. */
  #leeway: (Leeway & { readonly endsAt: number; restsAt: number }) | undefined;
  /** It is about to be looked by the clock, and notices of commits tell nothing new. */
  #isGlancing = false;
  /** Something was read since the last look. */
  #hasNews = false;
  /** No transaction that follows may bear an earlier time. */
  #notBefore = 0;
  /** How many transactions were not seen, where they could be counted. */
  #missed: number | undefined;
  /** There was a moment without a pin since transactions were counted last. */
  #isDoubtful = false;
  readonly #rhythm = new Rhythm();
  readonly #leisure = new Leisure();
  #verifying: Promise<void> | undefined;
  /** The file is to be looked through. */
  #isSuspicious = false;
  #sealed: SealTimes = { count: 0, maxMs: 0, totalMs: 0 };
  #checkpointed = 0;

  constructor(options: CaptureOptions) {
    this.#options = options;
    const { start, spool } = options;
    this.#counters = options.counters ?? newCounters();
    this.#hashes = options.hashes;
    this.#pages = options.hashes?.pages ?? 0;
    this.#end = spool.end;
    this.#signs = new Signs(options.path);
    if ('pins' in start) this.#life = this.#begin(start, options.end);
    else this.#absence = new Absence(options.path, start);
  }

  /** The end of the last transaction in the spool. */
  get end(): Place {
    return this.#composing?.end ?? this.#end;
  }

  get hashes(): PageHashes | undefined {
    return this.#hashes;
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
    const left = this.#absence?.left;
    if (left !== undefined) {
      const atRest = { size: left.size, modifiedAt: left.modifiedAt, ...this.#end };
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
    if (this.#absence?.left.isHeld === true) this.#setExclusive(true);
    this.#look();
  }

  /** Something may have changed: captures it soon. Never throws. */
  wake(): void {
    this.#life?.upkeep.notice();
    this.#look();
  }

  /** Captures what was committed and left unread. Never throws. */
  async catchUpUnread(): Promise<void> {
    if (!this.#isUnread) return;
    try {
      await this.#exclusively(async () => await this.#cycle());
      if (!this.#isRunning) this.#scheduleLook();
    } catch (error) {
      this.#fail(error);
    }
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
      return this.#composing === undefined && (this.#life !== undefined || this.#nextLookMs === undefined);
    });
  }

  /** An image of everything that is committed now. */
  async openImage(pageSize: number): Promise<OpenedImage & { readonly state: bigint }> {
    for (;;) {
      await this.#composing?.done.promise;
      const opened = await this.#exclusively(async () => {
        using stay = this.#stayForImage();
        await this.#catchUp();
        if (this.#isUnsteady && this.#life !== undefined) await this.#firm(this.#life);
        await this.#absence?.untilTold();
        // What changed unseen in this moment is compared first.
        if (this.#composing !== undefined) return undefined;
        const { pages, state } = must(this.#hashes, 'they are known, or compared');
        return { ...this.#openImage(pageSize, pages, stay.move()), state };
      });
      if (opened !== undefined) return opened;
    }
  }

  get #isUnsteady(): boolean {
    return this.#options.visits.isUnsteady(performance.now());
  }

  /** Where an image was spoiled before, pins stay for the next one, and nobody who comes and goes overtakes it. */
  #stayForImage(): DisposableStack {
    const stack = new DisposableStack();
    if (this.#isUnsteady) {
      stack.use(this.#options.visits.stay(performance.now()));
      stack.defer(() => this.#look());
    }
    return stack;
  }

  /** Nobody can read the images that are open any more. */
  #spoil(): void {
    if (!this.#images.isAnyOpen) return;
    this.#images.spoil();
    if (this.#signs.touched === undefined) this.#options.visits.noteSpoiled(performance.now());
  }

  /**
   * Starts over from an image: what the WAL holds now is kept but not taken apart, since the image contains it (`filePages`:
   * its size where the WAL does not tell). The page hashes there follow by {@link adoptHashes}; until then transactions wait for them.
   */
  async startFromImage(pageSize: number, filePages: () => number): Promise<OpenedImage> {
    return await this.#exclusively(async () => {
      using stay = this.#stayForImage();
      this.#isOverlap = true;
      if (this.#life !== undefined) await this.#advance(this.#life);
      this.#isOverlap = false;
      this.#hashes = undefined;
      this.#awaiting = new AwaitedFrames();
      await this.#absence?.untilTold();
      return this.#openImage(pageSize, this.#pages > 0 ? this.#pages : filePages(), stay.move());
    });
  }

  #openImage(pageSize: number, pages: number, stay?: Disposable): OpenedImage {
    const { path, spool, now } = this.#options;
    const at = this.#end;
    const fd = fs.openSync(path, 'r');
    const hold = spool.hold(spool.filesOfWal(at.index)[0]?.index ?? at.index);
    const onClose = (): void => {
      hold[Symbol.dispose]();
      this.#closeFile(fd);
      stay?.[Symbol.dispose]();
    };
    const image = this.#images.open({ path, fd, pageSize, pages, folder: spool.folder, onClose });
    // By the clock of the capture: no transaction that follows may bear an earlier time.
    this.#notBefore = now();
    return { image, at, time: this.#notBefore };
  }

  /** Closing any descriptor of the database lets go of the lock on it, which is wanted as long as something of ours may write. */
  #closeFile(fd: number): void {
    if (this.#life?.connections.hold === 'firm') this.#leftFiles.push(fd);
    else fs.closeSync(fd);
  }

  /**
   * Takes over the page hashes at the place that {@link startFromImage} returned, and brings them to the captured end: most of it
   * while capturing goes on.
   */
  async adoptHashes(hashes: PageHashes): Promise<void> {
    const awaited = must(this.#awaiting, 'an image was begun');
    let commits = 0;
    const apply = (frame: HashedFrame): void => {
      if (frame.end !== undefined) commits++;
      this.#apply(hashes, frame);
    };
    await awaited.take(apply);
    await this.#exclusively(async () => {
      await awaited.take(apply);
      this.#hashes = hashes;
      this.#pages = hashes.pages;
      this.#awaiting = undefined;
      this.#endComposing();
    });
    if (commits > 0) this.#options.onCaptured();
  }

  #endComposing(): void {
    this.#composing?.done.resolve();
    this.#composing = undefined;
  }

  /** What changed unseen could not be compared: nothing more is captured on top of it. */
  abandonUnseen(): void {
    this.#isUnproven = true;
    this.#endComposing();
  }

  /** The pages are what they were before: as if nothing had happened. False where something was captured meanwhile. */
  async forgetUnseen({ before, index, image }: Unseen): Promise<boolean> {
    return await this.#exclusively(async () => {
      const { end } = this.#composing ?? {};
      if (this.#life !== undefined || end === undefined || !this.#options.spool.giveBack(index)) return false;
      image[Symbol.dispose]();
      this.#end = end;
      this.#hashes = before;
      this.#pages = before.pages;
      this.#awaiting = undefined;
      this.#endComposing();
      await Promise.resolve();
      return true;
    });
  }

  /** Something may have changed unseen: leaves an index free for what did, and starts over from an image. */
  async #goOnUnseen(why: ContinuityUnproven['why']): Promise<void> {
    const { spool, onUnseen } = this.#options;
    const before = this.#hashes;
    if (before === undefined || this.#composing !== undefined || onUnseen === undefined) this.#giveUpContinuity(why);
    this.#spoil();
    const since = this.#lastAt;
    const end = this.#end;
    const index = spool.reserve();
    this.#end = { index: index + 1, offset: 0 };
    this.#composing = { end, done: Promise.withResolvers<void>() };
    this.#changes = undefined;
    this.#pages = 0;
    this.#hashes = undefined;
    this.#isDoubtful = false;
    const transactions = this.#missed;
    this.#missed = undefined;
    try {
      this.#life?.readAnew();
      using stay = this.#stayForImage();
      if (this.#life === undefined && mayExpectVisits(this.#options)) await this.#joinAnew();
      const opened = await this.#openBase(before.pageSize, stay.move());
      if (onUnseen({ ...opened, why, before, index, since, transactions })) return;
      opened.image[Symbol.dispose]();
    } catch (error) {
      // Who waits for the comparison must not wait for ever.
      this.abandonUnseen();
      throw error;
    }
    this.#giveUpContinuity(why);
  }

  /**
   * An image behind which all is captured. Where nothing of the WAL was copied into the file yet, that is the file as it is, and each
   * transaction in the WAL follows; else it is what the WAL ends with.
   */
  async #openBase(pageSize: number, stay: Disposable): Promise<OpenedImage> {
    const life = this.#life;
    if (life === undefined) await this.#absence?.untilTold();
    const filePages = Math.floor(fs.statSync(this.#options.path).size / pageSize);
    const isCopied = (): boolean => {
      const index = life?.connections.walIndex?.read();
      return index === undefined || index.backfilled > 0 || index.attempted > 0;
    };
    this.#awaiting = new AwaitedFrames();
    if (life === undefined) return this.#openImage(pageSize, filePages, stay);
    if (!isCopied()) {
      const opened = this.#openImage(pageSize, filePages, stay);
      const wals = this.#wals;
      await this.#drain(life);
      // What was read was copied aside where a checkpoint may overwrite it from now on.
      if (!isCopied() && this.#wals <= wals + 1) return opened;
      opened.image[Symbol.dispose]();
    }
    this.#isOverlap = true;
    await this.#advance(life);
    this.#isOverlap = false;
    this.#awaiting = new AwaitedFrames();
    return this.#openImage(pageSize, this.#pages > 0 ? this.#pages : filePages, this.#stayForImage());
  }

  /** A checkpoint may write to the file: fails with `database-overwritten` where somebody else did. */
  async proveContent(): Promise<void> {
    // The pin must not move meanwhile: an application's checkpoint could bring newer pages than are looked for.
    await this.#exclusively(async () => {
      if (this.#life !== undefined) await this.#proveContent(this.#life);
    });
  }

  async #proveContent({ guard }: Life): Promise<void> {
    const hashes = this.#hashes;
    if (hashes === undefined || !guard.isChanged) return;
    const { spool } = this.#options;
    const sample = guard.sample(hashes);
    let leastPages = Infinity;
    for (const { index, bytes } of spool.filesOfWal(spool.index)) {
      await spool.visitFrames(index, { from: 0, to: bytes }, ({ page, data, commitPages }) => {
        sample.get(page)?.add(hashPage(page, data));
        if (commitPages > 0) leastPages = Math.min(leastPages, commitPages);
      });
    }
    // A page that was cut off meanwhile and came back need not lie in the file yet.
    for (const [page, known] of sample) if (page > leastPages) known.add(0n);
    this.#prove(() => guard.beforeCheckpoint(sample, hashes.pageSize));
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
    const life = must(this.#life, 'its reader asks');
    if (!life.isAnchored && life.goesOn) this.#giveUpContinuity();
    if (this.#changes === undefined) return;
    const unseen = await this.#countUnseen(life);
    // Where a pin was held all the time, nothing can have been missed that could not be counted.
    if (unseen === 0 || (unseen === undefined && !this.#isDoubtful)) return;
    this.#giveUpContinuity();
  }

  begin(_header: unknown, headerBytes: Uint8Array, isRolled: boolean): void {
    this.#options.spool.begin(headerBytes, isRolled);
    if (isRolled) return;
    // What was committed to the former one, and not seen here, may lie in the file by now.
    if (this.#saved !== this.#life?.reader.frames) this.#spoil();
    this.#saved = 0;
    this.#wals++;
    this.#repeats.begin();
    this.#life?.walPages.clear();
    this.#life?.guard.restarted(this.#hashes);
    this.#counters.walRestarts++;
  }

  /** What an image overlaps stays in one index: between two, its states would be told apart. */
  get canRoll(): boolean {
    return !this.#isOverlap;
  }

  mended(frames: number): void {
    this.#counters.mendedFrames += frames;
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
    this.#life?.walPages.add(page);
    this.#images.note(page, commitPages);
    const hash = commitPages > 0 || !this.#isOverlap ? hashPage(page, data) : 0n;
    const isRepeat = this.#repeats.see({ page, commitPages, hash });
    if (commitPages > 0) {
      if (!isRepeat) this.#counters.transactions++;
      this.#end = { index, offset: endOffset };
      if (this.#changes !== undefined) this.#changes = (this.#changes + 1) >>> 0;
      this.#pages = commitPages;
    }
    if (this.#isOverlap) return;
    const seenAt = this.#changes === undefined ? undefined : this.#sightings.timeOf(this.#changes);
    const at = Math.max(this.#notBefore, seenAt ?? this.#options.now());
    this.#notBefore = at;
    this.#lastAt = at;
    const end = commitPages > 0 ? { index, offset: endOffset, at, pages: commitPages, isRepeat } : undefined;
    const hashed = { page, hash, end };
    if (this.#hashes === undefined) this.#awaiting?.add(hashed);
    else this.#apply(this.#hashes, hashed);
  }

  /**
   * Captures what is committed now and lets go of the database as the application's own close would. True where everything
   * captured lies in its file then: {@link file} tells how that looks.
   */
  async letGo(): Promise<boolean> {
    return await this.#exclusively(async () => {
      this.#isClosed = true;
      if (this.#life === undefined) return this.#absence?.look().kind === 'nobody';
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
    clearTimeout(this.#timer);
    clearTimeout(this.#settling);
    this.#endComposing();
    await this.#life?.upkeep.close();
    await this.#lock;
    await this.#verifying;
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
      wake: () => this.#look(),
      onFailed: (error) => this.#fail(error),
      proveContent: async () => await this.#proveContent(life),
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
        (!this.#images.isAnyOpen || connections.isShared === false) &&
        !connections.pins.isKeeping &&
        !(this.#isSuspicious && this.#leisure.isDue(performance.now())) &&
        this.#verifying === undefined,
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
        this.#saved = 0;
        life.goesOn = false;
        life.isAnchored = false;
        life.walPages.clear();
      },
      guard: new IdentityGuard(connections),
      upkeep,
      goesOn: end !== undefined,
      isAnchored: false,
      traces: undefined,
      walPages: new Set(),
      aloneSince: undefined,
    };
    this.#signs.forgetRenames();
    this.#saved = life.reader.frames;
    this.#sightings.forget();
    return life;
  }

  #apply(hashes: PageHashes, { page, hash, end }: HashedFrame): void {
    hashes.set(page, hash);
    this.#written++;
    if (end === undefined) return;
    hashes.resize(end.pages);
    const { isRepeat, ...place } = end;
    const commit = { ...place, state: hashes.state, written: this.#written, transactions: 1 };
    this.#written = 0;
    if (isRepeat) this.#options.commits.repeat(commit);
    else this.#options.commits.add(commit);
  }

  #hear(told: Told): void {
    const { file, event } = told;
    const { visits } = this.#options;
    const now = performance.now();
    const sign = this.#signs.hear(told, now);
    if (sign?.kind === 'wal-went') visits.note(now, sign.lastedMs);
    else if (sign?.kind === 'touched') visits.forget();
    if (this.#life !== undefined && file === 'database' && event === 'change') {
      this.#look(fileToldMs);
      return;
    }
    const isWritten = file === 'wal' && event === 'change';
    // What is told of a commit that was read already, or is about to be looked for by the clock, needs no look of its own.
    if (isWritten && (this.#isGlancing || this.#life?.upkeep.isToldBefore === true)) return;
    if (this.#life === undefined && isWritten && !this.#signs.isWalThere) {
      try {
        this.#absence?.walWritten();
      } catch {
        // @NOTE The look that follows says what is the matter with the path.
      }
    }
    this.wake();
  }

  #look(withinMs = 0): void {
    if (this.#isClosed) return;
    if (withinMs > 0) {
      if (!this.#isRunning && !this.#isWoken) this.#timer ??= setTimeout(() => this.#look(), withinMs);
      return;
    }
    this.#isWoken = true;
    this.#isGlancing = false;
    if (!this.#isRunning) void this.#pump();
  }

  async #pump(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#isWoken && !this.#isClosed) {
        this.#isWoken = false;
        clearTimeout(this.#timer);
        this.#timer = undefined;
        const upkeep = this.#life?.upkeep;
        const wait = this.#lastCycleAt + (upkeep?.gapMs ?? 0) - performance.now();
        if (upkeep?.isPinAwaited === true) await this.#follow();
        else if (wait > 0) await delay(wait);
        await this.#exclusively(async () => await this.#cycle());
        if (this.#life?.upkeep.isPinAwaited === true) this.#isWoken = true;
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
    const life = this.#life;
    if (life === undefined) return;
    const { connections, reader, upkeep } = life;
    for (const endAt = performance.now() + longestFollowMs; performance.now() < endAt && !this.#isClosed;) {
      const isMoved = await this.#exclusively(
        // What an image needs is copied aside before the pin moves.
        async () =>
          this.#life === life &&
          !this.#images.isAnyOpen &&
          connections.isBeside !== false &&
          connections.pins.follow(followMs, () => this.#leaveRest(life)),
      );
      if (this.#isClosed || this.#images.isAnyOpen || this.#life !== life) return;
      const { changes, frames = 0, backfilled } = connections.walIndex?.read() ?? {};
      if (isMoved) {
        if (frames - reader.frames > mostUnread) return;
      } else {
        // A checkpoint copies, or has copied, what was committed: the pin may rest.
        if (changes !== this.#changes || backfilled !== upkeep.counts.backfilled) return;
        doze();
      }
      await nextTurn();
    }
  }

  async #cycle(): Promise<void> {
    if (this.#isClosed) return;
    this.#lastCycleAt = performance.now();
    if (this.#life === undefined) await this.#lookOutside();
    const life = this.#life;
    if (life === undefined) return;
    if (isAlone(life)) return await this.#goOnAlone(life);
    life.guard.checkPath();
    const walsBefore = this.#wals;
    await this.#drain(life);
    const isNew = this.#hasNews;
    this.#hasNews = false;
    if (isNew) this.#options.visits.noteNews(performance.now());
    this.#suspect(life);
    await life.upkeep.look({ isNew, isRestart: this.#wals !== walsBefore });
  }

  /** Looks again without a notice, where that may bring something. */
  #scheduleLook(): void {
    if (this.#isClosed) return;
    const isBlind = this.#watch?.isBlind === true;
    if (isBlind !== this.#isBlind) this.#options.onBlind?.(isBlind);
    this.#isBlind = isBlind;
    const life = this.#life?.aloneSince === undefined ? this.#life : undefined;
    const ms = life === undefined ? this.#nextLookMs : life.upkeep.nextLookMs;
    const leeway = life?.upkeep.leeway;
    const now = performance.now();
    this.#leeway = leeway && { ...leeway, endsAt: now + leeway.forMs, restsAt: now + leeway.restsInMs };
    clearTimeout(this.#timer);
    this.#timer = ms === undefined ? undefined : setTimeout(() => this.#glance(), ms);
  }

  /** Looks; where it is enough for now, only at how much was committed. */
  #glance(): void {
    const life = this.#life;
    const isIdle = life !== undefined && !this.#isRunning && !this.#isWoken;
    this.#isGlancing = isIdle && this.#mayStayUnread(life);
    if (this.#isGlancing) this.#timer?.refresh();
    else this.#look();
  }

  #mayStayUnread({ connections, reader, upkeep }: Life): boolean {
    const leeway = this.#leeway;
    const header = leeway === undefined ? undefined : connections.walIndex?.read();
    if (leeway === undefined || header === undefined || !reader.isOf(header.salts)) return false;
    const { changes, frames, backfilled } = header;
    const now = performance.now();
    if (this.#sightings.note(changes, this.#options.now)) {
      leeway.restsAt = now + leeway.restMs;
      upkeep.glanced(changes);
      if (!this.#isUnread) this.#options.onCommitted?.();
      this.#isUnread = true;
    } else if (now >= leeway.restsAt || connections.isBeside !== true) {
      // Who committed just now is there, and the sidecars are.
      return false;
    }
    const isEnough = now >= leeway.endsAt || frames >= leeway.frames || backfilled !== leeway.backfilled;
    return !isEnough && !this.#images.isAnyOpen;
  }

  #fail(error: unknown): void {
    if (!this.#isClosed) this.#options.onFailed(error);
  }

  // Dormant: nothing of ours is there.

  /** Looks at the directory; joins whoever has the database open. Fails where it changed without having been seen. */
  async #lookOutside(): Promise<void> {
    const absence = must(this.#absence, 'it is joined or left');
    this.#nextLookMs = undefined;
    const sight = absence.look();
    // Whoever it was: what an image reads alone is not what it was any more.
    if (absence.isTouched) this.#spoil();
    if (sight.kind !== 'somebody' && sight.kind !== 'held') this.#busyForMs = 0;
    if (sight.kind !== 'held' && mayExpectVisits(this.#options)) return await this.#join(absence, 'firm');
    switch (sight.kind) {
      case 'nobody':
        this.#setExclusive(false);
        this.#setWalLost(false);
        return;
      case 'unclear':
        this.#nextLookMs = sight.againMs;
        return;
      case 'left-over':
        return await this.#tidy(absence);
      case 'held':
        this.#setExclusive(true);
        return;
      case 'detached':
        this.#setWalLost(true);
        this.#nextLookMs = lostWalEveryMs;
        return;
      case 'changed': {
        const why = this.#isExclusive ? 'exclusive' : this.#whyUnseen;
        this.#setExclusive(false);
        this.#setWalLost(false);
        this.#absence = absence.again();
        this.#signs.forgetTouch();
        this.#settleSoon();
        // Out of WAL mode nothing is captured; the next opening says so.
        if (!absence.isWal) this.#giveUpContinuity('mode');
        return await this.#goOnUnseen(why);
      }
      case 'somebody':
        return await this.#join(absence, 'light');
    }
  }

  /** Has SQLite remove sidecars as the last one to close does. */
  async #tidy(absence: Absence): Promise<void> {
    this.#nextLookMs = busyMs;
    absence.tidied();
    try {
      await using _connections = await this.#options.connect('firm');
    } catch (error) {
      // @NOTE Somebody came: then it is theirs. What else is the matter is told by the next look.
      if (!(error instanceof AppError)) throw error;
    }
  }

  /** How it came that the file changed unseen. */
  get #whyUnseen(): ContinuityUnproven['why'] {
    if (this.#signs.touched !== undefined) return this.#signs.touched;
    return this.#watch === undefined || this.#watch.isBlind ? undefined : 'visit';
  }

  async #join(absence: Absence, hold: Hold): Promise<void> {
    let connections: Connections;
    try {
      connections = await this.#options.connect(hold);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      // They may have gone in this moment.
      if (error.code === 'database-missing' || error.code === 'database-not-wal') this.#nextLookMs = busyMs;
      else if (error.code === 'database-busy') this.#nextLookMs = Math.min(longestBusyMs, this.#busyForMs + busyMs);
      else throw error;
      this.#busyForMs += this.#nextLookMs;
      if (this.#busyForMs > heldAfterMs) this.#setExclusive(true);
      return;
    }
    this.#setExclusive(false);
    this.#setWalLost(false);
    const { left } = absence;
    const renames = this.#signs.renames;
    const life = this.#joined(connections);
    const { size, mtimeMs } = fs.fstatSync(connections.fd);
    const isUntouched = size === left.size && mtimeMs === left.modifiedAt;
    if (!isUntouched) this.#spoil();
    const index = connections.walIndex?.read();
    const isCopied = index !== undefined && index.frames > 0 && index.backfilled === index.frames;
    // Sooner than SQLite by itself: it checkpoints right behind its commits.
    if (isCopied && index.frames < autoCheckpointFrames) this.#rhythm.noteHousekeeping();
    const isContinuous = await this.#isContinuous(life, { left, renames, isUntouched });
    const why = this.#whyUnseen;
    this.#signs.forgetTouch();
    if (!isContinuous) await this.#goOnUnseen(why);
  }

  #joined(connections: Connections): Life {
    const life = this.#begin(connections, undefined);
    this.#life = life;
    this.#absence = undefined;
    clearTimeout(this.#settling);
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

  /** Nothing was committed since the database was left that cannot be read now. */
  async #isContinuous(
    life: Life,
    { left, renames, isUntouched }: { readonly left: Left; readonly renames: number; readonly isUntouched: boolean },
  ): Promise<boolean> {
    const { connections } = life;
    this.#changes = undefined;
    this.#missed = undefined;
    const { walIndex } = connections;
    const salts = walIndex?.read()?.salts;
    const isSame = walIndex !== undefined && salts !== undefined;
    if (left.index !== undefined && isSame && isSameIndex(left.index, { inode: walIndex.inode, salts })) {
      this.#changes = left.index.changes;
      this.#missed = await this.#countUnseen(life);
      // The file may have been copied into meanwhile, or written to by somebody else.
      if (this.#missed === 0 && !isUntouched) this.#isSuspicious = true;
      if (this.#missed === 0) return true;
      if (this.#missed !== undefined) this.#rhythm.noteHousekeeping();
      this.#changes = undefined;
    }
    if (!isUntouched) return false;
    if (left.isSettled) return true;
    // Whoever came and went in the moment in which it was left is told of by now: once a WAL came, and this one.
    await nextTurn();
    await nextTurn();
    return this.#watch !== undefined && renames + this.#signs.renames <= 1 + (left.index === undefined ? 2 : 0);
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
    this.#setWalLost(false);
    this.#watch?.resume();
    try {
      await connections[Symbol.asyncDispose]();
    } finally {
      reader[Symbol.dispose]();
      for (const fd of this.#leftFiles.splice(0)) fs.closeSync(fd);
      const { walIndex, isBeside } = connections;
      const changes = this.#changes;
      const isShared = isBeside === true && walIndex !== undefined && changes !== undefined && salt !== undefined;
      this.#absence = new Absence(this.#options.path, {
        ...look,
        identity: guard.identity,
        trail: guard.trail,
        index: isShared ? { inode: walIndex.inode, changes, salt } : undefined,
        isSettled: isSettled(look, Date.now()),
      });
      this.#leaving = undefined;
    }
  }

  /** In the moment in which it was left, the clock of the file system may not have ticked: looks once more. */
  #settleSoon(): void {
    clearTimeout(this.#settling);
    const absence = this.#absence;
    if (absence === undefined || this.#isClosed) return;
    this.#settling = setTimeout(() => {
      try {
        if (this.#absence !== absence) return;
        if (this.#signs.renames <= 2) absence.settle();
        if (absence.left.isSettled) this.#options.onLeft?.();
      } catch {
        // @NOTE What is the matter with the path is told by the next look.
      }
      this.#look();
    }, settleMs);
  }

  #setExclusive(isExclusive: boolean): void {
    if (isExclusive === this.#isExclusive) return;
    this.#isExclusive = isExclusive;
    this.#options.onExclusive?.(isExclusive);
  }

  #setWalLost(isLost: boolean): void {
    if (isLost === this.#isWalLost) return;
    this.#isWalLost = isLost;
    this.#options.onWalLost?.(isLost);
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
      if (isLost) this.#setWalLost(true);
      this.#nextLookMs = isLost ? lostWalEveryMs : busyMs;
      return;
    }
    const look = await this.#lookAsClosed(life);
    await this.#depart(life, look);
    if (backfilled < frames) this.#giveUpContinuity('outside');
    this.#nextLookMs = undefined;
    if (look === undefined) {
      const why = this.#whyUnseen;
      this.#signs.forgetTouch();
      await this.#goOnUnseen(why);
    }
    this.#settleSoon();
    this.#isWoken = true;
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
    const isClosed = this.#watch?.isTelling === true ? await this.#signs.isClosedOnce() : this.#isFirstPageKnown(life);
    return isClosed ? look : undefined;
  }

  #isFirstPageKnown({ connections }: Life): boolean {
    const hashes = this.#hashes;
    if (hashes === undefined) return false;
    const bytes = new Uint8Array(hashes.pageSize);
    return isAsCaptured(hashes, 1, bytes.subarray(0, readFully(connections.fd, bytes, 0)));
  }

  /** The file changed and nobody copied anything into it, or somebody else did: all of it is looked through, in time. */
  #suspect(life: Life): void {
    const { connections } = life;
    const index = connections.walIndex?.read();
    if (index === undefined || this.#hashes === undefined) return;
    const { size, mtimeMs } = fs.fstatSync(connections.fd);
    const { backfilled, attempted } = index;
    const now: Traces = { size, modifiedAt: mtimeMs, backfilled, attempted, wals: this.#wals };
    const change = life.traces === undefined ? 'none' : explainChange(life.traces, now);
    life.traces = now;
    if (change !== 'none') this.#isSuspicious = true;
    if (!this.#isSuspicious || !this.#leisure.isDue(performance.now())) return;
    this.#isSuspicious = false;
    this.#verifying ??= this.#verify(life)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => (this.#verifying = undefined));
  }

  /** Looks through the file; fails with `database-overwritten` where it does not hold what was captured. */
  async #verify(life: Life): Promise<void> {
    const begunAt = performance.now();
    const isOver = (): boolean => this.#isClosed || this.#life !== life;
    // Joined behind the beginning of a WAL, it is not known which pages it holds.
    if (life.goesOn) return;
    const mayDiffer = (page: number): boolean => life.walPages.has(page);
    const fd = fs.openSync(this.#options.path, 'r');
    try {
      const suspects = await findSuspects(fd, { hashes: () => this.#hashes, mayDiffer, isOver });
      this.#leisure.took(performance.now(), performance.now() - begunAt);
      if (suspects.length === 0) return;
      // Once more, while nothing moves: a checkpoint may have been under way.
      await this.#exclusively(async () => {
        if (isOver()) return;
        await this.#drain(life);
        const hashes = this.#hashes;
        const bytes = new Uint8Array(hashes?.pageSize ?? 0);
        for (const page of suspects) {
          if (hashes === undefined || mayDiffer(page) || page > hashes.pages) continue;
          const got = readFully(life.connections.fd, bytes, (page - 1) * bytes.length);
          if (isAsCaptured(hashes, page, bytes.subarray(0, got))) continue;
          // Asked behind the reading: without a WAL SQLite itself writes to the file, once that is gone.
          if (isAlone(life)) return;
          this.#isUnproven = true;
          throw new AppError('database-overwritten', { path: this.#options.path });
        }
      });
    } finally {
      this.#closeFile(fd);
    }
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
      this.#isUnproven = true;
      throw error;
    }
    if (isAlone(life)) return false;
    await this.#provePinless(life);
    return true;
  }

  /** No pin was held for a moment: nothing was committed in it that cannot be read now. */
  async #provePinless(life: Life): Promise<void> {
    const { changes } = life.connections.walIndex?.read() ?? {};
    if (changes !== undefined && changes === this.#changes) return;
    life.guard.loosen();
    this.#isDoubtful = true;
    if ((await this.#countUnseen(life)) !== 0) return await this.#goOnUnseen('visit');
    // What was committed meanwhile may be copied into the file from now on.
    if (this.#images.isAnyOpen) await this.#drain(life);
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
    // An image goes on reading the file alone; who wakes the database is joined before that one overwrites anything, as a rule.
    if (this.#images.isAnyOpen && connections.isShared !== false) return false;
    if (!(await this.#firm(life))) return false;
    if (!(await upkeep.empty())) return false;
    const hashes = this.#hashes;
    if (hashes !== undefined) this.#prove(() => guard.rest(hashes));
    if (this.#changes === undefined) await this.#countUnseen(life);
    if (connections.counts().frames > 0) return false;
    await this.#depart(life);
    this.#settleSoon();
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
      this.#isUnproven = true;
      throw error;
    }
    const { frames: now } = connections.counts();
    if (now === frames && reader.isCurrent()) return;
    life.guard.loosen();
    if ((await this.#countUnseen(life)) !== 0) this.#giveUpContinuity();
    // What was committed meanwhile may be copied into the file from now on.
    if (this.#images.isAnyOpen) await this.#drain(life);
  }

  #giveUpContinuity(why?: ContinuityUnproven['why']): never {
    this.abandonUnseen();
    throw new ContinuityUnproven(why);
  }

  /**
   * Transactions that SQLite counted, and that neither were captured nor can be read now: 0 proves that nothing was missed.
   * Undefined where it cannot be told: the count is not to be had, began anew, or was not known before.
   */
  async #countUnseen({ connections, reader }: Life): Promise<number | undefined> {
    for (let again = 0; again < 3; again++) {
      const now = connections.walIndex?.read();
      if (now === undefined) return undefined;
      const ahead = now.frames === 0 ? 0 : await reader.countAhead(now);
      if (ahead === undefined) continue;
      const captured = (now.changes - ahead) >>> 0;
      const difference = this.#changes === undefined ? undefined : (captured - this.#changes) | 0;
      // SQLite counts no copies: where it counted as many less as there were, nothing was missed.
      const unseen = difference === -this.#repeats.count ? 0 : difference;
      this.#changes = captured;
      this.#repeats.countAnew();
      if (unseen === 0) this.#isDoubtful = false;
      return unseen !== undefined && unseen < 0 ? undefined : unseen;
    }
    return undefined;
  }

  async #catchUp(): Promise<void> {
    // Frames behind an unproven moment would look contiguous: better none.
    if (this.#isUnproven) throw new ContinuityUnproven();
    if (this.#life === undefined) await this.#lookOutside();
    if (this.#life !== undefined) await this.#drain(this.#life);
  }

  /** Reads what is committed now, under the pin that is held. True when there was something. */
  async #drain(life: Life): Promise<boolean> {
    if (this.#isUnproven) throw new ContinuityUnproven();
    const { connections, reader, guard, upkeep } = life;
    const { onCaptured, path } = this.#options;
    if (!isAlone(life)) this.#checkContent(life);
    const before = this.#end;
    const isOutrun = !this.#isOverlap && upkeep.isOutrun;
    const committed = (): number => {
      const header = connections.walIndex?.read();
      if (header !== undefined) this.#sightings.note(header.changes, this.#options.now);
      return header?.frames ?? connections.counts().frames;
    };
    this.#isUnread = false;
    const draining = reader.drain(committed, this);
    let isWhole = await (isOutrun ? upkeep.slowing(draining) : draining);
    // Without the lock on the file, an application may end, or empty the WAL, between the count and the reading.
    if (!isWhole && connections.hold === 'light') isWhole = await reader.drain(committed, this);
    if (!life.isAnchored) this.#anchor(life, isWhole);
    if (!isWhole && connections.hold === 'light') this.#giveUpContinuity();
    if (!isWhole) throw new AppError('database-damaged', { path, reason: 'its WAL changed unexpectedly' });
    const isNew = this.#end.index !== before.index || this.#end.offset !== before.offset;
    if (this.#changes === undefined) await this.#countUnseen(life);
    if (isNew) {
      this.#hasNews = true;
      guard.moved();
      onCaptured();
    }
    if (!(await this.#images.save(() => connections.pins.keep()))) this.#look();
    this.#spoilOverrun(life);
    if (!this.#images.isBehind) this.#saved = reader.frames;
    return isNew;
  }

  /**
   * What a checkpoint copied before an image could keep what was there: the last one to close copies what lies behind our pin, too,
   * and nobody heeds one that was let go for a moment. Asked behind the saving, since it may have come in between.
   */
  #spoilOverrun(life: Life): void {
    const { walIndex, hold } = life.connections;
    if (!this.#images.isAnyOpen) return;
    const attempted = walIndex?.read()?.attempted ?? (hold === 'light' ? Infinity : 0);
    if (isAlone(life) || attempted > this.#saved) this.#spoil();
  }

  /**
   * Read for the first time: the one restart that the pin permits may have come before, over frames that nobody has read.
   * That matters where they follow what was captured, and where they were being read; later restarts are counted.
   */
  #anchor(life: Life, isWhole: boolean): void {
    const { reader, goesOn } = life;
    const isReplaced = reader.header !== undefined && !reader.isCurrent();
    if (isReplaced && (!isWhole || goesOn)) this.#giveUpContinuity();
    life.isAnchored = isWhole;
  }

  /** Asks whether the file still holds what was captured; where it does not, nothing more is captured on top of it. */
  #prove<T>(ask: () => T): T {
    try {
      return ask();
    } catch (error) {
      this.#isUnproven = true;
      throw error;
    }
  }

  /** What lies behind the old pin may be copied into the file from now on, before it is read: looked at while it may not. */
  #leaveRest(life: Life): void {
    this.#checkContent(life);
    life.guard.moved();
  }

  /**
   * While the pin rests nobody may write to the file, but for who closes the database as the last one: that copies the WAL past a
   * pin without a lock on the file, and may go on without a WAL then. What is not explained so was a foreign hand.
   */
  #checkContent(life: Life): void {
    const { connections, guard, reader } = life;
    try {
      guard.checkContent();
    } catch (error) {
      // Asked behind the look: both are so before the file is written.
      const attempted = connections.walIndex?.read()?.attempted ?? 0;
      const isCopied = attempted > (reader.isCurrent() ? reader.frames : 0);
      if (connections.hold === 'firm' || !(isCopied || isAlone(life))) {
        this.#isUnproven = true;
        throw error;
      }
      guard.moved();
      this.#isSuspicious = true;
    }
  }

  /** Moves the pin to the end of the WAL. True when there was something to read on the way. */
  async #advance(life: Life): Promise<boolean> {
    let isNew = false;
    const drain = async (): Promise<void> => {
      if (await this.#drain(life)) isNew = true;
    };
    const beforeEarly = this.#images.isAnyOpen ? undefined : () => this.#leaveRest(life);
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

/** How the file that is open looks. */
function lookThrough({ connections }: Life): FileLook {
  const { size, mtimeMs } = fs.fstatSync(connections.fd);
  return { size, modifiedAt: mtimeMs };
}

/** The sidecars that are open here do not lie beside the database any more. */
function isAlone({ connections, guard }: Life): boolean {
  return connections.isBeside === false || guard.isWalLost;
}

const dozing = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps for less than a timer can. */
function doze(): void {
  Atomics.wait(dozing, 0, 0, dozeMs);
}
