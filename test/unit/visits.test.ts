// Who comes and goes: from when on another visit is expected, and for how long.
import fs from 'node:fs';
import { expect, test, vi } from 'vitest';
import { mayExpectVisits, Visits } from '../../electron/engine/capture/visits.ts';
import { tempFolder } from '../support/temp.ts';

type Happening = readonly ['visit', at: number, lastedMs: number] | readonly ['commit', at: number];

test.each<[string, readonly Happening[], at: number, stayMs: number]>([
  ['nobody came', [], 0, 0],
  [
    'two visits are no rhythm',
    [
      ['visit', 0, 10],
      ['visit', 100, 10],
    ],
    100,
    0,
  ],
  [
    'three are',
    [
      ['visit', 0, 10],
      ['visit', 100, 10],
      ['visit', 200, 10],
    ],
    200,
    1000,
  ],
  [
    'and it lasts for a while',
    [
      ['visit', 0, 10],
      ['visit', 100, 10],
      ['visit', 200, 10],
    ],
    1199,
    1,
  ],
  [
    'but not forever',
    [
      ['visit', 0, 10],
      ['visit', 100, 10],
      ['visit', 200, 10],
    ],
    1200,
    0,
  ],
  [
    'not where they are far apart',
    [
      ['visit', 0, 10],
      ['visit', 2000, 10],
      ['visit', 4000, 10],
    ],
    4000,
    0,
  ],
  [
    'who stays for long is no visitor',
    [
      ['visit', 0, 10],
      ['visit', 100, 1000],
      ['visit', 200, 10],
    ],
    200,
    0,
  ],
  [
    'each commit of one who is expected begins anew',
    [
      ['visit', 0, 10],
      ['visit', 100, 10],
      ['visit', 200, 10],
      ['commit', 1000],
    ],
    1500,
    500,
  ],
  [
    'one that comes too late does not',
    [
      ['visit', 0, 10],
      ['visit', 100, 10],
      ['visit', 200, 10],
      ['commit', 1300],
    ],
    1300,
    0,
  ],
  [
    'nor one of whom nothing is known',
    [
      ['commit', 0],
      ['commit', 10],
      ['commit', 20],
    ],
    20,
    0,
  ],
  [
    'the last of long ago do not count',
    [
      ['visit', 0, 10],
      ['visit', 100, 10],
      ['visit', 200, 10],
      ['visit', 9000, 10],
    ],
    9000,
    0,
  ],
])('%s', (_what, happenings, at, stayMs) => {
  const visits = new Visits();
  for (const [kind, when, lastedMs = 0] of happenings) {
    if (kind === 'visit') visits.note(when, lastedMs);
    else visits.noteNews(when);
  }
  expect([visits.isFrequent(at), visits.stayMs(at)]).toEqual([stayMs > 0, stayMs]);
});

test('the pins stay only where the sidecars that they leave belong to the owner of the database', () => {
  using folder = tempFolder();
  const path = folder.at('shop.db');
  fs.writeFileSync(path, '');
  const now = performance.now();
  const frequent = new Visits();
  for (let i = 0; i < 3; i++) frequent.note(now, 1);
  expect(mayExpectVisits({ path, visits: new Visits() })).toBe(false);
  expect(mayExpectVisits({ path, visits: frequent })).toBe(true);
  const owner = fs.statSync(path).uid;
  const user = vi.spyOn(process, 'getuid');
  const answers = [owner, owner + 1, 0].map((uid) => {
    user.mockReturnValue(uid);
    return mayExpectVisits({ path, visits: frequent });
  });
  expect(answers).toEqual([true, false, true]);
});

test('whoever needs the pins keeps them, and visits are unsteady for a while after one overtook an image', () => {
  const visits = new Visits();
  const [one, two] = [visits.stay(0), visits.stay(0)];
  expect([visits.isFrequent(0), visits.stayMs(0), visits.stayMs(1500)]).toEqual([true, 1000, 500]);
  // Not for ever: the file is the application's.
  expect([visits.isFrequent(2000), visits.stayMs(2000)]).toEqual([false, 0]);
  // It is no rhythm.
  visits.noteNews(0);
  one[Symbol.dispose]();
  expect(visits.isFrequent(0)).toBe(true);
  two[Symbol.dispose]();
  expect([visits.isFrequent(0), visits.stayMs(0), visits.isUnsteady(0)]).toEqual([false, 0, false]);
  visits.noteSpoiled(0);
  expect([visits.isUnsteady(4999), visits.isUnsteady(5000)]).toEqual([true, false]);
  visits.forget();
  expect(visits.isUnsteady(0)).toBe(false);
});
