// Places for a few at once, and who of those who wait is next.
import { describe, expect, test } from 'vitest';
import { LaneRow, RankedRow } from '../../electron/engine/basics/rows.ts';
import { Turns } from '../../electron/engine/basics/turns.ts';

const { signal } = new AbortController();
const settled = async () => await new Promise((go) => setImmediate(go));

describe('turns', () => {
  test('are given to a few at once, by rank; who leaves the row is passed over', async () => {
    const turns = new Turns(2, new RankedRow<{ readonly sinceAt: number }>(({ sinceAt }) => sinceAt));
    const order: number[] = [];
    const stop = new AbortController();
    const run = async (sinceAt: number) => {
      using _turn = await turns.enter({ sinceAt }, { signal });
      order.push(sinceAt);
      await settled();
    };
    const first = await turns.enter({ sinceAt: 0 }, stop);
    const held = run(5);
    await Promise.resolve();
    const all = [9, 3, 7, 3].map(run);
    const left = expect(turns.enter({ sinceAt: 1 }, stop)).rejects.toThrow('enough');
    stop.abort(new Error('enough'));
    await left;
    expect(order).toEqual([5]);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    await Promise.all([held, ...all]);
    expect(order).toEqual([5, 3, 3, 7, 9]);
  });

  test('go from lane to lane', async () => {
    const turns = new Turns(1, new LaneRow<{ readonly lane: object }>());
    const [a, b, c] = [{}, {}, {}];
    const order: string[] = [];
    const stop = new AbortController();
    const enter = async (name: string, lane: object, options = { signal }) => {
      using _turn = await turns.enter({ lane }, options);
      order.push(name);
    };
    const held = await turns.enter({ lane: a }, { signal });
    const all = [enter('a1', a), enter('a2', a), enter('a3', a), enter('b1', b), enter('c1', c), enter('b2', b)];
    const left = expect(enter('c2', c, stop)).rejects.toThrow('enough');
    stop.abort(new Error('enough'));
    held[Symbol.dispose]();
    await Promise.all([...all, left]);
    expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  });

  test('are not lost on one who is stopped in the moment of being next', async () => {
    const turns = new Turns(1, new RankedRow<object>());
    const stop = new AbortController();
    const held = await turns.enter({}, { signal });
    const stopped = expect(turns.enter({}, stop)).rejects.toThrow('enough');
    const next = turns.enter({}, { signal });
    held[Symbol.dispose]();
    stop.abort(new Error('enough'));
    await stopped;
    using turn = await next;
    expect(turn.isGranted).toBe(true);
    await expect(turns.enter({}, stop)).rejects.toThrow('enough');
  });
});
