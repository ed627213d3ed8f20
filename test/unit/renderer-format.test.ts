// The one formatter and the reader of phrases, by tables; zones with a daylight-saving change on purpose.
import { describe, expect, test } from 'vitest';
import {
  dayMs,
  formatAge,
  formatAgo,
  formatBytes,
  formatClock,
  formatClockUtc,
  formatDay,
  formatDuration,
  formatInstantLocal,
  formatInstantUtc,
  formatSpan,
  formatTimestampLocal,
  formatZone,
  hourMs,
  instantOf,
  minuteMs,
  secondMs,
  wallTime,
} from '../../shared/format.ts';
import { formatPhrase, parseInstantPhrase } from '../../shared/instant-phrase.ts';

const berlin = { zone: 'Europe/Berlin' };
const now = Date.parse('2026-11-22T15:37:58.250Z'); // a Sunday, 16:37:58 in Berlin

describe('formatBytes', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1 kB'],
    [48_210_000, '48.2 MB'],
    [740_400_000, '740 MB'],
    [999_949, '1 MB'],
    [1_210_000_000, '1.2 GB'],
    [-5, '0 B'],
  ])('%d is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('durations', () => {
  test.each([
    [80, '80 ms'],
    [1_240, '1.2 s'],
    [9_960, '10 s'],
    [59_400, '59 s'],
    [125_000, '2 min 5 s'],
    [120_000, '2 min'],
    [7_560_000, '2 h 6 min'],
    [3 * dayMs + 4 * hourMs, '3 d 4 h'],
  ])('%d ms take %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test.each([
    [400, 'now'],
    [8_900, '8 s'],
    [3 * minuteMs + 59_000, '3 min'],
    [3.9 * hourMs, '3 h'],
    [12 * dayMs, '12 d'],
  ])('an age of %d ms is %s', (ms, text) => {
    expect(formatAge(ms)).toBe(text);
  });

  test.each([
    [1_500, 'just now'],
    [8 * secondMs, '8 s ago'],
    [5 * minuteMs + 37_000, '5 min ago'],
    [126 * minuteMs, '2 h 6 min ago'],
    [-5_000, 'in 5 s'],
  ])('%d ms before now is %s', (ms, text) => {
    expect(formatAgo(now - ms, now)).toBe(text);
  });

  test.each([
    [1_000, '1 second'],
    [90 * secondMs, '90 seconds'],
    [5 * minuteMs, '5 minutes'],
    [5 * hourMs, '5 hours'],
    [30 * dayMs, '30 days'],
  ])('a history of %d ms is %s long', (ms, text) => {
    expect(formatSpan(ms)).toBe(text);
  });
});

describe('instants', () => {
  test('are local first, with the zone’s name, and UTC', () => {
    expect([
      formatInstantLocal(now - 2 * hourMs, now, berlin),
      formatInstantLocal(now - dayMs, now, { ...berlin, precision: 'minute' }),
      formatInstantLocal(now - 3 * dayMs, now, { ...berlin, precision: 'millisecond' }),
      formatDay(Date.parse('2025-11-20T12:00:00Z'), now, berlin),
      formatInstantUtc(now),
      formatZone(now, berlin),
      formatZone(now, { zone: 'America/New_York' }),
      formatTimestampLocal(now, berlin),
    ]).toEqual([
      'Today 14:37:58',
      'Yesterday 16:37',
      'Thu 19 Nov 16:37:58.250',
      'Thu 20 Nov 2025',
      '2026-11-22 15:37:58 UTC',
      'CET',
      'EST',
      '2026-11-22 16:37:58',
    ]);
  });

  test('name the zone where the clock shows the same time twice', () => {
    const [summer, winter] = ['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z'].map((text) => Date.parse(text));
    expect([summer, winter].map((at) => formatInstantLocal(at ?? 0, now, berlin))).toEqual([
      'Sun 25 Oct 02:30:00 CEST',
      'Sun 25 Oct 02:30:00 CET',
    ]);
  });

  test('say the UTC date where it differs from the local one', () => {
    expect(formatClockUtc(Date.parse('2026-11-21T23:30:00Z'), berlin)).toBe('21 Nov 23:30:00 UTC');
    expect(formatClockUtc(now, berlin)).toBe('15:37:58 UTC');
  });

  test.each(['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Pacific/Chatham', 'UTC'])(
    'survive the way to a wall clock in %s and back',
    (zone) => {
      const start = Date.parse('2026-03-01T00:00:00Z');
      const instants = Array.from({ length: 400 }, (_, index) => start + index * 17 * hourMs);
      expect(instants.map((at) => formatClock(instantOf(wallTime(at, { zone }), { zone }), { zone }))).toEqual(
        instants.map((at) => formatClock(at, { zone })),
      );
    },
  );
});

