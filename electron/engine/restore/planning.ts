// How a planner learns what it has to know of a history, and what follows from that: which snapshots are sound, where points
// lie, from when to when each generation reaches. Pure: generators that yield the objects whose trailers they need.
import { must } from '../../../shared/assert.ts';
import {
  comparePlaces,
  type GenerationHistory,
  type History,
  type KeptSnapshot,
  type Known,
  type Point,
  pointOfSnapshot,
  pointsOf,
} from '../replica/history.ts';
import { parseKey } from '../replica/keys.ts';
import type { ObjectInfo } from '../replica/object.ts';
import type { Planning } from '../replica/planning.ts';
import type { Trailer } from '../replica/trailer.ts';

/** What is known of objects, by key. The planner keeps what it was told here, so that planning again asks only for news. */
export type Knowledge = Map<string, Known>;

export interface PlanContext {
  readonly history: History;
  readonly knowledge: Knowledge;
  readonly url: string;
}

export interface PlannedObject<O extends ObjectInfo> {
  readonly object: O;
  /** Undefined for foreign objects. */
  readonly trailer: Trailer | undefined;
}

export interface SoundSnapshot extends PlannedObject<KeptSnapshot> {
  readonly point: Point;
}

export interface Span {
  readonly kept: GenerationHistory;
  readonly first: Point;
  readonly last: Point;
}

/** A generation as a whole, whether or not anything of it can be restored. */
export interface Reach {
  readonly kept: GenerationHistory;
  /** What orders it among others, whatever clocks said; undefined where nobody recorded that. */
  readonly sequence: number | undefined;
  /** Nothing of it that was read carries a trailer. */
  readonly isForeign: boolean;
  /** From when to when it reaches, what is damaged of it included. */
  readonly beginsAt: number;
  readonly endsAt: number;
  /** Nothing sound tells when it began. */
  readonly isBeginLost: boolean;
  /** What of it can be restored; undefined where no image is sound. */
  readonly span: Span | undefined;
}

/** All generations, in the order in which they were begun. */
export function* reachesOf(context: PlanContext): Planning<readonly Reach[]> {
  const { generations } = context.history;
  yield* learn(
    context,
    generations.flatMap(({ snapshots, segments }) => [...snapshots, ...segments.slice(-1)]),
  );
  const reaches: Reach[] = [];
  for (const kept of generations) reaches.push(yield* reachOf(context, kept));
  const ordered = reaches.toSorted(compareReaches);
  // What is lost of one's begin may reach as far back as the one before it goes.
  return ordered.map((reach, i) => {
    const before = ordered[i - 1]?.endsAt ?? -Infinity;
    return reach.isBeginLost ? { ...reach, beginsAt: Math.min(reach.beginsAt, before + 1) } : reach;
  });
}

function* reachOf(context: PlanContext, kept: GenerationHistory): Planning<Reach> {
  const sound = yield* soundSnapshots(context, kept);
  const first = sound[0]?.point;
  const span = first && { kept, first, last: yield* lastPoint(context, kept, kept.segments.length) };
  // What lies before the first sound image was history too; what is none of what such an image needs had an image of its own.
  const isBefore = ({ index }: { readonly index: number }): boolean => first === undefined || index < first.index;
  const lost = kept.snapshots.filter((image) => isBefore(image)).map(({ modifiedAt }) => modifiedAt);
  const [head] = kept.segments;
  const isLed = head !== undefined && (first === undefined || comparePlaces(head, first) < 0);
  const isHeadless = isLed && (first === undefined || head.index < first.index - (first.offset === 0 ? 1 : 0));
  const headPoints = isLed ? yield* pointsIn(context, kept, 0) : [];
  const tail = kept.segments.length - 1;
  const tailPoints = tail === -1 ? [] : yield* pointsIn(context, kept, tail);
  const times = [first?.at ?? Infinity, ...lost, ...[...headPoints, ...tailPoints].map(({ at }) => at)];
  const ends = [...kept.snapshots, ...kept.segments.slice(-1)].map(({ modifiedAt }) => modifiedAt);
  const trailers = [...kept.snapshots, ...kept.segments].flatMap(({ key }) => trailerOf(context, key) ?? []);
  const sequences = trailers.flatMap(({ sequence }) => sequence ?? []);
  return {
    kept,
    sequence: sequences.length === 0 ? undefined : sequences.reduce((a, b) => Math.max(a, b)),
    isForeign: trailers.length === 0,
    beginsAt: times.reduce((a, b) => Math.min(a, b)),
    endsAt: span?.last.at ?? ends.reduce((a, b) => Math.max(a, b), 0),
    isBeginLost: lost.length > 0 || isHeadless,
    span,
  };
}

