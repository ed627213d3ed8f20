// Objects that are copies of others, put under another name by whoever tidied up a disk: none of them is history at its place, and
// none of them hides the history beside it. Pure.
import { buildHistory, type GenerationHistory, type History, type KeptSegment } from '../replica/history.ts';
import { parseKey } from '../replica/keys.ts';
import type { ObjectInfo } from '../replica/object.ts';
import type { Planning } from '../replica/planning.ts';
import { type Knowledge, learnOne, type PlanContext } from './planning.ts';

/** How many copies are known. */
export function countCopies(knowledge: Knowledge): number {
  return [...knowledge.values()].filter((known) => known.kind === 'damaged' && known.copyOf !== undefined).length;
}

/**
 * A history without what is known to be a copy and lies where nothing of it can have lain, and without generations of which nothing
 * else is known. One that lies where something did is damage: it may have been copied over that.
 */
export function* withoutCopies(context: PlanContext): Planning<History> {
  const { history, knowledge } = context;
  if (countCopies(knowledge) === 0) return history;
  const left: ObjectInfo[] = [];
  for (const kept of history.generations) {
    if (isCopyOfAnother(kept, knowledge)) continue;
    const { segments, snapshots } = kept;
    const isCopy = ({ key }: ObjectInfo): boolean => copyOf(knowledge, key) !== undefined;
    const lastIndex = segments.findLast((segment) => !isCopy(segment))?.index ?? -1;
    left.push(...snapshots.filter((image) => !isCopy(image) || image.index <= lastIndex + 1));
    let before: KeptSegment | undefined;
    for (const segment of segments) {
      if (isCopy(segment)) {
        if (yield* mayFollow(context, before, segment)) left.push(segment);
      } else {
        before = segment;
        left.push(segment);
      }
    }
  }
  return buildHistory(left);
}

/** Whether something of the history may have lain at the place of a copy: behind what does. */
function* mayFollow(context: PlanContext, before: KeptSegment | undefined, copy: KeptSegment): Planning<boolean> {
  if (before === undefined) return true;
  if (before.index !== copy.index) return copy.index === before.index + 1;
  const known = yield* learnOne(context, before);
  return known.kind !== 'trailer' || before.offset + known.trailer.size === copy.offset;
}

/** All that is known of it are copies out of another one. */
function isCopyOfAnother({ generation, snapshots, segments }: GenerationHistory, knowledge: Knowledge): boolean {
  const known = [...snapshots, ...segments].filter(({ key }) => knowledge.has(key));
  return known.length > 0 && known.every(({ key }) => isOfAnother(copyOf(knowledge, key)));

  function isOfAnother(key: string | undefined): boolean {
    return key !== undefined && parseKey(key)?.generation !== generation;
  }
}

function copyOf(knowledge: Knowledge, key: string): string | undefined {
  const known = knowledge.get(key);
  return known?.kind === 'damaged' ? known.copyOf : undefined;
}
