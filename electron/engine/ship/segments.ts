// Cuts segments out of a spool and puts them on a target: each ends with a transaction, and none is held in memory whole,
// however large its transaction is. Which part is due is shipper.ts; how an object is framed is replica/object.ts.
import { must } from '../../../shared/assert.ts';
import type { Place } from '../../../shared/position.ts';
import type { Commit } from '../replica/commit.ts';
import { thinCommits } from '../spool/commits.ts';
import { formatSegmentKey, parseKey } from '../replica/keys.ts';
import { updateHash } from '../replica/lz4-frame.ts';
import { encodeObject, encodeWhole, type TrailerFields } from '../replica/object.ts';
import { formatHash, hashing, stateHashName } from '../replica/state-hash.ts';
import { maxCommits } from '../replica/trailer.ts';
import { frameBytes } from '../replica/wal.ts';
import type { MendedSegment } from '../state/catalogue.ts';
import type { PointWithState } from '../state/trim.ts';
import type { Spool } from '../spool/spool.ts';
import type { StoredObject, Target } from '../targets/target.ts';
import { unknownState } from './locate.ts';
import { isBehind, type KeptHistory, placeIn, type PutSegment } from './shipment.ts';

/** A segment is cut here at the latest, unless one transaction alone is larger. */
const segmentBytes = 32 * 1024 * 1024;
/** Up to this size, which the spool reads in one piece, a segment is put at once; larger ones are streamed. */
const wholeBytes = 1024 * 1024;

export interface ShippedSegment {
  /** As it lies there. */
  readonly put: PutSegment;
  /** Where it ends. */
  readonly to: Place;
  readonly at: number;
  /** Its restore points. */
  readonly commits: readonly Commit[];
}

/**
 * Puts everything from `from` to `to` on the target, segment by segment; `onShipped` hears of each. Returns the place that was
 * reached: `to`, or the start of an index that the spool does not have any more. Fails with `object-changed` where somebody
 * else wrote there.
 */
export async function shipRange(
  history: KeptHistory,
  range: {
    readonly target: Target;
    readonly from: Place;
    readonly to: Place;
    /** What the target says of when the newest object of the generation there was written: none behind it says less. */
    readonly notBefore: number;
    /** Of this name something lies there that may be replaced. Where nothing should lie, nothing is replaced. */
    readonly mayReplace: (key: string) => boolean;
    readonly signal: AbortSignal;
    readonly onShipped: (segment: ShippedSegment) => void;
  },
): Promise<Place> {
  const { target, to, mayReplace, signal, onShipped } = range;
  let { from, notBefore } = range;
  while (isBehind(from, to)) {
    signal.throwIfAborted();
    const end = from.index === to.index ? to.offset : history.spool.sizeOf(from.index);
    if (end === undefined || history.spool.sizeOf(from.index) === undefined) return from;
    if (from.offset < end) {
      const segment = await putSegment(history, { target, from, end, notBefore, mayReplace, signal });
      onShipped(segment);
      notBefore = Math.max(notBefore, segment.at);
      from = segment.to;
    } else {
      from = { index: from.index + 1, offset: 0 };
    }
  }
  return from;
}

async function putSegment(
  history: KeptHistory,
  {
    target,
    from,
    end,
    notBefore,
    mayReplace,
    signal,
  }: {
    readonly target: Target;
    readonly from: Place;
    readonly end: number;
    readonly notBefore: number;
    readonly mayReplace: (key: string) => boolean;
    readonly signal: AbortSignal;
  },
): Promise<ShippedSegment> {
  const { spool, generation } = history;
  const within = commitsIn(history, from, end);
  const to = cut(within, { from: from.offset, end });
  const commits = thinCommits(
    within.filter(({ offset }) => offset <= to),
    maxCommits,
  );
  const fields = await describe(history, { from, to, commits });
  const pieces = spool.read(from.index, { from: from.offset, to });
  const isWhole = to - from.offset <= wholeBytes;
  const object = isWhole ? await encodeWhole(onlyPiece(pieces), fields) : encodeObject(pieces, () => fields);
  const at = commits.at(-1)?.at ?? history.baseline.at;
  const key = formatSegmentKey(generation, from.index, from.offset);
  const { bytes: stored } = await target.put(key, object, {
    modifiedAt: Math.max(at, notBefore),
    ...(!mayReplace(key) && { condition: { kind: 'absent' } }),
    signal,
  });
  return { put: { ...from, bytes: stored }, to: { index: from.index, offset: to }, at, commits };
}

/**
 * Puts a segment again that a target lost: the same bytes under the same name, with all restore points that are known of it.
 * Where the state hashes of all of them are known it tells these too.
 */
export async function putAgain(
  history: KeptHistory,
  options: {
    readonly target: Target;
    readonly from: Place;
    readonly to: number;
    readonly points: readonly PointWithState[];
    readonly signal: AbortSignal;
  },
): Promise<MendedSegment> {
  const { target, from, to, points, signal } = options;
  const { spool, generation, baseline } = history;
  const fields = await describeAgain(history, { from, to, points });
  const object = encodeObject(spool.read(from.index, { from: from.offset, to }), () => fields);
  const at = points.at(-1)?.at ?? baseline.at;
  const { bytes } = await target.put(formatSegmentKey(generation, from.index, from.offset), object, {
    modifiedAt: at,
    signal,
  });
  return { segment: { ...from, bytes }, to, points: fields.commits?.map(([offset]) => offset) ?? [] };
}

