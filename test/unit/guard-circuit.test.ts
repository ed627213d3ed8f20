import { beforeEach, describe, expect, test } from 'vitest';
import { TargetGuard, type GuardedTarget } from '../../electron/engine/guard/target-guard.ts';
import type { Target } from '../../electron/engine/targets/target.ts';
import { AppError, type Problem } from '../../shared/errors.ts';
import { memoryTarget } from '../support/memory-target.ts';
import { testClock, type TestClock } from '../support/test-clock.ts';

const { signal } = new AbortController();
const gone = () => new AppError('target-failed', { path: 'memory:', reason: 'gone' });

let clock: TestClock;
let told: (string | undefined)[];
let guard: TargetGuard;
/** What the destination fails with, by call. */
let failure: ((verb: 'list' | 'put', name: string) => Error | undefined) | undefined;
/** What reached it. */
let calls: string[];

beforeEach(() => {
  clock = testClock();
  told = [];
  calls = [];
  failure = undefined;
  guard = new TargetGuard({
    clock,
    random: () => 1,
    calls: 2,
    onProblem: (problem: Problem | undefined) => told.push(problem?.message),
  });
});

function replica(name: string): GuardedTarget {
  const stored = memoryTarget();
  const reach = (verb: 'list' | 'put') => {
    calls.push(`${verb} ${name}`);
    const error = failure?.(verb, name);
    if (error !== undefined) throw error;
  };
  const target: Target = {
    ...stored,
    list: async (...args) => (reach('list'), await stored.list(...args)),
    put: async (...args) => (reach('put'), await stored.put(...args)),
  };
  return guard.guard(target);
}

/** Lists and puts until it gets through, as a shipper does. */
async function ship({ target, reach }: GuardedTarget): Promise<void> {
  for (;;) {
    try {
      await target.list('', { signal });
      await target.put('k', Uint8Array.of(1), { signal });
      reach.passed();
      return;
    } catch (error) {
      await reach.untilRetry(error, { signal });
    }
  }
}

test('after failures in a row callers fail at once; it is told once, and once that it is back', async () => {
  failure = gone;
  const replicas = ['a', 'b', 'c', 'd'].map(replica);
  const done = Promise.all(replicas.map(ship));
  await clock.advance(10_000);
  expect(told).toHaveLength(1);
  expect(guard.problem).toMatchObject({ code: 'target-failed', sinceAt: clock.now() - 10_000 });
  const before = calls.length;
  const other = replica('e');
  await expect(other.target.list('', { signal })).rejects.toThrow('gone');
  expect(calls).toHaveLength(before);
  failure = undefined;
  await clock.advance(5 * 60_000);
  await done;
  expect(told).toEqual([expect.any(String), undefined]);
  expect(guard.problem).toBeUndefined();
});

test('while it is open one tries at a time, ever less often, each in turn', async () => {
  failure = gone;
  const replicas = ['a', 'b', 'c'].map(replica);
  void Promise.all(replicas.map(ship));
  await clock.advance(0);
  const times: number[] = [];
  for (let second = 0; second < 1200; second++) {
    const before = calls.length;
    await clock.advance(1000);
    expect(calls.length - before).toBeLessThanOrEqual(1);
    if (calls.length > before) times.push(second);
  }
  const waits = times.map((at, i) => at - (times[i - 1] ?? 0)).slice(1);
  expect(waits.slice(0, 9)).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300]);
  expect(new Set(calls.slice(-3)).size).toBe(3);
});

test('when one gets through the others go on at once', async () => {
  failure = gone;
  const replicas = ['a', 'b', 'c', 'd', 'e', 'f'].map(replica);
  const done = Promise.all(replicas.map(ship));
  await clock.advance(100_000);
  failure = undefined;
  for (let waited = 0; guard.problem !== undefined && waited < 300; waited++) await clock.advance(1000);
  await clock.advance(0);
  const closedAt = clock.ticks();
  await done;
  expect(clock.ticks()).toBe(closedAt);
});

