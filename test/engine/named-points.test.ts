// Named points while days pass: what has a name stays listed and restorable to the exact transaction, whatever retention lets
// go around it, and its record tells that to whoever else deletes there; without its name it goes like all others.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { RestorePoint } from '../../shared/history.ts';
import type { NamedPoint } from '../../shared/named-points.ts';
import { type AgingShop, dayMs, objectsIn, openShop } from '../support/aging-shop.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

const short = { kind: 'thinned', windowMs: dayMs, dailyMs: 0, weeklyMs: 0 } as const;

test('a named point stays, exactly, when everything around it went, and goes when its name is removed', async () => {
  using folder = tempFolder();
  await using shop = await openShop(folder);
  const { engine, id, targetId } = shop;
  await shop.liveDay();
  // In the middle of an index: neither the image's own point nor the last one before the next image.
  const point = await pointOf(shop, 2);
  const { namedPointId } = await engine.call('namePoint', {
    databaseId: id,
    position: point.position,
    name: ' before ',
  });
  expect(engine.database(id).namedPoints).toMatchObject([{ id: namedPointId, name: 'before', at: point.at }]);
  await engine.call('updateReplica', { databaseId: id, targetId, retention: short });
  for (let day = 0; day < 4; day++) await shop.liveDay();
  await until('what is older is gone', async () => (await preview(shop)).deletedObjects === 0);

  const kept = (await preview(shop)).keptSnapshots.filter(({ why }) => why === 'pinned');
  expect(kept).toMatchObject([{ names: ['before'] }]);
  await until('it is told', async () => (await engine.points(id)).length < 10);
  const listed = (await engine.points(id)).filter(({ at }) => at <= point.at);
  expect(listed.at(-1)).toEqual(point);
  expect(await restoredRow(shop, point)).toBe(2);
  expect(await engine.call('getPoint', { databaseId: id, position: point.position })).toEqual(point);
  const timeline = await engine.call('getTimeline', { databaseId: id, bins: 1000 });
  expect(timeline.overview.counts.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual((await engine.points(id)).length);

  // The one that was proven last stays too: let that be another one.
  const newest = (await engine.points(id)).at(-1);
  if (newest !== undefined) await restoredRow(shop, newest);
  const [before, images] = [objectsIn(folder), shop.images().length];
  await engine.call('removePointName', { databaseId: id, namedPointId });
  await until('it is gone', () => shop.images().length < images);
  await until('nothing is left to do', async () => (await preview(shop)).deletedObjects === 0);
  await until('it is told', async () => (await engine.points(id)).every(({ at }) => at > point.at));
  expect(objectsIn(folder)).toBeLessThan(before);
  expect(await engine.call('getPoint', { databaseId: id, position: point.position })).toBeUndefined();
  await expect(
    engine.call('namePoint', { databaseId: id, position: point.position, name: 'too late' }),
  ).rejects.toMatchObject({ code: 'point-unknown' });
});

test('what has a name is in the record at the target, without its name it is not', async () => {
  using folder = tempFolder();
  await using shop = await openShop(folder);
  const { engine, id } = shop;
  const claim = () => record(folder)['claim'];
  await shop.liveDay();
  const point = await pointOf(shop, 1);
  const claimed = claim();
  const { namedPointId } = await engine.call('namePoint', { databaseId: id, position: point.position, name: 'one' });
  await until('the record says so', () => record(folder).named?.length === 1);
  const [{ namedAt } = { namedAt: 0 }] = engine.database(id).namedPoints;
  expect(record(folder).named).toEqual([{ name: 'one', ...point.position, at: point.at, namedAt }]);
  await engine.call('renamePoint', { databaseId: id, namedPointId, name: 'first' });
  await until('the record says so', () => record(folder).named?.[0]?.name === 'first');
  await engine.call('removePointName', { databaseId: id, namedPointId });
  await until('the record says so', () => record(folder).named === undefined);
  // Nobody began to write there anew.
  expect(claim()).toBe(claimed);
});

test('a name is one point’s alone, and a point has one name', async () => {
  using folder = tempFolder();
  await using shop = await openShop(folder);
  const { engine, id } = shop;
  await shop.liveDay();
  const [first, second] = [await pointOf(shop, 1), await pointOf(shop, 2)];
  const name = async (point: RestorePoint, text: string) =>
    await engine.call('namePoint', { databaseId: id, position: point.position, name: text });
  const { namedPointId } = await name(first, 'One');
  await expect(name(first, 'another')).rejects.toMatchObject({ code: 'point-named', details: { name: 'One' } });
  await expect(name(second, 'one')).rejects.toMatchObject({ code: 'name-taken' });
  await expect(name(second, ' ')).rejects.toMatchObject({ code: 'invalid-argument' });
  const elsewhere = { ...second.position, offset: second.position.offset - 1 };
  await expect(name({ ...second, position: elsewhere }, 'two')).rejects.toMatchObject({ code: 'point-unknown' });
  await name(second, 'two');
  await expect(engine.call('renamePoint', { databaseId: id, namedPointId, name: 'TWO' })).rejects.toMatchObject({
    code: 'name-taken',
  });
  await engine.call('renamePoint', { databaseId: id, namedPointId, name: 'ONE' });
  expect(engine.database(id).namedPoints.map((one) => one.name)).toEqual(['ONE', 'two']);
  await engine.call('removePointName', { databaseId: id, namedPointId });
  await expect(engine.call('removePointName', { databaseId: id, namedPointId })).rejects.toMatchObject({
    code: 'named-point-unknown',
  });
  const { bytes } = await engine.call('getPointCost', { databaseId: id, position: second.position });
  const image = fs.statSync(
    folder.at('disk', 'shop.db', 'generations', second.position.generation, 'snapshots', '00000000.snapshot.lz4'),
  );
  expect(bytes).toBeGreaterThan(image.size);
});

test('a point that is named while what it needs is being deleted stays as far as it is there', async () => {
  using folder = tempFolder();
  let onDelete = (): void => {};
  await using shop = await openShop(folder, {
    fault: (verb) => {
      if (verb === 'delete') onDelete();
      return undefined;
    },
  });
  const { engine, id, targetId } = shop;
  await engine.call('updateReplica', { databaseId: id, targetId, retention: { kind: 'keep-all' } });
  for (let day = 0; day < 5; day++) await shop.liveDay();
  const point = await pointOf(shop, 2);
  const newest = (await engine.points(id)).at(-1);
  if (newest !== undefined) await restoredRow(shop, newest);
  // What goes goes newest first, so this one is still whole; but the catalogue says already that it goes.
  const answers: unknown[] = [];
  let deletes = 0;
  onDelete = () => {
    if (++deletes === 1)
      void engine
        .call('namePoint', { databaseId: id, position: point.position, name: 'late' })
        .then(({ namedPointId }) => answers.push(namedPointId))
        .catch((error: unknown) => answers.push(error));
  };
  await engine.call('updateReplica', { databaseId: id, targetId, retention: short });
  await until('it was answered', () => answers.length > 0);
  expect(answers).toMatchObject([{ code: 'point-unknown' }]);
  expect(engine.database(id).namedPoints).toEqual([]);
});

test('names given and taken while a database is paused count when it goes on', async () => {
  using folder = tempFolder();
  await using shop = await openShop(folder);
  const { engine, id, targetId } = shop;
  for (let day = 0; day < 2; day++) await shop.liveDay();
  const point = await pointOf(shop, 5);
  await engine.call('pause', { databaseId: id });
  await engine.call('namePoint', { databaseId: id, position: point.position, name: 'paused' });
  await engine.call('updateReplica', { databaseId: id, targetId, retention: short });
  await engine.call('resume', { databaseId: id });
  await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
  for (let day = 0; day < 4; day++) await shop.liveDay();
  await until('the record says so', () => record(folder).named?.length === 1);
  await until('what is older is gone', async () => (await preview(shop)).deletedObjects === 0);
  expect(await restoredRow(shop, point)).toBe(5);
});

test('a named point of a history that ended stays alone of it', async () => {
  using folder = tempFolder();
  await using shop = await openShop(folder);
  const { engine, id, targetId } = shop;
  await shop.liveDay();
  const point = await pointOf(shop, 2);
  await engine.call('namePoint', { databaseId: id, position: point.position, name: 'old' });
  await engine.call('updateReplica', { databaseId: id, targetId, retention: short });
  const before = engine.database(id).generation?.generation;
  shop.leap(dayMs / 2);
  await shop.beginAnew();
  expect(engine.database(id).generation?.generation).not.toBe(before);
  for (let day = 0; day < 4; day++) await shop.liveDay();
  await until('what is older is gone', async () => (await preview(shop)).deletedObjects === 0);
  await until('it is told', async () => {
    const left = (await engine.points(id)).filter(({ position }) => position.generation === before);
    return left.at(-1)?.at === point.at;
  });
  // Nor does the timeline count what came behind it.
  const timeline = await engine.call('getTimeline', { databaseId: id, bins: 1000 });
  const { fromAt: begunAt = 0 } = timeline.generations.at(-1) ?? {};
  const counted = timeline.counts.filter((_, bin) => timeline.fromAt + bin * timeline.binMs < begunAt);
  const listed = (await engine.points(id)).filter(({ position, pages }) => position.generation === before && pages > 0);
  expect(counted.reduce((a, b) => a + b, 0)).toBe(listed.length);
  expect(await restoredRow(shop, point)).toBe(2);
});

/** The point at which the table ends with this row, as soon as it is there. */
async function pointOf(shop: AgingShop, row: number): Promise<RestorePoint> {
  return await until(`a point ends with row ${row}`, async () => {
    for (const point of await shop.engine.points(shop.id)) if ((await restoredRow(shop, point)) === row) return point;
    return undefined;
  });
}

async function restoredRow({ engine, id }: AgingShop, point: RestorePoint): Promise<unknown> {
  using folder = tempFolder();
  const { result } = await engine.restore(id, point, folder.at('restored.db'));
  expect(result?.proof.kind).toBe('identical');
  const database = new Database(folder.at('restored.db'), { readonly: true });
  try {
    return database.prepare('SELECT max(n) FROM t').pluck().get();
  } finally {
    database.close();
  }
}

async function preview({ engine, id, targetId }: AgingShop) {
  return await engine.call('previewRetention', { databaseId: id, targetId });
}

function record(folder: TempFolder): { readonly claim?: string; readonly named?: readonly NamedPoint[] } {
  return JSON.parse(fs.readFileSync(folder.at('disk', 'shop.db', 'tidemark.json'), 'utf8')) as ReturnType<
    typeof record
  >;
}
