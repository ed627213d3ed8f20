// The timeline with its tools: presets, zoom, a field for a time, and the list twin.
import { ChartNoAxesColumn, List, Minus, Plus, Radio, Undo2 } from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useMemo } from 'react';
import { dayMs, hourMs } from '../../../shared/format.ts';
import type { DatabaseState } from '../../../shared/databases.ts';
import type { Timeline as TimelineData } from '../../../shared/history.ts';
import type { NamedPoint } from '../../../shared/named-points.ts';
import { formatPosition } from '../../../shared/position.ts';
import { type BinRequest, isLive, type Viewport } from '../../../shared/viewport.ts';
import * as history from '../../actions/history.ts';
import { openNaming } from '../../actions/naming.ts';
import { openRestore } from '../../actions/restore.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { IconButton } from '../../components/icon-button.tsx';
import { PointList } from '../../components/point-list.tsx';
import { Segmented } from '../../components/segmented.tsx';
import { TimeField } from '../../components/time-field.tsx';
import { Timeline } from '../../components/timeline/timeline.tsx';
import { selectNow } from '../../store/selectors.ts';
import { historyOf, type HistoryView, useStore } from '../../store/store.ts';
import styles from './history-card.module.css';
import { TimelineHelp } from './timeline-help.tsx';

const presets = [
  { key: '1h', text: '1 h', title: 'Last hour', spanMs: hourMs },
  { key: '24h', text: '24 h', title: 'Last 24 hours', spanMs: dayMs },
  { key: '7d', text: '7 d', title: 'Last 7 days', spanMs: 7 * dayMs },
  { key: '30d', text: '30 d', title: 'Last 30 days', spanMs: 30 * dayMs },
  { key: 'all', text: 'All', title: 'Whole history', spanMs: undefined },
] as const;

type PresetKey = (typeof presets)[number]['key'];

export function HistoryCard({ database }: { readonly database: DatabaseState }): ReactNode {
  const { id } = database;
  const now = useStore(selectNow);
  const view = useStore((store) => historyOf(store.view, id));
  const { timeline, viewport, selection, hover, points, isList } = view;
  const firstAt = timeline?.first?.at ?? database.oldestAt;
  const isFollowing = isLive(viewport);
  const load = useCallback((wish: BinRequest) => history.loadHistory(id, wish), [id]);
  const more = useCallback(() => void history.loadOlderPoints(id), [id]);
  const { namedPoints } = database;
  const flagged = useMemo(() => withNames(timeline, namedPoints), [timeline, namedPoints]);
  const revision = revisionOf(database);
  const listRevision = isList ? revision : undefined;
  useEffect(() => {
    if (listRevision !== undefined) history.loadHistory(id, 'points');
  }, [id, listRevision]);
  const restore = (): void => {
    if (selection.point !== undefined) void openRestore(id, selection.point);
  };
  const name = (): void => {
    if (selection.point !== undefined) openNaming(id, selection.point);
  };
  return (
    <Card label="History">
      <div className={styles.tools}>
        <Segmented
          label="Span of time"
          choices={presets}
          chosen={chosenPreset(viewport, { firstAt, now })}
          onChoose={(key) => history.setViewport(id, viewportOf(key))}
        />
        <span className={styles.group}>
          <IconButton icon={Minus} label="Zoom out" shortcut="−" onPress={() => history.zoom(id, 0.5)} />
          <IconButton icon={Plus} label="Zoom in" shortcut="+" onPress={() => history.zoom(id, 2)} />
          <IconButton
            icon={Undo2}
            label="Undo zoom"
            shortcut="Backspace"
            isDisabled={view.undo.length === 0}
            onPress={() => history.undoViewport(id)}
          />
        </span>
        {(!isFollowing || selection.kind === 'point') && (
          <Button kind="quiet" icon={Radio} onPress={() => history.selectNewest(id)}>
            Back to live
          </Button>
        )}
        <span className={styles.end}>
          <TimeField now={now} onGo={(at) => history.selectAt(id, at)} />
          <Button kind="quiet" icon={isList ? ChartNoAxesColumn : List} onPress={() => history.setAsList(id, !isList)}>
            {isList ? 'As timeline' : 'As list'}
          </Button>
          <TimelineHelp />
        </span>
      </div>
      <HistoryError view={view} />
      {isList ? (
        <PointList
          label={`Restore points of ${database.name}`}
          points={points.points}
          named={namedPoints}
          isComplete={points.isComplete}
          selected={selection.point}
          now={now}
          onSelect={(point) => history.selectPoint(id, point)}
          onRestore={restore}
          onName={name}
          onMore={more}
        />
      ) : (
        <Timeline
          name={database.name}
          timeline={flagged}
          named={namedPoints}
          viewport={viewport}
          firstAt={firstAt}
          now={now}
          selected={selection.point}
          isNewest={selection.kind === 'newest'}
          hover={hover}
          restorableUntil={database.lag.bytes > 0 ? database.newest?.at : undefined}
          revision={revision}
          emptyText={emptyText(database)}
          onNeed={load}
          onHover={(at) => history.hoverAt(id, at)}
          onSelectAt={(at) => void history.selectAt(id, at)}
          onSelectExact={(position) => void history.selectExact(id, position)}
          onStepNamed={(by) => void history.stepNamed(id, by)}
          onStep={(by) => void history.stepPoint(id, by)}
          onJump={(byMs) => void history.jump(id, byMs)}
          onOldest={() => void history.selectOldest(id)}
          onNewest={() => history.selectNewest(id)}
          onZoom={(factor, anchorAt, isMove) => history.zoom(id, factor, anchorAt, { isMove })}
          onPan={(byMs) => history.pan(id, byMs)}
          onRange={(range, isMove) => history.showRange(id, range, { isMove })}
          onAll={() => history.setViewport(id, { kind: 'all' })}
          onUndo={() => history.undoViewport(id)}
          onRestore={restore}
          onName={name}
        />
      )}
    </Card>
  );
}

/** The timeline with a flag at each named point. */
function withNames(timeline: TimelineData | undefined, named: readonly NamedPoint[]): TimelineData | undefined {
  if (timeline === undefined || named.length === 0) return timeline;
  const flags = named.map(({ at, position, name }) => ({ kind: 'named' as const, at, position, name }));
  return { ...timeline, events: [...timeline.events, ...flags] };
}

function HistoryError({ view }: { readonly view: HistoryView }): ReactNode {
  if (view.error === undefined) return undefined;
  return (
    <div className={styles.error}>
      <ErrorNote error={view.error} />
    </div>
  );
}

function viewportOf(key: PresetKey): Viewport {
  const spanMs = presets.find((preset) => preset.key === key)?.spanMs;
  return spanMs === undefined ? { kind: 'all' } : { kind: 'live', spanMs };
}

function chosenPreset(
  viewport: Viewport,
  { firstAt, now }: { readonly firstAt: number | undefined; readonly now: number },
): PresetKey | undefined {
  if (viewport.kind === 'all') return 'all';
  if (viewport.kind === 'auto') return firstAt !== undefined && now - firstAt > dayMs ? '24h' : 'all';
  if (viewport.kind === 'live') return presets.find((preset) => preset.spanMs === viewport.spanMs)?.key;
  return undefined;
}

function emptyText(database: DatabaseState): string {
  return database.status.kind === 'paused'
    ? 'Paused before the first restore point.'
    : 'The first restore point appears here as soon as the first image is complete.';
}

/** Changes whenever there is something new to show. */
function revisionOf({ captured, newest }: DatabaseState): string {
  return [captured, newest].map((moment) => (moment === undefined ? '' : formatPosition(moment.position))).join(' ');
}
