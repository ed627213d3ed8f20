// Plans a restore: from a history and a wish to one generation, one snapshot, the segments behind it and where to cut.
// Pure: a generator that yields the objects whose trailers it needs, is handed what is known of them, and returns the plan
// or throws. A gap or a damaged object in the way is an error that names the nearest restorable points on both sides.
import { must } from '../../../shared/assert.ts';
import type { RestoreWish } from '../../../shared/contract.ts';
import { AppError, type ErrorCode, type ErrorDetails } from '../../../shared/errors.ts';
import { formatHex8, type Generation } from '../../../shared/position.ts';
import {
  comparePlaces,
  endOf,
  type GenerationHistory,
  type History,
  type KeptSegment,
  type KeptSnapshot,
  type Known,
  type Place,
  type Point,
  pointOfSnapshot,
  pointsOf,
} from '../replica/history.ts';
import type { ObjectInfo } from '../replica/object.ts';
import type { Trailer } from '../replica/trailer.ts';

export interface PlannedObject<O extends ObjectInfo> {
  readonly object: O;
  /** Undefined for foreign objects. */
  readonly trailer: Trailer | undefined;
}

export interface RestorePlan {
  readonly generation: Generation;
  readonly snapshot: PlannedObject<KeptSnapshot>;
  readonly snapshotAt: number;
  /** In the order of history: all of each index from the snapshot's on, up to the cut; none where the image is enough. */
  readonly segments: readonly PlannedObject<KeptSegment>[];
  /** The transaction to restore. Without an offset: the end of its index. */
  readonly point: Point;
  /** Nothing newer is restorable in this history. */
  readonly isNewest: boolean;
  /** Bytes to fetch, as stored. */
  readonly fetchBytes: number;
}

/** Yields the objects to look up; is handed what is known of each, in the same order. */
export type Planning<T> = Generator<readonly ObjectInfo[], T, readonly Known[]>;

/** What is known of objects, by key. The planner keeps what it was told here, so that planning again asks only for news. */
export type Knowledge = Map<string, Known>;

interface Context {
  readonly history: History;
  readonly knowledge: Knowledge;
  readonly url: string;
}

interface Span {
  readonly kept: GenerationHistory;
  readonly first: Point;
  readonly last: Point;
}

/**
 * Plans. Throws `no-history`, `generation-unknown`, `index-unknown`, `before-first-point`, `history-gap`,
 * `object-damaged`.
 */
export function* planRestore(context: Context, wish: RestoreWish): Planning<RestorePlan> {
  const { kept, newestAt } = yield* chooseGeneration(context, wish);
  const point = yield* choosePoint(context, kept, wish);

  // The newest sound snapshot at or before the point needs the fewest segments.
  const sound = yield* soundSnapshots(context, kept);
  const base = must(
    sound.findLast((snapshot) => comparePlaces(snapshot.point, point) <= 0),
    'a point lies at or behind a snapshot',
  );
  const isImageEnough = comparePlaces(base.point, point) === 0 && (base.trailer !== undefined || point.offset === 0);
  const through = kept.segments.filter(
    ({ index, offset }) => index >= base.object.index && comparePlaces({ index, offset }, point) < 0,
  );
  const segments = isImageEnough ? [] : through;
  yield* checkContinuity(context, kept, base, segments, point);

  return {
    generation: kept.generation,
    snapshot: { object: base.object, trailer: base.trailer },
    snapshotAt: base.point.at,
    segments: segments.map((object) => ({ object, trailer: trailerOf(context, object) })),
    point,
    isNewest: point.at >= newestAt,
    fetchBytes: segments.reduce((sum, { bytes }) => sum + bytes, base.object.bytes),
  };
}

