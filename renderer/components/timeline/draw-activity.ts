// Draws the activity band: grid, gaps, density, generations, events, axis, and the line of the selection. Knows nothing of
// React; what it draws is all in the scene.
import type { RestorePoint, Timeline, TimelineEvent } from '../../../shared/history.ts';
import type { Range } from '../../../shared/viewport.ts';
import { bandText, inset, midnightsOf, rows, type Scale, scaleOf, ticksOf } from './geometry.ts';
import type { Palette } from './palette.ts';
import { snap } from './surface.ts';

export interface ActivityScene {
  readonly width: number;
  readonly ratio: number;
  readonly palette: Palette;
  readonly range: Range;
  readonly now: number;
  readonly isLive: boolean;
  readonly timeline: Timeline | undefined;
  readonly selected: RestorePoint | undefined;
  /** The selection follows the newest point: nothing lies after it. */
  readonly isNewest: boolean;
  /** What was captured after this has not reached a destination yet. */
  readonly restorableUntil: number | undefined;
  readonly hoverAt: number | undefined;
  readonly hovered: RestorePoint | undefined;
  /** A range that is being brushed. */
  readonly brush: Range | undefined;
}

/** A name takes no more of the lane than this. */
const flagWords = 160;

type Context = CanvasRenderingContext2D;

const family = '"Inter Variable", system-ui, sans-serif';

/** Draws the whole band onto a cleared context. */
export function drawActivity(context: Context, scene: ActivityScene): void {
  const scale = scaleOf(scene.range, scene.width);
  const pen = { context, scene, scale, right: scene.width - inset };
  drawGrid(pen);
  context.save();
  context.beginPath();
  context.rect(inset, 0, pen.right - inset, rows.height);
  context.clip();
  drawGaps(pen);
  drawBars(pen);
  drawBands(pen);
  drawEvents(pen);
  drawBrush(pen);
  context.restore();
  drawHover(pen);
  drawSelection(pen);
}

interface Pen {
  readonly context: Context;
  readonly scene: ActivityScene;
  readonly scale: Scale;
  readonly right: number;
}

function drawGrid(pen: Pen): void {
  const { context, scene, scale, right } = pen;
  const { palette, range, now, ratio } = scene;
  line(context, [inset, rows.base + 0.5, right, rows.base + 0.5], palette.line);
  const nowX = scale.toX(now);
  const hasNow = nowX > inset && nowX <= right + 1;
  const midnights = midnightsOf(range);
  for (const tick of ticksOf(range, scene.width)) {
    const x = snap(scale.toX(tick.at), ratio);
    if (midnights.every((midnight) => midnight.at !== tick.at)) {
      line(context, [x + 0.5 / ratio, rows.top - 4, x + 0.5 / ratio, rows.base], palette.line, 1 / ratio);
    }
    const isCrowded = hasNow && Math.abs(nowX - x) < 52;
    if (!isCrowded) write(context, tick.text, x, rows.axis, { colour: palette.faint, align: alignAt(x, scene.width) });
  }
  for (const midnight of midnights) {
    const x = scale.toX(midnight.at);
    context.setLineDash([3, 3]);
    line(context, [x, rows.top - 14, x, rows.base], palette['line-strong'], 1);
    context.setLineDash([]);
    const isTight = x > right - 70;
    if (isUnderPill(pen, isTight ? x - 40 : x + 40)) continue;
    write(context, midnight.text, isTight ? x - 5 : x + 5, rows.top - 6, {
      colour: palette.faint,
      weight: 520,
      align: isTight ? 'right' : 'left',
    });
  }
  if (hasNow) {
    write(context, 'now', Math.min(nowX, right), rows.axis, {
      colour: palette.accent,
      weight: 600,
      align: nowX > right - 14 ? 'right' : 'center',
    });
  }
}

/** The selected time covers what lies behind it. */
function isUnderPill({ scene, scale }: Pen, x: number): boolean {
  return scene.selected !== undefined && Math.abs(scale.toX(scene.selected.at) - x) < 84;
}

