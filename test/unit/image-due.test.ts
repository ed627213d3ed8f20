// When the next image of a database is due.
import { describe, expect, test } from 'vitest';
import { isImageDue, type SinceImage } from '../../electron/engine/ship/image-due.ts';

const mebi = 1024 * 1024;
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const small: SinceImage = { agoMs: 0, walBytes: 1, databaseBytes: mebi, tookMs: 100, intervalMs: dayMs };
const large: SinceImage = { ...small, databaseBytes: 1024 * mebi, tookMs: 20_000 };

describe('an image is due', () => {
  test.each<[string, SinceImage, boolean]>([
    ['not before the interval is over', { ...small, agoMs: dayMs - 1 }, false],
    ['when the interval is over', { ...small, agoMs: dayMs }, true],
    ['never by an interval that is none', { ...small, agoMs: 400 * dayMs, intervalMs: 0 }, false],
    [
      'when more was shipped than a small database is large',
      { ...small, agoMs: 2 * minuteMs, walBytes: 17 * mebi },
      true,
    ],
    ['not for little', { ...small, agoMs: dayMs / 2, walBytes: 15 * mebi }, false],
    ['not at once after the last one', { ...small, agoMs: minuteMs, walBytes: 500 * mebi }, false],
    ['not for less than the database', { ...large, agoMs: dayMs / 2, walBytes: 1000 * mebi }, false],
    [
      'when more was shipped than a large database is large',
      { ...large, agoMs: 10 * minuteMs, walBytes: 1025 * mebi },
      true,
    ],
    ['not sooner than twenty times what it took', { ...large, agoMs: 6 * minuteMs, walBytes: 5000 * mebi }, false],
    ['later, the longer one takes', { ...large, agoMs: 60 * minuteMs, walBytes: 5000 * mebi, tookMs: 600_000 }, false],
    [
      'not soon where nobody knows what it takes',
      { ...large, agoMs: 15 * minuteMs, walBytes: 5000 * mebi, tookMs: undefined },
      false,
    ],
    ['also without an interval', { ...large, agoMs: 20 * minuteMs, walBytes: 1025 * mebi, intervalMs: 0 }, true],
  ])('%s', (_what, since, expected) => {
    expect(isImageDue(since)).toBe(expected);
  });
});
