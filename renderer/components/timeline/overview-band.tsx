// The whole history in one band, with a brush that says which part the timeline shows: drag it, pull its edges, or draw a
// new one. A pointer's convenience; the keyboard has the same through zoom and pan.
import { type PointerEvent, type ReactNode, useLayoutEffect, useRef } from 'react';
import { formatInstantLocal } from '../../../shared/format.ts';
import type { Timeline } from '../../../shared/history.ts';
import type { Range } from '../../../shared/viewport.ts';
import { binText, inset, type Scale, scaleOf } from './geometry.ts';
import type { Palette } from './palette.ts';
import { prepareCanvas, snap, usePixelRatio } from './surface.ts';
import styles from './overview-band.module.css';

interface OverviewBandProps {
  readonly width: number;
  readonly palette: Palette | undefined;
  readonly timeline: Timeline | undefined;
  readonly range: Range;
  readonly now: number;
  /** `isMove`: one of many small changes of one gesture. */
  readonly onRange: (range: Range, isMove: boolean) => void;
}

type Drag =
  | { readonly kind: 'move'; readonly grabbedAt: number; readonly range: Range }
  | { readonly kind: 'span'; readonly anchorAt: number };

const height = 38;
const edge = 7;

export function OverviewBand({ width, palette, timeline, range, now, onRange }: OverviewBandProps): ReactNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drag = useRef<{ readonly of: Drag; hasMoved: boolean } | undefined>(undefined);
  const ratio = usePixelRatio();
  const whole = wholeRange(timeline, now);
  const scale = scaleOf(whole, width);

  useLayoutEffect(() => {
    const context = canvas.current === null ? undefined : prepareCanvas(canvas.current, { width, height, ratio });
    if (context === undefined || palette === undefined || width === 0) return;
    drawOverview(context, { width, ratio, palette, timeline, range, whole });
  });

  function start(event: PointerEvent<HTMLCanvasElement>): void {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const x = event.nativeEvent.offsetX;
    const [from, to] = [scale.toX(range.fromAt), scale.toX(range.toAt)];
    const isWide = to - from > 3 * edge;
    const of: Drag =
      isWide && Math.abs(x - from) < edge
        ? { kind: 'span', anchorAt: range.toAt }
        : isWide && Math.abs(x - to) < edge
          ? { kind: 'span', anchorAt: range.fromAt }
          : x > from - edge && x < to + edge
            ? { kind: 'move', grabbedAt: scale.toAt(x), range }
            : { kind: 'span', anchorAt: scale.toAt(x) };
    drag.current = { of, hasMoved: false };
  }

  function move(event: PointerEvent<HTMLCanvasElement>): void {
    if (drag.current === undefined || Math.abs(event.movementX) + Math.abs(event.movementY) === 0) return;
    const { of, hasMoved } = drag.current;
    drag.current.hasMoved = true;
    const at = scale.toAt(event.nativeEvent.offsetX);
    if (of.kind === 'move') {
      const by = at - of.grabbedAt;
      onRange({ fromAt: of.range.fromAt + by, toAt: of.range.toAt + by }, hasMoved);
    } else {
      onRange({ fromAt: Math.min(of.anchorAt, at), toAt: Math.max(of.anchorAt, at) }, hasMoved);
    }
  }

  function end(event: PointerEvent<HTMLCanvasElement>): void {
    if (drag.current?.hasMoved === false && drag.current.of.kind === 'span') {
      const [at, span] = [scale.toAt(event.nativeEvent.offsetX), range.toAt - range.fromAt];
      onRange({ fromAt: at - span / 2, toAt: at + span / 2 }, false);
    }
    drag.current = undefined;
  }

  return (
    <div className={styles.band}>
      <div className={styles.words}>
        <span>
          {timeline?.first === undefined
            ? 'The history is just beginning'
            : `Whole history · since ${lower(formatInstantLocal(timeline.first.at, now, { precision: 'minute' }))}`}
        </span>
        {timeline !== undefined && <span className={styles.unit}>one bar = {binText(timeline.binMs)} · √ scale</span>}
      </div>
      <canvas
        ref={canvas}
        className={styles.canvas}
        aria-hidden
        onPointerDown={start}
        onPointerMove={move}
        onPointerUp={end}
        onPointerCancel={() => (drag.current = undefined)}
      />
    </div>
  );
}

interface OverviewScene {
  readonly width: number;
  readonly ratio: number;
  readonly palette: Palette;
  readonly timeline: Timeline | undefined;
  readonly range: Range;
  readonly whole: Range;
}

function drawOverview(context: CanvasRenderingContext2D, scene: OverviewScene): void {
  const { width, ratio, palette, timeline, range, whole } = scene;
  const scale = scaleOf(whole, width);
  const base = height - 4;
  context.beginPath();
  context.roundRect(inset, 2, width - 2 * inset, height - 4, 5);
  context.fillStyle = palette.raised;
  context.fill();
  context.save();
  context.clip();
  const bars = groupBars(timeline?.overview, scale);
  const most = Math.max(4, ...bars.map((bar) => bar.count));
  context.fillStyle = palette.d2;
  for (const { fromAt, toAt, count } of bars) {
    const left = snap(scale.toX(fromAt), ratio);
    const barWidth = snap(scale.toX(toAt), ratio) - left;
    const barHeight = Math.max(2, Math.sqrt(count / most) * (height - 12));
    context.fillRect(left, base - barHeight, Math.max(1 / ratio, barWidth > 3 ? barWidth - 1 : barWidth), barHeight);
  }
  // What is out of view steps back.
  const [from, to] = [Math.max(inset, scale.toX(range.fromAt)), Math.min(width - inset, scale.toX(range.toAt))];
  context.fillStyle = palette.raised;
  context.globalAlpha = 0.55;
  context.fillRect(0, 0, from, height);
  context.fillRect(to, 0, width - to, height);
  context.restore();
  const brushWidth = Math.max(6, to - from);
  const left = Math.min(from, width - inset - brushWidth);
  context.beginPath();
  context.roundRect(left, 1, brushWidth, height - 2, 4);
  context.strokeStyle = palette.accent;
  context.lineWidth = 2;
  context.stroke();
}

interface Bar extends Range {
  readonly count: number;
}

/** Bins put together until a bar is wide enough to see. */
function groupBars(bins: Timeline['overview'] | undefined, scale: Scale): readonly Bar[] {
  if (bins === undefined || bins.counts.length === 0) return [];
  const binWidth = scale.toX(bins.fromAt + bins.binMs) - scale.toX(bins.fromAt);
  const size = Math.max(1, Math.ceil(3 / binWidth));
  const bars: Bar[] = [];
  for (let index = 0; index < bins.counts.length; index += size) {
    const count = bins.counts.slice(index, index + size).reduce((sum, one) => sum + one, 0);
    const fromAt = bins.fromAt + index * bins.binMs;
    if (count > 0) bars.push({ count, fromAt, toAt: fromAt + size * bins.binMs });
  }
  return bars;
}

function wholeRange(timeline: Timeline | undefined, now: number): Range {
  const fromAt = timeline?.overview.fromAt ?? now - 120_000;
  const toAt = Math.max(now, timeline?.overview.toAt ?? now);
  const span = Math.max(toAt - fromAt, 120_000);
  return { fromAt: toAt - span * 1.02, toAt: toAt + span * 0.02 };
}

function lower(text: string): string {
  return text.replace(/^(Today|Yesterday)/, (day) => day.toLowerCase());
}
