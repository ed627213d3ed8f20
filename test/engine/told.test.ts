// What is told of a destination lies there, and what lies there is told: also where two destinations got the same history at
// different times and in different pieces, and what one of them needed was lost here meanwhile.
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { must } from '../../shared/assert.ts';
import type { RestorePoint } from '../../shared/history.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import { comparePositions } from '../../shared/position.ts';
import { type Application, openApplication } from '../support/application.ts';
import { openTestEngine, type TestEngine, upToDate } from '../support/engine.ts';
import { startScripted } from '../support/scripted.ts';
import { until } from '../support/temp.ts';
import { toldAndThere, type ToldAndThere } from '../support/told.ts';

let shop: Application;
beforeEach(() => (shop = openApplication('CREATE TABLE t(v)', { checkpoints: false })));
afterEach(() => shop[Symbol.dispose]());

const at = (name: string) => shop.folder.at(name, 'shop.db');

async function addTarget(engine: TestEngine, name: string): Promise<TargetId> {
  const { targetId } = await engine.call('addTarget', { place: { kind: 'folder', path: shop.folder.at(name) } });
  return targetId;
}

interface Two {
  readonly id: DatabaseId;
  readonly near: TargetId;
  readonly far: TargetId;
}

/** Protects the database on two destinations. */
async function protect(engine: TestEngine): Promise<Two> {
  const near = await addTarget(engine, 'near');
  const far = await addTarget(engine, 'far');
  const { databaseId: id } = await engine.call('addDatabase', { path: shop.file, targetId: near });
  await engine.call('addReplica', { databaseId: id, targetId: far });
  for (const targetId of [near, far]) {
    await engine.call('updateReplica', { databaseId: id, targetId, syncIntervalMs: 20 });
    await upToDate(engine, id, targetId);
  }
  return { id, near, far };
}

/** So many transactions, which one destination gets. */
async function write(engine: TestEngine, { id, targetId, count }: Shipped): Promise<void> {
  const before = JSON.stringify(engine.database(id).captured?.position);
  for (let i = 0; i < count; i++) shop.app.exec('INSERT INTO t VALUES (randomblob(50))');
  await engine.waitFor(id, 'it is captured', ({ captured }) => JSON.stringify(captured?.position) !== before);
  await upToDate(engine, id, targetId);
}

interface Shipped {
  readonly id: DatabaseId;
  readonly targetId: TargetId;
  readonly count: number;
}

/** Who reads keeps all in one WAL, and keeps that when Tidemark ends. */
async function openReader(): Promise<AsyncDisposable> {
  const reader = startScripted('node');
  await reader.does(['open', shop.file, 0], ['run', 'BEGIN'], ['ask', 'SELECT count(*) FROM t']);
  return reader;
}

/** Nothing can be put into a folder until what this returns is disposed of. */
function cutOff(name: string): Disposable {
  const [there, away] = [at(name), `${at(name)} away`];
  fs.renameSync(there, away);
  fs.writeFileSync(there, '');
  return {
    [Symbol.dispose]: () => {
      fs.rmSync(there);
      fs.renameSync(away, there);
    },
  };
}

function loseNotes(): void {
  const data = shop.folder.at('data');
  for (const name of fs.readdirSync(data, { recursive: true, encoding: 'utf8' }))
    if (path.basename(name) === 'hashes') fs.rmSync(path.join(data, name));
}

async function compare(engine: TestEngine, { id, near, far }: Two): Promise<{ near: ToldAndThere; far: ToldAndThere }> {
  return {
    near: await toldAndThere(engine, id, { targetId: near, folder: at('near') }),
    far: await toldAndThere(engine, id, { targetId: far, folder: at('far') }),
  };
}

test('a destination that was away gets every point that another one was told, although the notes of them were lost', async () => {
  await using _reader = await openReader();
  let two: Two;
  {
    await using engine = openTestEngine(shop.folder.at('data'));
    two = await protect(engine);
    for (const targetId of [two.near, two.far]) await write(engine, { id: two.id, targetId, count: 3 });
    await upToDate(engine, two.id, two.near);
    const cut = cutOff('far');
    for (let i = 0; i < 2; i++) await write(engine, { id: two.id, targetId: two.near, count: 4 });
    await engine[Symbol.asyncDispose]();
    cut[Symbol.dispose]();
  }
  loseNotes();
  // Of these nothing was noted: they lie in one point.
  for (let i = 0; i < 3; i++) shop.app.exec('INSERT INTO t VALUES (randomblob(50))');
  await using engine = openTestEngine(shop.folder.at('data'));
  await write(engine, { id: two.id, targetId: two.far, count: 2 });
  await upToDate(engine, two.id, two.near);
  const found = await compare(engine, two);
  expect([found.near.told, found.far.told]).toEqual([found.near.there, found.far.there]);
  expect([new Set(found.near.there.map((name) => name.slice(0, 16))).size, found.far.there]).toEqual([
    1,
    found.near.there,
  ]);
});

