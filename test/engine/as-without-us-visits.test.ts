// How applications come and go: short visits again and again, long rests with the database open, switches of the journal mode,
// checkpoints of their own. Everything works as it does without Tidemark, and everything is captured.
import { describe, expect, test } from 'vitest';
import type { RestorePoint } from '../../shared/history.ts';
import { askRows, insertRows, type Rows, rowsOf, sumRows } from '../support/rows.ts';
import { type AppKind, appKinds, type Step } from '../support/scripted.ts';
import { until } from '../support/temp.ts';
import { Tenant } from '../support/tenant.ts';

const liveRows = 300;

/** The live database with the first rows of its application. */
function withOwn(count: number): Rows {
  const live = rowsOf('live', { from: 0, count: liveRows });
  return sumRows([...live, ...rowsOf('own', { from: liveRows, count })]);
}

/** One commit: the next row of the application. */
function commit(n: number): Step {
  return ['run', insertRows('own', { from: liveRows + n, count: 1 })];
}

async function begin(): Promise<Tenant> {
  const tenant = new Tenant(liveRows);
  await tenant.protect();
  return tenant;
}

describe('a program that opens, commits and closes, again and again', () => {
  const visitsAtOnce = 200;
  /** The first ones are over before they are noticed, more of them on a busy machine: those are seen together. */
  const seenOneByOne = 80;
  const mostRounds = 8;
  const ways = appKinds.flatMap((kind) => [0, 5].map((pauseMs) => ({ kind, pauseMs })));

  test.for(ways)('every visit is a restore point: $kind, $pauseMs ms apart', async ({ kind, pauseMs }) => {
    await using tenant = await begin();
    await tenant.isLeftAlone();
    const before = await tenant.engine.points(tenant.id);
    const visit = (n: number): readonly Step[] => [
      ...tenant.opening(),
      commit(n),
      ['close'],
      ...(pauseMs === 0 ? [] : [['sleep', pauseMs] as const]),
    ];
    const app = tenant.app(kind);
    let visits = 0;
    let points: readonly RestorePoint[] = [];
    for (let round = 0; round < mostRounds && points.length < seenOneByOne; round++) {
      await app.does(...Array.from({ length: visitsAtOnce }, () => visit(visits++)).flat());
      await tenant.newestIs('all of it is captured', withOwn(visits));
      await tenant.shipped();
      points = (await tenant.engine.points(tenant.id)).slice(before.length);
    }
    expect(points.length).toBeGreaterThanOrEqual(seenOneByOne);
    // Each is the state after one visit, in order.
    const own: number[] = [];
    for (const point of points.filter((_, i) => i % 16 === 0)) {
      const { counts, digest } = await tenant.restoredRows(point);
      own.push(counts['own'] ?? 0);
      expect(digest).toBe(withOwn(counts['own'] ?? 0).digest);
    }
    expect(own).toEqual(own.toSorted((a, b) => a - b));
    expect(new Set(own).size).toBe(own.length);
    await tenant.isLeftAlone();
    expect(await tenant.told({ isOnlyTrouble: true })).toEqual([]);
    expect(sumRows((await app.does(...tenant.opening(), ['ask', askRows], ['close'])).at(-2))).toEqual(withOwn(visits));
  });
});

