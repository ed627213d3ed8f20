// The planner, pure: tables of listings and trailers, and what comes of a wish.
import { describe, expect, test } from 'vitest';
import { buildHistory, type Known } from '../../electron/engine/replica/history.ts';
import { formatSegmentKey, formatSnapshotKey } from '../../electron/engine/replica/keys.ts';
import type { ObjectInfo } from '../../electron/engine/replica/object.ts';
import type { Trailer } from '../../electron/engine/replica/trailer.ts';
import { planRestore, type RestorePlan } from '../../electron/engine/restore/plan.ts';
import type { RestoreWish } from '../../shared/contract.ts';
import type { AppError } from '../../shared/errors.ts';
import type { Generation } from '../../shared/position.ts';

const first = '1111111111111111' as Generation;
const second = '0000000000000002' as Generation;
const frame = 4120;

/** Seconds after a fixed noon: `at(5)`. */
const noon = Date.UTC(2026, 5, 1, 12);
const at = (seconds: number) => noon + seconds * 1000;
const iso = (seconds: number) => new Date(at(seconds)).toISOString();
/** The offset behind `n` frames. */
const after = (n: number) => (n === 0 ? 0 : 32 + n * frame);

interface Entry {
  readonly info: ObjectInfo;
  readonly known: Known;
}

const base = { v: 1 as const, hash: '0'.repeat(16), pageSize: 4096, by: { tidemark: '1', sqlite: '3' } };
const hashAt = (seconds: number) => seconds.toString(16).padStart(16, '0');

function snapshot(generation: Generation, index: number, frames: number, seconds: number): Entry {
  const trailer: Trailer = {
    ...base,
    size: 40_960,
    pages: 10,
    state: { kind: 'xxh64-page-xor', hash: hashAt(seconds) },
    at: { time: at(seconds), index, offset: after(frames) },
  };
  const info = { key: formatSnapshotKey(generation, index), bytes: 5000, modifiedAt: at(seconds) };
  return { info, known: { kind: 'trailer', trailer } };
}

/** A segment from one frame count to another, with a commit per entry of `commits`: [frames, seconds]. */
function segment(
  generation: Generation,
  index: number,
  [from, to]: readonly [number, number],
  commits: readonly (readonly [number, number])[],
  more: Partial<Trailer> = {},
): Entry {
  const last = commits.at(-1)?.[1] ?? 0;
  const trailer: Trailer = {
    ...base,
    size: after(to) - after(from),
    pages: 10,
    state: { kind: 'xxh64-page-xor', hash: hashAt(last) },
    commits: commits.map(([frames, seconds]) => [after(frames), at(seconds)]),
    states: commits.map(([, seconds]) => [hashAt(seconds), 10]),
    ...more,
  };
  const info = { key: formatSegmentKey(generation, index, after(from)), bytes: 1000, modifiedAt: at(last) };
  return { info, known: { kind: 'trailer', trailer } };
}

const foreign = (entry: Entry, size?: number): Entry => ({
  ...entry,
  known: { kind: 'foreign', ...(size === undefined ? {} : { size }) },
});
const damaged = (entry: Entry): Entry => ({ ...entry, known: { kind: 'damaged', reason: 'it is torn' } });
/** As a target sees it that does not keep the times it is told. */
const uploadedAt = (entry: Entry, seconds: number): Entry => ({
  ...entry,
  info: { ...entry.info, modifiedAt: at(seconds) },
});

/**
 * One generation: a snapshot at the start, index 0 with commits at 1, 2, 3 s, index 1 with commits at 4 and 5 s, a snapshot
 * within index 1 at 5 s, then commits at 6 and 7 s.
 */
