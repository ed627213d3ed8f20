// Destinations that hang, fail, or are away for a week, while an application goes on writing; and what shipping costs when
// nothing is wrong. Time passes as the test says.
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Target } from '../../electron/engine/targets/target.ts';
import { must } from '../../shared/assert.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import type { TargetState } from '../../shared/targets.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { type Fault, faultyTarget } from '../support/faulty-target.ts';
import { openApplication } from '../support/application.ts';
import type { AppConnection } from '../support/beside.ts';
import { type TempFolder, until } from '../support/temp.ts';
import { testClock, type TestClock } from '../support/test-clock.ts';

type Verb = 'list' | 'put' | 'get' | 'delete';

let folder: TempFolder;
let file: string;
let app: AppConnection;
let clock: TestClock;
/** What goes wrong, by the name of the destination. */
let faults: Map<string, (verb: Verb) => Fault | undefined>;

beforeEach(() => {
  const application = openApplication('CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)');
  ({ folder, file, app } = application);
  clock = testClock();
  faults = new Map();
  return application[Symbol.dispose];
});

function insert(bytes = 100): void {
  app.prepare('INSERT INTO t(v) VALUES (?)').run(randomBytes(bytes));
}

/** What takes a moment of the system's time may take hours of this clock's. */
const looks = { folderEveryMs: 60_000, bucketEveryMs: 3_600_000, stillMs: Number.MAX_SAFE_INTEGER };

function openEngine(limits: { readonly spoolBudgetBytes?: number } = {}): TestEngine {
  const wrapTarget = (target: Target): Target => {
    const name = must(target.url.split('/').at(-2), 'a folder of the test');
    return faultyTarget(target, { fault: (verb) => faults.get(name)?.(verb) });
  };
  const engine = openTestEngine(folder.at('data'), { clock, limits: { ...limits, looks, wrapTarget } });
  // Closing waits for destinations for a while: time passes, or a test that fails would hang.
  const close = async (): Promise<void> => {
    let isClosed = false;
    const closing = async (): Promise<void> => {
      try {
        await engine[Symbol.asyncDispose]();
      } finally {
        isClosed = true;
      }
    };
    const passing = async (): Promise<void> => {
      while (!isClosed) await clock.advance(1000);
    };
    await Promise.all([closing(), passing()]);
  };
  return { ...engine, [Symbol.asyncDispose]: close };
}

/** Waits until something is so, while time passes in steps. */
async function pass(what: string, check: () => unknown, stepMs = 500): Promise<void> {
  await until(what, async () => {
    await clock.advance(stepMs);
    return check() === true;
  });
}

/** Protects the database on folders of these names, and waits until they have everything. */
async function protect(engine: TestEngine, names: readonly string[]): Promise<DatabaseId> {
  let id: DatabaseId | undefined;
  for (const name of names) {
    const { targetId } = await engine.call('addTarget', { place: { kind: 'folder', path: folder.at(name) }, name });
    if (id === undefined) ({ databaseId: id } = await engine.call('addDatabase', { path: file, targetId }));
    else await engine.call('addReplica', { databaseId: id, targetId });
  }
  const added = must(id, 'there is a name');
  await pass('everything is there', () => names.every((name) => isCurrent(engine, added, name)));
  return added;
}

function targetOf(engine: TestEngine, name: string): TargetState {
  return must(
    engine.state().targets.find((target) => target.name === name),
    'it was added',
  );
}

function replicaOf(engine: TestEngine, id: DatabaseId, name: string) {
  const targetId: TargetId = targetOf(engine, name).id;
  return must(
    engine.database(id).replicas.find((replica) => replica.targetId === targetId),
    'it was added',
  );
}

/** The destination has what the application committed last. */
function isCurrent(engine: TestEngine, id: DatabaseId, name: string): boolean {
  const { shipped, lagBytes, problem } = replicaOf(engine, id, name);
  const { captured } = engine.database(id);
  return (
    shipped !== undefined &&
    lagBytes === 0 &&
    problem === undefined &&
    shipped.position.index === captured?.position.index &&
    shipped.position.offset === captured.position.offset
  );
}

