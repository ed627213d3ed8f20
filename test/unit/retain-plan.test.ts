// What retention keeps and what it lets go, whatever the history was: by properties, and by a few histories to read.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { History } from '../../electron/engine/replica/history.ts';
import { formatSegmentKey, formatSnapshotKey } from '../../electron/engine/replica/keys.ts';
import type { ObjectInfo } from '../../electron/engine/replica/object.ts';
import { planRestore } from '../../electron/engine/restore/plan.ts';
import { planRetention, type RetainPlan } from '../../electron/engine/retain/plan.ts';
import type { SnapshotFacts } from '../../electron/engine/retain/images.ts';
import type { RestoreWish } from '../../shared/contract.ts';
import type { Retention } from '../../shared/retention.ts';
import { type Generation, isSamePosition, type Position } from '../../shared/position.ts';
import {
  answer,
  freshKnowledge,
  histories,
  listing,
  litestreamReach,
  type ModelHistory,
  mostBehindMs,
} from '../support/retain-history.ts';

const dayMs = 24 * 3_600_000;
const usual: Retention = { kind: 'thinned', windowMs: 7 * dayMs, dailyMs: 30 * dayMs, weeklyMs: 365 * dayMs };

const retentions: fc.Arbitrary<Retention> = fc.oneof(
  fc.constant(usual),
  fc.record({
    kind: fc.constant('thinned' as const),
    windowMs: fc.integer({ min: 0, max: 12 * dayMs }),
    dailyMs: fc.integer({ min: 0, max: 30 * dayMs }),
    weeklyMs: fc.integer({ min: 0, max: 60 * dayMs }),
  }),
);
/** How long after its end a history is looked at. */
const later = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40 * dayMs }));

interface Case {
  readonly model: ModelHistory;
  readonly retention: Retention;
  readonly now: number;
  readonly pinned: readonly (Position & { readonly why: 'pinned' | 'proven' })[];
}

const cases = (options: { readonly hasJumps?: boolean; readonly hasClocks?: boolean } = {}): fc.Arbitrary<Case> =>
  fc
    .record({ model: histories(options), retention: retentions, later, pins: fc.array(fc.nat(), { maxLength: 3 }) })
    .map((drawn) => ({
      model: drawn.model,
      retention: drawn.retention,
      now: drawn.model.endAt + drawn.later,
      pinned: drawn.pins.flatMap((n) => {
        const commit = drawn.model.commits[n % drawn.model.commits.length];
        if (commit === undefined) return [];
        const { generation, index, offset } = commit;
        return [{ generation, index, offset, why: n % 2 === 0 ? ('pinned' as const) : ('proven' as const) }];
      }),
    }));

function plan({ model, retention, now, pinned }: Case, objects: Iterable<ObjectInfo> = model.objects): RetainPlan {
  const { facts, current, sequences } = model;
  return planRetention({ history: listing(objects), facts, retention, pinned, current, sequences, now });
}

/** The point that a wish leads to; undefined where it fails. */
function restorable(model: ModelHistory, objects: Iterable<ObjectInfo>, wish: RestoreWish): Position | undefined {
  try {
    const context = { history: listing(objects), knowledge: freshKnowledge(), url: 'model' };
    const { generation, point } = answer(planRestore(context, wish), model.knowledge);
    return { generation, index: point.index, offset: point.offset ?? -1 };
  } catch {
    return undefined;
  }
}

function at(generation: Generation, index: number, offset: number | undefined): RestoreWish {
  return { kind: 'position', position: { generation, index, offset: offset ?? 0 } };
}

const keysOf = (objects: Iterable<ObjectInfo>) => [...objects].map(({ key }) => key).sort();
const runs = { numRuns: 400 };

