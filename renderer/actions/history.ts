// Looking at a database's history: bins for the timeline, the selection (always a real restore point), the list of points.
// Asks the engine at most twice a second per database; the newest wish wins.
import { AppError, toErrorData } from '../../shared/errors.ts';
import type { RestorePoint } from '../../shared/history.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import type { Position } from '../../shared/position.ts';
import {
  type BinRequest,
  panViewport,
  type Range,
  rangeViewport,
  resolveViewport,
  revealInstant,
  type Viewport,
  zoomViewport,
} from '../../shared/viewport.ts';
import { connection } from '../channel/api.ts';
import { appendPoints, mergePoints } from '../store/point-list.ts';
import { historyOf, readStore, setHistory } from '../store/store.ts';
import { notify } from './window.ts';

const shortestPauseMs = 500;
const hoverPauseMs = 60;
const pageSize = 200;
const mostUndo = 50;
/** Moves that follow each other faster than this are one gesture. */
const gestureMs = 600;

interface Loader {
  /** `points`: the list is shown, no bins are needed. */
  wish: BinRequest | 'points' | undefined;
  startedAt: number;
  isBusy: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
}

const loaders = new Map<DatabaseId, Loader>();
let movedAt = Number.NEGATIVE_INFINITY;
let hoverTimer: ReturnType<typeof setTimeout> | undefined;

/** Loads bins, or the list's newest points (and the newest point, where the selection follows it), soon and not too often. */
export function loadHistory(databaseId: DatabaseId, wish: BinRequest | 'points'): void {
  const loader = loaders.get(databaseId) ?? { wish: undefined, startedAt: 0, isBusy: false, timer: undefined };
  loaders.set(databaseId, loader);
  loader.wish = wish;
  schedule(databaseId, loader);
}

/** Shows another span; the former one can be had back. A run of small moves counts as one. */
export function setViewport(databaseId: DatabaseId, viewport: Viewport, options: { isMove?: boolean } = {}): void {
  const isSameGesture = options.isMove === true && Date.now() - movedAt < gestureMs;
  movedAt = options.isMove === true ? Date.now() : Number.NEGATIVE_INFINITY;
  setHistory(databaseId, (history) => ({
    viewport,
    undo: isSameGesture ? history.undo : [...history.undo.slice(-mostUndo), history.viewport],
  }));
}

export function undoViewport(databaseId: DatabaseId): void {
  setHistory(databaseId, ({ undo, viewport }) => ({ viewport: undo.at(-1) ?? viewport, undo: undo.slice(0, -1) }));
}

export function zoom(
  databaseId: DatabaseId,
  factor: number,
  anchorAt?: number,
  options: { isMove?: boolean } = {},
): void {
  const { viewport, extent } = look(databaseId);
  setViewport(databaseId, zoomViewport(viewport, { ...extent, factor, anchorAt }), options);
}

export function pan(databaseId: DatabaseId, byMs: number): void {
  const { viewport, extent } = look(databaseId);
  setViewport(databaseId, panViewport(viewport, { ...extent, byMs }), { isMove: true });
}

export function showRange(databaseId: DatabaseId, range: Range, options: { isMove?: boolean } = {}): void {
  setViewport(databaseId, rangeViewport(range, look(databaseId).extent), options);
}

/** Follows now again, with the same span. */
function backToLive(databaseId: DatabaseId): void {
  const { viewport, extent } = look(databaseId);
  const range = resolveViewport(viewport, extent);
  setViewport(databaseId, { kind: 'live', spanMs: range.toAt - range.fromAt });
}

/** Selects the newest restore point, now and whenever it moves on. */
export function selectNewest(databaseId: DatabaseId): void {
  setHistory(databaseId, ({ points }) => ({ selection: { kind: 'newest', point: points.points[0] } }));
  void refreshNewest(databaseId);
  const { viewport } = look(databaseId);
  if (viewport.kind === 'fixed') backToLive(databaseId);
}

