// Reading behind the guard of a destination: restores are counted and watched, wait where they are asked to, and for nobody else.
import { describe, expect, test } from 'vitest';
import { TargetGuard } from '../../electron/engine/guard/target-guard.ts';
import type { Target } from '../../electron/engine/targets/target.ts';
import { AppError } from '../../shared/errors.ts';
import { memoryTarget } from '../support/memory-target.ts';
import { testClock } from '../support/test-clock.ts';

const { signal } = new AbortController();
const content = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function setUp({ refusals = 0, afterBytes = 0, bandwidthBytes }: Partial<Record<string, number>> = {}) {
  const clock = testClock();
  const memory = memoryTarget();
  await memory.put('k', content, { signal });
  let left = refusals;
  const throttled = () => new AppError('target-throttled', { path: 'there', retryAfterMs: 5000 });
  const target: Target = {
    ...memory,
    list: async (prefix, options) => {
      if (left-- > 0) throw throttled();
      return await memory.list(prefix, options);
    },
    async *get(key, options) {
      const isRefused = left-- > 0;
      let passed = 0;
      for await (const chunk of memory.get(key, options)) {
        if (isRefused) yield chunk.subarray(0, afterBytes - passed);
        else yield chunk;
        passed += chunk.length;
        if (isRefused && passed >= afterBytes) throw throttled();
      }
    },
  };
  const guard = new TargetGuard({ clock, stillMs: 30_000, random: () => 0, onProblem: () => {}, bandwidthBytes });
  const waits: number[] = [];
  return { clock, guard, target, waits, reading: guard.forReading(target, (ms) => waits.push(ms)) };
}

describe('reading behind a guard', () => {
  test('is counted', async () => {
    const { guard, reading } = await setUp();
    await reading.list('', { signal });
    await readAll(reading.get('k', { signal }));
    expect(guard.usage).toMatchObject({ lists: 1, gets: 1, receivedBytes: content.length });
  });

  test.each([
    ['from the start', undefined, content],
    ['a range', { start: 100, end: 900 }, content.subarray(100, 900)],
    ['from the end', { start: -700 }, content.subarray(300)],
  ])('goes on where it was once it may, and says what it waits for: %s', async (_what, range, expected) => {
    const { clock, reading, waits } = await setUp({ refusals: 2, afterBytes: 300 });
    const read = readAll(reading.get('k', { ...(range && { range }), signal }));
    for (let i = 0; i < 3; i++) await clock.advance(5000);
    expect(await read).toEqual(Buffer.from(expected));
    expect(waits).toEqual([5000, 5000]);
  });

  test('fails in the end where it is refused for good', async () => {
    const { clock, reading, waits } = await setUp({ refusals: Infinity });
    const failed = expect(reading.list('', { signal })).rejects.toMatchObject({ code: 'target-throttled' });
    for (let i = 0; i < 20; i++) await clock.advance(60_000);
    await failed;
    expect(waits).toHaveLength(9);
  });

  test('slows the shipping down where it is refused', async () => {
    const { clock, guard, target, reading } = await setUp({ refusals: 1 });
    const { reach } = guard.guard(target);
    const listed = reading.list('', { signal });
    await clock.advance(5000);
    await listed;
    expect(reach.stretch).toBeGreaterThan(1);
  });

  test('waits for no bandwidth and no circuit', async () => {
    const { guard, target, reading } = await setUp({ bandwidthBytes: 1024 });
    const dead = guard.guard({
      ...target,
      list: async () => await Promise.reject(new AppError('target-unreachable', { path: 'there', reason: 'off' })),
    });
    for (let i = 0; i < 3; i++) await dead.target.list('', { signal }).catch(() => {});
    expect(guard.problem).toMatchObject({ code: 'target-unreachable' });
    // No clock moves: whatever waited would never end.
    for (let i = 0; i < 10; i++) expect(await readAll(reading.get('k', { signal }))).toEqual(Buffer.from(content));
  });

  test('is given up where nothing moves', async () => {
    const { clock, guard, target } = await setUp();
    const reading = guard.forReading({ ...target, list: async () => await new Promise<never>(() => {}) });
    const failed = expect(reading.list('', { signal })).rejects.toMatchObject({ code: 'target-stalled' });
    await clock.advance(100_000);
    await failed;
  });

  test('keeps nothing of what has passed, however long it reads', async () => {
    const { clock, guard } = await setUp();
    const target: Target = {
      ...memoryTarget(),
      async *get() {
        for (let i = 0; i < 600; i++) yield await Promise.resolve(new Uint8Array(1 << 20));
      },
    };
    let most = 0;
    for await (const _chunk of guard.forReading(target, () => {}).get('k', { signal })) {
      most = Math.max(most, process.memoryUsage().arrayBuffers);
    }
    expect(clock.sleepers).toBeLessThan(2);
    expect(most).toBeLessThan(250 << 20);
  });
});