/** An image a day at noon, each at the end of an index of its own, for so many days. */
function daily(days: number): Case {
  const generation = '00000000000000aa' as Generation;
  const startAt = Date.UTC(2026, 0, 1, 12);
  const files = Array.from({ length: days }, (_, index) => {
    const modifiedAt = startAt + index * dayMs;
    const snapshot = { key: formatSnapshotKey(generation, index * 2), bytes: 1000, modifiedAt };
    const segments = [0, 1].map((next) => ({
      key: formatSegmentKey(generation, index * 2 + next, 0),
      bytes: 10,
      modifiedAt: modifiedAt + next * 1000,
    }));
    return { snapshot, segments };
  });
  const facts = new Map(
    files.map(({ snapshot }) => [snapshot.key, { kind: 'sound' as const, at: snapshot.modifiedAt, offset: 4152 }]),
  );
  const objects = files.flatMap(({ snapshot, segments }) => [snapshot, ...segments]);
  const endAt = startAt + (days - 1) * dayMs;
  const model = { objects, facts, knowledge: new Map(), current: generation, endAt, commits: [], sequences: new Map() };
  return { model, retention: usual, now: endAt + 1000, pinned: [] };
}

describe('what is set', () => {
  test('keeps a week whole, then an image a day for a month, then one a week for a year, and no more', () => {
    const { spans, kept, batches, windowFromAt, held } = plan(daily(500));
    const whys = spans.map(({ image }) => image.why);
    const count = (why: string) => whys.filter((one) => one === why).length;
    expect({
      window: count('window'),
      newest: count('newest'),
      daily: count('daily'),
      weekly: count('weekly'),
    }).toEqual({
      window: 7,
      newest: 1,
      daily: 23,
      weekly: 49,
    });
    expect(windowFromAt).toBe(daily(500).now - 7 * dayMs);
    expect(held).toBeUndefined();
    // Behind the window each image has its own index, whose segments it needs.
    expect(kept).toHaveLength(72 * 2 + 8 * 3);
    expect(batches.flat()).toHaveLength(1500 - kept.length);
    expect(batches.every((batch) => batch.length === 1)).toBe(true);
  });

  test('lets nothing go where everything is to be kept, and says so', () => {
    const { batches, held, kept } = plan({ ...daily(50), retention: { kind: 'keep-all' } });
    expect({ batches, held, kept: kept.length }).toEqual({
      batches: [],
      held: 'Everything is kept, as it is set.',
      kept: 150,
    });
  });

  test('lets nothing go before the present history has an image', () => {
    const drawn = daily(50);
    const current = '00000000000000bb' as Generation;
    const { batches, held } = plan({ ...drawn, model: { ...drawn.model, current } });
    expect(batches).toEqual([]);
    expect(held).toMatch(/no whole image there yet/);
  });

  test('does not count an image that is damaged', () => {
    const drawn = daily(50);
    const newest = formatSnapshotKey(drawn.model.current, 98);
    const facts = new Map([...drawn.model.facts, [newest, { kind: 'damaged' as const }]]);
    const { spans } = plan({ ...drawn, model: { ...drawn.model, facts }, now: drawn.now + 300 * dayMs });
    expect(spans.at(-1)).toMatchObject({ image: { index: 96, why: 'newest' }, to: 'end' });
  });
});

describe('a named point', () => {
  test('keeps the image before it and what leads up to it, and says for which names', () => {
    const drawn = daily(500);
    // The second index of day 100 has no image: the point lies behind the one of its day.
    const place = { generation: drawn.model.current, index: 201, offset: 20 };
    const named = (offset: number, name: string) => ({ ...place, offset, why: 'pinned' as const, name });
    const before = plan(drawn);
    const { spans, kept } = plan({ ...drawn, pinned: [named(10, 'one'), named(20, 'two')] });
    const span = spans.find(({ image }) => image.index === 200);
    expect(span).toMatchObject({ image: { why: 'pinned', names: ['one', 'two'] }, to: { index: 201, offset: 20 } });
    const added = keysOf(kept).filter((key) => !keysOf(before.kept).includes(key));
    expect(added).toEqual([
      formatSnapshotKey(place.generation, 200),
      formatSegmentKey(place.generation, 200, 0),
      formatSegmentKey(place.generation, 201, 0),
    ]);
  });

  test('that lies within the window adds nothing, and one of a generation that is not there keeps nothing', () => {
    const drawn = daily(50);
    const { index, generation } = { index: 97, generation: drawn.model.current };
    const pinned = [
      { generation, index, offset: 20, why: 'pinned' as const },
      { generation: '00000000000000bb' as Generation, index: 3, offset: 20, why: 'pinned' as const },
    ];
    expect(plan({ ...drawn, pinned })).toEqual(plan(drawn));
  });
});

