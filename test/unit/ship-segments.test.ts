// Segments as they are put: what a foreign reader of the target sees of their times.
import { expect, test } from 'vitest';
import { CommitLog } from '../../electron/engine/spool/commits.ts';
import type { KeptHistory } from '../../electron/engine/ship/shipment.ts';
import { shipRange } from '../../electron/engine/ship/segments.ts';
import { Spool } from '../../electron/engine/spool/spool.ts';
import { createFolderTarget } from '../../electron/engine/targets/folder.ts';
import type { Generation, Place } from '../../shared/position.ts';
import { makeWal, readFrames } from '../support/golden-wal.ts';
import { calm, scratchFolder } from '../support/replica-scratch.ts';

const generation = '00000000000000aa' as Generation;

test('no segment looks older than the one before it, whatever is known of its transactions', async () => {
  const { bytes, pageSize } = makeWal();
  const ends = readFrames({ bytes, pageSize }).flatMap(({ commitPages, endOffset }) =>
    commitPages > 0 ? [endOffset] : [],
  );
  const [first = 0, second = 0] = ends;
  using spool = Spool.create(await scratchFolder(), 0);
  spool.begin(bytes.subarray(0, 32));
  spool.append(bytes.subarray(32), 32);
  const commits = new CommitLog();
  for (const [offset, at] of [
    [first, 700],
    [second, 1200],
  ] as const) {
    commits.add({ index: 0, offset, at, state: 1n, pages: 3, written: 1, transactions: 1 });
  }
  const place = { index: 0, offset: 0 };
  const history: KeptHistory = {
    generation,
    spool,
    commits,
    toldIn: () => [],
    pageSize,
    end: () => place,
    baseline: { place, at: 500, state: 1n, pages: 3 },
    composed: [],
    by: { tidemark: '1', sqlite: '3' },
  };
  const target = await createFolderTarget({ path: await scratchFolder() });
  const told: number[] = [];
  const ship = async (from: Place, to: number, notBefore: number) =>
    await shipRange(history, {
      target,
      from,
      to: { index: 0, offset: to },
      notBefore,
      mayReplace: () => false,
      signal: calm,
      onShipped: ({ at }) => told.push(at),
    });
  // Nothing but its header is there yet.
  const behindHeader = await ship(place, 32, 900);
  const behindFirst = await ship(behindHeader, first, 900);
  await ship(behindFirst, second, 900);
  expect(told).toEqual([500, 700, 1200]);
  const listed = await target.list('generations/', { signal: calm });
  expect(listed.map(({ modifiedAt }) => Math.round(modifiedAt))).toEqual([900, 900, 1200]);
});