const entries = {
  snapshot0: snapshot(first, 0, 0, 0),
  a: segment(
    first,
    0,
    [0, 3],
    [
      [1, 1],
      [3, 2],
    ],
  ),
  b: segment(first, 0, [3, 5], [[5, 3]]),
  c: segment(
    first,
    1,
    [0, 2],
    [
      [1, 4],
      [2, 5],
    ],
    { follows: { index: 0, offset: after(5) } },
  ),
  snapshot1: snapshot(first, 1, 2, 5),
  d: segment(
    first,
    1,
    [2, 4],
    [
      [3, 6],
      [4, 7],
    ],
  ),
};
const usual = Object.values(entries);

function plan(held: readonly Entry[], wish: RestoreWish): { readonly plan: RestorePlan; readonly asked: string[] } {
  const asked: string[] = [];
  const history = buildHistory(held.map(({ info }) => info));
  const planning = planRestore({ history, knowledge: new Map(), url: 'file:///r' }, wish);
  for (let step = planning.next([]); ;) {
    if (step.done === true) return { plan: step.value, asked };
    asked.push(...step.value.map(({ key }) => key));
    const known = step.value.map(({ key }) => held.find(({ info }) => info.key === key)?.known);
    step = planning.next(known.filter((one) => one !== undefined));
  }
}

function failure(held: readonly Entry[], wish: RestoreWish): Pick<AppError, 'code' | 'details'> {
  try {
    plan(held, wish);
  } catch (error) {
    return error as AppError;
  }
  throw new Error('nothing was thrown');
}

/** A plan in short: snapshot, segments, cut. */
function summary(held: readonly Entry[], wish: RestoreWish) {
  const made = plan(held, wish).plan;
  const names = new Map(Object.entries(entries).map(([name, { info }]) => [info.key, name]));
  return {
    snapshot: names.get(made.snapshot.object.key),
    segments: made.segments.map(({ object }) => names.get(object.key)).join(''),
    point: [made.point.index, made.point.offset, (made.point.at - noon) / 1000],
    state: made.point.state,
  };
}

const time = (seconds: number): RestoreWish => ({ kind: 'time', at: at(seconds) });
const position = (index: number, offset: number): RestoreWish => ({
  kind: 'position',
  position: { generation: first, index, offset },
});

