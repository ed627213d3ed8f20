// What is protected and where, settings and activity; and the catalogue's rows as they are written down.
import type Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Catalogue } from '../../electron/engine/state/catalogue.ts';
import { openStateDatabase } from '../../electron/engine/state/state-database.ts';
import type { NewActivity } from '../../electron/engine/state/activity-rows.ts';
import type { ReplicaSettings, TargetRow } from '../../electron/engine/state/rows.ts';
import { Store } from '../../electron/engine/state/store.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import type { PlaceState } from '../../shared/targets.ts';
import type { Generation } from '../../shared/position.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

let folder: TempFolder;
let database: Database.Database;
let store: Store;
let catalogue: Catalogue;

beforeEach(() => {
  folder = tempFolder();
  database = openStateDatabase(folder.path);
  store = new Store(database);
  catalogue = new Catalogue(database);
});
afterEach(() => {
  database.close();
  folder[Symbol.dispose]();
});

const generation = '00000000000000aa' as Generation;
const add = (path: string, addedAt = 1000): DatabaseId =>
  store.addDatabase({ path, addedAt, isDemo: false, isDeclared: false });
const targetRow = (url: string): Omit<TargetRow, 'id'> => ({
  name: url.slice(1),
  url,
  place: { kind: 'folder', path: url },
  bandwidthBytes: undefined,
  secret: undefined,
  isKept: false,
});
const target = (url: string) => store.addTarget(targetRow(url));
const settings: ReplicaSettings = {
  isEnabled: true,
  syncIntervalMs: 1000,
  snapshotIntervalMs: 0,
  retention: { kind: 'keep-all' },
};

describe('settings', () => {
  test('have defaults, keep what was set, and leave alone what is not given', () => {
    expect(store.settings()).toEqual({ theme: 'system' });
    store.updateSettings({ theme: 'dark' });
    store.updateSettings({ theme: undefined });
    store.updateSettings({});
    expect(new Store(database).settings()).toEqual({ theme: 'dark' });
  });

  test('the installation keeps the id that it made first', () => {
    expect([store.machineId(() => 'first'), store.machineId(() => 'second')]).toEqual(['first', 'first']);
  });
});

describe('named points', () => {
  const moment = (name: string, offset: number) => ({
    name,
    position: { generation, index: 1, offset },
    at: offset * 10,
    namedAt: 5000,
  });

  test('are a database’s own, oldest first, and go with it', () => {
    const [one, other] = [add('/a.db'), add('/b.db')];
    const { namedPoints } = store;
    const second = namedPoints.add(one, moment('second', 200));
    const first = namedPoints.add(one, moment('first', 100));
    namedPoints.add(other, moment('first', 100));
    expect(namedPoints.of(one)).toEqual([
      { id: first, ...moment('first', 100) },
      { id: second, ...moment('second', 200) },
    ]);
    namedPoints.rename(first, 'renamed');
    namedPoints.remove(second);
    expect(namedPoints.of(one)).toEqual([{ id: first, ...moment('renamed', 100) }]);
    store.removeDatabase(one);
    expect([namedPoints.of(one), namedPoints.of(other).length]).toEqual([[], 1]);
  });

  test('of others are taken over, but not over one’s own', () => {
    const id = add('/a.db');
    store.namedPoints.add(id, moment('mine', 100));
    store.namedPoints.adopt(id, [moment('theirs', 100), moment('MINE', 200), moment('another', 300)]);
    store.namedPoints.adopt(id, [moment('another', 300)]);
    expect(store.namedPoints.of(id).map(({ name, at }) => [name, at])).toEqual([
      ['mine', 1000],
      ['MINE 2', 2000],
      ['another', 3000],
    ]);
  });
});

