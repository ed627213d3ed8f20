// What is asked of a capture at moments that it may not choose: images, and which file it has.
import fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ContinuityUnproven } from '../../electron/engine/capture/options.ts';
import { hashImage, layersAt } from '../../electron/engine/protection/read-image.ts';
import { leftAs } from '../../electron/engine/protection/start.ts';
import { Connections } from '../../electron/engine/source/connections.ts';
import { Watcher } from '../../electron/engine/source/watch.ts';
import { Spool } from '../../electron/engine/spool/spool.ts';
import { makeDatabase, openApplication } from '../support/application.ts';
import { openBeside } from '../support/beside.ts';
import { makeCapture } from '../support/capture.ts';
import { hashFile } from '../support/hash-file.ts';
import { tempFolder, until } from '../support/temp.ts';

test('an image that is opened while the pin follows an application, which empties its WAL, is exact', async () => {
  using application = openApplication(
    `CREATE TABLE t(id INTEGER PRIMARY KEY, v);
     WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 100) INSERT INTO t SELECT n, randomblob(3000) FROM i;
     PRAGMA wal_checkpoint(TRUNCATE)`,
    { checkpoints: false },
  );
  const { app, folder, file } = application;
  const before = hashFile(file, 4096);
  await using connections = await Connections.open(file);
  using watcher = new Watcher();
  using spool = Spool.create(folder.at('spool'), 0);
  const failures: unknown[] = [];
  await using capture = makeCapture({
    path: file,
    start: connections,
    watcher,
    spool,
    onFailed: (error) => failures.push(error),
  });
  (await capture.startFromImage(4096, () => 0)).image[Symbol.dispose]();
  await capture.adoptHashes(before);
  capture.startWatching();
  app.pragma('busy_timeout = 0');
  const write = () => app.exec(`UPDATE t SET v = randomblob(3000) WHERE id = ${1 + Math.floor(Math.random() * 100)}`);
  const empty = async (): Promise<void> => {
    for (let again = 0; again < 400; again++) {
      const [row] = app.pragma('wal_checkpoint(TRUNCATE)') as readonly { readonly busy: number }[];
      if (row?.busy === 0) return;
      await nextTurn();
    }
  };
  const { signal } = new AbortController();
  for (let round = 0; round < 40; round++) {
    write();
    await empty();
    write();
    capture.wake();
    await nextTurn();
    await nextTurn();
    write();
    const { image, at, state } = await capture.openImage(4096);
    image.describe(await layersAt(spool, { at, pageSize: 4096 }));
    for (let i = 0; i < 8; i++) {
      write();
      await nextTurn();
      app.pragma('wal_checkpoint(PASSIVE)');
      await nextTurn();
    }
    const hashes = await hashImage(image, { signal, onProgress: () => {} });
    image[Symbol.dispose]();
    expect(hashes.state === state).toBe(true);
  }
  expect(failures).toEqual([]);
});

test('tells which file is captured also while it is being left', async () => {
  using application = openApplication('CREATE TABLE t(v)');
  const { folder, file } = application;
  const connections = await Connections.open(file);
  using watcher = new Watcher();
  using spool = Spool.create(folder.at('spool'), 0);
  await using capture = makeCapture({ path: file, start: connections, watcher, spool, onFailed: () => {} });
  (await capture.startFromImage(4096, () => 0)).image[Symbol.dispose]();
  const inodes: number[] = [];
  const close = connections[Symbol.asyncDispose].bind(connections);
  connections[Symbol.asyncDispose] = async () => {
    inodes.push(capture.file.inode);
    await close();
    inodes.push(capture.file.inode);
  };
  await capture.letGo();
  expect(capture.isDormant).toBe(true);
  const { ino } = fs.statSync(file);
  expect(inodes).toEqual([ino, ino]);
});

test('who waits for a comparison that is not made is told, and does not wait for ever', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  makeDatabase(file, 'CREATE TABLE t(v)');
  using watcher = new Watcher();
  using spool = Spool.create(folder.at('spool'), 0);
  const failures: unknown[] = [];
  await using capture = makeCapture({
    path: file,
    start: leftAs(file),
    watcher,
    spool,
    hashes: hashFile(file, 4096),
    onUnseen: () => false,
    onFailed: (error) => failures.push(error),
  });
  const other = openBeside(file);
  other.pragma('journal_mode = wal');
  for (let n = 0; n < 3; n++) other.exec('INSERT INTO t VALUES (1)');
  other.close();
  capture.startWatching();
  await until('it is found', () => failures.length > 0);
  expect(failures).toEqual([expect.any(ContinuityUnproven)]);
  await expect(capture.openImage(4096)).rejects.toThrow(ContinuityUnproven);
});
