// Ships one database to one target: what was captured since, once per sync interval, and an image when the history there
// needs one. The position is learned by listing. A target that fails costs nothing but lag: capture goes on, and this tries
// again when the guard before the target lets it. Cutting segments is segments.ts, learning what lies there take-stock.ts.
import { isDeepStrictEqual } from 'node:util';
import { AppError, toErrorData, type Problem } from '../../../shared/errors.ts';
import type { Moment } from '../../../shared/history.ts';
import type { TargetId } from '../../../shared/ids.ts';
import type { Retention } from '../../../shared/retention.ts';
import type { Place } from '../../../shared/position.ts';
import type { Clock } from '../basics/clock.ts';
import { ImageSpoiled } from '../source/live-image.ts';
import { explainShortage } from '../source/source-errors.ts';
import type { Reach } from '../guard/target-guard.ts';
import { type EarlierHistory, type FormerHistory, shipFormer, tellEarlier } from './former.ts';
import { Images, spoiledMs } from './images.ts';
import { Pace } from './pace.ts';
import { shipRange } from './segments.ts';
import { isBehind, type ShippedSnapshot } from './shipment.ts';
import type { SnapshotTurns } from './snapshot-turns.ts';
import { type Parting, type StockOptions, takeStock } from './take-stock.ts';

interface Settings {
  readonly syncIntervalMs: number;
  readonly snapshotIntervalMs: number;
  readonly retention: Retention;
}

export interface ShipperOptions extends Settings, StockOptions {
  readonly targetId: TargetId;
  /** Disposed when this ends. */
  readonly reach: Reach;
  /** Generations before this one that the target may not have whole, oldest first. */
  readonly formers: readonly FormerHistory[];
  /** Others before this one of which it may have more than was told, oldest first. */
  readonly earlier: readonly EarlierHistory[];
  /** Runs beside the shipping for as long as that does. */
  readonly retainer: {
    readonly run: (signal: AbortSignal) => Promise<void>;
    readonly reconsider: () => void;
    readonly noteNames: () => void;
  };
  readonly turns: SnapshotTurns;
  readonly clock: Clock;
  /** Prepares the place on the target (folder, replica record); runs before the first listing. */
  readonly prepare: (signal: AbortSignal) => Promise<void>;
  /** What others had there before is told and whole. */
  readonly onOthersEnded: (signal: AbortSignal) => Promise<void>;
  /** Sees to it that the place is still ours; runs before something is put. */
  readonly hold: (options: { readonly before?: 'snapshot'; readonly signal: AbortSignal }) => Promise<void>;
  readonly onProblem: (problem: Problem | undefined) => void;
  readonly onProgress: () => void;
  /** The history cannot be continued there. */
  readonly onParted: (why: Parting) => void;
}

/** What waits longer, or is more than this, is caught up with in turns. */
const behindMs = 60_000;
const behindBytes = 32 * 1024 * 1024;
/** For so long images that have to come first are made again without a word. */
const spoiledPatienceMs = 5000;

