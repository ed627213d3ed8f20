// For how long nobody has to commit before writers count as resting.
import { expect, test } from 'vitest';
import { Rhythm } from '../../electron/engine/upkeep/rhythm.ts';

/** How long after commits that come so far apart. */
function restAfter(...pausesMs: readonly number[]): number {
  const rhythm = new Rhythm();
  let now = 1_000_000;
  rhythm.note(now);
  for (const pauseMs of pausesMs) rhythm.note((now += pauseMs));
  return rhythm.restMs;
}

test('who empties the WAL by itself is left alone soon, in whatever rhythm', () => {
  const rhythm = new Rhythm();
  for (let at = 0; at < 3000; at += 100) rhythm.note(at);
  expect([rhythm.restMs > 100, (rhythm.noteHousekeeping(), rhythm.restMs)]).toEqual([true, 50]);
});

const times = (count: number, pauseMs: number): readonly number[] => Array.from({ length: count }, () => pauseMs);

test.each<[string, readonly number[], least: number, most: number]>([
  ['one commit says nothing', [], 50, 50],
  ['nor does one pause', [1000], 50, 50],
  ['two begin a rhythm', [1000, 1000], 1490, 1550],
  ['nor do a few that are far apart', times(10, 2000), 50, 50],
  ['those that follow each other at once need no more', times(30, 1), 50, 50],
  ['those in a rhythm are waited for', times(30, 100), 145, 160],
  ['a slow one, too', times(30, 1000), 1490, 1550],
  ['up to a limit', times(30, 1500), 50, 50],
  ['a pause in a rhythm does not end it', [...times(30, 20), 500], 50, 400],
  ['an uneven one is waited for, too', times(15, 20).flatMap((one) => [one, 80]), 95, 130],
  ['a long one, if it lasts', [...times(30, 20), 60_000, 60_000], 50, 50],
])('%s', (_what, pausesMs, least, most) => {
  const restMs = restAfter(...pausesMs);
  expect(restMs).toBeGreaterThanOrEqual(least);
  expect(restMs).toBeLessThanOrEqual(most);
});
