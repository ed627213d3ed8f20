// Retention while days pass: what goes by itself, what stays restorable and told, and that nothing is asked of a target in
// between.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { dayMs, hourMs, objectsIn, openShop } from '../support/aging-shop.ts';
import type { FaultRules } from '../support/faulty-target.ts';
import { tempFolder, until } from '../support/temp.ts';

test('days pass: the window stays whole, then an image a day stays, and every point that is told can be restored', async () => {
  using folder = tempFolder();
  await using shop = await openShop(folder);
  const { engine, id } = shop;
  for (let day = 0; day < 9; day++) await shop.liveDay();
  // Its last image looks at the target; wait for what that deletes.
  await until('the oldest are gone', () => shop.images().length <= 8);
  const before = await engine.call('previewRetention', { databaseId: id, targetId: shop.targetId });
  await until('nothing is left to do', async () => {
    const preview = await engine.call('previewRetention', { databaseId: id, targetId: shop.targetId });
    return preview.deletedObjects === 0;
  });
  expect(before.windowFromAt).toBeGreaterThan(0);

  const points = await engine.points(id);
  const restored: unknown[] = [];
  for (const [i, point] of points.entries()) {
    const output = folder.at(`restored-${i}.db`);
    const { result } = await engine.restore(id, point, output);
    expect(result?.proof.kind).toBe('identical');
    const database = new Database(output, { readonly: true });
    restored.push(database.prepare('SELECT max(n) FROM t').pluck().get());
    database.close();
  }
  // Three days of every transaction; before them one point a day.
  const newest = 27;
  const whole = restored.filter((n) => typeof n === 'number' && n > newest - 10);
  expect(whole).toEqual(Array.from({ length: 10 }, (_, i) => newest - 9 + i));
  const thinned = restored.filter((n): n is number => typeof n === 'number' && n <= newest - 10);
  expect(thinned.length).toBeGreaterThanOrEqual(2);
  expect(thinned.length).toBeLessThanOrEqual(6);
  // An image is taken a moment after the transaction that it ends with.
  const { oldestAt = 0, replicas } = engine.database(id);
  expect(oldestAt - (points[0]?.at ?? 0)).toBeLessThan(5000);
  expect(replicas[0]?.retainedAt).toBeGreaterThan(points.at(-2)?.at ?? Infinity);
  const timeline = await engine.call('getTimeline', { databaseId: id, bins: 100 });
  expect(timeline.overview.counts.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(points.length);

  // What would remain in a year, and that nothing but the present is asked of the target by then.
  const later = await engine.call('previewRetention', {
    databaseId: id,
    targetId: shop.targetId,
    at: Date.now() + 400 * dayMs,
  });
  expect(later.keptSnapshots.map(({ why }) => why)).toContain('newest');
  expect(later.deletedObjects).toBeGreaterThan(0);
  const calls = shop.calls.length;
  shop.leap(2 * hourMs);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(shop.calls.slice(calls).filter((call) => call.startsWith('list'))).toEqual([]);
});

test('a target that lets nothing be deleted keeps everything, told once, and everything there stays told', async () => {
  using folder = tempFolder();
  let refusals = 0;
  await using shop = await openShop(folder, {
    fault: (verb) => {
      if (verb !== 'delete') return undefined;
      refusals++;
      return { kind: 'before', code: 'target-read-only' };
    },
  });
  const { engine, id } = shop;
  for (let day = 0; day < 9; day++) await shop.liveDay();
  await until('it was tried', () => refusals > 0);
  const told = () => engine.state().activity.filter(({ text }) => text.includes('lets nothing be deleted'));
  await until('it is told', () => told().length > 0);
  for (let day = 0; day < 2; day++) await shop.liveDay();
  expect({ refusals, told: told().length, images: shop.images().length }).toEqual({ refusals: 1, told: 1, images: 12 });
  expect((await engine.points(id)).length).toBeGreaterThanOrEqual(33);
  expect(engine.database(id).status.kind).toBe('protected');
});

const keepAll = { kind: 'keep-all' } as const;

test('a changed retention counts at once, and one that is changed back keeps what is left', async () => {
  using folder = tempFolder();
  const { onDelete, rules } = hearDeletes();
  await using shop = await openShop(folder, rules);
  const { engine, id, targetId } = shop;
  const change = async (kept: typeof keepAll | { readonly kind: 'thinned'; readonly windowMs: number }) => {
    const whole = kept.kind === 'keep-all' ? kept : { ...kept, dailyMs: 0, weeklyMs: 0 };
    await engine.call('updateReplica', { databaseId: id, targetId, retention: whole });
  };
  await change(keepAll);
  for (let day = 0; day < 5; day++) await shop.liveDay();
  const points = (await engine.points(id)).length;

  // Changed back while the first object is on its way out: it goes, and nothing after it.
  const before = objectsIn(folder);
  let deletes = 0;
  onDelete(() => {
    if (++deletes === 1) void change(keepAll);
  });
  await change({ kind: 'thinned', windowMs: dayMs });
  await until('the first one is gone', () => objectsIn(folder) < before);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(deletes).toBe(1);
  // Whatever still lies there is told, and nothing else.
  const left = await engine.points(id);
  expect(left.length).toBeGreaterThan(points / 2);
  for (const [i, point] of left.entries()) await engine.restore(id, point, folder.at(`restored-${i}.db`));

  await change({ kind: 'thinned', windowMs: dayMs });
  await until('what is older is gone', () => shop.images().length <= 2);
  await until('it is told', async () => (await engine.points(id)).length < points / 2);
});

test('deletes nothing of a replica that another computer has taken over, and tells no less than is there', async () => {
  using folder = tempFolder();
  await using shop = await openShop(folder);
  const { engine, id, targetId } = shop;
  await engine.call('updateReplica', { databaseId: id, targetId, retention: keepAll });
  for (let day = 0; day < 4; day++) await shop.liveDay();
  const before = { objects: objectsIn(folder), points: (await engine.points(id)).length };
  const record = folder.at('disk', 'shop.db', 'tidemark.json');
  const ours = fs.readFileSync(record, 'utf8');
  const theirs = { ...(JSON.parse(ours) as object), machine: { name: 'laptop', id: 'another' }, claim: 'theirs' };
  fs.writeFileSync(record, JSON.stringify(theirs));

  shop.leap(60_000);
  const calls = shop.calls.length;
  const shorter = { kind: 'thinned', windowMs: dayMs, dailyMs: 0, weeklyMs: 0 } as const;
  await engine.call('updateReplica', { databaseId: id, targetId, retention: shorter });
  await until('the record was looked at', () => shop.calls.slice(calls).includes('get tidemark.json'));
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(shop.calls.slice(calls).filter((call) => call.startsWith('delete'))).toEqual([]);
  expect({ objects: objectsIn(folder), points: (await engine.points(id)).length }).toEqual(before);

  // Once it is ours again it goes on.
  fs.writeFileSync(record, ours);
  await engine.call('takeOverReplica', { databaseId: id, targetId });
  await engine.call('updateReplica', { databaseId: id, targetId, retention: { ...shorter, windowMs: dayMs + 1 } });
  await until('what is older is gone', () => objectsIn(folder) < before.objects);
});

/** Hears of each delete before it happens. */
function hearDeletes(): { readonly onDelete: (hear: () => void) => void; readonly rules: FaultRules } {
  let heard = () => {};
  return {
    onDelete: (hear) => (heard = hear),
    rules: {
      fault: (verb) => {
        if (verb === 'delete') heard();
        return undefined;
      },
    },
  };
}
