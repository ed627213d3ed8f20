// What lies on a replica, as retention looks at it: the images that a restore can begin with, in the order in which they came to be,
// each with its age. Pure. Clocks may have been wrong: what was taken after something else is no older than that.
import type { Generation } from '../../../shared/position.ts';
import type { GenerationHistory, History, KeptSnapshot } from '../replica/history.ts';

/** What is known of a snapshot beyond its listing. */
export type SnapshotFacts =
  | {
      readonly kind: 'sound';
      readonly at: number;
      /** Without one it is a foreign image, which is whole only together with all of its index. */
      readonly offset: number | undefined;
      /** What the time was at least when it was taken. */
      readonly confirmed?: number | undefined;
      /** Its trailer says where it was put, as this version writes it. */
      readonly isPlaced?: boolean;
    }
  | { readonly kind: 'damaged' };

export interface ImageOptions {
  readonly history: History;
  /** By key; a snapshot that is not told of counts as foreign. */
  readonly facts: ReadonlyMap<string, SnapshotFacts>;
  /** In which order generations were begun; those without a number are ordered by their times. */
  readonly sequences?: ReadonlyMap<Generation, number>;
  /** What the time is at least; undefined where nobody knows. */
  readonly now: number | undefined;
}

/** An image that a restore can begin with. */
export interface Image {
  readonly object: KeptSnapshot;
  readonly generation: Generation;
  /** As it is labelled; by this it is found. */
  readonly at: number;
  /** When it was taken at the latest, as what was taken around it tells: by this it ages. */
  readonly agesFrom: number;
  readonly offset: number | undefined;
}

/** A generation as it lies there. */
export interface Kept {
  readonly history: GenerationHistory;
  /** Those that a restore can begin with, oldest first. */
  readonly images: readonly Image[];
  readonly lastAt: number;
}

/**
 * Generations in the order in which they were begun, and what of them a restore can begin with. One without a number takes its place by
 * its times, among those of the others as far as their order lets times run.
 */
export function inOrder({ history, facts, sequences, now = Infinity }: ImageOptions): readonly Kept[] {
  const all = history.generations
    .map((one) => ({ kept: describe(one, facts), sequence: sequences?.get(one.generation) ?? 0 }))
    .sort((a, b) => a.sequence - b.sequence);
  let reached = -Infinity;
  const placed = all.map(({ kept, sequence }) => {
    if (sequence > 0) reached = Math.max(reached, kept.lastAt);
    return { kept, at: sequence > 0 ? reached : kept.lastAt };
  });
  const sorted = placed.sort((a, b) => a.at - b.at).map(({ kept }) => kept);
  // What was taken after something else is no older than that, whatever clocks said; what was not yet is as young as can be.
  let latest = -Infinity;
  return sorted.map((kept) => {
    const images = kept.images.map((image) => {
      if (image.agesFrom > now) return { ...image, agesFrom: now };
      latest = Math.max(latest, image.agesFrom);
      return { ...image, agesFrom: latest };
    });
    return { ...kept, images };
  });
}

/** The one with the greatest number: where that of another is lost, times may say that it is not the last. */
export function lastBegun({ sequences }: ImageOptions, all: readonly Kept[]): Kept | undefined {
  const sequenceOf = ({ history: { generation } }: Kept): number => sequences?.get(generation) ?? 0;
  const last = all.reduce<Kept | undefined>(
    (a, b) => (sequenceOf(b) > (a === undefined ? 0 : sequenceOf(a)) ? b : a),
    undefined,
  );
  return last;
}

function describe(history: GenerationHistory, facts: ImageOptions['facts']): Kept {
  const { generation } = history;
  const images = history.snapshots.flatMap((object): Image[] => {
    const known = facts.get(object.key) ?? { kind: 'sound', at: object.modifiedAt, offset: undefined };
    if (known.kind === 'damaged') return [];
    const { at, offset, confirmed = at } = known;
    return [{ object, generation, at, agesFrom: Math.max(at, confirmed), offset }];
  });
  const imagesAt = images.reduce((last, { at }) => Math.max(last, at), -Infinity);
  const lastAt = history.segments.reduce((last, { modifiedAt }) => Math.max(last, modifiedAt), imagesAt);
  return { history, images, lastAt };
}

/**
 * The generations that hold what was there at an instant: by their labels, as a restore looks for it, and by when they were taken.
 * The last one that had begun by then is it, and where clocks disagree both are.
 */
export function generationsInEffect(all: readonly Kept[], at: number): ReadonlySet<Generation> {
  const labelled = all.findLast(({ images }) => images.some((image) => image.at <= at));
  const taken = all.findLast(({ images }) => images.some((image) => image.agesFrom <= at));
  return new Set([labelled, taken].flatMap((kept) => (kept === undefined ? [] : [kept.history.generation])));
}

/** The last image of the generation that goes on; where none does, the one that was taken last. */
export function newestImage(
  all: readonly Kept[],
  images: readonly Image[],
  current: Generation | undefined,
): Image | undefined {
  return current === undefined
    ? images.at(-1)
    : all.find(({ history }) => history.generation === current)?.images.at(-1);
}
