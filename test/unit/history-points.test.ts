// Restore points out of a catalogue on a real state database: paging, at or before, neighbours, and what counts at all.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type Database from 'better-sqlite3';
import { Points } from '../../electron/engine/history/points.ts';
import { Catalogue } from '../../electron/engine/state/catalogue.ts';
import { openStateDatabase } from '../../electron/engine/state/state-database.ts';
import { Store } from '../../electron/engine/state/store.ts';
import type { RestorePoint } from '../../shared/history.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import { formatPosition, type Generation } from '../../shared/position.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

const near = 'near' as TargetId;
const far = 'far' as TargetId;
const first = '00000000000000aa' as Generation;
const second = '00000000000000bb' as Generation;
const pageSize = 4096;
/** The offset behind `n` frames. */
const after = (n: number) => (n === 0 ? 0 : 32 + n * (24 + pageSize));

let folder: TempFolder;
let database: Database.Database;
let catalogue: Catalogue;
let points: Points;
let id: DatabaseId;

beforeEach(() => {
  folder = tempFolder();
  database = openStateDatabase(folder.path);
  catalogue = new Catalogue(database);
  points = new Points(catalogue);
  id = new Store(database).addDatabase({ path: '/shop.db', addedAt: 0, isDemo: false, isDeclared: false });
});
afterEach(() => {
  database.close();
  folder[Symbol.dispose]();
});

interface Made {
  readonly generation?: Generation;
  readonly index?: number;
  /** Each commit: frames before its end, and its instant. */
  readonly commits: readonly (readonly [frames: number, at: number])[];
}

/** One run of commits, as a shipping of them tells it. */
function addRun({ generation = first, index = 0, commits }: Made): void {
  catalogue.addRun(id, {
    generation,
    pageSize,
    commits: commits.map(([frames, at]) => ({
      index,
      offset: after(frames),
      at,
      state: 0n,
      pages: 10,
      written: 2,
      transactions: 1,
    })),
  });
}

function addImage(
  targetId: TargetId,
  generation: Generation,
  [index, frames, at]: readonly [number, number, number],
): void {
  const row = { targetId, generation, index, offset: after(frames), at, pages: 10, pageSize };
  const beginsPart = !catalogue
    .shipped(id)
    .some((part) => part.targetId === targetId && part.generation === generation);
  catalogue.addSnapshot(id, row, { beginsPart });
}

function ship(
  targetId: TargetId,
  generation: Generation,
  [index, frames, at]: readonly [number, number, number],
): void {
  catalogue.setShipped(id, { targetId, generation, last: { index, offset: after(frames), at } });
}

/** A point as `<generation's last letter>/<index>:<frames>@<instant>`. */
function show(point: RestorePoint | undefined): string | undefined {
  if (point === undefined) return undefined;
  const { generation, index, offset } = point.position;
  return `${generation.slice(-1)}/${index}:${offset === 0 ? 0 : (offset - 32) / (24 + pageSize)}@${point.at}`;
}

function list(beforeAt: number, limit: number): readonly (string | undefined)[] {
  return points.list(id, { beforeAt, limit }).map(show);
}

/** Follows `step` from a point until there is none, at most 1,000 times. */
function walk(from: RestorePoint | undefined, by: 1 | -1): readonly (string | undefined)[] {
  const seen = [show(from)];
  for (let at = from; at !== undefined && seen.length < 1000;) {
    at = points.step(id, at.position, by);
    if (at !== undefined) seen.push(show(at));
  }
  return seen;
}

