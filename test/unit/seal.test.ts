// How writers are held while a WAL is taken back: not at all while it is copied, but where it grows huge.
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Seal, type SealHost } from '../../electron/engine/upkeep/seal.ts';

const pageSize = 65_536;
const hugeFrames = 2000;

interface Given {
  readonly frames: number;
  readonly copyMs: number;
  readonly flushMs: number;
  /** What readers keep each checkpoint from copying. */
  readonly left?: readonly number[];
}

/** A database whose WAL is copied, and brought to the disk, in this time. */
function host({ frames, copyMs, flushMs, left = [] }: Given) {
  const log = { checkpoints: 0, holds: 0, held: false, overlaps: 0, whileFlushing: 0 };
  let backfilled = 0;
  let isFlushing = false;
  const checkpoint: SealHost['checkpoint'] = async ({ onBegun } = {}) => {
    onBegun?.();
    await delay(copyMs);
    backfilled = frames - (left[log.checkpoints++] ?? 0);
    return { frames, backfilled, isBlocked: false };
  };
  const connections: { -readonly [K in keyof SealHost['connections']]: SealHost['connections'][K] } = {
    counts: () => ({ frames, backfilled }),
    checkpointerIdle: async () => {},
    flush: async () => {
      isFlushing = true;
      await delay(flushMs);
      isFlushing = false;
    },
    whileLocked: async (work) => {
      if (log.held) log.overlaps++;
      log.held = true;
      log.holds++;
      if (isFlushing) log.whileFlushing++;
      await work();
      log.held = false;
      return true;
    },
  };
  const seal = new Seal({
    connections,
    pageSize: () => pageSize,
    catchUp: async () => {},
    unread: () => 0,
    advance: async () => {},
    checkpoint,
    exclusively: async (work) => await work(),
  });
  return { seal, log, connections };
}

describe('taking back a WAL', () => {
  test('holds writers again and again while a huge one is copied and brought to the disk', async () => {
    const { seal, log } = host({ frames: hugeFrames, copyMs: 150, flushMs: 150 });
    expect(await seal.reclaim()).toBe('sealed');
    // Two would do otherwise: to begin with, and to end.
    expect(log.holds).toBeGreaterThanOrEqual(6);
    expect(log.whileFlushing).toBeGreaterThanOrEqual(2);
    expect([log.overlaps, log.held, seal.times.count]).toEqual([0, false, log.holds]);
  });

  test('lets writers go on meanwhile where it is not', async () => {
    const { seal, log } = host({ frames: 1000, copyMs: 100, flushMs: 100 });
    expect(await seal.reclaim()).toBe('sealed');
    expect([log.holds, log.whileFlushing, log.overlaps]).toEqual([2, 0, 0]);
  });

  test('is up to a reader where one stops it at the same frame twice; one that stops it once was a transaction', async () => {
    const given = { frames: 1900, copyMs: 1, flushMs: 1 };
    const readers = host({ ...given, left: [1000, 1000, 0] });
    expect([await readers.seal.reclaim(), readers.log.checkpoints]).toEqual(['held', 2]);
    const transactions = host({ ...given, left: [1000, 900, 0] });
    expect([await transactions.seal.reclaim(), transactions.log.checkpoints]).toEqual(['sealed', 4]);
  });

  test('stops holding them when it is closed, and when what they wait for fails', async () => {
    const { seal, log } = host({ frames: hugeFrames, copyMs: 10, flushMs: 10 });
    await expect(seal.slowing(delay(60).then(() => Promise.reject(new Error('no room'))))).rejects.toThrow('no room');
    const before = log.holds;
    seal.close();
    expect(await seal.slowing(delay(60).then(() => 'done'))).toBe('done');
    expect([before > 0, log.holds, log.held]).toEqual([true, before, false]);
  });

  test('leaves work alone that the lock cannot be taken for, and asks seldom where a writer has it for long', async () => {
    const { seal, connections } = host({ frames: hugeFrames, copyMs: 10, flushMs: 10 });
    const asked: (number | undefined)[] = [];
    connections.whileLocked = async (_work, bursts) => {
      asked.push(bursts);
      if (asked.length > 3) throw new Error('the file is gone');
      return await Promise.resolve(false);
    };
    let isEnded = false;
    const work = delay(300).then(() => {
      isEnded = true;
      return 'done';
    });
    expect([await seal.slowing(work), isEnded, asked]).toEqual(['done', true, [1, 1, 1, 1]]);
  });
});
