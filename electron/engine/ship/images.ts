// The images of one database on one target: when one is due, whose turn it is, and putting it there. Later images are put
// beside the shipping of segments, which goes on meanwhile. Reading an image is the session's.
import { AppError } from '../../../shared/errors.ts';
import { type Clock, stopwatch } from '../basics/clock.ts';
import { BackOff } from '../guard/back-off.ts';
import { formatSnapshotKey } from '../replica/keys.ts';
import { encodeObject } from '../replica/object.ts';
import { formatHash, stateHashName } from '../replica/state-hash.ts';
import { ImageSpoiled } from '../source/live-image.ts';
import type { Target } from '../targets/target.ts';
import { isImageDue } from './image-due.ts';
import { mannersOf } from './manners.ts';
import { placeIn, type Shipment, type ShippedSnapshot, type SnapshotImage } from './shipment.ts';
import type { SnapshotTurn, SnapshotTurns } from './snapshot-turns.ts';

/** After an image that an application's checkpoint spoiled, the next one waits for so long. */
export const spoiledMs = 500;

export interface ImagesOptions {
  readonly target: Target;
  readonly shipment: Shipment;
  readonly snapshotIntervalMs: number;
  readonly turns: SnapshotTurns;
  readonly clock: Clock;
  readonly onSnapshot: (snapshot: ShippedSnapshot) => void;
  readonly onProgress: () => void;
  /** The turn for an image has come, or the one on its way has ended. */
  readonly onReady: () => void;
}

interface Put {
  readonly signal: AbortSignal;
  readonly beginsPart: boolean;
  readonly missing: ShippedSnapshot['missing'];
}

interface Newest {
  readonly index: number;
  readonly at: number;
  readonly isSpoiled?: boolean;
  /** What lies behind it, as stored. */
  readonly walBytes?: number;
}

export class Images implements AsyncDisposable {
  readonly #options: ImagesOptions;
  readonly #stop = new AbortController();
  #lastAt: number | undefined;
  #lastIndex: number | undefined;
  #sinceLast: () => number = () => 0;
  /** Bytes of WAL behind the newest image: what this run shipped, else at least what lies there. */
  #walBytes = 0;
  /** Something was shipped since the newest image was put or found. */
  #hasMore = false;
  #tookMs: number | undefined;
  #turn: SnapshotTurn | undefined;
  #progress: { doneBytes: number; readonly totalBytes: number } | undefined;
  #beside: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** Segments get through where large bodies may not: each try of an image costs all of its bytes. */
  readonly #backOff = new BackOff({ firstMs: 60_000, longestMs: 3_600_000 });
  #notBefore = -Infinity;
  #snapshotIntervalMs: number;
  /** The newest one there is of no use. */
  #isWanted = false;

  constructor(options: ImagesOptions) {
    this.#options = options;
    this.#snapshotIntervalMs = options.snapshotIntervalMs;
  }

  /** When the newest image was taken that what follows on the target builds upon; undefined while there is none. */
  get lastAt(): number | undefined {
    return this.#lastAt;
  }

  /** The image on its way. */
  get progress(): { readonly doneBytes: number; readonly totalBytes: number } | undefined {
    return this.#progress;
  }

  configure({ snapshotIntervalMs }: Pick<ImagesOptions, 'snapshotIntervalMs'>): void {
    this.#snapshotIntervalMs = snapshotIntervalMs;
  }