function drawGaps({ context, scene, scale }: Pen): void {
  const { palette } = scene;
  for (const event of scene.timeline?.events ?? []) {
    if (event.kind !== 'gap') continue;
    const [from, to] = [Math.max(inset, scale.toX(event.at)), Math.min(scene.width - inset, scale.toX(event.toAt))];
    if (to <= from) continue;
    const top = rows.top - 4;
    context.save();
    context.beginPath();
    context.rect(from, top, Math.max(2, to - from), rows.base - top);
    context.clip();
    context.globalAlpha = 0.6;
    const depth = rows.base - top;
    for (let x = from - depth; x < to; x += 7) line(context, [x, rows.base, x + depth, top], palette.hatch, 1);
    context.restore();
    drawGapWords({ context, scene, scale, right: to }, event.text, from, to);
  }
}

function drawGapWords({ context, scene }: Pen, text: string, from: number, to: number): void {
  context.font = font(11.5, 500);
  const fits = (lines: readonly string[]): boolean =>
    Math.max(...lines.map((words) => context.measureText(words).width)) + 24 < to - from;
  const lines = [[text], text.split(/(?<=,) /)].find(fits);
  if (lines === undefined) return;
  const width = Math.max(...lines.map((words) => context.measureText(words).width)) + 24;
  const height = 8 + 16 * lines.length;
  const [x, y] = [(from + to) / 2, (rows.top + rows.base) / 2];
  rounded(context, x - width / 2, y - height / 2, width, height, 12);
  context.fillStyle = scene.palette.panel;
  context.fill();
  context.strokeStyle = scene.palette['line-strong'];
  context.lineWidth = 1;
  context.stroke();
  for (const [index, words] of lines.entries()) {
    const lineY = y + 4 + 16 * (index - (lines.length - 1) / 2);
    write(context, words, x, lineY, { colour: scene.palette.muted, size: 11.5, weight: 500, align: 'center' });
  }
}

function drawBars({ context, scene, scale }: Pen): void {
  const { timeline, palette, range, ratio, selected, isNewest, restorableUntil, hovered } = scene;
  if (timeline === undefined) return;
  const { binMs, fromAt, counts } = timeline;
  const first = Math.max(0, Math.floor((range.fromAt - fromAt) / binMs) - 1);
  const last = Math.min(counts.length - 1, Math.ceil((range.toAt - fromAt) / binMs));
  const most = Math.max(4, ...counts.slice(first, last + 1));
  const height = rows.base - rows.top;
  for (let index = first; index <= last; index += 1) {
    const count = counts[index] ?? 0;
    if (count === 0) continue;
    const at = fromAt + index * binMs;
    // Shared edges are snapped once, so that bars keep equal gaps on every screen.
    const left = snap(scale.toX(at), ratio);
    const width = Math.max(1 / ratio, snap(scale.toX(at + binMs), ratio) - left - (binMs * perMs(scale) > 3 ? 1 : 0));
    const share = Math.sqrt(count / most);
    const top = rows.base - Math.max(2, share * height);
    const holds = (point: RestorePoint | undefined): boolean =>
      point !== undefined && point.at >= at && point.at < at + binMs;
    const isLater = !isNewest && selected !== undefined && at > selected.at;
    context.globalAlpha = isLater ? 0.42 : 1;
    context.fillStyle = holds(selected) || holds(hovered) ? palette.d3 : share > 0.42 ? palette.d2 : palette.d1;
    rounded(context, left, top, width, rows.base - top, Math.min(1.5, width / 2), true);
    if (restorableUntil !== undefined && at > restorableUntil) {
      context.strokeStyle = context.fillStyle;
      context.lineWidth = 1;
      context.stroke();
    } else {
      context.fill();
    }
  }
  context.globalAlpha = 1;
}

