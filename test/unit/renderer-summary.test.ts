// "Am I safe?": the sentence is never better than the state behind it.
import { describe, expect, test } from 'vitest';
import type { DatabaseState, DatabaseStatus } from '../../shared/databases.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import type { Generation } from '../../shared/position.ts';
import { whenText } from '../../renderer/screens/parts/status-words.ts';
import { healthOf } from '../../shared/standing.ts';
import { closedSentence, summarize } from '../../shared/summary.ts';

const now = Date.parse('2026-11-22T15:00:00Z');
const utc = { zone: 'UTC' };
const problem = {
  code: 'target-missing',
  message: 'The folder is gone.',
  details: {},
  sinceAt: now - 60_000,
} as const;

describe('health', () => {
  test.each([
    ['protected', { kind: 'protected' }, {}, 'good'],
    [
      'protected by word, but changes wait for longer than promised',
      { kind: 'protected' },
      { sinceAt: now - 61_000 },
      'attention',
    ],
    [
      'protected, and changes wait no longer than its interval',
      { kind: 'protected' },
      { sinceAt: now - 61_000, syncIntervalMs: 60_000 },
      'good',
    ],
    ['protected, and changes wait for a moment', { kind: 'protected' }, { sinceAt: now - 5_000 }, 'good'],
    ['protected by word, without a restore point', { kind: 'protected' }, { newest: undefined }, 'working'],
    ['in trouble', { kind: 'problem', problem }, {}, 'problem'],
    ['in need of a look', { kind: 'attention', problem }, {}, 'attention'],
    ['paused', { kind: 'paused', sinceAt: now }, {}, 'paused'],
    ['making its first snapshot', { kind: 'snapshotting', doneBytes: 1, totalBytes: 2 }, {}, 'working'],
  ] as const)('a database that is %s', (_, status, change, health) => {
    expect(healthOf(database('a', status, change), now)).toBe(health);
  });
});

describe('the sentence', () => {
  test.each([
    ['no database', [], 'none', 'Nothing is protected yet'],
    ['one', [database('Sales.db')], 'good', 'Sales.db is protected'],
    ['two', [database('a'), database('b')], 'good', 'Both databases are protected'],
    ['four', ['a', 'b', 'c', 'd'].map((name) => database(name)), 'good', 'All four databases are protected'],
    [
      'one of three in trouble',
      [database('a'), database('b'), database('c', { kind: 'problem', problem })],
      'problem',
      'Two of three databases are protected',
    ],
    ['a stale one', [database('a', { kind: 'protected' }, { sinceAt: now - hours(2) })], 'attention', 'a needs a look'],
    ['all paused', [paused('a'), paused('b')], 'paused', 'Protection is paused'],
    [
      'none protected',
      [paused('a'), database('b', { kind: 'problem', problem })],
      'problem',
      'None of two databases is protected right now',
    ],
  ] as const)('about %s', (_, databases, health, headline) => {
    expect(summarize(databases, now, utc)).toMatchObject({ health, headline });
  });

  test('says what it rests on, and names the exceptions', () => {
    const databases = [
      database('Sales.db', { kind: 'protected' }, { provenAt: now - hours(9) }),
      database('Ledger.db', { kind: 'attention', problem }),
      paused('Archive.db'),
    ];
    expect(summarize(databases, now, utc).detail).toBe(
      'Newest restore point 8 s ago. Last proven restore today 06:00. Ledger.db needs a look; Archive.db is paused.',
    );
  });

  test('is as good as the worst of those that are protected', () => {
    const old = {
      position: { generation: '0123456789abcdef' as Generation, index: 0, offset: 32 },
      at: now - hours(3),
    };
    const databases = [
      database('a', { kind: 'protected' }, { provenAt: now - hours(1) }),
      { ...database('b', { kind: 'protected' }, { provenAt: now - hours(9) }), newest: old },
      database('c', { kind: 'problem', problem }),
    ];
    expect(summarize(databases, now, utc).detail).toBe(
      'Each can be restored to 3 h ago or later. Last proven restore of each today 06:00 or later. c is not protected right now.',
    );
    const [a, b] = databases;
    if (a === undefined || b === undefined) throw new Error('both were just made');
    expect(summarize([a, { ...b, provenAt: undefined }], now, utc).detail).toBe(
      'Each can be restored to 3 h ago or later. No restore of b was proven yet.',
    );
  });

  test('counts the demo apart', () => {
    const demo = { ...database('shop.db'), isDemo: true };
    expect(summarize([demo], now, utc)).toEqual({
      health: 'none',
      headline: 'Nothing of your own is protected yet',
      detail: 'The demo’s shop.db is protected. Newest restore point 8 s ago.',
    });
    const own = database('a', { kind: 'problem', problem });
    expect(summarize([demo, own], now, utc)).toMatchObject({
      health: 'problem',
      headline: 'a is not protected right now',
    });
  });

  test.each([
    ['Anki', 'a is protected, captured each time Anki is closed'],
    [undefined, 'a is protected, captured each time its application closes'],
  ])('says of one that %s keeps for itself when it is captured', (application, headline) => {
    const one = closed('a', application);
    expect(summarize([one], now, utc)).toMatchObject({
      health: 'good',
      headline,
      detail: 'Newest restore point 8 s ago.',
    });
    expect(whenText(one, now)).toBe(headline.slice('a is protected, '.length));
    const stale = { ...one, lag: { bytes: 1, sinceAt: now - hours(1) } };
    expect(whenText(stale, now)).toBeUndefined();
  });

  test.each([
    [1, 'x1 is captured each time Anki is closed.'],
    [2, 'x1 is captured each time Anki is closed; x2 is captured each time Anki is closed.'],
    [3, 'x1 is captured each time Anki is closed; x2 is captured each time Anki is closed; so is one more.'],
    [4, 'x1 is captured each time Anki is closed; x2 is captured each time Anki is closed; so are two more.'],
  ])('names %i of several that are captured when they are closed', (count, sentence) => {
    const all = [database('a'), ...Array.from({ length: count }, (_, i) => closed(`x${i + 1}`, 'Anki'))];
    expect(summarize(all, now, utc).detail).toBe(`Each can be restored to 8 s ago or later. ${sentence}`);
    expect(closedSentence(all)).toBe(sentence);
    expect(closedSentence(all.slice(0, 1))).toBe('');
  });

  test('admits that there is nothing to restore yet', () => {
    const starting = database('a', { kind: 'snapshotting', doneBytes: 0, totalBytes: 9 }, { newest: undefined });
    expect(summarize([starting], now, utc)).toEqual({
      health: 'working',
      headline: 'a is getting its first restore point',
      detail: 'There is no restore point yet.',
    });
  });
});

