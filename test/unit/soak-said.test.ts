// What the soak holds to be false among what is said, as a table: each false statement is found, and nothing that is true.
import { describe, expect, test } from 'vitest';
import { type Claim, type Facts, judgeSayings, type Promises, type Saying } from '../soak/said.ts';
import { judgeEnding, type Run, sayingsOf, type Uttered } from '../soak/said-reading.ts';
import { formatStopped } from '../../electron/cli/output.ts';
import type { EngineState } from '../../shared/model.ts';

const promises: Promises = {
  seenWithinMs: 1000,
  freshWithinMs: 10_000,
  caughtUpWithinMs: 2000,
  recoveredWithinMs: 5000,
};

/** A commit at 0, 20 000 and 60 000; each arrives half a second later. The destination is away from 30 000 to 40 000. */
const point = (n: number, at: number) => ({ position: `g/${n}`, arrivedAt: at + 500, states: { a0: String(n) } });
const points = [point(0, 0), point(1, 20_000), point(2, 60_000)];
const lane = [
  { state: '0', at: 0 },
  { state: '1', at: 20_000 },
  { state: '2', at: 60_000 },
];
const facts: Facts = {
  subjects: new Map([
    [
      '/app.db',
      {
        lanes: { a0: lane },
        holdings: [
          { from: 0, to: 30_000, points },
          { from: 40_000, to: Infinity, points },
        ],
      },
    ],
    ['/idle.db', { lanes: { a0: lane.slice(0, 1) }, holdings: [{ from: 0, to: 50_000, points: points.slice(0, 1) }] }],
    // Shipped once and never again.
    ['/stuck.db', { lanes: { a0: lane }, holdings: [{ from: 0, to: Infinity, points: points.slice(0, 1) }] }],
    // The file was put back: a state came again.
    [
      '/back.db',
      {
        lanes: { a0: [...lane, { state: '0', at: 80_000 }] },
        holdings: [{ from: 0, to: Infinity, points: [...points, { ...point(0, 80_000), position: 'g/3' }] }],
      },
    ],
  ]),
  usable: new Map([
    [
      'file:///backup',
      [
        { from: 0, to: 30_000 },
        { from: 40_000, to: Infinity },
      ],
    ],
  ]),
  calms: [{ from: 50_000, to: 90_000 }],
};

const green: Claim = { kind: 'protected', isCaughtUp: false };
const caughtUp: Claim = { kind: 'protected', isCaughtUp: true };
const amber: Claim = { kind: 'not-well', word: 'Attention' };

function judge(of: string, from: number, to: number, claim: Claim, other: readonly Saying[] = []): readonly string[] {
  return judgeSayings([{ by: 'a state', of, from, to, claim }, ...other], facts, promises);
}

describe('true', () => {
  test.each<[string, string, number, number, Claim]>([
    ['protected while all of it is there', '/app.db', 1000, 29_000, green],
    ['nothing waits, until the next commit arrives in time', '/app.db', 1000, 29_000, caughtUp],
    ['protected until the outage can have been seen', '/app.db', 1000, 30_900, green],
    ['protected after the destination came back', '/app.db', 40_001, 70_000, caughtUp],
    ['an idle database, whenever it lay there', '/idle.db', 1000, 50_900, caughtUp],
    ['protected within the promise, although something waits', '/stuck.db', 1000, 29_900, green],
    ['an older file that was put back', '/back.db', 61_000, 200_000, caughtUp],
    ['its newest restore point', '/app.db', 20_600, 29_000, { ...green, newest: 'g/1' }],
    ['a restore point, just after something was taken away', '/app.db', 40_900, 41_000, { ...green, newest: 'g/x' }],
    ['everything there', '/app.db', 20_000, 21_000, { kind: 'all-there' }],
    ['everything there, seen a moment before', '/app.db', 30_500, 30_600, { kind: 'all-there' }],
    ['a destination that works', 'file:///backup', 0, 31_000, { kind: 'works' }],
    ['amber while something is wrong', '/app.db', 0, 50_000, amber],
    ['amber for a while after all was put right', '/app.db', 30_000, 54_900, amber],
    ['amber for a moment', '/app.db', 70_000, 74_900, amber],
  ])('%s', (_, of, from, to, claim) => {
    expect(judge(of, from, to, claim)).toEqual([]);
  });
});

