// Ships one database to one target: segments cut at transaction ends from the target's position to the spool's end, once
// per sync interval, never re-cut; and snapshots when the history there needs one. The position is learned by listing.
// A target that fails costs nothing but lag: capture goes on, and this tries again with jitter and a cap.
import { AppError, toErrorData } from '../../shared/errors.ts';
import type { Moment, Problem, TargetId } from '../../shared/model.ts';
import type { Generation } from '../../shared/position.ts';
import type { Place } from './capture.ts';
import type { Clock } from './clock.ts';
import { type Commit, type CommitLog, thinCommits } from './commits.ts';
import { formatSegmentKey, formatSnapshotKey, generationPrefix, parseKey } from './replica/keys.ts';
import { encodeWhole, encodeObject, readTrailer } from './replica/object.ts';
import { formatHash, stateHashName } from './replica/state-hash.ts';
import { maxCommits, type Trailer } from './replica/trailer.ts';
import type { Composed } from './notes.ts';
import type { Spool } from './spool.ts';
import type { StoredObject, Target } from './targets/target.ts';

/** An image of the database, ready to be read. */
export interface SnapshotImage extends Disposable {
  readonly at: Place;
  readonly time: number;
  readonly state: bigint;
  readonly pages: number;
  /** Bytes of the image, checked against the state hash while they pass; throws at the end if they differ. */
  read(options: {
    readonly signal: AbortSignal;
    readonly onProgress: (bytes: number) => void;
  }): AsyncIterable<Uint8Array>;
}

/** What a shipper needs of the database it ships. */
export interface Shipment {
  readonly generation: Generation;
  readonly spool: Spool;
  readonly commits: CommitLog;
  readonly pageSize: number;
  /** The end of the last captured transaction. */
  readonly end: () => Place;
  /** The state at the end of an index, for segments without a transaction of their own. */
  readonly baseline: { readonly place: Place; readonly at: number; readonly state: bigint; readonly pages: number };
  /** The indices that were composed for times that were not watched. */
  readonly composed: readonly Composed[];
  readonly openImage: () => Promise<SnapshotImage>;
  readonly by: Trailer['by'];
}

export interface ShipperOptions {
  readonly targetId: TargetId;
  readonly target: Target;
  readonly shipment: Shipment;
  readonly syncIntervalMs: number;
  readonly snapshotIntervalMs: number;
  readonly clock: Clock;
  /** Prepares the place on the target (folder, replica record); runs before the first listing. */
  readonly prepare: (signal: AbortSignal) => Promise<void>;
  readonly onShipped: (last: Moment, commits: readonly Commit[]) => void;
  /** `beginsPart`: nothing that the target has reaches it. `isFound`: an earlier run put it there. */
  readonly onSnapshot: (snapshot: ShippedSnapshot) => void;
  /** What was told of this target in earlier runs: what lies there beyond is told again. */
  readonly known: { readonly snapshots: ReadonlySet<number>; readonly last: Place | undefined };
  readonly onProblem: (problem: Problem | undefined) => void;
  readonly onProgress: () => void;
  /** The target has more than the spool: what was captured last is lost here, and the history cannot be continued. */
  readonly onAhead: () => void;
}

export interface ShippedSnapshot {
  readonly at: Place;
  readonly time: number;
  readonly pages: number;
  readonly beginsPart: boolean;
  readonly isFound: boolean;
}

const firstRetryMs = 500;
const longestRetryMs = 30_000;
/** A segment is cut here at the latest, unless one transaction alone is larger. */
const segmentBytes = 32 * 1024 * 1024;
/** A snapshot is due when this much WAL was shipped since the last one, or as much as the database is large, */
const snapshotAfterBytes = 256 * 1024 * 1024;
/** but not oftener than this: an image costs reading the whole database. */
const snapshotEveryMs = 10 * 60_000;

export class Shipper {
  readonly #options: ShipperOptions;
  #position: Place | undefined;
  #shippedAt = 0;
  #snapshotAt: number | undefined;
  #snapshotIndex: number | undefined;
  #bytesSinceSnapshot = 0;
  #problem: Problem | undefined;
  #snapshotting: { doneBytes: number; readonly totalBytes: number } | undefined;
  #wake: () => void = () => {};
  #isWoken = false;
  #isFinishing = false;
  #finishAt: Place = { index: 0, offset: 0 };
  #isReconciled = false;