function drawBands({ context, scene, scale, right }: Pen): void {
  const { palette, now } = scene;
  for (const band of scene.timeline?.generations ?? []) {
    const from = Math.max(inset, scale.toX(band.fromAt));
    const to = Math.min(right, scale.toX(band.isCurrent ? Math.max(now, band.toAt) : band.toAt));
    if (to - from < 1) continue;
    rounded(context, from + 0.5, rows.band, Math.max(1, to - from - 1), rows.bandHeight, 3);
    context.fillStyle = band.isCurrent ? palette['gen-a'] : palette['gen-b'];
    context.fill();
    const text = fit(context, bandText(band, now), to - from - 14, font(10.5, 520));
    write(context, text, from + 8, rows.band + 12.5, { colour: palette.text, size: 10.5, weight: 520 });
  }
}

function drawEvents(pen: Pen): void {
  const { context, scene, scale, right } = pen;
  const { palette } = scene;
  let squareEnd = Number.NEGATIVE_INFINITY;
  const marks = (scene.timeline?.events ?? []).filter((event) => event.kind !== 'gap').sort((a, b) => a.at - b.at);
  for (const [index, event] of marks.entries()) {
    const x = scale.toX(event.at);
    if (event.kind === 'named') {
      // What people wrote is worth more room than snapshots, of which there are many.
      const rest = marks.slice(index + 1).find(({ kind }) => kind !== 'snapshot');
      squareEnd = drawFlag(pen, event.name, {
        x,
        end: Math.min(right, rest === undefined ? right : scale.toX(rest.at)),
      });
      continue;
    }
    const next = marks[index + 1];
    const room = Math.min(right, next === undefined ? right : scale.toX(next.at)) - x;
    if (event.kind === 'snapshot' && x > squareEnd) {
      rounded(context, x - 4, rows.lane - 4, 8, 8, 2);
      context.fillStyle = palette.muted;
      context.fill();
      squareEnd = x + 9;
    } else if (event.kind === 'restore') {
      drawArrow(context, x, palette.work);
    } else if (event.kind === 'drill') {
      context.strokeStyle = palette.good;
      context.lineWidth = 2;
      path(context, [x - 5, rows.lane, x - 1, rows.lane + 4, x + 6, rows.lane - 4]);
    }
    if (event.kind !== 'snapshot' && room > 66) {
      const words = event.kind === 'restore' ? 'restored' : 'proven';
      write(context, words, x + 11, rows.lane + 4, { colour: palette.muted, weight: 500 });
    }
  }
}

/** A flag with its name, as far as there is room; returns where it ends. */
function drawFlag(
  { context, scene }: Pen,
  name: string,
  { x, end }: { readonly x: number; readonly end: number },
): number {
  const { palette } = scene;
  if (x < inset) return Number.NEGATIVE_INFINITY;
  line(context, [x, rows.lane - 8, x, rows.lane + 8], palette.warn, 1.5);
  context.beginPath();
  for (const [dx, dy] of [
    [0, -8],
    [10, -4],
    [0, 0],
  ] as const)
    context.lineTo(x + dx, rows.lane + dy);
  context.fillStyle = palette.warn;
  context.fill();
  const text = fit(context, name, Math.min(flagWords, end - x - 28), font(11, 500));
  if (text === '') return x + 15;
  write(context, text, x + 14, rows.lane + 4, { colour: palette.muted, weight: 500 });
  return x + 14 + context.measureText(text).width + 12;
}

/** A curved arrow back in time. */
function drawArrow(context: Context, x: number, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 1.8;
  context.beginPath();
  context.arc(x, rows.lane, 5, -Math.PI * 0.85, Math.PI * 0.75);
  context.stroke();
  path(context, [x - 6.5, rows.lane - 6, x - 5.5, rows.lane - 1.5, x - 1, rows.lane - 2.5]);
}

function drawBrush({ context, scene, scale }: Pen): void {
  if (scene.brush === undefined) return;
  const [from, to] = [scale.toX(scene.brush.fromAt), scale.toX(scene.brush.toAt)];
  context.globalAlpha = 0.16;
  context.fillStyle = scene.palette.accent;
  context.fillRect(from, rows.top - 4, to - from, rows.base - rows.top + 4);
  context.globalAlpha = 1;
  line(context, [from, rows.top - 4, from, rows.base], scene.palette.accent, 1);
  line(context, [to, rows.top - 4, to, rows.base], scene.palette.accent, 1);
}

