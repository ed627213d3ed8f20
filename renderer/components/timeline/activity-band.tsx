// The density of transactions and what else lies in view, with the selected restore point. One tab stop: a slider whose
// value is always a real restore point. Pointer: hover previews, click selects, drag pans, Shift and drag zooms in.
import {
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import { dayMs } from '../../../shared/format.ts';
import type { Position } from '../../../shared/position.ts';
import type { Range } from '../../../shared/viewport.ts';
import { type ActivityScene, drawActivity, eventAt } from './draw-activity.ts';
import { inset, rows, scaleOf } from './geometry.ts';
import { HoverCard } from './hover-card.tsx';
import type { Palette } from './palette.ts';
import { SelectionPill } from './selection-pill.tsx';
import { prepareCanvas, usePixelRatio } from './surface.ts';
import styles from './activity-band.module.css';

export interface ActivityBandProps extends Omit<ActivityScene, 'ratio' | 'palette' | 'brush' | 'hoverAt' | 'hovered'> {
  readonly name: string;
  readonly valueText: string;
  readonly palette: Palette | undefined;
  readonly hover:
    { readonly at: number; readonly isKnown: boolean; readonly point: ActivityScene['hovered'] } | undefined;
  readonly onHover: (at: number | undefined) => void;
  readonly onSelectAt: (at: number) => void;
  readonly onSelectExact: (position: Position) => void;
  readonly onStep: (by: 1 | -1) => void;
  readonly onStepNamed: (by: 1 | -1) => void;
  readonly onJump: (byMs: number) => void;
  readonly onOldest: () => void;
  readonly onNewest: () => void;
  /** `isMove`: one of many small changes of one gesture. */
  readonly onZoom: (factor: number, anchorAt: number | undefined, isMove: boolean) => void;
  readonly onPan: (byMs: number) => void;
  readonly onRange: (range: Range, isMove: boolean) => void;
  readonly onAll: () => void;
  readonly onUndo: () => void;
  readonly onRestore: () => void;
  readonly onName: () => void;
}

interface Drag {
  readonly kind: 'pan' | 'brush';
  readonly startX: number;
  readonly range: Range;
  hasMoved: boolean;
}

/** A pointer that moved less than this has clicked. */
const clickSlop = 4;

export function ActivityBand(props: ActivityBandProps): ReactNode {
  const { name, valueText, palette, width, range, timeline, selected, isNewest, hover, now } = props;
  const band = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const drag = useRef<Drag | undefined>(undefined);
  const [brush, setBrush] = useState<Range>();
  const [pointerY, setPointerY] = useState(0);
  const [isPanning, setPanning] = useState(false);
  const ratio = usePixelRatio();
  const scale = scaleOf(range, width);
  const span = range.toAt - range.fromAt;

  useLayoutEffect(() => {
    if (canvas.current === null || palette === undefined || width === 0) return;
    const context = prepareCanvas(canvas.current, { width, height: rows.height, ratio });
    if (context === undefined) return;
    const hovering = isPanning ? undefined : hover;
    drawActivity(context, { ...props, palette, ratio, brush, hoverAt: hovering?.at, hovered: hovering?.point });
  });

  useWheel(band, ({ x, deltaX, deltaY, isPan }) => {
    if (isPan) props.onPan(((deltaX === 0 ? deltaY : deltaX) / Math.max(1, width - 2 * inset)) * span);
    else props.onZoom(Math.exp(-deltaY * 0.0022), scale.toAt(x), true);
  });

  function start(event: PointerEvent<HTMLDivElement>): void {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const kind = event.shiftKey ? 'brush' : 'pan';
    drag.current = { kind, startX: offsetX(event), range, hasMoved: false };
  }

  function move(event: PointerEvent<HTMLDivElement>): void {
    const x = offsetX(event);
    setPointerY(event.clientY - event.currentTarget.getBoundingClientRect().top);
    if (drag.current === undefined) {
      props.onHover(x < inset || x > width - inset ? undefined : scale.toAt(x));
      return;
    }
    const { kind, startX, range: startRange, hasMoved } = drag.current;
    if (!hasMoved && Math.abs(x - startX) < clickSlop) return;
    drag.current.hasMoved = true;
    const startScale = scaleOf(startRange, width);
    if (kind === 'brush') {
      const [a, b] = [startScale.toAt(startX), startScale.toAt(x)];
      setBrush({ fromAt: Math.min(a, b), toAt: Math.max(a, b) });
      return;
    }
    setPanning(true);
    const byMs = startScale.toAt(startX) - startScale.toAt(x);
    props.onRange({ fromAt: startRange.fromAt + byMs, toAt: startRange.toAt + byMs }, hasMoved);
  }

  function end(event: PointerEvent<HTMLDivElement>): void {
    const { current } = drag;
    drag.current = undefined;
    setPanning(false);
    setBrush(undefined);
    if (current === undefined) return;
    if (!current.hasMoved) select(event);
    else if (current.kind === 'brush' && brush !== undefined) props.onRange(brush, false);
  }

  function select(event: PointerEvent<HTMLDivElement>): void {
    const x = offsetX(event);
    const y = event.clientY - event.currentTarget.getBoundingClientRect().top;
    const flag = eventAt(timeline?.events ?? [], { scale, x, y });
    if (flag?.kind === 'named') props.onSelectExact(flag.position);
    else props.onSelectAt(Math.min(now, scale.toAt(x)));
  }

  const event =
    hover === undefined ? undefined : eventAt(timeline?.events ?? [], { scale, x: scale.toX(hover.at), y: pointerY });
  return (
    <div
      ref={band}
      className={styles.band}
      data-panning={isPanning || undefined}
      role="slider"
      tabIndex={0}
      aria-label={`Restore point of ${name}`}
      aria-orientation="horizontal"
      aria-valuemin={Math.round((timeline?.first?.at ?? range.fromAt) / 1_000)}
      aria-valuemax={Math.round(Math.max(timeline?.last?.at ?? 0, selected?.at ?? 0, range.toAt) / 1_000)}
      aria-valuenow={Math.round((selected?.at ?? range.toAt) / 1_000)}
      aria-valuetext={valueText}
      onKeyDown={(key) => handleKey(key, props, span)}
      onPointerDown={start}
      onPointerMove={move}
      onPointerUp={end}
      onPointerCancel={() => {
        drag.current = undefined;
        setPanning(false);
        setBrush(undefined);
      }}
      onPointerLeave={() => props.onHover(undefined)}
    >
      <canvas ref={canvas} className={styles.canvas} aria-hidden />
      {selected !== undefined && width > 0 && (
        <SelectionPill at={selected.at} x={scale.toX(selected.at)} width={width} isNewest={isNewest} span={span} />
      )}
      {hover !== undefined && !isPanning && brush === undefined && (
        <HoverCard hover={hover} event={event} x={scale.toX(hover.at)} width={width} now={now} />
      )}
    </div>
  );
}

function handleKey(event: KeyboardEvent, props: ActivityBandProps, span: number): void {
  const act = keyActions(event, props, span);
  if (act === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}

function keyActions(event: KeyboardEvent, props: ActivityBandProps, span: number): (() => void) | undefined {
  if (event.altKey) return undefined;
  const binMs = props.timeline?.binMs ?? 1_000;
  const hasModifier = event.ctrlKey || event.metaKey;
  switch (event.key) {
    case 'ArrowLeft':
    case 'ArrowRight':
    case 'ArrowUp':
    case 'ArrowDown': {
      const by = event.key === 'ArrowLeft' || event.key === 'ArrowDown' ? -1 : 1;
      if (event.ctrlKey || event.metaKey) return () => props.onJump(by * dayMs);
      if (event.shiftKey) return () => props.onJump(by * binMs);
      return () => props.onStep(by);
    }
    case 'PageUp':
      return () => props.onPan(-span * 0.8);
    case 'PageDown':
      return () => props.onPan(span * 0.8);
    case 'Home':
      return props.onOldest;
    case 'End':
    case 'Escape':
      return props.onNewest;
    case '+':
    case '=':
      return () => props.onZoom(2, props.isNewest ? undefined : props.selected?.at, false);
    case '-':
      return () => props.onZoom(0.5, props.isNewest ? undefined : props.selected?.at, false);
    case '0':
      return props.onAll;
    case 'Backspace':
      return props.onUndo;
    case 'Enter':
      return props.onRestore;
    case 'p':
    case 'P':
      return hasModifier ? undefined : props.onName;
    case 'n':
    case 'N':
      return hasModifier ? undefined : () => props.onStepNamed(event.shiftKey ? -1 : 1);
    default:
      return undefined;
  }
}

interface Wheel {
  readonly x: number;
  readonly deltaX: number;
  readonly deltaY: number;
  readonly isPan: boolean;
}

/** A wheel over the band zooms (or pans); one that began to scroll the page goes on doing so. */
function useWheel(place: RefObject<HTMLElement | null>, onWheel: (wheel: Wheel) => void): void {
  const latest = useRef(onWheel);
  useEffect(() => {
    latest.current = onWheel;
  });
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    let elsewhereAt = Number.NEGATIVE_INFINITY;
    const handle = (event: WheelEvent): void => {
      const isHere = event.target instanceof Node && element.contains(event.target);
      if (!isHere || (event.timeStamp - elsewhereAt < 250 && !event.ctrlKey)) {
        elsewhereAt = event.timeStamp;
        return;
      }
      event.preventDefault();
      const isPan = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
      const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 24 : 1;
      const x = event.clientX - element.getBoundingClientRect().left;
      // A pinch arrives as a wheel with Ctrl, in smaller steps.
      const gain = event.ctrlKey ? 4 : 1;
      latest.current({ x, deltaX: event.deltaX * unit, deltaY: event.deltaY * unit * gain, isPan });
    };
    window.addEventListener('wheel', handle, { passive: false });
    return () => window.removeEventListener('wheel', handle);
  }, [place]);
}

function offsetX(event: PointerEvent<HTMLDivElement>): number {
  return event.clientX - event.currentTarget.getBoundingClientRect().left;
}