/** The generation that a wish means, and the time of the newest point of the whole history. */
function* chooseGeneration(
  context: Context,
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

/** First and last point of every generation that has a sound snapshot. */
function* spansOf(context: Context): Planning<readonly Span[]> {
  const { generations } = context.history;
  yield* learn(
    context,
    generations.flatMap(({ snapshots, segments }) =>
      snapshots.length > 0 ? [...snapshots, ...segments.slice(-1)] : [],
    ),
  );
  const spans: Span[] = [];
  for (const kept of generations) {
    const sound = yield* soundSnapshots(context, kept);
    const first = sound[0]?.point;
    if (first !== undefined) spans.push({ kept, first, last: yield* lastPoint(context, kept, kept.segments.length) });
  }
  return spans;
}

/** The restore point that a wish means, within its generation. */
function* choosePoint(context: Context, kept: GenerationHistory, wish: RestoreWish): Planning<Point> {
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

/** The last point among the first `count` segments, or of a snapshot at or behind it (and, if given, up to an index). */
function* lastPoint(context: Context, kept: GenerationHistory, count: number, maxIndex = Infinity): Planning<Point> {
  const sound = yield* soundSnapshots(context, kept);
  const first = must(sound[0], 'only generations with a sound snapshot are asked').point;
  const image = sound.findLast(({ point }) => point.index <= maxIndex)?.point ?? first;
  for (let i = count - 1; i >= 0; i--) {
    const segment = must(kept.segments[i], 'within the list');
    if (segment.index < image.index) break;
    const last = (yield* pointsIn(context, kept, i)).at(-1);
    if (last !== undefined) return comparePlaces(last, image) > 0 ? last : image;
  }
  return image;
}

/** The newest point at or before an instant. Commit times never decrease along a generation, so it is searched by halves. */
function* pointAtTime(context: Context, kept: GenerationHistory, at: number): Planning<Point> {
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
function* checkInstant(context: Context, kept: GenerationHistory, point: Point, at: number): Planning<void> {
  const next = kept.segments.find(({ index }) => index > point.index);
  if (at <= point.at || next === undefined || next.index === point.index + 1) return;
  const missing = describeIndices(point.index + 1, next.index - 1);
  throw yield* withNearest(context, kept, { index: point.index + 1, offset: 0 }, 'history-gap', { missing });
}

/** The newest point at or before an exact place; a place that no object covers is a gap. */
function* pointAtPosition(
  context: Context,
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

/** Refuses a run of segments that does not lead without a hole from the snapshot to the point. */
function* checkContinuity(
  context: Context,
  kept: GenerationHistory,
  base: SoundSnapshot,
  segments: readonly KeptSegment[],
  point: Point,
): Planning<void> {
  const known = yield* learn(context, segments);
  // The snapshot's own point needs nothing of what is replayed, so whatever is broken, that one is near.
  const since = (broken: Place): Place =>
    base.trailer !== undefined && comparePlaces(base.point, broken) > 0 ? base.point : broken;
  let index = base.object.index;
  let offset: number | undefined = 0;
  for (const [i, segment] of segments.entries()) {
    const facts = must(known[i], 'one for each');
    if (facts.kind === 'damaged') {
      const { key } = segment;
      throw yield* withNearest(context, kept, since(segment), 'object-damaged', { key, reason: facts.reason });
    }
    const fail = (missing: string) => withNearest(context, kept, since({ index, offset }), 'history-gap', { missing });
    if (segment.index === index) {
      if (segment.offset > (offset ?? 0)) throw yield* fail(describePlace(index, offset, segment.offset));
      if (segment.offset < (offset ?? 0)) {
        const { key } = must(segments[i - 1], 'only a segment can reach so far');
        const reason = 'it reaches into the segment behind it';
        throw yield* withNearest(context, kept, since(segment), 'object-damaged', { key, reason });
      }
    } else {
      if (offset === 0) throw yield* fail(`index ${formatHex8(index)}`);
      const follows: { readonly index: number; readonly offset: number } | undefined =
        facts.kind === 'trailer' ? facts.trailer.follows : undefined;
      if (follows?.index === index && offset !== undefined && follows.offset > offset) {
        throw yield* fail(describePlace(index, offset, follows.offset));
      }
      if (segment.index > index + 1) throw yield* fail(describeIndices(index + 1, segment.index - 1));
      index++;
      offset = 0;
      if (segment.offset > 0) throw yield* fail(describePlace(index, 0, segment.offset));
    }
    offset = endOf(segment, facts, segments[i + 1]);
  }
  const isReached = segments.length === 0 || (index === point.index && (offset ?? Infinity) >= (point.offset ?? 0));
  if (!isReached) {
    const missing = describePlace(point.index, index === point.index ? offset : 0, point.offset);
    throw yield* withNearest(context, kept, since({ index, offset }), 'history-gap', { missing });
  }
}

interface SoundSnapshot extends PlannedObject<KeptSnapshot> {
  readonly point: Point;
}

/** The snapshots of a generation that are not known to be damaged, oldest first. */
function* soundSnapshots(context: Context, kept: GenerationHistory): Planning<readonly SoundSnapshot[]> {
  const known = yield* learn(context, kept.snapshots);
  return kept.snapshots.flatMap((object, i) => {
    const facts = must(known[i], 'one for each');
    if (facts.kind === 'damaged') return [];
    const trailer = facts.kind === 'trailer' ? facts.trailer : undefined;
    return [
      {
        object,
        trailer,
        point: pointOfSnapshot(object, facts, { segments: kept.segments, knowledge: context.knowledge }),
      },
    ];
  });
}

function* pointsIn(context: Context, kept: GenerationHistory, at: number): Planning<readonly Point[]> {
  const segment = must(kept.segments[at], 'within the list');
  return pointsOf(segment, yield* learnOne(context, segment), kept.segments[at + 1]);
}

/** The last point of the first `count` segments, if any. */
function* lastPointBefore(context: Context, kept: GenerationHistory, count: number): Planning<Point | undefined> {
  for (let i = count - 1; i >= 0; i--) {
    const last = (yield* pointsIn(context, kept, i)).at(-1);
    if (last !== undefined) return last;
  }
  return undefined;
}

/** The error for something broken at a place, with the nearest restorable points on both sides of it. */
function* withNearest(
  context: Context,
  kept: GenerationHistory,
  broken: Place,
  code: Extract<ErrorCode, 'history-gap' | 'object-damaged'>,
  details: ErrorDetails,
): Planning<AppError> {
  const { generation } = kept;
  const { before, after } = yield* nearestPoints(context, kept, broken);
  return new AppError(code, {
    ...details,
    generation,
    ...(before === undefined ? {} : { before: iso(before.at) }),
    ...(after === undefined ? {} : { after: iso(after.at) }),
  });
}

/**
 * The newest point before a broken place, and the first one behind it that needs nothing broken: a later snapshot. Where
 * this generation has none, its neighbours in time have.
 */
function* nearestPoints(
  context: Context,
  kept: GenerationHistory,
  broken: Place,
): Planning<{ readonly before: Point | undefined; readonly after: Point | undefined }> {
  const sound = yield* soundSnapshots(context, kept);
  const image = sound.findLast(({ point }) => comparePlaces(point, broken) <= 0)?.point;
  const whole = kept.segments.filter(
    (segment) => comparePlaces(segment, { index: broken.index, offset: broken.offset ?? Infinity }) < 0,
  );
  const last = image === undefined ? undefined : yield* lastPointBefore(context, kept, whole.length);
  const own = {
    before: image !== undefined && last !== undefined && comparePlaces(last, image) > 0 ? last : image,
    after: sound.find(({ point }) => comparePlaces(point, broken) > 0)?.point,
  };
  if (own.before !== undefined && own.after !== undefined) return own;

  const here = sound[0]?.point.at ?? kept.snapshots[0]?.modifiedAt ?? kept.segments[0]?.modifiedAt ?? 0;
  const others = (yield* spansOf(context)).filter((span) => span.kept !== kept);
  const earlier = others.filter((span) => span.first.at < here).sort((a, b) => a.last.at - b.last.at);
  const later = others.filter((span) => span.first.at >= here).sort((a, b) => a.first.at - b.first.at);
  return { before: own.before ?? earlier.at(-1)?.last, after: own.after ?? later[0]?.first };
}

/** Why there is nothing to begin with, although something is there. */
function* withoutSnapshot(context: Context, named: Generation | undefined): Planning<AppError> {
  const { generations } = context.history;
  const kept = must(generations.find(({ generation }) => generation === named) ?? generations.at(-1), 'not empty');
  const known = yield* learn(context, kept.snapshots);
  const damaged = known.findIndex(({ kind }) => kind === 'damaged');
  const facts = known[damaged];
  const snapshot = kept.snapshots[damaged];
  const nowhere = { index: -1, offset: 0 };
  return facts?.kind === 'damaged' && snapshot !== undefined
    ? yield* withNearest(context, kept, nowhere, 'object-damaged', { key: snapshot.key, reason: facts.reason })
    : yield* withNearest(context, kept, nowhere, 'history-gap', {
        missing: 'the snapshot that everything begins with',
      });
}

/** What is known of objects, asked for where nothing is yet. */
function* learn(context: Context, objects: readonly ObjectInfo[]): Planning<readonly Known[]> {
  const { knowledge } = context;
  const news = [...new Set(objects.filter(({ key }) => !knowledge.has(key)))];
  if (news.length > 0) {
    const told = yield news;
    news.forEach(({ key }, i) => knowledge.set(key, must(told[i], 'one answer for each')));
  }
  return objects.map(({ key }) => must(knowledge.get(key), 'it was just asked'));
}

function* learnOne(context: Context, object: ObjectInfo): Planning<Known> {
  return must((yield* learn(context, [object]))[0], 'one for one');
}

function trailerOf({ knowledge }: Context, { key }: ObjectInfo): Trailer | undefined {
  const known = knowledge.get(key);
  return known?.kind === 'trailer' ? known.trailer : undefined;
}

function isNewer(a: Span, b: Span): boolean {
  return a.last.at > b.last.at || (a.last.at === b.last.at && a.first.at > b.first.at);
}

/** A range of an index in words, for people who look at the files' names. */
function describePlace(index: number, from: number | undefined, to?: number): string {
  const name = `index ${formatHex8(index)}`;
  if (from === undefined) return `the end of ${name}`;
  if (to === undefined) return `${name} from offset ${formatHex8(from)} on`;
  return from === to
    ? `${name}, offset ${formatHex8(from)}`
    : `${name}, offset ${formatHex8(from)} to ${formatHex8(to)}`;
}

function describeIndices(from: number, to: number): string {
  return from === to ? `index ${formatHex8(from)}` : `the run of indices ${formatHex8(from)} to ${formatHex8(to)}`;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
