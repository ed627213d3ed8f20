// Keeps the WAL of one live database small without making its writers wait: decides, look by look, when the pin moves,
// when a PASSIVE checkpoint runs, and, as the last resort, when writers are held for a moment: a seal. Two ways of life:
// calm, where every pause is used at once; and restless, where writers never pause, so that nothing is done for long and
// then much at once. Decides, too, when the next look comes: when the file system tells, by the clock while an application
// writes steadily, and at once where it empties the WAL itself. Reading the WAL is capture.ts; the pins are connections.ts.
import { Seal, type SealTimes } from './seal.ts';
import type { CheckpointOptions, WalCounts } from './source/checkpointer.ts';
import type { Connections } from './source/connections.ts';

/** Looks in a row with new transactions, from which on writers count as restless; and with few or none, as calm again. */
const restlessLooks = 8;
const calmLooks = 10;
/** Transactions between two batches that leave no pause; and frames, where transactions cannot be counted. */
const denseCommits = 3;
const denseFrames = 8;
/**
 * So many looks with news, none longer apart than this, are steady writing: then looking every few milliseconds is cheaper
 * than being told, above all for the writer, which would wake another processor at each commit.
 */
const steadyNews = 20;
const steadyGapMs = 100;
/** Frames that wait for a checkpoint before one is made although the last commit was just now. */
const passiveFrames = 500;
const passiveEveryMs = 20;
/** The same under steady writing, which leaves the time for it before the application finds the WAL large at 1,000. */
const steadyPassiveFrames = 800;
/**
 * What was committed while such a checkpoint ran is copied by another, so that the WAL starts over before the application
 * finds it large, and checkpoints at each of its commits itself. It helps when nobody commits meanwhile: tried so often, then
 * seldom.
 */
const tailTries = 12;
const seldomTailMs = 200;
const idleBeforePassiveMs = 1000;
/** Writers that pause, but never long enough, are sealed from this many frames on. */
const calmLargeFrames = 2000;
/**
 * Restless writers are sealed from this many frames on. Until then the pin lies on a frame up to which everything is
 * backfilled: a checkpoint that the application tries at each commit finds nothing that it could do, and costs it nothing;
 */
const restlessLargeFrames = 12_000;
/** and from as many as calm ones are, when the last seal was this long ago. */
const sealEveryMs = 1000;
/** The same for large pages. */
const calmLargeBytes = 8 * 1024 * 1024;
const restlessLargeBytes = 48 * 1024 * 1024;
/** From so much on that was not read yet, writers are slowed down meanwhile. */
const outrunFrames = 2000;
const outrunBytes = 8 * 1024 * 1024;
/** A seal that could not be made, or did not help, is not tried again at once: writers come first. */
const reclaimEveryMs = 50;
const heldReclaimEveryMs = 2000;
/** An application that restarts or truncates the WAL itself waits for our pin: for this long after, it is met halfway. */
const waitsForMs = 60_000;
/** How often is looked whether the pin can rest, and for how long after a commit. */
const closeLookMs = 1;
const closeLooksForMs = 100;
/**
 * One that does so this often is met without delay, since it sleeps longer and longer between its tries, first for 1 ms: the
 * pin follows its commits at once, for this long after each.
 */
const waitsOftenMs = 1000;
const awaitedForMs = 10;
/**
 * When its commits break off for so long although the pin lies at their end, a checkpoint of its is suspected to wait for our
 * very slot, if they followed each other closely for so many looks before: a pause after one or two is nothing. Longer where the pin
 * came there late, since SQLite's sleeps between two tries grow with what was waited: 1, 2, 5, 10, 15, 20 ms.
 */
const waitingMs = 12;
const lateFactor = 2.5;
const burstGapMs = 5;
const burstLooks = 3;
/** How long there has to be no news before a checkpoint of others is suspected to be stuck. */
const suspiciousMs = 60;
/** Somebody else's checkpoint that is seen this often in a row without any progress is stuck. */
const stuckAfterLooks = 4;
const blockedLookMs = 100;
const suspiciousLookMs = 15;
/** SQLite's own busy handler sleeps at most 100 ms between two tries, at the beginning at most 20 ms. */
const asideMs = 120;
const earlyAsideMs = 25;
/**
 * A pin that is taken while a checkpointer still holds slot 0 lands elsewhere although everything is backfilled, and one
 * cannot ask where; so the pin is moved this often, at growing intervals, before it counts as resting.
 */
