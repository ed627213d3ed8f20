// Images of a database whose applications come, go and checkpoint while it is read: what they copy into the file is copied aside
// before, as far as that can be; an image that was overtaken all the same is refused, and the next one is not to be overtaken.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Capture } from '../../electron/engine/capture/capture.ts';
import type { OpenedImage } from '../../electron/engine/capture/options.ts';
import { hashImage, layersAt } from '../../electron/engine/protection/read-image.ts';
import { meetDatabase } from '../../electron/engine/protection/start.ts';
import { Connections } from '../../electron/engine/source/connections.ts';
import { Watcher } from '../../electron/engine/source/watch.ts';
import { Spool } from '../../electron/engine/spool/spool.ts';
import { Visits } from '../../electron/engine/capture/visits.ts';
import { openApplication, openDatabase } from '../support/application.ts';
import { type AppConnection, openBeside } from '../support/beside.ts';
import { makeCapture } from '../support/capture.ts';
import { openTestEngine } from '../support/engine.ts';
import { hashFile } from '../support/hash-file.ts';
import { startProcess } from '../support/processes.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

const pageSize = 4096;
const { signal } = new AbortController();
let folder: TempFolder;
let file: string;
let app: AppConnection;
let open: AsyncDisposableStack;
let spool: Spool;
let visits: Visits;
let joined: Connections;
let capture: Capture;
beforeEach(async () => {
  const schema = 'CREATE TABLE t(v); INSERT INTO t VALUES (zeroblob(100000)); PRAGMA wal_checkpoint(TRUNCATE)';
  const application = openApplication(schema, { checkpoints: false });
  ({ folder, file, app } = application);
  open = new AsyncDisposableStack();
  spool = open.use(Spool.create(folder.at('spool'), 0));
  visits = new Visits();
  joined = open.use(await Connections.open(file, 'light'));
  capture = open.use(
    makeCapture({
      path: file,
      start: joined,
      spool,
      visits,
      watcher: open.use(new Watcher()),
      connect: async (hold) => (joined = await Connections.open(file, hold)),
    }),
  );
  const before = hashFile(file, pageSize);
  (await capture.startFromImage(pageSize, () => 0)).image[Symbol.dispose]();
  await capture.adoptHashes(before);
  return application[Symbol.dispose];
});
afterEach(async () => await open.disposeAsync());

const write = (pages = 1): unknown =>
  app.exec(`UPDATE t SET v = randomblob(100000); INSERT INTO t VALUES (randomblob(${pages * pageSize}))`);

async function openImage(): Promise<OpenedImage & { readonly state: bigint }> {
  const opened = await capture.openImage(pageSize);
  opened.image.describe(await layersAt(spool, { at: opened.at, pageSize }));
  return opened;
}

async function stateOf({ image }: OpenedImage): Promise<bigint> {
  const { state } = await hashImage(image, { signal, onProgress: () => {} });
  image[Symbol.dispose]();
  return state;
}

/** Something of the application's comes in the moment in which no pin is held. */
function betweenPins(happens: () => void): void {
  const { pins } = joined;
  const reopen = pins.reopen.bind(pins);
  pins.reopen = () => {
    happens();
    reopen();
  };
}

describe('an image goes on', () => {
  test('where the file is locked for checkpoints meanwhile, and somebody commits in that moment', async () => {
    write();
    const image = await openImage();
    betweenPins(() => write());
    capture.startWatching();
    write(1000);
    await until('it may checkpoint', () => joined.hold === 'firm');
    await capture.catchUp(() => {});
    app.pragma('wal_checkpoint(PASSIVE)');
    expect(await stateOf(image)).toBe(image.state);
    expect(visits.isUnsteady(performance.now())).toBe(false);
  });
});

