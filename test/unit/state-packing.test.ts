// Restore points and segments as bytes: whatever is packed comes back the same, a row at a time, and bytes that are not what was
// packed are refused.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  longestRunMs,
  type PackedRun,
  packRuns,
  type Point,
  unpackRun,
} from '../../electron/engine/state/packed-points.ts';
import {
  type PackedSegments,
  packSegments,
  type SegmentRow,
  unpackSegments,
} from '../../electron/engine/state/packed-segments.ts';
import { ByteReader, ByteWriter, checksumOf } from '../../electron/engine/state/varints.ts';
import { AppError } from '../../shared/errors.ts';
import { comparePositions } from '../../shared/position.ts';

const pageSize = 4096;
const frame = 24 + pageSize;

/** Mostly as a capture makes them; now and then anything that fits the types. */
const step = fc.record({
  distance: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 12 }).map((frames) => frames * frame) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 2 ** 33 }) },
  ),
  ms: fc.oneof(
    { weight: 8, arbitrary: fc.nat(60) },
    { weight: 1, arbitrary: fc.integer({ min: -10_000, max: 2 ** 42 }) },
  ),
  growth: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.integer({ min: -50, max: 50 }) },
  ),
  written: fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(2 ** 32) }),
  transactions: fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.nat(100_000) }),
});

const history = fc
  .record({
    offset: fc.oneof(fc.constant(0), fc.nat(2 ** 32)),
    at: fc.nat(2 ** 41),
    pages: fc.integer({ min: 1000, max: 2 ** 32 }),
    steps: fc.array(step, { minLength: 1, maxLength: 1500, size: 'max' }),
  })
  .map(({ steps, ...begin }) => {
    let { offset, at, pages } = begin;
    return steps.map(({ distance, ms, growth, written, transactions }): Point => {
      [offset, at, pages] = [offset + distance, at + ms, Math.max(0, pages + growth)];
      return { offset, at, pages, written: written ?? Math.floor(distance / frame), transactions };
    });
  });

/** How the work fails, or what it gives. */
function outcome<T>(work: () => T): T | 'refused' {
  try {
    return work();
  } catch (error) {
    if (error instanceof AppError && error.code === 'internal') return 'refused';
    throw error;
  }
}

describe('whole numbers', () => {
  test('come back the same, to the largest and in either direction', () => {
    fc.assert(
      fc.property(
        fc.array(fc.maxSafeNat()),
        fc.array(fc.integer({ min: -(2 ** 51), max: 2 ** 51 })),
        (plain, signed) => {
          const writer = new ByteWriter();
          for (const value of plain) writer.add(value);
          for (const value of signed) writer.addSigned(value);
          const reader = new ByteReader(writer.bytes);
          expect(plain.map(() => reader.next())).toEqual(plain);
          expect(signed.map(() => reader.nextSigned())).toEqual(signed);
          expect(reader.isAtEnd).toBe(true);
        },
      ),
    );
  });

  test.each<[string, readonly number[]]>([
    ['nothing', []],
    ['an end in the middle of one', [0x80]],
    ['more bytes than any has', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]],
    ['one larger than any that was written', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['one that is written in more bytes than it takes', [0x81, 0]],
  ])('%s is refused', (_what, bytes) => {
    expect(outcome(() => new ByteReader(Uint8Array.from(bytes)).next())).toBe('refused');
  });

  test.each([-1, 0.5, NaN, Infinity, 2 ** 53])('%d cannot be written', (value) => {
    expect(outcome(() => new ByteWriter().add(value))).toBe('refused');
  });
});

