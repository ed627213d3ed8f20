// What a replica holds, from its listing: generations with snapshots and segments, and which restore points they carry.
// Pure. Trailers give exact points; a foreign object without one is a point at its end, dated by the target. Which of
// them a restore takes is restore/plan.ts.
import { comparePositions, type Generation } from '../../../shared/position.ts';
import { plausibleInstant } from './bounds.ts';
import { parseKey } from './keys.ts';
import type { ObjectInfo } from './object.ts';
import { stateHashName } from './state-hash.ts';
import type { Trailer } from './trailer.ts';

export interface KeptSnapshot extends ObjectInfo {
  readonly kind: 'snapshot';
  readonly index: number;
}

export interface KeptSegment extends ObjectInfo {
  readonly kind: 'segment';
  readonly index: number;
  readonly offset: number;
}

/** One generation: snapshots and segments in the order of history. */
export interface GenerationHistory {
  readonly generation: Generation;
  readonly snapshots: readonly KeptSnapshot[];
  readonly segments: readonly KeptSegment[];
}

/** Generations in the order of their names, which is no order in time. */
export interface History {
  readonly generations: readonly GenerationHistory[];
}

/** What is known of an object beyond its listing. */
export type Known =
  | { readonly kind: 'trailer'; readonly trailer: Trailer }
  /** No trailer; the size is known once it was decompressed. */
  | { readonly kind: 'foreign'; readonly size?: number }
  /** `copyOf`: what it is a copy of, which was put under another name. */
  | { readonly kind: 'damaged'; readonly reason: string; readonly copyOf?: string };

/** A place in a generation; without an offset: the end of the index, however long it is. */
export interface Place {
  readonly index: number;
  readonly offset: number | undefined;
}

/** A transaction one can restore to. */
export interface Point extends Place {
  readonly at: number;
  /** The state hash that was recorded there. */
  readonly state: string | undefined;
  /** Size of the database then, in pages, where known. */
  readonly pages: number | undefined;
  readonly pageSize: number | undefined;
}

/** Sorts a listing into a history; names that are not of the layout are passed over. */
export function buildHistory(listing: readonly ObjectInfo[]): History {
  const byGeneration = new Map<Generation, { snapshots: KeptSnapshot[]; segments: KeptSegment[] }>();
  for (const { key, bytes, modifiedAt } of listing) {
    const parsed = parseKey(key);
    if (parsed === undefined) continue;
    const { generation, index } = parsed;
    const kept = byGeneration.get(generation) ?? { snapshots: [], segments: [] };
    byGeneration.set(generation, kept);
    const facts = { key, bytes, modifiedAt: plausibleInstant(modifiedAt), index };
    if (parsed.kind === 'snapshot') kept.snapshots.push({ kind: 'snapshot', ...facts });
    else kept.segments.push({ kind: 'segment', ...facts, offset: parsed.offset });
  }
  const generations = [...byGeneration].map(([generation, { snapshots, segments }]) => ({
    generation,
    snapshots: snapshots.sort((a, b) => a.index - b.index),
    segments: segments.sort(comparePositions),
  }));
  return { generations: generations.sort((a, b) => (a.generation < b.generation ? -1 : 1)) };
}

/** Negative, zero or positive, as `a` lies before, at or behind `b`. */
export function comparePlaces(a: Place, b: Place): number {
  if (a.index !== b.index) return a.index - b.index;
  if (a.offset === b.offset) return 0;
  if (a.offset === undefined) return 1;
  if (b.offset === undefined) return -1;
  return a.offset - b.offset;
}

/**
 * Where a segment ends: by its trailer or its measured size; for a foreign one by where the next one begins, which only
 * its content can confirm; else undefined.
 */
export function endOf(segment: KeptSegment, known: Known, next: KeptSegment | undefined): number | undefined {
  if (known.kind === 'trailer') return segment.offset + known.trailer.size;
  if (known.kind === 'foreign' && known.size !== undefined) return segment.offset + known.size;
  return next?.index === segment.index ? next.offset : undefined;
}

/** The restore points of a segment, oldest first. */
export function pointsOf(segment: KeptSegment, known: Known, next: KeptSegment | undefined): readonly Point[] {
  const { index } = segment;
  const end = endOf(segment, known, next);
  if (known.kind !== 'trailer') {
    return [{ index, offset: end, at: segment.modifiedAt, state: undefined, pages: undefined, pageSize: undefined }];
  }
  const { trailer } = known;
  const { pageSize } = trailer;
  const last = { state: stateOf(trailer), pages: trailer.pages };
  if (trailer.commits === undefined) {
    return last.state === undefined ? [] : [{ index, offset: end, at: segment.modifiedAt, ...last, pageSize }];
  }
  const isOurHash = trailer.state === undefined || trailer.state.kind === stateHashName;
  return trailer.commits.map(([offset, at], i) => {
    const [state, pages] = trailer.states?.[i] ?? [];
    const then = offset === end ? last : { state: undefined, pages: undefined };
    return {
      index,
      offset,
      at,
      state: (isOurHash ? state : undefined) ?? then.state,
      pages: pages ?? then.pages,
      pageSize,
    };
  });
}

/**
 * The restore point that a snapshot is. A foreign image may contain parts of its index already: it is whole only once
 * everything that was there when it was written is replayed.
 */
export function pointOfSnapshot(
  snapshot: KeptSnapshot,
  known: Known,
  around: { readonly segments: readonly KeptSegment[]; readonly knowledge: ReadonlyMap<string, Known> },
): Point {
  if (known.kind === 'trailer') {
    const { trailer } = known;
    const { at } = trailer;
    return {
      index: snapshot.index,
      offset: at?.index === snapshot.index ? at.offset : 0,
      at: at?.time ?? snapshot.modifiedAt,
      state: stateOf(trailer),
      pages: trailer.pages,
      pageSize: trailer.pageSize,
    };
  }
  const own = around.segments.filter(({ index }) => index === snapshot.index);
  const last = own.findLastIndex(({ modifiedAt }) => modifiedAt <= snapshot.modifiedAt);
  const covered = own[last];
  const offset =
    covered === undefined ? 0 : endOf(covered, around.knowledge.get(covered.key) ?? { kind: 'foreign' }, own[last + 1]);
  const unknown = { state: undefined, pages: undefined, pageSize: undefined };
  return { index: snapshot.index, offset, at: snapshot.modifiedAt, ...unknown };
}

function stateOf(trailer: Trailer): string | undefined {
  return trailer.state?.kind === stateHashName ? trailer.state.hash : undefined;
}
