// Destinations in words: how one stands, what a test found, what a retention keeps.
import { describe, expect, test } from 'vitest';
import { findingsOf, kindText, placeText, requestsText } from '../../renderer/screens/parts/destination-words.ts';
import {
  dailyChoices,
  isBehind,
  pointsText,
  retentionSentence,
  retentionText,
  snapshotChoices,
  spanText,
  syncChoices,
} from '../../renderer/screens/database/replica-words.ts';
import { AppError, type Problem } from '../../shared/errors.ts';
import { dayMs, hourMs, minuteMs, secondMs } from '../../shared/format.ts';
import type { ReplicaState } from '../../shared/databases.ts';
import { standingOf } from '../../shared/standing.ts';
import type { TargetTest } from '../../shared/targets.ts';
import { defaultRetention, type RetentionPreview } from '../../shared/retention.ts';
import { databaseOf, emptyState } from '../support/gallery/databases.ts';
import { FixtureHistory } from '../support/gallery/history.ts';
import { backupDisk, buckets, folders } from '../support/gallery/targets.ts';

const now = Date.UTC(2026, 10, 23, 12);
const problem: Problem = { ...new AppError('target-missing', { path: '/mnt' }).toData(), sinceAt: now };

describe('a destination stands', () => {
  const [disk] = folders;
  const at = (change: Partial<ReplicaState>): ReturnType<typeof standingOf> | undefined => {
    const database = databaseOf(sketch, now);
    const replicas = database.replicas.map((replica) => ({ ...replica, ...change }));
    return disk && standingOf(disk, [{ ...database, replicas }]);
  };

  test('as the worst that is known of it', () => {
    expect(disk && standingOf({ ...disk, problem }, [])).toEqual({ tone: 'problem', word: 'Not working' });
    expect(disk && standingOf(disk, [])).toEqual({ tone: 'good', word: 'Ready' });
    expect(at({ problem })).toEqual({ tone: 'attention', word: 'Attention' });
    expect(at({ isEnabled: false })).toEqual({ tone: 'paused', word: 'Turned off' });
    expect(at({ shipped: undefined })).toEqual({ tone: 'working', word: 'Starting' });
    expect(at({ shipped: sketch.history.points.at(-1) })).toEqual({ tone: 'good', word: 'Working' });
  });

  test('turned off, whatever was wrong before', () => {
    expect(at({ isEnabled: false, problem })).toEqual({ tone: 'paused', word: 'Turned off' });
  });
});

describe('a database is behind at a destination', () => {
  const at = (change: {
    readonly shippedMsAgo: number;
    readonly lagMsAgo?: number;
    readonly lagBytes?: number;
  }): boolean => {
    const moment = (msAgo: number) => ({ position: {} as never, at: now - msAgo });
    const database = {
      ...databaseOf(sketch, now),
      captured: moment(0),
      lag: { bytes: 1, sinceAt: now - (change.lagMsAgo ?? 60_000) },
    };
    const [replica] = database.replicas;
    const { shippedMsAgo, lagBytes = 4_096 } = change;
    return replica !== undefined && isBehind({ ...replica, lagBytes, shipped: moment(shippedMsAgo) }, database, now);
  };

  test('when what lies there is older than it always is for a moment', () => {
    expect([
      at({ shippedMsAgo: 30_000 }),
      at({ shippedMsAgo: 2_000 }),
      at({ shippedMsAgo: 30_000, lagBytes: 0 }),
    ]).toEqual([true, false, false]);
  });

  test('not in the first moment after a long rest', () => {
    expect(at({ shippedMsAgo: 3_600_000, lagMsAgo: 500 })).toBe(false);
  });
});

test('a place is said short', () => {
  expect([...folders, ...buckets].map((target) => `${kindText(target)}: ${placeText(target)}`)).toEqual([
    'Folder: /media/backup',
    'Folder: /mnt/office/tidemark',
    'Amazon S3 in eu-central-1: tidemark-eu/till',
    'Cloudflare R2: second-copy',
  ]);
  expect(emptyState(now).targets.map(({ usage }) => requestsText(usage))).toEqual(['4,236', '1,214']);
});