describe('a list', () => {
  test('is empty without a history, and before its first image', () => {
    expect(list(Infinity, 10)).toEqual([]);
    addImage(near, first, [0, 0, 100]);
    expect([list(99, 10), list(100, 10)]).toEqual([[], ['a/0:0@100']]);
    expect(points.atOrBefore(id, 99)).toBe(undefined);
  });

  test('tells each point with its size, its pages and where it lies', () => {
    addImage(near, first, [0, 1, 100]);
    addRun({ commits: [[3, 105]] });
    ship(near, first, [0, 3, 105]);
    expect(points.list(id, { beforeAt: Infinity, limit: 10 })).toEqual([
      {
        position: { generation: first, index: 0, offset: after(3) },
        at: 105,
        sizeBytes: 40_960,
        pages: 2,
        targetIds: [near],
      },
      {
        position: { generation: first, index: 0, offset: after(1) },
        at: 100,
        sizeBytes: 40_960,
        pages: 0,
        targetIds: [near],
      },
    ]);
  });

  test('tells an image only where it lies, and all of the places', () => {
    const middle = 'middle' as TargetId;
    addImage(near, first, [0, 0, 100]);
    addRun({ commits: [[1, 110]] });
    addRun({ index: 2, commits: [[5, 150]] });
    ship(near, first, [2, 5, 150]);
    for (const target of [far, middle]) addImage(target, first, [2, 3, 140]);
    const told = points.list(id, { beforeAt: Infinity, limit: 10 });
    expect(told.map((point) => [show(point), point.targetIds])).toEqual([
      ['a/2:5@150', [near]],
      ['a/2:3@140', [far, middle]],
      ['a/0:1@110', [near]],
      ['a/0:0@100', [near]],
    ]);
  });

  test('has every point, in whatever order and pieces targets tell them', () => {
    let tried = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 12 }), fc.integer({ min: 1, max: 6 })), { maxLength: 12 }),
        (pieces) => {
          const path = `/shop-${String(tried++)}.db`;
          id = new Store(database).addDatabase({ path, addedAt: 0, isDemo: false, isDeclared: false });
          addImage(near, first, [0, 0, 0]);
          ship(near, first, [9, 99, 1000]);
          const expected = new Set<string>();
          for (const [index, from, step] of pieces) {
            const frames = [0, 1, 2].map((n) => from + 1 + n * step);
            addRun({ index, commits: frames.map((n) => [n, index * 100 + n]) });
            for (const n of frames) expected.add(`a/${index}:${n}@${index * 100 + n}`);
          }
          const told = list(Infinity, 1000);
          const counted = catalogue.countTransactions(id, { fromAt: 0, binMs: 60_000, bins: 1 })[0];
          const found = [...expected].every((name) => {
            const [, index, n] = /\/(\d):(\d+)/.exec(name) ?? [];
            const position = { generation: first, index: Number(index), offset: after(Number(n)) };
            return show(points.find(id, position)) === name;
          });
          const back = walk(points.atOrBefore(id, Infinity), -1);
          expect({ told: new Set(told), length: told.length, counted, found, back }).toEqual({
            told: new Set([...expected, 'a/0:0@0']),
            length: expected.size + 1,
            counted: expected.size,
            found: true,
            back: told,
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  test('keeps to the order of the history where what was made before is told late, with the time at which it was found', () => {
    addImage(near, first, [0, 0, 0]);
    ship(near, first, [9, 99, 1000]);
    addRun({ index: 3, commits: [[9, 100]] });
    addRun({ index: 4, commits: [[1, 110]] });
    addRun({ index: 2, commits: [[4, 500]] });
    addRun({
      index: 3,
      commits: [
        [2, 500],
        [9, 500],
      ],
    });
    addRun({ index: 4, commits: [[2, 90]] });
    const all = ['a/4:2@110', 'a/4:1@110', 'a/3:9@100', 'a/3:2@100', 'a/2:4@100', 'a/0:0@0'];
    expect(list(Infinity, 100)).toEqual(all);
    expect([100, 105, 110].map((at) => list(at, 100))).toEqual([all.slice(2), all.slice(2), all]);
    expect(walk(points.atOrBefore(id, 0), 1)).toEqual(all.toReversed());
    expect(catalogue.countTransactions(id, { fromAt: 0, binMs: 200, bins: 3 })).toEqual([5, 0, 0]);
  });

  test('ends at the instant that is asked for, in the middle of a run too', () => {
    addImage(near, first, [0, 0, 100]);
    addRun({ commits: [1, 2, 3, 4].map((n) => [n, 100 + n * 10]) });
    ship(near, first, [0, 4, 140]);
    expect([list(129, 10), list(130, 1), list(1000, 2)]).toEqual([
      ['a/0:2@120', 'a/0:1@110', 'a/0:0@100'],
      ['a/0:3@130'],
      ['a/0:4@140', 'a/0:3@130'],
    ]);
  });

  test('tells a commit that an image was taken at once', () => {
    addImage(near, first, [0, 2, 120]);
    addRun({
      commits: [
        [1, 110],
        [2, 120],
        [3, 130],
      ],
    });
    ship(near, first, [0, 3, 130]);
    expect(list(Infinity, 10)).toEqual(['a/0:3@130', 'a/0:2@120']);
  });

  test('holds every point of many runs at the same instant', () => {
    addImage(near, first, [0, 0, 100]);
    for (let n = 1; n <= 130; n++) addRun({ commits: [[n, 200]] });
    ship(near, first, [0, 130, 200]);
    const all = [...Array.from({ length: 130 }, (_, i) => `a/0:${130 - i}@200`), 'a/0:0@100'];
    expect(list(Infinity, 1000)).toEqual(all);
    expect(list(200, 70)).toEqual(all.slice(0, 70));
    expect(list(199, 70)).toEqual(all.slice(130));
  });

  test('goes on behind a point, however many share its instant, and where it is gone', () => {
    addImage(near, first, [0, 0, 100]);
    addRun({ commits: Array.from({ length: 20 }, (_, i) => [i + 1, i < 15 ? 200 : 300]) });
    ship(near, first, [0, 20, 300]);
    const all = points.list(id, { beforeAt: Infinity, limit: 100 });
    for (const [i, than] of all.entries()) {
      expect(points.listOlder(id, { than, limit: 4 })).toEqual(all.slice(i + 1, i + 5));
    }
    const gone = (at: number) => ({ position: { generation: second, index: 0, offset: 1 }, at });
    expect(points.listOlder(id, { than: gone(250), limit: 4 })).toEqual(all.slice(5, 9));
    expect(points.listOlder(id, { than: gone(200), limit: 4 })).toEqual(all.slice(5, 9));
    expect(points.listOlder(id, { than: gone(99), limit: 4 })).toEqual([]);
  });

  test('holds every point where more runs share an instant than lie between two of its pages', () => {
    addImage(near, first, [0, 0, 100]);
    for (let n = 1; n <= 40; n++) addRun({ commits: [[n, 150]] });
    for (let n = 41; n <= 110; n++) addRun({ commits: [[n, 200]] });
    for (let n = 111; n <= 120; n++) addRun({ commits: [[n, 201]] });
    ship(near, first, [0, 120, 201]);
    expect(list(Infinity, 1000).length).toBe(121);
    expect(list(200, 1000).length).toBe(111);
  });
});

describe('what counts', () => {
  beforeEach(() => {
    // Two targets with different first images and different ends.
    addImage(near, first, [0, 2, 120]);
    addImage(far, first, [1, 1, 160]);
    addRun({ commits: [1, 2, 3, 4].map((n) => [n, 100 + n * 10]) });
    addRun({ index: 1, commits: [1, 2, 3, 4, 5].map((n) => [n, 150 + n * 10]) });
    ship(near, first, [1, 2, 170]);
    ship(far, first, [1, 4, 190]);
  });

  test('is only what lies between a first image and a shipped end of some target', () => {
    const found = points.list(id, { beforeAt: Infinity, limit: 100 });
    expect(found.map((point) => `${show(point)} ${[...point.targetIds].sort().join('+')}`)).toEqual([
      'a/1:4@190 far',
      'a/1:3@180 far',
      'a/1:2@170 far+near',
      'a/1:1@160 far+near',
      'a/0:4@140 near',
      'a/0:3@130 near',
      'a/0:2@120 near',
    ]);
  });

  test('is found by its position, and nothing else is', () => {
    const find = (index: number, frames: number) =>
      show(points.find(id, { generation: first, index, offset: after(frames) }));
    expect([find(0, 1), find(0, 2), find(1, 3), find(1, 5), find(2, 1), find(0, 9)]).toEqual([
      undefined,
      'a/0:2@120',
      'a/1:3@180',
      undefined,
      undefined,
      undefined,
    ]);
    expect(points.find(id, { generation: second, index: 0, offset: after(2) })).toBe(undefined);
    expect(points.find(id, { generation: first, index: 0, offset: after(2) + 1 })).toBe(undefined);
  });

  test('grows as targets get more', () => {
    ship(near, first, [1, 5, 200]);
    expect(show(points.atOrBefore(id, Infinity))).toBe('a/1:5@200');
    expect(points.atOrBefore(id, Infinity)?.targetIds).toEqual([near]);
  });

  test('has no neighbours where it does not count itself', () => {
    const position = { generation: first, index: 0, offset: after(1) };
    expect([points.step(id, position, 1), points.step(id, position, -1)]).toEqual([undefined, undefined]);
  });

  test('does not depend on how much lies around it that does not count', () => {
    // A generation that no target has: many runs before, between and behind.
    for (let n = 1; n <= 120; n++) addRun({ generation: second, commits: [[n, 145]] });
    for (let n = 121; n <= 240; n++) addRun({ generation: second, commits: [[n, 195]] });
    const all = ['a/1:4@190', 'a/1:3@180', 'a/1:2@170', 'a/1:1@160', 'a/0:4@140', 'a/0:3@130', 'a/0:2@120'];
    expect(list(Infinity, 100)).toEqual(all);
    expect(walk(points.atOrBefore(id, Infinity), -1)).toEqual(all);
    expect(walk(points.atOrBefore(id, 120), 1)).toEqual(all.toReversed());
  });
});

describe('what a target tells', () => {
  interface Telling {
    readonly index?: number;
    /** Frames before its begin and its end, and before the ends of the transactions that it tells. */
    readonly from: number;
    readonly to: number;
    readonly told: readonly number[];
  }

  const atOf = (index: number, frames: number) => 100 + index * 100 + frames;

  function shipSegment(targetId: TargetId, { index = 0, from, to, told }: Telling): void {
    const commits = told.map((frames) => ({
      index,
      offset: after(frames),
      at: atOf(index, frames),
      state: 0n,
      pages: 10,
      written: 2,
      transactions: 1,
    }));
    const last = { index, offset: after(to), at: atOf(index, to) };
    const segment = { index, offset: after(from), bytes: 7 };
    catalogue.addShipped(
      { databaseId: id, targetId, generation: first },
      { segment, last, commits, states: [], pageSize },
    );
  }

  function mendSegment(targetId: TargetId, { index = 0, from, to, told }: Telling): void {
    const mended = { segment: { index, offset: after(from), bytes: 8 }, to: after(to), points: told.map(after) };
    catalogue.addMended({ databaseId: id, targetId, generation: first }, mended);
  }

  const whereabouts = () =>
    points
      .list(id, { beforeAt: Infinity, limit: 1000 })
      .map((point) => `${show(point)?.replace(/@.*/, '') ?? ''} ${point.targetIds.toSorted().join('+')}`)
      .reverse();

  test('is what lies there, where its segments tell fewer points than another one’s', () => {
    for (const target of [near, far]) addImage(target, first, [0, 0, 100]);
    shipSegment(near, { from: 0, to: 4, told: [1, 2, 3, 4] });
    shipSegment(far, { from: 0, to: 4, told: [4] });
    expect(whereabouts()).toEqual(['a/0:0 far+near', 'a/0:1 near', 'a/0:2 near', 'a/0:3 near', 'a/0:4 far+near']);
    // The other way round.
    shipSegment(far, { from: 4, to: 8, told: [6, 8] });
    shipSegment(near, { from: 4, to: 6, told: [5, 6] });
    expect(whereabouts().slice(5)).toEqual(['a/0:5 near', 'a/0:6 far+near', 'a/0:8 far']);
    const position = (frames: number) => ({ generation: first, index: 0, offset: after(frames) });
    expect(points.find(id, position(3))?.targetIds).toEqual([near]);
    // Nothing that no target tells is told.
    catalogue.forgetTarget(id, near);
    expect(whereabouts()).toEqual(['a/0:0 far', 'a/0:4 far', 'a/0:6 far', 'a/0:8 far']);
    expect([points.find(id, position(3)), catalogue.hasSparse(id)]).toEqual([undefined, true]);
    mendSegment(far, { from: 0, to: 4, told: [1, 2, 3, 4] });
    mendSegment(far, { from: 4, to: 8, told: [5, 6, 8] });
    expect([whereabouts().length, catalogue.hasSparse(id)]).toEqual([8, false]);
  });

  test('is forgotten with the part that it was told of', () => {
    for (const target of [near, far]) addImage(target, first, [0, 0, 100]);
    shipSegment(near, { from: 0, to: 4, told: [1, 2, 3, 4] });
    shipSegment(far, { from: 0, to: 4, told: [4] });
    const held = { databaseId: id, targetId: far, generation: first };
    const place = { index: 0, offset: after(4), at: 104 };
    catalogue.trim.setParts(held, [{ first: place, last: place }], () => true);
    while (catalogue.trim.dropUnheld(held, { isEnded: false }));
    expect([whereabouts().length, catalogue.hasSparse(id)]).toEqual([5, false]);
  });

  test('is what was told of it last, in whatever order targets tell', () => {
    const targets = [near, far, 'third' as TargetId];
    const step = fc.record({
      target: fc.nat({ max: 2 }),
      kind: fc.constantFrom('ship', 'ship', 'ship', 'again', 'mend'),
      frames: fc.integer({ min: 1, max: 6 }),
      tells: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
      pick: fc.nat(),
    });
    /** Frames of an index. */
    const length = 12;
    let tried = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const path = `/shop-${String(tried++)}.db`;
        id = new Store(database).addDatabase({ path, addedAt: 0, isDemo: false, isDeclared: false });
        for (const target of targets) addImage(target, first, [0, 0, 100]);
        const there = new Map(targets.map((target) => [target, [] as Required<Telling>[]]));
        for (const { target, kind, frames, tells, pick } of steps) {
          const targetId = targets[target] ?? near;
          const own = there.get(targetId) ?? [];
          const last = own.at(-1);
          const at = pick % Math.max(1, own.length);
          const known = own[at];
          if (kind === 'mend' && known !== undefined) {
            const within = [...there.values()]
              .flat()
              .filter(({ index }) => index === known.index)
              .flatMap(({ told }) => told);
            const told = [...new Set(within)].filter((n) => n > known.from && n <= known.to).sort((a, b) => a - b);
            own[at] = { ...known, told };
            mendSegment(targetId, own[at]);
            continue;
          }
          // The last one is put once more, longer; or the next one.
          const isAgain = kind === 'again' && last !== undefined;
          const isFull = last?.to === length && !isAgain;
          const index = (last?.index ?? 0) + (isFull ? 1 : 0);
          const from = isFull || last === undefined ? 0 : isAgain ? last.from : last.to;
          const to = Math.min(length, (isAgain ? last.to : from) + frames);
          const told = Array.from({ length: to - from }, (_, i) => from + i + 1).filter(
            (n) => n === to || tells[n % 6] === true,
          );
          const segment = { index, from, to, told };
          if (isAgain) own[own.length - 1] = segment;
          else own.push(segment);
          shipSegment(targetId, segment);
        }
        const expected = new Map<string, TargetId[]>([['a/0:0', [...targets]]]);
        for (const [targetId, segments] of there) {
          for (const { index, told } of segments) {
            for (const n of told)
              expected.set(`a/${index}:${n}`, [...(expected.get(`a/${index}:${n}`) ?? []), targetId]);
          }
        }
        const lines = [...expected].map(([name, where]) => `${name} ${where.toSorted().join('+')}`);
        expect(whereabouts().toSorted()).toEqual(lines.toSorted());
      }),
      { numRuns: 100 },
    );
  });
});

