// What happens to a WAL between the first pin on a database and the first look at what it holds: the one restart that a pin
// permits may come just then, over frames that nobody has read.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Capture } from '../../electron/engine/capture/capture.ts';
import { ContinuityUnproven } from '../../electron/engine/capture/options.ts';
import { newCounters } from '../../electron/engine/capture/counters.ts';
import { Connections } from '../../electron/engine/source/connections.ts';
import type { PageHashes } from '../../electron/engine/source/page-hashes.ts';
import type { WalEnd } from '../../electron/engine/source/wal-reader.ts';
import { Watcher } from '../../electron/engine/source/watch.ts';
import { Spool } from '../../electron/engine/spool/spool.ts';
import { must } from '../../shared/assert.ts';
import { openApplication } from '../support/application.ts';
import type { AppConnection } from '../support/beside.ts';
import { makeCapture } from '../support/capture.ts';
import { hashFile } from '../support/hash-file.ts';
import type { TempFolder } from '../support/temp.ts';

let folder: TempFolder;
let file: string;
let app: AppConnection;
let open: AsyncDisposableStack;
let spoolNames = 0;
beforeEach(() => {
  const application = openApplication('CREATE TABLE t(v); PRAGMA wal_checkpoint(TRUNCATE)', { checkpoints: false });
  ({ folder, file, app } = application);
  open = new AsyncDisposableStack();
  return application[Symbol.dispose];
});
afterEach(async () => await open.disposeAsync());

const write = (): unknown => app.exec('INSERT INTO t VALUES (randomblob(3000))');

interface Begun {
  readonly spool?: Spool;
  readonly hashes?: PageHashes | undefined;
  readonly end?: WalEnd | undefined;
  /** Called when a WAL begins, before anything of it is read. */
  readonly onBegin?: () => void;
}

async function openCapture({ spool, hashes, end, onBegin }: Begun = {}): Promise<Capture> {
  const connections = open.use(await Connections.open(file));
  const counters = newCounters();
  let restarts = 0;
  Object.defineProperty(counters, 'walRestarts', {
    get: () => restarts,
    set: (count: number) => {
      restarts = count;
      onBegin?.();
    },
  });
  return open.use(
    makeCapture({
      path: file,
      start: connections,
      watcher: open.use(new Watcher()),
      spool: open.use(spool ?? Spool.create(folder.at(`spool${String(spoolNames++)}`), 0)),
      hashes,
      end,
      counters,
    }),
  );
}

/** Captures two transactions, closes, and leaves a third in the WAL that was copied into the database. */
async function leaveOneUnread(): Promise<Begun> {
  const before = hashFile(file, 4096);
  const capture = await openCapture();
  (await capture.startFromImage(4096, () => 0)).image[Symbol.dispose]();
  await capture.adoptHashes(before);
  write();
  write();
  await capture.catchUp(() => {});
  const { hashes } = capture;
  await open.disposeAsync();
  open = new AsyncDisposableStack();
  write();
  app.pragma('wal_checkpoint(PASSIVE)');
  const { spool, end } = must(await Spool.recover(folder.at(`spool${String(spoolNames - 1)}`)), 'it was captured');
  return { spool, end: must(end, 'it holds transactions'), hashes };
}

describe('what lies behind the captured end', () => {
  test('is read where nothing happens meanwhile', async () => {
    const left = await leaveOneUnread();
    const capture = await openCapture(left);
    const state = await capture.catchUp(() => capture.hashes?.state);
    expect(state).toBe(hashFile(file, 4096).state);
    write();
    await capture.catchUp(() => {});
    expect(capture.hashes?.state).not.toBe(state);
  });

  test.each([
    ['restarted', () => write()],
    ['emptied', () => app.pragma('wal_checkpoint(TRUNCATE)')],
    ['emptied and begun anew', () => [app.pragma('wal_checkpoint(TRUNCATE)'), write()]],
  ])('is not taken for nothing when the WAL is %s before it was read', async (_name, happens) => {
    const capture = await openCapture(await leaveOneUnread());
    happens();
    await expect(capture.catchUp(() => {})).rejects.toThrow(ContinuityUnproven);
    // And nothing that follows is taken for contiguous.
    write();
    await expect(capture.catchUp(() => {})).rejects.toThrow(ContinuityUnproven);
  });
});

test('a WAL that restarts while it is read for the first time is no damage', async () => {
  for (let i = 0; i < 5; i++) write();
  app.pragma('wal_checkpoint(PASSIVE)');
  let begun = 0;
  const capture = await openCapture({ onBegin: () => begun++ === 0 && write() });
  await expect(capture.startFromImage(4096, () => 0)).rejects.toThrow(ContinuityUnproven);
  await open.disposeAsync();
  open = new AsyncDisposableStack();
  const again = await openCapture();
  expect((await again.startFromImage(4096, () => 0)).image.pages).toBeGreaterThan(1);
});
