// Carrying retention out on real replicas: cut off at any object, what is left is restored by us and by the real
// `litestream`; never under a reader; refusals and leftovers are told.
import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findLitestream, runLitestream } from '../../electron/demo/litestream-binary.ts';
import { listHistory } from '../../electron/engine/destinations/look-up.ts';
import { lookAtReplica } from '../../electron/engine/retain/look.ts';
import { planRetention, type RetainPlan } from '../../electron/engine/retain/plan.ts';
import { prune } from '../../electron/engine/retain/prune.ts';
import { Readers } from '../../electron/engine/retain/readers.ts';
import { createFolderTarget } from '../../electron/engine/targets/folder.ts';
import type { Target } from '../../electron/engine/targets/target.ts';
import { must } from '../../shared/assert.ts';
import { faultyTarget } from '../support/faulty-target.ts';
import { RealHistory, type RecordedPoint } from '../support/replica-history.ts';
import { newPlace, type Place, positionOf, restore } from '../support/replica-place.ts';
import { calm } from '../support/replica-scratch.ts';

const dayMs = 24 * 3_600_000;
const startAt = Date.UTC(2026, 0, 2, 10);

/** Seven indices of two segments, with an image in each but one, a second apart. */
async function longHistory(place: Place): Promise<{ readonly history: RealHistory; readonly images: RecordedPoint[] }> {
  const history = new RealHistory({ ...place, startAt });
  const images: RecordedPoint[] = [];
  for (let index = 0; index < 6; index++) {
    history.commit(2);
    await history.ship();
    if (index !== 3) {
      await history.snapshot();
      images.push(history.last);
    }
    history.commit((database) => database.exec('UPDATE t SET n = n + 1'));
    await history.ship();
    if (index < 5) history.restart();
  }
  return { history, images };
}

/** Keeps the image of index 1 by a pin, and everything from that of index 4 on. */
async function planFor(target: Target, history: RealHistory, images: readonly RecordedPoint[]): Promise<RetainPlan> {
  const looked = await lookAtReplica(target, { snapshots: [], signal: calm });
  const kept = must(images[1], 'there are five');
  const windowAt = must(images[3], 'there are five').at;
  return planRetention({
    ...looked,
    retention: { kind: 'thinned', windowMs: dayMs, dailyMs: 0, weeklyMs: 0 },
    pinned: [{ generation: history.generation, index: kept.index, offset: kept.offset, why: 'pinned' }],
    current: history.generation,
    now: windowAt + dayMs,
  });
}

const plain = { readers: new Readers(), url: 'there', signal: calm };

describe('a plan that is carried out', () => {
  test('may be cut off at any object: what stays is restored by us and by litestream', async () => {
    const place = await newPlace();
    const { history, images } = await longHistory(place);
    using _history = history;
    const litestream = must(findLitestream(), 'npm ci brings the real litestream');
    const whole = await planFor(place.target, history, images);
    const objects = whole.batches.flat().length;
    expect(objects).toBeGreaterThan(8);
    const [kept, newest] = [must(images[1], 'there are five'), history.last];
    for (let cut = 0; cut <= objects; cut++) {
      const folder = join(place.folder, `cut-${cut}`);
      await cp(join(place.folder, 'replica'), folder, { recursive: true, preserveTimestamps: true });
      const target = await createFolderTarget({ path: folder });
      let deleted = 0;
      const breaking: Target = {
        ...target,
        url: target.url,
        list: async (...args) => await target.list(...args),
        get: (...args) => target.get(...args),
        put: async (...args) => await target.put(...args),
        delete: async (keys, options) => {
          for (const key of keys) {
            if (deleted++ >= cut) throw new Error('cut off');
            await target.delete([key], options);
          }
        },
      };
      const pruning = prune({ target: breaking, plan: whole, ...plain });
      if (cut < objects) await expect(pruning).rejects.toThrow('cut off');
      else expect(await pruning).toMatchObject({ kind: 'done', objects });

      for (const [name, point] of Object.entries({ kept, newest })) {
        const output = join(place.folder, `${name}.db`);
        await restore({ target, output }, { kind: 'position', position: positionOf(history, point) });
        // Starting it is slow: the last objects of each kind have to do.
        if (cut % 4 === 0 || cut === objects) {
          const theirs = join(place.folder, `theirs-${name}.db`);
          const at = ['-timestamp', new Date(point.at).toISOString()];
          await runLitestream(litestream, ['restore', ...(point === newest ? [] : at), '-o', theirs, target.url]);
          expect((await readFile(theirs)).equals(await readFile(output))).toBe(true);
          await rm(theirs);
        }
        await rm(output);
      }
      // Going on takes the rest.
      const rest = await planFor(target, history, images);
      expect(await prune({ target, plan: rest, ...plain })).toMatchObject({ kind: 'done', objects: objects - cut });
      await rm(folder, { recursive: true });
    }
  });

  test('waits while somebody reads there', async () => {
    const place = await newPlace();
    const { history, images } = await longHistory(place);
    using _history = history;
    const plan = await planFor(place.target, history, images);
    const readers = new Readers();
    const { promise, resolve } = Promise.withResolvers<void>();
    const reading = readers.reading('there', async () => await promise);
    const waiting = await prune({ target: place.target, plan, ...plain, readers });
    expect({ waiting, read: readers.isRead('there') }).toEqual({
      waiting: { kind: 'read', objects: 0, bytes: 0 },
      read: true,
    });
    resolve();
    await reading;
    expect(await prune({ target: place.target, plan, ...plain, readers })).toMatchObject({ kind: 'done' });
    expect((await listHistory(place.target, { signal: calm })).generations[0]?.snapshots).toHaveLength(3);
  });

  test('says where nothing may be deleted, and where what was deleted is still listed', async () => {
    const place = await newPlace();
    const { history, images } = await longHistory(place);
    using _history = history;
    const plan = await planFor(place.target, history, images);
    const locked = faultyTarget(place.target, {
      fault: (verb) => (verb === 'delete' ? { kind: 'before', code: 'target-read-only' } : undefined),
    });
    expect(await prune({ target: locked, plan, ...plain })).toMatchObject({
      kind: 'refused',
      objects: 0,
      error: { code: 'target-read-only' },
    });
    const forgetful: Target = {
      url: place.target.url,
      list: async (...args) => await place.target.list(...args),
      get: (...args) => place.target.get(...args),
      put: async (...args) => await place.target.put(...args),
      delete: async () => await Promise.resolve(),
    };
    expect(await prune({ target: forgetful, plan, ...plain })).toMatchObject({ kind: 'refused', objects: 0 });
  });
});
