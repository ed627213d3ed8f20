// Looking at a history: zoom keeps the instant under the pointer, views that reach now follow it, bins stay put.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dayMs, hourMs, minuteMs, secondMs } from '../../shared/format.ts';
import {
  binMsFor,
  binsFor,
  isLive,
  panViewport,
  rangeViewport,
  resolveViewport,
  revealInstant,
  type Viewport,
  zoomViewport,
} from '../../shared/viewport.ts';

const now = Date.parse('2026-11-22T15:00:00Z');
const old = { firstAt: now - 30 * dayMs, now };
const young = { firstAt: now - 40 * secondMs, now };
const yesterday: Viewport = { kind: 'fixed', fromAt: now - 2 * dayMs, toAt: now - dayMs };

describe('the first look', () => {
  test('is the last day of a long history, and the whole of a young one, two minutes at least', () => {
    expect(resolveViewport({ kind: 'auto' }, old).fromAt).toBe(now - dayMs);
    const range = resolveViewport({ kind: 'auto' }, young);
    expect([range.toAt > now, range.toAt - range.fromAt >= 2 * minuteMs, range.fromAt < young.firstAt]).toEqual([
      true,
      true,
      true,
    ]);
  });

  test('works before there is any history', () => {
    const range = resolveViewport({ kind: 'auto' }, { firstAt: undefined, now });
    expect(range.toAt - range.fromAt).toBeGreaterThanOrEqual(2 * minuteMs);
  });
});

describe('zoom', () => {
  test('keeps the instant under the pointer where it is', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 10, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (factor, share) => {
          const before = resolveViewport(yesterday, old);
          const anchorAt = before.fromAt + share * (before.toAt - before.fromAt);
          const next = zoomViewport(yesterday, { ...old, factor, anchorAt });
          const after = resolveViewport(next, old);
          if (next.kind === 'fixed' && after.fromAt > old.firstAt) {
            expect((anchorAt - after.fromAt) / (after.toAt - after.fromAt)).toBeCloseTo(share, 6);
          }
        },
      ),
    );
  });

  test('goes no closer than seconds and no further than the history', () => {
    const close = resolveViewport(zoomViewport(yesterday, { ...old, factor: 1e9 }), old);
    const far = resolveViewport(zoomViewport(yesterday, { ...old, factor: 1e-9 }), old);
    expect(close.toAt - close.fromAt).toBe(4 * secondMs);
    expect(far.toAt - far.fromAt).toBeLessThan(40 * dayMs);
  });

  test('a view that follows now goes on following it', () => {
    expect(zoomViewport({ kind: 'live', spanMs: dayMs }, { ...old, factor: 2 })).toMatchObject({ kind: 'live' });
  });
});

describe('moving', () => {
  test('into now follows it, back from now leaves it', () => {
    expect(isLive(panViewport(yesterday, { ...old, byMs: 3 * dayMs }))).toBe(true);
    expect(isLive(panViewport({ kind: 'live', spanMs: hourMs }, { ...old, byMs: -hourMs }))).toBe(false);
  });

  test('does not lose the history', () => {
    const range = resolveViewport(panViewport(yesterday, { ...old, byMs: -400 * dayMs }), old);
    expect(range.toAt).toBeGreaterThan(old.firstAt);
  });

  test('reveals an instant only where it is out of view', () => {
    expect(revealInstant(yesterday, { ...old, at: now - 1.5 * dayMs })).toBe(yesterday);
    const range = resolveViewport(revealInstant(yesterday, { ...old, at: now - 9 * dayMs }), old);
    expect(range.fromAt < now - 9 * dayMs && range.toAt > now - 9 * dayMs).toBe(true);
  });

  test('a brushed range that is too narrow is widened around its middle', () => {
    const range = resolveViewport(rangeViewport({ fromAt: now - hourMs, toAt: now - hourMs + 10 }, old), old);
    expect(range.toAt - range.fromAt).toBe(4 * secondMs);
  });
});

describe('bins', () => {
  test('stay where they are while the view moves by less than one', () => {
    const range = { fromAt: now - hourMs, toAt: now };
    const binMs = binMsFor(hourMs, 900);
    const aligned = binsFor(range, 900);
    const moved = binsFor({ fromAt: range.fromAt + binMs * 3, toAt: range.toAt + binMs * 3 }, 900);
    expect(aligned.fromAt % binMs).toBe(0);
    expect((moved.fromAt - aligned.fromAt) % binMs).toBe(0);
  });

  test('are never more than the engine answers for, and cover the view', () => {
    fc.assert(
      fc.property(
        fc.double({ min: Math.log(4 * secondMs), max: Math.log(4_000 * dayMs), noNaN: true }),
        fc.integer({ min: 1, max: 4_000 }),
        (logSpan, width) => {
          const range = { fromAt: now - Math.exp(logSpan), toAt: now };
          const { bins, fromAt, toAt } = binsFor(range, width);
          expect(bins).toBeLessThanOrEqual(4_000);
          expect(bins).toBeGreaterThanOrEqual(1);
          expect(Number.isInteger(bins)).toBe(true);
          expect(fromAt <= range.fromAt && toAt >= range.toAt).toBe(true);
        },
      ),
    );
  });

  test('a bar is never shorter than a second unless one looks that closely', () => {
    expect(binMsFor(2 * minuteMs, 900)).toBe(secondMs);
    expect(binMsFor(20 * secondMs, 900)).toBeLessThan(secondMs);
    expect(binMsFor(dayMs * 1.02, 900)).toBe(5 * minuteMs);
  });
});
