// What is said, as tables: of a database from what is known of its capture and its destinations, of a destination from its
// databases, and of a run that ended. Never better than what was seen.
import { describe, expect, test } from 'vitest';
import type { DatabaseState } from '../../shared/databases.ts';
import { AppError, type Problem } from '../../shared/errors.ts';
import type { TargetId } from '../../shared/ids.ts';
import {
  type CaptureFacts,
  endingOf,
  healthOf,
  problemAt,
  type ReplicaFacts,
  standingOf,
  statusOf,
  statusWord,
} from '../../shared/standing.ts';
import type { TargetState } from '../../shared/targets.ts';

const now = 1_700_000_000_000;
const gone: Problem = { ...new AppError('target-missing', { path: '/mnt' }).toData(), sinceAt: now };
const missing: Problem = { ...new AppError('database-missing', { path: '/a' }).toData(), sinceAt: now };
const held: Problem = { ...new AppError('database-wal-deleted', { path: '/a', wal: '/a-wal' }).toData(), sinceAt: now };
const link: Problem = { ...new AppError('database-link-turned', { path: '/a' }).toData(), sinceAt: now };
const image = { doneBytes: 1, totalBytes: 2 };

const here: ReplicaFacts = {
  isEnabled: true,
  problem: undefined,
  syncIntervalMs: 1000,
  isSeen: true,
  shippedAt: now,
  snapshotting: undefined,
};
const away: ReplicaFacts = { ...here, problem: gone, isSeen: false };
const unasked: ReplicaFacts = { ...here, isSeen: false };
const fresh: ReplicaFacts = { ...unasked, shippedAt: undefined, snapshotting: image };
const off: ReplicaFacts = { ...here, isEnabled: false };
const capture: CaptureFacts = {
  isOpen: true,
  problem: undefined,
  notice: undefined,
  hashing: undefined,
  capturedWhen: undefined,
};

interface Case {
  readonly capture?: Partial<CaptureFacts> | 'unbegun';
  readonly replicas?: readonly ReplicaFacts[];
  readonly notice?: Problem;
  readonly pausedAt?: number;
  readonly waitsMs?: number;
}

describe('a database is', () => {
  test.each<[string, Case, object]>([
    ['protected where a destination that answers has it', {}, { kind: 'protected' }],
    ['paused, whatever else is', { pausedAt: 5, replicas: [away] }, { kind: 'paused', sinceAt: 5 }],
    ['starting before anybody began', { capture: 'unbegun' }, { kind: 'starting' }],
    ['starting before a destination was asked', { replicas: [unasked] }, { kind: 'starting' }],
    ['starting before it is open', { capture: { isOpen: false } }, { kind: 'starting' }],
    ['on its way for the first time', { replicas: [fresh] }, { kind: 'snapshotting', ...image }],
    ['read for the first time', { capture: { hashing: image } }, { kind: 'snapshotting', ...image }],
    ['not captured', { capture: { problem: missing } }, { kind: 'problem', problem: missing }],
    ['nowhere, where its only destination is away', { replicas: [away] }, { kind: 'problem', problem: gone }],
    ['nowhere, where all are away', { replicas: [away, away] }, { kind: 'problem', problem: gone }],
    ['kept elsewhere while one is away', { replicas: [away, here] }, { kind: 'attention', problem: gone }],
    [
      'nowhere, where the other one was not asked yet',
      { replicas: [away, unasked] },
      { kind: 'problem', problem: gone },
    ],
    ['nowhere, where the other one has nothing yet', { replicas: [away, fresh] }, { kind: 'problem', problem: gone }],
    ['nowhere, where the other one is turned off', { replicas: [away, off] }, { kind: 'problem', problem: gone }],
    [
      'well where what is away is turned off',
      { replicas: [{ ...away, isEnabled: false }, here] },
      { kind: 'protected' },
    ],
    ['in need of a look', { capture: { notice: held } }, { kind: 'attention', problem: held }],
    [
      'nowhere, whatever needs a look beside',
      { capture: { notice: held }, replicas: [away] },
      { kind: 'problem', problem: gone },
    ],
    ['under another name', { notice: link }, { kind: 'attention', problem: link }],
    ['late where something waits', { waitsMs: 11_100 }, { kind: 'catching-up' }],
    [
      'not late within its interval',
      { waitsMs: 60_000, replicas: [{ ...here, syncIntervalMs: 60_000 }] },
      { kind: 'protected' },
    ],
    [
      'captured when it is closed',
      { capture: { capturedWhen: { kind: 'closed', application: 'Anki' } } },
      { kind: 'protected', capturedWhen: { kind: 'closed', application: 'Anki' } },
    ],
  ])('%s', (_, { capture: over = {}, replicas = [here], notice, pausedAt, waitsMs }, status) => {
    const facts = {
      name: 'a',
      addedAt: 1,
      pausedAt,
      capture: over === 'unbegun' ? undefined : { ...capture, ...over },
      notice,
      replicas,
      waitingSinceAt: waitsMs === undefined ? undefined : now - waitsMs,
    };
    expect(statusOf(facts, now)).toEqual(status);
  });

  test('without a destination where all are turned off, since the newest that lies there', () => {
    const facts = { name: 'a', addedAt: 1, pausedAt: undefined, capture, notice: undefined, waitingSinceAt: undefined };
    const { kind, problem } = statusOf({ ...facts, replicas: [off] }, now) as { kind: string; problem: Problem };
    expect([kind, problem.code, problem.sinceAt]).toEqual(['problem', 'replica-none-enabled', now]);
  });
});

