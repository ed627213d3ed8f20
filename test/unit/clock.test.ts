// The system's clock: who sleeps wakes at the time, or at once when nobody waits any more.
import { expect, test } from 'vitest';
import { systemClock } from '../../electron/engine/basics/clock.ts';
import { failureOf } from '../support/replica-scratch.ts';

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

test('a sleep ends at its time', async () => {
  const { signal } = new AbortController();
  const from = systemClock.ticks();
  await systemClock.sleep(20, { signal });
  // Timers count in whole milliseconds.
  expect(systemClock.ticks() - from).toBeGreaterThan(18);
});

test('a sleep ends with the reason when it is aborted, and leaves no timer behind', async () => {
  const before = timers();
  const control = new AbortController();
  const failures = [1, 2].map(async () => await failureOf(systemClock.sleep(60_000, { signal: control.signal })));
  expect(timers()).toBe(before + 2);
  control.abort('enough');
  expect(await Promise.all(failures)).toEqual(['enough', 'enough']);
  expect(timers()).toBe(before);
  expect(await failureOf(systemClock.sleep(60_000, { signal: control.signal }))).toBe('enough');
  expect(timers()).toBe(before);
});