describe('planRestore', () => {
  test.each([
    [0, 'snapshot0', '', [0, 0, 0]],
    [0.9, 'snapshot0', '', [0, 0, 0]],
    [1, 'snapshot0', 'a', [0, after(1), 1]],
    [2, 'snapshot0', 'a', [0, after(3), 2]],
    [3.5, 'snapshot0', 'ab', [0, after(5), 3]],
    [4, 'snapshot0', 'abc', [1, after(1), 4]],
    [5.5, 'snapshot1', '', [1, after(2), 5]],
    [6, 'snapshot1', 'cd', [1, after(3), 6]],
    [1000, 'snapshot1', 'cd', [1, after(4), 7]],
  ])('takes the least that leads to %d s', (seconds, from, segments, point) => {
    const state = hashAt(point[2] ?? 0);
    expect(summary(usual, time(seconds))).toEqual({ snapshot: from, segments, point, state });
    // The same where the target's own times say nothing: all uploaded in one go, or copied without their times.
    for (const uploaded of [-100, 3, 5000]) {
      const copied = usual.map((entry) => uploadedAt(entry, uploaded));
      expect(summary(copied, time(seconds))).toEqual({ snapshot: from, segments, point, state });
    }
  });

  test('takes the newest point, the end of an index, or an exact position', () => {
    expect(summary(usual, { kind: 'latest' }).point).toEqual([1, after(4), 7]);
    expect(summary(usual, { kind: 'index', index: 0 })).toMatchObject({ segments: 'ab', point: [0, after(5), 3] });
    expect(summary(usual, { kind: 'index', index: 1 })).toMatchObject({ segments: 'cd', point: [1, after(4), 7] });
    expect(summary(usual, position(0, after(1)))).toMatchObject({ segments: 'a', point: [0, after(1), 1] });
    expect(summary(usual, position(1, after(2)))).toMatchObject({ snapshot: 'snapshot1', segments: '' });
    expect(summary(usual, position(0, 0))).toMatchObject({ snapshot: 'snapshot0', segments: '' });
  });

  test('takes the point before a position that is none', () => {
    expect(summary(usual, position(0, after(2)))).toMatchObject({ point: [0, after(1), 1] });
    expect(summary(usual, position(0, after(4)))).toMatchObject({ point: [0, after(3), 2] });
  });

  test('knows whether anything newer is restorable', () => {
    expect(plan(usual, time(6)).plan.isNewest).toBe(false);
    expect(plan(usual, time(60)).plan.isNewest).toBe(true);
  });

  test('reads few trailers of a long history', () => {
    const long = [
      snapshot(first, 0, 0, 0),
      ...Array.from({ length: 5000 }, (_, i) => segment(first, i, [0, 1], [[1, i + 1]])),
      snapshot(first, 4998, 1, 4999),
    ];
    expect(plan(long, time(4999.5)).asked.length).toBeLessThan(10);
    const copied = long.map((entry) => uploadedAt(entry, 0));
    expect(plan(copied, time(4999.5)).asked.length).toBeLessThan(25);
  });

  test('is not disturbed by leftovers of an incomplete retention below the snapshot', () => {
    const { c, snapshot1, d, b } = entries;
    expect(summary([b, c, snapshot1, d], { kind: 'latest' })).toMatchObject({ snapshot: 'snapshot1', segments: 'cd' });
    expect(summary([b, c, snapshot1, d], time(5))).toMatchObject({ snapshot: 'snapshot1', segments: '' });
  });

  describe('among generations', () => {
    const newer = [
      snapshot(second, 0, 0, 100),
      segment(
        second,
        0,
        [0, 2],
        [
          [1, 101],
          [2, 110],
        ],
      ),
    ];
    const both = [...usual, ...newer];
    test.each([
      ['latest', { kind: 'latest' }, second],
      ['an instant in the old one', time(6), first],
      ['an instant between them', time(50), first],
      ['an instant in the new one', time(105), second],
      ['an instant behind both', time(500), second],
      ['a named one', { kind: 'latest', generation: first }, first],
      ['a named one, later than its end', { kind: 'time', at: at(500), generation: first }, first],
    ] as const)('chooses for %s', (_name, wish, generation) => {
      expect(plan(both, wish).plan.generation).toBe(generation);
    });

    test('never takes the end of an older one for that of one whose image is gone or damaged', () => {
      const instead = { before: iso(7), beforeIn: first };
      const headless = [...usual, ...newer.slice(1)];
      const missing = 'the snapshot that everything begins with';
      for (const wish of [{ kind: 'latest' }, time(105), time(1000), { kind: 'latest', generation: second }] as const) {
        expect(failure(headless, wish)).toMatchObject({
          code: 'history-gap',
          details: { generation: second, missing, ...instead },
        });
      }
      const torn = [...usual, ...newer.map((entry, i) => (i === 0 ? damaged(entry) : entry))];
      for (const wish of [{ kind: 'latest' }, time(100), time(1000)] as const) {
        expect(failure(torn, wish)).toMatchObject({
          code: 'object-damaged',
          details: { generation: second, key: newer[0]?.info.key, ...instead },
        });
      }
      // What lies before it, and what is asked for by name, is not concerned; when it began is not certain any more.
      expect(summary(torn, time(7)).point).toEqual([1, after(4), 7]);
      expect(failure(torn, time(50))).toMatchObject({ details: instead });
      expect(summary(headless, { kind: 'latest', generation: first }).point).toEqual([1, after(4), 7]);
    });

    test('refuses an instant that only the damaged first image of one led to', () => {
      const healed = [...newer, snapshot(second, 1, 0, 120)];
      const torn = [...usual, ...healed.map((entry, i) => (i === 0 ? damaged(entry) : entry))];
      expect(failure(torn, time(105))).toMatchObject({
        code: 'object-damaged',
        details: { before: iso(7), beforeIn: first, after: iso(120) },
      });
      expect(plan(torn, time(120)).plan.point.at).toBe(at(120));
    });
  });

  describe('orders generations by what was recorded, whatever clocks said', () => {
    /** One with a commit ten seconds after its image. */
    const begun = (generation: Generation, sequence: number | undefined, seconds: number): Entry[] => {
      const more = sequence === undefined ? {} : { sequence };
      const image = snapshot(generation, 0, 0, seconds);
      const known = image.known.kind === 'trailer' ? { ...image.known.trailer, ...more } : undefined;
      return [
        known === undefined ? image : { ...image, known: { kind: 'trailer', trailer: known } },
        segment(generation, 0, [0, 1], [[1, seconds + 10]], more),
      ];
    };
    const hour = 3600;

    test('a second computer whose clock is an hour behind took over', () => {
      const held = [...begun(first, 1, 2 * hour), ...begun(second, 2, hour)];
      expect(plan(held, { kind: 'latest' }).plan).toMatchObject({ generation: second, isNewest: true });
      expect(plan(held, time(3 * hour)).plan).toMatchObject({ generation: second, isNewest: true });
      expect(plan(held, { kind: 'latest', generation: first }).plan).toMatchObject({ isNewest: false });
      const torn = held.map((entry, i) => (i === 2 ? damaged(entry) : entry));
      expect(failure(torn, { kind: 'latest' })).toMatchObject({
        details: { beforeIn: first, before: iso(2 * hour + 10) },
      });
    });

    test('a clock was ahead by years, and is right again', () => {
      const held = [...begun(first, 1, 17 * 365 * 24 * hour), ...begun(second, 2, 100)];
      expect(plan(held, { kind: 'latest' }).plan.generation).toBe(second);
      expect(plan(held, time(200)).plan.generation).toBe(second);
      expect(failure(held, time(50))).toMatchObject({ code: 'before-first-point' });
    });

    test('what an earlier version wrote came before, what somebody else wrote is judged by its time', () => {
      const held = [...begun(first, undefined, 2 * hour), ...begun(second, 1, hour)];
      expect(plan(held, { kind: 'latest' }).plan.generation).toBe(second);
      const others = [...begun(first, undefined, 2 * hour).map((entry) => foreign(entry)), ...begun(second, 1, hour)];
      expect(plan(others, { kind: 'latest' }).plan.generation).toBe(first);
    });
  });

  describe('where retention left single images', () => {
    const [noonImage, dusk] = [snapshot(first, 2, 0, 1000), snapshot(first, 7, 0, 2000)];
    const thinned = [noonImage, dusk];

    test('takes the one before an instant', () => {
      expect(plan(thinned, time(1500)).plan.point.at).toBe(at(1000));
      expect(plan(thinned, time(2500)).plan.point.at).toBe(at(2000));
    });

    test('takes no older one for one that is damaged', () => {
      const torn = [noonImage, damaged(dusk)];
      for (const wish of [time(2500), { kind: 'latest' }] as const) {
        expect(failure(torn, wish)).toMatchObject({
          code: 'object-damaged',
          details: { key: dusk.info.key, before: iso(1000) },
        });
      }
      expect(plan(torn, time(1500)).plan.point.at).toBe(at(1000));
    });
  });

  describe('with copies under other names', () => {
    const copied = (entry: Entry, key: string): Entry => ({
      info: { ...entry.info, key },
      known: { kind: 'damaged', reason: `it is a copy of ${entry.info.key}`, copyOf: entry.info.key },
    });

    test.each([
      ['an image behind the end', [copied(entries.snapshot0, formatSnapshotKey(first, 9))]],
      ['a segment behind the end', [copied(entries.a, formatSegmentKey(first, 9, 0))]],
      ['several', [0x10, 0x11, 0x12].map((index) => copied(entries.a, formatSegmentKey(first, index, 0)))],
      ['a whole generation', usual.map((entry) => copied(entry, entry.info.key.replace(first, second)))],
    ])('hides nothing: %s', (_what, copies) => {
      expect(summary([...usual, ...copies], { kind: 'latest' }).point).toEqual([1, after(4), 7]);
      expect(summary([...usual, ...copies], time(3)).point).toEqual([0, after(5), 3]);
    });

    test('takes one in the place of a segment, or of the last one, for damage', () => {
      const middle = usual.map((entry) => (entry === entries.b ? copied(entries.a, entries.b.info.key) : entry));
      expect(failure(middle, time(4))).toMatchObject({
        code: 'object-damaged',
        details: { key: entries.b.info.key, before: iso(2), after: iso(5) },
      });
      const last = usual.map((entry) => (entry === entries.d ? copied(entries.a, entries.d.info.key) : entry));
      expect(failure(last, { kind: 'latest' })).toMatchObject({
        code: 'object-damaged',
        details: { key: entries.d.info.key, before: iso(5) },
      });
    });
  });

  describe('refuses', () => {
    test.each([
      ['nothing at all', [], { kind: 'latest' }, 'no-history', { url: 'file:///r' }],
      [
        'a strange generation',
        usual,
        { kind: 'latest', generation: second },
        'generation-unknown',
        { generation: second },
      ],
      ['a strange index', usual, { kind: 'index', index: 2 }, 'index-unknown', { index: '00000002' }],
      ['a time before everything', usual, time(-1), 'before-first-point', { wanted: iso(-1), first: iso(0) }],
      [
        'a time before a named generation',
        usual,
        { ...time(-1), generation: first },
        'before-first-point',
        { first: iso(0) },
      ],
      [
        'an index below the first snapshot',
        [entries.b, entries.c, entries.snapshot1],
        { kind: 'index', index: 0 },
        'before-first-point',
        { first: iso(5) },
      ],
    ] as const)('%s', (_name, held, wish, code, details) => {
      expect(failure(held, wish)).toMatchObject({ code, details });
    });

    const later = [snapshot(second, 0, 0, 100)];
    test.each([
      ['a first segment', 'a', 3, 'index 00000000, offset 00000000 to 00003068', iso(0), iso(5)],
      ['a middle segment', 'b', 4, 'index 00000000, offset 00003068 to 00005098', iso(2), iso(5)],
      ['a whole index', 'c', 6, 'index 00000001, offset 00000000 to 00002050', iso(5), iso(100)],
    ] as const)('a history without %s, naming it and what is near', (_name, gone, seconds, missing, before, after_) => {
      const held = [...usual.filter((entry) => entry !== entries[gone]), ...later];
      expect(failure(held, time(seconds))).toMatchObject({
        code: 'history-gap',
        details: { missing, generation: first, before, after: after_ },
      });
    });

    test('a history whose indices are not contiguous', () => {
      const held = [snapshot(first, 0, 0, 0), segment(first, 0, [0, 1], [[1, 1]]), segment(first, 3, [0, 1], [[1, 4]])];
      expect(failure(held, { kind: 'latest' })).toMatchObject({
        code: 'history-gap',
        details: { missing: 'the run of indices 00000001 to 00000002', before: iso(1) },
      });
      expect(
        failure(
          [held[0], held[2]].filter((one) => one !== undefined),
          { kind: 'latest' },
        ),
      ).toMatchObject({
        code: 'history-gap',
        details: { missing: 'index 00000000', before: iso(0) },
      });
    });

    test('a position that lies behind everything that is here', () => {
      expect(failure(usual, position(1, after(9)))).toMatchObject({
        code: 'history-gap',
        details: {
          missing: 'index 00000001, offset 00004080 to 000090f8',
          before: iso(7),
        },
      });
    });

    test('a damaged segment in the way, naming what is near; one that is not in the way does no harm', () => {
      const held = [...usual.map((entry) => (entry === entries.b ? damaged(entry) : entry)), ...later];
      expect(failure(held, time(4))).toMatchObject({
        code: 'object-damaged',
        details: { key: entries.b.info.key, reason: 'it is torn', before: iso(2), after: iso(5) },
      });
      expect(summary(held, time(2))).toMatchObject({ segments: 'a' });
      expect(summary(held, time(6))).toMatchObject({ snapshot: 'snapshot1', segments: 'cd' });
    });

    test('a damaged only snapshot, naming it', () => {
      const held = [damaged(entries.snapshot0), entries.a, ...later];
      expect(failure(held, { kind: 'latest', generation: first })).toMatchObject({
        code: 'object-damaged',
        details: { key: entries.snapshot0.info.key, after: iso(100) },
      });
    });
  });

  test('goes round a damaged snapshot by an older one', () => {
    const held = usual.map((entry) => (entry === entries.snapshot1 ? damaged(entry) : entry));
    expect(summary(held, time(6))).toMatchObject({ snapshot: 'snapshot0', segments: 'abcd', point: [1, after(3), 6] });
  });

  describe('with foreign objects', () => {
    const strange = usual.map((entry) => foreign(entry));
    test('restores to the ends of segments, at the times that the target knows', () => {
      expect(summary(strange, time(2.5))).toEqual({
        snapshot: 'snapshot0',
        segments: 'a',
        point: [0, after(3), 2],
        state: undefined,
      });
      expect(summary(strange, { kind: 'latest' })).toEqual({
        snapshot: 'snapshot1',
        segments: 'cd',
        point: [1, undefined, 7],
        state: undefined,
      });
    });

    test('replays what a foreign image may hold in part', () => {
      expect(summary(strange, time(5))).toMatchObject({ snapshot: 'snapshot1', segments: 'c' });
    });

    test('sees a gap once the sizes are known', () => {
      const held = [foreign(entries.snapshot0), foreign(entries.a, after(2)), foreign(entries.b, after(5) - after(3))];
      expect(failure(held, { kind: 'latest' })).toMatchObject({
        code: 'history-gap',
        details: { missing: 'index 00000000, offset 00002050 to 00003068', before: iso(2) },
      });
    });
  });
});