describe('what a test found', () => {
  const place = buckets[0]?.place;
  const found = (change: Partial<TargetTest>): readonly string[] =>
    place === undefined ? [] : findingsOf({ ...tested, place, ...change });
  const correction = 'The bucket is in eu-central-1; the region was corrected.';

  test('is nothing where there is nothing to know', () => {
    expect([found({}), found({ contents: 'new' }), found({ contents: undefined })]).toEqual([[], [], []]);
  });

  test('explains locks and versions calmly', () => {
    const [lock, versions] = found({ hasObjectLock: true, versioning: 'on' });
    expect(lock).toMatch(/Object Lock/);
    expect(versions).toMatch(/keeps versions: what retention deletes/);
  });

  test('says nothing of what retention deletes where nothing may be deleted', () => {
    const words = found({ versioning: 'on', canDelete: false });
    expect(words).toEqual([expect.stringMatching(/keeps versions: what somebody else deletes/)]);
  });

  test('is what was corrected too, where it does not work all the same', () => {
    expect([found({ corrected: [correction] }), found({ corrected: [correction], isUsable: false })]).toEqual([
      [],
      [correction],
    ]);
  });

  test.each([
    ['litestream-history', /Litestream wrote \(0\.3\)/],
    ['litestream-05-history', /Litestream wrote \(0\.5\)/],
    ['tidemark-history', /histories of Tidemark/],
    ['history-of-this', /the history of this database/],
    ['other-things', /other things too/],
  ] as const)('tells %s apart', (contents, sentence) => {
    expect(found({ contents })[0]).toMatch(sentence);
  });
});

describe('settings', () => {
  test('are durations as people say them', () => {
    const spans = [secondMs, 10 * secondMs, minuteMs, hourMs, dayMs, 7 * dayMs, 365 * dayMs, 1_500];
    expect(spans.map(spanText)).toEqual([
      '1 second',
      '10 seconds',
      '1 minute',
      '1 hour',
      '1 day',
      '7 days',
      '1 year',
      '1.5 s',
    ]);
  });

  test('offer what is set, even where nobody would propose it', () => {
    expect(syncChoices(0)[0]).toEqual({ key: '0', text: 'At once' });
    expect(syncChoices(42_000).map(({ text }) => text)).toContain('After 42 seconds at most');
    expect(snapshotChoices(dayMs).find(({ key }) => key === String(dayMs))?.text).toBe('Every day');
    expect(dailyChoices(0)[0]).toEqual({ key: '0', text: 'None' });
  });

  test('say in a sentence what is kept', () => {
    expect(retentionSentence({ kind: 'keep-all' })).toBe('Everything is kept; nothing is ever deleted.');
    expect(retentionSentence(defaultRetention)).toBe(
      'Every transaction of the last 7 days, then a snapshot a day until it is 30 days old, then one a week until it is 1 year old.',
    );
    expect(retentionSentence({ kind: 'thinned', windowMs: dayMs, dailyMs: 0, weeklyMs: 0 })).toBe(
      'Every transaction of the last day.',
    );
    expect(retentionText(defaultRetention)).toBe('every transaction for 7 days, thinned for 1 year');
  });

  test('count what one could go back to', () => {
    const snapshots = (['daily', 'daily', 'window'] as const).map((why, index) => ({
      generation: '00000000000000aa' as never,
      index,
      at: now - (3 - index) * dayMs,
      why,
    }));
    const preview = { keptSnapshots: snapshots, windowFromAt: now - dayMs } as unknown as RetentionPreview;
    expect(pointsText(preview, now)).toBe('every transaction since yesterday, and 2 snapshots');
    expect(pointsText({ ...preview, windowFromAt: undefined }, now)).toBe('3 snapshots');
    const pinned = snapshots.map((snapshot, i) => (i === 0 ? { ...snapshot, why: 'pinned' as const } : snapshot));
    expect(pointsText({ ...preview, keptSnapshots: pinned }, now)).toBe(
      'every transaction since yesterday, and 2 snapshots, 1 of them for named points',
    );
  });
});

const sketch = {
  id: 'till',
  path: '/srv/till.db',
  status: { kind: 'protected' },
  sizeBytes: 1_000,
  history: new FixtureHistory({
    databaseId: 'till' as never,
    now,
    spanMs: hourMs,
    rateAt: () => 0.01,
    generations: [{ id: '00000000000000aa', fromMsAgo: hourMs, reason: 'first protection' }],
    gaps: [],
    events: [],
    sizeBytes: 1_000,
    targetIds: [backupDisk],
    seed: 1,
  }),
  targets: [backupDisk],
  namedPoints: [],
  days: [],
} as const;

const tested: Omit<TargetTest, 'place'> = {
  stages: [],
  isUsable: true,
  corrected: [],
  contents: 'empty',
  versioning: 'off',
  hasObjectLock: false,
  canDelete: true,
  hasConditionalWrites: true,
};