/** Positive where `a` was begun after `b`: by what was recorded, and by times only where nothing was. */
export function compareReaches(a: Reach, b: Reach): number {
  return compareSequences(a, b) ?? (a.endsAt - b.endsAt || a.beginsAt - b.beginsAt);
}

/** Undefined where nobody recorded which of both came first. What we wrote before that was recorded came before what we did since. */
export function compareSequences(a: Reach, b: Reach): number | undefined {
  if (a.sequence !== undefined && b.sequence !== undefined) return a.sequence - b.sequence;
  if (a.sequence !== undefined && !b.isForeign) return 1;
  if (b.sequence !== undefined && !a.isForeign) return -1;
  return undefined;
}

/** The last point among the first `count` segments, or of a snapshot at or behind it (and, if given, up to an index). */
export function* lastPoint(
  context: PlanContext,
  kept: GenerationHistory,
  count: number,
  maxIndex = Infinity,
): Planning<Point> {
  const sound = yield* soundSnapshots(context, kept);
  const first = must(sound[0], 'only generations with a sound snapshot are asked').point;
  const image = sound.findLast(({ point }) => point.index <= maxIndex)?.point ?? first;
  for (let i = count - 1; i >= 0; i--) {
    const segment = must(kept.segments[i], 'within the list');
    if (segment.index < image.index) break;
    const last = (yield* pointsIn(context, kept, i)).at(-1);
    if (last !== undefined) return comparePlaces(last, image) > 0 ? last : image;
  }
  return image;
}

/** The last point of the first `count` segments, if any. */
export function* lastPointBefore(
  context: PlanContext,
  kept: GenerationHistory,
  count: number,
): Planning<Point | undefined> {
  for (let i = count - 1; i >= 0; i--) {
    const last = (yield* pointsIn(context, kept, i)).at(-1);
    if (last !== undefined) return last;
  }
  return undefined;
}

/** The snapshots of a generation that are not known to be damaged, oldest first. */
export function* soundSnapshots(context: PlanContext, kept: GenerationHistory): Planning<readonly SoundSnapshot[]> {
  const known = yield* learn(context, kept.snapshots);
  return kept.snapshots.flatMap((object, i) => {
    const facts = must(known[i], 'one for each');
    if (facts.kind === 'damaged') return [];
    const trailer = facts.kind === 'trailer' ? facts.trailer : undefined;
    return [
      {
        object,
        trailer,
        point: pointOfSnapshot(object, facts, { segments: kept.segments, knowledge: context.knowledge }),
      },
    ];
  });
}

function trailerOf({ knowledge }: PlanContext, key: string): Trailer | undefined {
  const known = knowledge.get(key);
  return known?.kind === 'trailer' ? known.trailer : undefined;
}

export function* pointsIn(context: PlanContext, kept: GenerationHistory, at: number): Planning<readonly Point[]> {
  const segment = must(kept.segments[at], 'within the list');
  return pointsOf(segment, yield* learnOne(context, segment), kept.segments[at + 1]);
}

export function* learnOne(context: PlanContext, object: ObjectInfo): Planning<Known> {
  return must((yield* learn(context, [object]))[0], 'one for one');
}

/** What is known of objects, asked for where nothing is yet. */
export function* learn(context: PlanContext, objects: readonly ObjectInfo[]): Planning<readonly Known[]> {
  const { knowledge } = context;
  const news = [...new Set(objects.filter(({ key }) => !knowledge.has(key)))];
  if (news.length > 0) {
    const told = yield news;
    news.forEach(({ key }, i) => knowledge.set(key, must(told[i], 'one answer for each')));
  }
  return objects.map((object) => judged(context, object, must(knowledge.get(object.key), 'it was just asked')));
}

/** Among objects that carry trailers, one without has lost its end: its own times and sizes say nothing. */
function judged({ knowledge }: PlanContext, { key }: ObjectInfo, known: Known): Known {
  if (known.kind !== 'foreign' || !oursIn(knowledge).has(parseKey(key)?.generation)) return known;
  return { kind: 'damaged', reason: 'its trailer is missing' };
}

const ours = new WeakMap<Knowledge, { readonly size: number; readonly generations: ReadonlySet<unknown> }>();

/** How many generations are known to be ours: of those, what has no trailer is judged otherwise than before. */
export function countOurs(knowledge: Knowledge): number {
  return oursIn(knowledge).size;
}

/** The generations of which some object carries a trailer, as far as is known. */
function oursIn(knowledge: Knowledge): ReadonlySet<unknown> {
  const counted = ours.get(knowledge);
  if (counted?.size === knowledge.size) return counted.generations;
  const told = [...knowledge].filter(([, { kind }]) => kind === 'trailer');
  const generations = new Set(told.map(([key]) => parseKey(key)?.generation));
  ours.set(knowledge, { size: knowledge.size, generations });
  return generations;
}
