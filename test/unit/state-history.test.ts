// A long history in the state database: what it weighs, how few rows an answer reads, that what is taken out of it is what was
// to go, and that one that was written by the former schema is all there.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Points } from '../../electron/engine/history/points.ts';
import { Catalogue } from '../../electron/engine/state/catalogue.ts';
import { migrations } from '../../electron/engine/state/migrations.ts';
import type { RunQuery, RunRow } from '../../electron/engine/state/runs.ts';
import { openStateDatabase } from '../../electron/engine/state/state-database.ts';
import { Store } from '../../electron/engine/state/store.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import { comparePositions, type Generation, type Place } from '../../shared/position.ts';
import { paced, tellPacedHistory } from '../support/paced-history.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

const near = 'near' as TargetId;
const far = 'far' as TargetId;
const one = '00000000000000aa' as Generation;
const two = '00000000000000bb' as Generation;
const pageSize = 4096;
const minuteMs = 60_000;

let folder: TempFolder;
let database: Database.Database;

beforeEach(() => {
  folder = tempFolder();
  database = openStateDatabase(folder.path);
});
afterEach(() => {
  database.close();
  folder[Symbol.dispose]();
});

/** A catalogue that counts the rows of points that are read. */
class CountingCatalogue extends Catalogue {
  read = 0;

  override *runs(databaseId: DatabaseId, query: RunQuery): Generator<RunRow, undefined> {
    for (const run of super.runs(databaseId, query)) {
      this.read++;
      yield run;
    }
  }
}

/** What the state database takes on the disk. */
function weigh(): number {
  database.pragma('wal_checkpoint(TRUNCATE)');
  return fs.statSync(folder.at('state.db')).size;
}

const addDatabase = (path = '/shop.db'): DatabaseId =>
  new Store(database).addDatabase({ path, addedAt: 0, isDemo: false, isDeclared: false });
const commitAt = ({ index, offset }: Place, at: number) => {
  return { index, offset, at, state: BigInt(offset), pages: 10, written: 1, transactions: 1 };
};
const placesOf = (catalogue: Catalogue, id: DatabaseId) =>
  [...catalogue.runs(id, { kind: 'after', at: 0 })].flatMap(({ generation, index, points }) =>
    points.map(([offset, at]) => `${generation.slice(-1)}/${index}:${offset}@${at}`),
  );

describe('50 transactions a second, shipped once a second', () => {
  test.each([1, 3])('to %i targets take at most 12 bytes each, with everything else that is kept', (targets) => {
    const told = tellPacedHistory(database, { transactions: 21_000, targets });
    expect(told.segments).toBeGreaterThanOrEqual(400 * targets);
    expect(weigh() / told.transactions).toBeLessThanOrEqual(12);
  });

  test('are listed, stepped through and found by reading a row or two', () => {
    const { databaseId, endAt } = tellPacedHistory(database, { transactions: 20_000 });
    const catalogue = new CountingCatalogue(database);
    const points = new Points(catalogue);
    const rowsFor = (work: () => unknown): number => {
      catalogue.read = 0;
      work();
      return catalogue.read;
    };
    const middle = Math.floor((paced.startAt + endAt) / 2);
    const page = points.list(databaseId, { beforeAt: middle, limit: 100 });
    const [newest] = page;
    expect([page.length, newest !== undefined && middle - newest.at < 1000]).toEqual([100, true]);
    const position = newest?.position ?? { generation: one, index: 0, offset: 0 };
    expect(rowsFor(() => points.list(databaseId, { beforeAt: middle, limit: 100 }))).toBeLessThanOrEqual(3);
    expect(rowsFor(() => points.list(databaseId, { beforeAt: Infinity, limit: 100 }))).toBeLessThanOrEqual(3);
    expect(rowsFor(() => points.step(databaseId, position, 1))).toBeLessThanOrEqual(3);
    expect(rowsFor(() => points.step(databaseId, position, -1))).toBeLessThanOrEqual(3);
    // All of it is in few rows.
    const all = placesOf(catalogue, databaseId);
    expect([all.length, rowsFor(() => placesOf(catalogue, databaseId)) < 100]).toEqual([20_000, true]);
  });

  test('are counted alike by minutes and by shorter times', () => {
    const { databaseId, endAt } = tellPacedHistory(database, { transactions: 5000 });
    const catalogue = new Catalogue(database);
    const fromAt = Math.floor(paced.startAt / minuteMs) * minuteMs;
    const bins = Math.ceil((endAt - fromAt) / minuteMs) + 1;
    const counts = catalogue.countTransactions(databaseId, { fromAt, binMs: minuteMs, bins });
    const seconds = catalogue.countTransactions(databaseId, { fromAt, binMs: 1000, bins: bins * 60 });
    expect(counts.reduce((sum, n) => sum + n, 0)).toBe(5000);
    expect(counts.map((_, i) => seconds.slice(i * 60, (i + 1) * 60).reduce((sum, n) => sum + n, 0))).toEqual(counts);
  });
});

