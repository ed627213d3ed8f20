// Names of objects, against Litestream v0.3's layout.
import { describe, expect, test } from 'vitest';
import { formatSegmentKey, formatSnapshotKey, parseKey } from '../../electron/engine/replica/keys.ts';
import { type Generation, maxIndex } from '../../shared/position.ts';

const generation = '0123456789abcdef' as Generation;

describe('keys', () => {
  test.each([
    [0, 0, 'generations/0123456789abcdef/wal/00000000_00000000.wal.lz4'],
    [1, 0x1038, 'generations/0123456789abcdef/wal/00000001_00001038.wal.lz4'],
    [maxIndex, 0xffff_ffff, 'generations/0123456789abcdef/wal/7fffffff_ffffffff.wal.lz4'],
  ])('names the segment at index %i, offset %i, and reads it back', (index, offset, key) => {
    expect(formatSegmentKey(generation, index, offset)).toBe(key);
    expect(parseKey(key)).toEqual({ kind: 'segment', generation, index, offset });
  });

  test.each([
    [0, 'generations/0123456789abcdef/snapshots/00000000.snapshot.lz4'],
    [0xabc, 'generations/0123456789abcdef/snapshots/00000abc.snapshot.lz4'],
  ])('names the snapshot at index %i, and reads it back', (index, key) => {
    expect(formatSnapshotKey(generation, index)).toBe(key);
    expect(parseKey(key)).toEqual({ kind: 'snapshot', generation, index });
  });

  test.each([
    'tidemark.json',
    'generations/0123456789abcdef/wal/00000000_00000000.wal.lz4.tmp',
    'generations/0123456789ABCDEF/wal/00000000_00000000.wal.lz4',
    'generations/0123456789abcde/wal/00000000_00000000.wal.lz4',
    'generations/0123456789abcdef/wal/0000000_00000000.wal.lz4',
    'generations/0123456789abcdef/wal/00000000.wal.lz4',
    'generations/0123456789abcdef/wal/00000000/00000000.wal.lz4',
    'generations/0123456789abcdef/wal/00000000_000000000.wal.lz4',
    'generations/0123456789abcdef/snapshots/00000000.wal.lz4',
    'generations/0123456789abcdef/snapshots/00000000.snapshot.lz4x',
    'x/generations/0123456789abcdef/snapshots/00000000.snapshot.lz4',
  ])('passes over the foreign name %s', (key) => {
    expect(parseKey(key)).toBeUndefined();
  });

  test('sorts bytewise into the order of history', () => {
    const places = [
      [0, 0],
      [0, 4152],
      [0, 41_232],
      [9, 0],
      [10, 0],
      [10, 999_999],
      [255, 32],
    ] as const;
    const keys = places.map(([index, offset]) => formatSegmentKey(generation, index, offset));
    expect([...keys].sort()).toEqual(keys);
  });
});
