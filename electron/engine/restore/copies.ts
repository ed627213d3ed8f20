// Objects that are copies of others, put under another name by whoever tidied up a disk: none of them is history at its place, and
// none of them hides the history beside it. Pure.
import { buildHistory, type GenerationHistory, type History } from '../replica/history.ts';
import { parseKey } from '../replica/keys.ts';
import type { Knowledge } from './planning.ts';

/** How many copies are known. */
export function countCopies(knowledge: Knowledge): number {
  return [...knowledge.values()].filter((known) => known.kind === 'damaged' && known.copyOf !== undefined).length;
}

/** A history without what is known to be a copy, and without generations of which nothing else is known. */
export function withoutCopies(history: History, knowledge: Knowledge): History {
  if (countCopies(knowledge) === 0) return history;
  const left = history.generations
    .filter((kept) => !isCopyOfAnother(kept, knowledge))
    .flatMap(({ snapshots, segments }) => [...snapshots, ...segments])
    .filter(({ key }) => copyOf(knowledge, key) === undefined);
  return buildHistory(left);
}

function isCopyOfAnother({ generation, snapshots, segments }: GenerationHistory, knowledge: Knowledge): boolean {
  const keys = [...snapshots, ...segments].map(({ key }) => key);
  const isOwn = keys.some((key) => knowledge.get(key)?.kind === 'trailer');
  return !isOwn && keys.some((key) => generationOf(copyOf(knowledge, key)) !== generation);

  function generationOf(key: string | undefined): string {
    return (key === undefined ? undefined : parseKey(key)?.generation) ?? generation;
  }
}

function copyOf(knowledge: Knowledge, key: string): string | undefined {
  const known = knowledge.get(key);
  return known?.kind === 'damaged' ? known.copyOf : undefined;
}
