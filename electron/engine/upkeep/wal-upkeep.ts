// Keeps the WAL of one live database small without making its writers wait, look by look: what is observed (observe.ts) is given to
// whoever decides (decide.ts), and what was decided is carried out here, until there is nothing left to do: the pin moves, a
// PASSIVE checkpoint runs, or, as the last resort, writers are held for a moment (seal.ts); and all is let go when they rest.
// Reading the WAL is capture.ts; the pins are connections.ts.
import { assertNever } from '../../../shared/assert.ts';
import { AppError, type ErrorCode } from '../../../shared/errors.ts';
import type { CheckpointOptions, WalCounts } from '../source/checkpointer.ts';
import { asideFor, decide, gapMs, isPinAwaited, leewayOf } from './decide.ts';
import type { UpkeepHost } from './host.ts';
import { Observer } from './observe.ts';
import { largeFrames } from './rhythms.ts';
import { Seal, type SealTimes } from './seal.ts';
import type { Act, Leeway, Writing } from './writing.ts';

/** Without a checkpoint everything else goes on. */
const uncopied: ReadonlySet<ErrorCode> = new Set(['database-disk-full', 'database-unreachable']);

export class WalUpkeep {
  readonly #host: UpkeepHost;
  readonly #observer: Observer;
  readonly #seal: Seal;
  #isSteady = false;
  /** A checkpoint or a seal that is under way. */
  #task: Promise<void> | undefined;
  #checkpoints = 0;
  #isClosed = false;