const restAfter = 4;
const longestSettleMs = 5000;
/**
 * The file system tells of a commit before it counts: SQLite brings the WAL to the disk in between, which a slow disk takes its
 * time for, and then changes shared memory only, of which nobody tells. So one that rests is looked at for this long after.
 */
const countsWithinMs = 2000;
/** How often is tried to empty a WAL that must not be left (`mayLoseWal`), once everything is copied. */
const emptyEveryMs = 100;
/** Under steady or constant writing, commits are read in batches this far apart. */
const batchMs = 4;

/** What upkeep needs of the capture it serves. */
export interface UpkeepHost {
  readonly connections: Connections;
  /** Bytes of a page. */
  readonly pageSize: () => number;
  /** Reads what is committed, leaving the pin where it is. */
  readonly catchUp: () => Promise<unknown>;
  /** Committed frames that were not read yet. */
  readonly unread: () => number;
  /** Moves the pin to the end of the WAL, reading what is on the way. True when there was something. */
  readonly advance: () => Promise<boolean>;
  /** Lets go of the pin for a moment; throws where it cannot be proved that nothing slipped by. */
  readonly stepAside: (ms: number) => Promise<void>;
  /** Runs while nothing else reads or moves. */
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  /** Look again soon. */
  readonly wake: () => void;
  readonly onFailed: (error: unknown) => void;
  /** Throws where somebody else wrote to the database file, so that nothing may be copied into it. Called exclusively. */
  readonly proveContent: () => Promise<void>;
  readonly afterCheckpoint: () => void;
  /** Everything that is committed was read and is backfilled, and the pin lies behind it. */
  readonly onRest: () => void;
  /** After a checkpoint: whether a reader kept it from copying what our pin allows. */
  readonly onHeld: (isHeld: boolean) => void;
  /** It is looked often enough: notices of the file system are not needed; or are again. */
  readonly onSteady: (isSteady: boolean) => void;
}

export class WalUpkeep {
  readonly #host: UpkeepHost;
  #counts: WalCounts = { frames: 0, backfilled: 0 };
  /** Frames of the present WAL that the pin is known to lie behind. */
  #pinned: number | undefined;
  #rests = 0;
  #newsInARow = 0;
  #emptyInARow = 0;
  #isRestless = false;
  #steadyInARow = 0;
  #burst = 0;
  /** SQLite's count of transactions at the last look. */
  #changes: number | undefined;
  /** Looks come by themselves, in batches. */
  #isSteady = false;
  /** The pin lies on a backfilled frame of the present WAL. */
  #isHolding = false;
  #lastNewsAt = 0;
  #movedAt = 0;
  #lastPassiveAt = 0;
  #tailTries = 0;
  #blockedLooks = 0;
  #settleMs = 1;
  #noticedAt = -Infinity;
  #reclaimAt = 0;
  #sealedAt = 0;
  #truncatedAt = -Infinity;
  #checkpointedAt = -Infinity;
  #asideAt = -Infinity;
  /** Frames of the present WAL that were copied by checkpoints made here; and whether somebody else copied some. */
  #copied = 0;
  #isCopiedByOthers = false;
  /** The most frames that were seen in the present WAL; it is seen empty for a moment before the next one begins. */
  #fullest = 0;
  /** A checkpoint or a seal that is under way. */
  #task: Promise<void> | undefined;
  #checkpoints = 0;
  #isClosed = false;
  readonly #seal: Seal;