test('a segment is told whole or not at all', () => {
  const id = addDatabase();
  const catalogue = new Catalogue(database);
  const held = { databaseId: id, targetId: near, generation: one };
  const image = { targetId: near, generation: one, index: 0, offset: 0, at: 5, pages: 10, pageSize };
  catalogue.addSnapshot(id, image, { beginsPart: true });
  const told = (commit: ReturnType<typeof commitAt>) => ({
    segment: { index: 0, offset: 0, bytes: 50 },
    last: { index: 0, offset: 100, at: 10 },
    commits: [commit],
    states: [commit],
    pageSize,
  });
  const read = () => [
    placesOf(catalogue, id),
    catalogue.trim.segments(held),
    catalogue.shipped(id)[0]?.last.offset,
    catalogue.trim.pointsIn(held, { index: 0, offset: 0, to: 100 }).map(({ state }) => state),
  ];
  const good = commitAt({ index: 0, offset: 100 }, 10);
  expect(() => catalogue.addShipped(held, told({ ...good, written: -1 }))).toThrow('cannot be packed');
  expect(read()).toEqual([[], [], 0, []]);
  catalogue.addShipped(held, told(good));
  expect(read()).toEqual([['a/0:100@10'], [{ index: 0, offset: 0, bytes: 50 }], 100, [100n]]);
});

