// Images whose database goes on without waiting for them: one that newer pages came into is made again, and is nobody's fault.
import { expect, test } from 'vitest';
import { CommitLog } from '../../electron/engine/spool/commits.ts';
import { hashPage } from '../../electron/engine/replica/state-hash.ts';
import { Images, spoiledMs } from '../../electron/engine/ship/images.ts';
import type { Shipment, SnapshotImage } from '../../electron/engine/ship/shipment.ts';
import { SnapshotTurns } from '../../electron/engine/ship/snapshot-turns.ts';
import { ImageSpoiled } from '../../electron/engine/source/live-image.ts';
import { Spool } from '../../electron/engine/spool/spool.ts';
import { newGeneration } from '../../electron/engine/protection/continuity.ts';
import { memoryTarget } from '../support/memory-target.ts';
import { tempFolder, until } from '../support/temp.ts';
import { testClock } from '../support/test-clock.ts';

const pageSize = 512;
const page = new Uint8Array(pageSize).fill(7);

test('an image beside the shipping that was spoiled is made again soon, and fails nothing', async () => {
  using folder = tempFolder();
  using spool = Spool.create(folder.at('spool'), 0);
  const clock = testClock();
  let tries = 0;
  const openImage = async (): Promise<SnapshotImage> => {
    const isSpoiled = ++tries <= 2;
    return await Promise.resolve({
      at: { index: 1, offset: 0 },
      time: clock.now(),
      state: hashPage(1, page),
      pages: 1,
      async *read() {
        await Promise.resolve();
        yield page;
        if (isSpoiled) throw new ImageSpoiled('shop.db');
      },
      [Symbol.dispose]: () => {},
    });
  };
  const shipment: Shipment = {
    generation: newGeneration(),
    spool,
    commits: new CommitLog(),
    pageSize,
    end: () => ({ index: 1, offset: 0 }),
    catchUp: () => Promise.resolve(),
    baseline: { place: { index: 0, offset: 0 }, at: 0, state: 0n, pages: 1 },
    composed: [],
    by: { tidemark: '0', sqlite: '3' },
    toldIn: () => [],
    pages: () => 1,
    openImage,
  };
  const target = memoryTarget();
  const taken: number[] = [];
  await using images = new Images({
    target,
    shipment,
    snapshotIntervalMs: 1,
    turns: new SnapshotTurns(),
    clock,
    onSnapshot: ({ at }) => taken.push(at.index),
    onProgress: () => {},
    onReady: () => {},
  });
  images.adopt({ index: 0, at: clock.now(), isSpoiled: true });
  const { signal } = new AbortController();
  for (let round = 0; round < 3; round++) {
    const image = await until('its turn comes', async () => await images.openDue());
    images.putBeside(image, signal);
    const isEnded = () => images.progress === undefined;
    await until('it has ended', isEnded);
    images.throwFailure();
    // Not at once, and not as late as after what a destination refused.
    expect(await images.openDue()).toBeUndefined();
    await clock.advance(spoiledMs);
  }
  expect({ tries, taken, objects: target.objects.size }).toEqual({ tries: 3, taken: [1], objects: 1 });
});
