// What orders the generations of a replica, as the objects there tell it: asked by retention, and where no record says which one was
// begun last.
import type { Generation } from '../../../shared/position.ts';
import type { History, Known } from '../replica/history.ts';
import type { ObjectInfo } from '../replica/object.ts';
import { listHistory, runPlanning } from './look-up.ts';
import type { Planning } from '../replica/planning.ts';
import type { ReadableTarget } from '../targets/target.ts';

/** Of each generation: as many images as may be damaged, and both ends of its segments. */
const imagesAsked = 4;

/** The sequence of a generation, where something of it lies there, and the greatest of all others; zero where none has any. */
export async function findSequences(
  target: ReadableTarget,
  generation: Generation,
  signal: AbortSignal,
): Promise<{ readonly own: number | undefined; readonly others: number }> {
  const sequences = await sequencesIn(target, await listHistory(target, { signal }), { signal });
  const others = [...sequences].filter(([name]) => name !== generation).map(([, sequence]) => sequence);
  return { own: sequences.get(generation), others: Math.max(0, ...others) };
}

/** The sequence of every generation of which something sound tells it: its newest image, or the next object of it that does. */
export async function sequencesIn(
  target: ReadableTarget,
  { generations }: History,
  { told = new Map(), signal }: { readonly told?: ReadonlyMap<string, Known>; readonly signal: AbortSignal },
): Promise<ReadonlyMap<Generation, number>> {
  const sequences = new Map<Generation, number>();
  let asked = generations.map(({ generation, snapshots, segments }) => {
    const images = snapshots.slice(-imagesAsked).toReversed();
    return { generation, objects: [...images, ...segments.slice(-1), ...segments.slice(0, 1)] };
  });
  for (let i = 0; asked.length > 0; i++) {
    const round = asked.flatMap(({ generation, objects }) => {
      const object = objects[i];
      return object === undefined ? [] : [{ generation, object }];
    });
    const news = round.filter(({ object }) => !told.has(object.key)).map(({ object }) => object);
    const read = await runPlanning(ask(news), target, { signal });
    for (const { generation, object } of round) {
      const known = told.get(object.key) ?? read[news.indexOf(object)];
      const sequence = known?.kind === 'trailer' ? known.trailer.sequence : undefined;
      if (sequence !== undefined) sequences.set(generation, sequence);
    }
    asked = asked.filter(({ generation, objects }) => !sequences.has(generation) && i + 1 < objects.length);
  }
  return sequences;
}

function* ask(objects: readonly ObjectInfo[]): Planning<readonly Known[]> {
  return objects.length === 0 ? [] : yield objects;
}