  constructor(host: UpkeepHost) {
    this.#host = host;
    this.#observer = new Observer(host);
    this.#seal = new Seal({
      ...host,
      advance: async () => await this.#advance(),
      checkpoint: async (options) => await this.#checkpoint(options),
    });
  }

  /** What the WAL held at the last look. */
  get counts(): WalCounts {
    return this.#observer.counts;
  }

  get seals(): SealTimes {
    return this.#seal.times;
  }

  /** Checkpoints that were made here. */
  get checkpoints(): number {
    return this.#checkpoints;
  }

  /** Milliseconds until the next look is due without any notice. */
  get nextLookMs(): number {
    return decide(this.#writing).nextLookMs;
  }

  /** How long the next look has to wait for: under steady writing commits are read in batches. */
  get gapMs(): number {
    return gapMs(this.#observer.manner(performance.now()));
  }

  /** The application commits, or did just now, and may checkpoint at any moment: the pin is to follow at once. */
  get isPinAwaited(): boolean {
    return this.#host.connections.walIndex !== undefined && isPinAwaited(this.#observer.manner(performance.now()));
  }

  /** So much is unread that writers commit faster than it is read. */
  get isOutrun(): boolean {
    if (this.#host.unread() < largeFrames(this.#host.pageSize())) return false;
    const { pin, sealInMs } = this.#writing;
    return !pin.isKeeping && sealInMs <= 0;
  }

  get #writing(): Writing {
    return this.#observer.writing(performance.now());
  }

  /** Slows writers down until `work` has ended, where they have made the WAL huge. */
  async slowing<T>(work: Promise<T>): Promise<T> {
    return await this.#seal.slowing(work);
  }

  /** What a notice of the WAL tells of was read, and nothing of ours is awaited. */
  get isToldBefore(): boolean {
    const { housekeeping } = this.#observer.manner(performance.now());
    return housekeeping === 'none' && this.#observer.isAsLooked;
  }

  /** Something may have changed: look closely again. */
  notice(): void {
    this.#observer.noticed(performance.now());
  }

  /** For how long what is committed from now on may stay unread. */
  get leeway(): Leeway | undefined {
    const { rhythm, unreadMs } = this.#host;
    return leewayOf(this.#writing, { unreadMs: unreadMs(), restMs: rhythm.restMs });
  }

  /** Something was committed that is read later. */
  glanced(changes: number): void {
    this.#observer.glanced(performance.now(), changes);
  }

  /** After everything that is committed was read: does what is due. Called exclusively. */
  async look(news: { readonly isNew: boolean; readonly isRestart: boolean }): Promise<void> {
    if (this.#isClosed) return;
    this.#observer.looked(performance.now(), news);
    const { kind } = this.#observer.manner(performance.now());
    this.#setSteady(kind === 'steady' || kind === 'restless');
    for (let isOver = false; !isOver;) {
      const { act } = decide(this.#writing);
      this.#observer.did(act.kind);
      isOver = (act.needsFirm && !(await this.#firm())) || (await this.#do(act));
    }
    this.#observer.lookEnded(performance.now());
  }

  #setSteady(isSteady: boolean): void {
    if (isSteady === this.#isSteady) return;
    this.#isSteady = isSteady;
    this.#host.onSteady(isSteady);
  }

  /** True when nothing more is to be done in this look. */
  async #do(act: Act): Promise<boolean> {
    switch (act.kind) {
      case 'nothing':
        return true;
      case 'firm':
        return false;
      case 'advance':
        await this.#advance();
        return false;
      case 'ease':
        await this.#host.ease();
        return true;
      case 'checkpoint':
        this.#observer.checkpointing(performance.now(), act.isTail);
        this.#start(async () => await this.#checkpointAside());
        return true;
      case 'hold':
        this.#observer.holding();
        await this.#advance();
        this.#start(async () => void (await this.#seal.slowing(this.#checkpoint())));
        return true;
      case 'seal':
        this.#start(async () => await this.#reclaim());
        return true;
      case 'yield':
      case 'step-aside':
        return await this.#stepAside(act.kind);
      case 'rest':
        this.#observer.restTried(performance.now(), await this.empty());
        return false;
      case 'leave':
        if (await this.#host.leave()) return true;
        this.#observer.restTried(performance.now(), false);
        return false;
      default:
        return assertNever(act);
    }
  }

  async #firm(): Promise<boolean> {
    const isFirm = this.#host.connections.hold === 'firm' || (await this.#host.firm());
    if (isFirm) this.#observer.firmed(performance.now());
    else this.#observer.refused(performance.now());
    return isFirm;
  }

  /** Lets the pin go where somebody else's checkpoint waits for it. True when it did. */
  async #stepAside(kind: 'yield' | 'step-aside'): Promise<boolean> {
    const { connections, proveContent, stepAside } = this.#host;
    const isEarly = kind === 'yield';
    // Another database's checkpoint would look like one of the application.
    if (isEarly && (connections.isBeingCopied || (await connections.isCheckpointerBusy()))) return false;
    if (!isEarly && (await this.#advance())) {
      this.#observer.steppedAside(performance.now(), false);
      return true;
    }
    await proveContent();
    const { isBlocked } = await this.#checkpoint({ atOnce: isEarly });
    const { frames, backfilled } = connections.counts();
    const isAwaited = isBlocked && (isEarly ? !connections.isBeingCopied : frames !== backfilled);
    if (isAwaited) await stepAside(asideFor(kind));
    if (isAwaited || !isEarly) this.#observer.steppedAside(performance.now(), isAwaited);
    return isAwaited || !isEarly;
  }

  /** While everything else goes on. */
  async #checkpointAside(): Promise<void> {
    const before = this.counts;
    await this.#host.exclusively(this.#host.proveContent);
    const { isBlocked, backfilled } = await this.#checkpoint();
    // The pin may rest now, if nobody wrote meanwhile. Where a reader keeps it from helping, there is no hurry.
    if (!isBlocked && backfilled > before.backfilled) this.#host.wake();
  }

  async #reclaim(): Promise<void> {
    const result = await this.#seal.reclaim();
    this.#observer.sealed(performance.now(), result);
    this.#host.wake();
  }

  /**
   * Copies what the WAL holds into the database and cuts the WAL off, waiting for nobody. False where somebody reads or writes at
   * this moment. Called exclusively, with everything read and a firm hold.
   */
  async empty(): Promise<boolean> {
    const { connections } = this.#host;
    if (this.#task !== undefined || connections.pins.isKeeping || connections.isBeside === false) return false;
    await this.#host.proveContent();
    const { frames, backfilled } = connections.counts();
    if (frames !== backfilled) {
      await this.#advance();
      const copied = await this.#checkpoint();
      if (copied.isBlocked || copied.backfilled < copied.frames || copied.frames !== frames) return false;
    }
    // Where everything is copied, a pin keeps nobody from emptying the WAL, and nobody's commit from being found afterwards.
    connections.pins.retake();
    this.#observer.retaken();
    if (connections.counts().frames !== frames) return false;
    if (!connections.isWalEmpty && !(await connections.emptyWal())) return false;
    this.#observer.emptied();
    return this.counts.frames === 0;
  }

  /** Nothing is started any more; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#seal.close();
    await this.#task;
  }

  async #advance(): Promise<boolean> {
    const isNew = await this.#host.advance();
    this.#observer.advanced(performance.now(), isNew);
    return isNew;
  }

  async #checkpoint(options?: CheckpointOptions): Promise<WalCounts & { readonly isBlocked: boolean }> {
    const { connections, afterCheckpoint, onHeld, onUncopied } = this.#host;
    const { pinned } = this.#observer;
    const result = await connections.checkpoint(options).catch((error: unknown) => {
      if (!(error instanceof AppError && uncopied.has(error.code))) throw error;
      // What is captured lies in the WAL meanwhile. Part of it may have been copied.
      afterCheckpoint();
      onUncopied(error);
      this.#observer.checkpointFailed(performance.now());
      return { ...connections.counts(), isBlocked: true };
    });
    if (!result.isBlocked) {
      onUncopied(undefined);
      this.#checkpoints++;
      afterCheckpoint();
      const isOurs = connections.pins.isKeeping || pinned === undefined;
      if (!isOurs) onHeld(result.backfilled < Math.min(pinned, result.frames));
    }
    this.#observer.checkpointed(performance.now(), result);
    return result;
  }

  #start(work: () => Promise<void>): void {
    if (this.#isClosed) return;
    this.#observer.busy(true);
    this.#task = work()
      .catch((error: unknown) => {
        if (!this.#isClosed) this.#host.onFailed(error);
      })
      .finally(() => {
        this.#task = undefined;
        this.#observer.busy(false);
      });
  }
}
