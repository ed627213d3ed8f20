// The timeline out of a catalogue on a real state database: bins on the grid, bands, events, gaps; and the days of a strip.
import type Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeDays } from '../../electron/engine/switchboard/describe.ts';
import { Points } from '../../electron/engine/history/points.ts';
import { oldestRestorableAt, readTimeline, type TimelineQuery } from '../../electron/engine/history/timeline.ts';
import { Catalogue } from '../../electron/engine/state/catalogue.ts';
import { openStateDatabase } from '../../electron/engine/state/state-database.ts';
import type { DatabaseRow } from '../../electron/engine/state/rows.ts';
import { Store } from '../../electron/engine/state/store.ts';
import type { Timeline } from '../../shared/history.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import type { Generation } from '../../shared/position.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

const noon = Date.UTC(2026, 5, 1, 12);
const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];
const one = '00000000000000aa' as Generation;
const two = '00000000000000bb' as Generation;
const near = 'near' as TargetId;

let folder: TempFolder;
let database: Database.Database;
let catalogue: Catalogue;
let store: Store;
let id: DatabaseId;
let commits = 0;

beforeEach(() => {
  folder = tempFolder();
  database = openStateDatabase(folder.path);
  catalogue = new Catalogue(database);
  store = new Store(database);
  id = store.addDatabase({ path: '/shop.db', addedAt: noon, isDemo: false, isDeclared: false });
  commits = 0;
});
afterEach(() => {
  database.close();
  folder[Symbol.dispose]();
});

/** A history that begins with an image at an instant. */
function begin(generation: Generation, at: number): void {
  catalogue.addGeneration(id, { generation, startedAt: at, reason: `It began ${(at - noon) / second} s after noon` });
  const image = { targetId: near, generation, index: 0, offset: 0, at, pages: 10, pageSize: 4096 };
  catalogue.addSnapshot(id, image, { beginsPart: true });
  commits = 0;
}

/** Transactions that were shipped together at an instant. */
function write(generation: Generation, at: number, transactions = 1): void {
  const offset = 32 + 4120 * ++commits;
  const commit = { index: 0, offset, at, state: 0n, pages: 10, written: 1, transactions };
  catalogue.addRun(id, { generation, pageSize: 4096, commits: [commit] });
  catalogue.setShipped(id, { targetId: near, generation, last: commit });
}

function read(query: Partial<TimelineQuery> & { readonly now: number }): Timeline {
  const sources = { catalogue, store, points: new Points(catalogue) };
  return readTimeline(sources, id, { fromAt: undefined, toAt: undefined, bins: 60, ...query });
}

/** Bins that are not empty, as `[seconds after noon, count]`. */
function filled({
  fromAt,
  binMs,
  counts,
}: Pick<Timeline, 'fromAt' | 'binMs' | 'counts'>): readonly (readonly number[])[] {
  return counts.flatMap((count, i) => (count === 0 ? [] : [[(fromAt + i * binMs - noon) / second, count]]));
}

test('without a history is empty and has no ends', () => {
  const timeline = read({ now: noon });
  expect(timeline).toMatchObject({ generations: [], events: [], first: undefined, last: undefined });
  expect(filled(timeline)).toEqual([]);
  expect(oldestRestorableAt(catalogue, id)).toBe(undefined);
});

describe('bins', () => {
  test('count every transaction of the whole history, here and in the overview', () => {
    begin(one, noon);
    for (const s of [0, 1, 59, 60, 3599]) write(one, noon + s * second, 2);
    const timeline = read({ now: noon + hour, bins: 60 });
    expect(timeline.binMs).toBe(minute);
    expect(filled(timeline)).toEqual([
      [0, 6],
      [60, 2],
      [59 * 60, 2],
    ]);
    expect(timeline.overview.binMs).toBe(10 * second);
    expect(filled(timeline.overview)).toEqual([
      [0, 4],
      [50, 2],
      [60, 2],
      [3590, 2],
    ]);
  });

  test.each([
    [1, 100],
    [40 * second, second],
    [61 * second, 2 * second],
    [59 * minute, minute],
    [61 * minute, 2 * minute],
    [100 * hour, 2 * hour],
    [100 * day, 7 * day],
    [5000 * day, Math.ceil((5000 * day) / 60)],
  ])('cover %i ms on a grid of %i ms', (spanMs, binMs) => {
    begin(one, noon);
    const fromAt = noon + 12_345;
    const timeline = read({ fromAt, toAt: fromAt + spanMs, now: noon + 6000 * day });
    const { counts } = timeline;
    const expected = { binMs, onGrid: 0, coversBegin: true, coversEnd: true, spare: true };
    expect({
      binMs: timeline.binMs,
      onGrid: timeline.fromAt % timeline.binMs,
      coversBegin: timeline.fromAt <= fromAt && timeline.fromAt > fromAt - timeline.binMs,
      coversEnd: timeline.toAt >= fromAt + Math.max(spanMs, 1000),
      spare: timeline.toAt === timeline.fromAt + counts.length * timeline.binMs && counts.length <= 60 + 2,
    }).toEqual(expected);
  });

  test('stay where they are while the view moves', () => {
    begin(one, noon);
    for (let s = 0; s < 120; s++) write(one, noon + s * second);
    const views = [0, 100, 333, 999, 1000, 7500].map((ms) =>
      filled(read({ fromAt: noon + 20 * second + ms, toAt: noon + 50 * second + ms, now: noon + hour, bins: 30 })),
    );
    for (const view of views) expect(view.slice(1, -1).every(([, count]) => count === 1)).toBe(true);
    const at30 = views.map((view) => view.find(([s]) => s === 30));
    expect(at30).toEqual(views.map(() => [30, 1]));
  });

  test('are never more than 4,000, however long the history is', () => {
    begin(one, noon);
    write(one, noon + 1);
    const timeline = read({ now: noon + 9000 * day, bins: 4000 });
    expect([timeline.counts.length <= 4000, timeline.overview.counts.length <= 4000]).toEqual([true, true]);
    expect(filled(timeline).map(([, count]) => count)).toEqual([1]);
  });
});

