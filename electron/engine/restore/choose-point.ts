// Which restore point a wish means: its generation, and the transaction within it. Pure.
import { must } from '../../../shared/assert.ts';
import type { RestoreWish } from '../../../shared/contract.ts';
import { AppError } from '../../../shared/errors.ts';
import { formatHex8, type Generation } from '../../../shared/position.ts';
import { comparePlaces, endOf, type GenerationHistory, type Point } from '../replica/history.ts';
import type { Planning } from '../replica/planning.ts';
import {
  compareReaches,
  compareSequences,
  lastPoint,
  lastPointBefore,
  learn,
  learnOne,
  type PlanContext,
  pointsIn,
  type Reach,
  reachesOf,
  soundSnapshots,
} from './planning.ts';
import { describeIndices, describePlace, iso, withNearest, withoutSnapshot } from './refusal.ts';

/**
 * The generation that a wish means, and the newest point of the whole history. Where the generation that was begun last is the one
 * that is meant, and nothing of it can be restored, that is an error: the end of an older one would be another moment.
 */
export function* chooseGeneration(
  context: PlanContext,
  wish: RestoreWish,
): Planning<{
  readonly kept: GenerationHistory;
  readonly isNewest: (point: Point) => boolean;
  /** All generations, in the order in which they were begun. */
  readonly order: readonly Generation[];
}> {
  const { history, url } = context;
  if (history.generations.length === 0) throw new AppError('no-history', { url });
  const named = wish.kind === 'position' ? wish.position.generation : wish.generation;
  if (named !== undefined && !history.generations.some(({ generation }) => generation === named)) {
    throw new AppError('generation-unknown', { generation: named, url });
  }

  const reaches = yield* reachesOf(context);
  const newest = newestOf(reaches);
  const possible = reaches.filter(({ kept }) => named === undefined || kept.generation === named);
  const best = wish.kind === 'time' ? yield* reachAt(context, possible, wish.at) : newestOf(possible);
  const isBroken = best.span === undefined || (wish.kind === 'time' && best.span.first.at > wish.at);
  if (isBroken) throw yield* withoutSnapshot(context, best.kept.generation);
  const isNewest = (point: Point): boolean =>
    best === newest && comparePlaces(point, must(newest.span, 'it is not broken').last) >= 0;
  const order = reaches.map((reach) => reach.kept.generation);
  return { kept: best.kept, isNewest, order };
}

function newestOf(reaches: readonly Reach[]): Reach {
  const [first, ...others] = reaches;
  return others.reduce((a, b) => (compareReaches(b, a) > 0 ? b : a), must(first, 'a history has generations'));
}

/** The last begun generation that reaches an instant; where nobody recorded the order, the one with the newest point until then. */
function* reachAt(context: PlanContext, possible: readonly Reach[], at: number): Planning<Reach> {
  const [first, ...others] = possible.filter(({ beginsAt }) => beginsAt <= at);
  if (first === undefined) {
    const spans = possible.flatMap(({ span }) => span ?? []);
    if (spans.length === 0) throw yield* withoutSnapshot(context, newestOf(possible).kept.generation);
    const earliest = spans.reduce((a, b) => (b.first.at < a.first.at ? b : a));
    throw new AppError('before-first-point', { wanted: iso(at), first: iso(earliest.first.at) });
  }
  const until = ({ endsAt }: Reach): number => Math.min(at, endsAt);
  const compare = (a: Reach, b: Reach): number =>
    compareSequences(a, b) ?? (until(a) - until(b) || a.beginsAt - b.beginsAt);
  return others.reduce((a, b) => (compare(b, a) > 0 ? b : a), first);
}