describe('whatever the history', () => {
  test.each([{ hasJumps: false }, { hasJumps: true }])(
    'every transaction of the window stays restorable (%o)',
    (options) => {
      fc.assert(
        fc.property(cases(options), (drawn) => {
          const { model, retention, now } = drawn;
          const { kept } = plan(drawn);
          const from = retention.kind === 'thinned' ? now - retention.windowMs : -Infinity;
          for (const commit of model.commits.filter((one) => one.at > from)) {
            const wish = at(commit.generation, commit.index, commit.offset);
            expect(restorable(model, kept, wish)).toEqual(restorable(model, model.objects, wish));
          }
        }),
        runs,
      );
    },
  );

  test('the state at the begin of the window stays restorable', () => {
    fc.assert(
      fc.property(cases(), (drawn) => {
        const { model, retention, now } = drawn;
        const wish = { kind: 'time' as const, at: now - (retention.kind === 'thinned' ? retention.windowMs : 0) };
        const before = restorable(model, model.objects, wish);
        const after = restorable(model, plan(drawn).kept, wish);
        expect(before === undefined ? undefined : after).toEqual(before);
      }),
      runs,
    );
  });

  test('every image that is kept is restorable by itself, and so is every pinned point', () => {
    fc.assert(
      fc.property(cases({ hasJumps: true }), (drawn) => {
        const { model } = drawn;
        const { kept, spans } = plan(drawn);
        for (const { image } of spans) {
          const { generation, index, offset } = image;
          expect(restorable(model, kept, at(generation, index, offset))).toEqual({ generation, index, offset });
        }
        for (const pin of drawn.pinned) {
          const wish = at(pin.generation, pin.index, pin.offset);
          expect(restorable(model, kept, wish)).toEqual(restorable(model, model.objects, wish));
        }
        const newest: RestoreWish = { kind: 'latest', generation: model.current };
        expect(restorable(model, kept, newest)).toEqual(restorable(model, model.objects, newest));
      }),
      runs,
    );
  });

  test('beyond the window no more than one image a day and one a week is kept, and none that is too old', () => {
    fc.assert(
      fc.property(cases(), (drawn) => {
        const { retention, now } = drawn;
        if (retention.kind !== 'thinned') return;
        const { spans } = plan({ ...drawn, pinned: [] });
        for (const [why, bucketMs, shiftMs, forMs] of [
          ['daily', dayMs, 0, retention.dailyMs],
          ['weekly', 7 * dayMs, 3 * dayMs, retention.weeklyMs],
        ] as const) {
          const images = spans.flatMap(({ image }) => (image.why === why ? [image] : []));
          const buckets = images.map((image) => Math.floor((image.at + shiftMs) / bucketMs));
          expect(new Set(buckets).size).toBe(buckets.length);
          for (const image of images) expect(image.at).toBeGreaterThan(now - forMs - bucketMs);
        }
      }),
      runs,
    );
  });

  test('planning again, at once or later, is planning once', () => {
    fc.assert(
      fc.property(cases({ hasJumps: true }), (drawn) => {
        expect(plan(drawn, plan(drawn).kept).batches).toEqual([]);
      }),
      runs,
    );
    fc.assert(
      fc.property(cases(), later, (drawn, waitMs) => {
        const first = plan(drawn);
        const then = { ...drawn, now: drawn.now + waitMs };
        expect(keysOf(plan(then, first.kept).kept)).toEqual(keysOf(plan(then).kept));
      }),
      runs,
    );
  });

  test('kept and deleted together are what was there', () => {
    fc.assert(
      fc.property(cases({ hasJumps: true }), (drawn) => {
        const { kept, batches } = plan(drawn);
        expect(keysOf([...kept, ...batches.flat()])).toEqual(keysOf(drawn.model.objects));
      }),
      runs,
    );
  });
});