describe('stepping', () => {
  test('goes over generation borders and images, in both directions', () => {
    catalogue.addGeneration(id, { generation: first, startedAt: 100, reason: 'It began' });
    catalogue.addGeneration(id, { generation: second, startedAt: 120, reason: 'Its notes were damaged' });
    addImage(near, first, [0, 0, 100]);
    addRun({
      commits: [
        [1, 110],
        [2, 110],
      ],
    });
    addRun({ index: 1, commits: [[1, 120]] });
    ship(near, first, [1, 1, 120]);
    // The next history begins at the very instant at which the former ended; its second image is no point of its own.
    addImage(near, second, [0, 0, 120]);
    addRun({ generation: second, commits: [[1, 130]] });
    addImage(near, second, [1, 0, 135]);
    addRun({ generation: second, index: 1, commits: [[1, 140]] });
    ship(near, second, [1, 1, 140]);
    const up = walk(points.atOrBefore(id, 100), 1);
    const down = walk(points.atOrBefore(id, Infinity), -1);
    expect(up).toEqual(['a/0:0@100', 'a/0:1@110', 'a/0:2@110', 'a/1:1@120', 'b/0:0@120', 'b/0:1@130', 'b/1:1@140']);
    expect(down).toEqual(up.toReversed());
    expect(down).toEqual(list(Infinity, 100));
  });

  test('passes every one of many points at the same instant', () => {
    addImage(near, first, [0, 0, 100]);
    for (let n = 1; n <= 130; n++) addRun({ commits: [[n, 200]] });
    addRun({ commits: [[131, 300]] });
    ship(near, first, [0, 131, 300]);
    const all = ['a/0:0@100', ...Array.from({ length: 130 }, (_, i) => `a/0:${i + 1}@200`), 'a/0:131@300'];
    expect(walk(points.atOrBefore(id, 100), 1)).toEqual(all);
    expect(walk(points.atOrBefore(id, Infinity), -1)).toEqual(all.toReversed());
  });

  test('passes every point of one run that was written in an instant', () => {
    addImage(near, first, [0, 0, 100]);
    addRun({ commits: Array.from({ length: 2500 }, (_, i) => [i + 1, 200]) });
    ship(near, first, [0, 2500, 200]);
    const at = (frames: number) => ({ generation: first, index: 0, offset: after(frames) });
    expect([3, 250, 1249, 2499].map((frames) => show(points.step(id, at(frames), -1)))).toEqual([
      'a/0:2@200',
      'a/0:249@200',
      'a/0:1248@200',
      'a/0:2498@200',
    ]);
    expect([3, 250, 1249, 2499].map((frames) => show(points.step(id, at(frames), 1)))).toEqual([
      'a/0:4@200',
      'a/0:251@200',
      'a/0:1250@200',
      'a/0:2500@200',
    ]);
  });
});

