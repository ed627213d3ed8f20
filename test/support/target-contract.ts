// What every target promises, as tests: run against each kind, and against each kind behind latency and short reads.
import { describe, expect, test } from 'vitest';
import type { Target } from '../../electron/engine/targets/target.ts';
import { calm, collect, failureOf, inPieces, noise } from './replica-scratch.ts';

/** Declares the contract's tests; `open` gives each test a new, empty target. */
export function describeTargetContract(name: string, open: () => Promise<Target>): void {
  describe(`${name} keeps a target's promises`, () => {
    test('gives back what was put, as array and as stream, with its size', async () => {
      const target = await open();
      const bytes = noise(3_000_000);
      expect(await target.put('a/array', bytes, { signal: calm })).toEqual({ bytes: bytes.length });
      expect(await target.put('a/stream', inPieces(bytes, [0, 1, 70_000]), { signal: calm })).toEqual({
        bytes: bytes.length,
      });
      expect((await collect(target.get('a/array', { signal: calm }))).equals(bytes)).toBe(true);
      expect((await collect(target.get('a/stream', { signal: calm }))).equals(bytes)).toBe(true);
      expect(await target.list('', { signal: calm })).toMatchObject([
        { key: 'a/array', bytes: bytes.length, modifiedAt: expect.any(Number) as number },
        { key: 'a/stream', bytes: bytes.length, modifiedAt: expect.any(Number) as number },
      ]);
    });

    test('keeps an empty object', async () => {
      const target = await open();
      await target.put('empty', new Uint8Array(0), { signal: calm });
      expect(await collect(target.get('empty', { signal: calm }))).toEqual(Buffer.alloc(0));
      expect(await target.list('', { signal: calm })).toMatchObject([{ key: 'empty', bytes: 0 }]);
    });

    test('replaces an object whole when its key is put again', async () => {
      const target = await open();
      await target.put('key', noise(5000), { signal: calm });
      await target.put('key', noise(10, 2), { signal: calm });
      expect(await collect(target.get('key', { signal: calm }))).toEqual(Buffer.from(noise(10, 2)));
    });

    test('lists by prefix, which may end inside a name, sorted bytewise', async () => {
      const target = await open();
      const keys = ['b', 'a/b/c', 'a.b', 'a/c', 'a/B', 'ab', 'a/b/d', 'é'];
      for (const key of keys) await target.put(key, noise(1), { signal: calm });
      const listed = async (prefix: string) => (await target.list(prefix, { signal: calm })).map(({ key }) => key);
      expect(await listed('')).toEqual(['a.b', 'a/B', 'a/b/c', 'a/b/d', 'a/c', 'ab', 'b', 'é']);
      expect(await listed('a/')).toEqual(['a/B', 'a/b/c', 'a/b/d', 'a/c']);
      expect(await listed('a/b')).toEqual(['a/b/c', 'a/b/d']);
      expect(await listed('a/b/c')).toEqual(['a/b/c']);
      expect(await listed('a/b/c/')).toEqual([]);
      expect(await listed('x/y')).toEqual([]);
    });

    test.each([
      [{ start: 0 }, [0, 100]],
      [{ start: 10 }, [10, 100]],
      [{ start: 10, end: 30 }, [10, 30]],
      [{ start: 90, end: 500 }, [90, 100]],
      [{ start: -8 }, [92, 100]],
      [{ start: -500 }, [0, 100]],
      [{ start: 99, end: 100 }, [99, 100]],
    ] as const)('reads the range %o', async (range, [from, to]) => {
      const target = await open();
      await target.put('key', noise(100), { signal: calm });
      const read = await collect(target.get('key', { range, signal: calm }));
      expect(read).toEqual(Buffer.from(noise(100).subarray(from, to)));
    });

    test('says which object is missing', async () => {
      const target = await open();
      await target.put('a/there', noise(1), { signal: calm });
      expect(await failureOf(collect(target.get('a/gone', { signal: calm })))).toMatchObject({
        code: 'object-missing',
        details: { key: 'a/gone' },
      });
      expect(await failureOf(collect(target.get('b/c/gone', { signal: calm })))).toMatchObject({
        code: 'object-missing',
      });
    });

    test('deletes, and finds nothing wrong with deleting what is not there', async () => {
      const target = await open();
      for (const key of ['a/b', 'a/c', 'd']) await target.put(key, noise(1), { signal: calm });
      await target.delete(['a/b', 'never/was', 'd'], { signal: calm });
      await target.delete(['a/b'], { signal: calm });
      expect(await target.list('', { signal: calm })).toMatchObject([{ key: 'a/c' }]);
      await target.put('a/b', noise(2), { signal: calm });
      expect(await target.list('a/b', { signal: calm })).toMatchObject([{ bytes: 2 }]);
    });

    test('leaves nothing of a put whose body throws, and passes the error on as it is', async () => {
      const target = await open();
      const cause = Object.assign(new Error('the disk with the database failed'), { code: 'ENOENT' });
      async function* body() {
        yield* inPieces(noise(100_000));
        throw cause;
      }
      await target.put('old', noise(5), { signal: calm });
      expect(await failureOf(target.put('new/key', body(), { signal: calm }))).toBe(cause);
      expect(await failureOf(target.put('old', body(), { signal: calm }))).toBe(cause);
      expect(await target.list('', { signal: calm })).toMatchObject([{ key: 'old', bytes: 5 }]);
      expect(await collect(target.get('old', { signal: calm }))).toEqual(Buffer.from(noise(5)));
    });

    test('never lists an object before it is complete', async () => {
      const target = await open();
      const seen: number[] = [];
      async function* body() {
        yield noise(100_000);
        seen.push((await target.list('', { signal: calm })).length);
        yield noise(100_000);
      }
      await target.put('slow', body(), { signal: calm });
      expect(seen).toEqual([0]);
      expect(await target.list('', { signal: calm })).toMatchObject([{ key: 'slow', bytes: 200_000 }]);
    });

    test('takes several puts at once, also of one key', async () => {
      const target = await open();
      const sizes = [1000, 200_000, 3, 50_000];
      await Promise.all([
        ...sizes.map((size) => target.put(`deep/er/${size}`, inPieces(noise(size), [1]), { signal: calm })),
        ...sizes.map((size) => target.put('same', inPieces(noise(size, size), [1, 10]), { signal: calm })),
      ]);
      const same = await collect(target.get('same', { signal: calm }));
      expect(same).toEqual(Buffer.from(noise(same.length, same.length)));
      expect((await target.list('deep/', { signal: calm })).map(({ bytes }) => bytes).sort((a, b) => a - b)).toEqual(
        [...sizes].sort((a, b) => a - b),
      );
    });

    test('stops with the reason of the abort, and leaves nothing', async () => {
      const target = await open();
      const aborted = AbortSignal.abort('enough');
      await target.put('there', noise(3_000_000), { signal: calm });
      expect(await failureOf(target.list('', { signal: aborted }))).toBe('enough');
      expect(await failureOf(target.put('key', noise(1), { signal: aborted }))).toBe('enough');
      expect(await failureOf(collect(target.get('there', { signal: aborted })))).toBe('enough');
      expect(await failureOf(target.delete(['there'], { signal: aborted }))).toBe('enough');

      const control = new AbortController();
      async function* body() {
        yield await Promise.resolve(noise(10));
        control.abort('enough now');
        yield noise(10);
      }
      expect(await failureOf(target.put('key', body(), { signal: control.signal }))).toBe('enough now');
      expect(await target.list('', { signal: calm })).toMatchObject([{ key: 'there' }]);
    });
  });
}
