// The one formatter: bytes, counts, durations and instants as people read them. Pure; the zone is the system's unless one
// is given. English words, 24-hour clock, decimal units, local time first and UTC wherever something is confirmed.

/** Where a wall clock hangs: an IANA zone; without one, the system's. */
export interface Where {
  readonly zone?: string | undefined;
}

export const secondMs = 1_000;
export const minuteMs = 60 * secondMs;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** A wall clock's reading. */
export interface WallTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const smallNumbers = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'] as const;

/** `512 B`, `48.2 MB`, `1.2 GB`: decimal units, at most one decimal. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;
  let value = Math.max(0, bytes);
  let unit = 0;
  // Rounding may reach the next unit: 999,950 B is 1 MB, not 1,000 kB.
  while (unit < units.length - 1 && roundForUnit(value, unit) >= 1_000) {
    value /= 1_000;
    unit += 1;
  }
  return `${trimZero(roundForUnit(value, unit))} ${units[unit] ?? 'PB'}`;
}

/** `11,694`. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** `1 database`, `4 databases`, `1,204 transactions`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : nouns}`;
}

/** `no`, `one` … `ten`, then figures. */
export function numberWord(count: number): string {
  return smallNumbers[count] ?? formatCount(count);
}

/** The text with a capital first letter. */
export function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** How long something took or lies apart, in at most two units: `80 ms`, `1.2 s`, `2 min 5 s`, `2 h 6 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  const value = Math.abs(ms);
  if (value < 100) return `${Math.round(value)} ms`;
  if (value < 9_950) return `${trimZero(Math.round(value / 100) / 10)} s`;
  const seconds = Math.round(value / secondMs);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return twoUnits(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(value / minuteMs);
  if (minutes < 24 * 60) return twoUnits(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(value / hourMs);
  return twoUnits(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/** An age for a narrow column, in one unit: `now`, `8 s`, `3 min`, `3 h`, `12 d`. */
export function formatAge(ms: number): string {
  if (ms < secondMs) return 'now';
  if (ms < minuteMs) return `${Math.floor(ms / secondMs)} s`;
  if (ms < hourMs) return `${Math.floor(ms / minuteMs)} min`;
  if (ms < dayMs) return `${Math.floor(ms / hourMs)} h`;
  return `${Math.floor(ms / dayMs)} d`;
}

/** `just now`, `8 s ago`, `2 h 6 min ago`; `in 5 s` for what lies ahead. */
export function formatAgo(at: number, now: number): string {
  const ms = now - at;
  if (ms < -secondMs) return `in ${formatDuration(Math.round(ms / secondMs) * secondMs)}`;
  if (ms < 2 * secondMs) return 'just now';
  // Seconds beside minutes would tick without telling anything.
  const unit = ms < minuteMs ? secondMs : minuteMs;
  return `${formatDuration(Math.floor(ms / unit) * unit)} ago`;
}

/** The length of a history in words: `40 seconds`, `3 hours`, `30 days`. */
export function formatSpan(ms: number): string {
  const value = Math.max(0, ms);
  if (value < 2 * minuteMs) return plural(Math.round(value / secondMs), 'second');
  if (value < 2 * hourMs) return plural(Math.floor(value / minuteMs), 'minute');
  if (value < 2 * dayMs) return plural(Math.floor(value / hourMs), 'hour');
  return plural(Math.floor(value / dayMs), 'day');
}

/** `14:31:58`, or `14:31` without seconds, or `14:31:58.250`. */
export function formatClock(
  at: number,
  options: Where & { readonly precision?: 'minute' | 'second' | 'millisecond' } = {},
): string {
  const wall = wallTime(at, options);
  const minute = `${two(wall.hour)}:${two(wall.minute)}`;
  if (options.precision === 'minute') return minute;
  const second = `${minute}:${two(wall.second)}`;
  if (options.precision !== 'millisecond') return second;
  return `${second}.${String(modulo(Math.floor(at), 1_000)).padStart(3, '0')}`;
}

/** `Today`, `Yesterday`, `Fri 20 Nov`, `Fri 20 Nov 2025`. */
export function formatDay(at: number, now: number, where: Where = {}): string {
  const wall = wallTime(at, where);
  const today = wallTime(now, where);
  const daysAgo = dayNumber(today) - dayNumber(wall);
  if (daysAgo === 0) return 'Today';
  if (daysAgo === 1) return 'Yesterday';
  const date = `${dayNames[modulo(dayNumber(wall) + 4, 7)] ?? ''} ${formatDate(wall)}`;
  return wall.year === today.year ? date : `${date} ${wall.year}`;
}

/** `Today 14:31:58`, `Fri 20 Nov 09:12:01`; where the clock showed that time twice, the zone's name follows. */
export function formatInstantLocal(
  at: number,
  now: number,
  options: Where & { readonly precision?: 'minute' | 'second' | 'millisecond' } = {},
): string {
  const text = `${formatDay(at, now, options)} ${formatClock(at, options)}`;
  return isAmbiguous(at, options) ? `${text} ${formatZone(at, options)}` : text;
}

/** An instant or a day within a sentence: `today 14:31:58`. */
export function withinSentence(text: string): string {
  return text.replace(/^(Today|Yesterday)/, (day) => day.toLowerCase());
}

/** `2026-11-22 13:31:58 UTC`. */
export function formatInstantUtc(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `13:31:58 UTC`, with the date in front where it is another day there. */
export function formatClockUtc(at: number, where: Where = {}): string {
  const utc = { zone: 'UTC' };
  const isSameDay = dayNumber(wallTime(at, where)) === dayNumber(wallTime(at, utc));
  const clock = `${formatClock(at, utc)} UTC`;
  return isSameDay ? clock : `${formatDate(wallTime(at, utc))} ${clock}`;
}

/** `2026-11-22 14:31:58`: local, sortable, for lists in a terminal. */
export function formatTimestampLocal(at: number, where: Where = {}): string {
  const wall = wallTime(at, where);
  return `${wall.year}-${two(wall.month)}-${two(wall.day)} ${formatClock(at, where)}`;
}

/** The zone's short name at that instant: `CET`, `EST`, `GMT+5:30`. */
export function formatZone(at: number, where: Where = {}): string {
  // Each locale knows the abbreviations of its own part of the world only.
  const names = ['en-GB', 'en-US', 'en-AU'].map((locale) => zoneName(at, locale, where.zone));
  return names.find((name) => !/^(GMT|UTC)[+-]/.test(name)) ?? names[0] ?? 'UTC';
}

/** The wall clock's reading at an instant. */
export function wallTime(at: number, where: Where = {}): WallTime {
  const parts = wallFormat(where.zone).formatToParts(at);
  const read = (type: Intl.DateTimeFormatPartTypes): number =>
    Number(parts.find((part) => part.type === type)?.value ?? Number.NaN);
  return {
    year: read('year'),
    month: read('month'),
    day: read('day'),
    hour: read('hour'),
    minute: read('minute'),
    second: read('second'),
  };
}

/** The instant at which a wall clock shows that reading; the first of two, and just after a skipped hour. */
export function instantOf(wall: WallTime, where: Where = {}): number {
  return instantsOf(wall, where)[0];
}

/** Every instant at which a wall clock shows that reading, in order: two where it was set back. Just after a skipped hour. */
export function instantsOf(wall: WallTime, where: Where = {}): readonly [number, ...number[]] {
  const asUtc = Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute, wall.second);
  const before = offsetAt(asUtc - dayMs, where);
  const candidates = [before, offsetAt(asUtc + dayMs, where)].map((offset) => asUtc - offset);
  const [first, ...others] = [...new Set(candidates)]
    .filter((at) => offsetAt(at, where) === asUtc - at)
    .sort((a, b) => a - b);
  return first === undefined ? [asUtc - before] : [first, ...others];
}

/** Days since the epoch on that calendar. */
export function dayNumber(wall: WallTime): number {
  return Date.UTC(wall.year, wall.month - 1, wall.day) / dayMs;
}

/** Milliseconds that the zone is ahead of UTC at an instant. */
export function offsetAt(at: number, where: Where = {}): number {
  const wall = wallTime(at, where);
  const asUtc = Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute, wall.second);
  return asUtc - Math.floor(at / secondMs) * secondMs;
}

function isAmbiguous(at: number, where: Where): boolean {
  const offset = offsetAt(at, where);
  return [-hourMs, hourMs].some((ms) => offsetAt(at + ms, where) + ms === offset);
}

function roundForUnit(value: number, unit: number): number {
  return unit === 0 || value >= 99.95 ? Math.round(value) : Math.round(value * 10) / 10;
}

function trimZero(value: number): string {
  return value >= 1_000 ? formatCount(value) : String(value);
}

function twoUnits(first: number, firstUnit: string, second: number, secondUnit: string): string {
  return second === 0 ? `${first} ${firstUnit}` : `${first} ${firstUnit} ${second} ${secondUnit}`;
}

function formatDate(wall: WallTime): string {
  return `${wall.day} ${monthNames[wall.month - 1] ?? ''}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}

const wallFormats = new Map<string, Intl.DateTimeFormat>();

function wallFormat(zone: string | undefined): Intl.DateTimeFormat {
  const key = zone ?? '';
  const known = wallFormats.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-GB', {
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    ...(zone === undefined ? {} : { timeZone: zone }),
  });
  wallFormats.set(key, made);
  return made;
}

function zoneName(at: number, locale: string, zone: string | undefined): string {
  const format = new Intl.DateTimeFormat(locale, {
    timeZoneName: 'short',
    ...(zone === undefined ? {} : { timeZone: zone }),
  });
  return format.formatToParts(at).find((part) => part.type === 'timeZoneName')?.value ?? 'UTC';
}