describe('databases', () => {
  test('are listed in the order in which they were added, with what happened to them', () => {
    const b = store.addDatabase({
      path: '/b.db',
      givenPath: '/link.db',
      addedAt: 2000,
      isDemo: true,
      isDeclared: true,
    });
    const a = add('/a.db', 1000);
    store.setPaused(a, 3000);
    const proven = { generation: '00000000000000aa' as Generation, index: 1, offset: 4152 };
    store.setProven(b, 4000, proven);
    const rows = [
      {
        id: a,
        path: '/a.db',
        givenPath: undefined,
        addedAt: 1000,
        pausedAt: 3000,
        provenAt: undefined,
        proven: undefined,
        isDemo: false,
        isDeclared: false,
      },
      {
        id: b,
        path: '/b.db',
        givenPath: '/link.db',
        addedAt: 2000,
        pausedAt: undefined,
        provenAt: 4000,
        proven,
        isDemo: true,
        isDeclared: true,
      },
    ];
    expect(store.databases()).toEqual(rows);
    store.setPaused(a, undefined);
    expect(store.databases()[0]).toEqual({ ...rows[0], pausedAt: undefined });
  });

  test('know the path by which they were named last', () => {
    const declared = { path: '/a.db', addedAt: 1000, isDemo: false, isDeclared: true };
    const id = store.addDatabase({ ...declared, givenPath: '/link.db' });
    store.setGivenPath(id, '/other-link.db');
    expect(store.database(id)?.givenPath).toBe('/other-link.db');
    expect(store.adoptDeclared(declared)).toBe(id);
    expect(store.database(id)?.givenPath).toBeUndefined();
  });

  test('are refused twice at one path', () => {
    add('/a.db');
    expect(() => add('/a.db')).toThrow('UNIQUE');
  });

  test('take everything of theirs along, and targets that nobody uses any more', () => {
    const [a, b] = [add('/a.db'), add('/b.db')];
    const [shared, own] = [target('/shared'), target('/own')];
    target('/unused');
    store.addTarget({ ...targetRow('/on-its-own'), isKept: true });
    store.putReplica({ databaseId: a, targetId: shared, url: '/shared/a.db', ...settings });
    store.putReplica({ databaseId: a, targetId: own, url: '/own/a.db', ...settings });
    store.putReplica({ databaseId: b, targetId: shared, url: '/shared/b.db', ...settings });
    for (const id of [a, b]) fillCatalogue(id, shared);
    const kept = contentsOf(b);
    store.removeDatabase(a);
    expect(contentsOf(a)).toEqual({
      generations: [],
      shipped: [],
      snapshots: [],
      runs: [],
      gaps: [],
      counts: [0],
      replicas: [],
    });
    expect(contentsOf(b)).toEqual(kept);
    expect(store.targets().map(({ url }) => url)).toEqual(['/on-its-own', '/shared']);
  });
});

describe('replicas', () => {
  test('keep their settings, and when retention ran, until they are removed', () => {
    const a = add('/a.db');
    const [one, other] = [target('/x'), target('/y')];
    const [x, y] = one < other ? [one, other] : [other, one];
    const [atX, atY] = [
      { databaseId: a, targetId: x, url: '/x/a.db', ...settings },
      { databaseId: a, targetId: y, url: '/y/a.db', ...settings },
    ] as const;
    store.putReplica(atX);
    store.putReplica(atY);
    store.setRetained(atY, 99);
    const retention = { kind: 'thinned', windowMs: 1, dailyMs: 2, weeklyMs: 3 } as const;
    store.putReplica({ ...atY, url: '/elsewhere', isEnabled: false, syncIntervalMs: 5, retention });
    expect(store.replicas(a)).toEqual([
      { ...atX, retainedAt: undefined, refusesDeletesAt: undefined },
      {
        ...atY,
        url: '/elsewhere',
        isEnabled: false,
        syncIntervalMs: 5,
        retention,
        retainedAt: 99,
        refusesDeletesAt: undefined,
      },
    ]);
    store.removeReplica(atX);
    expect([store.replicas().map(({ targetId }) => targetId), store.targets().map(({ id }) => id)]).toEqual([[y], [y]]);
  });
});

describe('targets', () => {
  test('keep what was said of them, secrets as they were sealed', () => {
    const id = store.addTarget(targetRow('/x'));
    const place: PlaceState = {
      kind: 's3',
      provider: 'minio',
      bucket: 'b',
      prefix: 'p',
      region: 'eu-central-1',
      endpoint: undefined,
      isPathStyle: true,
      storageClass: undefined,
      encryption: { kind: 'sse-kms', keyId: undefined },
      credentials: { kind: 'keys', accessKeyId: 'a' },
    };
    const row = { name: 'n', url: 's3://b/p', place, bandwidthBytes: 4096, secret: Buffer.of(1, 2), isKept: true };
    store.updateTarget(id, row);
    expect(store.targets()).toEqual([{ id, ...row }]);
    store.removeTarget(id);
    expect(store.targets()).toEqual([]);
  });
});

