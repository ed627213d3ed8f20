// How often the guard of the disk looks, and what it finds, on a clock and a disk of the test.
import { expect, test } from 'vitest';
import { DiskGuard, type DiskSpace } from '../../electron/engine/spool/disk-guard.ts';
import { testClock } from '../support/test-clock.ts';
import { until } from '../support/temp.ts';

const gibibyte = 1024 ** 3;
const dayMs = 24 * 3600 * 1000;

function openGuard() {
  const clock = testClock();
  const disk = { freeBytes: gibibyte, totalBytes: 100 * gibibyte };
  const looks: DiskSpace[] = [];
  const guard = new DiskGuard({
    folder: '/data',
    clock,
    budgetBytes: undefined,
    probe: async () => {
      looks.push({ ...disk });
      return await Promise.resolve(disk);
    },
  });
  return { clock, disk, looks, guard };
}

test('goes on looking when the system’s clock is set back', async () => {
  const { clock, looks, guard } = openGuard();
  guard.noteKept();
  await until('it looked', () => looks.length === 1);
  clock.jump(-dayMs);
  await clock.advance(1000);
  guard.noteKept();
  await until('it looked again', () => looks.length > 1);
  expect(looks).toHaveLength(2);
});

test('finds that there is room again when the system’s clock was set back', async () => {
  const { clock, disk, guard } = openGuard();
  disk.freeBytes = 1024;
  await expect(guard.mustHaveRoom()).rejects.toThrow(expect.objectContaining({ code: 'disk-low' }));
  clock.jump(-dayMs);
  await clock.advance(1000);
  disk.freeBytes = gibibyte;
  await guard.mustHaveRoom();
});

test('keeps spools within a budget where the disk does not tell its room', async () => {
  const clock = testClock();
  const guard = new DiskGuard({
    folder: '/data',
    clock,
    budgetBytes: undefined,
    probe: async () => await Promise.reject(new Error('the disk does not tell its room')),
  });
  const shed: number[] = [];
  const onLow = () => expect.unreachable();
  using _member = guard.add({
    bytes: () => 3 * gibibyte,
    shed: async (bytes) => await Promise.resolve(void shed.push(bytes)),
    onLow,
  });
  await guard.mustHaveRoom();
  guard.noteKept();
  await clock.advance(1000);
  guard.noteKept();
  await until('it let some go', () => shed.length > 0);
  expect(shed[0]).toBe(2 * gibibyte);
});
