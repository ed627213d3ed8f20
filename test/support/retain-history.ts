// Histories for tests of retention, as a model: what was put, when, and with which trailers; and a reader that does what
// `litestream` v0.3.13 does with a listing, and tells when it would build something that never was.
import fc from 'fast-check';
import { formatSegmentKey, formatSnapshotKey } from '../../electron/engine/replica/keys.ts';
import { buildHistory, type History, type Known } from '../../electron/engine/replica/history.ts';
import type { ObjectInfo } from '../../electron/engine/replica/object.ts';
import type { Planning } from '../../electron/engine/replica/planning.ts';
import type { Knowledge } from '../../electron/engine/restore/planning.ts';
import type { SnapshotFacts } from '../../electron/engine/retain/images.ts';
import { must } from '../../shared/assert.ts';
import type { Generation, Position } from '../../shared/position.ts';

const frame = 24 + 4096;
const by = { tidemark: '0.0.0-test', sqlite: '3' };
const hash = '0000000000000000';

type Step =
  | { readonly kind: 'commit'; readonly frames: number }
  | { readonly kind: 'snapshot' }
  | { readonly kind: 'restart' }
  /** Indices that never came here, then one with an image in it. */
  | { readonly kind: 'hole'; readonly indices: number }
  | { readonly kind: 'generation' }
  | { readonly kind: 'wait'; readonly ms: number }
  /** The clock is wrong by so much from now on; another computer's, where `isOther`. */
  | { readonly kind: 'clock'; readonly ms: number; readonly isOther: boolean };

export interface ModelHistory {
  readonly objects: readonly ObjectInfo[];
  readonly knowledge: ReadonlyMap<string, Known>;
  readonly facts: ReadonlyMap<string, SnapshotFacts>;
  readonly current: Generation;
  /** When the last thing happened. */
  readonly endAt: number;
  /** Every transaction, in the order in which it was made: how it is labelled, and when it really was. */
  readonly commits: readonly (Position & { readonly at: number; readonly realAt: number })[];
  /** In which order generations were begun; empty where clocks were right. */
  readonly sequences: ReadonlyMap<Generation, number>;
}

/** A second computer is not this far behind. */
export const mostBehindMs = 2 * 3_600_000;

const hourMs = 3_600_000;

/**
 * Histories of up to some months, with several generations, holes and, if asked, clocks that jump, or clocks of computers that are
 * wrong for a while, as the engine labels what is captured by them: a generation for each stretch that does not run backwards.
 */
export function histories({ hasJumps = false, hasClocks = false } = {}): fc.Arbitrary<ModelHistory> {
  const clock = fc.record({
    kind: fc.constant('clock' as const),
    isOther: fc.boolean(),
    ms: fc.oneof(
      fc.constant(0),
      fc.integer({ min: -mostBehindMs, max: 0 }),
      fc.integer({ min: 0, max: 30 * 24 * hourMs }),
      fc.constantFrom(8 * 24 * hourMs, 365 * 24 * hourMs, 17 * 365 * 24 * hourMs),
    ),
  });
  const wait = fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 40 * hourMs }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 20 * 24 * hourMs }) },
    ...(hasJumps ? [{ weight: 1, arbitrary: fc.integer({ min: -30 * 24 * hourMs, max: 0 }) }] : []),
  );
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('commit' as const), frames: fc.integer({ min: 1, max: 3 }) }),
    },
    { weight: 4, arbitrary: fc.constant({ kind: 'snapshot' as const }) },
    { weight: 4, arbitrary: fc.constant({ kind: 'restart' as const }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: wait }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('hole' as const), indices: fc.integer({ min: 1, max: 3 }) }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'generation' as const }) },
    ...(hasClocks ? [{ weight: 3, arbitrary: clock }] : []),
  );
  return fc.array(step, { minLength: 5, maxLength: 60 }).map((steps) => build(steps, { hasJumps, hasClocks }));
}

