// Letting go of the pin while an application's checkpoint waits for it: what happened meanwhile is captured where SQLite's
// count of transactions proves that it is all there, and refused as a contiguous history where it is not.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import type Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Capture } from '../../electron/engine/capture/capture.ts';
import { ContinuityUnproven } from '../../electron/engine/capture/options.ts';
import { must } from '../../shared/assert.ts';
import { CommitLog } from '../../electron/engine/spool/commits.ts';
import { decideContinuation, newGeneration } from '../../electron/engine/protection/continuity.ts';
import { hashImage, layersAt } from '../../electron/engine/protection/read-image.ts';
import { Connections } from '../../electron/engine/source/connections.ts';
import { Watcher } from '../../electron/engine/source/watch.ts';
import { Spool } from '../../electron/engine/spool/spool.ts';
import { openApplicationHere } from '../support/application.ts';
import { makeCapture } from '../support/capture.ts';
import { hashFile } from '../support/hash-file.ts';
import type { TempFolder } from '../support/temp.ts';

let folder: TempFolder;
let file: string;
let app: Database.Database;
let open: AsyncDisposableStack;
let connections: Connections;
let capture: Capture;
let spool: Spool;
beforeEach(async () => {
  const application = openApplicationHere('CREATE TABLE t(v); PRAGMA wal_checkpoint(TRUNCATE)', { checkpoints: false });
  ({ folder, file, app } = application);
  const before = hashFile(file, 4096);
  open = new AsyncDisposableStack();
  connections = open.use(await Connections.open(file));
  const watcher = open.use(new Watcher());
  spool = open.use(Spool.create(folder.at('spool'), 0));
  capture = open.use(makeCapture({ path: file, start: connections, watcher, spool }));
  (await capture.startFromImage(4096, () => 0)).image[Symbol.dispose]();
  await capture.adoptHashes(before);
  write(3);
  await capture.catchUp(() => {});
  return application[Symbol.dispose];
});
afterEach(async () => await open.disposeAsync());

function write(count: number): void {
  for (let i = 0; i < count; i++) app.exec('INSERT INTO t VALUES (randomblob(3000))');
}

interface Filler extends Disposable {
  /** Commits in this moment, before anything else here goes on. */
  write(count: number): void;
}

/** Another process that fills the sector behind each transaction with copies of its last frame: they are none. */
function openFiller(): Filler {
  const script = `
import os, sqlite3, sys, time
file, orders = sys.argv[1], sys.argv[2]
c = sqlite3.connect('file:' + file + '?psow=0', uri=True, isolation_level=None)
c.execute('PRAGMA synchronous=full')
c.execute('PRAGMA wal_autocheckpoint=0')
n = 0
while True:
  while not os.path.exists(orders + str(n)): time.sleep(0.001)
  for i in range(int(open(orders + str(n)).read())): c.execute('INSERT INTO t VALUES (randomblob(3000))')
  open(orders + str(n) + '.done', 'w').close()
  n += 1`;
  const orders = folder.at('order');
  const filler = spawn('python3', ['-c', script, file, orders], { stdio: ['ignore', 'ignore', 'inherit'] });
  const pause = new Int32Array(new SharedArrayBuffer(4));
  let n = 0;
  return {
    write: (count) => {
      fs.writeFileSync(`${orders}.tmp`, String(count));
      fs.renameSync(`${orders}.tmp`, `${orders}${n}`);
      while (!fs.existsSync(`${orders}${n}.done`)) Atomics.wait(pause, 0, 0, 1);
      n++;
    },
    [Symbol.dispose]: () => void filler.kill(),
  };
}

/** Does something while the pin is let go; all of it before anybody looks again. */
async function whileAside(work: () => void): Promise<void> {
  const aside = capture.stepAside(5000);
  // What is committed is read first; then the pin is let go.
  for (let turn = 0; turn < 5; turn++) await new Promise((next) => setImmediate(next));
  work();
  await aside;
}

/** What was captured, and what the file is when everything is in it. */
async function ends(): Promise<readonly (bigint | undefined)[]> {
  const state = await capture.catchUp(() => capture.hashes?.state);
  await open.disposeAsync();
  app.pragma('wal_checkpoint(TRUNCATE)');
  return [state, hashFile(file, 4096).state];
}

