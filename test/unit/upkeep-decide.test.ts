// What is done about the WAL, by how an application writes: as a table of cases, and as what holds whatever is known.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asideFor, decide, gapMs, isPinAwaited, leewayOf } from '../../electron/engine/upkeep/decide.ts';
import type { Act, Decision, Pinned, Writing } from '../../electron/engine/upkeep/writing.ts';

type Given = Partial<Omit<Writing, 'pin'>> & { readonly pin?: Partial<Pinned> };

/** An application that committed lately, and that wants nothing: the pin lies at the end, nothing of ours is under way. */
function writing({ pin, ...given }: Given = {}): Writing {
  return {
    kind: 'calm',
    housekeeping: 'none',
    frames: 10,
    backfilled: 0,
    pageSize: 4096,
    batchMs: 0,
    newsAgoMs: 30,
    burst: 1,
    gapMs: 50,
    restsInMs: 20,
    isUnclear: false,
    quietLooks: 9,
    pin: {
      isBehind: false,
      isHolding: false,
      isKeeping: false,
      movedAgoMs: 30,
      lateMs: 0,
      asideAgoMs: Infinity,
      ...pin,
    },
    hold: 'light',
    neededAgoMs: Infinity,
    isBusy: false,
    blocked: 0,
    checkpointAgoMs: Infinity,
    tails: 0,
    sealAgoMs: Infinity,
    sealInMs: -Infinity,
    leaveInMs: -Infinity,
    mayLeave: true,
    stayMs: 0,
    isEmptied: false,
    done: [],
    ...given,
  };
}

const resting = { kind: 'resting', newsAgoMs: 60, restsInMs: -10 } as const;
const restless = { kind: 'restless', newsAgoMs: 0, hold: 'firm', frames: 100 } as const;
const firm = { hold: 'firm', neededAgoMs: 0 } as const;
const copied = { frames: 10, backfilled: 10 } as const;
/** Commits that followed each other closely broke off. */
const brokenOff = {
  ...firm,
  housekeeping: 'often',
  newsAgoMs: 20,
  burst: 5,
  pin: { movedAgoMs: 20, lateMs: 0 },
} as const;

