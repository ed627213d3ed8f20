// States reach a slow listener coalesced: the first at once, then the newest at intervals, none lost at the end.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createStatePush } from '../../electron/host/state-push.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('sends the first at once, then the newest of each interval', () => {
  const sent: number[] = [];
  using push = createStatePush<number>({ everyMs: 200, send: (state) => sent.push(state) });
  for (const state of [1, 2, 3]) push.push(state);
  expect(sent).toEqual([1]);
  vi.advanceTimersByTime(200);
  expect(sent).toEqual([1, 3]);
  vi.advanceTimersByTime(1000);
  push.push(4);
  expect(sent).toEqual([1, 3, 4]);
});

test('waits while the channel is clogged, then sends only the newest', () => {
  const sent: number[] = [];
  let isClogged = true;
  using push = createStatePush<number>({ everyMs: 200, send: (state) => sent.push(state), isClogged: () => isClogged });
  for (const state of [1, 2]) {
    push.push(state);
    vi.advanceTimersByTime(1000);
  }
  expect(sent).toEqual([]);
  isClogged = false;
  vi.advanceTimersByTime(200);
  expect(sent).toEqual([2]);
});

test('keeps no timer when there is nothing to send', () => {
  using push = createStatePush<number>({ everyMs: 200, send: () => undefined });
  push.push(1);
  vi.advanceTimersByTime(400);
  expect(vi.getTimerCount()).toBe(0);
});

test('sends nothing after its end', () => {
  const sent: number[] = [];
  const push = createStatePush<number>({ everyMs: 200, send: (state) => sent.push(state) });
  push.push(1);
  push.push(2);
  push[Symbol.dispose]();
  vi.advanceTimersByTime(1000);
  expect(sent).toEqual([1]);
});