describe('an application that keeps its database open and rests', () => {
  test.concurrent.for(appKinds)('finds its WAL emptied, and does not wait to write again: %s', async (kind) => {
    await using tenant = await begin();
    const app = tenant.app(kind);
    // While SQLite cuts the WAL off nobody writes: that takes a moment.
    await app.does(...tenant.opening(50), commit(0));
    for (let n = 1; n < 5; n++) {
      await tenant.isWalEmpty();
      await app.does(commit(n));
    }
    await tenant.isWalEmpty();
    await tenant.newestIs('all of it is captured', withOwn(5));
    await tenant.shipped();
    expect(tenant.sidecars()).toEqual(['-wal', '-shm']);
    await app.does(['close']);
    await tenant.isLeftAlone();
  });

  const moments = [
    ['at rest', true],
    ['right after a commit', false],
  ] as const;
  const switches = appKinds.flatMap((kind) => moments.map(([when, isAtRest]) => ({ kind, when, isAtRest })));

  test.concurrent.for(switches)(
    'may leave WAL mode and come back, $when, and nothing is lost: $kind',
    async ({ kind, isAtRest }) => {
      await using tenant = await begin();
      const app = tenant.app(kind);
      const leave: Step = ['try', 'PRAGMA journal_mode = DELETE'];
      let left: unknown;
      if (isAtRest) {
        await app.does(...tenant.opening(), commit(0));
        await tenant.isWalEmpty();
        await tenant.newestIs('it is captured', withOwn(1));
        left = await app.asks(leave);
      } else {
        left = await app.asks(...tenant.opening(), commit(0), leave);
      }
      // The moment in which it is joined may last on a busy machine.
      if (left !== 'ok') await until('it may leave', async () => (await app.asks(leave)) === 'ok');
      expect(tenant.sidecars()).toEqual([]);

      // Without a WAL each commit changes the database itself; whatever is said meanwhile must be true.
      for (let n = 1; n < 4; n++) await app.does(commit(n));
      await tenant.isHonest(withOwn(4));
      expect(await app.asks(['ask', 'PRAGMA journal_mode = WAL'])).toEqual([['wal']]);
      await app.does(commit(4));
      await tenant.newestIs('all of it is captured', withOwn(5));
      await tenant.shipped();
      await app.does(commit(5));
      await tenant.newestIs('its next commit is captured', withOwn(6));
      expect(await tenant.replacementsTold()).toBe(0);
      await app.does(['close']);
      await tenant.isLeftAlone();
      await tenant.shipped();
    },
  );
});

describe('an application that writes without a WAL for moments', () => {
  const ways = appKinds.flatMap((kind) => ['DELETE', 'TRUNCATE', 'PERSIST'].map((mode) => ({ kind, mode })));

  test.concurrent.for(ways)('is no foreign hand: $mode, $kind', async ({ kind, mode }) => {
    await using tenant = await begin();
    const app = tenant.app(kind);
    await app.does(...tenant.opening(), commit(0));
    await tenant.newestIs('it is captured', withOwn(1));
    let n = 1;
    for (let visit = 0; visit < 4; visit++) {
      const leave: Step = ['ask', `PRAGMA journal_mode = ${mode}`];
      await app.does(leave, commit(n++), commit(n++), ['ask', 'PRAGMA journal_mode = WAL'], commit(n++));
      if (visit % 2 === 0) await app.does(['close'], ...tenant.opening());
      await tenant.newestIs('all of it is captured', withOwn(n));
    }
    await app.does(['close']);
    await tenant.isLeftAlone();
    await tenant.shipped();
    expect(await tenant.told({ isOnlyTrouble: true })).toEqual([]);
    expect(await tenant.replacementsTold()).toBe(0);
    expect(tenant.problems).toEqual([]);
  });
});

describe('an application that checkpoints right after its commits and waits for nobody', () => {
  const ways: readonly { readonly kind: AppKind; readonly how: string }[] = appKinds.flatMap((kind) =>
    ['TRUNCATE', 'RESTART', 'FULL'].map((how) => ({ kind, how })),
  );

  /** On a busy machine some may fall into the moment in which it is joined; with a pin that stays, every one would. */
  const granted = 3;
  const mostTries = 16;

  test.for(ways)('finds nobody in its way: $how, $kind', async ({ kind, how }) => {
    await using tenant = await begin();
    const app = tenant.app(kind);
    await app.does(...tenant.opening(0));
    let tries = 0;
    const busy: unknown[] = [];
    while (busy.filter((one) => one === 0).length < granted && tries < mostTries) {
      const rows = await app.asks(['sleep', 600], commit(tries++), ['ask', `PRAGMA wal_checkpoint(${how})`]);
      busy.push((rows as readonly (readonly number[])[])[0]?.[0]);
    }
    expect(busy.filter((one) => one === 0).length, busy.join()).toBe(granted);
    await tenant.newestIs('all of it is captured', withOwn(tries));
    await tenant.shipped();
    await app.does(['close']);
    await tenant.isLeftAlone();
  });
});
