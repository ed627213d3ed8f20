// How often a live database is looked at: at once for applications that empty the WAL themselves and wait for it, by the
// clock for steady writers, and otherwise when the file system tells; and when it is left. Real connections; the looks are the test's.
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Connections } from '../../electron/engine/source/connections.ts';
import { Rhythm } from '../../electron/engine/upkeep/rhythm.ts';
import { WalUpkeep } from '../../electron/engine/upkeep/wal-upkeep.ts';
import { must } from '../../shared/assert.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

/** Writers that did not commit for so long rest. */
const restingMs = 50;

let folder: TempFolder;
let app: Database.Database;
let connections: Connections;
let upkeep: WalUpkeep;
let steady: boolean[];
let failures: unknown[];
/** When all was to be let go, by the clock of looks; and what was answered. */
let left: number[];
let canLeave: boolean;
let mayLeave: boolean;
let stayMs: number;
let isShared: boolean | undefined;

beforeEach(async () => {
  folder = tempFolder();
  app = new Database(folder.at('shop.db'), { timeout: 100 });
  app.pragma('journal_mode = wal');
  app.exec('CREATE TABLE t(v)');
  connections = await Connections.open(folder.at('shop.db'));
  // The application lives in this process, which the system does not tell from ourselves.
  isShared = true;
  vi.spyOn(connections, 'isShared', 'get').mockImplementation(() => isShared);
  [steady, failures, left] = [[], [], []];
  [canLeave, mayLeave, stayMs] = [true, true, 0];
  upkeep = new WalUpkeep({
    connections,
    pageSize: () => 4096,
    catchUp: () => Promise.resolve(),
    unread: () => 0,
    advance: async () => {
      await connections.pins.advance(() => Promise.resolve());
      return false;
    },
    stepAside: async (ms) => await connections.pins.stepAside(ms),
    ease: async () => await connections.ease(),
    exclusively: async (work) => await work(),
    wake: () => {},
    onFailed: (error) => failures.push(error),
    proveContent: () => Promise.resolve(),
    afterCheckpoint: () => {},
    firm: () => {
      connections.firm();
      return Promise.resolve(true);
    },
    leave: () => {
      left.push(performance.now());
      return Promise.resolve(canLeave);
    },
    mayLeave: () => mayLeave,
    stayMs: () => stayMs,
    rhythm: new Rhythm(),
    batchMs: () => 0,
    unreadMs: () => 0,
    onHeld: () => {},
    onUncopied: () => {},
    onSteady: (isSteady) => steady.push(isSteady),
  });
});
afterEach(async () => {
  vi.useRealTimers();
  await upkeep.close();
  app.close();
  await connections[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
  expect(failures).toEqual([]);
});

/** From here on, the clock that looks go by moves only by `pass`, however busy the machine is. */
function standStill(): void {
  vi.useFakeTimers({ toFake: ['performance'] });
}

function pass(ms: number): void {
  vi.advanceTimersByTime(ms);
}

function insert(): void {
  app.exec('INSERT INTO t VALUES (1)');
}

const look = async ({ isNew = false, isRestart = false } = {}): Promise<void> =>
  await upkeep.look({ isNew, isRestart });

test.each(['TRUNCATE', 'RESTART'])('the pin follows an application that empties the WAL itself (%s)', async (mode) => {
  standStill();
  insert();
  await look({ isNew: true });
  expect(upkeep.isPinAwaited).toBe(false);
  await connections.pins.advance(() => Promise.resolve());
  app.pragma('wal_checkpoint(PASSIVE)');
  await until('the pin rests', async () => {
    pass(10);
    await look();
    const [row] = app.pragma(`wal_checkpoint(${mode})`) as readonly { readonly busy: number }[];
    return row?.busy === 0;
  });
  await look();
  insert();
  await look({ isNew: true, isRestart: true });
  expect(upkeep.isPinAwaited).toBe(true);
});

test.each([
  [5, true],
  [700, false],
])(
  'a WAL of %i frames that an application copied, seen empty in between: it empties the WAL itself: %s',
  async (count, is) => {
    standStill();
    app.pragma('wal_autocheckpoint = 0');
    app.exec('BEGIN');
    for (let i = 0; i < count; i++) app.exec('INSERT INTO t VALUES (randomblob(3900))');
    app.exec('COMMIT');
    await connections.pins.advance(() => Promise.resolve());
    app.pragma('wal_checkpoint(PASSIVE)');
    await look({ isNew: true });
    // A writer that starts the WAL over shows it so, for a moment.
    const empty = vi.spyOn(connections, 'counts').mockReturnValue({ frames: 0, backfilled: 0 });
    await look();
    empty.mockRestore();
    await connections.pins.advance(() => Promise.resolve());
    insert();
    await look({ isNew: true, isRestart: true });
    expect(upkeep.isPinAwaited).toBe(is);
  },
);

test('a commit that starts the WAL over after a checkpoint of ours is nothing special', async () => {
  insert();
  await look({ isNew: true });
  connections.firm();
  expect(await upkeep.empty()).toBe(true);
  expect(upkeep.checkpoints).toBe(1);
  await look();
  insert();
  await look({ isNew: true, isRestart: true });
  expect(upkeep.isPinAwaited).toBe(false);
});

test('a notice without news is followed up, since a commit counts only after its last write', async () => {
  standStill();
  insert();
  await look({ isNew: true });
  // As a commit whose frames are written while they do not count yet.
  fs.appendFileSync(`${folder.at('shop.db')}-wal`, 'not committed');
  pass(1);
  upkeep.notice();
  await look();
  pass(restingMs);
  await look();
  expect([upkeep.nextLookMs < 100, left]).toEqual([true, []]);
});

describe('all is let go', () => {
  beforeEach(standStill);

  test('once writers rest, and not before', async () => {
    insert();
    await look({ isNew: true });
    const committedAt = performance.now();
    await until('it is let go', async () => {
      await look();
      pass(2);
      return left.length > 0;
    });
    expect(must(left[0], 'it was let go') - committedAt).toBeGreaterThan(restingMs - 10);
  });

  test('without delay once nobody else is there, whom the lock that we have kept from tidying up', async () => {
    insert();
    isShared = false;
    await look({ isNew: true });
    expect(left).toHaveLength(1);
  });

  test('no sooner where it cannot be told who is there', async () => {
    insert();
    isShared = undefined;
    await look({ isNew: true });
    expect(left).toHaveLength(0);
  });

  test('later where writers commit in a rhythm, so that it is not done between two of their commits', async () => {
    for (let i = 0; i < 16; i++) {
      insert();
      await look({ isNew: true });
      // The first ones have no rhythm yet.
      if (i === 10) left = [];
      for (let passed = 0; passed < 80; passed += 10) {
        pass(10);
        await look();
      }
    }
    expect(left).toEqual([]);
    await until('it is let go', async () => {
      await look();
      pass(10);
      return left.length > 0;
    });
  });

  test('not while something of the WAL is still needed', async () => {
    mayLeave = false;
    insert();
    await look({ isNew: true });
    pass(2 * restingMs);
    await look();
    expect(left).toEqual([]);
    insert();
    mayLeave = true;
    await look({ isNew: true });
    await until('it is let go', async () => {
      await look();
      pass(10);
      return left.length > 0;
    });
  });

  test('where somebody is in the way, again and again, further and further apart', async () => {
    canLeave = false;
    insert();
    await look({ isNew: true });
    await until('it was tried four times', async () => {
      await look();
      pass(2);
      return left.length > 3;
    });
    const gaps = left.slice(1).map((at, i) => at - must(left[i], 'there is one before'));
    // 20, 40 and 80 ms: each at least as long as it should be.
    expect(gaps.map((gap, i) => gap >= 19 * 2 ** i)).toEqual([true, true, true]);
    // A commit begins anew.
    insert();
    await look({ isNew: true });
    const begunAt = left.length;
    await until('it is tried again, soon, twice', async () => {
      await look();
      pass(2);
      return left.length > begunAt + 1;
    });
    expect(must(left[begunAt + 1], 'it was tried') - must(left[begunAt], 'it was tried')).toBeLessThan(gaps[2] ?? 0);
  });

  test('but for the pin, over an empty WAL, where another visit is expected', async () => {
    stayMs = 60_000;
    insert();
    await look({ isNew: true });
    await until('the WAL is emptied', async () => {
      await look();
      pass(10);
      return connections.isWalEmpty;
    });
    expect([left, upkeep.counts, connections.hold]).toEqual([[], { frames: 0, backfilled: 0 }, 'firm']);
    // What comes is kept by the pin: it permits one restart, not two.
    insert();
    app.pragma('busy_timeout = 0');
    app.pragma('wal_checkpoint(PASSIVE)');
    const [row] = app.pragma('wal_checkpoint(RESTART)') as readonly { readonly busy: number }[];
    expect(row?.busy).toBe(1);
    stayMs = 0;
    await look({ isNew: true });
    await until('all is let go when the visit is over', async () => {
      await look();
      pass(10);
      return left.length > 0;
    });
  });
});

test('a WAL that somebody still reads is not emptied, and whoever reads it is not disturbed', async () => {
  insert();
  app.exec('BEGIN');
  const seen = app.prepare('SELECT count(*) FROM t').pluck().get();
  const writer = new Database(folder.at('shop.db'));
  writer.exec('INSERT INTO t VALUES (2)');
  await connections.pins.advance(() => Promise.resolve());
  expect([await upkeep.empty(), connections.counts().frames > 0]).toEqual([false, true]);
  expect(app.prepare('SELECT count(*) FROM t').pluck().get()).toBe(seen);
  app.exec('COMMIT');
  await connections.pins.advance(() => Promise.resolve());
  expect([await upkeep.empty(), connections.counts().frames]).toEqual([true, 0]);
  writer.close();
});

test('steady writing is looked at by the clock, until it pauses', async () => {
  await until('it counts as steady', async () => {
    insert();
    await look({ isNew: true });
    // Apart enough to leave pauses.
    await look();
    return steady.length > 0;
  });
  expect(steady).toEqual([true]);
  expect(upkeep.nextLookMs).toBe(upkeep.gapMs);
  await until('the pause is noticed', async () => {
    await delay(20);
    await look();
    return steady.length > 1;
  });
  expect(steady).toEqual([true, false]);
});