describe('a hole that a later image goes on behind', () => {
  // Indices 2 and 3 never reached the target; index 4 did from its start, and an image in the middle of it.
  const behind = [
    segment(
      first,
      4,
      [0, 2],
      [
        [1, 10],
        [2, 11],
      ],
    ),
    snapshot(first, 4, 2, 11),
    segment(first, 4, [2, 3], [[3, 12]]),
  ];
  const held = [...usual, ...behind];
  const between = { before: iso(7), after: iso(11) };

  test('hides nothing on its far side', () => {
    const latest = plan(held, { kind: 'latest' }).plan;
    expect([latest.point.at, latest.snapshot.object.index]).toEqual([at(12), 4]);
    expect(plan(held, { kind: 'time', at: at(11) }).plan.point.at).toBe(at(11));
    expect(plan(held, { kind: 'time', at: at(7) }).plan.point.at).toBe(at(7));
  });

  test.each([
    ['an instant in it', { kind: 'time', at: at(8) }],
    ['the last moment before the image', { kind: 'time', at: at(10) }],
    ['a place before the image', { kind: 'position', position: { generation: first, index: 4, offset: after(1) } }],
  ] as const)('refuses %s: what leads there is missing', (_name, wish) => {
    expect(failure(held, wish)).toMatchObject({
      code: 'history-gap',
      details: { missing: 'the run of indices 00000002 to 00000003', ...between },
    });
  });

  test('refuses a place in it', () => {
    expect(failure(held, position(3, after(1)))).toMatchObject({ code: 'history-gap', details: between });
  });
});