describe('false', () => {
  test.each<[string, string, number, number, Claim, RegExp]>([
    ['protected through an outage', '/app.db', 1000, 31_100, green, /31001|nothing could be restored/],
    ['protected in the middle of an outage', '/app.db', 35_000, 35_001, green, /nothing could be restored/],
    ['an idle database whose history is gone', '/idle.db', 1000, 51_100, caughtUp, /nothing could be restored/],
    ['protected beyond the promise', '/stuck.db', 1000, 30_100, green, /has a0 at 0, 1 had been committed at 20000/],
    ['nothing waits, and something does', '/stuck.db', 1000, 22_100, caughtUp, /has a0 at 0, 1 had been committed/],
    ['protected before anything lay there', '/app.db', 100, 400, green, /nothing could be restored/],
    [
      'a restore point that has not arrived',
      '/app.db',
      20_100,
      20_200,
      { ...green, newest: 'g/1' },
      /did not lie there/,
    ],
    ['a restore point that nobody knows', '/app.db', 25_000, 26_000, { ...green, newest: 'x/1' }, /did not lie there/],
    [
      'everything there, and the last is missing',
      '/stuck.db',
      20_001,
      21_000,
      { kind: 'all-there' },
      /1 had been committed/,
    ],
    [
      'everything there, at a destination that is gone',
      '/app.db',
      33_000,
      34_000,
      { kind: 'all-there' },
      /nothing could/,
    ],
    ['a database that nobody knows', '/other.db', 0, 1, green, /nothing is known/],
    ['a destination that works, and is away', 'file:///backup', 0, 31_100, { kind: 'works' }, /could not be used/],
    ['a destination that nobody knows', 'file:///other', 5000, 5001, { kind: 'works' }, /could not be used/],
    ['amber for too long after all was put right', '/app.db', 30_000, 55_100, amber, /nothing was wrong any more/],
    ['amber for too long in a calm', '/app.db', 60_000, 66_000, amber, /nothing was wrong any more/],
  ])('%s', (_, of, from, to, claim, why) => {
    expect(judge(of, from, to, claim)).toEqual([expect.stringMatching(why)]);
  });

  test('amber in one word after the other, for too long together', () => {
    const more: Saying = {
      by: 'a state',
      of: '/app.db',
      from: 63_000,
      to: 66_000,
      claim: { kind: 'not-well', word: 'Behind' },
    };
    expect(judge('/app.db', 60_000, 63_000, amber, [more])).toHaveLength(1);
  });
});

describe('a run', () => {
  const database = (over: object) =>
    ({
      path: '/app.db',
      name: 'app.db',
      status: { kind: 'protected' },
      lag: { bytes: 0 },
      newest: { at: 1, position: { generation: '0123456789abcdef', index: 1, offset: 4152 } },
      replicas: [{ isEnabled: true, targetId: 't', syncIntervalMs: 1000, shipped: {}, isSeen: true, lagBytes: 0 }],
      ...over,
    }) as unknown as EngineState['databases'][number];
  const target = { id: 't', url: 'file:///backup' } as unknown as EngineState['targets'][number];
  const state = (at: number, over: object = {}): Uttered => ({
    at,
    kind: 'state',
    state: { databases: [database(over)], targets: [target] },
  });
  const run = (uttered: readonly Uttered[], more: Partial<Run> = {}): Run => ({
    uttered,
    endedAt: 9000,
    askedToEndAt: undefined,
    exitCode: undefined,
    ...more,
  });
  const claims = (of: Run) =>
    sayingsOf(of).map(({ by, of: whom, from, to, claim }) => [by, whom, from, to, claim.kind]);

  test('claims what each state, the tray and the destination say, until the next one', () => {
    expect(claims(run([state(1000), state(2000, { status: { kind: 'paused', sinceAt: 1 } })]))).toEqual([
      ['a state', '/app.db', 1000, 2000, 'protected'],
      ['a state', 'file:///backup', 1000, 2000, 'works'],
      ['the tray', '/app.db', 1000, 3000, 'protected'],
      ['a state', '/app.db', 2000, 9000, 'not-well'],
      ['a state', 'file:///backup', 2000, 9000, 'not-well'],
      ['the tray', 'all', 2000, 9000, 'not-well'],
    ]);
  });

  test('claims no protection of what waits for longer than promised, by itself', () => {
    const waits = { lag: { bytes: 10, sinceAt: -60_000 } };
    expect(claims(run([state(0, waits)])).filter(([, , , , kind]) => kind === 'protected')).toEqual([
      ['a state', '/app.db', 0, 1001, 'protected'],
      ['the tray', '/app.db', 0, 1001, 'protected'],
    ]);
  });

  test('claims nothing of what is captured only when it is closed', () => {
    const held = { status: { kind: 'protected', capturedWhen: { kind: 'closed', application: 'Anki' } } };
    expect(claims(run([state(0, held)])).filter(([, whom]) => whom === '/app.db')).toEqual([]);
  });

  test('claims what lines and answers say', () => {
    const answer = '2026-01-01T00:00:00Z /app.db: protected; captured to g; file:///backup: nothing waits; spool 0 B\n';
    const lines = [answer, answer.replace('nothing waits', '3 kB wait, 1 s'), 'x /app.db: protected, shipped to g\n'];
    const texts = lines.map((text, at): Uttered => ({ at, kind: 'text', text }));
    const said = sayingsOf(run([state(0), ...texts])).filter(({ by }) => /line|answer/.test(by));
    expect(said.map(({ by, claim }) => [by, claim.kind === 'protected' && claim.isCaughtUp])).toEqual([
      ['an answer to SIGUSR2', true],
      ['an answer to SIGUSR2', false],
      ['a line', false],
    ]);
  });

  test.each([
    [{}, 0, []],
    [{}, 1, ['it ended with 1 after “Stopped. Everything that was captured is at its destination.”']],
    [{ replicas: [] }, 1, []],
    [{ replicas: [] }, 0, [expect.stringMatching(/^it ended with 0 after “Stopped. Nothing of/)]],
  ])('ends with words and a status that tell the same (%o, %i)', (over, exitCode, complaints) => {
    const words = formatStopped({ databases: [database(over)] } as unknown as EngineState);
    const ended = run([state(0), { at: 5000, kind: 'text', text: words }], { askedToEndAt: 4000, exitCode });
    expect(judgeEnding(ended)).toEqual(complaints);
    const isClaimed = claims(ended).some(([, , , , kind]) => kind === 'all-there');
    expect(isClaimed).toBe(words.includes('Everything'));
  });

  test('complains of an end without words', () => {
    expect(judgeEnding(run([state(0)], { askedToEndAt: 4000, exitCode: 0 }))).toHaveLength(1);
  });
});