describe('what is done next', () => {
  test.each<[sentence: string, given: Given, act: Act['kind']]>([
    // The pin
    ['the pin follows what was committed', { pin: { isBehind: true } }, 'advance'],
    ['once in a look, even if more came meanwhile', { pin: { isBehind: true }, done: ['advance'] }, 'nothing'],
    ['a pin at the end stays', {}, 'nothing'],
    ['over a WAL that is copied whole the pin comes to rest', { ...copied, quietLooks: 0 }, 'advance'],
    ['and is at rest after a few looks without any change', { ...copied, quietLooks: 4 }, 'nothing'],
    // Checkpoints
    ['a small WAL is left to the application', { frames: 499 }, 'nothing'],
    ['half of what SQLite waits for takes the lock', { frames: 500 }, 'firm'],
    ['and is then copied, although somebody committed just now', { ...firm, frames: 500 }, 'checkpoint'],
    ['later under steady writing', { ...firm, kind: 'steady', frames: 700 }, 'nothing'],
    ['but before the application finds the WAL large', { ...firm, kind: 'steady', frames: 800 }, 'checkpoint'],
    ['and where pauses are short, taken back at once', { ...firm, kind: 'steady', frames: 800, gapMs: 5 }, 'seal'],
    ['or were too short, again and again', { ...firm, kind: 'steady', frames: 820, backfilled: 810, tails: 3 }, 'seal'],
    [
      'but not again and again in vain',
      { kind: 'steady', frames: 820, backfilled: 810, tails: 3, sealInMs: 10 },
      'nothing',
    ],
    ['not at once after the one before', { ...firm, frames: 500, checkpointAgoMs: 10 }, 'nothing'],
    ['nor while one is under way', { ...firm, frames: 500, isBusy: true }, 'nothing'],
    ['what came during a checkpoint is copied, too', { ...firm, frames: 520, backfilled: 510 }, 'checkpoint'],
    [
      'seldom, where that did not help for long',
      { ...firm, frames: 520, backfilled: 510, tails: 10, checkpointAgoMs: 100 },
      'nothing',
    ],
    [
      'but then and when, even so',
      { ...firm, frames: 520, backfilled: 510, tails: 10, checkpointAgoMs: 200 },
      'checkpoint',
    ],
    ['writers that never pause for long enough are sealed', { ...firm, frames: 2000 }, 'seal'],
    ['earlier where pages are large', { ...firm, frames: 128, pageSize: 65_536 }, 'seal'],
    ['not at once after a seal that was not to be had', { ...firm, frames: 2000, sealInMs: 10 }, 'nothing'],
    ['nor while an image holds a pin', { ...firm, frames: 2000, pin: { isKeeping: true } }, 'nothing'],
    // Writers that never pause
    ['restless writers get no newer pin', { ...restless, pin: { isBehind: true } }, 'nothing'],
    ['the lock is taken for them in time', { ...restless, hold: 'light' }, 'firm'],
    ['at first everything is copied, and the pin stays there', { ...restless, frames: 500 }, 'hold'],
    ['from then on the WAL grows', { ...restless, frames: 1999, backfilled: 500, pin: { isHolding: true } }, 'nothing'],
    ['until it is large', { ...restless, frames: 2000, pin: { isHolding: true } }, 'seal'],
    [
      'a moment after a seal it may grow larger',
      { ...restless, frames: 11_999, sealAgoMs: 900, pin: { isHolding: true } },
      'nothing',
    ],
    ['but not without end', { ...restless, frames: 12_000, sealAgoMs: 0 }, 'seal'],
    ['one thing at a time', { ...restless, frames: 12_000, isBusy: true }, 'nothing'],
    ['a WAL that is copied whole needs nothing', { ...restless, frames: 12_000, backfilled: 12_000 }, 'nothing'],
    // Who empties the WAL itself
    ['for one that emptied its WAL the lock is there at once', { housekeeping: 'lately' }, 'firm'],
    ['and kept', { ...firm, ...copied, neededAgoMs: 100, housekeeping: 'lately' }, 'nothing'],
    ['commits that break off may mean that a checkpoint waits for our slot', brokenOff, 'yield'],
    ['not a pause after one commit or two', { ...brokenOff, burst: 2 }, 'nothing'],
    ['nor so soon, where the pin came late', { ...brokenOff, pin: { movedAgoMs: 20, lateMs: 4 } }, 'nothing'],
    ['nor right after the pin was let go', { ...brokenOff, pin: { movedAgoMs: 20, asideAgoMs: 20 } }, 'nothing'],
    ['nor of one that did so long ago', { ...brokenOff, housekeeping: 'lately' }, 'nothing'],
    ['a longer pause is suspicious', { ...firm, housekeeping: 'lately', newsAgoMs: 60 }, 'checkpoint'],
    ['a checkpoint of others that stands still is given way', { ...firm, blocked: 4 }, 'step-aside'],
    ['by one without the lock, too', { blocked: 4 }, 'step-aside'],
    ['before all is let go, which it would not let happen', { ...resting, blocked: 4 }, 'step-aside'],
    ['not yet after a few tries', { ...firm, blocked: 3 }, 'nothing'],
    ['nor where an image holds a pin', { ...firm, blocked: 4, pin: { isKeeping: true } }, 'nothing'],
    // Rest
    ['once writers rest all is let go', resting, 'leave'],
    ['so it is with the lock', { ...resting, ...firm }, 'leave'],
    ['and behind a pin that is not at the end', { ...resting, pin: { isBehind: true } }, 'leave'],
    ['not while an image is read', { ...resting, mayLeave: false }, 'nothing'],
    ['nor before it is time to try again', { ...resting, leaveInMs: 5 }, 'nothing'],
    ['nor while a checkpoint is under way', { ...resting, ...firm, isBusy: true }, 'nothing'],
    ['between visits the WAL is emptied, and the pin stays', { ...resting, stayMs: 900 }, 'rest'],
    ['once', { ...resting, ...copied, stayMs: 900, isEmptied: true }, 'nothing'],
    ['when they are over all is let go', { ...resting, ...copied, isEmptied: true }, 'leave'],
    ['during an image a stuck checkpoint is looked for', { ...resting, ...firm, mayLeave: false }, 'checkpoint'],
    // The lock
    ['a lock that nothing needs any more is let go', { ...firm, ...copied, neededAgoMs: 30 }, 'ease'],
    ['not so soon', { ...firm, ...copied, neededAgoMs: 29 }, 'nothing'],
    ['nor while an image is read', { ...firm, ...copied, neededAgoMs: 30, mayLeave: false }, 'nothing'],
    ['nor between visits', { ...firm, ...copied, neededAgoMs: 30, stayMs: 10 }, 'nothing'],
  ])('%s', (_sentence, given, act) => {
    expect(decide(writing(given)).act.kind).toBe(act);
  });
});

