// The parts of generations that stay: which files they need, and in which order everything else may go. Pure. Litestream looks at names
// only, so that what is left over at any moment has to be whole by its names alone.
import {
  comparePlaces,
  type GenerationHistory,
  type KeptSegment,
  type KeptSnapshot,
  type Place,
} from '../replica/history.ts';
import type { Generation } from '../../../shared/position.ts';
import type { Image } from './images.ts';

export type KeptWhy = 'window' | 'daily' | 'weekly' | 'pinned' | 'proven' | 'newest';

export interface KeptImage {
  readonly generation: Generation;
  readonly index: number;
  readonly offset: number | undefined;
  readonly at: number;
  readonly why: KeptWhy;
  /** Those of the named points that it is kept for. */
  readonly names?: readonly string[];
}

/** A part of a generation that stays: an image, and what lies behind it up to `to` (exclusive offset of its index). */
export interface KeptSpan {
  readonly image: KeptImage;
  /** `image`: the image's own point alone. `end`: everything behind it. */
  readonly to: 'image' | 'end' | { readonly index: number; readonly offset: number };
}

export type StoredFile = KeptSegment | KeptSnapshot;

/**
 * What spans need, with regard to v0.3.13 of `litestream`, which looks at names only:
 * - An image needs the segments of its own index that lie before it: they are replayed over it, and with a part of them
 *   missing it would be turned back to a mixture.
 * - One at the very start of its index needs none to be whole; but as long as anything lies before it, the first segment
 *   of the index before has to be there, or, behind a hole, that of its own.
 * - Where anything of the next index stays, nothing of an index may go: it would be replayed as if it were whole.
 */
export function neededBy(spans: readonly KeptSpan[], history: GenerationHistory): (file: StoredFile) => boolean {
  const begun = indicesOf(history);
  const images = new Set(spans.map(({ image }) => image.index));
  const starts = spans.flatMap(({ image }) => (image.offset === 0 ? [image.index] : []));
  const stubs = new Set(starts.map((index) => (begun.has(index - 1) ? index - 1 : index)));
  const toEnd = spans.flatMap(({ image, to }) => (to === 'end' ? [image.index] : []));
  const wholeFrom = toEnd.reduce((a, b) => Math.min(a, b), Infinity);
  const stretches = stretchesOf(spans);
  const isSegmentNeeded = (place: KeptSegment): boolean =>
    (place.offset === 0 && stubs.has(place.index)) || place.index >= wholeFrom || stretches(place);
  const needed = new Set(history.segments.filter(isSegmentNeeded).map(({ index }) => index));
  return (file) => {
    if (file.kind === 'snapshot') return images.has(file.index) || file.index >= wholeFrom;
    return isSegmentNeeded(file) || (needed.has(file.index) && needed.has(file.index + 1));
  };
}

/** Whether a segment lies in what a span needs, from the begin of its image's index on. */
function stretchesOf(spans: readonly KeptSpan[]): (place: { index: number; offset: number }) => boolean {
  const ends = new Map<number, Place>();
  for (const { image, to } of spans) {
    if (to === 'end') continue;
    const end = to === 'image' ? { index: image.index, offset: image.offset ?? Infinity } : to;
    const known = ends.get(image.index);
    if (known === undefined || comparePlaces(known, end) < 0) ends.set(image.index, end);
  }
  // How far what is needed of each index's predecessors reaches, so that one look says it for all of them.
  const from = [...ends.keys()].sort((a, b) => a - b);
  const reach: Place[] = [];
  for (const index of from) {
    const [before, end] = [reach.at(-1), ends.get(index)];
    if (end !== undefined) reach.push(before !== undefined && comparePlaces(before, end) > 0 ? before : end);
  }
  return (place) => {
    let [low, high] = [0, from.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((from[middle] ?? Infinity) <= place.index) low = middle + 1;
      else high = middle;
    }
    const end = reach[low - 1];
    return end !== undefined && comparePlaces(place, end) < 0;
  };
}

/** The indices that have a segment. */
export function indicesOf({ segments }: GenerationHistory): ReadonlySet<number> {
  return new Set(segments.map(({ index }) => index));
}

/**
 * The order in which files go: newest first, an image before the segments that it needs, the first segment of an index
 * after all others of it. So whatever is left over follows its image without a hole, and no index lacks its beginning.
 * (`litestream` v0.3.13, asked for an instant among what is just going, between two batches, right before an image that
 * stays, may build a mixture; every other instant is right or refused, and those that stay always are.) A batch holds what may go in any order: segments of one index that are not its first.
 */
export function inBatches(
  going: readonly StoredFile[],
  images: readonly Image[],
  begun: ReadonlySet<number>,
): readonly (readonly StoredFile[])[] {
  const offsets = new Map(images.map(({ object, offset }) => [object, offset]));
  const rank = (file: StoredFile): number => {
    if (file.kind === 'segment') return file.offset;
    const offset = offsets.get(file) ?? Infinity;
    // At the start of its index it needs no segment; behind a hole it may not be the last thing of its index.
    return offset === 0 && !begun.has(file.index - 1) ? 0.5 : offset - 0.5;
  };
  const ordered = going.toSorted((a, b) => b.index - a.index || (rank(a) < rank(b) ? 1 : -1));
  const batches: StoredFile[][] = [];
  let isOpen = false;
  for (const file of ordered) {
    const isFree = file.kind === 'segment' && file.offset > 0;
    const last = batches.at(-1);
    if (isOpen && isFree && last?.[0]?.index === file.index) last.push(file);
    else batches.push([file]);
    isOpen = isFree;
  }
  return batches;
}
