// Reads an instant as people write it: "15 min ago", "yesterday 12:00", "14:30", "3 Nov 9:15", ISO 8601. Pure; local
// readings hang on the given zone. What is not understood is said so, never guessed.
import {
  dayMs,
  dayNumber,
  formatTimestampLocal,
  hourMs,
  instantOf,
  instantsOf,
  minuteMs,
  offsetAt,
  secondMs,
  wallTime,
  type WallTime,
  type Where,
} from './format.ts';

export type PhraseReading =
  | {
      readonly kind: 'instant';
      readonly at: number;
      /** The clock showed that twice, since it was set back: this is the other time, earlier or later. */
      readonly other?: number;
    }
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'unclear';
      readonly hint: string;
      /** It was understood, and is no time that a history can have. */
      readonly isOutside?: boolean;
    };

interface Context extends Where {
  readonly now: number;
}

interface Clock {
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** What a wall clock showed, as opposed to an instant that is the same everywhere. */
interface Shown {
  readonly at: number;
}

type Reader = (text: string, context: Context) => number | Shown | undefined;

const examples = 'Try “15 min ago”, “14:30”, “yesterday 12:00” or “2026-11-22 14:30”.';
const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const outside = 'That is before 1970 or after 9999: no history can be that old, or that young.';
const [firstAt, lastAt] = [0, Date.UTC(9999, 11, 31, 23, 59, 59, 999)];
const unitMs: Readonly<Record<string, number>> = { s: secondMs, m: minuteMs, h: hourMs, d: dayMs, w: 7 * dayMs };

const readers: readonly Reader[] = [readNow, readAgo, readIso, readClockAlone, readNamedDay, readWeekday, readDate];

/**
 * The instant that a phrase names; clock times without a day mean the last such time, and so do those that a clock showed twice
 * since it was set back.
 */
export function parseInstantPhrase(phrase: string, context: Context): PhraseReading {
  const text = phrase.trim().replace(/\s+/g, ' ').toLowerCase();
  if (text === '') return { kind: 'empty' };
  for (const read of readers) {
    const found = read(text, context);
    if (found === undefined) continue;
    const at = typeof found === 'number' ? found : found.at;
    if (!(at >= firstAt && at <= lastAt)) return { kind: 'unclear', hint: outside, isOutside: true };
    const other = typeof found === 'number' ? undefined : twinOf(at, context);
    return { kind: 'instant', at, ...(other === undefined ? {} : { other }) };
  }
  return { kind: 'unclear', hint: examples };
}

/** An instant as a phrase that means it and nothing else: `2026-10-25 02:30:00 +02:00`. */
export function formatPhrase(at: number, where: Where = {}): string {
  const minutes = Math.round(offsetAt(at, where) / minuteMs);
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return `${formatTimestampLocal(at, where)} ${minutes < 0 ? '-' : '+'}${two(hours)}:${two(rest)}`;
}

/** The last time until now that a wall clock showed this; the first time where it has not yet. */
function shown(wall: WallTime, context: Context): number {
  const instants = instantsOf(wall, context);
  return instants.findLast((at) => at <= context.now) ?? instants[0];
}

/** The other instant at which a clock shows what it shows at this one. */
function twinOf(at: number, context: Context): number | undefined {
  const rest = at - Math.floor(at / secondMs) * secondMs;
  const instants = instantsOf(wallTime(at, context), context).map((instant) => instant + rest);
  return instants.includes(at) ? instants.find((instant) => instant !== at) : undefined;
}

function readNow(text: string, { now }: Context): number | undefined {
  return /^(now|latest|newest)$/.test(text) ? now : undefined;
}

/** "15 min ago", "2h ago", "1 h 30 min ago", "an hour ago". */
function readAgo(text: string, { now }: Context): number | undefined {
  const amounts = /^(.+?) ?ago$/.exec(text)?.[1]?.replace(/\b(an?|one) (?=[a-z])/g, '1 ');
  if (amounts === undefined) return undefined;
  const part =
    /(\d+(?:\.\d+)?) ?(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)(?=[\d ,]|$)(?: ?,? ?(?:and )?)?/g;
  let ms = 0;
  const rest = amounts.replace(part, (_, count: string, unit: string) => {
    ms += Number(count) * (unitMs[unit.charAt(0)] ?? Number.NaN);
    return '';
  });
  return rest.trim() === '' ? now - ms : undefined;
}

/** "2026-11-22", "2026-11-22 14:30", "2026-11-22T14:30:05.250Z", with any offset; without one, local. */
function readIso(text: string, context: Context): number | Shown | undefined {
  const found =
    /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[t ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?(?: ?(z|utc|[+-]\d{2}:?\d{2}))?$/.exec(
      text,
    );
  if (found === null) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone] = found;
  const wall = {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
  };
  if (!isReal(wall)) return undefined;
  const ms = Math.floor(Number(`0.${fraction === '' ? '0' : fraction}`) * 1_000);
  if (zone === undefined) return { at: shown(wall, context) + ms };
  return instantOf(wall, { zone: 'UTC' }) + ms - offsetMs(zone);
}

/** "14:30": the last time the clock showed that. */
function readClockAlone(text: string, context: Context): Shown | undefined {
  const clock = readClock(text);
  if (clock === undefined) return undefined;
  const today = atClock(wallTime(context.now, context), 0, clock, context);
  return { at: today <= context.now ? today : atClock(wallTime(context.now, context), -1, clock, context) };
}

/** "today 9:15", "yesterday 12:00". */
function readNamedDay(text: string, context: Context): Shown | undefined {
  const [, day, time = ''] = /^(today|yesterday)(?: at| ,|,)? (.+)$/.exec(text) ?? [];
  const clock = readClock(time);
  if (day === undefined || clock === undefined) return undefined;
  return { at: atClock(wallTime(context.now, context), day === 'today' ? 0 : -1, clock, context) };
}

/** "fri 12:00", "friday 12:00": the last such day. */
function readWeekday(text: string, context: Context): Shown | undefined {
  const [, name, time = ''] = /^(sun|mon|tue|wed|thu|fri|sat)[a-z]*,?(?: at)? (.+)$/.exec(text) ?? [];
  const clock = readClock(time);
  if (name === undefined || clock === undefined) return undefined;
  const today = wallTime(context.now, context);
  const daysBack = (((dayNumber(today) + 4 - dayNames.indexOf(name)) % 7) + 7) % 7;
  const at = atClock(today, -daysBack, clock, context);
  return { at: at <= context.now ? at : atClock(today, -daysBack - 7, clock, context) };
}

/** "3 nov 14:30", "nov 3 14:30", "3 nov 2025 14:30", with or without a time. */
function readDate(text: string, context: Context): Shown | undefined {
  const month = '(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*';
  const tail = '(?:,? (\\d{4}))?(?:,?(?: at)? (\\d.*))?$';
  const dayFirst = new RegExp(`^(?:[a-z]{3,9},? )?(\\d{1,2})\\.? ${month}${tail}`).exec(text);
  const monthFirst = new RegExp(`^${month} (\\d{1,2})${tail}`).exec(text);
  const [day, name, year, time] =
    dayFirst !== null
      ? [dayFirst[1], dayFirst[2], dayFirst[3], dayFirst[4]]
      : [monthFirst?.[2], monthFirst?.[1], monthFirst?.[3], monthFirst?.[4]];
  if (day === undefined || name === undefined) return undefined;
  const clock = time === undefined ? { hour: 0, minute: 0, second: 0 } : readClock(time);
  if (clock === undefined) return undefined;
  const today = wallTime(context.now, context);
  const wall = { year: Number(year ?? today.year), month: monthNames.indexOf(name) + 1, day: Number(day), ...clock };
  if (!isReal(wall)) return undefined;
  const at = shown(wall, context);
  // Without a year, a date that has not come yet is last year's.
  return { at: year === undefined && at > context.now ? shown({ ...wall, year: wall.year - 1 }, context) : at };
}

/** "14:30", "14:30:05", "2:30 pm", "2 pm", "noon", "midnight". */
function readClock(text: string): Clock | undefined {
  if (text === 'noon') return { hour: 12, minute: 0, second: 0 };
  if (text === 'midnight') return { hour: 0, minute: 0, second: 0 };
  const [, hourText, minuteText, secondText, half] = /^(\d{1,2})(?::(\d{2})(?::(\d{2}))?)? ?(am|pm)?$/.exec(text) ?? [];
  if (hourText === undefined || (minuteText === undefined && half === undefined)) return undefined;
  const hour = Number(hourText);
  if (half !== undefined && (hour < 1 || hour > 12)) return undefined;
  const clock = {
    hour: half === undefined ? hour : (hour % 12) + (half === 'pm' ? 12 : 0),
    minute: Number(minuteText ?? 0),
    second: Number(secondText ?? 0),
  };
  return clock.hour < 24 && clock.minute < 60 && clock.second < 60 ? clock : undefined;
}

function atClock(today: WallTime, days: number, clock: Clock, context: Context): number {
  const date = new Date((dayNumber(today) + days) * dayMs);
  return shown(
    { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate(), ...clock },
    context,
  );
}

function isReal(wall: WallTime): boolean {
  const date = new Date(Date.UTC(wall.year, wall.month - 1, wall.day));
  return (
    // Years before 100 are taken for those of the last century.
    date.getUTCFullYear() === wall.year &&
    date.getUTCMonth() + 1 === wall.month &&
    date.getUTCDate() === wall.day &&
    wall.hour < 24 &&
    wall.minute < 60 &&
    wall.second < 60
  );
}

function offsetMs(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone) ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * hourMs + Number(minutes) * minuteMs);
}
