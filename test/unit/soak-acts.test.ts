// Which gaps of a timeline the soak accepts, as a table: only those that somebody gave cause for, of that kind, at that time.
import { describe, expect, test } from 'vitest';
import { type Act, nobodyThere, restsBetween, unjustified } from '../soak/acts.ts';

const visit = 'Changed within a moment, before it could be seen: changes in between were not seen one by one';
const unwatched = 'Not watched: changes in between were not seen one by one';
const exclusive = 'Captured when the application that keeps it for itself closed it: changes in between were not seen';
const mode = 'Its journal mode was another one for a while: changes in between were not seen one by one';
const replaced = 'The database was replaced by another file: changes in between were not seen one by one';

describe('a gap that is told is', () => {
  test.each<[boolean, string, string, Act['kind'], number, number]>([
    [true, 'while the engine was away', unwatched, 'away', 1000, 2000],
    [true, 'while it was away for a part of it', unwatched, 'away', 0, 1500],
    [true, 'a visit after everybody had gone', visit, 'nobody', 500, 1200],
    [true, 'a visit behind a rest', visit, 'rest', 990, 1040],
    [false, 'a visit between rests', visit, 'rest', 1200, 1300],
    [false, 'a visit long after a rest', visit, 'rest', 900, 990],
    [false, 'not watched, and there was a rest', unwatched, 'rest', 990, 1040],
    [true, 'an application that kept it for itself', exclusive, 'exclusive', 900, 2100],
    [true, 'another journal mode', mode, 'journal-mode', 900, 2100],
    [true, 'another file', replaced, 'replaced', 1500, 1500],
    [false, 'not watched, and it was watched', unwatched, 'nobody', 1000, 2000],
    [false, 'not watched, and it was away earlier', unwatched, 'away', 0, 700],
    [false, 'not watched, and it was away later', unwatched, 'away', 2300, 9000],
    [false, 'a visit while somebody was there all the time', visit, 'away', 1000, 2000],
    [false, 'a visit long after everybody had come', visit, 'nobody', 0, 700],
    [false, 'another journal mode, and nobody switched it', mode, 'nobody', 1000, 2000],
    [false, 'kept for itself, and nobody did', exclusive, 'journal-mode', 1000, 2000],
    [false, 'another file, and nobody put one there', replaced, 'nobody', 1000, 2000],
    [false, 'words that nobody knows', 'Something happened', 'away', 1000, 2000],
  ])('%s: %s', (isAccepted, _, what, kind, from, to) => {
    const why = unjustified({ what, from: 1000, to: 2000 }, [{ kind, from, to }]);
    expect(why === undefined, why).toBe(isAccepted);
  });

  test('false where nothing at all was done', () => {
    expect(unjustified({ what: unwatched, from: 1000, to: 2000 }, [])).toContain('nobody gave cause');
  });
});

test('a rest is a time without a commit, of some ten milliseconds', () => {
  expect(restsBetween([40, 0, 9, 21])).toEqual([
    { kind: 'rest', from: 9, to: 21 },
    { kind: 'rest', from: 21, to: 40 },
    { kind: 'rest', from: 40, to: Infinity },
  ]);
});

test('nobody is there between connections, whoever has them', () => {
  const writers = [
    [
      { from: 10, to: 30 },
      { from: 60, to: 70 },
    ],
    [{ from: 20, to: 40 }],
  ];
  expect(nobodyThere(writers, { from: 0, to: 100 })).toEqual([
    { kind: 'nobody', from: 0, to: 10 },
    { kind: 'nobody', from: 40, to: 60 },
    { kind: 'nobody', from: 70, to: 100 },
  ]);
  expect(nobodyThere([[{ from: 0, to: Infinity }]], { from: 0, to: 100 })).toEqual([]);
});
