// Keeps a list of restore points whole while pages arrive at its old end and fresh points at its new one. Pure.
import type { RestorePoint } from '../shared/history.ts';
import { formatPosition } from '../shared/position.ts';

/** Newest first, each position once. A fresh page that no longer touches the list begins it anew. */
export function mergePoints(known: readonly RestorePoint[], page: readonly RestorePoint[]): readonly RestorePoint[] {
  const [first] = known;
  const last = page.at(-1);
  if (first === undefined || last === undefined) return known.length === 0 ? page : known;
  if (last.at > first.at) return page;
  const isNewer = (page[0]?.at ?? 0) >= first.at;
  const [front, back] = isNewer ? [page, known] : [known, page];
  const seen = new Set(front.map((point) => formatPosition(point.position)));
  return [...front, ...back.filter((point) => !seen.has(formatPosition(point.position)))];
}
