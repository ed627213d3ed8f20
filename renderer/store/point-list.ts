// Keeps a list of restore points whole while pages arrive at its old end and fresh points at its new one. Pure.
import type { RestorePoint } from '../../shared/history.ts';
import { formatPosition, isSamePosition } from '../../shared/position.ts';

/** The newest points before a list, each position once. Where they no longer touch it they begin it anew. */
export function mergePoints(known: readonly RestorePoint[], page: readonly RestorePoint[]): readonly RestorePoint[] {
  const [first] = known;
  const last = page.at(-1);
  if (first === undefined || last === undefined) return known.length === 0 ? page : known;
  const isBehind = last.at > first.at || (last.at === first.at && !page.some((point) => isSame(point, first)));
  if (isBehind) return page;
  return (page[0]?.at ?? 0) >= first.at ? appendPoints(page, known) : appendPoints(known, page);
}

/** Older points behind a list, each position once. */
export function appendPoints(known: readonly RestorePoint[], older: readonly RestorePoint[]): readonly RestorePoint[] {
  const seen = new Set(known.map((point) => formatPosition(point.position)));
  return [...known, ...older.filter((point) => !seen.has(formatPosition(point.position)))];
}

function isSame(a: RestorePoint, b: RestorePoint): boolean {
  return isSamePosition(a.position, b.position);
}