async function describeAgain(
  history: KeptHistory,
  { from, to, points }: { readonly from: Place; readonly to: number; readonly points: readonly PointWithState[] },
): Promise<TrailerFields> {
  const commits = points.map(({ state = unknownState, ...point }): Commit => ({
    index: from.index,
    ...point,
    state,
    written: 0,
    transactions: 1,
  }));
  const fields = await describe(history, { from, to, commits: thinCommits(commits, maxCommits) });
  if (points.every(({ state }) => state !== undefined)) return fields;
  const { state: _, states: __, ...known } = fields;
  return known;
}

/** True for a segment that is not what the spool has there: somebody else wrote it. Capture does not wait for the answer. */
export async function isOther(
  spool: Spool,
  { from, to, hash }: { readonly from: Place; readonly to: number; readonly hash: string },
): Promise<boolean> {
  if (to > (spool.sizeOf(from.index) ?? 0)) return false;
  const own = hashing.create64();
  for (const chunk of spool.read(from.index, { from: from.offset, to })) {
    updateHash(own, chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return formatHash(own.digest()) !== hash;
}

/** The names of segments at a place and behind it. */
export function keysFrom(objects: readonly StoredObject[], place: Place | undefined): ReadonlySet<string> {
  const isFrom = ({ key }: StoredObject) => {
    const parsed = parseKey(key);
    return parsed?.kind === 'segment' && (place === undefined || !isBehind(parsed, place));
  };
  return new Set(objects.filter(isFrom).map(({ key }) => key));
}

/** The segments of an index. */
export function segmentsOf(objects: readonly StoredObject[], index: number): readonly StoredObject[] {
  return objects.filter(({ key }) => {
    const parsed = parseKey(key);
    return parsed?.kind === 'segment' && parsed.index === index;
  });
}

/**
 * The transactions of an index behind a place, up to an end. Notes of some may be lost here, thinned, or were not kept, since
 * every target of then had them: what a segment may hold of those, and some target was told, is told of this one too.
 */
function commitsIn({ commits, toldIn }: KeptHistory, { index, offset }: Place, end: number): readonly Commit[] {
  const own = commits.between(index, offset, end);
  const stretch = { index, offset, to: Math.min(end, offset + segmentBytes) };
  const others = toldIn(stretch, new Set(own.map((commit) => commit.offset))).flatMap(
    ({ state, ...point }): readonly Commit[] =>
      state === undefined ? [] : [{ index, ...point, state, transactions: 1 }],
  );
  return others.length === 0 ? own : [...own, ...others].sort((a, b) => a.offset - b.offset);
}

/** The end of the last transaction that fits, or of the first one where that alone is larger. */
function cut(commits: readonly Commit[], { from, end }: { readonly from: number; readonly end: number }): number {
  if (end - from <= segmentBytes) return end;
  return (commits.findLast(({ offset }) => offset - from <= segmentBytes) ?? commits[0])?.offset ?? end;
}

async function describe(
  history: KeptHistory,
  { from, to, commits }: { readonly from: Place; readonly to: number; readonly commits: readonly Commit[] },
): Promise<TrailerFields> {
  const { spool, pageSize, baseline, by } = history;
  const { index } = from;
  const composed = history.composed.find((one) => one.index === index);
  const isBaseline = baseline.place.index === index && baseline.place.offset === to;
  const last = commits.at(-1) ?? (isBaseline ? baseline : undefined);
  const before = spool.sizeOf(index - 1);
  return {
    // Frames that an image overlapped have no transaction of their own: their state is known at the image's place only.
    ...(last !== undefined && { state: { kind: stateHashName, hash: formatHash(last.state) } }),
    pages: last?.pages ?? (await pagesAt(history, index, to)),
    pageSize,
    commits: commits.map(({ offset, at }) => [offset, at]),
    states: commits.map(({ state, pages }) => [formatHash(state), pages]),
    origin: composed === undefined ? { kind: 'wal' } : { kind: 'composed', from: composed.from, to: composed.to },
    ...placeIn(history, from),
    by,
    // Where the index before this one ended, so that a segment that is lost there is missed.
    ...(from.offset === 0 && before !== undefined && { follows: { index: index - 1, offset: before } }),
  };
}

/** Size of the database after the transaction that ends here, as its commit frame says. */
async function pagesAt({ spool, pageSize }: KeptHistory, index: number, to: number): Promise<number> {
  let pages = 0;
  await spool.visitFrames(index, { from: to - frameBytes(pageSize), to }, ({ commitPages }) => (pages = commitPages));
  return pages;
}

/** So little is read in one piece, which stays as it is where no other one is asked for. */
function onlyPiece([piece]: Iterable<Uint8Array>): Uint8Array {
  return must(piece, 'a segment is not empty');
}