  /** This image lies on the target; `isSpoiled`: a newer one did, which is damaged or gone. */
  adopt({ index, at, isSpoiled = false, walBytes = 0 }: Newest): void {
    this.#isWanted = isSpoiled;
    // Found again, it has what was counted behind it.
    this.#walBytes = index === this.#lastIndex && at === this.#lastAt ? Math.max(walBytes, this.#walBytes) : walBytes;
    this.#hasMore = false;
    // Found again, it is as old as it was, whatever the time of day is now.
    if (index !== this.#lastIndex || at !== this.#lastAt)
      this.#sinceLast = stopwatch(this.#options.clock, Math.max(0, this.#options.clock.now() - at));
    this.#lastAt = at;
    this.#lastIndex = index;
  }

  /** No image on the target leads to what comes next. */
  forget(): void {
    this.#lastAt = undefined;
    this.#lastIndex = undefined;
  }

  /** This much was shipped. */
  count(bytes: number): void {
    this.#turn?.moved();
    this.#walBytes += bytes;
    this.#hasMore = true;
  }

  /** Throws what an image beside the shipping failed with. */
  throwFailure(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
  }

  /** The image that has to come before anything else; undefined while its turn has not come. */
  async openFirst(): Promise<SnapshotImage | undefined> {
    await this.#beside;
    const image = await this.#openInTurn(true);
    if (image === undefined) return undefined;
    // From here on it is on its way, whatever has to be shipped before it.
    this.#progress = { doneBytes: 0, totalBytes: image.pages * this.#options.shipment.pageSize };
    this.#options.onProgress();
    return image;
  }

  /** The next image when one is due, its turn has come and none is on its way. */
  async openDue(): Promise<SnapshotImage | undefined> {
    if (this.#beside !== undefined) return undefined;
    if (this.#isDue()) return await this.#openInTurn(false);
    this.#endTurn();
    return undefined;
  }

  /** Puts an image on the target. */
  async put(image: SnapshotImage, { signal, beginsPart, missing }: Put): Promise<void> {
    const { target, shipment, clock, onSnapshot, onProgress } = this.#options;
    const begunAt = clock.ticks();
    const totalBytes = image.pages * shipment.pageSize;
    this.#progress = { doneBytes: 0, totalBytes };
    try {
      const bytes = image.read({
        signal,
        onProgress: (done) => {
          this.#progress = { doneBytes: (this.#progress?.doneBytes ?? 0) + done, totalBytes };
          this.#turn?.moved();
          onProgress();
        },
      });
      const confirmed = shipment.confirmed?.();
      const fields = {
        state: { kind: stateHashName, hash: formatHash(image.state) },
        pages: image.pages,
        pageSize: shipment.pageSize,
        at: { time: image.time, ...image.at, ...(confirmed === undefined ? {} : { confirmed }) },
        ...placeIn(shipment, { index: image.at.index, offset: 0 }),
        by: shipment.by,
      };
      const object = encodeObject(bytes, () => fields, { blocksAtOnce: mannersOf(shipment.end, { clock, signal }) });
      const key = formatSnapshotKey(shipment.generation, image.at.index);
      const { bytes: stored } = await target.put(key, object, { modifiedAt: image.time, signal });
      this.#backOff.reset();
      this.#tookMs = clock.ticks() - begunAt;
      this.adopt({ index: image.at.index, at: image.time });
      const { at, time, pages } = image;
      onSnapshot({ at, time, pages, bytes: stored, beginsPart, isFound: false, missing });
    } finally {
      this.#progress = undefined;
      this.#endTurn();
    }
  }

  /** Puts an image while segments are shipped; takes the image over. */
  putBeside(image: SnapshotImage, signal: AbortSignal): void {
    const run = async (): Promise<void> => {
      using _image = image;
      const both = AbortSignal.any([signal, this.#stop.signal]);
      try {
        await this.put(image, { signal: both, beginsPart: false, missing: undefined });
      } catch (error) {
        // One that was not needed to the end is made again another time.
        if (!both.aborted) this.#putOff(error);
      } finally {
        this.#beside = undefined;
        this.#options.onReady();
      }
    };
    this.#beside = run();
  }

  /** Lets others have the turn while nothing can be put. */
  yieldTurn(): void {
    if (this.#beside !== undefined) return;
    this.#progress = undefined;
    this.#endTurn();
  }

  /** Gives up the image beside the shipping: it is not needed to end. */
  finish(): void {
    this.#stop.abort(new AppError('cancelled'));
  }

  /** Waits until nothing reads the database any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.finish();
    await this.#beside;
    this.#endTurn();
  }

  #putOff(error: unknown): void {
    const isSpoiled = error instanceof ImageSpoiled;
    if (!isSpoiled) this.#failure = { error };
    this.#notBefore = this.#options.clock.ticks() + (isSpoiled ? spoiledMs : this.#backOff.next(error));
  }

  async #openInTurn(isFirst: boolean): Promise<SnapshotImage | undefined> {
    const { turns, shipment, onReady } = this.#options;
    const bytes = shipment.pages() * shipment.pageSize;
    this.#turn ??= turns.request({ bytes, isFirst, onGranted: onReady });
    if (!this.#turn.isGranted) return undefined;
    try {
      return await shipment.openImage();
    } catch (error) {
      this.#endTurn();
      throw error;
    }
  }

  #endTurn(): void {
    this.#turn?.[Symbol.dispose]();
    this.#turn = undefined;
  }

  #isDue(): boolean {
    const { shipment, clock } = this.#options;
    if (this.#lastAt === undefined || clock.ticks() < this.#notBefore) return false;
    // A target holds one snapshot per index: another one would replace it, and the points between them would be lost.
    if (shipment.end().index === this.#lastIndex) return false;
    if (this.#isWanted) return true;
    if (!this.#hasMore) return false;
    return isImageDue({
      agoMs: this.#sinceLast(),
      walBytes: this.#walBytes,
      databaseBytes: shipment.pages() * shipment.pageSize,
      tookMs: this.#tookMs,
      intervalMs: this.#snapshotIntervalMs,
    });
  }
}