describe('when it is looked again', () => {
  test.each<[sentence: string, given: Given, nextLookMs: number]>([
    ['when writers may rest', { restsInMs: 20 }, 20],
    ['when it may be tried again to let go', { ...resting, leaveInMs: 40 }, 40],
    ['now and then while an image keeps it', { ...resting, mayLeave: false }, 100],
    ['soon where a checkpoint keeps it', { ...resting, ...firm, isBusy: true }, 20],
    ['when no visit is expected any more', { ...resting, stayMs: 900, isEmptied: true }, 900],
    ['in batches under steady writing', { kind: 'steady' }, 4],
    ['as seldom as is allowed then', { kind: 'steady', batchMs: 50 }, 50],
    ['but in small ones where nobody pauses', { ...restless, batchMs: 50 }, 4],
    ['at once where the pin is waited for', { kind: 'steady', housekeeping: 'often', batchMs: 50 }, 1],
    ['closely after a commit of one that empties the WAL itself', { housekeeping: 'lately', newsAgoMs: 99 }, 1],
    ['when one that waits for us wakes up', { ...firm, blocked: 1, housekeeping: 'lately', newsAgoMs: 100 }, 20],
    ['at the latest', { blocked: 1 }, 100],
    ['at growing intervals while something is under way', { ...firm, isBusy: true, quietLooks: 3, restsInMs: 50 }, 8],
    ['while something does not count yet', { isUnclear: true, quietLooks: 5, restsInMs: 2000 }, 32],
    ['no later than in a few seconds', { isUnclear: true, quietLooks: 2000, restsInMs: 9000 }, 5000],
  ])('%s', (_sentence, given, nextLookMs) => {
    expect(decide(writing(given)).nextLookMs).toBe(nextLookMs);
  });
});

test('the pin follows at once, and for a moment only, who empties the WAL again and again', () => {
  const awaited = [9, 10].map((newsAgoMs) => isPinAwaited(writing({ housekeeping: 'often', newsAgoMs })));
  expect([...awaited, isPinAwaited(writing({ housekeeping: 'lately', newsAgoMs: 0 }))]).toEqual([true, false, false]);
});

describe('what is committed may stay unread', () => {
  const steady = { kind: 'steady', frames: 100, backfilled: 20, restsInMs: 70 } as const;
  const times = { unreadMs: 1000, restMs: 75 };
  const leeway = { forMs: 1000, frames: 500, backfilled: 20, restsInMs: 70, restMs: 75 };

  test.each<[sentence: string, given: Given, expected: Partial<typeof leeway> | undefined]>([
    ['under steady writing', steady, leeway],
    ['up to where a checkpoint is due', { ...steady, frames: 500 }, { ...leeway, frames: 800 }],
    ['where pages are large, fewer of them', { ...steady, frames: 0, pageSize: 65_536 }, { ...leeway, frames: 25.6 }],
    ['not where writers pause', { ...steady, kind: 'calm' }, undefined],
    ['nor where they rest', { ...steady, kind: 'resting' }, undefined],
    ['nor where they never pause', { ...steady, kind: 'restless' }, undefined],
    ['nor where somebody empties the WAL', { ...steady, housekeeping: 'lately' }, undefined],
    ['nor with the lock on the file', { ...steady, hold: 'firm' }, undefined],
    ['nor while a checkpoint is under way', { ...steady, isBusy: true }, undefined],
  ])('%s', (_sentence, given, expected) => {
    expect(leewayOf(writing(given), times)).toEqual(expected);
  });

  test('but for no time where it is to be shipped soon', () => {
    expect(leewayOf(writing(steady), { ...times, unreadMs: 0 })).toBeUndefined();
  });
});