export function selectPoint(databaseId: DatabaseId, point: RestorePoint): void {
  setHistory(databaseId, () => ({ selection: { kind: 'point', point } }));
  const { viewport, extent } = look(databaseId);
  const next = revealInstant(viewport, { ...extent, at: point.at });
  if (next !== viewport) setViewport(databaseId, next);
}

/** Selects the restore point at or before an instant; false where there is none. */
export async function selectAt(databaseId: DatabaseId, at: number): Promise<boolean> {
  try {
    const point = await connection().api.call('findPoint', { kind: 'at-or-before', databaseId, at });
    if (point === undefined) return false;
    selectPoint(databaseId, point);
    return true;
  } catch (error) {
    notify(error);
    return false;
  }
}

/** Selects the restore point at exactly this position; says so where it is not restorable any more. */
export async function selectExact(databaseId: DatabaseId, position: Position): Promise<void> {
  try {
    const point = await connection().api.call('getPoint', { databaseId, position });
    if (point !== undefined) return selectPoint(databaseId, point);
    const database = readStore().remote?.databases.find(({ id }) => id === databaseId);
    notify(new AppError('point-unknown', { database: database?.name ?? 'this database' }));
  } catch (error) {
    notify(error);
  }
}

/** Selects the next (1) or previous (-1) point that has a name. */
export async function stepNamed(databaseId: DatabaseId, by: 1 | -1): Promise<void> {
  const { view, remote } = readStore();
  const at = historyOf(view, databaseId).selection.point?.at ?? Infinity;
  const named = remote?.databases.find(({ id }) => id === databaseId)?.namedPoints ?? [];
  const next = by === 1 ? named.find((point) => point.at > at) : named.findLast((point) => point.at < at);
  if (next !== undefined) await selectExact(databaseId, next.position);
}

/** Selects the oldest restore point. */
export async function selectOldest(databaseId: DatabaseId): Promise<void> {
  const first = historyOf(readStore().view, databaseId).timeline?.first;
  if (first !== undefined) await selectAt(databaseId, first.at);
}

/** Selects the next (1) or previous (-1) restore point. */
export async function stepPoint(databaseId: DatabaseId, by: 1 | -1): Promise<void> {
  const { point } = historyOf(readStore().view, databaseId).selection;
  if (point === undefined) return;
  try {
    const next = await connection().api.call('findPoint', { kind: 'step', databaseId, position: point.position, by });
    if (next !== undefined) selectPoint(databaseId, next);
    else if (by === 1) selectNewest(databaseId);
  } catch (error) {
    notify(error);
  }
}

/** Selects the restore point that lies so far from the selected one; at least the next one in that direction. */
export async function jump(databaseId: DatabaseId, byMs: number): Promise<void> {
  const { point } = historyOf(readStore().view, databaseId).selection;
  if (point === undefined) return;
  try {
    const at = point.at + byMs;
    const found = await connection().api.call('findPoint', { kind: 'at-or-before', databaseId, at });
    if (found === undefined) return await selectOldest(databaseId);
    if (found.at <= point.at && byMs > 0) return await stepPoint(databaseId, 1);
    selectPoint(databaseId, found);
  } catch (error) {
    notify(error);
  }
}

/** The pointer rests at an instant, or left. */
export function hoverAt(databaseId: DatabaseId, at: number | undefined): void {
  clearTimeout(hoverTimer);
  if (at === undefined) {
    setHistory(databaseId, () => ({ hover: undefined }));
    return;
  }
  setHistory(databaseId, ({ hover }) => ({ hover: { at, isKnown: false, point: hover?.point } }));
  hoverTimer = setTimeout(() => void findHovered(databaseId, at), hoverPauseMs);
}

export function setAsList(databaseId: DatabaseId, isList: boolean): void {
  setHistory(databaseId, () => ({ isList }));
}

