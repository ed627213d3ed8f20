// Plans a restore: from a history and a wish to one generation, one snapshot, the segments behind it and where to cut.
// Pure: a generator that yields the objects whose trailers it needs, is handed what is known of them, and returns the plan
// or throws. A gap or a damaged object in the way is an error that names the nearest restorable points on both sides.
import { must } from '../../../shared/assert.ts';
import type { RestoreWish } from '../../../shared/contract.ts';
import { formatHex8, type Generation } from '../../../shared/position.ts';
import {
  comparePlaces,
  endOf,
  type GenerationHistory,
  type KeptSegment,
  type KeptSnapshot,
  type Place,
  type Point,
} from '../replica/history.ts';
import type { ObjectInfo } from '../replica/object.ts';
import type { Trailer } from '../replica/trailer.ts';
import { chooseGeneration, choosePoint } from './choose-point.ts';
import { countCopies, withoutCopies } from './copies.ts';
import type { Planning } from '../replica/planning.ts';
import {
  learn,
  type PlanContext,
  type PlannedObject,
  type SoundSnapshot,
  soundSnapshots,
  countOurs,
} from './planning.ts';
import { describeIndices, describePlace, withNearest } from './refusal.ts';

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
  /** All generations, in the order in which they were begun. */
  readonly order: readonly Generation[];
  /** Bytes to fetch, as stored. */
  readonly fetchBytes: number;
}

/**
 * Plans. Throws `no-history`, `generation-unknown`, `index-unknown`, `before-first-point`, `history-gap`,
 * `object-damaged`.
 */
export function* planRestore(context: PlanContext, wish: RestoreWish): Planning<RestorePlan> {
  const { knowledge } = context;
  for (;;) {
    const known = [countCopies(knowledge), countOurs(knowledge)].join();
    const isOld = () => known === [countCopies(knowledge), countOurs(knowledge)].join();
    const history = yield* withoutCopies(context);
    try {
      const plan = yield* planWithin({ ...context, history }, wish);
      if (isOld()) return plan;
    } catch (error) {
      // What turned out to be a copy counts for nothing, and what lost its trailer is damaged once others are seen to have one;
      // each time more of that is known, so this ends.
      if (isOld()) throw error;
    }
  }
}

function* planWithin(context: PlanContext, wish: RestoreWish): Planning<RestorePlan> {
  const { kept, isNewest, order } = yield* chooseGeneration(context, wish);
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
    isNewest: isNewest(point),
    order,
    fetchBytes: segments.reduce((sum, { bytes }) => sum + bytes, base.object.bytes),
  };
}

/** Refuses a run of segments that does not lead without a hole from the snapshot to the point. */
function* checkContinuity(
  context: PlanContext,
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

function trailerOf({ knowledge }: PlanContext, { key }: ObjectInfo): Trailer | undefined {
  const known = knowledge.get(key);
  return known?.kind === 'trailer' ? known.trailer : undefined;
}
