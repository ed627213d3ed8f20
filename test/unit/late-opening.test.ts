// An opening that takes long says what it is about, for as long as it is about it.
import { expect, test } from 'vitest';
import { LateOpening } from '../../electron/engine/protection/late-opening.ts';
import { testClock } from '../support/test-clock.ts';

test('an opening that takes long says what it does, until it is over', async () => {
  const clock = testClock();
  const begunAt = clock.now();
  const told: (string | undefined)[] = [];
  const opening = new LateOpening({ path: '/shop.db', clock, onChange: () => told.push(opening.problem?.message) });
  opening.enter('turn');
  await clock.advance(7999);
  opening.enter('remains');
  expect([opening.problem, told]).toEqual([undefined, []]);
  await clock.advance(1);
  expect(opening.problem).toMatchObject({ code: 'database-opening', sinceAt: begunAt });
  opening.enter('pages');
  expect(told).toEqual([
    '/shop.db is not captured yet: what was captured before is read, and compared with the file, which takes longer than usual.',
    '/shop.db is not captured yet: its pages are read, which takes longer than usual.',
  ]);
  opening[Symbol.dispose]();
  expect([opening.problem, clock.sleepers]).toEqual([undefined, 0]);
});