describe('whatever clocks said', () => {
  const wrong = cases({ hasClocks: true });

  test('what was made in the window stays restorable, and so does the newest state', () => {
    fc.assert(
      fc.property(wrong, (drawn) => {
        const { model, retention, now } = drawn;
        const { kept } = plan(drawn);
        const from = retention.kind === 'thinned' ? now - retention.windowMs + mostBehindMs : -Infinity;
        for (const commit of model.commits.filter((one) => one.realAt > from)) {
          const wish = at(commit.generation, commit.index, commit.offset);
          expect(restorable(model, kept, wish)).toEqual(restorable(model, model.objects, wish));
        }
        for (const wish of [{ kind: 'latest' }, { kind: 'time', at: now + 40 * 365 * dayMs }] as const) {
          expect(restorable(model, kept, wish)).toEqual(restorable(model, model.objects, wish));
        }
      }),
      runs,
    );
  });

  test('every moment since the begin of the window is answered as before', () => {
    fc.assert(
      fc.property(wrong, (drawn) => {
        const { model, retention, now } = drawn;
        const { kept } = plan(drawn);
        const from = now - (retention.kind === 'thinned' ? retention.windowMs : 0);
        const moments = [
          from,
          ...model.commits.flatMap((commit) => (commit.at > from ? [commit.at - 1, commit.at] : [])),
        ];
        for (const moment of moments) {
          const wish = { kind: 'time', at: moment } as const;
          const before = restorable(model, model.objects, wish);
          expect(before === undefined ? undefined : restorable(model, kept, wish)).toEqual(before);
        }
      }),
      runs,
    );
  });

  test('nothing goes while nobody knows what time it is', () => {
    fc.assert(
      fc.property(wrong, ({ model, retention, pinned }) => {
        const { facts, current, sequences, objects } = model;
        const nobodyKnows = { facts, current, sequences, retention, pinned, now: undefined };
        const { batches, held } = planRetention({ history: listing(objects), ...nobodyKnows });
        expect(batches).toEqual([]);
        expect(held).toContain('what time it is');
      }),
      runs,
    );
  });
});

test('an image of a time that has not come takes nothing with it, and keeps nothing else', () => {
  const drawn = daily(60);
  const wrong = new Map(drawn.model.facts);
  const key = formatSnapshotKey('00000000000000aa' as Generation, 2 * 40);
  wrong.set(key, { kind: 'sound', at: drawn.now + 17 * 365 * dayMs, offset: 4152 });
  const keys = (facts: ModelHistory['facts']) => keysOf(plan({ ...drawn, model: { ...drawn.model, facts } }).kept);
  const [right, kept] = [new Set(keys(drawn.model.facts)), new Set(keys(wrong))];
  expect([...right].filter((one) => !kept.has(one))).toEqual([]);
  // It is kept, and so is what follows it there; what came before goes as it would have gone.
  const before = (one: string) => one < formatSnapshotKey('00000000000000aa' as Generation, 2 * 39);
  expect([...kept].filter((one) => before(one))).toEqual([...right].filter((one) => before(one)));
});

test('fifty thousand objects and a thousand names are planned at once', () => {
  const generation = '0123456789abcdef' as Generation;
  const start = Date.UTC(2026, 0, 1);
  const objects: ObjectInfo[] = [];
  const facts = new Map<string, SnapshotFacts>();
  for (let index = 0; index < 5000; index++) {
    const modifiedAt = start + index * 360_000;
    const key = formatSnapshotKey(generation, index);
    objects.push({ key, bytes: 1000, modifiedAt });
    facts.set(key, { kind: 'sound', at: modifiedAt, offset: 0 });
    for (let n = 0; n < 10; n++) {
      const offset = n === 0 ? 0 : 32 + n * 4120;
      objects.push({ key: formatSegmentKey(generation, index, offset), bytes: 100, modifiedAt: modifiedAt + n * 1000 });
    }
  }
  const pinned = Array.from({ length: 1000 }, (_, i) => ({
    generation,
    index: i * 5,
    offset: 32 + 3 * 4120,
    why: 'pinned' as const,
    name: `point ${i}`,
  }));
  const now = start + 5000 * 360_000;
  const { spans } = planRetention({
    history: listing(objects),
    facts,
    retention: usual,
    pinned,
    current: generation,
    now,
  });
  expect(spans.flatMap(({ image }) => image.names ?? []).length).toBeGreaterThan(300);
});

