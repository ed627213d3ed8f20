// Somebody changes or removes what lies on a target: it is noticed when the target is looked at, nothing is told that cannot be
// restored, and the history goes on.
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { DatabaseId } from '../../shared/ids.ts';
import { openDatabase } from '../support/application.ts';
import { type AppConnection, openBeside } from '../support/beside.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { leapingClock } from '../support/leaping-clock.ts';
import { type TempFolder, tempFolder, until } from '../support/temp.ts';

interface Shop extends Disposable {
  readonly engine: TestEngine;
  readonly id: DatabaseId;
  /** One transaction, shipped. */
  write(): Promise<void>;
  /** The next transaction begins a new WAL. */
  restartWal(): Promise<void>;
}

/** What lies there, by kind, in the order of history. */
function objects(folder: TempFolder, kind: 'wal' | 'snapshots'): readonly string[] {
  return fs
    .readdirSync(folder.at('disk'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.lz4') && path.basename(path.dirname(name)) === kind)
    .map((name) => folder.at('disk', name))
    .sort();
}

function openApp(folder: TempFolder): AppConnection {
  return openDatabase(folder.at('shop.db'), 'CREATE TABLE IF NOT EXISTS t(n)');
}

function shopOf(folder: TempFolder, engine: TestEngine, id: DatabaseId, app: AppConnection): Shop {
  return {
    engine,
    id,
    write: async () => {
      const before = JSON.stringify(engine.database(id).newest?.position);
      app.exec('INSERT INTO t SELECT count(*) + 1 FROM t');
      await engine.waitFor(
        id,
        'it is shipped',
        ({ lag, newest }) => lag.bytes === 0 && JSON.stringify(newest?.position) !== before,
      );
    },
    restartWal: async () => {
      await until('its WAL begins anew', () => {
        const [row] = app.pragma('wal_checkpoint(TRUNCATE)') as readonly { readonly busy: number }[];
        return row?.busy === 0;
      });
    },
    [Symbol.dispose]: () => app.close(),
  };
}

/** Every point that is told is restored; answers how many rows each one has. */
async function restoreAll({ engine, id }: Shop, folder: TempFolder): Promise<readonly unknown[]> {
  const rows: unknown[] = [];
  for (const point of await engine.points(id)) {
    const output = folder.at('restored.db');
    expect((await engine.restore(id, point, output)).result?.proof).toMatchObject({
      kind: 'identical',
      check: 'quick_check ok',
    });
    const database = new Database(output);
    rows.push(database.prepare('SELECT count(*) FROM t').pluck().get());
    database.close();
    fs.rmSync(output);
  }
  return rows;
}

const isProtected = ({ status }: { readonly status: { readonly kind: string } }) => status.kind === 'protected';

/** Ten transactions in five WALs, then `damage` while the engine is away, then one more. */
async function live(
  folder: TempFolder,
  damage: (segments: readonly string[]) => void,
): Promise<{ readonly rows: readonly unknown[]; readonly images: number; readonly told: number }> {
  using app = openAppDisposable(folder);
  let id: DatabaseId;
  {
    await using engine = openTestEngine(folder.at('data'));
    id = (await engine.call('addDatabase', { path: folder.at('shop.db'), folder: folder.at('disk') })).databaseId;
    const { replicas } = await engine.waitFor(id, 'it is protected', isProtected);
    const [replica] = replicas;
    if (replica === undefined) throw new Error('it has a replica');
    await engine.call('updateReplica', { databaseId: id, targetId: replica.targetId, syncIntervalMs: 10 });
    const shop = shopOf(folder, engine, id, app.database);
    for (let i = 0; i < 10; i++) {
      if (i > 0 && i % 2 === 0) await shop.restartWal();
      await shop.write();
    }
  }
  {
    // What it kept of the older WALs goes once it has begun anew.
    await using engine = openTestEngine(folder.at('data'));
    await engine.waitFor(id, 'it is protected', isProtected);
    const again = shopOf(folder, engine, id, app.database);
    // Both in one WAL, however long they take.
    using _reader = openReader(folder);
    for (let i = 0; i < 2; i++) await again.write();
  }
  damage(objects(folder, 'wal'));
  await using engine = openTestEngine(folder.at('data'));
  await engine.waitFor(id, 'it is protected', isProtected);
  const shop = shopOf(folder, engine, id, app.database);
  await shop.write();
  await engine.waitFor(id, 'it is protected', isProtected);
  const rows = await restoreAll(shop, folder);
  const told = engine.state().activity.filter(({ text }) => text.includes('not by Tidemark')).length;
  return { rows, images: objects(folder, 'snapshots').length, told };
}

function openAppDisposable(folder: TempFolder): Disposable & { readonly database: AppConnection } {
  const database = openApp(folder);
  return { database, [Symbol.dispose]: () => database.close() };
}

/** Reads for as long as it is there: what is written meanwhile begins a new WAL once at the most, with the first transaction. */
function openReader(folder: TempFolder): Disposable {
  const reader = openBeside(folder.at('shop.db'));
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM t').get();
  return { [Symbol.dispose]: () => reader.close() };
}

const whole = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];

test('a whole history stays as it is', async () => {
  using folder = tempFolder();
  expect(await live(folder, () => {})).toEqual({ rows: whole, images: 1, told: 0 });
});

test.each([
  ['is gone', (file: string) => fs.rmSync(file)],
  ['was cut short', (file: string) => fs.truncateSync(file, 40)],
])('a segment of the present WAL that %s is put again', async (_what, damage) => {
  using folder = tempFolder();
  const { rows, images, told } = await live(folder, (segments) => damage(segments.at(-2) ?? ''));
  expect({ rows, images, told }).toEqual({ rows: whole, images: 1, told: 0 });
});

test.each([
  ['is gone', (file: string) => fs.rmSync(file)],
  ['was cut short', (file: string) => fs.truncateSync(file, 40)],
])('where a segment of an older WAL %s, a new image goes on, and what is told is restorable', async (_what, damage) => {
  using folder = tempFolder();
  // The second WAL that was written to: what this computer kept of it is gone by now.
  const { rows, images, told } = await live(folder, (segments) => damage(segments[2] ?? ''));
  expect({ rows, images, told }).toEqual({ rows: [0, 1, 12, 13], images: 2, told: 1 });
});

test('where an older WAL is gone as a whole, what lies there of the present one is gone on with', async () => {
  using folder = tempFolder();
  const { rows, images, told } = await live(folder, (segments) => {
    const indexOf = (file: string) => path.basename(file).slice(0, 8);
    const gone = indexOf(segments[2] ?? '');
    for (const file of segments) if (indexOf(file) === gone) fs.rmSync(file);
  });
  expect({ rows, images, told }).toEqual({ rows: [0, 12, 13], images: 2, told: 1 });
});

const timesTold = ({ engine }: Shop, text: string) =>
  engine.state().activity.filter((entry) => entry.text.includes(text)).length;

/** Six transactions in three WALs, with an image of the last two of them. */
async function openImaged(
  folder: TempFolder,
  { id: known, app, ...options }: Parameters<typeof openTestEngine>[1] & { id?: DatabaseId; app: AppConnection },
): Promise<Shop & AsyncDisposable> {
  const engine = openTestEngine(folder.at('data'), options);
  const id =
    known ?? (await engine.call('addDatabase', { path: folder.at('shop.db'), folder: folder.at('disk') })).databaseId;
  const { replicas } = await engine.waitFor(id, 'it is protected', isProtected);
  const shop = shopOf(folder, engine, id, app);
  if (known === undefined) {
    const change = async (snapshotIntervalMs: number) => {
      for (const { targetId } of replicas) {
        await engine.call('updateReplica', { databaseId: id, targetId, syncIntervalMs: 10, snapshotIntervalMs });
      }
    };
    const before = objects(folder, 'snapshots').length;
    await change(1e9);
    for (let i = 0; i < 4; i++) {
      if (i === 2) await shop.restartWal();
      await shop.write();
    }
    await shop.restartWal();
    // Both in one WAL, however long they take, and the image, too.
    using _reader = openReader(folder);
    await shop.write();
    await change(1);
    await until('there is another image', () => objects(folder, 'snapshots').length > before);
    await change(1e9);
    await shop.write();
  }
  return {
    ...shop,
    [Symbol.dispose]: () => {},
    [Symbol.asyncDispose]: async () => await engine[Symbol.asyncDispose](),
  };
}

test.each([
  ['is gone', (file: string) => fs.rmSync(file)],
  ['was cut short', (file: string) => fs.truncateSync(file, 100)],
])('where the newest image %s, a new one takes its place, and every point can be restored', async (_what, damage) => {
  using folder = tempFolder();
  using app = openAppDisposable(folder);
  let id: DatabaseId;
  {
    await using shop = await openImaged(folder, { app: app.database });
    id = shop.id;
  }
  const images = objects(folder, 'snapshots');
  const sizes = () => objects(folder, 'snapshots').map((file) => fs.statSync(file).size);
  expect(images).toHaveLength(2);
  damage(images.at(-1) ?? '');
  await using shop = await openImaged(folder, { id, app: app.database });
  // In its place, or behind it where a new WAL has begun.
  await until('a whole one is there', () => sizes().length > 1 && (sizes().at(-1) ?? 0) > 100);
  expect(await restoreAll(shop, folder)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(timesTold(shop, 'Every restore point can still be restored')).toBe(1);
});

test('an image that was cut short counts for nothing after another start either', async () => {
  using folder = tempFolder();
  using app = openAppDisposable(folder);
  let id: DatabaseId;
  {
    await using shop = await openImaged(folder, { app: app.database });
    id = shop.id;
  }
  for (const image of objects(folder, 'snapshots')) fs.truncateSync(image, 100);
  for (let start = 0; start < 2; start++) {
    await using shop = await openImaged(folder, { id, app: app.database });
    await shop.write();
    expect(await restoreAll(shop, folder)).toEqual(start === 0 ? [6, 7] : [6, 7, 8]);
  }
});

test('what is lost of a history that ended is told, and shown as a gap', async () => {
  using folder = tempFolder();
  using app = openAppDisposable(folder);
  const { clock, leap } = leapingClock();
  let id: DatabaseId;
  {
    await using shop = await openImaged(folder, { app: app.database });
    id = shop.id;
  }
  // What Tidemark noted is lost: a new history begins.
  fs.rmSync(folder.at('data', 'databases', id, 'spool'), { recursive: true });
  {
    await using shop = await openImaged(folder, { id, app: app.database });
    await shop.write();
  }
  // The first transaction of the second WAL; an image lies behind it.
  const segmentsOf = (name: string) => objects(folder, 'wal').filter((file) => file.includes(name));
  const generations = fs.readdirSync(folder.at('disk', 'shop.db', 'generations'));
  const ended = generations.find((name) => segmentsOf(name).length > 2) ?? '';
  fs.rmSync(segmentsOf(ended)[3] ?? '');
  // Two days later it looks at all that lies there, soon after it has started.
  leap(2 * 86_400_000);
  await using shop = await openImaged(folder, { id, app: app.database, clock });
  leap(2 * 60_000);
  await until('it is told', () => timesTold(shop, 'not by Tidemark') > 0);
  expect(await restoreAll(shop, folder)).toEqual([0, 1, 2, 5, 6, 6, 7]);
  const { events } = await shop.engine.call('getTimeline', { databaseId: id, bins: 10 });
  expect(events.filter(({ kind }) => kind === 'gap')).toEqual([
    expect.objectContaining({ text: expect.stringContaining('changed or removed, not by Tidemark') as string }),
  ]);
  expect(timesTold(shop, 'not by Tidemark')).toBe(1);
});

test.each([
  ['one segment', [-2], [0, 1, 2, 3, 4, 5, 6, 7, 8]],
  ['segments one behind the other', [-3, -2], [0, 1, 2, 3, 4, 5, 6, 7, 8]],
  ['the end of it', [-2, -1], [0, 1, 2, 3, 4, 5, 6, 7, 8]],
])('%s lost while it runs: put again as before once the destination is looked at', async (_what, places, rows) => {
  using folder = tempFolder();
  using app = openAppDisposable(folder);
  await using shop = await openImaged(folder, { app: app.database });
  const { engine, id } = shop;
  {
    // In the present WAL: this computer has it.
    using _reader = openReader(folder);
    for (let i = 0; i < 2; i++) await shop.write();
  }
  const before = objects(folder, 'wal');
  const lost = places.flatMap((place) => before.at(place) ?? []);
  for (const file of lost) fs.rmSync(file);
  for (const { targetId } of engine.database(id).replicas) {
    await engine.call('updateReplica', { databaseId: id, targetId, retention: { kind: 'keep-all' } });
  }
  await until('it is there again', () => fs.existsSync(lost[0] ?? ''), 60_000);
  await engine.waitFor(id, 'all is there', ({ lag }) => lag.bytes === 0);
  expect(await restoreAll(shop, folder)).toEqual(rows);
});