test('a destination that got more transactions at once than a segment tells is told to have those that it tells', async () => {
  let two: Two;
  let apart: RestorePoint;
  {
    await using engine = openTestEngine(shop.folder.at('data'));
    two = await protect(engine);
    await using _reader = await openReader();
    {
      using _cut = cutOff('far');
      for (let i = 0; i < 2; i++) await write(engine, { id: two.id, targetId: two.near, count: 700 });
    }
    await upToDate(engine, two.id, two.far);
    const found = await compare(engine, two);
    expect([found.near.told, found.far.told]).toEqual([found.near.there, found.far.there]);
    expect([found.near.there.length > 1400, found.far.there.length < 1000]).toEqual([true, true]);
    // What only one of them has is restored from there.
    const points = await engine.points(two.id);
    const isApart = ({ targetIds }: RestorePoint) => targetIds.length === 1;
    apart = must(points.find(isApart), 'one of them got it thinned');
    expect(apart.targetIds).toEqual([two.near]);
    const { result } = await engine.restore(two.id, apart, shop.folder.at('restored.db'));
    expect([result?.point, result?.proof.kind]).toEqual([{ position: apart.position, at: apart.at }, 'identical']);
  }
  // Should more be told than there is, what is restored is called what it is.
  const state = new Database(shop.folder.at('data', 'state.db'));
  state.exec('DELETE FROM sparse');
  state.close();
  await using engine = openTestEngine(shop.folder.at('data'));
  await engine.call('updateReplica', { databaseId: two.id, targetId: two.near, isEnabled: false });
  await engine.call('removeReplica', { databaseId: two.id, targetId: two.near });
  const proposed = await engine.call('proposeRestore', { databaseId: two.id, position: apart.position });
  const { result } = await engine.restore(two.id, apart, shop.folder.at('other.db'));
  expect(result?.point).toEqual(proposed.point);
  expect(comparePositions(proposed.point.position, apart.position)).toBeLessThan(0);
  expect(proposed.point.at).toBeLessThanOrEqual(apart.at);
});

test('a destination that is added gets every point that another one has, of what is still kept here', async () => {
  await using engine = openTestEngine(shop.folder.at('data'));
  const near = await addTarget(engine, 'near');
  const { databaseId: id } = await engine.call('addDatabase', { path: shop.file, targetId: near });
  await engine.call('updateReplica', { databaseId: id, targetId: near, syncIntervalMs: 20 });
  await upToDate(engine, id, near);
  await using _reader = await openReader();
  for (let i = 0; i < 3; i++) await write(engine, { id, targetId: near, count: 3 });
  const far = await addTarget(engine, 'far');
  await engine.call('addReplica', { databaseId: id, targetId: far });
  await upToDate(engine, id, far);
  await engine.call('removeReplica', { databaseId: id, targetId: far });
  for (let i = 0; i < 3; i++) await write(engine, { id, targetId: near, count: 3 });
  await engine.call('addReplica', { databaseId: id, targetId: far });
  await upToDate(engine, id, far);
  const found = await compare(engine, { id, near, far });
  expect([found.near.told, found.far.told]).toEqual([found.near.there, found.far.there]);
  // From its image on.
  expect(found.far.there).toEqual(found.near.there.slice(-found.far.there.length));
  expect(found.far.there.length).toBeGreaterThan(9);
});

test('what a killed run had put is found again, whatever ended since while the destination was away', async () => {
  let id: DatabaseId;
  let targetId: TargetId;
  const lives = async (work: (engine: TestEngine) => Promise<void>): Promise<void> => {
    await using engine = openTestEngine(shop.folder.at('data'));
    await work(engine);
  };
  const loseSpool = () => fs.rmSync(shop.folder.at('data', 'databases', id, 'spool'), { recursive: true });
  await lives(async (engine) => {
    targetId = await addTarget(engine, 'near');
    ({ databaseId: id } = await engine.call('addDatabase', { path: shop.file, targetId }));
    await upToDate(engine, id, targetId);
    for (let i = 0; i < 2; i++) await write(engine, { id, targetId, count: 3 });
  });
  // It was killed behind its first image, before it wrote down what it had put since.
  const state = new Database(shop.folder.at('data', 'state.db'));
  state.exec(`DELETE FROM run; DELETE FROM segment;
    UPDATE shipped SET last_idx = first_idx, last_offset = first_offset, last_at = first_at`);
  state.close();
  {
    using _cut = cutOff('near');
    for (let i = 0; i < 2; i++) {
      loseSpool();
      await lives(async (engine) => {
        const generations = 2 + i;
        await until('another generation has begun', async () => {
          const timeline = await engine.call('getTimeline', { databaseId: id, bins: 10 });
          return timeline.generations.length === generations;
        });
      });
    }
  }
  await lives(async (engine) => {
    await write(engine, { id, targetId, count: 1 });
    const { told, there } = await toldAndThere(engine, id, { targetId, folder: at('near') });
    expect(told).toEqual(there);
    expect(there.length).toBeGreaterThan(6);
  });
});