test('a sign that it may be back is followed at once', async () => {
  failure = gone;
  const done = ship(replica('a'));
  await clock.advance(3_600_000);
  failure = undefined;
  const before = calls.length;
  guard.sign();
  await clock.advance(0);
  await done;
  expect(calls.slice(before)).toEqual(['list a', 'put a']);
});

test('is left alone as long as it asks to be', async () => {
  failure = () => new AppError('target-failed', { path: 'memory:', reason: 'slow down', retryAfterMs: 90_000 });
  const done = ship(replica('a'));
  await clock.advance(89_000);
  expect(calls).toEqual(['list a']);
  expect(told).toHaveLength(1);
  failure = undefined;
  await clock.advance(3000);
  await done;
});

test('that it can be read does not mean that a full disk has room', async () => {
  failure = (verb) => (verb === 'put' ? new AppError('target-full', { path: 'memory:' }) : undefined);
  const done = ship(replica('a'));
  await clock.advance(600_000);
  expect(told).toHaveLength(1);
  failure = undefined;
  await clock.advance(300_000);
  await done;
  expect(told).toEqual([expect.any(String), undefined]);
});

describe('what is about one database does not close the destination to the others', () => {
  test('where it says so', async () => {
    failure = (_verb, name) =>
      name === 'a' ? new AppError('target-owned-by-other', { path: '', database: '', machine: '' }) : undefined;
    void ship(replica('a'));
    await clock.advance(60_000);
    expect(told).toEqual([]);
    await ship(replica('b'));
  });

  test('where its folder alone is gone', async () => {
    failure = (_verb, name) => (name === 'a' ? new AppError('target-missing', { path: '' }) : undefined);
    void ship(replica('a'));
    await clock.advance(60_000);
    expect(told).toHaveLength(1);
    await ship(replica('b'));
    await clock.advance(3_600_000);
    expect(told).toEqual([expect.any(String), undefined]);
    failure = undefined;
    await clock.advance(600_000);
    failure = () => new AppError('target-missing', { path: '' });
    void ship(replica('c'));
    await clock.advance(60_000);
    expect(told).toHaveLength(3);
  });
});

test('a lack of open files is nothing that the destination failed with, and tells nothing of it', async () => {
  const short = () => new AppError('too-many-files', { file: '/disk/shop.db' });
  failure = short;
  const done = Promise.all(['a', 'b', 'c'].map(replica).map(ship));
  await clock.advance(60_000);
  expect(told).toEqual([]);
  failure = gone;
  await clock.advance(60_000);
  expect(told).toHaveLength(1);
  // Who tries for all meets it: the next one tries later.
  const before = calls.length;
  failure = () => (calls.length < before + 100 ? short() : undefined);
  await clock.advance(600_000);
  expect([told.length, calls.length - before < 10]).toEqual([1, true]);
  failure = undefined;
  await clock.advance(600_000);
  await done;
  expect(told).toEqual([expect.any(String), undefined]);
});

test('nobody asks for what nobody wants: a replica that is removed leaves no problem behind', async () => {
  failure = gone;
  const one = replica('a');
  const stop = new AbortController();
  const shipping = (async () => {
    for (;;) {
      const error: unknown = await one.target.list('', { signal }).catch((reason: unknown) => reason);
      await one.reach.untilRetry(error, stop);
      if (stop.signal.aborted) return;
    }
  })();
  await clock.advance(60_000);
  expect(guard.problem).toBeDefined();
  stop.abort();
  await shipping;
  one.reach[Symbol.dispose]();
  expect(guard.problem).toBeUndefined();
  expect(clock.sleepers).toBe(0);
});

test('one that asks for fewer requests gets fewer for a while', async () => {
  failure = () => new AppError('target-throttled', { host: 'memory' });
  const { target, reach } = replica('a');
  expect(reach.stretch).toBe(1);
  for (let i = 0; i < 2; i++) await target.list('', { signal }).catch(() => {});
  expect(reach.stretch).toBe(4);
  expect(replica('b').reach.stretch).toBe(4);
  await clock.advance(60_000);
  expect(reach.stretch).toBe(2);
  await clock.advance(600_000);
  expect(reach.stretch).toBe(1);
});