test('what was asked before a change is told anew after it, of all and of one', () => {
  const [a, b] = [add('/a.db'), add('/b.db')];
  const declared = store.addDatabase({ path: '/d.db', addedAt: 1, isDemo: false, isDeclared: true });
  const [x, y] = [target('/x'), target('/y')];
  const told = (from: Store) => ({
    databases: from.databases(),
    targets: from.targets(),
    replicas: from.replicas(),
    each: [a, b, declared].map((id) => [from.database(id), from.replicas(id)]),
    eachTarget: [x, y].map((id) => from.target(id)),
  });
  const replica = { databaseId: a, targetId: x };
  const changes: readonly (() => unknown)[] = [
    () => store.putReplica({ ...replica, url: '/x/a.db', ...settings }),
    () => store.putReplica({ databaseId: b, targetId: y, url: '/y/b.db', ...settings }),
    () => store.putReplica({ databaseId: b, targetId: x, url: '/x/b.db', ...settings }),
    () => store.putReplica({ ...replica, url: '/x/a.db', ...settings, isEnabled: false }),
    () => store.setRetained(replica, 5),
    () => store.setRefusesDeletes(replica, 6),
    () => store.setPaused(a, 7),
    () => store.setProven(a, 8, { generation, index: 1, offset: 32 }),
    () => store.adoptDeclared({ path: '/d.db', addedAt: 9, isDemo: true }),
    () => store.updateTarget(x, { ...targetRow('/x'), name: 'other', bandwidthBytes: 10 }),
    () => store.removeReplica({ databaseId: b, targetId: y }),
    () => target('/z'),
    () => add('/c.db'),
    () => store.removeDatabase(b),
    () => store.removeDatabase(a),
    () => store.removeTarget(store.addTarget({ ...targetRow('/w'), isKept: true })),
  ];
  changes.forEach((change, i) => {
    const before = told(store);
    change();
    const after = told(store);
    expect(after).toEqual(told(new Store(database)));
    // The last one adds and removes.
    if (i < changes.length - 1) expect(after).not.toEqual(before);
  });
});