test('lists, instants and steps agree with a plain sorted array', () => {
  const history = fc.array(
    fc.record({
      restarts: fc.boolean(),
      commits: fc.array(fc.record({ frames: fc.integer({ min: 1, max: 3 }), ms: fc.nat(2) }), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
    { minLength: 1, maxLength: 140 },
  );
  fc.assert(
    fc.property(history, fc.nat(400), fc.integer({ min: 1, max: 60 }), fc.nat(1000), (runs, beforeAt, limit, pick) => {
      database.exec('DELETE FROM run; DELETE FROM minute; DELETE FROM snapshot; DELETE FROM shipped');
      addImage(near, first, [0, 0, 1000]);
      const expected: {
        readonly text: string;
        readonly at: number;
        readonly offset: number;
        readonly index: number;
      }[] = [];
      expected.push({ text: 'a/0:0@1000', at: 1000, index: 0, offset: 0 });
      let [index, frames, at] = [0, 0, 1000];
      database.exec('BEGIN');
      for (const run of runs) {
        if (run.restarts) [index, frames] = [index + 1, 0];
        const commits = run.commits.map((commit) => {
          frames += commit.frames;
          at += commit.ms;
          expected.push({ text: `a/${index}:${frames}@${at}`, at, index, offset: after(frames) });
          return [frames, at] as const;
        });
        addRun({ index, commits });
      }
      ship(near, first, [index, frames, at]);
      database.exec('COMMIT');
      const newest = expected.toReversed();
      const before = newest.filter((point) => point.at <= 1000 + beforeAt);
      expect(list(1000 + beforeAt, limit)).toEqual(before.slice(0, limit).map(({ text }) => text));
      expect(show(points.atOrBefore(id, 1000 + beforeAt))).toBe(before[0]?.text);
      const i = pick % expected.length;
      const from = expected[i];
      if (from === undefined) throw new Error('there is a point');
      const position = { generation: first, index: from.index, offset: from.offset };
      expect({
        at: formatPosition(position),
        neighbours: [show(points.step(id, position, -1)), show(points.step(id, position, 1))],
      }).toEqual({ at: formatPosition(position), neighbours: [expected[i - 1]?.text, expected[i + 1]?.text] });
    }),
    { numRuns: 60 },
  );
});
