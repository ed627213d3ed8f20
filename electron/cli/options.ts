// Reads what stands on the command line: Litestream's single-dash flags, times, hexadecimal indices, Go durations,
// replica addresses. Pure but for the current folder and the clock that callers hand in; a reading that fails is a value.
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { dayMs, hourMs, minuteMs, secondMs } from '../../shared/format.ts';
import { formatPhrase, parseInstantPhrase } from '../../shared/instant-phrase.ts';
import { maxIndex } from '../../shared/position.ts';

/** What a text was read as, or why it could not be. */
export type Reading<T> =
  /** `notice` says what else it could have meant. */
  | { readonly kind: 'read'; readonly value: T; readonly notice?: string }
  | { readonly kind: 'unclear'; readonly reason: string };

/** Which flags a command line knows, with their two dashes. */
export interface KnownFlags {
  /** Those that a value follows; all others are switches. */
  readonly valued: ReadonlySet<string>;
  readonly switches: ReadonlySet<string>;
}

/**
 * Turns `-config` into `--config`, `-o=x` into `-o x`, and `-json=true` and `-json=false` into the switch or nothing, as Go has it;
 * values of options and what follows `--` stay as they are.
 */
export function normaliseFlags(words: readonly string[], known: KnownFlags): readonly string[] {
  const end = words.indexOf('--');
  const flags = end === -1 ? words : words.slice(0, end);
  const result: string[] = [];
  let isValue = false;
  for (const word of flags) {
    const next: readonly string[] = isValue ? [word] : normaliseFlag(word, known);
    result.push(...next);
    isValue = !isValue && next.length === 1 && known.valued.has(next[0] ?? '');
  }
  return end === -1 ? result : [...result, ...words.slice(end)];
}

function normaliseFlag(word: string, { switches }: KnownFlags): readonly string[] {
  const long = /^--?[a-z][a-z0-9-]+(=|$)/i.test(word) ? word.replace(/^--?/, '--') : word;
  const [, name = '', value = ''] = /^(--?[a-z][a-z0-9-]*)=(.*)$/is.exec(long) ?? [];
  if (switches.has(name) && /^(1|t|true)$/i.test(value)) return [name];
  if (switches.has(name) && /^(0|f|false)$/i.test(value)) return [];
  return /^-[a-z]$/i.test(name) ? [name, value] : [long];
}

/** An instant: RFC 3339 as Litestream takes it, a local date and time, or a phrase such as `15 min ago`. */
export function readInstant(text: string, now: number): Reading<number> {
  const reading = parseInstantPhrase(text, { now });
  if (reading.kind === 'instant') {
    const { at, other } = reading;
    return other === undefined
      ? { kind: 'read', value: at }
      : { kind: 'read', value: at, notice: twiceWords(text, at, other) };
  }
  const isOutside = reading.kind === 'unclear' && reading.isOutside === true;
  return {
    kind: 'unclear',
    reason: isOutside
      ? `“${text}” is no time of any history. ${reading.hint}`
      : `“${text}” is no time. Write 2026-11-22T14:30:00Z, “2026-11-22 14:30” or “15 min ago”.`,
  };
}

function twiceWords(text: string, at: number, other: number): string {
  const [which, ranks] = at > other ? ['second', 'first'] : ['first', 'second'];
  return `“${text}” was shown twice, since clocks were set back: the ${which} time is taken, ${formatPhrase(at)}. The ${ranks} one is “${formatPhrase(other)}”.`;
}

/** The number of an index, as hexadecimal digits. */
export function readIndex(text: string): Reading<number> {
  const value = /^(0x)?[0-9a-f]{1,8}$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN;
  if (value <= maxIndex) return { kind: 'read', value };
  return { kind: 'unclear', reason: `“${text}” is no index. Write up to 8 hexadecimal digits, such as 0000001f.` };
}

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: secondMs,
  m: minuteMs,
  h: hourMs,
};

/** Milliseconds of a Go duration: `1s`, `5m`, `1h30m`, `1.5h`, `0`. Negative ones are refused. */
export function readDuration(text: string): Reading<number> {
  const unclear = {
    kind: 'unclear',
    reason: `“${text}” is no duration. Write a number with a unit, such as 10s, 5m, 24h or 1h30m`,
  } as const;
  if (text === '0') return { kind: 'read', value: 0 };
  if (!/^(\d+(\.\d*)?|\.\d+)[a-zµμ]+((\d+(\.\d*)?|\.\d+)[a-zµμ]+)*$/.test(text)) return unclear;
  let ms = 0;
  for (const [, count = '', unit = ''] of text.matchAll(/([\d.]+)([a-zµμ]+)/g)) {
    const factor = unitMs[unit];
    if (factor === undefined) return unclear;
    ms += Number(count) * factor;
  }
  return ms <= 1000 * 365 * dayMs ? { kind: 'read', value: ms } : unclear;
}

/** True for what names its scheme, such as `file:///backup/app`. */
export function hasScheme(text: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(text);
}

/** A replica's address as the engine takes it: with its scheme as it stands, a bare path made absolute. */
export function toReplicaUrl(text: string): string {
  return hasScheme(text) ? text : toAbsolutePath(text);
}

/** A path made absolute against the current folder; a leading `~` is the home folder. */
export function toAbsolutePath(text: string): string {
  return resolve(text.replace(/^~(?=$|[/\\])/, () => homedir()));
}