/** Commits, and waits until that was captured and lies at the destination. */
async function ship(engine: TestEngine, id: DatabaseId, name: string): Promise<void> {
  const before = placeOf(engine, id);
  insert();
  await pass('it is captured and shipped', () => placeOf(engine, id) !== before && isCurrent(engine, id, name));
}

/** The end of what was captured. */
function placeOf(engine: TestEngine, id: DatabaseId): string {
  const { index, offset } = must(engine.database(id).captured, 'it is captured').position;
  return `${index}:${offset}`;
}

/** All rows of the newest moment of a destination. */
async function contentAt(engine: TestEngine, name: string): Promise<unknown> {
  return await engine.newest(folder.at(name, 'shop.db'), contentOf);
}

function contentOf(database: AppConnection): unknown {
  return database.prepare('SELECT id, hex(v) FROM t ORDER BY id').raw().all();
}

function told(engine: TestEngine, name: string): readonly string[] {
  return engine
    .state()
    .activity.filter(({ kind, text }) => (kind === 'problem' || kind === 'recovered') && text.startsWith(name))
    .map(({ kind }) => kind)
    .reverse();
}

test.each([
  ['ends on abort', false],
  ['is deaf', true],
])(
  'one hangs (and %s), one fails, one works: it stays current, capture goes on, and the others catch up',
  async (_how, isDeaf) => {
    await using engine = openEngine();
    const id = await protect(engine, ['works', 'hangs', 'fails']);
    const back = Promise.withResolvers<void>();
    faults.set('hangs', (verb) => (verb === 'put' ? { kind: 'hang', until: back.promise, isDeaf } : undefined));
    faults.set('fails', () => ({ kind: 'before' }));
    await pass(
      'both are known to be away',
      () => {
        insert();
        return targetOf(engine, 'hangs').problem !== undefined && targetOf(engine, 'fails').problem !== undefined;
      },
      3000,
    );
    for (let i = 0; i < 20; i++) {
      await ship(engine, id, 'works');
    }
    expect(targetOf(engine, 'hangs').problem?.code).toBe('target-stalled');
    expect(targetOf(engine, 'works').problem).toBeUndefined();
    expect(engine.database(id).status.kind).toBe('attention');
    expect(await contentAt(engine, 'works')).toEqual(contentOf(app));

    back.resolve();
    faults.clear();
    for (const name of ['hangs', 'fails']) {
      await pass(`${name} has everything`, () => isCurrent(engine, id, name), 5000);
      expect(await contentAt(engine, name)).toEqual(contentOf(app));
      expect(told(engine, name)).toEqual(['problem', 'recovered']);
    }
    expect(told(engine, 'works')).toEqual([]);
    expect(engine.database(id).status.kind).toBe('protected');
  },
);

describe('a destination that is away for a week', () => {
  const minuteMs = 60_000;

  /** Commits for a week, in an index of its own every few hours; a few minutes of each are lived through. */
  async function week(engine: TestEngine, id: DatabaseId): Promise<void> {
    for (let hour = 0; hour < 7 * 24; hour += 4) {
      insert(20_000);
      const before = engine.database(id).captured;
      const isCaptured = () => !isDeepStrictEqual(engine.database(id).captured, before);
      await pass('it is captured', isCaptured, 1000);
      await until('its WAL begins anew', () => {
        const [row] = app.pragma('wal_checkpoint(TRUNCATE)') as readonly { readonly busy: number }[];
        return row?.busy === 0;
      });
      await clock.leap(235 * minuteMs);
      await clock.advance(5 * minuteMs);
    }
  }

  test('is asked seldom, and gets what waited in few requests', async () => {
    await using engine = openEngine();
    const id = await protect(engine, ['far']);
    let calls = 0;
    faults.set('far', () => (calls++, { kind: 'before', code: 'target-failed' }));
    await week(engine, id);
    expect(calls).toBeGreaterThan(7 * 6);
    expect(calls).toBeLessThan(7 * 6 * 100);
    expect(told(engine, 'far')).toEqual(['problem']);
    const before = targetOf(engine, 'far').usage;
    faults.clear();
    await pass('it has everything', () => isCurrent(engine, id, 'far'), 5000);
    const { puts, lists } = targetOf(engine, 'far').usage;
    // One segment for each index, whatever the number of commits and of failures.
    expect(puts - before.puts).toBeLessThanOrEqual(7 * 6 + 2);
    expect(lists - before.lists).toBeLessThan(5);
    expect(await contentAt(engine, 'far')).toEqual(contentOf(app));
    expect(told(engine, 'far')).toEqual(['problem', 'recovered']);
  });

  test('goes on with an image where the spool had to let go of what it missed', async () => {
    await using engine = openEngine({ spoolBudgetBytes: 200_000 });
    const id = await protect(engine, ['far']);
    faults.set('far', () => ({ kind: 'before', code: 'target-failed' }));
    await week(engine, id);
    faults.clear();
    await pass('it has everything', () => isCurrent(engine, id, 'far'), 5000);
    expect(await contentAt(engine, 'far')).toEqual(contentOf(app));
    const timeline = await engine.call('getTimeline', { databaseId: id, bins: 10 });
    expect(timeline.events.filter(({ kind }) => kind === 'gap')).toHaveLength(1);
    expect(timeline.generations).toHaveLength(1);
  });
});