describe('what happened while the pin was let go is captured', () => {
  test.each([
    ['a checkpoint', () => app.pragma('wal_checkpoint(TRUNCATE)')],
    ['commits', () => write(4)],
    ['a restart and commits', () => (app.pragma('wal_checkpoint(RESTART)'), write(2))],
    ['a truncation and commits', () => (app.pragma('wal_checkpoint(TRUNCATE)'), write(2))],
  ])('where it was %s', async (_name, work) => {
    await whileAside(work);
    write(1);
    const [captured, truth] = await ends();
    expect(captured).toBe(truth);
  });
});

test('commits with copies behind them are captured, again and again, also behind a restart', async () => {
  using filler = openFiller();
  filler.write(1);
  await capture.catchUp(() => {});
  for (const restarts of [false, false, true, false]) {
    await whileAside(() => {
      if (restarts) app.pragma('wal_checkpoint(RESTART)');
      filler.write(3);
    });
    filler.write(1);
    await capture.catchUp(() => {});
  }
  const [captured, truth] = await ends();
  expect(captured).toBe(truth);
});

describe('an image that is open meanwhile', () => {
  const { signal } = new AbortController();

  test.each([
    ['goes on where somebody else only checkpointed', () => app.pragma('wal_checkpoint(TRUNCATE)'), true],
    ['goes on where something was committed', () => write(2), true],
    ['goes on where the WAL began anew', () => (app.pragma('wal_checkpoint(RESTART)'), write(1)), true],
    ['is refused where that was copied, too', () => (write(2), app.pragma('wal_checkpoint(PASSIVE)')), false],
  ])('%s', async (_name, work, isGood) => {
    const { image, at, state } = await capture.openImage(4096);
    image.describe(await layersAt(spool, { at, pageSize: 4096 }));
    await whileAside(work);
    app.pragma('wal_checkpoint(PASSIVE)');
    const reading = hashImage(image, { signal, onProgress: () => {} });
    if (isGood) expect((await reading).state).toBe(state);
    else await expect(reading).rejects.toMatchObject({ code: 'database-unsteady' });
    image[Symbol.dispose]();
  });
});

test('what was overwritten before it could be read is not taken for contiguous', async () => {
  const lost = () => {
    write(4);
    app.pragma('wal_checkpoint(TRUNCATE)');
    write(2);
  };
  await expect(whileAside(lost)).rejects.toThrow(ContinuityUnproven);
  await expect(capture.catchUp(() => {})).rejects.toThrow(ContinuityUnproven);
});

test('what the pins should have kept is missed by counting, should they ever fail', async () => {
  const aside = connections.pins.stepAside(5000);
  write(4);
  app.pragma('wal_checkpoint(TRUNCATE)');
  write(2);
  await aside;
  const { hashes } = capture;
  await expect(capture.catchUp(() => {})).rejects.toThrow(ContinuityUnproven);
  // Nothing of what lies behind the hole is kept: the next opening must not take it for contiguous.
  const left = must(await Spool.recover(folder.at('spool')), 'something was captured');
  using recovered = left.spool;
  const remains = {
    ...left,
    spool: recovered,
    hashes,
    generation: newGeneration(),
    commits: new CommitLog(),
    composed: [],
  };
  const { fd } = connections;
  const { kind } = decideContinuation(
    { fd, connections, file },
    { ...remains, clean: undefined, isCut: false, isUntouched: () => false, lastAt: 0 },
  );
  expect(kind).toBe('compare');
});

test('a restart that a pin permits is counted and goes on', async () => {
  for (let round = 0; round < 5; round++) {
    const advance = async () => await connections.pins.advance(async () => await capture.catchUp(() => {}));
    await advance();
    app.pragma('wal_checkpoint(PASSIVE)');
    await advance();
    write(1 + round);
    await capture.catchUp(() => {});
  }
  expect(capture.end.index).toBe(5);
  const [captured, truth] = await ends();
  expect(captured).toBe(truth);
});

test('pages that VACUUM cut off and that came back are explained', async () => {
  const advance = async () => await connections.pins.advance(async () => await capture.catchUp(() => {}));
  write(10);
  await advance();
  app.pragma('wal_checkpoint(PASSIVE)');
  await advance();
  // The WAL starts over: what the file holds then is what its pages are compared with.
  write(1);
  await capture.catchUp(() => {});
  app.exec('DELETE FROM t; VACUUM');
  await advance();
  app.pragma('wal_checkpoint(PASSIVE)');
  write(10);
  await capture.catchUp(() => {});
  await capture.proveContent();
  const [captured, truth] = await ends();
  expect(captured).toBe(truth);
});
