// Named points and the real litestream: when retention took everything around one, it still restores that one's state, and the
// newest, as it did before.
import { execFileSync } from 'node:child_process';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { findLitestream } from '../../electron/demo/litestream-binary.ts';
import { must } from '../../shared/assert.ts';
import { dayMs, openShop } from '../support/aging-shop.ts';
import { tempFolder, until } from '../support/temp.ts';

test('the real litestream restores a named point when everything around it went', async () => {
  using folder = tempFolder();
  await using shop = await openShop(folder);
  const { engine, id, targetId } = shop;
  const retain = async (retention: Parameters<typeof engine.call<'updateReplica'>>[1]['retention']) =>
    await engine.call('updateReplica', { databaseId: id, targetId, retention });
  await retain({ kind: 'keep-all' });
  for (let day = 0; day < 5; day++) await shop.liveDay();
  // In the middle: neither the first image nor anything of the last days.
  const points = await engine.points(id);
  const point = must(points[Math.floor(points.length / 2)], 'five days have some');
  await engine.call('namePoint', { databaseId: id, position: point.position, name: 'middle' });

  const rows = (output: string, ...more: string[]): readonly unknown[] => {
    const replica = `file://${folder.at('disk', 'shop.db')}`;
    const args = ['restore', '-o', folder.at(output), ...more, replica];
    execFileSync(must(findLitestream(), 'npm brought it'), args, { stdio: 'pipe' });
    const restored = new Database(folder.at(output));
    try {
      expect(restored.pragma('integrity_check', { simple: true })).toBe('ok');
      return restored.prepare('SELECT n FROM t ORDER BY n').pluck().all();
    } finally {
      restored.close();
    }
  };
  const at = ['-timestamp', new Date(point.at).toISOString()];
  const before = { named: rows('named-before.db', ...at), newest: rows('newest-before.db') };
  expect(before.newest).toHaveLength(15);
  expect(before.named.length).toBeLessThan(15);
  const images = shop.images().length;

  await retain({ kind: 'thinned', windowMs: dayMs, dailyMs: 0, weeklyMs: 0 });
  await until('what is older is gone', async () => {
    const { deletedObjects } = await engine.call('previewRetention', { databaseId: id, targetId });
    return deletedObjects === 0;
  });
  expect(shop.images().length).toBeLessThan(images - 1);
  expect({ named: rows('named-after.db', ...at), newest: rows('newest-after.db') }).toEqual(before);
});
