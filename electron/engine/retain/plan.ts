// Plans retention: from what a replica holds, how long what is to be kept, and now, to what goes, in which order, and why.
// Pure. The same plan for a later instant says what would remain then. Two rules stand above the settings: every restore
// point that stays needs nothing of what goes, and wherever the deletion is cut off, every reader still finds only whole
// history. Carrying a plan out is prune.ts.
import type { Retention } from '../../../shared/retention.ts';
import type { Generation, Position } from '../../../shared/position.ts';
import {
  comparePlaces,
  type GenerationHistory,
  type History,
  type KeptSegment,
  type KeptSnapshot,
  type Place,
} from '../replica/history.ts';

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

/** A restore point that stays whatever the settings say. */
export interface PinnedPoint extends Position {
  readonly why: 'pinned' | 'proven';
  /** What people call it. */
  readonly name?: string;
}

export interface RetainOptions {
  readonly history: History;
  /** By key; a snapshot that is not told of counts as foreign. */
  readonly facts: ReadonlyMap<string, SnapshotFacts>;
  readonly retention: Retention;
  /** Restore points that have to stay whatever the settings say: named ones, and the newest that was proven. */
  readonly pinned: readonly PinnedPoint[];
  /** The generation that goes on; undefined where nobody writes there any more. */
  readonly current: Generation | undefined;
  /** In which order generations were begun; those without a number are ordered by their times. */
  readonly sequences?: ReadonlyMap<Generation, number>;
  /** What the time is at least; undefined where nobody knows. */
  readonly now: number | undefined;
}

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

export interface RetainPlan {
  /** By generation and place; empty for a generation that goes whole. */
  readonly spans: readonly KeptSpan[];
  /** Generations of which nothing is taken away. */
  readonly whole: readonly Generation[];
  readonly kept: readonly StoredFile[];
  /**
   * What goes. One batch after the other; within a batch in any order. Cut off anywhere, what is still there is restorable.
   */
  readonly batches: readonly (readonly StoredFile[])[];
  /** From here on every transaction stays restorable; undefined where nothing is restorable. */
  readonly windowFromAt: number | undefined;
  /** Why nothing may go, as a sentence. */
  readonly held: string | undefined;
}

export type StoredFile = KeptSegment | KeptSnapshot;

interface Image {
  readonly object: KeptSnapshot;
  readonly generation: Generation;
  /** As it is labelled; by this it is found. */
  readonly at: number;
  /** When it was taken at the latest, as what was taken around it tells: by this it ages. */
  readonly agesFrom: number;
  readonly offset: number | undefined;
}

interface Kept {
  readonly history: GenerationHistory;
  /** Those that a restore can begin with, oldest first. */
  readonly images: readonly Image[];
  readonly lastAt: number;
}

const dayMs = 24 * 3_600_000;
const weekMs = 7 * dayMs;
/** Weeks begin on Mondays; the first of January 1970 was a Thursday. */
const weekShiftMs = 3 * dayMs;

/** Plans what stays and what goes. */
export function planRetention(options: RetainOptions): RetainPlan {
  const all = inOrder(options);
  const images = all.flatMap((kept) => kept.images);
  const newest = newestImage(all, images, options.current);
  const held = whyHeld(options, newest);
  const { retention, now } = options;
  if (held !== undefined || newest === undefined || retention.kind === 'keep-all' || now === undefined) {
    return keepEverything(all, held);
  }

  // Nothing behind the newest image goes, whatever the clock says: its own history is always whole.
  const last = lastBegun(options, all);
  const windowAt = Math.min(now - retention.windowMs, newest.agesFrom, last?.images.at(-1)?.agesFrom ?? Infinity);
  const thinned = thin(images, retention, now);
  const pins = pinsByImage(images, options.pinned);
  const inEffect = generationsInEffect(all, windowAt);
  const plans = all.map((kept) => {
    const { generation } = kept.history;
    const isLast = generation === options.current || kept === last;
    const isLive = isLast || kept.lastAt >= windowAt || inEffect.has(generation);
    return planGeneration(kept, { windowAt: isLive ? windowAt : undefined, newest, thinned, pins });
  });

  const firstLive = (images.findLast(({ agesFrom }) => agesFrom <= windowAt) ?? images[0])?.at;
  return {
    spans: plans.flatMap(({ spans }) => spans),
    whole: plans.flatMap(({ isWhole, generation }) => (isWhole ? [generation] : [])),
    kept: plans.flatMap(({ kept }) => kept),
    // Oldest generation first: should it be cut off, the newer history is the one that nothing was taken from.
    batches: plans.flatMap(({ batches }) => batches),
    windowFromAt: firstLive === undefined ? undefined : Math.max(firstLive, now - retention.windowMs),
    held: undefined,
  };
}

