// How writers are told apart, by what looks found; and who empties the WAL itself.
import { describe, expect, test } from 'vitest';
import { Housekeeping } from '../../electron/engine/upkeep/housekeeping.ts';
import { Pace } from '../../electron/engine/upkeep/pace.ts';

/** So many looks, each so long after the one before, and what was committed in between. */
type Looks = readonly [count: number, gapMs: number, commits: number];

/** How it commits, after these looks. `counts`: transactions can be counted, or frames only. */
function paceAfter(looks: readonly Looks[], { counts = true, mayBeRestless = true } = {}): Pace['kind'] {
  const pace = new Pace();
  let now = 1000;
  let changes = 2 ** 32 - 10;
  for (const [count, gapMs, commits] of looks) {
    for (let i = 0; i < count; i++) {
      now += gapMs;
      changes = (changes + commits) >>> 0;
      pace.read(now, { isNew: commits > 0, changes: counts ? changes : undefined, frames: () => commits * 4 });
      pace.settle(now, mayBeRestless);
    }
  }
  return pace.kind;
}

const alternately = (count: number, ...looks: readonly Looks[]): readonly Looks[] =>
  Array.from({ length: count }, () => looks).flat();

describe('writers', () => {
  test.each<[sentence: string, looks: readonly Looks[], kind: Pace['kind']]>([
    ['are calm at first', [[7, 4, 1]], 'calm'],
    ['stay so where most looks find nothing', alternately(50, [1, 75, 1], [1, 75, 0]), 'calm'],
    ['are restless where each look finds something', [[9, 1, 1]], 'restless'],
    ['however seldom it is looked', [[9, 50, 40]], 'restless'],
    ['but not where each look comes with a commit', [[20, 200, 1]], 'calm'],
    ['steady where pauses are short', [[21, 4, 1]], 'steady'],
    ['also where what came in one is told at once', [[100, 50, 10]], 'steady'],
    ['stay restless where each batch has several', [[100, 4, 3]], 'restless'],
    [
      'and for a moment without any',
      [
        [30, 4, 3],
        [9, 4, 0],
      ],
      'restless',
    ],
    [
      'are steady after a pause',
      [
        [30, 4, 3],
        [10, 4, 0],
      ],
      'steady',
    ],
    [
      'and calm after a longer one',
      [
        [30, 4, 3],
        [25, 4, 0],
      ],
      'calm',
    ],
    [
      'steady again at once after such a one',
      [
        [41, 50, 10],
        [3, 50, 0],
        [1, 50, 10],
      ],
      'steady',
    ],
    [
      'but not after several',
      [
        [41, 50, 10],
        [3, 200, 1],
      ],
      'calm',
    ],
    [
      'become restless again',
      [
        [20, 4, 1],
        [10, 4, 3],
      ],
      'restless',
    ],
  ])('%s', (_sentence, looks, kind) => {
    expect([paceAfter(looks), paceAfter(looks, { counts: false })]).toEqual([kind, kind]);
  });

  test('are never restless where the pin has to follow them', () => {
    expect(paceAfter([[100, 4, 3]], { mayBeRestless: false })).toBe('steady');
  });
});

describe('an application empties the WAL itself', () => {
  /** How it counts so long after its WAL of so many frames began anew. */
  function habitAfter(agoMs: number, frames: number, who: 'others' | 'we' | 'nobody' = 'others') {
    const housekeeping = new Housekeeping();
    if (who === 'we') housekeeping.copied(frames);
    housekeeping.counted({ frames, backfilled: who === 'nobody' ? 0 : frames }, false);
    housekeeping.restarted(0);
    return housekeeping.habit(agoMs);
  }

  test.each<[sentence: string, habit: string, expected: string]>([
    ['when others copied a small WAL that began anew', habitAfter(0, 499), 'often'],
    ['lately, after a second', habitAfter(1000, 499), 'lately'],
    ['not any more, after a minute', habitAfter(60_000, 499), 'none'],
    ['not when it is one that SQLite checkpoints by itself', habitAfter(0, 500), 'none'],
    ['nor when we copied it', habitAfter(0, 5, 'we'), 'none'],
    ['nor when nobody did', habitAfter(0, 5, 'nobody'), 'none'],
  ])('%s', (_sentence, habit, expected) => {
    expect(habit).toBe(expected);
  });

  test('when it cuts the WAL off', () => {
    const housekeeping = new Housekeeping();
    housekeeping.cutOff(5);
    expect(housekeeping.habit(5)).toBe('often');
  });

  test('not when others only seem to have copied what we are copying', () => {
    const housekeeping = new Housekeeping();
    housekeeping.counted({ frames: 5, backfilled: 5 }, true);
    housekeeping.restarted(0);
    expect(housekeeping.habit(0)).toBe('none');
  });
});