function drawHover({ context, scene, scale, right }: Pen): void {
  const { hoverAt, hovered, palette } = scene;
  if (hoverAt === undefined || scene.brush !== undefined) return;
  const x = scale.toX(hoverAt);
  if (x < inset || x > right) return;
  line(context, [x, rows.top - 4, x, rows.base], palette.faint, 1);
  if (hovered === undefined) return;
  const foundX = scale.toX(hovered.at);
  if (foundX < inset) return;
  line(context, [foundX, rows.base, x, rows.base], palette.accent, 2);
  dot(context, foundX, rows.base, 3.5, palette.accent, palette.panel);
}

function drawSelection({ context, scene, scale, right }: Pen): void {
  const { selected, palette } = scene;
  if (selected === undefined) return;
  const x = scale.toX(selected.at);
  if (x < inset - 1 || x > right + 1) return;
  line(context, [x, rows.pillTop + 16, x, rows.lane + 10], palette.accent, 1.5);
  dot(context, x, rows.base, 4.5, palette.accent, palette.panel);
}

function perMs(scale: Scale): number {
  return scale.toX(1) - scale.toX(0);
}

function alignAt(x: number, width: number): CanvasTextAlign {
  if (x < inset + 16) return 'left';
  return x > width - inset - 16 ? 'right' : 'center';
}

function font(size: number, weight: number): string {
  return `${weight} ${size}px ${family}`;
}

function write(
  context: Context,
  text: string,
  x: number,
  y: number,
  style: {
    readonly colour: string;
    readonly size?: number;
    readonly weight?: number;
    readonly align?: CanvasTextAlign;
  },
): void {
  context.font = font(style.size ?? 11, style.weight ?? 450);
  context.fillStyle = style.colour;
  context.textAlign = style.align ?? 'left';
  context.fillText(text, x, y);
}

function fit(context: Context, text: string, width: number, asFont: string): string {
  context.font = asFont;
  if (context.measureText(text).width <= width) return text;
  if (width < 24) return '';
  let end = text.length - 1;
  while (end > 1 && context.measureText(`${text.slice(0, end).trimEnd()}…`).width > width) end -= 1;
  return end > 1 ? `${text.slice(0, end).trimEnd()}…` : '';
}

function line(
  context: Context,
  [fromX, fromY, toX, toY]: readonly [number, number, number, number],
  colour: string,
  width = 1,
): void {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(fromX, fromY);
  context.lineTo(toX, toY);
  context.stroke();
}

function path(context: Context, points: readonly number[]): void {
  context.beginPath();
  for (let index = 0; index < points.length; index += 2) context.lineTo(points[index] ?? 0, points[index + 1] ?? 0);
  context.stroke();
}

function dot(context: Context, x: number, y: number, radius: number, colour: string, ring: string): void {
  context.beginPath();
  context.arc(x, y, radius, 0, Math.PI * 2);
  context.fillStyle = colour;
  context.fill();
  context.strokeStyle = ring;
  context.lineWidth = 2;
  context.stroke();
}

function rounded(
  context: Context,
  x: number,
  y: number,
  width: number,
  height: number,
  radius: number,
  isTopOnly = false,
): void {
  context.beginPath();
  context.roundRect(x, y, width, height, isTopOnly ? [radius, radius, 0, 0] : radius);
}

/** The event whose mark lies under the pointer. */
export function eventAt(
  events: readonly TimelineEvent[],
  options: { readonly scale: Scale; readonly x: number; readonly y: number },
): TimelineEvent | undefined {
  const { scale, x, y } = options;
  const marks = events.filter((event) => event.kind !== 'gap');
  if (y > rows.band) {
    const near = marks.filter((event) => Math.abs(scale.toX(event.at) - x) <= 8);
    return near.find((event) => event.kind === 'named') ?? near[0];
  }
  return events.find((event) => event.kind === 'gap' && x >= scale.toX(event.at) && x <= scale.toX(event.toAt));
}
