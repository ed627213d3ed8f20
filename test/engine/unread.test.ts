// Steady writing is seen by glances and read later, together: when it is shipped, when it is much, and when it breaks off; nothing is lost
// by that, and each transaction keeps the time at which it was seen. Real connections, an application in a process of its own.
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Capture } from '../../electron/engine/capture/capture.ts';
import { CommitLog } from '../../electron/engine/spool/commits.ts';
import { newCounters } from '../../electron/engine/capture/counters.ts';
import { Connections } from '../../electron/engine/source/connections.ts';
import { Watcher } from '../../electron/engine/source/watch.ts';
import { Spool } from '../../electron/engine/spool/spool.ts';
import { type Application, openApplication } from '../support/application.ts';
import { makeCapture } from '../support/capture.ts';
import { hashFile } from '../support/hash-file.ts';
import { until } from '../support/temp.ts';

const rhythmMs = 10;

let application: Application;
let capture: Capture;
let commits: CommitLog;
let counters: ReturnType<typeof newCounters>;
let failures: unknown[];
/** By the clock of the capture: so many transactions were committed. */
let committed: number;
/** How often it was told that something is left unread. */
let told: number;
let cleanUp: AsyncDisposableStack;

beforeEach(async () => {
  cleanUp = new AsyncDisposableStack();
  application = cleanUp.use(openApplication('CREATE TABLE t(v)', { checkpoints: false }));
  const { file, folder } = application;
  const watcher = cleanUp.use(new Watcher());
  const spool = cleanUp.use(Spool.create(folder.at('spool'), 0));
  [commits, counters, failures, committed, told] = [new CommitLog(), newCounters(), [], 0, 0];
  application.app.pragma('wal_checkpoint(TRUNCATE)');
  const before = hashFile(file, 4096);
  const start = await Connections.open(file, 'light');
  capture = makeCapture({
    path: file,
    start,
    watcher,
    spool,
    commits,
    counters,
    now: () => committed,
    batchMs: () => 2 * rhythmMs,
    unreadMs: () => 600_000,
    onCommitted: () => told++,
    onFailed: (error) => failures.push(error),
  });
  cleanUp.use(capture);
  (await capture.startFromImage(4096, () => 0)).image[Symbol.dispose]();
  await capture.adoptHashes(before);
  counters.transactions = 0;
  capture.startWatching();
});
afterEach(async () => {
  await cleanUp.disposeAsync();
  expect(failures).toEqual([]);
});

/** The application commits in its rhythm until something is so. */
async function commitUntil(isSo: () => boolean, sql = 'INSERT INTO t VALUES (1)'): Promise<void> {
  await until('it is so', async () => {
    application.app.exec(sql);
    committed++;
    await delay(rhythmMs);
    return isSo();
  });
}

test('what is committed in a steady rhythm is left unread until it is asked for, and keeps its times', async () => {
  let read = 0;
  let since = 0;
  await commitUntil(() => {
    if (counters.transactions !== read) [read, since] = [counters.transactions, committed];
    return committed - since > 20;
  });
  expect(told).toBeGreaterThan(0);
  await capture.catchUpUnread();
  expect(counters.transactions).toBe(committed);
  const times = commits.between(0, 0, Infinity).map(({ at }) => at);
  // Each was seen when it was there, in their order, and not only when all of them were read.
  expect([times.length, times.every((at, i) => at > i && at >= (times[i - 1] ?? 0))]).toEqual([committed, true]);
  expect(new Set(times.slice(read)).size).toBeGreaterThan(2);
});

test('it is read when the rhythm breaks off, and then all is let go', async () => {
  await commitUntil(() => told > 0);
  await until('all is let go', () => capture.isDormant);
  expect(counters.transactions).toBe(committed);
});

test('it is read when it gets much', async () => {
  await commitUntil(() => told > 0);
  // In each transaction a quarter of what may stay unread.
  const many =
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT randomblob(3000) FROM n';
  const { frames } = counters;
  await commitUntil(() => counters.frames > 400, `INSERT INTO t ${many}`);
  expect(counters.frames).toBeGreaterThan(frames);
});

test('of an application that closes behind its last commit nothing is missed', async () => {
  await commitUntil(() => told > 0);
  application.app.exec('INSERT INTO t VALUES (2)');
  committed++;
  application.app.close();
  await until('all is let go', () => capture.isDormant);
  expect([counters.transactions, fs.existsSync(`${application.file}-wal`)]).toEqual([committed, false]);
  const { state, pages } = hashFile(application.file, 4096);
  expect([capture.hashes?.state, capture.pages]).toEqual([state, pages]);
});
