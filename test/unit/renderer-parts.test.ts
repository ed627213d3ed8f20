// Small pure parts of the window: addresses of places, the list of points, the progress of an operation.
import { describe, expect, test } from 'vitest';
import { formatPlace, parsePlace } from '../../renderer/store/place.ts';
import { eventAt } from '../../renderer/components/timeline/draw-activity.ts';
import { eventText, inset, rows, scaleOf } from '../../renderer/components/timeline/geometry.ts';
import { appendPoints, mergePoints } from '../../renderer/store/point-list.ts';
import { currentPhase, operationShare, phaseFigures } from '../../renderer/screens/parts/operation-progress.ts';
import type { RestorePoint, TimelineEvent } from '../../shared/history.ts';
import type { DatabaseId, OperationId, TargetId } from '../../shared/ids.ts';
import type { Operation, Phase } from '../../shared/operations.ts';
import type { Generation } from '../../shared/position.ts';

describe('the address of a place', () => {
  test.each([
    ['#/', { kind: 'overview' }],
    ['#/add', { kind: 'add' }],
    ['#/add/%2Fsrv%2Ftill%20%26%20co.db', { kind: 'add', path: '/srv/till & co.db' }],
    ['#/activity', { kind: 'activity' }],
    ['#/settings', { kind: 'settings' }],
    ['#/destinations', { kind: 'destinations' }],
    ['#/destination/t%201', { kind: 'destination', targetId: 't 1' as TargetId }],
    ['#/new-destination', { kind: 'new-destination' }],
    ['#/new-destination/a%2Fb', { kind: 'new-destination', databaseId: 'a/b' as DatabaseId }],
    ['#/database/a%2Fb%20c', { kind: 'database', databaseId: 'a/b c' as DatabaseId }],
  ] as const)('%s', (hash, place) => {
    expect([formatPlace(place), parsePlace(hash)]).toEqual([hash, place]);
  });

  test.each(['', '#', '#/nowhere', '#/database', '#/database/', '#/database/%', '#/destination'])(
    'unknown “%s” is the overview',
    (hash) => {
      expect(parsePlace(hash)).toEqual({ kind: 'overview' });
    },
  );
});

describe('the list of points', () => {
  test('grows at its old end, each point once', () => {
    expect(offsets(appendPoints(points(9, 8, 7), points(7, 6, 5)))).toEqual([9, 8, 7, 6, 5]);
  });

  test('grows at its new end', () => {
    expect(offsets(mergePoints(points(7, 6, 5), points(9, 8, 7, 6)))).toEqual([9, 8, 7, 6, 5]);
  });

  test('begins anew where a page leaves a hole', () => {
    expect(offsets(mergePoints(points(3, 2, 1), points(9, 8, 7)))).toEqual([9, 8, 7]);
  });

  test('keeps several points of one instant in their order', () => {
    const atOnce = (...names: readonly number[]) => points(...names).map((point) => ({ ...point, at: 5 }));
    expect(offsets(appendPoints(atOnce(9, 8), atOnce(8, 7)))).toEqual([9, 8, 7]);
    expect(offsets(mergePoints(atOnce(7, 6), atOnce(9, 8, 7)))).toEqual([9, 8, 7, 6]);
    // Others may lie between them.
    expect(offsets(mergePoints(atOnce(5, 4), atOnce(9, 8)))).toEqual([9, 8]);
  });

  test('is the page where nothing was known, and stays where a page is empty', () => {
    expect([offsets(mergePoints([], points(2, 1))), offsets(mergePoints(points(2, 1), []))]).toEqual([
      [2, 1],
      [2, 1],
    ]);
  });
});

describe('a flag in the event lane', () => {
  const position = { generation: '00000000000000aa' as Generation, index: 0, offset: 32 };
  const events: readonly TimelineEvent[] = [
    { kind: 'snapshot', at: 1000, sizeBytes: 4096 },
    { kind: 'named', at: 1002, position, name: 'before' },
    { kind: 'gap', at: 900, toAt: 1100, text: 'Computer asleep' },
  ];
  const at = (x: number, y: number) =>
    eventAt(events, { scale: scaleOf({ fromAt: 0, toAt: 2000 }, 2000 + 2 * inset), x: x + inset, y });

  test('is found before the snapshot that lies there too, and only in the lane', () => {
    expect(at(999, rows.lane)?.kind).toBe('named');
    expect(at(993, rows.lane)?.kind).toBe('snapshot');
    expect(at(1002, rows.top)?.kind).toBe('gap');
    expect(at(1030, rows.lane)).toBeUndefined();
  });

  test('says what it is for', () => {
    expect(events.map((event) => eventText(event))[1]).toBe('“before” stays until the name is removed');
  });
});

describe('the progress of an operation', () => {
  test('grows with its phases and ends whole', () => {
    const shares = [
      operation([phase('plan', 'running'), phase('fetch', 'waiting'), phase('apply', 'waiting')]),
      operation([phase('plan', 'done'), phase('fetch', 'running', 0.5), phase('apply', 'waiting')]),
      operation([phase('plan', 'done'), phase('fetch', 'done'), phase('apply', 'running', 0.5)]),
    ].map((one) => operationShare(one) ?? 0);
    expect(shares.toSorted((a, b) => a - b)).toEqual(shares);
    expect(operationShare({ ...operation([]), state: 'done' })).toBe(1);
    expect(operationShare(operation([]))).toBeUndefined();
  });

  test('shows the phase that runs, else the last that ran', () => {
    const phases = [phase('plan', 'done'), phase('fetch', 'running', 0.5)];
    expect(currentPhase(operation(phases))?.name).toBe('fetch');
    expect(currentPhase(operation(phases.slice(0, 1)))?.name).toBe('plan');
  });

  test('estimates what is left only once that is credible', () => {
    const running = phase('fetch', 'running', 0.5);
    const one = operation([phase('plan', 'done'), running]);
    expect(phaseFigures(one, running, one.startedAt + 1_200)).toBe('500 B of 1 kB');
    expect(phaseFigures(one, running, one.startedAt + 4_100)).toBe('500 B of 1 kB · about 4 s left');
  });
});

function points(...at: readonly number[]): readonly RestorePoint[] {
  return at.map((instant) => ({
    position: { generation: '0123456789abcdef' as Generation, index: 0, offset: instant },
    at: instant,
    sizeBytes: 4096,
    pages: 1,
    targetIds: [],
  }));
}

function offsets(list: readonly RestorePoint[]): readonly number[] {
  return list.map((point) => point.position.offset);
}

function phase(name: Phase['name'], state: Phase['state'], share = 0): Phase {
  const doneBytes = state === 'done' ? 1_000 : share * 1_000;
  return { name, state, text: name, doneBytes, totalBytes: 1_000, ms: state === 'done' ? 100 : undefined };
}

function operation(phases: readonly Phase[]): Operation {
  return {
    id: 'o' as OperationId,
    kind: 'restore',
    title: 'Restore',
    databaseId: undefined,
    startedAt: 1_000_000,
    endedAt: undefined,
    state: 'running',
    phases,
    error: undefined,
    result: undefined,
  };
}