/**
 * Generations in the order in which they were begun, and what of them a restore can begin with. One without a number takes its place by
 * its times, among those of the others as far as their order lets times run.
 */
function inOrder({ history, facts, sequences, now = Infinity }: RetainOptions): readonly Kept[] {
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
function lastBegun({ sequences }: RetainOptions, all: readonly Kept[]): Kept | undefined {
  const sequenceOf = ({ history: { generation } }: Kept): number => sequences?.get(generation) ?? 0;
  const last = all.reduce<Kept | undefined>(
    (a, b) => (sequenceOf(b) > (a === undefined ? 0 : sequenceOf(a)) ? b : a),
    undefined,
  );
  return last;
}

function describe(history: GenerationHistory, facts: RetainOptions['facts']): Kept {
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
function generationsInEffect(all: readonly Kept[], at: number): ReadonlySet<Generation> {
  const labelled = all.findLast(({ images }) => images.some((image) => image.at <= at));
  const taken = all.findLast(({ images }) => images.some((image) => image.agesFrom <= at));
  return new Set([labelled, taken].flatMap((kept) => (kept === undefined ? [] : [kept.history.generation])));
}

/** The last image of the generation that goes on; where none does, the one that was taken last. */
function newestImage(
  all: readonly Kept[],
  images: readonly Image[],
  current: Generation | undefined,
): Image | undefined {
  return current === undefined
    ? images.at(-1)
    : all.find(({ history }) => history.generation === current)?.images.at(-1);
}

function whyHeld({ retention, current, now }: RetainOptions, newest: Image | undefined): string | undefined {
  if (retention.kind === 'keep-all') return 'Everything is kept, as it is set.';
  if (now === undefined)
    return 'It is not certain yet what time it is: this computer’s clock has to go right for a day before anything is deleted.';
  if (newest !== undefined) return undefined;
  return current === undefined
    ? 'There is no whole image of the database there, so nothing is deleted.'
    : 'The present history has no whole image there yet; nothing older is deleted before it has.';
}

function keepEverything(all: readonly Kept[], held: string | undefined): RetainPlan {
  const spans = all.flatMap(({ images }) =>
    images.map((image): KeptSpan => ({ image: named(image, 'window'), to: 'end' })),
  );
  return {
    spans,
    whole: all.map(({ history }) => history.generation),
    kept: all.flatMap(({ history }) => [...history.snapshots, ...history.segments]),
    batches: [],
    windowFromAt: spans.length === 0 ? undefined : Math.min(...spans.map(({ image }) => image.at)),
    held,
  };
}

/**
 * The images that stay beyond the window: the first of each day, then the first of each week. Days and weeks are those of
 * the calendar (UTC) and expire whole, so that planning again, now or later, never chooses another one.
 */
function thin(
  images: readonly Image[],
  { dailyMs, weeklyMs }: Extract<Retention, { readonly kind: 'thinned' }>,
  now: number,
): ReadonlyMap<Image, 'daily' | 'weekly'> {
  const chosen = new Map<Image, 'daily' | 'weekly'>();
  const choose = (why: 'daily' | 'weekly', bucketMs: number, shiftMs: number, forMs: number) => {
    const seen = new Set<number>();
    for (const image of images) {
      // One of a time that has not come takes no day's place; it stays all the same.
      if (image.at > now) continue;
      const bucket = Math.floor((image.agesFrom + shiftMs) / bucketMs);
      if (seen.has(bucket)) continue;
      seen.add(bucket);
      const endsAt = (bucket + 1) * bucketMs - shiftMs;
      if (forMs > 0 && endsAt > now - forMs && !chosen.has(image)) chosen.set(image, why);
    }
  };
  choose('daily', dayMs, 0, dailyMs);
  choose('weekly', weekMs, weekShiftMs, weeklyMs);
  return chosen;
}

interface GenerationPlan {
  readonly generation: Generation;
  readonly spans: readonly KeptSpan[];
  readonly isWhole: boolean;
  readonly kept: readonly StoredFile[];
  readonly batches: readonly (readonly StoredFile[])[];
  readonly lastAt: number;
}

function planGeneration(
  { history, images, lastAt }: Kept,
  rules: {
    /** Undefined for a generation that ended before the window. */
    readonly windowAt: number | undefined;
    readonly newest: Image;
    readonly thinned: ReadonlyMap<Image, 'daily' | 'weekly'>;
    readonly pins: ReadonlyMap<Image, RetainOptions['pinned']>;
  },
): GenerationPlan {
  const { generation } = history;
  const files: readonly StoredFile[] = [...history.snapshots, ...history.segments];
  const { windowAt } = rules;
  const first = windowAt === undefined ? undefined : windowImage(history, images, windowAt);
  if (windowAt !== undefined && first === undefined) {
    const spans = images.map((image): KeptSpan => ({ image: named(image, whyOf(image, rules)), to: 'end' }));
    return { generation, spans, isWhole: true, kept: files, batches: [], lastAt };
  }

  const spans: KeptSpan[] = [];
  for (const image of images) {
    const pins = rules.pins.get(image) ?? [];
    const thinned = rules.thinned.get(image);
    if (first !== undefined && isAtOrBehind(image, first))
      spans.push({ image: named(image, whyOf(image, rules)), to: 'end' });
    else if (pins.length > 0) spans.push(pinnedSpan(image, pins));
    else if (thinned !== undefined) spans.push({ image: named(image, thinned), to: 'image' });
  }

  const needed = neededBy(spans, history);
  const kept = files.filter((file) => needed(file));
  const going = files.filter((file) => !needed(file));
  return {
    generation,
    spans,
    isWhole: going.length === 0,
    kept,
    batches: inBatches(going, images, indicesOf(history)),
    lastAt,
  };
}

/** The newest image with nothing before it that belongs into the window, whichever way clocks were set. */
function windowImage(history: GenerationHistory, images: readonly Image[], windowAt: number): Image | undefined {
  const late = history.segments.find(({ modifiedAt }) => modifiedAt > windowAt);
  let found: Image | undefined;
  for (const image of images) {
    const { index } = image.object;
    const isBehindLate = late !== undefined && comparePlaces(late, { index, offset: image.offset ?? 0 }) < 0;
    if (Math.max(image.at, image.agesFrom) > windowAt || isBehindLate) break;
    found = image;
  }
  return found;
}

function whyOf(image: Image, { newest }: { readonly newest: Image }): KeptWhy {
  return image === newest ? 'newest' : 'window';
}

function named({ object, generation, at, offset }: Image, why: KeptWhy): KeptImage {
  return { generation, index: object.index, offset, at, why };
}

/** The points that have to stay, by the newest image at or before each. */
function pinsByImage(
  images: readonly Image[],
  pinned: RetainOptions['pinned'],
): ReadonlyMap<Image, RetainOptions['pinned']> {
  const byGeneration = Map.groupBy(images, ({ generation }) => generation);
  const pins = new Map<Image, PinnedPoint[]>();
  for (const pin of pinned) {
    const image = baseOf(byGeneration.get(pin.generation) ?? [], pin);
    if (image !== undefined) pins.set(image, [...(pins.get(image) ?? []), pin]);
  }
  return pins;
}

/** The newest image at or before a place; they are in the order of their places. */
function baseOf(images: readonly Image[], place: Place): Image | undefined {
  let [low, high] = [0, images.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const image = images[middle];
    const at = { index: image?.object.index ?? 0, offset: image?.offset ?? 0 };
    if (comparePlaces(at, place) <= 0) low = middle + 1;
    else high = middle;
  }
  return images[low - 1];
}

function isAtOrBehind(image: Image, first: Image): boolean {
  return image.object.index >= first.object.index;
}

function pinnedSpan(image: Image, pins: RetainOptions['pinned']): KeptSpan {
  const to = pins.reduce((a, b) => (b.index > a.index || (b.index === a.index && b.offset > a.offset) ? b : a));
  const why = pins.some((pin) => pin.why === 'pinned') ? 'pinned' : 'proven';
  const isImage = to.index === image.object.index && to.offset === image.offset;
  const names = pins.flatMap(({ name }) => name ?? []);
  const kept = { ...named(image, why), ...(names.length === 0 ? {} : { names }) };
  return { image: kept, to: isImage ? 'image' : { index: to.index, offset: to.offset } };
}

/**
 * What spans need, with regard to v0.3.13 of `litestream`, which looks at names only:
 * - An image needs the segments of its own index that lie before it: they are replayed over it, and with a part of them
 *   missing it would be turned back to a mixture.
 * - One at the very start of its index needs none to be whole; but as long as anything lies before it, the first segment
 *   of the index before has to be there, or, behind a hole, that of its own.
 * - Where anything of the next index stays, nothing of an index may go: it would be replayed as if it were whole.
 */
function neededBy(spans: readonly KeptSpan[], history: GenerationHistory): (file: StoredFile) => boolean {
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
function indicesOf({ segments }: GenerationHistory): ReadonlySet<number> {
  return new Set(segments.map(({ index }) => index));
}

/**
 * The order in which files go: newest first, an image before the segments that it needs, the first segment of an index
 * after all others of it. So whatever is left over follows its image without a hole, and no index lacks its beginning.
 * (`litestream` v0.3.13, asked for an instant among what is just going, between two batches, right before an image that
 * stays, may build a mixture; every other instant is right or refused, and those that stay always are.) A batch holds what may go in any order: segments of one index that are not its first.
 */
function inBatches(
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