test('a database that is removed takes all of its history along', () => {
  const { databaseId } = tellPacedHistory(database, { transactions: 2000, targets: 2 });
  const tables = ['number', 'run', 'segment', 'state_hash', 'minute', 'shipped', 'snapshot', 'generation'];
  const rows = () => tables.map((table) => database.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
  expect(rows()).not.toContain(0);
  new Store(database).removeDatabase(databaseId);
  expect(rows()).toEqual(tables.map(() => 0));
});

test('a target that is forgotten takes its segments along, and nothing else', () => {
  const { databaseId, targetIds } = tellPacedHistory(database, { transactions: 2000, targets: 2 });
  const catalogue = new Catalogue(database);
  const [gone, kept] = targetIds.map((targetId) => ({ databaseId, targetId, generation: paced.generation }));
  if (gone === undefined || kept === undefined) throw new Error('there are two');
  const before = catalogue.trim.segments(kept);
  expect(catalogue.trim.segments(gone)).toEqual(before);
  catalogue.forgetTarget(databaseId, gone.targetId);
  expect([catalogue.trim.segments(gone), catalogue.trim.segments(kept)]).toEqual([[], before]);
  expect(placesOf(catalogue, databaseId)).toHaveLength(2000);
  catalogue.trim.addSegment(gone, { index: 0, offset: 7, bytes: 3 });
  expect(catalogue.trim.segments(gone)).toEqual([{ index: 0, offset: 7, bytes: 3 }]);
});

describe('what is taken out', () => {
  test('leaves nothing of a generation that ended and lies nowhere any more', () => {
    const { databaseId, targetIds } = tellPacedHistory(database, { transactions: 2000 });
    const catalogue = new Catalogue(database);
    const history = { databaseId, generation: paced.generation };
    for (const targetId of targetIds) {
      const held = { ...history, targetId };
      catalogue.trim.setParts(held, [], () => false);
      catalogue.trim.forgetSegments(held, catalogue.trim.segments(held));
    }
    catalogue.trim.forgetStates({ databaseId, generation: two }, 0);
    while (catalogue.trim.dropUnheld(history, { isEnded: true }));
    const tables = ['run', 'segment', 'state_hash', 'minute', 'shipped', 'generation'];
    const rows = tables.map((table) => database.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
    const numbers = database.prepare('SELECT database_id, generation, target_id FROM number').raw().all();
    expect([rows, numbers]).toEqual([tables.map(() => 0), [[databaseId, '', '']]]);
    // It may come back, as one that another target told.
    catalogue.addRun(databaseId, { ...history, pageSize, commits: [commitAt({ index: 0, offset: 100 }, 10)] });
    expect(placesOf(catalogue, databaseId)).toEqual(['a/0:100@10']);
  });

  const places = fc
    .uniqueArray(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 2000 })), {
      minLength: 1,
      maxLength: 1500,
      size: 'max',
      selector: ([index, offset]) => `${index}:${offset}`,
    })
    .map((pairs) => pairs.map(([index, offset]) => ({ index, offset })).sort(comparePositions));

  test('are the points between the parts that lie somewhere, and they are counted again', () => {
    let tried = 0;
    fc.assert(
      fc.property(places, fc.array(fc.tuple(fc.nat(2), fc.nat(2000)), { maxLength: 6 }), (all, borders) => {
        const id = addDatabase(`/shop-${String(tried++)}.db`);
        const catalogue = new Catalogue(database);
        const held = { databaseId: id, targetId: near, generation: one };
        const atOf = ({ index, offset }: Place) => (index * 2000 + offset) * 100;
        for (const index of [0, 1, 2]) {
          const commits = all.filter((place) => place.index === index).map((place) => commitAt(place, atOf(place)));
          catalogue.addRun(id, { generation: one, pageSize, commits });
        }
        const ends = borders.map(([index, offset]) => ({ index, offset, at: 0 })).sort(comparePositions);
        const parts = ends.flatMap((first, i) => (i % 2 === 0 ? [{ first, last: ends[i + 1] ?? first }] : []));
        catalogue.trim.setParts(held, parts, () => true);
        while (catalogue.trim.dropUnheld(held, { isEnded: true, limit: 2 }));
        const left = all.filter((place) =>
          parts.some(({ first, last }) => comparePositions(first, place) <= 0 && comparePositions(place, last) <= 0),
        );
        expect(placesOf(catalogue, id)).toEqual(left.map((p) => `a/${p.index}:${p.offset}@${atOf(p)}`));
        const counts = catalogue.countTransactions(id, { fromAt: 0, binMs: minuteMs, bins: 20 });
        const minutes = left.map((place) => Math.floor(atOf(place) / minuteMs));
        expect(counts).toEqual(counts.map((_, minute) => minutes.filter((other) => other === minute).length));
      }),
      { numRuns: 30 },
    );
  });

  test('are the segments that are named; sums and what follows a place are of those that are left', () => {
    let tried = 0;
    fc.assert(
      fc.property(places, fc.array(fc.nat(1499)), fc.tuple(fc.nat(1499), fc.nat(1499)), (all, gone, [a, b]) => {
        const id = addDatabase(`/shop-${String(tried++)}.db`);
        const catalogue = new Catalogue(database);
        const held = { databaseId: id, targetId: near, generation: one };
        const segments = all.map((place, i) => ({ ...place, bytes: 10 + i }));
        for (const segment of segments) catalogue.trim.addSegment(held, segment);
        const going = new Set(gone.flatMap((i) => all[i % all.length] ?? []));
        catalogue.trim.forgetSegments(held, [...going, { index: 1, offset: 0 }, { index: 9, offset: 9 }]);
        const left = segments.filter((_, i) => !going.has(all[i] ?? { index: 0, offset: 0 }));
        const [from, to] = [all[a % all.length], all[b % all.length]];
        if (from === undefined || to === undefined) throw new Error('there is one');
        const behind = left.filter((segment) => comparePositions(segment, from) > 0);
        const between = left.filter((row) => comparePositions(row, from) >= 0 && comparePositions(row, to) < 0);
        expect(catalogue.trim.segments(held)).toEqual(left);
        expect(catalogue.trim.segmentsBehind(held, from, 50)).toEqual(behind.slice(0, 50));
        expect(catalogue.trim.bytesBetween(held, from, to)).toBe(between.reduce((sum, { bytes }) => sum + bytes, 0));
        expect(catalogue.trim.lastSegment(held)).toEqual(
          left.length === 0 ? undefined : { index: left.at(-1)?.index, offset: left.at(-1)?.offset },
        );
      }),
      { numRuns: 20 },
    );
  });
});

