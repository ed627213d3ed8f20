// When a database is looked at: when the system tells of a change, when its upkeep wants to, and by the clock where nothing is
// told. Where it is enough for now, only how much was committed is noted, and read later.
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import type { Leeway } from '../upkeep/writing.ts';
import type { Life } from './life.ts';

/** The pin follows commits in turns of this length, */
const followMs = 0.15;
/** and at most for so long, or so many frames, before what it passed is read. */
const longestFollowMs = 10;
const mostUnread = 400;
/** Between two looks while nobody commits: much shorter than an application sleeps between two tries. */
const dozeMs = 0.1;

/** What is looked at, and what a look does. */
export interface LookingHost {
  /** While it is joined. */
  readonly life: () => Life | undefined;
  /** Until the next look from outside; undefined when only a notice can bring news. */
  readonly nextLookMs: () => number | undefined;
  readonly isAnyImageOpen: () => boolean;
  /** SQLite's count of transactions at the captured end. */
  readonly captured: () => number | undefined;
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  /** Looks, and does what is due. */
  readonly cycle: () => Promise<void>;
  /** What lies behind the old pin may be overwritten from now on. */
  readonly leaveRest: (life: Life) => void;
  /** Transactions up to this count were committed by now. True where there were not so many before. */
  readonly sighted: (changes: number) => boolean;
  /** Something was committed that is read later. */
  readonly onUnread: () => void;
  /** A round of looks is over. */
  readonly onSettled: () => void;
  readonly onFailed: (error: unknown) => void;
}

export class Looking implements Disposable {
  readonly #host: LookingHost;
  #isWoken = false;
  #isRunning = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  #lastCycleAt = 0;
  /** For how long what is committed may stay unread. */
  #leeway: (Leeway & { readonly endsAt: number; restsAt: number }) | undefined;
  /** It is about to be looked by the clock, and notices of commits tell nothing new. */
  #isGlancing = false;
  #isUnread = false;

  constructor(host: LookingHost) {
    this.#host = host;
  }

  /** Something that was committed is read later. */
  get isUnread(): boolean {
    return this.#isUnread;
  }

  get isGlancing(): boolean {
    return this.#isGlancing;
  }

  /** Everything that is committed is being read. */
  read(): void {
    this.#isUnread = false;
  }

  /** Looks soon; `withinMs`: or with the next look that comes before. Never throws. */
  look(withinMs = 0): void {
    if (this.#isClosed) return;
    if (withinMs > 0) {
      if (!this.#isRunning && !this.#isWoken) this.#timer ??= setTimeout(() => this.look(), withinMs);
      return;
    }
    this.#isWoken = true;
    this.#isGlancing = false;
    if (!this.#isRunning) void this.#pump();
  }

  /** Looks now. Never throws. */
  async lookNow(): Promise<void> {
    try {
      await this.#host.exclusively(async () => await this.#cycle());
      if (!this.#isRunning) this.#schedule();
    } catch (error) {
      this.#host.onFailed(error);
    }
  }

  /** No look begins any more. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #cycle(): Promise<void> {
    if (this.#isClosed) return;
    this.#lastCycleAt = performance.now();
    await this.#host.cycle();
  }

  async #pump(): Promise<void> {
    const host = this.#host;
    this.#isRunning = true;
    try {
      while (this.#isWoken && !this.#isClosed) {
        this.#isWoken = false;
        clearTimeout(this.#timer);
        this.#timer = undefined;
        const upkeep = host.life()?.upkeep;
        const wait = this.#lastCycleAt + (upkeep?.gapMs ?? 0) - performance.now();
        if (upkeep?.isPinAwaited === true) await this.#follow();
        else if (wait > 0) await delay(wait);
        await host.exclusively(async () => await this.#cycle());
        if (host.life()?.upkeep.isPinAwaited === true) this.#isWoken = true;
      }
      this.#schedule();
    } catch (error) {
      host.onFailed(error);
    } finally {
      this.#isRunning = false;
    }
  }

  /**
   * An application that empties the WAL itself waits for the pin, and sleeps longer with each try. So the pin follows its
   * commits at once, without reading; what they left is read when they break off.
   */
  async #follow(): Promise<void> {
    const host = this.#host;
    const life = host.life();
    if (life === undefined) return;
    const { connections, reader, upkeep } = life;
    // What an image needs is copied aside before the pin moves.
    const isOver = (): boolean => this.#isClosed || host.life() !== life || host.isAnyImageOpen();
    for (const endAt = performance.now() + longestFollowMs; performance.now() < endAt && !this.#isClosed;) {
      const isMoved = await host.exclusively(
        async () =>
          !isOver() && connections.isBeside !== false && connections.pins.follow(followMs, () => host.leaveRest(life)),
      );
      if (isOver()) return;
      const { changes, frames = 0, backfilled } = connections.walIndex?.read() ?? {};
      if (isMoved) {
        if (frames - reader.frames > mostUnread) return;
      } else {
        // A checkpoint copies, or has copied, what was committed: the pin may rest.
        if (changes !== host.captured() || backfilled !== upkeep.counts.backfilled) return;
        doze();
      }
      await nextTurn();
    }
  }

  /** Looks again without a notice, where that may bring something. */
  #schedule(): void {
    if (this.#isClosed) return;
    const host = this.#host;
    host.onSettled();
    const present = host.life();
    const life = present?.aloneSince === undefined ? present : undefined;
    const ms = life === undefined ? host.nextLookMs() : life.upkeep.nextLookMs;
    const leeway = life?.upkeep.leeway;
    const now = performance.now();
    this.#leeway = leeway && { ...leeway, endsAt: now + leeway.forMs, restsAt: now + leeway.restsInMs };
    clearTimeout(this.#timer);
    this.#timer = ms === undefined ? undefined : setTimeout(() => this.#glance(), ms);
  }

  /** Looks; where it is enough for now, only at how much was committed. */
  #glance(): void {
    const life = this.#host.life();
    const isIdle = life !== undefined && !this.#isRunning && !this.#isWoken;
    this.#isGlancing = isIdle && this.#mayStayUnread(life);
    if (this.#isGlancing) this.#timer?.refresh();
    else this.look();
  }

  #mayStayUnread({ connections, reader, upkeep }: Life): boolean {
    const leeway = this.#leeway;
    const header = leeway === undefined ? undefined : connections.walIndex?.read();
    if (leeway === undefined || header === undefined || !reader.isOf(header.salts)) return false;
    const { changes, frames, backfilled } = header;
    const now = performance.now();
    if (this.#host.sighted(changes)) {
      leeway.restsAt = now + leeway.restMs;
      upkeep.glanced(changes);
      if (!this.#isUnread) this.#host.onUnread();
      this.#isUnread = true;
    } else if (now >= leeway.restsAt || connections.isBeside !== true) {
      // Who committed just now is there, and the sidecars are.
      return false;
    }
    const isEnough = now >= leeway.endsAt || frames >= leeway.frames || backfilled !== leeway.backfilled;
    return !isEnough && !this.#host.isAnyImageOpen();
  }
}

const dozing = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps for less than a timer can. */
function doze(): void {
  Atomics.wait(dozing, 0, 0, dozeMs);
}
