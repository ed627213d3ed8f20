// The figures of a database in an administrator's words.
import { describe, expect, test } from 'vitest';
import { newCounters } from '../../electron/engine/capture/counters.ts';
import { detailFigures } from '../../renderer/screens/database/detail-figures.ts';
import type { DatabaseDetails } from '../../shared/databases.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import type { Generation } from '../../shared/position.ts';

const now = Date.UTC(2026, 10, 22, 12);
const disk = 'disk' as TargetId;
const about = {
  pageSize: 4096,
  targets: [{ id: disk, name: 'Backup disk' }],
  now,
};

const nothing: DatabaseDetails = {
  databaseId: 'shop' as DatabaseId,
  captured: undefined,
  generation: undefined,
  replicas: [],
  wal: { bytes: 0, frames: 0, waitingFrames: 0, heldSinceAt: undefined },
  spoolBytes: 0,
  locked: { count: 0, maxMs: 0, totalMs: 0 },
  lastProblem: undefined,
  counters: newCounters(),
  loopDelayMaxMs: 0,
};

const captured = { position: { generation: '00000000000000aa' as Generation, index: 0, offset: 0 }, at: now };

/** All figures by their names; of a name that comes twice, the first. */
function figures(details: Partial<DatabaseDetails>): Readonly<Record<string, string>> {
  const all = detailFigures({ ...nothing, captured, ...details }, about).flatMap((group) => group.figures);
  expect(new Set(all.map(({ name }) => name)).size, 'names are unique').toBe(all.length);
  return Object.fromEntries(all.map(({ name, value }) => [name, value]));
}

describe('the figures of a database', () => {
  test('say that a database is not captured at the moment, and nothing of what waits', () => {
    const [first] = detailFigures(nothing, about);
    expect(first?.figures).toEqual([{ name: 'Captured', value: 'not at the moment' }]);
  });

  test('say in words that there is nothing', () => {
    const values = Object.values(figures({}));
    expect(values.filter((value) => /^(0|undefined|NaN)/.test(value))).toEqual(['0 ms']);
  });

  test('tell how far behind each destination is, by its name', () => {
    const lagOf = (lagBytes: number, lagSeconds: number) =>
      figures({ replicas: [{ targetId: disk, lagBytes, lagSeconds }] })['Backup disk'];
    expect([lagOf(0, 0), lagOf(4120, 0.4), lagOf(1_840_000, 134)]).toEqual([
      'up to date',
      '4.1 kB behind',
      '1.8 MB, 2 min 14 s behind',
    ]);
    expect(figures({ replicas: [{ targetId: 'gone' as TargetId, lagBytes: 0, lagSeconds: 0 }] })['Destination']).toBe(
      'up to date',
    );
  });

  test('tell what writers felt', () => {
    expect(figures({})['Longest time writers were held']).toBe('never held');
    expect(figures({ locked: { count: 41, maxMs: 4.4, totalMs: 312 } })).toMatchObject({
      'Longest time writers were held': '4 ms',
      'All such times': '0.3 s, 41 times',
    });
  });

  test('tell a program that keeps the WAL from shrinking, and for how long', () => {
    const heldFor = (ms: number) =>
      figures({ wal: { bytes: 9e6, frames: 2000, waitingFrames: 1000, heldSinceAt: now - ms } });
    expect(heldFor(61_400)).toMatchObject({
      'Size of the file of changes (WAL)': '9 MB',
      'Waiting to be copied into the database': '4.1 MB',
      'Kept from shrinking by a program that reads': 'for 1 min 1 s',
    });
    expect(heldFor(3 * 3_600_000 + 90_000)['Kept from shrinking by a program that reads']).toBe('for 3 h 1 min');
    // The window's clock may be behind the engine's.
    expect(heldFor(-500)['Kept from shrinking by a program that reads']).toBe('for 0 ms');
  });

  test('count in words where words are shorter', () => {
    const counters = {
      ...newCounters(),
      checkpoints: 1,
      mendedFrames: 0,
      walRestarts: 1204,
      snapshots: 2,
      frames: 1,
      capturedBytes: 4120,
    };
    expect(figures({ counters })).toMatchObject({
      'Changes copied into the database': 'once',
      'File of changes begun anew': '1,204 times',
      'Full images': '2',
      'Errors of destinations': 'none',
      Changes: '4.1 kB in 1 page',
    });
  });
});
