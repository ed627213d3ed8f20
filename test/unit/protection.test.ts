// How a protection goes on after openings that fail with what passes by itself: at once and without a word, unless it comes back
// each time.
import { expect, test, vi } from 'vitest';
import { ContinuityUnproven } from '../../electron/engine/capture/options.ts';
import { systemClock } from '../../electron/engine/basics/clock.ts';
import { newTally } from '../../electron/engine/capture/counters.ts';
import { DiskGuard } from '../../electron/engine/spool/disk-guard.ts';
import { openLog } from '../../electron/engine/basics/log.ts';
import { Openings } from '../../electron/engine/protection/openings.ts';
import { Protection } from '../../electron/engine/protection/protection.ts';
import { Readers } from '../../electron/engine/retain/readers.ts';
import { SnapshotTurns } from '../../electron/engine/ship/snapshot-turns.ts';
import { ImageSpoiled } from '../../electron/engine/source/live-image.ts';
import { Watcher } from '../../electron/engine/source/watch.ts';
import { Catalogue } from '../../electron/engine/state/catalogue.ts';
import { openStateDatabase } from '../../electron/engine/state/state-database.ts';
import { Store } from '../../electron/engine/state/store.ts';
import { AppError } from '../../shared/errors.ts';
import { makeDatabase } from '../support/application.ts';
import { tempFolder, until } from '../support/temp.ts';

test.each([
  ['pages have to be compared', 'database-unsteady', () => new ContinuityUnproven('visit')],
  ['an image was spoiled', 'database-unsteady', () => new ImageSpoiled('/shop.db')],
  ['it is locked', 'database-busy', () => new AppError('database-busy', { path: '/shop.db' })],
])('an opening that fails each time since %s says so, and does not wear itself out', async (_why, code, failure) => {
  using folder = tempFolder();
  const path = folder.at('shop.db');
  makeDatabase(path, 'CREATE TABLE t(v)');
  const database = openStateDatabase(folder.at('data'));
  const store = new Store(database);
  const id = store.addDatabase({ path, addedAt: 1000, isDemo: false, isDeclared: false });
  const row = store.database(id);
  if (row === undefined) throw new Error('it was just added');
  using watcher = new Watcher();
  // By its own clock: patience is short in reality, too.
  let elapsed = 0;
  const now = vi.spyOn(performance, 'now').mockImplementation(() => elapsed);
  let tries = 0;
  const told: string[] = [];
  const protection = new Protection({
    row,
    replicas: () => [],
    openReplica: () => {
      throw new Error('nothing is shipped');
    },
    folder: folder.at('data', 'shop'),
    catalogue: new Catalogue(database),
    store,
    readers: new Readers(),
    watcher,
    beforeOpening: () => {
      tries++;
      elapsed += 250;
      throw failure();
    },
    clock: systemClock,
    confirmed: { look: () => undefined },
    boot: 'boot',
    computer: undefined,
    log: openLog(undefined).logger,
    by: { tidemark: '0', sqlite: '3' },
    turns: new SnapshotTurns(),
    disk: new DiskGuard({ folder: folder.path, clock: systemClock, budgetBytes: undefined }),
    openings: new Openings(),
    tally: newTally(),
    mayEnableWal: false,
    onTargetFailed: () => {},
    onProgress: () => {},
    onChange: () => {},
    onEvent: (event) => void told.push(event.kind),
  });
  protection.start();
  const problem = await until('it says why', () => protection.problem);
  expect([problem.code, told]).toEqual([code, ['problem']]);
  // Twelve tries in three seconds, and the one that was told.
  expect(tries).toBe(14);
  await protection.stop();
  now.mockRestore();
  database.close();
});