describe('cut off anywhere', () => {
  test('what is kept is restorable, by us and by litestream, and litestream builds nothing that never was', () => {
    fc.assert(
      fc.property(cases(), fc.infiniteStream(fc.nat()), (drawn, chance) => {
        const { model } = drawn;
        const { spans, batches } = plan(drawn);
        const left = new Map(model.objects.map((object) => [object.key, object]));
        const whole = listing(model.objects);
        const latest: RestoreWish = { kind: 'latest' };
        const newest = restorable(model, left.values(), latest);
        const moments = model.objects.map(({ key, modifiedAt }) => ({
          generation: generationOf(key),
          at: modifiedAt,
          whole,
        }));
        // Right before an image that stays, within its own index.
        const isBefore = (moment: { readonly generation: Generation; readonly at: number }) =>
          spans.some(({ image }) => {
            const first = model.objects.find(
              ({ key }) => key === formatSegmentKey(image.generation, image.index - (image.offset === 0 ? 1 : 0), 0),
            );
            return (
              image.generation === moment.generation &&
              moment.at < image.at &&
              first !== undefined &&
              moment.at >= first.modifiedAt
            );
          });
        const look = (history: History) => moments.map((moment) => litestreamReach(history, model.knowledge, moment));
        const before = look(whole);
        for (const batch of batches) {
          // Within a batch the order is anybody's.
          for (const { key } of batch.toSorted(() => ((chance.next().value ?? 0) % 2 === 0 ? 1 : -1))) {
            left.delete(key);
            expect(restorable(model, left.values(), latest)).toEqual(newest);
            for (const [i, reached] of look(listing(left.values())).entries()) {
              const moment = moments[i];
              if (before[i]?.kind !== 'reached' || moment === undefined || isBefore(moment)) continue;
              expect(['reached', 'nothing', 'refused']).toContain(reached.kind);
            }
          }
        }
        const history = listing(left.values());
        for (const [i, { kind }] of look(history).entries())
          if (before[i]?.kind === 'reached') expect(kind).not.toBe('broken');
        for (const { image } of spans) {
          const { generation, index, offset } = image;
          expect(restorable(model, left.values(), at(generation, index, offset))).toEqual({
            generation,
            index,
            offset,
          });
          const moment = { generation, at: image.at, whole };
          if (litestreamReach(whole, model.knowledge, moment).kind !== 'reached') continue;
          expect(litestreamReach(history, model.knowledge, moment)).toMatchObject({ kind: 'reached' });
        }
        for (const pin of drawn.pinned) {
          const wish = at(pin.generation, pin.index, pin.offset);
          expect(restorable(model, left.values(), wish)).toEqual(restorable(model, model.objects, wish));
          const commit = model.commits.find((one) => isSamePosition(one, pin));
          const moment = { generation: pin.generation, at: commit?.at ?? 0, whole };
          const reached = litestreamReach(whole, model.knowledge, moment);
          // An image at the start of an index may go: the end of the index before it is the same state.
          const wanted = reached.kind === 'reached' && reached.offset === 0 ? { kind: 'reached' } : reached;
          if (reached.kind === 'reached')
            expect(litestreamReach(history, model.knowledge, moment)).toMatchObject(wanted);
        }
      }),
      { numRuns: 40 },
    );
  });
});

function generationOf(key: string): Generation {
  return key.split('/')[1] as Generation;
}
