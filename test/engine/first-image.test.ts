// While the first image is on its way there is nothing to restore, whatever was captured meanwhile: it waits, and that is seen.
import { expect, test } from 'vitest';
import { openApplication } from '../support/application.ts';
import { openTestEngine } from '../support/engine.ts';
import { faultyTarget } from '../support/faulty-target.ts';

test('offers no point to restore before the first image is there, and says what waits', async () => {
  using application = openApplication('CREATE TABLE t(a)');
  const { folder, file, app } = application;
  const arrived = Promise.withResolvers<void>();
  await using engine = openTestEngine(folder.at('data'), {
    limits: {
      wrapTarget: (target) =>
        faultyTarget(target, {
          fault: (verb, key) =>
            verb === 'put' && key.includes('snapshot') ? { kind: 'hang', until: arrived.promise } : undefined,
        }),
    },
  });
  const { targetId } = await engine.call('addTarget', { place: { kind: 'folder', path: folder.at('backup') } });
  const { databaseId: id } = await engine.call('addDatabase', { path: file, targetId });
  await engine.waitFor(id, 'an image is on its way', ({ status }) => status.kind === 'snapshotting');
  const { captured: before } = engine.database(id);
  app.exec('INSERT INTO t VALUES (1)');
  const waiting = await engine.waitFor(
    id,
    'it is captured',
    ({ status, captured, lag }) =>
      status.kind === 'snapshotting' &&
      captured?.position.offset !== before?.position.offset &&
      lag.sinceAt !== undefined,
  );
  expect(waiting).toMatchObject({ status: { kind: 'snapshotting' }, newest: undefined, oldestAt: undefined });
  expect(waiting.lag.bytes).toBeGreaterThan(0);
  expect(await engine.points(id)).toEqual([]);
  const at = Date.UTC(9999, 0);
  expect(await engine.call('findPoint', { kind: 'at-or-before', databaseId: id, at })).toBeUndefined();
  arrived.resolve();
  await engine.waitFor(id, 'all is there', ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0);
  expect((await engine.points(id)).length).toBeGreaterThan(0);
});