/** The restore point that a wish means, within its generation. */
export function* choosePoint(context: PlanContext, kept: GenerationHistory, wish: RestoreWish): Planning<Point> {
  const sound = yield* soundSnapshots(context, kept);
  const first = must(sound[0], 'only generations with a sound snapshot are chosen').point;
  switch (wish.kind) {
    case 'latest': {
      const point = yield* lastPoint(context, kept, kept.segments.length);
      yield* checkImages(context, kept, point, Infinity);
      return point;
    }
    case 'time':
      return yield* pointAtTime(context, kept, wish.at);
    case 'index': {
      const isHere = [...kept.segments, ...kept.snapshots].some(({ index }) => index === wish.index);
      if (!isHere) {
        throw new AppError('index-unknown', { generation: kept.generation, index: formatHex8(wish.index) });
      }
      const count = kept.segments.filter(({ index }) => index <= wish.index).length;
      const point = yield* lastPoint(context, kept, count, wish.index);
      if (point.index <= wish.index) return point;
      throw new AppError('before-first-point', { wanted: `Index ${formatHex8(wish.index)}`, first: iso(first.at) });
    }
    case 'position': {
      if (comparePlaces(wish.position, first) < 0) {
        const { index, offset } = wish.position;
        throw new AppError('before-first-point', {
          wanted: `The place at ${describePlace(index, offset, offset)}`,
          first: iso(first.at),
        });
      }
      return yield* pointAtPosition(context, kept, wish.position);
    }
  }
}

/** The newest point at or before an instant. Commit times never decrease along a generation, so it is searched by halves. */
function* pointAtTime(context: PlanContext, kept: GenerationHistory, at: number): Planning<Point> {
  const sound = yield* soundSnapshots(context, kept);
  const image = must(
    sound.findLast(({ point }) => point.at <= at),
    'the generation was chosen for a point at or before',
  ).point;

  let low = -1;
  let high = kept.segments.length;
  const probe = function* (i: number): Planning<void> {
    if (yield* endsBy(context, kept, i, at)) low = i;
    else high = i;
  };
  // Where the target's own times are right, so is the first guess, and two trailers are all that is read.
  const guess = kept.segments.findLastIndex(({ modifiedAt }) => modifiedAt <= at);
  yield* learn(context, kept.segments.slice(Math.max(0, guess), guess + 2));
  for (const i of [guess, guess + 1]) if (i > low && i < high) yield* probe(i);
  while (high - low > 1) yield* probe((low + high) >> 1);

  // The segment that ends later may begin earlier.
  const within = (yield* soundPointsIn(context, kept, high)).findLast((candidate) => candidate.at <= at);
  const before = within ?? (yield* lastPointBefore(context, kept, low + 1));
  const point = before !== undefined && comparePlaces(before, image) > 0 ? before : image;
  // Where others of the same segment are later, nothing of the next one can be earlier.
  if (point !== within) yield* checkNext(context, kept, { point, at });
  yield* checkInstant(context, kept, point, at);
  yield* checkImages(context, kept, point, at);
  return point;
}

/** The points of a segment that is there and not damaged. */
function* soundPointsIn(context: PlanContext, kept: GenerationHistory, i: number): Planning<readonly Point[]> {
  const segment = kept.segments[i];
  if (segment === undefined || (yield* learnOne(context, segment)).kind === 'damaged') return [];
  return yield* pointsIn(context, kept, i);
}

/** Whether a segment ends at or before an instant; of a damaged one that is known only by the begin of the next one that is sound. */
function* endsBy(context: PlanContext, kept: GenerationHistory, i: number, at: number): Planning<boolean> {
  const segment = must(kept.segments[i], 'between both ends');
  if ((yield* learnOne(context, segment)).kind !== 'damaged') {
    return ((yield* pointsIn(context, kept, i)).at(-1)?.at ?? segment.modifiedAt) <= at;
  }
  for (let next = i + 1; next < kept.segments.length; next++) {
    const [first] = yield* soundPointsIn(context, kept, next);
    if (first !== undefined) return first.at <= at;
  }
  return false;
}

/**
 * Refuses an instant behind a point after which something damaged or a hole lies: nobody knows when what is, or was, in that
 * was made.
 */
