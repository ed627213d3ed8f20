// How a plan is refused: what is missing or broken, in words, with the nearest restorable points on both sides of it. Pure.
import { must } from '../../../shared/assert.ts';
import { AppError, type ErrorCode, type ErrorDetails } from '../../../shared/errors.ts';
import { formatHex8, type Generation } from '../../../shared/position.ts';
import { comparePlaces, type GenerationHistory, type Place, type Point } from '../replica/history.ts';
import type { Planning } from '../replica/planning.ts';
import { lastPointBefore, learn, type PlanContext, reachesOf, soundSnapshots } from './planning.ts';

/** The error for something broken at a place, with the nearest restorable points on both sides of it. */
export function* withNearest(
  context: PlanContext,
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
    ...(before === undefined ? {} : { before: iso(before.point.at) }),
    ...(before === undefined || before.generation === generation ? {} : { beforeIn: before.generation }),
    ...(after === undefined ? {} : { after: iso(after.point.at) }),
    ...(after === undefined || after.generation === generation ? {} : { afterIn: after.generation }),
  });
}

interface Near {
  readonly point: Point;
  readonly generation: Generation;
}

/**
 * The newest point before a broken place, and the first one behind it that needs nothing broken: a later snapshot. Where
 * this generation has none, those that were begun before and after it have.
 */
function* nearestPoints(
  context: PlanContext,
  kept: GenerationHistory,
  broken: Place,
): Planning<{ readonly before: Near | undefined; readonly after: Near | undefined }> {
  const { generation } = kept;
  const sound = yield* soundSnapshots(context, kept);
  const image = sound.findLast(({ point }) => comparePlaces(point, broken) <= 0)?.point;
  const whole = kept.segments.filter(
    (segment) => comparePlaces(segment, { index: broken.index, offset: broken.offset ?? Infinity }) < 0,
  );
  const last = image === undefined ? undefined : yield* lastPointBefore(context, kept, whole.length);
  const ownBefore = image !== undefined && last !== undefined && comparePlaces(last, image) > 0 ? last : image;
  const ownAfter = sound.find(({ point }) => comparePlaces(point, broken) > 0)?.point;
  const before = ownBefore && { point: ownBefore, generation };
  const after = ownAfter && { point: ownAfter, generation };
  if (before !== undefined && after !== undefined) return { before, after };

  const reaches = yield* reachesOf(context);
  const here = reaches.findIndex((reach) => reach.kept.generation === generation);
  const earlier = reaches.slice(0, here).findLast(({ span }) => span !== undefined)?.span;
  const later = reaches.slice(here + 1).find(({ span }) => span !== undefined)?.span;
  return {
    before: before ?? (earlier && { point: earlier.last, generation: earlier.kept.generation }),
    after: after ?? (later && { point: later.first, generation: later.kept.generation }),
  };
}

/** Why there is nothing to begin with, although something is there. */
export function* withoutSnapshot(context: PlanContext, named: Generation | undefined): Planning<AppError> {
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

/** A range of an index in words, for people who look at the files' names. */
export function describePlace(index: number, from: number | undefined, to?: number): string {
  const name = `index ${formatHex8(index)}`;
  if (from === undefined) return `the end of ${name}`;
  if (to === undefined) return `${name} from offset ${formatHex8(from)} on`;
  return from === to
    ? `${name}, offset ${formatHex8(from)}`
    : `${name}, offset ${formatHex8(from)} to ${formatHex8(to)}`;
}

export function describeIndices(from: number, to: number): string {
  return from === to ? `index ${formatHex8(from)}` : `the run of indices ${formatHex8(from)} to ${formatHex8(to)}`;
}

export function iso(at: number): string {
  return new Date(at).toISOString();
}