describe('restore points', () => {
  test('come back the same, whatever pieces they were told in', () => {
    fc.assert(
      fc.property(history, fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }), (points, pieces) => {
        const rows: PackedRun[] = [];
        for (let from = 0, i = 0; from < points.length; i++) {
          const to = from + (pieces[i % pieces.length] ?? 1);
          rows.push(...packRuns(points.slice(from, to), pageSize, rows.pop()));
          from = to;
        }
        expect(rows.flatMap(unpackRun)).toEqual(points);
        expect(rows).toEqual(packRuns(points, pageSize));
        for (const row of rows) {
          expect(row.points.length).toBeLessThan(1400);
          expect(row.lastAt - row.firstAt).toBeLessThanOrEqual(longestRunMs);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('of an ordinary history take two bytes each', () => {
    const points = Array.from({ length: 500 }, (_, i) => {
      return {
        offset: 32 + (i + 1) * 3 * frame,
        at: 1_780_000_000_000 + i * 20,
        pages: 90,
        written: 3,
        transactions: 1,
      };
    });
    const [row, ...others] = packRuns(points, pageSize);
    expect([row?.points.length, others]).toEqual([500 * 2 + 4, []]);
  });

  test('go to another row where the page size is another one', () => {
    const points = [1, 2].map((n) => ({ offset: n * 100, at: n, pages: 1, written: 1, transactions: 1 }));
    const [first] = packRuns(points.slice(0, 1), 512);
    const rows = packRuns(points.slice(1), 1024, first);
    expect(rows.map((row) => [row.pageSize, unpackRun(row)])).toEqual([
      [512, points.slice(0, 1)],
      [1024, points.slice(1)],
    ]);
  });

  test('are refused where bytes are missing, too many or other ones than their row says', () => {
    const point = (n: number): Point => ({
      offset: 32 + n * frame,
      at: 1000 + n,
      pages: 5,
      written: 1,
      transactions: 1,
    });
    const [row] = packRuns(
      Array.from({ length: 50 }, (_, i) => point(i + 1)),
      pageSize,
    );
    if (row === undefined) throw new Error('there is a row');
    const { points } = row;
    const withPoints = (bytes: Uint8Array) => ({ ...row, points: bytes, checksum: checksumOf(bytes) });
    const broken = [
      ...Array.from(points, (_, i) => withPoints(points.slice(0, i))),
      withPoints(Uint8Array.from([...points, 2, 2])),
      withPoints(Uint8Array.from([...points, 0, 0])),
      ...Array.from(points, (byte, i) => ({ ...row, points: points.with(i, byte ^ 0x02) })),
      { ...row, checksum: row.checksum + 1 },
      { ...row, endOffset: row.endOffset + 1 },
      { ...row, lastAt: row.lastAt - 1 },
      { ...row, pages: row.pages + 1 },
      { ...row, transactions: row.transactions + 1 },
    ];
    expect(unpackRun(row)).toHaveLength(50);
    const accepted = broken.map((one) => outcome(() => unpackRun(one))).filter((found) => found !== 'refused');
    expect(accepted).toEqual([]);
  });
});

describe('segments', () => {
  const rowsOfSegments = fc
    .array(fc.tuple(fc.oneof(fc.constant(0), fc.nat(3)), fc.integer({ min: 1, max: 2 ** 32 }), fc.nat(2 ** 40)), {
      minLength: 1,
      maxLength: 800,
      size: 'max',
    })
    .map((steps) => {
      let [index, offset] = [0, 0];
      return steps.map(([indices, distance, bytes]): SegmentRow => {
        [index, offset] = indices === 0 ? [index, offset + distance] : [index + indices, distance % 1000];
        return { index, offset, bytes };
      });
    });

  test('come back the same, whatever pieces they were told in', () => {
    fc.assert(
      fc.property(rowsOfSegments, fc.integer({ min: 1, max: 300 }), (all, piece) => {
        const rows: PackedSegments[] = [];
        for (let from = 0; from < all.length; from += piece) {
          rows.push(...packSegments(all.slice(from, from + piece), rows.pop()));
        }
        expect(rows.flatMap(unpackSegments)).toEqual(all);
        expect(rows).toEqual(packSegments(all));
        for (const row of rows) {
          const within = unpackSegments(row);
          expect(row.bytes).toBe(within.reduce((sum, { bytes }) => sum + bytes, 0));
          expect([comparePositions(row.first, within[0] ?? row.last), within.length > 0]).toEqual([0, true]);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('are refused where bytes are missing, too many or other ones than their row says', () => {
    const all = Array.from({ length: 40 }, (_, i) => ({ index: 1 + (i >> 3), offset: (i & 7) * 50, bytes: 5 }));
    const [row] = packSegments(all);
    if (row === undefined) throw new Error('there is a row');
    const { segments: bytes } = row;
    const withSegments = (segments: Uint8Array) => ({ ...row, segments, checksum: checksumOf(segments) });
    const broken = [
      ...Array.from(bytes, (_, i) => withSegments(bytes.slice(0, i))),
      withSegments(Uint8Array.from([...bytes, 0, 0, 0])),
      ...Array.from(bytes, (byte, i) => ({ ...row, segments: bytes.with(i, byte ^ 0x01) })),
      withSegments(Uint8Array.from([...bytes, 0, 1, 0])),
      { ...row, bytes: row.bytes + 1 },
      { ...row, last: { ...row.last, offset: row.last.offset + 1 } },
    ];
    expect(unpackSegments(row)).toEqual(all);
    expect(broken.map((one) => outcome(() => unpackSegments(one))).filter((found) => found !== 'refused')).toEqual([]);
  });
});