function build(
  steps: readonly Step[],
  { hasJumps, hasClocks }: { readonly hasJumps: boolean; readonly hasClocks: boolean },
): ModelHistory {
  const sequences = new Map<Generation, number>();
  let wrongMs = 0;
  const objects = new Map<string, ObjectInfo>();
  const knowledge = new Map<string, Known>();
  const facts = new Map<string, SnapshotFacts>();
  const commits: (Position & { readonly at: number; readonly realAt: number })[] = [];
  let now = Date.UTC(2026, 0, 1);
  let count = 0;
  let generation = '' as Generation;
  let [index, offset, at] = [0, 0, now];
  const snapshot = (): void => {
    const key = formatSnapshotKey(generation, index);
    if (objects.has(key)) return;
    objects.set(key, { key, bytes: 1000, modifiedAt: at });
    const trailer = {
      v: 1 as const,
      size: 4096,
      hash,
      pages: 1,
      pageSize: 4096,
      at: { time: at, index, offset },
      ...(hasClocks ? { sequence: count } : {}),
      by,
      state: { kind: 'xxh64-pages', hash },
    };
    knowledge.set(key, { kind: 'trailer', trailer });
    facts.set(key, { kind: 'sound', at, offset });
  };
  const commit = (frames: number): void => {
    const key = formatSegmentKey(generation, index, offset);
    const size = (offset === 0 ? 32 : 0) + frames * frame;
    at = hasJumps ? now : Math.max(at, now + wrongMs);
    const commitsIn: [number, number][] = [[offset + size, at]];
    objects.set(key, { key, bytes: 100 * frames, modifiedAt: at });
    const trailer = {
      v: 1 as const,
      size,
      hash,
      pages: 1,
      pageSize: 4096,
      commits: commitsIn,
      ...(hasClocks ? { sequence: count } : {}),
      by,
    };
    knowledge.set(key, { kind: 'trailer', trailer });
    offset += size;
    commits.push({ generation, index, offset, at, realAt: now });
  };
  const begin = (): void => {
    // No order in time.
    generation = ((count * 0x5bd1e995) >>> 0).toString(16).padStart(16, '0') as Generation;
    count++;
    [index, offset, at] = [0, 0, now + wrongMs];
    if (hasClocks) sequences.set(generation, count);
    snapshot();
  };
  begin();
  for (const step of steps) {
    // No two things happen at once.
    now++;
    switch (step.kind) {
      case 'wait':
        now += step.ms;
        break;
      case 'commit':
        commit(step.frames);
        break;
      case 'restart':
        if (offset > 0) [index, offset] = [index + 1, 0];
        break;
      case 'snapshot':
        snapshot();
        break;
      case 'hole':
        [index, offset] = [index + 1 + step.indices, 0];
        commit(1);
        snapshot();
        break;
      case 'generation':
        begin();
        break;
      case 'clock':
        wrongMs = step.ms;
        // As the engine does: it was ahead and is not any more, or somebody else took over.
        if (step.isOther || at - (now + wrongMs) > 60_000) begin();
        break;
    }
  }
  return { objects: [...objects.values()], knowledge, facts, current: generation, endAt: now, commits, sequences };
}

/** What is left of a model when objects were deleted. */
export function listing(objects: Iterable<ObjectInfo>): History {
  return buildHistory([...objects]);
}

/** Answers a planning out of what is known. */
export function answer<T>(planning: Planning<T>, knowledge: ReadonlyMap<string, Known>): T {
  let step = planning.next([]);
  while (step.done !== true) {
    step = planning.next(step.value.map(({ key }) => must(knowledge.get(key), 'every object of the model is known')));
  }
  return step.value;
}

export function freshKnowledge(): Knowledge {
  return new Map();
}

/** What `litestream` makes of a listing. `broken`: it crashes, or builds a state that never was. */
export type Reach =
  | { readonly kind: 'reached'; readonly index: number; readonly offset: number }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refused' | 'broken'; readonly why: string };

/**
 * Restores as `litestream` v0.3.13 does: the newest image at or before an instant, every segment listed up to it. `whole`: what
 * lay there once.
 */
export function litestreamReach(
  history: History,
  knowledge: ReadonlyMap<string, Known>,
  { generation, at, whole }: { readonly generation: Generation; readonly at: number; readonly whole: History },
): Reach {
  const kept = history.generations.find((one) => one.generation === generation);
  const image = kept?.snapshots.findLast(({ modifiedAt }) => modifiedAt <= at);
  if (kept === undefined || image === undefined) return { kind: 'nothing' };
  const known = knowledge.get(image.key);
  const place = known?.kind === 'trailer' ? known.trailer.at : undefined;
  if (place === undefined) throw new Error('the model has trailers everywhere');
  const found = new Map<number, number[]>();
  for (const { index, offset, modifiedAt } of kept.segments) {
    if (modifiedAt > at) break;
    const offsets = found.get(index) ?? [];
    found.set(index, offsets);
    if (offsets.length === 0 && offset !== 0) return { kind: 'broken', why: 'it misses an initial segment' };
    offsets.push(offset);
  }
  const last = Math.max(...found.keys());
  if (last - image.index + 1 < 0 && found.size > 0) return { kind: 'broken', why: 'makechan: size out of range' };
  const all = whole.generations.find((one) => one.generation === generation)?.segments ?? [];
  const endOf = (index: number): number => {
    const segment = all.findLast((one) => one.index === index);
    const trailer = segment && knowledge.get(segment.key);
    return segment && trailer?.kind === 'trailer' ? segment.offset + trailer.trailer.size : 0;
  };
  for (let index = image.index; index <= last; index++) {
    if (!found.has(index)) return { kind: 'refused', why: 'missing WAL index' };
  }
  let end = place.offset;
  for (let index = image.index; index <= last; index++) {
    const offsets = found.get(index) ?? [];
    end = 0;
    // SQLite stops at the first frame whose checksum does not follow.
    for (const offset of offsets) {
      const segment = knowledge.get(formatSegmentKey(generation, index, offset));
      if (offset === end && segment?.kind === 'trailer') end += segment.trailer.size;
    }
    if (index < last && end < endOf(index)) return { kind: 'broken', why: 'a later index over a shortened one' };
    if (index === place.index && end < place.offset)
      return { kind: 'broken', why: 'an older prefix over a newer image' };
  }
  return { kind: 'reached', index: Math.max(last, place.index), offset: end };
}
