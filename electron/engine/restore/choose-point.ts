// Which restore point a wish means: its generation, and the transaction within it. Pure.
import { must } from '../../../shared/assert.ts';
import type { RestoreWish } from '../../../shared/contract.ts';
import { AppError } from '../../../shared/errors.ts';
import { formatHex8 } from '../../../shared/position.ts';
import { comparePlaces, endOf, type GenerationHistory, type Point } from '../replica/history.ts';
import {
  lastPoint,
  lastPointBefore,
  learn,
  learnOne,
  type PlanContext,
  type Planning,
  pointsIn,
  soundSnapshots,
  type Span,
  spansOf,
} from './planning.ts';
import { describeIndices, describePlace, iso, withNearest, withoutSnapshot } from './refusal.ts';

/** The generation that a wish means, and the time of the newest point of the whole history. */
export function* chooseGeneration(
  context: PlanContext,
  wish: RestoreWish,
): Planning<{ readonly kept: GenerationHistory; readonly newestAt: number }> {
  const { history, url } = context;
  if (history.generations.length === 0) throw new AppError('no-history', { url });
  const named = wish.kind === 'position' ? wish.position.generation : wish.generation;
  if (named !== undefined && !history.generations.some(({ generation }) => generation === named)) {
    throw new AppError('generation-unknown', { generation: named, url });
  }

  const spans = yield* spansOf(context);
  const newestAt = Math.max(...spans.map(({ last }) => last.at));
  const possible = spans.filter(({ kept }) => named === undefined || kept.generation === named);
  if (possible.length === 0) throw yield* withoutSnapshot(context, named);
  const [first, ...others] = possible;
  const start = must(first, 'it was just counted');
  if (wish.kind !== 'time') {
    return { kept: others.reduce((a, b) => (isNewer(b, a) ? b : a), start).kept, newestAt };
  }

  // The generation with the newest point at or before the instant; where several go on past it, the one begun last.
  const begun = possible.filter((span) => span.first.at <= wish.at);
  if (begun.length === 0) {
    const earliest = possible.reduce((a, b) => (b.first.at < a.first.at ? b : a));
    throw new AppError('before-first-point', { wanted: iso(wish.at), first: iso(earliest.first.at) });
  }
  const reach = (span: Span) => Math.min(wish.at, span.last.at);
  const best = begun.reduce((a, b) =>
    reach(b) > reach(a) || (reach(b) === reach(a) && b.first.at > a.first.at) ? b : a,
  );
  return { kept: best.kept, newestAt };
}

/** The restore point that a wish means, within its generation. */
export function* choosePoint(context: PlanContext, kept: GenerationHistory, wish: RestoreWish): Planning<Point> {
  const sound = yield* soundSnapshots(context, kept);
  const first = must(sound[0], 'only generations with a sound snapshot are chosen').point;
  switch (wish.kind) {
    case 'latest':
      return yield* lastPoint(context, kept, kept.segments.length);
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
    const segment = must(kept.segments[i], 'between both ends');
    const endAt = (yield* pointsIn(context, kept, i)).at(-1)?.at ?? segment.modifiedAt;
    if (endAt <= at) low = i;
    else high = i;
  };
  // Where the target's own times are right, so is the first guess, and two trailers are all that is read.
  const guess = kept.segments.findLastIndex(({ modifiedAt }) => modifiedAt <= at);
  yield* learn(context, kept.segments.slice(Math.max(0, guess), guess + 2));
  for (const i of [guess, guess + 1]) if (i > low && i < high) yield* probe(i);
  while (high - low > 1) yield* probe((low + high) >> 1);

  // The segment that ends later may begin earlier.
  const within = high < kept.segments.length ? yield* pointsIn(context, kept, high) : [];
  const before = within.findLast((candidate) => candidate.at <= at) ?? (yield* lastPointBefore(context, kept, low + 1));
  const point = before !== undefined && comparePlaces(before, image) > 0 ? before : image;
  yield* checkInstant(context, kept, point, at);
  return point;
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

function isNewer(a: Span, b: Span): boolean {
  return a.last.at > b.last.at || (a.last.at === b.last.at && a.first.at > b.first.at);
}
