import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { TargetGuard } from '../../electron/engine/guard/target-guard.ts';
import type { Target } from '../../electron/engine/targets/target.ts';
import { memoryTarget } from '../support/memory-target.ts';
import { testClock } from '../support/test-clock.ts';

const { signal } = new AbortController();
const readAll = async (stream: AsyncIterable<Uint8Array>): Promise<void> => {
  for await (const _chunk of stream);
};
const bytes = (size: number) => new Uint8Array(size);

describe('a call that hangs', () => {
  /** Never ends, whatever it is told. */
  const dead: Target = {
    ...memoryTarget(),
    put: async () => await new Promise<never>(() => {}),
    list: async () => await new Promise<never>(() => {}),
    get: () => ({ [Symbol.asyncIterator]: () => ({ next: async () => await new Promise<never>(() => {}) }) }),
  };
  const setUp = (target: Target, calls = 10) => {
    const clock = testClock();
    const guard = new TargetGuard({ clock, calls, stillMs: 30_000, random: () => 1, onProblem: () => {} });
    return { clock, guard, target: guard.guard(target).target };
  };

  test.each([
    ['a put', async (target: Target) => await target.put('k', bytes(10), { signal })],
    ['a list', async (target: Target) => await target.list('', { signal })],
    ['a get', async (target: Target) => await readAll(target.get('k', { signal }))],
  ])('is given up: %s', async (_name, call) => {
    const { clock, target } = setUp(dead);
    const failed = expect(call(target)).rejects.toMatchObject({ code: 'target-stalled' });
    await clock.advance(100_000);
    await failed;
    expect(clock.sleepers).toBe(0);
  });

  test('lets its caller go on abort', async () => {
    const { clock, target } = setUp(dead);
    const stop = new AbortController();
    const failed = expect(target.put('k', bytes(10), { signal: stop.signal })).rejects.toThrow('enough');
    await clock.advance(5000);
    stop.abort(new Error('enough'));
    await clock.advance(1000);
    await failed;
  });

  test('leaves nothing with its caller’s signal when it is over', async () => {
    const target = memoryTarget();
    const { target: guarded } = setUp(target);
    const stop = new AbortController();
    for (let i = 0; i < 3; i++) await guarded.put('k', bytes(10), { signal: stop.signal });
    await readAll(guarded.get('k', { signal: stop.signal }));
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  test('is one of more, as soon as more are allowed', async () => {
    let hanging = 0;
    const target: Target = { ...dead, put: async () => (hanging++, await new Promise<never>(() => {})) };
    const { clock, guard } = setUp(target, 1);
    for (let i = 0; i < 3; i++) {
      const put = guard.guard(target).target.put('k', bytes(1), { signal });
      // Given up when the test is long over.
      put.catch(() => {});
    }
    await clock.advance(1);
    const before = hanging;
    guard.setCalls(2);
    await clock.advance(1);
    expect([before, hanging]).toEqual([1, 2]);
  });

  test('keeps its place until it has ended: no more than the limit ever hang', async () => {
    let hanging = 0;
    const target: Target = { ...dead, put: async () => (hanging++, await new Promise<never>(() => {})) };
    const { clock, guard } = setUp(target, 2);
    const failed = Array.from({ length: 5 }, async () => {
      const stop = AbortSignal.any([signal]);
      await guard
        .guard(target)
        .target.put('k', bytes(1), { signal: stop })
        .catch(() => {});
    });
    await clock.advance(200_000);
    expect(hanging).toBe(2);
    void failed;
  });

  test('is not one that only waits for its body, however long', async () => {
    const stored = memoryTarget();
    const { clock, target } = setUp(stored);
    const slow = async function* () {
      for (let i = 0; i < 3; i++) {
        await clock.sleep(600_000, { signal });
        yield bytes(5);
      }
    };
    const put = target.put('k', slow(), { signal });
    await clock.advance(1_800_000);
    expect(await put).toEqual({ bytes: 15 });
  });

  test('is one that takes no more of its body', async () => {
    const target: Target = {
      ...dead,
      put: async (_key, body) => {
        if (!(body instanceof Uint8Array)) for await (const _chunk of body) await new Promise<never>(() => {});
        return { bytes: 0 };
      },
    };
    const { clock, target: guarded } = setUp(target);
    const endless = async function* () {
      for (;;) yield await Promise.resolve(bytes(5));
    };
    const failed = expect(guarded.put('k', endless(), { signal })).rejects.toMatchObject({ code: 'target-stalled' });
    await clock.advance(31_000);
    await failed;
  });
});

test('a few calls are under way at once, and databases take turns', async () => {
  const clock = testClock();
  const stored = memoryTarget();
  const order: string[] = [];
  let inside = 0;
  let most = 0;
  const slow = (name: string): Target => ({
    ...stored,
    put: async (...args) => {
      order.push(name);
      most = Math.max(most, ++inside);
      await clock.sleep(1000, { signal });
      inside--;
      return await stored.put(...args);
    },
  });
  const guard = new TargetGuard({ clock, calls: 2, onProblem: () => {} });
  const [a, b] = ['a', 'b'].map((name) => guard.guard(slow(name)).target);
  const puts = [a, a, a, a, a, a, b].map(async (target, i) => await target?.put(`k${i}`, bytes(1), { signal }));
  await clock.advance(4000);
  await Promise.all(puts);
  expect(most).toBe(2);
  expect(order.indexOf('b')).toBeLessThan(4);
});

test('what is asked for is counted', async () => {
  const guard = new TargetGuard({ clock: testClock(), onProblem: () => {} });
  const { target } = guard.guard(memoryTarget());
  await target.put('k', bytes(10), { signal });
  await target.put(
    'l',
    (async function* () {
      yield await Promise.resolve(bytes(5));
    })(),
    { signal },
  );
  await readAll(target.get('k', { signal, range: { start: 2 } }));
  await target.list('', { signal });
  await target.delete(['k', 'l'], { signal });
  expect(guard.usage).toEqual({ puts: 2, gets: 1, lists: 1, deletes: 1, sentBytes: 15, receivedBytes: 8 });
});