function hours(count: number): number {
  return count * 3_600_000;
}

function closed(name: string, application: string | undefined): DatabaseState {
  return database(name, { kind: 'protected', capturedWhen: { kind: 'closed', application } });
}

function paused(name: string): DatabaseState {
  return database(name, { kind: 'paused', sinceAt: now });
}

interface Change {
  readonly sinceAt?: number;
  readonly syncIntervalMs?: number;
  readonly newest?: undefined;
  readonly provenAt?: number;
}

function database(name: string, status: DatabaseStatus = { kind: 'protected' }, change: Change = {}): DatabaseState {
  const moment = { position: { generation: '0123456789abcdef' as Generation, index: 0, offset: 32 }, at: now - 8_000 };
  return {
    id: name as DatabaseId,
    path: `/data/${name}`,
    name,
    addedAt: now - hours(24),
    status,
    sizeBytes: 4096,
    walBytes: 0,
    pageSize: 4096,
    captured: moment,
    newest: 'newest' in change ? undefined : moment,
    oldestAt: now - hours(24),
    lag: { bytes: change.sinceAt === undefined ? 0 : 4096, sinceAt: change.sinceAt },
    generation: undefined,
    replicas: change.syncIntervalMs === undefined ? [] : [replica(change.syncIntervalMs)],
    provenAt: change.provenAt,
    locked: { maxMs: 0, totalMs: 0 },
    namedPoints: [],
    days: [],
  };
}

function replica(syncIntervalMs: number): DatabaseState['replicas'][number] {
  return {
    targetId: 'disk' as TargetId,
    url: 'file:///disk',
    shipped: undefined,
    lagBytes: 4096,
    problem: undefined,
    isEnabled: true,
    syncIntervalMs,
    snapshotIntervalMs: hours(24),
    retention: { kind: 'keep-all' },
    isSeen: true,
    retainedAt: undefined,
    oldestAt: undefined,
  };
}