/** Loads the page of points before the oldest one listed. */
export async function loadOlderPoints(databaseId: DatabaseId): Promise<void> {
  const { points } = historyOf(readStore().view, databaseId);
  if (points.isLoading || points.isComplete) return;
  await loadPage(databaseId, points.points.at(-1));
}

function look(databaseId: DatabaseId): { viewport: Viewport; extent: { firstAt: number | undefined; now: number } } {
  const { view, remote } = readStore();
  const { viewport, timeline } = historyOf(view, databaseId);
  const database = remote?.databases.find((one) => one.id === databaseId);
  return { viewport, extent: { firstAt: timeline?.first?.at ?? database?.oldestAt, now: Date.now() } };
}

function schedule(databaseId: DatabaseId, loader: Loader): void {
  if (loader.isBusy || loader.timer !== undefined || loader.wish === undefined) return;
  const pauseMs = Math.max(0, loader.startedAt + shortestPauseMs - Date.now());
  loader.timer = setTimeout(() => {
    loader.timer = undefined;
    void load(databaseId, loader);
  }, pauseMs);
}

async function load(databaseId: DatabaseId, loader: Loader): Promise<void> {
  const { wish } = loader;
  if (wish === undefined) return;
  loader.wish = undefined;
  loader.isBusy = true;
  loader.startedAt = Date.now();
  try {
    if (wish === 'points') {
      await refreshList(databaseId);
    } else {
      const timeline = await connection().api.call('getTimeline', { databaseId, ...wish });
      setHistory(databaseId, () => ({ timeline, error: undefined }));
    }
    const { selection } = historyOf(readStore().view, databaseId);
    if (selection.kind === 'newest') await refreshNewest(databaseId);
  } catch (error) {
    setHistory(databaseId, () => ({ error: toErrorData(error) }));
  } finally {
    loader.isBusy = false;
    schedule(databaseId, loader);
  }
}

async function refreshNewest(databaseId: DatabaseId): Promise<void> {
  const [newest] = await connection().api.call('listPoints', { databaseId, limit: 1 });
  setHistory(databaseId, ({ selection }) =>
    selection.kind === 'newest' ? { selection: { kind: 'newest', point: newest } } : {},
  );
}

async function findHovered(databaseId: DatabaseId, at: number): Promise<void> {
  try {
    const point = await connection().api.call('findPoint', { kind: 'at-or-before', databaseId, at });
    setHistory(databaseId, ({ hover }) => (hover?.at === at ? { hover: { at, isKnown: true, point } } : {}));
  } catch {
    // @NOTE Hovering only previews; a click asks again and says what failed.
  }
}

/** Puts points that came since in front of the list. */
async function refreshList(databaseId: DatabaseId): Promise<void> {
  const { points } = historyOf(readStore().view, databaseId);
  if (points.isLoading) return;
  await loadPage(databaseId, undefined);
}

async function loadPage(databaseId: DatabaseId, last: RestorePoint | undefined): Promise<void> {
  setHistory(databaseId, ({ points }) => ({ points: { ...points, isLoading: true } }));
  try {
    const page = await connection().api.call('listPoints', {
      databaseId,
      limit: pageSize,
      ...(last === undefined ? {} : { olderThan: { position: last.position, at: last.at } }),
    });
    setHistory(databaseId, ({ points: { points, isComplete } }) => {
      const merged = last === undefined ? mergePoints(points, page) : appendPoints(points, page);
      const isOldestPage = page.length < pageSize || (last !== undefined && merged.length === points.length);
      const isAnew = merged === page;
      const isWhole = isOldestPage || (isComplete && !isAnew);
      return { points: { points: merged, isLoading: false, isComplete: isWhole }, error: undefined };
    });
  } catch (error) {
    setHistory(databaseId, ({ points }) => ({
      points: { ...points, isLoading: false },
      error: toErrorData(error),
    }));
  }
}