test('outside of batches no look has to wait', () => {
  expect([gapMs(writing({ batchMs: 50 })), gapMs(writing({ ...resting, batchMs: 50 }))]).toEqual([1, 1]);
});

test('the pin is let go for longer than SQLite sleeps between two tries', () => {
  expect(asideFor('yield')).toBeGreaterThan(20);
  expect(asideFor('step-aside')).toBeGreaterThan(100);
});

describe('whatever is known', () => {
  const ms = fc.oneof(fc.double({ min: -1e7, max: 1e7, noNaN: true }), fc.constantFrom(0, Infinity, -Infinity));
  const count = fc.oneof(fc.nat(20), fc.nat(20_000));
  const kinds = [
    'nothing',
    'advance',
    'firm',
    'ease',
    'checkpoint',
    'hold',
    'seal',
    'yield',
    'step-aside',
    'rest',
    'leave',
  ] as const satisfies readonly Act['kind'][];
  const anything = fc
    .record<Writing>({
      kind: fc.constantFrom('resting', 'calm', 'steady', 'restless'),
      housekeeping: fc.constantFrom('none', 'lately', 'often'),
      frames: count,
      backfilled: count,
      pageSize: fc.constantFrom(512, 4096, 65_536),
      batchMs: fc.nat(10_000),
      newsAgoMs: ms,
      burst: count,
      gapMs: fc.oneof(fc.double({ min: 0, max: 100, noNaN: true }), fc.constant(Infinity)),
      restsInMs: ms,
      isUnclear: fc.boolean(),
      quietLooks: count,
      pin: fc.record({
        isBehind: fc.boolean(),
        isHolding: fc.boolean(),
        isKeeping: fc.boolean(),
        movedAgoMs: ms,
        lateMs: fc.nat(1000),
        asideAgoMs: ms,
      }),
      hold: fc.constantFrom('light', 'firm'),
      neededAgoMs: ms,
      isBusy: fc.boolean(),
      blocked: fc.nat(8),
      checkpointAgoMs: ms,
      tails: count,
      sealAgoMs: ms,
      sealInMs: ms,
      leaveInMs: ms,
      mayLeave: fc.boolean(),
      stayMs: fc.oneof(fc.constant(0), fc.nat(10_000)),
      isEmptied: fc.boolean(),
      done: fc.subarray([...kinds]),
    })
    .map((given) => ({ ...given, backfilled: Math.min(given.frames, given.backfilled) }));
  /** What copies into the file, or may. */
  const copying = new Set<Act['kind']>(['checkpoint', 'hold', 'seal', 'yield', 'step-aside', 'rest']);

  /** Something for which the rule does not hold. */
  function findBreach(rule: (decision: Decision, given: Writing) => boolean): unknown {
    return fc.check(
      fc.property(anything, (given) => rule(decide(given), given)),
      { numRuns: 5000 },
    ).counterexample;
  }

  test.each<[sentence: string, rule: (decision: Decision, given: Writing) => boolean]>([
    ['there is a next look, soon', ({ nextLookMs }) => nextLookMs >= 1 && nextLookMs <= 5000],
    ['nothing is copied without the lock on the database file', ({ act }) => !copying.has(act.kind) || act.needsFirm],
    ['nor beside something that is under way', ({ act }, { isBusy }) => !copying.has(act.kind) || !isBusy],
    [
      'all is let go, or taken anew without the lock, only where it may be',
      ({ act }, { mayLeave }) => mayLeave || !['leave', 'rest', 'ease'].includes(act.kind),
    ],
    [
      'nothing is left but by one that rests, and expects nobody',
      ({ act }, { kind, stayMs }) => act.kind !== 'leave' || (kind === 'resting' && stayMs === 0),
    ],
    [
      'the pin is never let go while an image holds one',
      ({ act }, { pin }) => !pin.isKeeping || !['seal', 'yield', 'step-aside'].includes(act.kind),
    ],
    [
      'a look ends: nothing is done twice in it',
      ({ act }, { done }) => act.kind === 'nothing' || !done.includes(act.kind),
    ],
  ])('%s', (_sentence, rule) => {
    expect(findBreach(rule)).toBeNull();
  });
});