describe('parseInstantPhrase', () => {
  test.each([
    ['now', '2026-11-22T15:37:58.250Z'],
    ['15 min ago', '2026-11-22T15:22:58.250Z'],
    ['15m ago', '2026-11-22T15:22:58.250Z'],
    ['2 h ago', '2026-11-22T13:37:58.250Z'],
    ['1 h 30 min ago', '2026-11-22T14:07:58.250Z'],
    ['an hour ago', '2026-11-22T14:37:58.250Z'],
    ['3 days ago', '2026-11-19T15:37:58.250Z'],
    ['1.5 hours and 2 minutes ago', '2026-11-22T14:05:58.250Z'],
    ['14:30', '2026-11-22T13:30:00.000Z'],
    ['14:30:05', '2026-11-22T13:30:05.000Z'],
    // Not yet today: yesterday's.
    ['23:10', '2026-11-21T22:10:00.000Z'],
    ['2:30 pm', '2026-11-22T13:30:00.000Z'],
    ['noon', '2026-11-22T11:00:00.000Z'],
    ['today 9:15', '2026-11-22T08:15:00.000Z'],
    ['Yesterday at 12:00', '2026-11-21T11:00:00.000Z'],
    ['fri 12:00', '2026-11-20T11:00:00.000Z'],
    ['Sunday 18:00', '2026-11-15T17:00:00.000Z'],
    ['3 Nov 9:15', '2026-11-03T08:15:00.000Z'],
    ['Nov 3, 2025 at 09:15', '2025-11-03T08:15:00.000Z'],
    ['24 Dec', '2025-12-23T23:00:00.000Z'],
    ['2026-11-20', '2026-11-19T23:00:00.000Z'],
    ['2026-11-20 14:30', '2026-11-20T13:30:00.000Z'],
    ['2026-11-20T14:30:05.250Z', '2026-11-20T14:30:05.250Z'],
    ['2026-11-20 14:30 +05:30', '2026-11-20T09:00:00.000Z'],
    // Daylight saving: 02:30 never was on 29 March; on 25 October the first of two.
    ['2026-03-29 02:30', '2026-03-29T01:30:00.000Z'],
    ['2026-10-25 02:30', '2026-10-25T01:30:00.000Z'],
    ['25 oct 2:30', '2026-10-25T01:30:00.000Z'],
    ['2026-10-25 02:30 +0200', '2026-10-25T00:30:00.000Z'],
    ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000Z'],
  ])('reads “%s”', (phrase, iso) => {
    const reading = parseInstantPhrase(phrase, { now, ...berlin });
    expect(reading.kind === 'instant' ? new Date(reading.at).toISOString() : reading.kind).toBe(iso);
  });

  test.each(['before lunch', '25:00', '2026-02-30', 'ago', '15 bananas ago', 'yesterday', '31 Feb 10:00', '14'])(
    'does not guess at “%s”',
    (phrase) => {
      expect(parseInstantPhrase(phrase, { now, ...berlin }).kind).toBe('unclear');
    },
  );

  const second = Date.parse('2026-10-25T01:30:00Z');
  const first = Date.parse('2026-10-25T00:30:00Z');
  test.each([
    ['2026-10-25 02:30', '2026-11-22T15:37:58Z', { at: second, other: first }],
    ['25 oct 2:30', '2026-11-22T15:37:58Z', { at: second, other: first }],
    ['sun 2:30', '2026-10-26T09:00:00Z', { at: second, other: first }],
    ['yesterday 2:30', '2026-10-26T09:00:00Z', { at: second, other: first }],
    ['2:30', '2026-10-25T09:00:00Z', { at: second, other: first }],
    ['02:30:00', '2026-10-25T01:40:00Z', { at: second, other: first }],
    // The second time has not come yet.
    ['2:30', '2026-10-25T00:40:00Z', { at: first, other: second }],
    ['2:30', '2026-10-25T01:20:00Z', { at: first, other: second }],
    ['2026-10-25 02:30:00.250', '2026-11-22T15:37:58Z', { at: second + 250, other: first + 250 }],
    ['2026-10-25 03:00', '2026-11-22T15:37:58Z', { at: Date.parse('2026-10-25T02:00:00Z') }],
    ['2026-10-25T01:30:00Z', '2026-11-22T15:37:58Z', { at: second }],
    ['28 days ago', '2026-11-22T01:30:00Z', { at: second }],
  ])('of two times that a clock showed, “%s” at %s is the later one that has been', (phrase, at, expected) => {
    expect(parseInstantPhrase(phrase, { now: Date.parse(at), ...berlin })).toEqual({ kind: 'instant', ...expected });
  });

  test('each of the two is written so that it means itself', () => {
    for (const at of [first, second]) {
      const phrase = formatPhrase(at, berlin);
      expect(parseInstantPhrase(phrase, { now, ...berlin })).toEqual({ kind: 'instant', at });
    }
    expect(formatPhrase(first, berlin)).toBe('2026-10-25 02:30:00 +02:00');
    expect(formatPhrase(Date.parse('2026-01-02T03:04:05Z'), { zone: 'America/St_Johns' })).toBe(
      '2026-01-01 23:34:05 -03:30',
    );
  });

  test.each(['1969-12-31', '0099-01-01', '0000-01-01', '99999999 days ago', '1e9 years ago', '3 Nov 0026'])(
    '%s is no time of a history, and nothing is made of it',
    (phrase) => {
      expect(parseInstantPhrase(phrase, { now, ...berlin })).toMatchObject({ kind: 'unclear' });
    },
  );

  test('knows nothing from something', () => {
    expect(parseInstantPhrase('  ', { now }).kind).toBe('empty');
  });
});