describe('activity', () => {
  const entry = (text: string, databaseId?: DatabaseId): NewActivity => ({
    at: 1,
    kind: 'snapshot',
    level: 'good',
    databaseId,
    text,
  });

  test('is told newest first, in pages, of all or of one database', () => {
    const a = add('/a.db');
    for (const n of [1, 2, 3, 4, 5]) store.activity.add(entry(`entry ${n}`, n % 2 === 0 ? a : undefined));
    const texts = (options: Parameters<Store['activity']['list']>[0]) =>
      store.activity.list(options).map(({ text }) => text);
    expect([
      texts({ limit: 2 }),
      texts({ limit: 9, beforeId: store.activity.list({ limit: 2 })[1]?.id }),
      texts({ limit: 9, databaseId: a }),
      texts({ limit: 1, databaseId: a, beforeId: 4 }),
    ]).toEqual([['entry 5', 'entry 4'], ['entry 3', 'entry 2', 'entry 1'], ['entry 4', 'entry 2'], ['entry 2']]);
    expect(store.activity.list({ limit: 1 })).toEqual([
      { id: 5, at: 1, kind: 'snapshot', level: 'good', databaseId: undefined, text: 'entry 5' },
    ]);
  });

  test('forgets the oldest entries', () => {
    database.exec(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
       INSERT INTO activity (id, at, kind, level, text) SELECT i, 1, 'snapshot', 'good', i FROM n`,
    );
    for (let n = 20_001; n <= 20_010; n++) store.activity.add(entry(`${n}`));
    const all = store.activity.list({ limit: 100_000 });
    expect([all.length, all[0]?.text, all.at(-1)?.text]).toEqual([20_000, '20010', '11']);
  });
});

describe('what is kept of an answer', () => {
  test('is never older than the last change', () => {
    expect(store.settings()).toEqual({ theme: 'system' });
    store.updateSettings({ theme: 'dark' });
    expect(store.settings()).toEqual({ theme: 'dark' });

    const note = (text: string) => {
      store.activity.add({ at: 1, kind: 'snapshot', level: 'good', databaseId: undefined, text });
      return store.activity.list({ limit: 2 }).map((told) => told.text);
    };
    expect([note('one'), note('two'), note('three')]).toEqual([['one'], ['two', 'one'], ['three', 'two']]);
    expect(store.activity.list({ limit: 1 }).map(({ text }) => text)).toEqual(['three']);

    const [a, b] = [add('/a.db'), add('/b.db')];
    const { namedPoints } = store;
    const moment = (offset: number) => ({
      name: `at ${offset}`,
      position: { generation, index: 0, offset },
      at: offset,
      namedAt: 5,
    });
    const names = (of: DatabaseId) => namedPoints.of(of).map(({ name }) => name);
    expect([names(a), names(b)]).toEqual([[], []]);
    const id = namedPoints.add(a, moment(100));
    namedPoints.adopt(a, [moment(100), moment(200)]);
    namedPoints.add(b, moment(300));
    expect([names(a), names(b)]).toEqual([['at 100', 'at 200'], ['at 300']]);
    namedPoints.rename(id, 'first');
    expect(names(a)).toEqual(['first', 'at 200']);
    namedPoints.remove(id);
    expect(names(a)).toEqual(['at 200']);
    store.removeDatabase(b);
    expect([names(a), names(b)]).toEqual([['at 200'], []]);
  });
});

describe('the catalogue', () => {
  const commit = (index: number, offset: number, at: number) => ({
    index,
    offset,
    at,
    state: 1n,
    pages: 3,
    written: 1,
    transactions: 2,
  });

  test('tells restore points once, whichever target had them first', () => {
    const a = add('/a.db');
    const [one, two, three, four] = [commit(0, 100, 10), commit(0, 200, 20), commit(0, 300, 30), commit(1, 100, 40)];
    catalogue.addRun(a, { generation, pageSize: 512, commits: [one, two] });
    catalogue.addRun(a, { generation, pageSize: 512, commits: [one] });
    catalogue.addRun(a, { generation, pageSize: 512, commits: [two, three] });
    catalogue.addRun(a, { generation, pageSize: 512, commits: [] });
    catalogue.addRun(a, { generation, pageSize: 512, commits: [four] });
    catalogue.addRun(a, { generation, pageSize: 512, commits: [one, two, three] });
    const runs = [...catalogue.runs(a, { kind: 'after', at: 0 })];
    expect(
      runs.map(({ index, endOffset, firstAt, lastAt, transactions, points }) => [
        index,
        endOffset,
        firstAt,
        lastAt,
        transactions,
        points,
      ]),
    ).toEqual([
      [
        0,
        300,
        10,
        30,
        6,
        [
          [100, 10, 3, 1],
          [200, 20, 3, 1],
          [300, 30, 3, 1],
        ],
      ],
      [1, 100, 40, 40, 2, [[100, 40, 3, 1]]],
    ]);
    expect(catalogue.runAt(a, { generation, index: 0, offset: 150 })?.endOffset).toBe(300);
    expect(catalogue.runAt(a, { generation, index: 0, offset: 301 })).toBe(undefined);
  });

  test('nothing lies on a target before its first image, and ends never go back', () => {
    const a = add('/a.db');
    const x = 'x' as TargetId;
    catalogue.addGeneration(a, { generation, startedAt: 5, reason: 'It began' });
    catalogue.setShipped(a, { targetId: x, generation, last: { index: 0, offset: 50, at: 7 } });
    expect(catalogue.shipped(a)).toEqual([]);
    const image = { targetId: x, generation, pages: 3, pageSize: 512 };
    catalogue.addSnapshot(a, { ...image, index: 0, offset: 100, at: 10 }, { beginsPart: true });
    catalogue.setShipped(a, { targetId: x, generation, last: { index: 0, offset: 200, at: 9 } });
    catalogue.setShipped(a, { targetId: x, generation, last: { index: 0, offset: 100, at: 9 } });
    catalogue.addSnapshot(a, { ...image, index: 2, offset: 0, at: 30 }, { beginsPart: false });
    expect(catalogue.shipped(a)).toEqual([
      { targetId: x, generation, first: { index: 0, offset: 100, at: 10 }, last: { index: 0, offset: 200, at: 10 } },
    ]);
    expect(catalogue.snapshots(a).map(({ index, at }) => [index, at])).toEqual([
      [0, 10],
      [2, 30],
    ]);
    expect(catalogue.generations(a)).toEqual([{ generation, startedAt: 5, lastAt: 9, reason: 'It began' }]);
  });

  test('knows the states within a segment as long as the spool has it, also when it was put again', () => {
    const a = add('/a.db');
    const held = { databaseId: a, targetId: 'x' as TargetId, generation };
    const states = () => catalogue.trim.pointsIn(held, { index: 1, offset: 0, to: 300 }).map(({ state }) => state);
    catalogue.addRun(a, {
      generation,
      pageSize: 512,
      commits: [commit(1, 100, 10), commit(1, 200, 20), commit(1, 300, 30)],
    });
    const high = 0xfedc_ba98_7654_3210n;
    catalogue.trim.addSegment(held, { index: 1, offset: 0, bytes: 50 }, [
      { offset: 100, state: 7n },
      { offset: 200, state: high },
    ]);
    catalogue.trim.addSegment(held, { index: 1, offset: 0, bytes: 51 });
    expect([states(), catalogue.trim.segments(held)]).toEqual([
      [7n, high, undefined],
      [{ index: 1, offset: 0, bytes: 51 }],
    ]);
    catalogue.trim.forgetStates(held, 1);
    expect(states()).toEqual([7n, high, undefined]);
    catalogue.trim.forgetStates(held, 2);
    expect(states()).toEqual([undefined, undefined, undefined]);
  });

  test('counts transactions per bin, the same from runs and from minutes', () => {
    const a = add('/a.db');
    const minute = 60_000;
    for (const [n, at] of [0, 59_999, minute, 3 * minute - 1, 3 * minute, 10 * minute].entries()) {
      catalogue.addRun(a, { generation, pageSize: 512, commits: [commit(0, 100 * (n + 1), at)] });
    }
    expect([
      catalogue.countTransactions(a, { fromAt: 0, binMs: minute, bins: 4 }),
      catalogue.countTransactions(a, { fromAt: minute, binMs: 2 * minute, bins: 2 }),
      catalogue.countTransactions(a, { fromAt: 0, binMs: minute / 2, bins: 4 }),
      catalogue.countTransactions(add('/b.db'), { fromAt: 0, binMs: minute, bins: 1 }),
    ]).toEqual([[4, 2, 2, 2], [4, 2], [2, 2, 2, 0], [0]]);
  });

  test('tells gaps that touch a range', () => {
    const a = add('/a.db');
    const gaps = [
      { fromAt: 50, toAt: 60, text: 'late' },
      { fromAt: 10, toAt: 20, text: 'early' },
    ];
    for (const gap of gaps) catalogue.addGap(a, gap);
    const texts = (fromAt: number, toAt: number) => catalogue.gaps(a, { fromAt, toAt }).map(({ text }) => text);
    expect([texts(0, 100), texts(20, 50), texts(21, 49), texts(15, 16)]).toEqual([
      ['early', 'late'],
      ['early', 'late'],
      [],
      ['early'],
    ]);
  });
});

function fillCatalogue(id: DatabaseId, targetId: TargetId): void {
  catalogue.addGeneration(id, { generation, startedAt: 5, reason: 'It began' });
  const image = { targetId, generation, index: 0, offset: 0, at: 5, pages: 3, pageSize: 512 };
  catalogue.addSnapshot(id, image, { beginsPart: true });
  catalogue.addRun(id, {
    generation,
    pageSize: 512,
    commits: [{ index: 0, offset: 100, at: 10, state: 1n, pages: 3, written: 1, transactions: 2 }],
  });
  catalogue.addGap(id, { fromAt: 1, toAt: 2, text: 'away' });
}

function contentsOf(id: DatabaseId) {
  return {
    generations: catalogue.generations(id),
    shipped: catalogue.shipped(id),
    snapshots: catalogue.snapshots(id),
    runs: [...catalogue.runs(id, { kind: 'after', at: 0 })],
    gaps: catalogue.gaps(id, { fromAt: 0, toAt: 100 }),
    counts: catalogue.countTransactions(id, { fromAt: 0, binMs: 60_000, bins: 1 }),
    replicas: store.replicas(id),
  };
}
