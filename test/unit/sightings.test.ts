// When transactions were seen first that are read later.
import { expect, test } from 'vitest';
import { Sightings } from '../../electron/engine/capture/sightings.ts';

/** Sightings of so many transactions each, at these times. */
function seen(...list: readonly (readonly [changes: number, at: number])[]): Sightings {
  const sightings = new Sightings();
  for (const [changes, at] of list) sightings.note(changes, () => at);
  return sightings;
}

const timesOf = (sightings: Sightings, ...changes: readonly number[]): readonly (number | undefined)[] =>
  changes.map((count) => sightings.timeOf(count));

test('each transaction gets the time at which it was seen first', () => {
  expect(timesOf(seen([5, 100], [7, 150], [10, 200]), 4, 5, 6, 7, 8, 10)).toEqual([100, 100, 150, 150, 200, 200]);
});

test('the same count is no news, and keeps its time', () => {
  const sightings = seen([5, 100]);
  expect([sightings.note(5, () => 150), sightings.note(6, () => 200)]).toEqual([false, true]);
  expect(timesOf(sightings, 5, 6)).toEqual([100, 200]);
});

test('of what was not seen yet nothing is known', () => {
  expect(timesOf(seen([5, 100]), 6)).toEqual([undefined]);
});

test('counts go on behind the largest number', () => {
  expect(timesOf(seen([2 ** 32 - 1, 100], [1, 150]), 2 ** 32 - 1, 0, 1, 2)).toEqual([100, 150, 150, undefined]);
});

test('a count that began anew says nothing of the one before', () => {
  expect(timesOf(seen([500, 100], [2, 150]), 1, 2, 3)).toEqual([150, 150, undefined]);
  const sightings = seen([500, 100]);
  sightings.forget();
  expect(timesOf(sightings, 3)).toEqual([undefined]);
});
