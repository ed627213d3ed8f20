// A destination on a disk that is taken away and comes back under another path: captured meanwhile, caught up there.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { Mount } from '../../electron/engine/basics/mounts.ts';
import { must } from '../../shared/assert.ts';
import { openTestEngine } from '../support/engine.ts';
import { openDatabase } from '../support/application.ts';
import { tempFolder, until } from '../support/temp.ts';

test('a disk that comes back elsewhere is gone on with, and nothing is written where it was', async () => {
  using folder = tempFolder();
  const [before, after] = [folder.at('media', 'disk'), folder.at('media', 'disk1')];
  fs.mkdirSync(before, { recursive: true });
  const root: Mount = { point: '/', root: '/', identity: 'uuid:root' };
  let mounts: readonly Mount[] = [root, { point: before, root: '/', identity: 'uuid:disk' }];
  const app = openDatabase(folder.at('shop.db'), 'CREATE TABLE t(id INTEGER PRIMARY KEY)');
  await using engine = openTestEngine(folder.at('data'), {
    limits: { mounts: async () => await Promise.resolve(mounts) },
  });
  // The disk's own root is the destination: its mount point stays when it goes.
  const { databaseId: id } = await engine.call('addDatabase', { path: folder.at('shop.db'), folder: before });
  const isCaughtUp = async () =>
    await engine.waitFor(id, 'all is there', ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0);
  await isCaughtUp();

  fs.renameSync(before, folder.at('away'));
  fs.mkdirSync(before);
  mounts = [root];
  app.exec('INSERT INTO t VALUES (1)');
  const { replicas } = await engine.waitFor(id, 'it is told', ({ status }) => status.kind === 'problem');
  expect(replicas[0]?.problem).toMatchObject({ code: 'target-missing' });
  await until('the destination is told of', () => engine.state().targets[0]?.problem);
  app.exec('INSERT INTO t VALUES (2)');

  fs.renameSync(folder.at('away'), after);
  mounts = [root, { point: after, root: '/', identity: 'uuid:disk' }];
  const { replicas: found } = await isCaughtUp();
  expect(fs.readdirSync(before)).toEqual([]);
  expect(found[0]?.url).toContain('/media/disk1/shop.db');
  expect(engine.state().targets).toMatchObject([{ place: { kind: 'folder', path: after } }]);
  await until('it is told', () => engine.state().activity.some(({ text }) => text.startsWith('Your disk is back:')));
  expect(fs.readdirSync(folder.at('media', 'disk1', 'shop.db', 'generations'))).toHaveLength(1);

  const points = await engine.points(id);
  await engine.restore(id, must(points.at(-1), 'shipped'), folder.at('restored.db'));
  const restored = new Database(folder.at('restored.db'));
  expect(restored.prepare('SELECT max(id) FROM t').pluck().get()).toBe(2);
  restored.close();
  app.close();
});
