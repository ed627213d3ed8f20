// The maths of looking at a history: which span of time a timeline shows, how it zooms and pans, and which bins it asks
// for. Pure; the pixels are the renderer's.
import { dayMs, hourMs, minuteMs, secondMs } from './format.ts';

/** What a timeline shows. `auto` is the first look: the whole of a young history, else the last day. */
export type Viewport =
  | { readonly kind: 'auto' }
  /** The whole history, up to now. */
  | { readonly kind: 'all' }
  /** The last so many milliseconds, following now. */
  | { readonly kind: 'live'; readonly spanMs: number }
  | { readonly kind: 'fixed'; readonly fromAt: number; readonly toAt: number };

export interface Range {
  readonly fromAt: number;
  readonly toAt: number;
}

/** Bins to ask the engine for; their borders stay where they are while the view moves. */
export interface BinRequest extends Range {
  readonly bins: number;
}

/** Where a history begins and what time it is. */
export interface Extent {
  readonly firstAt: number | undefined;
  readonly now: number;
}

const shortestMs = 4 * secondMs;
const youngestMs = 2 * minuteMs;
/** Room at the left of a whole history and at the right of now, as a share of the span. */
const margin = 0.02;

/** Widths that bins snap to, for whoever asks for bins and whoever counts them. */
export const binWidthsMs = [
  100,
  250,
  500,
  secondMs,
  2 * secondMs,
  5 * secondMs,
  10 * secondMs,
  15 * secondMs,
  30 * secondMs,
  minuteMs,
  2 * minuteMs,
  5 * minuteMs,
  10 * minuteMs,
  15 * minuteMs,
  30 * minuteMs,
  hourMs,
  2 * hourMs,
  3 * hourMs,
  6 * hourMs,
  12 * hourMs,
  dayMs,
  7 * dayMs,
  28 * dayMs,
] as const;
const mostBins = 4_000;

/** The span of time that a viewport shows. */
export function resolveViewport(viewport: Viewport, { firstAt, now }: Extent): Range {
  switch (viewport.kind) {
    case 'fixed':
      return viewport;
    case 'live':
      return { fromAt: now - viewport.spanMs, toAt: now + viewport.spanMs * margin };
    case 'auto':
      return firstAt !== undefined && now - firstAt > dayMs
        ? resolveViewport({ kind: 'live', spanMs: dayMs }, { firstAt, now })
        : wholeHistory({ firstAt, now });
    case 'all':
      return wholeHistory({ firstAt, now });
  }
}

/** True where the right end follows now. */
export function isLive(viewport: Viewport): boolean {
  return viewport.kind !== 'fixed';
}

/** The viewport after zooming by `factor` (above 1 is closer) around an instant that stays where it is. */
export function zoomViewport(
  viewport: Viewport,
  options: Extent & { readonly factor: number; readonly anchorAt?: number | undefined },
): Viewport {
  const range = resolveViewport(viewport, options);
  const span = range.toAt - range.fromAt;
  const widest = spanOf(wholeHistory(options)) * 1.25;
  const next = Math.min(Math.max(span / options.factor, shortestMs), Math.max(widest, youngestMs));
  // A view that follows now keeps doing so, unless one zooms around a place further back.
  const anchorAt = options.anchorAt ?? (isLive(viewport) ? options.now : (range.fromAt + range.toAt) / 2);
  const share = (anchorAt - range.fromAt) / span;
  if (isLive(viewport) && share > 0.9) return { kind: 'live', spanMs: next };
  const fromAt = anchorAt - share * next;
  return settle({ fromAt, toAt: fromAt + next }, options);
}

/** The viewport moved by so many milliseconds; positive is later. */
export function panViewport(viewport: Viewport, options: Extent & { readonly byMs: number }): Viewport {
  const range = resolveViewport(viewport, options);
  return settle({ fromAt: range.fromAt + options.byMs, toAt: range.toAt + options.byMs }, options);
}

/** The viewport that shows exactly this range, kept near the history and no narrower than one can use. */
export function rangeViewport(range: Range, extent: Extent): Viewport {
  const span = Math.max(range.toAt - range.fromAt, shortestMs);
  const middle = (range.fromAt + range.toAt) / 2;
  return settle({ fromAt: middle - span / 2, toAt: middle + span / 2 }, extent);
}

/** The same viewport where an instant is in view, else one of the same span around it. */
export function revealInstant(viewport: Viewport, options: Extent & { readonly at: number }): Viewport {
  const range = resolveViewport(viewport, options);
  if (options.at >= range.fromAt && options.at <= range.toAt) return viewport;
  const span = range.toAt - range.fromAt;
  return settle({ fromAt: options.at - span / 2, toAt: options.at + span / 2 }, options);
}

/** Bins for a range drawn `width` pixels wide, with half a view of spare room on both sides. */
export function binsFor(range: Range, width: number): BinRequest {
  const span = range.toAt - range.fromAt;
  const binMs = binMsFor(span, width);
  const spare = Math.min(span / 2, ((mostBins - 2) * binMs - span) / 2);
  const fromAt = Math.floor((range.fromAt - spare) / binMs) * binMs;
  const toAt = Math.ceil((range.toAt + spare) / binMs) * binMs;
  return { fromAt, toAt, bins: Math.min(mostBins, Math.max(1, Math.round((toAt - fromAt) / binMs))) };
}

/** The width in time of one bar, such that bars stay wide enough to see. */
export function binMsFor(spanMs: number, width: number): number {
  const most = Math.max(20, Math.floor(width / 2.9));
  // Bars shorter than a second only where one looks that closely.
  const least = spanMs > 45 * secondMs ? secondMs : 0;
  return binWidthsMs.find((step) => step >= least && spanMs / step <= most) ?? Math.ceil(spanMs / most / dayMs) * dayMs;
}

function wholeHistory({ firstAt, now }: Extent): Range {
  const span = Math.max(now - (firstAt ?? now), youngestMs);
  return { fromAt: now - span * (1 + margin), toAt: now + span * margin };
}

/** Keeps a range within reach of the history; one that reaches now follows it. */
function settle(range: Range, extent: Extent): Viewport {
  const span = range.toAt - range.fromAt;
  const earliest = (extent.firstAt ?? extent.now) - span / 2;
  if (range.toAt >= extent.now + span * margin) return { kind: 'live', spanMs: span / (1 + margin) };
  const fromAt = Math.max(range.fromAt, Math.min(earliest, extent.now - span));
  return { kind: 'fixed', fromAt, toAt: fromAt + span };
}

function spanOf(range: Range): number {
  return range.toAt - range.fromAt;
}
