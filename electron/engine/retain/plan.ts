// Plans retention: from what a replica holds, how long what is to be kept, and now, to what goes, in which order, and why.
// Pure. The same plan for a later instant says what would remain then. Two rules stand above the settings: every restore
// point that stays needs nothing of what goes, and wherever the deletion is cut off, every reader still finds only whole
// history. What lies there is images.ts, what has to stay for what stays spans.ts; carrying a plan out is prune.ts.
import type { Retention } from '../../../shared/retention.ts';
import type { Generation, Position } from '../../../shared/position.ts';
import { comparePlaces, type GenerationHistory, type Place } from '../replica/history.ts';
import {
  generationsInEffect,
  type Image,
  type ImageOptions,
  inOrder,
  type Kept,
  lastBegun,
  newestImage,
} from './images.ts';
import {
  inBatches,
  indicesOf,
  type KeptImage,
  type KeptSpan,
  type KeptWhy,
  neededBy,
  type StoredFile,
} from './spans.ts';

/** A restore point that stays whatever the settings say. */
export interface PinnedPoint extends Position {
  readonly why: 'pinned' | 'proven';
  /** What people call it. */
  readonly name?: string;
}

export interface RetainOptions extends ImageOptions {
  readonly retention: Retention;
  /** Restore points that have to stay whatever the settings say: named ones, and the newest that was proven. */
  readonly pinned: readonly PinnedPoint[];
  /** The generation that goes on; undefined where nobody writes there any more. */
  readonly current: Generation | undefined;
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
