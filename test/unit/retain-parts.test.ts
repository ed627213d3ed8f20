// What is told of a replica again, where deleting was cut off: what lay there, and what came since.
import { expect, test } from 'vitest';
import type { Part } from '../../electron/engine/state/trim.ts';
import { asFarAs } from '../../electron/engine/retain/parts.ts';

const moment = (index: number) => ({ index, offset: 32, at: index });
const part = (from: number, to: number): Part => ({ first: moment(from), last: moment(to) });

test('the last part is as long as it has become', () => {
  expect(asFarAs([part(1, 2), part(4, 5)], [part(4, 7)])).toEqual([part(1, 2), part(4, 7)]);
});

test('a part that began behind a hole stays one of its own', () => {
  expect(asFarAs([part(1, 2), part(4, 5)], [part(4, 6), part(9, 11)])).toEqual([part(1, 2), part(4, 6), part(9, 11)]);
});

test('what was there stays where nothing is told now', () => {
  expect(asFarAs([part(1, 2)], [])).toEqual([part(1, 2)]);
});