  constructor(options: ShipperOptions) {
    this.#options = options;
  }

  /** What the target has; undefined before it was asked. */
  get position(): Place | undefined {
    return this.#position;
  }

  get shipped(): Moment | undefined {
    if (this.#position === undefined || this.#snapshotAt === undefined) return undefined;
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
    return this.#snapshotting;
  }

  /** Captured bytes that the target does not have. */
  get lagBytes(): number {
    const { spool, end } = this.#options.shipment;
    const to = end();
    const from = this.#position;
    let bytes = 0;
    for (const file of spool.files()) {
      if (file.index > to.index || (from !== undefined && file.index < from.index)) continue;
      bytes += file.index === to.index ? to.offset : file.bytes;
      if (file.index === from?.index) bytes -= from.offset;
    }
    return Math.max(0, bytes);
  }

  /** More was captured. */
  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Ships until stopped. Ends when `signal` aborts; after {@link finish}, ends when everything is shipped. */
  async run(signal: AbortSignal): Promise<void> {
    let retryMs = firstRetryMs;
    while (!signal.aborted) {
      const startedAt = this.#options.clock.now();
      this.#isWoken = false;
      try {
        await this.#shipAll(signal);
        retryMs = firstRetryMs;
        this.#report(undefined);
        if (!this.#isFinishing) await this.#nextRound(startedAt, signal);
        // The round may have begun before the end was where it was when finishing was asked.
        else if (this.#position !== undefined && !isBehind(this.#position, this.#finishAt)) return;
      } catch (error) {
        if (signal.aborted) return;
        this.#position = undefined;
        this.#report(error);
        // A last try is one try: what waits is in the spool and goes out after the next start.
        if (this.#isFinishing) return;
        await this.#pause(retryMs * (0.5 + Math.random()), signal);
        retryMs = Math.min(retryMs * 2, longestRetryMs);
      }
    }
  }

  /** Ship what is captured now, without waiting for the interval, then end. What comes later waits in the spool. */
  finish(): void {
    this.#isFinishing = true;
    this.#finishAt = this.#options.shipment.end();
    this.wake();
  }

  async #shipAll(signal: AbortSignal): Promise<void> {
    if (this.#position === undefined) await this.#locate(signal);
    if (this.#snapshotAt === undefined) await this.#snapshot(signal);
    await this.#shipTo(this.#options.shipment.end(), signal);
    if (!this.#isFinishing && this.#isSnapshotDue()) await this.#snapshot(signal);
  }

  /** Learns by listing what the target has of this generation. */
  async #locate(signal: AbortSignal): Promise<void> {
    const { target, shipment, prepare, onAhead } = this.#options;
    const { generation, spool } = shipment;
    await prepare(signal);
    const objects = await target.list(generationPrefix(generation), { signal });
    let last:
      { readonly key: string; readonly bytes: number; readonly modifiedAt: number; readonly place: Place } | undefined;
    let snapshot: { readonly index: number; readonly at: number } | undefined;
    for (const object of objects) {
      const key = parseKey(object.key);
      if (key?.kind === 'segment') last = { ...object, place: { index: key.index, offset: key.offset } };
      if (key?.kind === 'snapshot') snapshot = { index: key.index, at: object.modifiedAt };
    }
    await this.#reconcile(objects, signal);
    this.#snapshotAt = snapshot?.at;
    this.#snapshotIndex = snapshot?.index;
    this.#bytesSinceSnapshot = 0;
    let position: Place | undefined;
    if (last !== undefined) {
      position = await endOfSegment(target, last, { signal });
      this.#shippedAt = last.modifiedAt;
    } else if (snapshot !== undefined) {
      position = { index: snapshot.index, offset: 0 };
      this.#shippedAt = snapshot.at;
    }
    if (position !== undefined && isBehind(shipment.end(), position)) {
      onAhead();
      throw new AppError('cancelled');
    }
    const held = position === undefined ? undefined : spool.sizeOf(position.index);
    const isNext = position !== undefined && position.index === shipment.end().index && position.offset === 0;
    if (position === undefined || (held === undefined && !isNext)) {
      // Nothing there that the spool continues: an image, and the index that it belongs to from its start.
      this.#snapshotAt = undefined;
      position = { index: shipment.end().index, offset: 0 };
    }
    this.#position = position;
  }

  /** A run that was killed may have put objects that nobody was told of: their trailers tell. */
  async #reconcile(objects: readonly StoredObject[], signal: AbortSignal): Promise<void> {
    if (this.#isReconciled) return;
    const { target, shipment, known, onShipped, onSnapshot } = this.#options;
    let hasPart = known.snapshots.size > 0;
    for (const object of objects) {
      const key = parseKey(object.key);
      if (key?.kind !== 'snapshot' || known.snapshots.has(key.index)) continue;
      const { at, pages } = (await soundTrailer(target, object, { signal })) ?? {};
      if (at === undefined || pages === undefined) continue;
      onSnapshot({ at, time: at.time, pages, beginsPart: !hasPart, isFound: true });
      hasPart = true;
    }
    for (const object of objects) {
      const key = parseKey(object.key);
      if (key?.kind !== 'segment' || (known.last !== undefined && isBehind(key, known.last))) continue;
      const trailer = await soundTrailer(target, object, { signal });
      if (trailer === undefined) continue;
      const { index } = key;
      const commits = (trailer.commits ?? []).map(([offset, at], i): Commit => ({
        index,
        offset,
        at,
        state: 0n,
        pages: trailer.states?.[i]?.[1] ?? trailer.pages,
        written: 0,
        transactions: 1,
      }));
      const position = { generation: shipment.generation, index, offset: key.offset + trailer.size };
      onShipped({ position, at: commits.at(-1)?.at ?? object.modifiedAt }, commits);
    }
    this.#isReconciled = true;
  }

  async #snapshot(signal: AbortSignal): Promise<void> {
    const { target, shipment, onSnapshot, onProgress } = this.#options;
    using image = await shipment.openImage();
    const beginsPart = this.#snapshotAt === undefined;
    const totalBytes = image.pages * shipment.pageSize;
    this.#snapshotting = { doneBytes: 0, totalBytes };
    try {
      // Everything before the image first: a restore to any time behind the snapshot must find it.
      await this.#shipTo(image.at, signal);
      const bytes = image.read({
        signal,
        onProgress: (done) => {
          this.#snapshotting = { doneBytes: (this.#snapshotting?.doneBytes ?? 0) + done, totalBytes };
          onProgress();
        },
      });
      const object = encodeObject(bytes, () => ({
        state: { kind: stateHashName, hash: formatHash(image.state) },
        pages: image.pages,
        pageSize: shipment.pageSize,
        at: { time: image.time, ...image.at },
        by: shipment.by,
      }));
      const key = formatSnapshotKey(shipment.generation, image.at.index);
      await target.put(key, object, { modifiedAt: image.time, signal });
      this.#snapshotAt = image.time;
      this.#snapshotIndex = image.at.index;
      this.#shippedAt = Math.max(this.#shippedAt, image.time);
      this.#bytesSinceSnapshot = 0;
      onSnapshot({ at: image.at, time: image.time, pages: image.pages, beginsPart, isFound: false });
    } finally {
      this.#snapshotting = undefined;
    }
  }

  async #shipTo(to: Place, signal: AbortSignal): Promise<void> {
    const { spool } = this.#options.shipment;
    for (;;) {
      signal.throwIfAborted();
      const from = this.#position;
      if (from === undefined || from.index > to.index || (from.index === to.index && from.offset >= to.offset)) return;
      const end = from.index === to.index ? to.offset : spool.sizeOf(from.index);
      if (end !== undefined && from.offset < end) {
        await this.#shipSegment(from, end, signal);
      } else if (from.index < to.index) {
        this.#position = { index: from.index + 1, offset: 0 };
      } else {
        return;
      }
    }
  }

  async #shipSegment(from: Place, end: number, signal: AbortSignal): Promise<void> {
    const { target, shipment, onShipped } = this.#options;
    const { spool, generation, pageSize, baseline } = shipment;
    const composed = shipment.composed.find(({ index }) => index === from.index);
    let commits = shipment.commits.between(from.index, from.offset, end);
    // Cut at the last transaction that fits; the first cut of an index must reach the image that overlaps it.
    const least = from.index === baseline.place.index ? baseline.place.offset : 0;
    const cut = commits.findLast(({ offset }) => offset - from.offset <= segmentBytes && offset >= least) ?? commits[0];
    const to = end - from.offset <= segmentBytes || cut === undefined ? end : cut.offset;
    commits = commits.filter(({ offset }) => offset <= to);
    const last = commits.at(-1) ?? { ...baseline, offset: to };
    const kept = thinCommits(commits, maxCommits);
    const bytes = [...spool.read(from.index, { from: from.offset, to })];
    const object = await encodeWhole(bytes, {
      state: { kind: stateHashName, hash: formatHash(last.state) },
      pages: last.pages,
      pageSize,
      commits: kept.map(({ offset, at }) => [offset, at]),
      states: kept.map(({ state, pages }) => [formatHash(state), pages]),
      origin: composed === undefined ? { kind: 'wal' } : { kind: 'composed', from: composed.from, to: composed.to },
      by: shipment.by,
      ...this.#follows(from),
    });
    const key = formatSegmentKey(generation, from.index, from.offset);
    await target.put(key, object, { modifiedAt: last.at, signal });
    this.#position = { index: from.index, offset: to };
    this.#shippedAt = Math.max(this.#shippedAt, last.at);
    this.#bytesSinceSnapshot += to - from.offset;
    onShipped({ position: { generation, index: from.index, offset: to }, at: last.at }, kept);
  }

  /** Where the index before this one ended, so that a segment that is lost there is missed. */
  #follows(from: Place): Pick<Trailer, 'follows'> {
    const before = this.#options.shipment.spool.sizeOf(from.index - 1);
    return from.offset === 0 && before !== undefined ? { follows: { index: from.index - 1, offset: before } } : {};
  }

  #isSnapshotDue(): boolean {
    const { shipment, snapshotIntervalMs, clock } = this.#options;
    if (this.#snapshotAt === undefined || this.#bytesSinceSnapshot === 0) return false;
    // A target holds one snapshot per index: another one would replace it, and the points between them would be lost.
    if (shipment.end().index === this.#snapshotIndex) return false;
    const ageMs = clock.now() - this.#snapshotAt;
    const isLarge =
      this.#bytesSinceSnapshot > Math.max(snapshotAfterBytes, shipment.baseline.pages * shipment.pageSize);
    return (isLarge && ageMs >= snapshotEveryMs) || (snapshotIntervalMs > 0 && ageMs >= snapshotIntervalMs);
  }

  /** Sleeps until there is more to ship, and no earlier than one interval after the last round began. */
  async #nextRound(startedAt: number, signal: AbortSignal): Promise<void> {
    if (!this.#isWoken) await this.#woken(signal);
    const waitMs = startedAt + this.#options.syncIntervalMs - this.#options.clock.now();
    if (waitMs > 0 && !this.#isFinishing) await this.#pause(waitMs, signal);
  }

  /** Sleeps, but not when finishing. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const ends = new AbortController();
    const timer = this.#options.clock.sleep(ms, { signal: AbortSignal.any([signal, ends.signal]) }).catch(() => {});
    const finishing = this.#finishing(ends.signal);
    await Promise.race([timer, finishing]);
    ends.abort();
  }

  async #finishing(signal: AbortSignal): Promise<void> {
    while (!this.#isFinishing && !signal.aborted) await this.#woken(signal);
  }

  async #woken(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
    });
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

function isBehind(a: Place, b: Place): boolean {
  return a.index < b.index || (a.index === b.index && a.offset < b.offset);
}

/** An object's trailer; undefined where it has none, or is damaged: a restore says so when it needs it. */
async function soundTrailer(
  target: Target,
  object: StoredObject,
  { signal }: { readonly signal: AbortSignal },
): Promise<Trailer | undefined> {
  try {
    return await readTrailer(target, object, { signal });
  } catch (error) {
    if (error instanceof AppError && error.code === 'object-damaged') return undefined;
    throw error;
  }
}

/** Where the last segment on a target ends; its own start where it is damaged, so that it is shipped once more. */
async function endOfSegment(
  target: Target,
  last: { readonly key: string; readonly bytes: number; readonly place: Place },
  { signal }: { readonly signal: AbortSignal },
): Promise<Place | undefined> {
  try {
    const trailer = await readTrailer(target, last, { signal });
    return trailer && { index: last.place.index, offset: last.place.offset + trailer.size };
  } catch (error) {
    if (error instanceof AppError && error.code === 'object-damaged') return last.place;
    throw error;
  }
}
