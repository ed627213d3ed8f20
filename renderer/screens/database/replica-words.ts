// The settings of one database’s history at one destination, in words: how soon, how often whole, how much of it stays.
import {
  dayMs,
  formatCount,
  formatDay,
  formatDuration,
  hourMs,
  minuteMs,
  plural,
  secondMs,
} from '../../../shared/format.ts';
import type { DatabaseState, ReplicaState } from '../../../shared/databases.ts';
import type { Retention, RetentionPreview } from '../../../shared/retention.ts';
import { momentMs } from '../parts/status-words.ts';

interface Choice {
  readonly key: string;
  readonly text: string;
}

type Thinned = Extract<Retention, { kind: 'thinned' }>;

/** A duration as people say it where it is a round one: `10 seconds`, `30 days`, `a year`. */
export function spanText(ms: number): string {
  const units = [
    [365 * dayMs, 'year'],
    [dayMs, 'day'],
    [hourMs, 'hour'],
    [minuteMs, 'minute'],
    [secondMs, 'second'],
  ] as const;
  for (const [unitMs, noun] of units) {
    if (ms >= unitMs && ms % unitMs === 0) return plural(ms / unitMs, noun);
  }
  return formatDuration(ms);
}

const syncs = [0, secondMs, 10 * secondMs, minuteMs, 10 * minuteMs, hourMs];
const snapshots = [hourMs, 6 * hourMs, 12 * hourMs, dayMs, 7 * dayMs];
const windows = [dayMs, 3 * dayMs, 7 * dayMs, 14 * dayMs, 30 * dayMs, 90 * dayMs];
const dailies = [14 * dayMs, 30 * dayMs, 90 * dayMs, 180 * dayMs, 365 * dayMs];
const weeklies = [90 * dayMs, 180 * dayMs, 365 * dayMs, 730 * dayMs, 1825 * dayMs];

/** What may be chosen, with what is chosen now among it. */
export function syncChoices(chosenMs: number): readonly Choice[] {
  return choices(syncs, chosenMs, (ms) => (ms === 0 ? 'At once' : `After ${spanText(ms)} at most`));
}

export function snapshotChoices(chosenMs: number): readonly Choice[] {
  return choices(snapshots, chosenMs, (ms) => `Every ${spanText(ms).replace(/^1 /, '')}`);
}

export function windowChoices(chosenMs: number): readonly Choice[] {
  return choices(windows, chosenMs, (ms) => `For ${spanText(ms)}`);
}

export function dailyChoices(chosenMs: number): readonly Choice[] {
  return choices([0, ...dailies], chosenMs, (ms) => (ms === 0 ? 'None' : `Until ${spanText(ms)} old`));
}

export function weeklyChoices(chosenMs: number): readonly Choice[] {
  return choices([0, ...weeklies], chosenMs, (ms) => (ms === 0 ? 'None' : `Until ${spanText(ms)} old`));
}

/**
 * True where a destination is further behind than it always is for a moment. Another destination that is behind says nothing
 * about this one: what is captured and what lies here have to be apart too.
 */
export function isBehind(
  { lagBytes, shipped, syncIntervalMs }: ReplicaState,
  database: DatabaseState,
  now: number,
): boolean {
  const { captured, lag } = database;
  if (lagBytes === 0 || captured === undefined || shipped === undefined || lag.sinceAt === undefined) return false;
  const usualMs = momentMs + syncIntervalMs;
  return now - lag.sinceAt >= usualMs && captured.at - shipped.at >= usualMs;
}

/** What a retention keeps, as one sentence. */
export function retentionSentence(retention: Retention): string {
  if (retention.kind === 'keep-all') return 'Everything is kept; nothing is ever deleted.';
  const { windowMs } = retention;
  const parts = [`Every transaction of the last ${spanText(windowMs).replace(/^1 /, '')}`, ...thinnedParts(retention)];
  return `${parts.join(', then ')}.`;
}

/** The same in a few words, for a line among others. */
export function retentionText(retention: Retention): string {
  if (retention.kind === 'keep-all') return 'keeps everything';
  const longest = Math.max(retention.windowMs, retention.dailyMs, retention.weeklyMs);
  return `every transaction for ${spanText(retention.windowMs)}${longest > retention.windowMs ? `, thinned for ${spanText(longest)}` : ''}`;
}

/** How many states one could go back to, in words. */
export function pointsText({ keptSnapshots, windowFromAt }: RetentionPreview, now: number): string {
  const apart = keptSnapshots.filter(({ why }) => why !== 'window').length;
  if (windowFromAt === undefined) return plural(keptSnapshots.length, 'snapshot');
  const since = formatDay(windowFromAt, now).replace(/^(Today|Yesterday)/, (day) => day.toLowerCase());
  const every = `every transaction since ${since}`;
  const named = keptSnapshots.filter(({ why }) => why === 'pinned').length;
  const forNames = named === 0 ? '' : `, ${formatCount(named)} of them for named points`;
  return apart === 0 ? every : `${every}, and ${plural(apart, 'snapshot')}${forNames}`;
}

function thinnedParts({ windowMs, dailyMs, weeklyMs }: Thinned): readonly string[] {
  const parts: string[] = [];
  if (dailyMs > windowMs) parts.push(`a snapshot a day until it is ${spanText(dailyMs)} old`);
  if (weeklyMs > Math.max(windowMs, dailyMs)) parts.push(`one a week until it is ${spanText(weeklyMs)} old`);
  return parts;
}

function choices(all: readonly number[], chosenMs: number, text: (ms: number) => string): readonly Choice[] {
  const values = all.includes(chosenMs) ? all : [...all, chosenMs].sort((a, b) => a - b);
  return values.map((ms) => ({ key: String(ms), text: text(ms) }));
}