describe('an image is refused', () => {
  test('where somebody commits and checkpoints in that moment', async () => {
    write();
    const image = await openImage();
    betweenPins(() => {
      write();
      app.pragma('wal_checkpoint(PASSIVE)');
    });
    capture.startWatching();
    write(1000);
    await until('it may checkpoint', () => joined.hold === 'firm');
    await expect(stateOf(image)).rejects.toMatchObject({ code: 'database-unsteady' });
    image.image[Symbol.dispose]();
    expect(visits.isUnsteady(performance.now())).toBe(true);
  });

  test('where the last one to close copies what could not be copied aside', async () => {
    write();
    await capture.catchUp(() => {});
    const image = await openImage();
    fs.renameSync(spool.folder, folder.at('away'));
    write();
    await capture.catchUp(() => {});
    app.close();
    await capture.catchUp(() => {});
    fs.renameSync(folder.at('away'), spool.folder);
    await expect(stateOf(image)).rejects.toMatchObject({ code: 'database-unsteady' });
    image.image[Symbol.dispose]();
  });
});

test('an image that is read with nobody there is refused as soon as somebody was', async () => {
  capture.startWatching();
  await until('nothing of ours is there', () => capture.isDormant);
  const image = await openImage();
  write();
  app.close();
  await capture.catchUp(() => {});
  await expect(stateOf(image)).rejects.toMatchObject({ code: 'database-unsteady' });
  image.image[Symbol.dispose]();
});

describe('after one that was spoiled', () => {
  /** Whoever leaves as the last one copies what was not read. */
  async function spoilOne(): Promise<void> {
    const image = await openImage();
    write();
    app.close();
    await capture.catchUp(() => {});
    await expect(stateOf(image)).rejects.toMatchObject({ code: 'database-unsteady' });
    image.image[Symbol.dispose]();
  }

  test('the next image is read whole, however often others come, commit and go', async () => {
    await spoilOne();
    capture.startWatching();
    app = openDatabase(file, 'SELECT 1', { checkpoints: false });
    write();
    await until('it is seen', async () => await capture.isCurrent());
    const image = await openImage();
    for (let visit = 0; visit < 3; visit++) {
      write();
      app.close();
      await capture.catchUp(() => {});
      app = openBeside(file);
    }
    expect(await stateOf(image)).toBe(image.state);
    app.close();
    await until('nothing of ours is there any more', () => !fs.existsSync(`${file}-wal`));
  });

  test('an opening is there before whoever comes, and stays no longer than it has to', async () => {
    await spoilOne();
    await open.disposeAsync();
    open = new AsyncDisposableStack();
    expect(fs.existsSync(`${file}-wal`)).toBe(false);
    const start = await meetDatabase(file, visits);
    expect('pins' in start && start.hold).toBe('firm');
    if ('pins' in start) await start[Symbol.asyncDispose]();
    visits.forget();
    expect('pins' in (await meetDatabase(file, visits))).toBe(false);
    // One who keeps it for itself is there before.
    visits.noteSpoiled(performance.now());
    const keeper = openBeside(file);
    keeper.pragma('locking_mode = EXCLUSIVE');
    keeper.exec('BEGIN IMMEDIATE');
    expect('pins' in (await meetDatabase(file, visits))).toBe(false);
    keeper.close();
  });
});

test('a large database is protected although others visit it more often than it can be read', async () => {
  using place = tempFolder();
  const large = place.at('large.db');
  const database = new Database(large);
  database.pragma('page_size = 65536');
  database.pragma('synchronous = off');
  database.exec('CREATE TABLE t(v); CREATE TABLE n(v); INSERT INTO n VALUES (0)');
  for (let i = 0; i < 3; i++) database.exec('INSERT INTO t VALUES (zeroblob(100000000))');
  database.pragma('journal_mode = wal');
  database.close();
  const visiting = `const [file] = process.argv.slice(1); const Database = require('better-sqlite3');
setInterval(() => { const one = new Database(file); one.exec('UPDATE n SET v = v + 1'); one.close(); process.stdout.write('visited\\n'); }, 230);`;
  await using visitor = startProcess(process.execPath, ['-e', visiting, large], { cwd: import.meta.dirname });
  await visitor.printed('visited');
  await using engine = openTestEngine(place.at('data'));
  const { databaseId: id } = await engine.call('addDatabase', { path: large, folder: place.at('backup') });
  const isProtected = ({ status }: { readonly status: { readonly kind: string } }) => status.kind === 'protected';
  const { generation } = await engine.waitFor(id, 'it is protected', isProtected, 90_000);
  expect(generation?.reason).toBe('Protection began');
}, 120_000);
