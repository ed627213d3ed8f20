// What orders the generations of a replica, as the objects there tell it: asked where no record says which one was begun last.
import { AppError } from '../../../shared/errors.ts';
import type { Generation } from '../../../shared/position.ts';
import { buildHistory } from '../replica/history.ts';
import { readTrailer } from '../replica/object.ts';
import type { Target } from '../targets/target.ts';

/** The sequence of a generation, where something of it lies there, and the greatest of all others; zero where none has any. */
export async function findSequences(
  target: Target,
  generation: Generation,
  signal: AbortSignal,
): Promise<{ readonly own: number | undefined; readonly others: number }> {
  let own: number | undefined;
  let others = 0;
  for (const kept of buildHistory(await target.list('generations/', { signal })).generations) {
    // An image and a segment: one of both may be damaged.
    for (const object of [...kept.snapshots.slice(-1), ...kept.segments.slice(-1)]) {
      const sequence = await sequenceIn(target, object, signal);
      if (sequence === undefined) continue;
      if (kept.generation === generation) own = sequence;
      else others = Math.max(others, sequence);
    }
  }
  return { own, others };
}

async function sequenceIn(
  target: Target,
  object: { readonly key: string; readonly bytes: number },
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    return (await readTrailer(target, object, { signal }))?.sequence;
  } catch (error) {
    // @NOTE What is damaged, or was deleted meanwhile, tells nothing.
    if (error instanceof AppError && (error.code === 'object-damaged' || error.code === 'object-missing')) return;
    throw error;
  }
}