describe('what shipping asks of a destination', () => {
  /** Commits once a second. */
  async function write(engine: TestEngine, id: DatabaseId, commits: number): Promise<void> {
    for (let i = 0; i < commits; i++) {
      const before = placeOf(engine, id);
      insert();
      await until('it is captured', () => placeOf(engine, id) !== before);
      await clock.advance(1000);
    }
  }

  test('is one request for each interval with commits, and none at rest; it is listed once', async () => {
    await using engine = openEngine();
    const id = await protect(engine, ['far']);
    const { id: targetId } = targetOf(engine, 'far');
    await engine.call('updateReplica', { databaseId: id, targetId, snapshotIntervalMs: 0 });
    // After an image retention looks once at what lies there, and once an hour who writes there is looked at.
    await pass('it looked', () => replicaOf(engine, id, 'far').retainedAt !== undefined, 30_000);
    await clock.advance(2 * 3_600_000);
    await write(engine, id, 1);
    await pass('everything is there', () => isCurrent(engine, id, 'far'));
    const before = targetOf(engine, 'far').usage;
    const usage = () => {
      const { lists, puts, gets, deletes } = targetOf(engine, 'far').usage;
      return {
        lists: lists - before.lists,
        puts: puts - before.puts,
        gets: gets - before.gets,
        deletes: deletes - before.deletes,
      };
    };
    await write(engine, id, 60);
    await pass('everything is there', () => isCurrent(engine, id, 'far'));
    const steady = usage();
    expect(steady).toEqual({ lists: 0, puts: steady.puts, gets: 0, deletes: 0 });
    expect(steady.puts).toBeLessThanOrEqual(61);

    await clock.advance(10 * 24 * 3_600_000);
    expect(usage()).toEqual(steady);

    await write(engine, id, 1);
    await pass('everything is there', () => isCurrent(engine, id, 'far'));
    const after = usage();
    // Commits that come together go together, and a longer interval needs fewer requests.
    await engine.call('updateReplica', { databaseId: id, targetId, syncIntervalMs: 10_000 });
    await write(engine, id, 60);
    await pass('everything is there', () => isCurrent(engine, id, 'far'));
    expect(usage().puts - after.puts).toBeLessThanOrEqual(8);
    expect(usage()).toEqual({ ...after, puts: usage().puts });
  });

  test.each([
    ['by the clock', () => Promise.resolve(clock.jump(8 * 3_600_000))],
    ['by the system, where its clocks do not show it', async (engine: TestEngine) => await engine.call('noteWake', {})],
  ])('begins with a look at what is there when the computer was asleep, known %s', async (_how, wake) => {
    await using engine = openEngine();
    const id = await protect(engine, ['far']);
    const { lists } = targetOf(engine, 'far').usage;
    await wake(engine);
    await clock.advance(60_000);
    expect(targetOf(engine, 'far').usage.lists).toBe(lists);
    await ship(engine, id, 'far');
    expect(targetOf(engine, 'far').usage.lists).toBeGreaterThan(lists);
    expect(await contentAt(engine, 'far')).toEqual(contentOf(app));
  });
});