describe('a state of the former schema', () => {
  const frame = 24 + pageSize;
  const segmentsPerIndex = 40;
  const startAt = Date.UTC(2026, 5, 1, 12);

  /** Fills a state database of the schema before this one with the statements of its time. */
  function writeFormer(file: string, ids: readonly DatabaseId[], segments: number): void {
    const former = new Database(file);
    for (const step of migrations.slice(0, 8)) former.exec(step);
    former.pragma('user_version = 8');
    const addRun = former.prepare('INSERT OR REPLACE INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
    const count = former.prepare(
      'INSERT INTO minute VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET transactions = transactions + excluded.transactions',
    );
    const addSegment = former.prepare('INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?, ?)');
    former.exec('BEGIN');
    for (const id of ids) {
      former.prepare('INSERT INTO database (id, path, added_at) VALUES (?, ?, 0)').run(id, `/${id}.db`);
      for (const generation of [one, two]) {
        for (let i = 0; i < segments; i++) {
          const { index, from, points } = formerSegment(generation, i);
          const [first, last] = [points[0], points.at(-1)];
          if (first === undefined || last === undefined) throw new Error('there are some');
          const run = [last[0], first[1], last[1], points.length, pageSize, JSON.stringify(points)];
          addRun.run(id, generation, index, ...run);
          count.run(id, Math.floor(last[1] / minuteMs) * minuteMs, points.length);
          const isKept = generation === two && i >= segments - 5;
          for (const targetId of [near, far]) {
            addSegment.run(id, targetId, generation, index, from, 100 + i, isKept ? statesOf(points) : null);
          }
        }
      }
    }
    former.exec('COMMIT');
    former.close();
  }

  type FormerPoint = readonly [offset: number, at: number, pages: number, written: number];

  function formerSegment(generation: Generation, i: number) {
    const index = Math.floor(i / segmentsPerIndex);
    const from = i % segmentsPerIndex === 0 ? 0 : 32 + (i % segmentsPerIndex) * 30 * frame;
    const beginAt = startAt + (generation === two ? 86_400_000 : 0) + i * 1000;
    const points = Array.from({ length: 10 }, (_, n): FormerPoint => {
      return [32 + ((i % segmentsPerIndex) * 30 + (n + 1) * 3) * frame, beginAt + n * 90, 50 + (i % 7), 3];
    });
    return { index, from, points };
  }

  function statesOf(points: readonly FormerPoint[]): Uint8Array {
    const view = new DataView(new ArrayBuffer(points.length * 12));
    points.forEach(([offset, at], n) => {
      view.setUint32(n * 12, offset);
      view.setBigUint64(n * 12 + 4, BigInt(at));
    });
    return new Uint8Array(view.buffer);
  }

  test('keeps every point, segment and state, in much less room', () => {
    const segments = 1300;
    const ids = ['d1', 'd2'] as readonly string[] as readonly DatabaseId[];
    fs.mkdirSync(folder.at('former'));
    const file = folder.at('former', 'state.db');
    writeFormer(file, ids, segments);
    const before = fs.statSync(file).size;
    const migrated = openStateDatabase(folder.at('former'));
    const catalogue = new Catalogue(migrated);
    const known = Array.from({ length: segments }, (_, i) => i);
    const read = ids.map((databaseId) => ({
      points: [...catalogue.runs(databaseId, { kind: 'after', at: 0 })].flatMap(
        ({ generation, index, points, pageSize: size }) => points.map((point) => [generation, index, size, ...point]),
      ),
      segments: [near, far].flatMap((targetId) =>
        [one, two].map((generation) => catalogue.trim.segments({ databaseId, targetId, generation })),
      ),
      counted: catalogue.countTransactions(databaseId, { fromAt: startAt, binMs: 7 * 86_400_000, bins: 1 }),
      states: known.slice(-6).map((i) => {
        const { index, from, points } = formerSegment(two, i);
        const stretch = { index, offset: from, to: points.at(-1)?.[0] ?? 0 };
        return catalogue.trim.pointsIn({ databaseId, generation: two }, stretch).map(({ state }) => state);
      }),
    }));
    const inOrder = [one, two].map((generation) => known.map((i) => ({ generation, ...formerSegment(generation, i) })));
    const expected = {
      points: inOrder
        .flat()
        .flatMap(({ generation, index, points }) => points.map((point) => [generation, index, pageSize, ...point])),
      segments: [near, far].flatMap(() =>
        inOrder.map((line) => line.map(({ index, from }, i) => ({ index, offset: from, bytes: 100 + i }))),
      ),
      counted: [segments * 2 * 10],
      states: known
        .slice(-6)
        .map((i) => formerSegment(two, i).points.map(([, at]) => (i < segments - 5 ? undefined : BigInt(at)))),
    };
    const tables = migrated.prepare("SELECT name FROM sqlite_schema WHERE name LIKE 'former%'").all();
    const foreign = migrated.pragma('foreign_key_check');
    migrated.close();
    expect(read).toEqual([expected, expected]);
    expect([tables, foreign, fs.statSync(file).size < before / 6]).toEqual([[], [], true]);
  });

  test('that is damaged is left as it was', () => {
    fs.mkdirSync(folder.at('former'));
    const file = folder.at('former', 'state.db');
    writeFormer(file, ['d1' as DatabaseId], 5);
    const former = new Database(file);
    former.exec("UPDATE run SET points = '[[1' WHERE end_offset = (SELECT max(end_offset) FROM run)");
    former.close();
    expect(() => openStateDatabase(folder.at('former'))).toThrow();
    const left = new Database(file);
    const version = left.pragma('user_version', { simple: true });
    const rows = left.prepare('SELECT count(*) FROM segment WHERE target_id = ?').pluck().get(near);
    left.close();
    expect([version, rows]).toEqual([8, 10]);
  });
});