export class Shipper {
  readonly #options: ShipperOptions;
  readonly #pace: Pace;
  readonly #images: Images;
  readonly #earlier: EarlierHistory[];
  readonly #formers: FormerHistory[];
  #position: Place | undefined;
  #shippedAt = 0;
  /** What the target misses, while it waits for an image that goes on behind the hole. */
  #missing: ShippedSnapshot['missing'];
  #problem: Problem | undefined;
  #finishAt: Place = { index: 0, offset: 0 };
  #isTold = false;
  /** What lay at the position and behind it when that was learned: it counts for nothing. */
  #lying: ReadonlySet<string> = new Set();
  /** What was to be put was there already, and nothing got through since. */
  #wasThere = false;
  /** Since when each image that has to come first was spoiled. */
  #spoiledSince: number | undefined;
  /** Ends what runs beside. */
  readonly #ends = new AbortController();
  #mustLook = false;
  #settings: Settings;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#settings = options;
    this.#pace = new Pace(options.clock);
    this.#earlier = [...options.earlier];
    this.#formers = [...options.formers];
    this.#images = new Images({ ...options, onReady: () => this.#pace.wake() });
  }

  /** What the target has; undefined before it was asked. */
  get position(): Place | undefined {
    return this.#position;
  }

  get shipped(): Moment | undefined {
    if (this.#position === undefined || this.#images.lastAt === undefined) return undefined;
    return { position: { generation: this.#options.shipment.generation, ...this.#position }, at: this.#shippedAt };
  }

  get targetId(): TargetId {
    return this.#options.targetId;
  }

  get problem(): Problem | undefined {
    return this.#problem;
  }

  /** The image on its way. */
  get snapshotting(): { readonly doneBytes: number; readonly totalBytes: number } | undefined {
    return this.#images.progress;
  }

  /** Captured bytes that the target does not have, as far as is known; the whole database where it waits for an image. */
  get lagBytes(): number {
    const { spool, end, baseline, pageSize } = this.#options.shipment;
    const to = end();
    const isAsked = this.#position !== undefined;
    const from = this.#position ?? this.#options.told().last;
    if (isAsked ? this.#images.lastAt === undefined : from === undefined) return baseline.pages * pageSize;
    let bytes = 0;
    for (const file of spool.files()) {
      if (file.index > to.index || (from !== undefined && file.index < from.index)) continue;
      bytes += file.index === to.index ? to.offset : file.bytes;
      if (file.index === from?.index) bytes -= from.offset;
    }
    return Math.max(0, bytes);
  }

  /** When the oldest captured transaction was made that the target does not have; undefined when it has all. */
  get laggingSince(): number | undefined {
    return this.#options.shipment.commits.firstBehind(this.#position ?? { index: -1, offset: 0 })?.at;
  }

  /** How long the oldest captured transaction that the target does not have waits; 0 when it has all. */
  get lagSeconds(): number {
    const since = this.laggingSince;
    return since === undefined ? 0 : Math.max(0, this.#options.clock.now() - since) / 1000;
  }

  /** How often is shipped, how often an image is made, and how much is kept, from now on. */
  configure({ syncIntervalMs, snapshotIntervalMs, retention }: Settings): void {
    const before = this.#settings;
    this.#settings = { syncIntervalMs, snapshotIntervalMs, retention };
    if (!isDeepStrictEqual(retention, before.retention)) this.#options.retainer.reconsider();
    if (syncIntervalMs === before.syncIntervalMs && snapshotIntervalMs === before.snapshotIntervalMs) return;
    this.#images.configure({ snapshotIntervalMs });
    this.#pace.urge();
  }

  /**
   * What lies there is looked at again before anything more is shipped; `now`: also where there is nothing to ship. `because`:
   * what is wrong there, until everything is whole again.
   */
  lookAgain({ now = false, because }: { readonly now?: boolean; readonly because?: AppError | undefined } = {}): void {
    this.#mustLook = true;
    if (because !== undefined) this.#report(because);
    if (now) this.#pace.wake();
  }

  /** Restore points have other names; `mayDelete`: some may go that had one. */
  namesChanged({ mayDelete }: { readonly mayDelete: boolean }): void {
    const { retainer } = this.#options;
    retainer.noteNames();
    if (mayDelete) retainer.reconsider();
  }

  /** More was captured. */
  wake(): void {
    this.#pace.wake();
  }

  /** Ships until stopped. Ends when `signal` aborts; after {@link finish}, ends when everything is shipped. */
  async run(signal: AbortSignal): Promise<void> {
    const beside = this.#options.retainer.run(AbortSignal.any([signal, this.#ends.signal]));
    try {
      await this.#ship(signal);
    } finally {
      this.#ends.abort(new AppError('cancelled'));
      await beside;
    }
  }

  async #ship(signal: AbortSignal): Promise<void> {
    const { reach, clock } = this.#options;
    using _reach = reach;
    await using _images = this.#images;
    while (!signal.aborted) {
      // Who knows what happened there while the computer slept.
      if (this.#pace.begin() || this.#mustLook) this.#position = undefined;
      this.#mustLook = false;
      try {
        const isWhole = await this.#shipAll(signal);
        this.#wasThere = false;
        this.#spoiledSince = undefined;
        reach.passed();
        if (isWhole || this.#problem?.code !== 'replica-gone') this.#report(undefined);
        if (!isWhole) await this.#pace.woken(signal);
        else if (!this.#pace.isHurried)
          await this.#pace.nextRound(this.#settings.syncIntervalMs * reach.stretch, signal);
        // The round may have begun before the end was where it was when finishing was asked.
        else if (this.#position !== undefined && !isBehind(this.#position, this.#finishAt)) return;
      } catch (error) {
        if (signal.aborted) return;
        this.#position = undefined;
        // Something may lie there that could not be told.
        this.#isTold = false;
        this.#images.yieldTurn();
        // Somebody else wrote there, or an answer was lost: the next look tells.
        if (error instanceof AppError && error.code === 'object-changed' && !this.#wasThere) {
          this.#wasThere = true;
          continue;
        }
        if (error instanceof ImageSpoiled) {
          if (this.#pace.isHurried) return;
          this.#spoiledSince ??= clock.ticks();
          if (clock.ticks() - this.#spoiledSince > spoiledPatienceMs) this.#report(error);
          await this.#pace.unlessHurried(async (inner) => await clock.sleep(spoiledMs, { signal: inner }), signal);
          continue;
        }
        this.#report(explainShortage(error, { file: this.#options.shipment.spool.folder }));
        // A last try is one try: what waits is in the spool and goes out after the next start.
        if (this.#pace.isHurried) return;
        await this.#pace.unlessHurried(async (inner) => await reach.untilRetry(error, { signal: inner }), signal);
      }
    }
  }

  /** Ship what is captured now, without waiting for the interval, then end. What comes later waits in the spool. */
  finish(): void {
    this.#finishAt = this.#options.shipment.end();
    this.#images.finish();
    this.#ends.abort(new AppError('cancelled'));
    this.#pace.hurry();
  }

  /** One round. False while an image has to be made before anything else, and its turn has not come. */
  async #shipAll(signal: AbortSignal): Promise<boolean> {
    this.#images.throwFailure();
    if (this.#position === undefined) {
      await this.#locate(signal);
      // What waits is known now; where that is nothing, no shipment will tell.
      this.#options.onProgress();
    }
    if (this.#images.lastAt === undefined && !(await this.#beginPart(signal))) return false;
    if (!(await this.#catchUp(signal))) {
      // The spool let go what comes next here: only an image helps, at once when its turn comes.
      if (this.#position !== undefined) this.#missing ??= { from: this.#position, since: this.#shippedAt };
      this.#images.forget();
      this.#pace.wake();
      return false;
    }
    const image = this.#pace.isHurried ? undefined : await this.#images.openDue();
    // Everything before the image first: a restore to any time behind the snapshot must find it.
    if (image !== undefined) {
      try {
        await this.#options.hold({ before: 'snapshot', signal });
        await this.#shipTo(image.at, signal);
      } catch (error) {
        image[Symbol.dispose]();
        throw error;
      }
      this.#images.putBeside(image, signal);
    }
    return true;
  }

  /** Ships everything that is captured; in turns with other databases, where that is much. False as {@link #shipTo}. */
  async #catchUp(signal: AbortSignal): Promise<boolean> {
    const { shipment, reach, clock } = this.#options;
    await shipment.catchUp();
    const sinceAt = this.laggingSince;
    const isBehindMuch = sinceAt !== undefined && (clock.now() - sinceAt > behindMs || this.lagBytes > behindBytes);
    using _turn = isBehindMuch ? await reach.catchUp({ sinceAt, signal }) : undefined;
    return await this.#shipTo(shipment.end(), signal);
  }

  /** The image that a history, or a part of one behind a hole, begins with. False while its turn has not come. */
  async #beginPart(signal: AbortSignal): Promise<boolean> {
    const image = await this.#images.openFirst();
    if (image === undefined) return false;
    using _image = image;
    await this.#options.hold({ before: 'snapshot', signal });
    // A snapshot needs its index from the start.
    if (this.#position?.index !== image.at.index) this.#position = { index: image.at.index, offset: 0 };
    // What lies there before the image does belongs to no part yet: it is told afterwards.
    const news: Parameters<ShipperOptions['onShipped']>[] = [];
    await this.#shipTo(image.at, signal, (...one) => news.push(one));
    await this.#images.put(image, { signal, beginsPart: true, missing: this.#missing });
    for (const one of news) this.#options.onShipped(...one);
    this.#missing = undefined;
    this.#shippedAt = Math.max(this.#shippedAt, image.time);
    return true;
  }

  /** What other generations still have to tell and to ship there; then what the target has of this one. */
  async #locate(signal: AbortSignal): Promise<void> {
    const { prepare, onParted } = this.#options;
    await prepare(signal);
    await this.#endOthers(signal);
    await this.#options.onOthersEnded(signal);
    const stock = await takeStock(this.#options, { isTold: this.#isTold, signal });
    if (stock.kind === 'parted') {
      onParted(stock.why);
      throw new AppError('cancelled');
    }
    this.#isTold = true;
    this.#shippedAt = stock.shippedAt;
    this.#lying = stock.lying;
    this.#missing = stock.missing ?? this.#missing;
    if (stock.image === undefined) this.#images.forget();
    else this.#images.adopt(stock.image);
    this.#position = stock.position;
  }

  /** What ended before the present generation began, each once. */
  async #endOthers(signal: AbortSignal): Promise<void> {
    const { target } = this.#options;
    for (let earlier = this.#earlier[0]; earlier !== undefined; earlier = this.#earlier[0]) {
      await tellEarlier(earlier, { target, signal });
      this.#earlier.shift();
    }
    for (let former = this.#formers[0]; former !== undefined; former = this.#formers[0]) {
      await shipFormer(former, { target, signal });
      this.#formers.shift();
    }
  }

  /** Ships up to a place; false when the spool does not have all of it any more. */
  async #shipTo(
    to: Place,
    signal: AbortSignal,
    onShipped: (...news: Parameters<ShipperOptions['onShipped']>) => void = this.#options.onShipped,
  ): Promise<boolean> {
    const { target, shipment } = this.#options;
    const from = this.#position;
    if (from === undefined || isBehind(to, from)) return true;
    if (isBehind(from, to)) await this.#options.hold({ signal });
    const reached = await shipRange(shipment, {
      target,
      from,
      to,
      notBefore: this.#shippedAt,
      mayReplace: (key) => this.#lying.has(key),
      signal,
      onShipped: (segment) => {
        const bytes = segment.to.offset - (segment.to.index === this.#position?.index ? this.#position.offset : 0);
        this.#position = segment.to;
        this.#shippedAt = Math.max(this.#shippedAt, segment.at);
        this.#images.count(bytes);
        const last = { position: { generation: shipment.generation, ...segment.to }, at: segment.at };
        onShipped(last, segment.commits, segment.put);
      },
    });
    this.#position = reached;
    return !isBehind(reached, to);
  }

  #report(error: unknown): void {
    const problem =
      error === undefined
        ? undefined
        : { ...toErrorData(error), sinceAt: this.#problem?.sinceAt ?? this.#options.clock.now() };
    if (problem?.code === this.#problem?.code && problem?.message === this.#problem?.message) return;
    this.#problem = problem;
    this.#options.onProblem(problem);
  }
}