describe('what else lies there', () => {
  beforeEach(() => {
    begin(one, noon);
    write(one, noon + 10 * second);
    catalogue.addGap(id, { fromAt: noon + 20 * second, toAt: noon + 40 * second, text: 'away' });
    write(one, noon + 45 * second);
    begin(two, noon + 60 * second);
    write(two, noon + 70 * second);
    for (const kind of ['restored', 'problem'] as const) {
      store.activity.add({ at: noon + 65 * second, kind, level: 'good', databaseId: id, text: `It ${kind}` });
    }
  });

  test('bands, events and ends of the whole history', () => {
    const { generations, events, first, last } = read({ now: noon + 80 * second });
    expect({ generations, events, first, last }).toEqual({
      generations: [
        {
          generation: one,
          fromAt: noon,
          toAt: noon + 45 * second,
          reason: 'It began 0 s after noon',
          isCurrent: false,
        },
        {
          generation: two,
          fromAt: noon + 60 * second,
          toAt: noon + 70 * second,
          reason: 'It began 60 s after noon',
          isCurrent: true,
        },
      ],
      events: [
        { kind: 'snapshot', at: noon, sizeBytes: 40_960 },
        { kind: 'gap', at: noon + 20 * second, toAt: noon + 40 * second, text: 'away' },
        { kind: 'snapshot', at: noon + 60 * second, sizeBytes: 40_960 },
        { kind: 'restore', at: noon + 65 * second, text: 'It restored' },
      ],
      first: { position: { generation: one, index: 0, offset: 0 }, at: noon },
      last: { position: { generation: two, index: 0, offset: 32 + 4120 }, at: noon + 70 * second },
    });
  });

  test('only events that touch the range, and the same ends', () => {
    const whole = read({ now: noon + 80 * second });
    const part = read({ fromAt: noon + 30 * second, toAt: noon + 50 * second, now: noon + 80 * second });
    expect(part.events).toEqual(whole.events.filter(({ kind }) => kind === 'gap'));
    expect([part.first, part.last, part.overview]).toEqual([whole.first, whole.last, whole.overview]);
  });

  test('events of other databases do not show', () => {
    const other = store.addDatabase({ path: '/other.db', addedAt: noon, isDemo: false, isDeclared: false });
    const sources = { catalogue, store, points: new Points(catalogue) };
    const query = { fromAt: undefined, toAt: undefined, bins: 60, now: noon + 80 * second };
    expect(readTimeline(sources, other, query)).toMatchObject({ events: [], generations: [], first: undefined });
  });
});

describe('days', () => {
  const rowOf = (addedAt: number): DatabaseRow => ({
    id,
    path: '/shop.db',
    givenPath: undefined,
    addedAt,
    pausedAt: undefined,
    provenAt: undefined,
    proven: undefined,
    isDemo: false,
    isDeclared: false,
  });

  test('are 30, the last one today, none before protection began', () => {
    begin(one, noon - 3 * day);
    write(one, noon - 3 * day, 4);
    // The last millisecond of one day and the first of the next.
    write(one, noon - 12 * hour - 1, 5);
    write(one, noon - 12 * hour, 6);
    const days = describeDays(rowOf(noon - 3 * day), { catalogue, now: noon });
    expect(days).toEqual([
      ...Array.from({ length: 26 }, () => ({ kind: 'none', transactions: 0 })),
      { kind: 'active', transactions: 4 },
      { kind: 'idle', transactions: 0 },
      { kind: 'active', transactions: 5 },
      { kind: 'active', transactions: 6 },
    ]);
  });

  test('are idle from the day on which it was added', () => {
    const kinds = describeDays(rowOf(noon - 12 * hour), { catalogue, now: noon }).map(({ kind }) => kind);
    expect(kinds.slice(-3)).toEqual(['none', 'none', 'idle']);
  });
});