  constructor(host: UpkeepHost) {
    this.#host = host;
    this.#seal = new Seal({
      ...host,
      advance: async () => await this.#advance(),
      checkpoint: async (options) => await this.#checkpoint(options),
    });
  }

  /** What the WAL held at the last look. */
  get counts(): WalCounts {
    return this.#counts;
  }

  get seals(): SealTimes {
    return this.#seal.times;
  }

  /** Checkpoints that were made here. */
  get checkpoints(): number {
    return this.#checkpoints;
  }

  /** Milliseconds until the next look is due without any notice; undefined when only a notice can bring news. */
  get nextLookMs(): number | undefined {
    if (this.#isSteady) return this.#isOftenWaitedFor ? closeLookMs : batchMs;
    if (this.#rests >= restAfter && this.#host.connections.mayLoseWal) return emptyEveryMs;
    if (this.#rests >= restAfter)
      return performance.now() - this.#noticedAt < countsWithinMs ? this.#settleMs : undefined;
    if (this.#blockedLooks > 0) return this.#isWaitedFor ? suspiciousLookMs : blockedLookMs;
    const isClose = this.#isWaitedFor && performance.now() - this.#lastNewsAt < closeLooksForMs;
    return isClose ? Math.min(this.#settleMs, closeLookMs) : this.#settleMs;
  }

  /** The pin rests and nothing is under way. */
  get isResting(): boolean {
    return this.#rests >= restAfter && this.#task === undefined;
  }

  /** How long the next look has to wait for: under steady writing commits are read in batches. */
  get gapMs(): number {
    return this.#isSteady && !this.#isOftenWaitedFor ? batchMs : 1;
  }

  /** The application commits, or did just now, and may checkpoint at any moment: the pin is to follow at once. */
  get isPinAwaited(): boolean {
    const isFollowable = this.#host.connections.walIndex !== undefined;
    return isFollowable && this.#isOftenWaitedFor && performance.now() - this.#lastNewsAt < awaitedForMs;
  }

  /** So much is unread that writers commit faster than it is read. */
  get isOutrun(): boolean {
    const isHeld = this.#host.connections.pins.isKeeping || performance.now() < this.#reclaimAt;
    return !isHeld && this.#host.unread() >= this.#large(outrunFrames, outrunBytes);
  }

  /** Slows writers down until `work` has ended, where they have made the WAL huge. */
  async slowing<T>(work: Promise<T>): Promise<T> {
    return await this.#seal.slowing(work);
  }

  /** Something may have changed: look closely again. */
  notice(): void {
    this.#settleMs = 1;
    this.#noticedAt = performance.now();
  }

  /** After everything that is committed was read: does what is due. Called exclusively. */
  async look({ isNew, isRestart }: { readonly isNew: boolean; readonly isRestart: boolean }): Promise<void> {
    const isDense = this.#isDenseBatch({ isRestart }) && isNew;
    const now = performance.now();
    if (isNew) {
      this.#steadyInARow = now - this.#lastNewsAt < steadyGapMs ? this.#steadyInARow + 1 : 0;
      this.#burst = now - this.#lastNewsAt < burstGapMs ? this.#burst + 1 : 1;
      this.#lastNewsAt = now;
      this.#pinned = undefined;
      this.#rests = 0;
    }
    this.#newsInARow = isDense ? this.#newsInARow + 1 : 0;
    this.#emptyInARow = isDense ? 0 : this.#emptyInARow + 1;
    if (isRestart) {
      this.#isHolding = false;
      // A small WAL that starts over although nothing was copied here: by the application's own checkpoints.
      if (this.#isCopiedByOthers && this.#fullest < passiveFrames) this.#checkpointedAt = now;
      this.#isCopiedByOthers = false;
      this.#fullest = 0;
      this.#copied = 0;
      this.#tailTries = 0;
    }
    this.#observe(this.#host.connections.counts());
    const isConstant = this.#isRestless ? this.#emptyInARow < calmLooks : this.#newsInARow >= restlessLooks;
    // Who empties the WAL itself must find the pin at its end.
    const isRestless = isConstant && !this.#isOftenWaitedFor;
    this.#isRestless = isRestless;
    const isSteady = this.#steadyInARow >= steadyNews && now - this.#lastNewsAt < steadyGapMs;
    this.#setSteady(isRestless || isSteady);
    if (isRestless) await this.#hold();
    else await this.#calm();
    this.#settleMs = Math.min(this.#settleMs * 2, longestSettleMs);
  }

  /** What came since the last look left no pause; outside of batches, each look is close enough. */
  #isDenseBatch({ isRestart }: { readonly isRestart: boolean }): boolean {
    const { connections } = this.#host;
    const before = this.#changes;
    this.#changes = connections.walIndex?.read()?.changes;
    if (!this.#isSteady) return true;
    if (this.#changes !== undefined && before !== undefined) return (this.#changes - before) >>> 0 >= denseCommits;
    const { frames } = connections.counts();
    return frames - (isRestart ? 0 : this.#counts.frames) >= denseFrames;
  }

  #setSteady(isSteady: boolean): void {
    if (isSteady === this.#isSteady) return;
    this.#isSteady = isSteady;
    this.#host.onSteady(isSteady);
  }

  /** Nothing is started any more; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#seal.close();
    await this.#task;
  }

  /** Writers never pause: lets the WAL grow behind a backfilled frame, then takes it back at once. */
  async #hold(): Promise<void> {
    const { frames, backfilled } = this.#counts;
    if (this.#task !== undefined || frames === backfilled) return;
    const isLarge = frames >= this.#large(calmLargeFrames, calmLargeBytes);
    const isVeryLarge = frames >= this.#large(restlessLargeFrames, restlessLargeBytes);
    if (isVeryLarge || (isLarge && performance.now() - this.#sealedAt >= sealEveryMs)) {
      this.#reclaimWhenDue();
    } else if (!this.#isHolding && frames >= this.#large(passiveFrames, calmLargeBytes)) {
      this.#isHolding = true;
      await this.#advance();
      this.#start(async () => void (await this.#seal.slowing(this.#checkpoint())));
    }
  }

  /** Writers that pause: the pin follows them at once, and rests when everything is backfilled. */
  async #calm(): Promise<void> {
    this.#isHolding = false;
    const isMoved = this.#counts.frames !== this.#pinned;
    if (isMoved) await this.#advance();
    const { frames, backfilled } = this.#counts;
    if (frames === backfilled) {
      if (this.#rests >= restAfter) return await this.#emptyWal();
      const isNew = isMoved || (await this.#advance());
      // Not between two commits that follow closely: resting costs reading and writing.
      const mayRest = !this.#isOftenWaitedFor || performance.now() - this.#lastNewsAt >= closeLooksForMs;
      if (!mayRest) this.notice();
      this.#rests = isNew ? 0 : Math.min(this.#rests + 1, mayRest ? restAfter : restAfter - 1);
      const isSame = this.#counts.frames === frames && this.#counts.backfilled === frames;
      if (this.#rests === restAfter && isSame) this.#host.onRest();
      return await this.#emptyWal();
    }
    if (this.#task !== undefined || (await this.#yieldSlot())) return;
    if (frames >= this.#large(calmLargeFrames, calmLargeBytes)) this.#reclaimWhenDue();
    else await this.#checkpointWhenDue();
  }

  /**
   * An application's checkpoint reads the mark of a reader's slot once and then waits for the slot. Where our pin took this
   * very slot in between, it would wait until its busy timeout, although the pin lies at the end of the WAL, since each later
   * pin joins the same slot. So the pin is let go for a moment.
   */
  async #yieldSlot(): Promise<boolean> {
    const { connections } = this.#host;
    const now = performance.now();
    const lateMs = Math.max(0, this.#movedAt - this.#lastNewsAt);
    const isBrokenOff = now - this.#movedAt >= waitingMs + lateMs * lateFactor && this.#burst >= burstLooks;
    if (!isBrokenOff || !this.#isOftenWaitedFor || now - this.#asideAt < earlyAsideMs) return false;
    // Another database's checkpoint would look like one of the application.
    if (connections.pins.isKeeping || connections.isBeingCopied) return false;
    if (await connections.isCheckpointerBusy()) return false;
    await this.#host.proveContent();
    const { isBlocked } = await this.#checkpoint({ atOnce: true });
    if (!isBlocked || connections.isBeingCopied) return false;
    await this.#host.stepAside(earlyAsideMs);
    this.#asideAt = performance.now();
    this.#pinned = undefined;
    return true;
  }

  async #checkpointWhenDue(): Promise<void> {
    const now = performance.now();
    const before = this.#counts;
    const waiting = before.frames - before.backfilled;
    const isQuiet = now - this.#lastNewsAt >= (this.#isWaitedFor ? suspiciousMs : idleBeforePassiveMs);
    const enough = this.#isSteady ? steadyPassiveFrames : passiveFrames;
    const isLarge = waiting >= enough || this.#host.connections.mayLoseWal;
    const isTail = before.frames >= enough && before.backfilled > 0;
    const everyMs = isLarge || this.#tailTries < tailTries ? passiveEveryMs : seldomTailMs;
    const isDue = isQuiet || ((isLarge || isTail) && now - this.#lastPassiveAt >= everyMs);
    if (!isDue) return;
    this.#tailTries = isLarge ? 0 : this.#tailTries + 1;
    if (this.#blockedLooks >= stuckAfterLooks && !this.#host.connections.pins.isKeeping) {
      this.#blockedLooks = 0;
      await this.#stepAside();
      return;
    }
    this.#lastPassiveAt = now;
    this.#start(async () => {
      await this.#host.exclusively(this.#host.proveContent);
      const { isBlocked, backfilled } = await this.#checkpoint();
      const isStill = isQuiet && isBlocked && backfilled === before.backfilled;
      this.#blockedLooks = isStill ? this.#blockedLooks + 1 : 0;
      // The pin may rest now, if nobody wrote meanwhile. Where a reader keeps it from helping, there is no hurry.
      if (!isBlocked && backfilled > before.backfilled) this.#host.wake();
    });
  }

  #reclaimWhenDue(): void {
    if (this.#host.connections.pins.isKeeping || performance.now() < this.#reclaimAt) return;
    this.#start(async () => {
      const result = await this.#seal.reclaim();
      const now = performance.now();
      if (result === 'sealed') {
        this.#isHolding = false;
        this.#sealedAt = now;
      } else {
        this.#reclaimAt = now + (result === 'held' ? heldReclaimEveryMs : reclaimEveryMs);
      }
      this.#host.wake();
    });
  }

  /** Everything is copied: a WAL that must not be left goes before the application or this process may end. */
  async #emptyWal(): Promise<void> {
    const { connections } = this.#host;
    if (!connections.mayLoseWal || this.#rests < restAfter || this.#task !== undefined) return;
    // That it is empty is our own doing.
    if (await connections.emptyWal()) this.#counts = { frames: 0, backfilled: 0 };
  }

  /** Somebody checkpoints and does not get on although nobody writes: it may be waiting for the very slot of our pin. */
  async #stepAside(): Promise<void> {
    const { connections } = this.#host;
    if (await this.#advance()) return;
    const before = connections.counts();
    await this.#host.proveContent();
    const { isBlocked } = await this.#checkpoint();
    if (isBlocked && before.frames !== before.backfilled) await this.#host.stepAside(asideMs);
  }

  async #checkpoint(options?: CheckpointOptions): Promise<WalCounts & { readonly isBlocked: boolean }> {
    const { connections } = this.#host;
    const pinned = this.#pinned;
    const result = await connections.checkpoint(options);
    if (!result.isBlocked) {
      this.#checkpoints++;
      this.#copied = result.backfilled;
      this.#host.afterCheckpoint();
      const isOurs = connections.pins.isKeeping || pinned === undefined;
      if (!isOurs) this.#host.onHeld(result.backfilled < Math.min(pinned, result.frames));
    }
    this.#observe(result);
    return result;
  }

  async #advance(): Promise<boolean> {
    const isNew = await this.#host.advance();
    this.#observe(this.#host.connections.counts());
    if (this.#pinned !== this.#host.connections.pins.frames) this.#movedAt = performance.now();
    this.#pinned = this.#host.connections.pins.frames;
    return isNew;
  }

  #observe({ frames, backfilled }: WalCounts): void {
    const before = this.#counts;
    if (frames !== before.frames || backfilled !== before.backfilled) this.#rests = 0;
    if (backfilled > this.#copied && this.#task === undefined) this.#isCopiedByOthers = true;
    this.#fullest = Math.max(this.#fullest, frames);
    // A writer that restarts the WAL has it without frames for a moment, too, but does not cut off the file.
    if (frames === 0 && before.frames > 0 && this.#host.connections.isWalEmpty) this.#truncatedAt = performance.now();
    this.#counts = { frames, backfilled };
  }

  /** The application truncates the WAL, or checkpoints, by itself: then it may wait for our pin. */
  get #isWaitedFor(): boolean {
    return this.#sinceEmptiedMs < waitsForMs;
  }

  get #sinceEmptiedMs(): number {
    return performance.now() - Math.max(this.#truncatedAt, this.#checkpointedAt);
  }

  get #isOftenWaitedFor(): boolean {
    return this.#sinceEmptiedMs < waitsOftenMs;
  }

  #large(frames: number, bytes: number): number {
    return Math.min(frames, Math.floor(bytes / this.#host.pageSize()));
  }

  #start(work: () => Promise<void>): void {
    if (this.#isClosed) return;
    this.#task = work()
      .catch((error: unknown) => {
        if (!this.#isClosed) this.#host.onFailed(error);
      })
      .finally(() => {
        this.#task = undefined;
      });
  }
}
