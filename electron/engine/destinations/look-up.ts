// Answers the planner's questions from a target: lists the history and reads the trailers that a plan needs.
import { AppError } from '../../../shared/errors.ts';
import { buildHistory, type History, type Known } from '../replica/history.ts';
import { type ObjectInfo, readTrailer } from '../replica/object.ts';
import type { ReadableTarget } from '../targets/target.ts';
import { mapBounded } from '../basics/bounded.ts';
import type { Planning } from '../replica/planning.ts';

const parallelReads = 8;

/** What a target holds. */
export async function listHistory(target: ReadableTarget, options: { readonly signal: AbortSignal }): Promise<History> {
  return buildHistory(await target.list('generations/', options));
}

/** Runs a planning to its end, reading what it asks for. */
export async function runPlanning<T>(
  planning: Planning<T>,
  target: ReadableTarget,
  options: { readonly signal: AbortSignal },
): Promise<T> {
  let step = planning.next([]);
  while (step.done !== true) {
    const known = await mapBounded(step.value, { limit: parallelReads, ...options }, (object, signal) =>
      lookUp(target, object, signal),
    );
    step = planning.next(known);
  }
  return step.value;
}

async function lookUp(target: ReadableTarget, object: ObjectInfo, signal: AbortSignal): Promise<Known> {
  try {
    const trailer = await readTrailer(target, object, { signal });
    return trailer === undefined ? { kind: 'foreign' } : { kind: 'trailer', trailer };
  } catch (error) {
    const damage = damageOf(error);
    if (damage !== undefined) return damage;
    throw error;
  }
}

/** What a failed read says about the object itself; undefined where it says nothing about it. */
export function damageOf(error: unknown): Extract<Known, { kind: 'damaged' }> | undefined {
  if (!(error instanceof AppError)) return undefined;
  if (error.code === 'object-missing') return { kind: 'damaged', reason: 'it was listed, but is not there' };
  if (error.code === 'object-damaged') {
    const { reason, copyOf } = error.details;
    return { kind: 'damaged', reason: String(reason), ...(typeof copyOf === 'string' ? { copyOf } : {}) };
  }
  return undefined;
}
