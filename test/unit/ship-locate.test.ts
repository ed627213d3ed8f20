// What a target is found to have, by its listing: also where an earlier run was killed between the segments behind a hole and
// the image that was to begin there.
import { expect, test } from 'vitest';
import { formatSegmentKey, formatSnapshotKey } from '../../electron/engine/replica/keys.ts';
import { encodeWhole } from '../../electron/engine/replica/object.ts';
import { locate, tellFound, type Told } from '../../electron/engine/ship/locate.ts';
import { createFolderTarget, type FolderTarget } from '../../electron/engine/targets/folder.ts';
import type { Generation } from '../../shared/position.ts';
import { calm, noise, scratchFolder } from '../support/replica-scratch.ts';

const generation = '00000000000000aa' as Generation;
const by = { tidemark: '1', sqlite: '3' };
const size = 32 + 4120;
const signal = calm;

async function putSegment(target: FolderTarget, index: number, offset = 0): Promise<void> {
  const bytes = noise(offset === 0 ? size : size - 32, index + 1);
  const end = offset + bytes.length;
  const object = await encodeWhole(bytes, { pages: 1, pageSize: 4096, commits: [[end, index * 1000]], by });
  await target.put(formatSegmentKey(generation, index, offset), object, { modifiedAt: index * 1000, signal });
}

async function putSnapshot(target: FolderTarget, index: number): Promise<void> {
  const at = { time: index * 1000, index, offset: size };
  const object = await encodeWhole(noise(4096), { pages: 1, pageSize: 4096, at, by });
  await target.put(formatSnapshotKey(generation, index), object, { modifiedAt: index * 1000, signal });
}

async function look(
  target: FolderTarget,
  before: Told = { snapshots: new Set(), last: undefined, isUntoldLead: () => false },
): Promise<{ readonly position: unknown; readonly told: readonly string[] }> {
  const { position, objects } = await locate(target, generation, { signal });
  const told: string[] = [];
  await tellFound(target, objects, {
    generation,
    told: before,
    signal,
    onSnapshot: ({ at, beginsPart }) => told.push(`${beginsPart ? 'part' : 'image'} ${at.index}`),
    onShipped: (last) => told.push(`to ${last.position.index}:${last.position.offset}`),
  });
  return { position, told };
}

test('an empty target has nothing', async () => {
  const target = await createFolderTarget({ path: await scratchFolder() });
  expect(await look(target)).toEqual({ position: undefined, told: [] });
});

test('a whole history ends with its newest segment', async () => {
  const target = await createFolderTarget({ path: await scratchFolder() });
  for (const index of [0, 1, 2]) await putSegment(target, index);
  await putSegment(target, 2, size);
  for (const index of [0, 2]) await putSnapshot(target, index);
  expect(await look(target)).toEqual({
    position: { index: 2, offset: size + size - 32 },
    told: ['part 0', `to 0:${size}`, `to 1:${size}`, 'image 2', `to 2:${size}`, `to 2:${size + size - 32}`],
  });
});

test('an image begins a part of its own behind a hole', async () => {
  const target = await createFolderTarget({ path: await scratchFolder() });
  for (const index of [0, 1, 7]) await putSegment(target, index);
  for (const index of [0, 7]) await putSnapshot(target, index);
  expect(await look(target)).toEqual({
    position: { index: 7, offset: size },
    told: ['part 0', `to 0:${size}`, `to 1:${size}`, 'part 7', `to 7:${size}`],
  });
});

test('segments behind a hole do not count without their image, however many there are', async () => {
  const target = await createFolderTarget({ path: await scratchFolder() });
  for (const index of [0, 1, 7, 8]) await putSegment(target, index);
  await putSnapshot(target, 0);
  expect(await look(target)).toEqual({
    position: { index: 1, offset: size },
    told: ['part 0', `to 0:${size}`, `to 1:${size}`],
  });
});

test('what was told is told once, but for what lies before an image of which only that was', async () => {
  const target = await createFolderTarget({ path: await scratchFolder() });
  for (const index of [0, 1, 2]) await putSegment(target, index);
  await putSegment(target, 2, size);
  for (const index of [0, 2]) await putSnapshot(target, index);
  const told = { snapshots: new Set([0, 2]), last: { index: 2, offset: size } };
  const tells = async (isUntoldLead: Told['isUntoldLead']) => (await look(target, { ...told, isUntoldLead })).told;
  expect(await tells(() => false)).toEqual([`to 2:${size + size - 32}`]);
  expect(await tells(({ index, offset }) => index === 2 && offset === 0)).toEqual([
    `to 2:${size}`,
    `to 2:${size + size - 32}`,
  ]);
});
