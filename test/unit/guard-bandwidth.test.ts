import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Bandwidth } from '../../electron/engine/guard/bandwidth.ts';
import { paceTarget } from '../../electron/engine/guard/paced-target.ts';
import { memoryTarget } from '../support/memory-target.ts';
import { testClock, type TestClock } from '../support/test-clock.ts';

const { signal } = new AbortController();

interface Passed {
  readonly at: number;
  readonly bytes: number;
  readonly lane: object;
}

/** Takes a body after the other for each lane, and notes when its slices pass. */
async function take(
  bandwidth: Bandwidth,
  { clock, bodies, passed }: { clock: TestClock; bodies: readonly number[]; passed: Passed[] },
): Promise<void> {
  const lane = {};
  for (const bytes of bodies) {
    for (let left = bytes; left > 0;) {
      const slice = Math.min(left, bandwidth.sliceBytes);
      await bandwidth.take(slice, { lane, signal });
      passed.push({ at: clock.ticks(), bytes: slice, lane });
      left -= slice;
    }
  }
}

/** The most that passed within any second. */
function busiestSecond(passed: readonly Passed[]): number {
  return Math.max(
    ...passed.map(({ at }) =>
      passed.filter((one) => one.at >= at && one.at < at + 1000).reduce((sum, { bytes }) => sum + bytes, 0),
    ),
  );
}

test('no second sees more than 1.2 times the limit, and nearly all of the limit is used', async () => {
  const bodies = fc.array(fc.integer({ min: 1, max: 3_000_000 }), { minLength: 1, maxLength: 4 });
  const lanes = fc.array(bodies, { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(lanes, fc.integer({ min: 200_000, max: 5_000_000 }), async (all, limit) => {
      const clock = testClock();
      const bandwidth = new Bandwidth(clock, limit);
      // After a rest more may pass at once: that is when a second sees most.
      await clock.advance(10_000);
      const passed: Passed[] = [];
      const done = Promise.all(all.map(async (one) => await take(bandwidth, { clock, bodies: one, passed })));
      const total = all.flat().reduce((sum, bytes) => sum + bytes, 0);
      await clock.advance((total / limit) * 1000 * (1 / 0.9) + 50);
      await done;
      expect(busiestSecond(passed)).toBeLessThanOrEqual(limit * 1.2 + 1);
      const seconds = ((passed.at(-1)?.at ?? 0) - (passed[0]?.at ?? 0)) / 1000;
      if (seconds > 2) expect(total / seconds).toBeGreaterThan(limit * 0.9);
    }),
    { numRuns: 25 },
  );
});

test('lanes get the same, however much each of them asks for', async () => {
  const clock = testClock();
  const bandwidth = new Bandwidth(clock, 100_000);
  const passed: Passed[] = [];
  const large = Array.from({ length: 3 }, () => 300_000);
  void take(bandwidth, { clock, bodies: large, passed }).catch(() => {});
  void take(bandwidth, { clock, bodies: [300_000], passed }).catch(() => {});
  await clock.advance(5000);
  const sums = [...new Set(passed.map(({ lane }) => lane))].map((lane) =>
    passed.filter((one) => one.lane === lane).reduce((sum, { bytes }) => sum + bytes, 0),
  );
  const [one = 0, other = 0] = sums;
  expect(sums).toHaveLength(2);
  expect(Math.abs(one - other)).toBeLessThan(one * 0.1);
});

test('a new limit counts at once for those who wait, and none lets everything through', async () => {
  const clock = testClock();
  const bandwidth = new Bandwidth(clock, 10);
  const passed: Passed[] = [];
  const done = take(bandwidth, { clock, bodies: [100], passed });
  await clock.advance(1000);
  expect(passed.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(12);
  bandwidth.limit = 1000;
  await clock.advance(200);
  await done;
  bandwidth.limit = undefined;
  await bandwidth.take(1e9, { lane: {}, signal });
});

test('who does not want any more is let go, and keeps nobody waiting', async () => {
  const clock = testClock();
  const bandwidth = new Bandwidth(clock, 100);
  const stop = new AbortController();
  const given = bandwidth.take(1_000_000, { lane: {}, signal: stop.signal });
  const other = bandwidth.take(5, { lane: {}, signal });
  stop.abort(new Error('enough'));
  await expect(given).rejects.toThrow('enough');
  await clock.advance(1000);
  await other;
});

test('a body passes in slices, whole, at the pace of the limit', async () => {
  const clock = testClock();
  const sent = new Bandwidth(clock, 1000);
  const stored = memoryTarget();
  const target = paceTarget(stored, { isTelling: false, sent, received: new Bandwidth(clock, 2000), lane: {} });
  const body = Uint8Array.from({ length: 4000 }, (_, i) => i % 251);
  const put = target.put('k', body, { signal });
  await clock.advance(3000);
  expect(stored.objects.has('k')).toBe(false);
  await clock.advance(1000);
  await put;
  expect(stored.objects.get('k')).toEqual(body);

  const pieces: Uint8Array[] = [];
  const got = (async () => {
    for await (const piece of target.get('k', { signal })) pieces.push(piece);
  })();
  await clock.advance(1000);
  const soFar = pieces.reduce((sum, { length }) => sum + length, 0);
  expect(soFar).toBeGreaterThan(1800);
  expect(soFar).toBeLessThanOrEqual(2400);
  await clock.advance(1100);
  await got;
  expect(new Uint8Array(Buffer.concat(pieces))).toEqual(body);
});
