// The pace of an image: full while the database is at rest, with pauses beside writers, and never slowed down for long.
import { expect, test } from 'vitest';
import { mannersOf } from '../../electron/engine/ship/manners.ts';
import { testClock } from '../support/test-clock.ts';

const { signal } = new AbortController();

/** Asks before a block, and lets as much time pass as the answer waits for. */
async function ask(blocksAtOnce: () => Promise<number>, clock: ReturnType<typeof testClock>) {
  const before = clock.ticks();
  const answer = blocksAtOnce();
  while (clock.sleepers > 0) await clock.advance(1);
  return { atOnce: await answer, waitedMs: clock.ticks() - before };
}

test('an image beside writers pauses before each block, until they rest', async () => {
  const clock = testClock();
  let offset = 0;
  const blocksAtOnce = mannersOf(() => ({ index: 1, offset }), { clock, signal });
  expect(await ask(blocksAtOnce, clock)).toEqual({ atOnce: 2, waitedMs: 0 });
  offset += 4152;
  expect(await ask(blocksAtOnce, clock)).toEqual({ atOnce: 1, waitedMs: 4 });
  expect(await ask(blocksAtOnce, clock)).toEqual({ atOnce: 1, waitedMs: 4 });
  await clock.advance(1000);
  expect(await ask(blocksAtOnce, clock)).toEqual({ atOnce: 2, waitedMs: 0 });
});

test('a large one goes on without pauses after a while: its pin keeps the WAL from shrinking', async () => {
  const clock = testClock();
  let offset = 0;
  const blocksAtOnce = mannersOf(() => ({ index: 1, offset: (offset += 4152) }), { clock, signal });
  let waitedMs = 0;
  let last = await ask(blocksAtOnce, clock);
  for (; last.waitedMs > 0; last = await ask(blocksAtOnce, clock)) waitedMs += last.waitedMs;
  expect({ waitedMs, last }).toEqual({ waitedMs: 16_000, last: { atOnce: 1, waitedMs: 0 } });
});

test('an image that is given up does not wait on', async () => {
  const clock = testClock();
  const stop = new AbortController();
  let offset = 0;
  const blocksAtOnce = mannersOf(() => ({ index: 1, offset: offset++ }), { clock, signal: stop.signal });
  const asked = blocksAtOnce();
  stop.abort(new Error('given up'));
  await expect(asked).rejects.toThrow('given up');
});
