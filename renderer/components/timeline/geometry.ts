// Where things lie in the timeline: rows, the scale between time and pixels, ticks and their words. Pure.
import { scaleTime } from 'd3-scale';
import { timeDay } from 'd3-time';
import {
  dayMs,
  formatClock,
  formatDay,
  formatSpan,
  hourMs,
  minuteMs,
  secondMs,
  wallTime,
} from '../../../shared/format.ts';
import type { GenerationBand, TimelineEvent } from '../../../shared/history.ts';
import type { Range } from '../../../shared/viewport.ts';

/** Rows of the activity band, in CSS pixels. */
export const rows = {
  pillTop: 2,
  top: 30,
  base: 172,
  band: 177,
  bandHeight: 17,
  lane: 211,
  axis: 240,
  height: 250,
} as const;

/** Space at the left and right of all bands. */
export const inset = 20;

export interface Scale {
  toX(at: number): number;
  toAt(x: number): number;
}

/** Time to pixels and back, between the insets of a band so wide. */
export function scaleOf(range: Range, width: number): Scale {
  const [left, right] = [inset, Math.max(inset + 1, width - inset)];
  const perMs = (right - left) / (range.toAt - range.fromAt);
  return {
    toX: (at) => left + (at - range.fromAt) * perMs,
    toAt: (x) => range.fromAt + (x - left) / perMs,
  };
}

export interface Tick {
  readonly at: number;
  readonly text: string;
}

/** Round local times, as many as fit, each with its words. */
export function ticksOf(range: Range, width: number): readonly Tick[] {
  const count = Math.max(2, Math.floor(width / 110));
  const scale = scaleTime([new Date(range.fromAt), new Date(range.toAt)], [0, 1]);
  const instants = scale.ticks(count).map((date) => date.getTime());
  const step = (instants[1] ?? range.toAt) - (instants[0] ?? range.fromAt);
  return instants.map((at) => ({ at, text: tickText(at, step) }));
}

/** Local midnights in view, where days are wide enough to be named. */
export function midnightsOf(range: Range): readonly Tick[] {
  if (range.toAt - range.fromAt > 5 * dayMs) return [];
  return timeDay
    .range(timeDay.ceil(new Date(range.fromAt)), new Date(range.toAt))
    .map((date) => ({ at: date.getTime(), text: dayText(date.getTime()) }));
}

/** A generation's words: what began it, and when. */
export function bandText(band: GenerationBand, now: number): string {
  const day = formatDay(band.fromAt, now);
  const clock = formatClock(band.fromAt, { precision: 'minute' });
  const when = day === 'Today' ? clock : `${day === 'Yesterday' ? 'yesterday' : day} ${clock}`;
  return `${band.reason.charAt(0).toUpperCase()}${band.reason.slice(1)} · ${when}`;
}

/** What an event says when one points at it. */
export function eventText(event: TimelineEvent): string {
  switch (event.kind) {
    case 'snapshot':
      return 'Snapshot: a full image of the database';
    case 'gap':
      return `${event.text} · ${formatSpan(event.toAt - event.at)}`;
    case 'named':
      return `“${event.name}” stays until the name is removed`;
    case 'restore':
    case 'drill':
      return event.text;
  }
}

/** `1 s`, `5 min`, `1 day`: how much one bar covers. */
export function binText(binMs: number): string {
  if (binMs < secondMs) return `${binMs} ms`;
  if (binMs < minuteMs) return `${binMs / secondMs} s`;
  if (binMs < hourMs) return `${binMs / minuteMs} min`;
  if (binMs < dayMs) return `${binMs / hourMs} h`;
  const days = Math.round(binMs / dayMs);
  return days === 1 ? '1 day' : `${days} days`;
}

function tickText(at: number, stepMs: number): string {
  if (stepMs < secondMs) return formatClock(at, { precision: 'millisecond' }).slice(3, -2);
  if (stepMs < minuteMs) return formatClock(at);
  if (stepMs < dayMs * 0.9) return formatClock(at, { precision: 'minute' });
  const { day, month, year } = wallTime(at);
  if (stepMs > 300 * dayMs) return String(year);
  return month === 1 && day === 1 ? String(year) : dayText(at).replace(/^\w+ /, '');
}

/** With the weekday, never "Today": a border is not a state. */
function dayText(at: number): string {
  return formatDay(at, at - 10 * dayMs).replace(/ \d{4}$/, '');
}