function* checkNext(
  context: PlanContext,
  kept: GenerationHistory,
  { point, at }: { readonly point: Point; readonly at: number },
): Planning<void> {
  const next = kept.segments.find((segment) => comparePlaces(segment, point) >= 0);
  if (next === undefined || at === point.at) return;
  const known = yield* learnOne(context, next);
  if (known.kind === 'damaged') {
    const { key } = next;
    throw yield* withNearest(context, kept, next, 'object-damaged', { key, reason: known.reason });
  }
  const { index, offset } = point;
  const follows = known.kind === 'trailer' ? known.trailer.follows : undefined;
  const reachedBefore = next.index === index ? next.offset : follows?.index === index ? follows.offset : undefined;
  if (offset === undefined || reachedBefore === undefined || reachedBefore <= offset) return;
  const missing = describePlace(index, offset, reachedBefore);
  throw yield* withNearest(context, kept, { index, offset }, 'history-gap', { missing });
}

/**
 * Refuses a point behind which a damaged image lies, up to an instant, that nothing else leads to: what came before it would be
 * another moment.
 */
function* checkImages(context: PlanContext, kept: GenerationHistory, point: Point, at: number): Planning<void> {
  const sound = yield* soundSnapshots(context, kept);
  const isImage = sound.some((image) => comparePlaces(image.point, point) === 0);
  const reach = point.index + (isImage ? 0 : 1);
  const lost = kept.snapshots.find(
    ({ key, index, modifiedAt }) =>
      index > reach && modifiedAt <= at && !sound.some(({ object }) => object.key === key),
  );
  if (lost === undefined) return;
  const known = yield* learnOne(context, lost);
  const reason = known.kind === 'damaged' ? known.reason : 'it is not sound';
  const place = { index: lost.index, offset: 0 };
  throw yield* withNearest(context, kept, place, 'object-damaged', { key: lost.key, reason });
}

/** Refuses an instant behind a point from where on whole indices are missing: what was then, nobody knows here. */
function* checkInstant(context: PlanContext, kept: GenerationHistory, point: Point, at: number): Planning<void> {
  const next = kept.segments.find(({ index }) => index > point.index);
  if (at <= point.at || next === undefined || next.index === point.index + 1) return;
  const missing = describeIndices(point.index + 1, next.index - 1);
  throw yield* withNearest(context, kept, { index: point.index + 1, offset: 0 }, 'history-gap', { missing });
}

/** The newest point at or before an exact place; a place that no object covers is a gap. */
function* pointAtPosition(
  context: PlanContext,
  kept: GenerationHistory,
  wanted: { readonly index: number; readonly offset: number },
): Planning<Point> {
  const sound = yield* soundSnapshots(context, kept);
  const image = sound.find(({ point }) => comparePlaces(point, wanted) === 0);
  if (image !== undefined) return image.point;
  const at = kept.segments.findLastIndex((segment) => comparePlaces(segment, wanted) < 0);
  const segment = kept.segments[at];
  const known = segment === undefined ? undefined : yield* learnOne(context, segment);
  if (segment?.index === wanted.index && known?.kind === 'damaged') {
    const { key } = segment;
    throw yield* withNearest(context, kept, segment, 'object-damaged', { key, reason: known.reason });
  }
  const end = segment && known && endOf(segment, known, kept.segments[at + 1]);
  const isCovered = segment?.index === wanted.index && (end === undefined || end >= wanted.offset);
  if (!isCovered) {
    const from = segment?.index === wanted.index ? (end ?? 0) : 0;
    const missing = describePlace(wanted.index, from, wanted.offset);
    throw yield* withNearest(context, kept, { index: wanted.index, offset: from }, 'history-gap', { missing });
  }
  const within = (yield* pointsIn(context, kept, at)).findLast((point) => comparePlaces(point, wanted) <= 0);
  const newestImage = sound.findLast(({ point }) => comparePlaces(point, wanted) <= 0)?.point;
  const point = within ?? (yield* lastPointBefore(context, kept, at));
  if (point === undefined || (newestImage !== undefined && comparePlaces(newestImage, point) > 0)) {
    return must(newestImage, 'the place lies at or behind the first snapshot');
  }
  return point;
}
