// How often a live database is looked at: at once for applications that empty the WAL themselves and wait for it, by the
// clock for steady writers, and otherwise when the file system tells. Real connections; the looks are the test's.
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Connections } from '../../electron/engine/source/connections.ts';
import { WalUpkeep } from '../../electron/engine/wal-upkeep.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

let folder: TempFolder;
let app: Database.Database;
let connections: Connections;
let upkeep: WalUpkeep;
let steady: boolean[];
let failures: unknown[];

beforeEach(async () => {
  folder = tempFolder();
  app = new Database(folder.at('shop.db'), { timeout: 5000 });
  app.pragma('journal_mode = wal');
  app.exec('CREATE TABLE t(v)');
  connections = await Connections.open(folder.at('shop.db'));
  [steady, failures] = [[], []];
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
    exclusively: async (work) => await work(),
    wake: () => {},
    onFailed: (error) => failures.push(error),
    proveContent: () => Promise.resolve(),
    afterCheckpoint: () => {},
    onRest: () => {},
    onHeld: () => {},
    onSteady: (isSteady) => steady.push(isSteady),
  });
});
afterEach(async () => {
  await upkeep.close();
  app.close();
  await connections[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
  expect(failures).toEqual([]);
});

function insert(): void {
  app.exec('INSERT INTO t VALUES (1)');
}

const look = async ({ isNew = false, isRestart = false } = {}): Promise<void> =>
  await upkeep.look({ isNew, isRestart });

test.each(['TRUNCATE', 'RESTART'])('the pin follows an application that empties the WAL itself (%s)', async (mode) => {
  insert();
  await look({ isNew: true });
  expect(upkeep.isPinAwaited).toBe(false);
  await connections.pins.advance(() => Promise.resolve());
  app.pragma('wal_checkpoint(PASSIVE)');
  await look();
  app.pragma(`wal_checkpoint(${mode})`);
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
  await until('it is copied here', async () => {
    await look();
    await delay(5);
    return upkeep.checkpoints > 0;
  });
  await until('the pin rests', async () => {
    await look();
    return upkeep.isResting;
  });
  insert();
  await look({ isNew: true, isRestart: true });
  expect(upkeep.isPinAwaited).toBe(false);
});

test('a notice without news is followed up, since a commit counts only after its last write', async () => {
  insert();
  await look({ isNew: true });
  await connections.checkpoint();
  await until('the pin rests', async () => {
    await look();
    return upkeep.isResting;
  });
  upkeep.notice();
  await look();
  expect(upkeep.nextLookMs).toBeGreaterThan(0);
  expect(upkeep.isResting).toBe(true);
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
