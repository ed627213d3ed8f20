// The history of one database in time: overview with brush, activity, generations, events. Shows data and reports intent;
// what is selected, and which bins are loaded, is the screen's.
import { type ReactNode, useEffect, useState } from 'react';
import { formatAgo, formatInstantLocal, plural } from '../../../shared/format.ts';
import type { RestorePoint, Timeline as TimelineData } from '../../../shared/history.ts';
import { findNamed, type NamedPoint } from '../../../shared/named-points.ts';
import {
  type BinRequest,
  binsFor,
  isLive,
  type Range,
  resolveViewport,
  type Viewport,
} from '../../../shared/viewport.ts';
import { ActivityBand, type ActivityBandProps } from './activity-band.tsx';
import { inset } from './geometry.ts';
import { OverviewBand } from './overview-band.tsx';
import { usePalette } from './palette.ts';
import { useWidth } from './surface.ts';
import styles from './timeline.module.css';
import { HiddenText } from '../hidden-text.tsx';

type Intents =
  | 'onHover'
  | 'onSelectAt'
  | 'onSelectExact'
  | 'onStep'
  | 'onStepNamed'
  | 'onJump'
  | 'onOldest'
  | 'onNewest'
  | 'onZoom'
  | 'onPan'
  | 'onRange'
  | 'onAll'
  | 'onUndo'
  | 'onRestore'
  | 'onName';

export interface TimelineProps extends Pick<ActivityBandProps, Intents | 'name' | 'hover' | 'restorableUntil'> {
  readonly timeline: TimelineData | undefined;
  readonly named: readonly NamedPoint[];
  readonly viewport: Viewport;
  readonly firstAt: number | undefined;
  readonly now: number;
  readonly selected: RestorePoint | undefined;
  readonly isNewest: boolean;
  /** Changes whenever the history grew: bins are asked for anew. */
  readonly revision: string;
  /** Shown while there is no restore point. */
  readonly emptyText: string;
  readonly onNeed: (request: BinRequest) => void;
}

export function Timeline(props: TimelineProps): ReactNode {
  const { timeline, viewport, firstAt, selected, isNewest, revision, onNeed, onRange } = props;
  const { ref, element, width } = useWidth();
  const palette = usePalette(element);
  const follows = isLive(viewport);
  const now = useSmoothNow(props.now, { viewport, firstAt, width });
  const range = resolveViewport(viewport, { firstAt, now });

  const need = binsFor(range, Math.max(1, width - 2 * inset));
  const needKey = width === 0 ? '' : `${need.fromAt} ${need.toAt} ${need.bins} ${revision}`;
  useEffect(() => {
    if (needKey !== '') onNeed(need);
    // The key says all that the request is made of.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [needKey]);

  return (
    <div ref={ref} className={styles.timeline}>
      <OverviewBand width={width} palette={palette} timeline={timeline} range={range} now={now} onRange={onRange} />
      <ActivityBand
        {...props}
        width={width}
        palette={palette}
        range={range}
        now={now}
        isLive={follows}
        valueText={describePoint(selected, { isNewest, named: props.named, now: props.now })}
      />
      {selected === undefined && timeline !== undefined && timeline.first === undefined && (
        <p className={styles.empty}>{props.emptyText}</p>
      )}
      <HiddenText>{describeView(timeline, range, props.now)}</HiddenText>
    </div>
  );
}

/** Close to now, the view glides by pixels rather than by seconds. */
function useSmoothNow(
  now: number,
  look: { readonly viewport: Viewport; readonly firstAt: number | undefined; readonly width: number },
): number {
  const [smooth, setSmooth] = useState(now);
  const range = resolveViewport(look.viewport, { firstAt: look.firstAt, now });
  const msPerPixel = (range.toAt - range.fromAt) / Math.max(1, look.width);
  const doesGlide = isLive(look.viewport) && msPerPixel < 700;
  const pauseMs = Math.round(Math.max(80, msPerPixel));
  useEffect(() => {
    if (!doesGlide || matchMedia('(prefers-reduced-motion: reduce)').matches) return undefined;
    const timer = setInterval(() => setSmooth(Date.now()), pauseMs);
    return () => clearInterval(timer);
  }, [doesGlide, pauseMs]);
  return doesGlide ? Math.max(now, smooth) : now;
}

/** What a screen reader says of the selection; the newest point is not read out again each time it moves. */
function describePoint(
  point: RestorePoint | undefined,
  { isNewest, named, now }: { readonly isNewest: boolean; readonly named: readonly NamedPoint[]; readonly now: number },
): string {
  if (point === undefined) return 'No restore point yet';
  const name = findNamed(named, point.position)?.name;
  const words = name === undefined ? '' : `, named “${name}”`;
  if (isNewest) return `Newest restore point, ${formatInstantLocal(point.at, now, { precision: 'minute' })}${words}`;
  return `${formatInstantLocal(point.at, now)}${words}, ${formatAgo(point.at, now)}, ${plural(point.pages, 'page')} written`;
}

function describeView(timeline: TimelineData | undefined, range: Range, now: number): string {
  if (timeline === undefined) return '';
  const inView = timeline.counts.reduce((sum, count, index) => {
    const at = timeline.fromAt + index * timeline.binMs;
    return at >= range.fromAt && at < range.toAt ? sum + count : sum;
  }, 0);
  const events = timeline.events.filter((event) => event.at >= range.fromAt && event.at <= range.toAt);
  const gaps = events.filter((event) => event.kind === 'gap').map((event) => event.text);
  const names = events.flatMap((event) => (event.kind === 'named' ? `“${event.name}”` : []));
  const snapshots = events.filter((event) => event.kind === 'snapshot').length;
  const parts = [
    plural(inView, 'transaction'),
    snapshots > 0 ? plural(snapshots, 'snapshot') : '',
    ...gaps.map((text) => `a gap: ${text}`),
    names.length > 0 ? `named ${names.join(', ')}` : '',
  ].filter((part) => part !== '');
  const ends = [range.fromAt, Math.min(now, range.toAt)].map((at) => formatInstantLocal(at, now));
  return `In view, from ${ends[0] ?? ''} to ${ends[1] ?? ''}: ${parts.join(', ')}.`;
}