const database = (over: Partial<DatabaseState> = {}): DatabaseState =>
  ({
    status: { kind: 'protected' },
    newest: { position: {}, at: now },
    lag: { bytes: 0, sinceAt: undefined },
    replicas: [replica()],
    ...over,
  }) as DatabaseState;
const replica = (over: Partial<DatabaseState['replicas'][number]> = {}): DatabaseState['replicas'][number] =>
  ({
    targetId: 'disk',
    isEnabled: true,
    syncIntervalMs: 1000,
    shipped: { at: now },
    isSeen: true,
    lagBytes: 0,
    ...over,
  }) as never;

describe('its health and its word are', () => {
  test.each<[string, string, Partial<DatabaseState>]>([
    ['good', 'Protected', {}],
    ['working', 'Starting', { newest: undefined }],
    ['attention', 'Behind', { lag: { bytes: 1, sinceAt: now - 62_000 } }],
    ['attention', 'Behind', { status: { kind: 'catching-up' }, lag: { bytes: 1, sinceAt: now - 62_000 } }],
    ['working', 'Catching up', { status: { kind: 'catching-up' }, lag: { bytes: 1, sinceAt: now - 20_000 } }],
    ['working', 'First snapshot', { status: { kind: 'snapshotting', ...image } }],
    ['problem', 'Not protected', { status: { kind: 'problem', problem: gone } }],
    ['attention', 'Attention', { status: { kind: 'attention', problem: gone } }],
    ['paused', 'Paused', { status: { kind: 'paused', sinceAt: 1 } }],
  ])('%s, %s', (health, word, over) => {
    expect([healthOf(database(over), now), statusWord(database(over), now)]).toEqual([health, word]);
  });
});

describe('a destination is', () => {
  const target = (problem?: Problem): TargetState => ({ id: 'disk' as TargetId, problem }) as TargetState;
  const paused = { status: { kind: 'paused', sinceAt: 1 } } as const;
  test.each<[string, readonly Partial<DatabaseState>[], Problem | undefined]>([
    ['Ready', [], undefined],
    ['Working', [{}], undefined],
    ['Not working', [{}], gone],
    ['Starting', [{}, { replicas: [replica({ shipped: undefined })] }], undefined],
    ['Starting', [{ replicas: [replica({ isSeen: false })] }], undefined],
    ['Working', [{}, { replicas: [replica({ isSeen: false })] }], undefined],
    ['Attention', [{}, { replicas: [replica({ problem: gone })] }], undefined],
    ['Turned off', [{ replicas: [replica({ isEnabled: false, problem: gone })] }], undefined],
    ['Paused', [paused], undefined],
    ['Working', [paused, {}], undefined],
  ])('%s', (word, databases, problem) => {
    const all = databases.map(database);
    expect(standingOf(target(problem), all).word).toBe(word);
    expect(problemAt(target(problem), all)).toEqual(['Not working', 'Attention'].includes(word) ? gone : undefined);
  });
});

describe('a run ended for a database with', () => {
  const nothing = replica({ shipped: undefined, lagBytes: 4096 });
  test.each<[string, Partial<DatabaseState>, object]>([
    ['everything shipped', {}, { kind: 'shipped' }],
    ['something waiting', { replicas: [replica(), replica({ lagBytes: 7 })] }, { kind: 'waits', bytes: 7 }],
    ['nothing anywhere', { replicas: [nothing] }, { kind: 'nothing-there', problem: undefined }],
    [
      'nothing at a destination that is away',
      { replicas: [{ ...nothing, problem: gone }] },
      { kind: 'nothing-there', problem: gone },
    ],
    [
      'nothing of a database that is missing',
      { replicas: [nothing], status: { kind: 'problem', problem: missing } },
      { kind: 'nothing-there', problem: missing },
    ],
    [
      'all destinations off',
      { replicas: [replica({ isEnabled: false })] },
      { kind: 'nothing-there', problem: undefined },
    ],
    [
      'a destination that was not asked in this run',
      { replicas: [replica(), replica({ isSeen: false })] },
      { kind: 'unseen', problem: undefined },
    ],
    [
      'a pause, in which no destination is asked',
      { replicas: [replica({ isSeen: false })], status: { kind: 'paused', sinceAt: 1 } },
      { kind: 'shipped' },
    ],
    ['all shipped to what is away now', { replicas: [replica({ problem: gone })] }, { kind: 'unseen', problem: gone }],
    [
      'no capture at its end',
      { status: { kind: 'problem', problem: missing } },
      { kind: 'not-captured', problem: missing },
    ],
  ])('%s', (_, over, ending) => {
    expect(endingOf(database(over))).toEqual(ending);
  });
});
