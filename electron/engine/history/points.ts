// Restore points of a database, out of the catalogue: lists, the one at or before an instant, the neighbours of one.
// A point counts only when it lies on a target, between that target's first snapshot of the generation and its end.
import type { DatabaseId, RestorePoint, TargetId } from '../../../shared/model.ts';
import type { Position } from '../../../shared/position.ts';
import type { Catalogue, RunPoint, RunRow, ShippedRow, SnapshotRow } from '../state/catalogue.ts';

const batch = 50;

export class Points {
  readonly #catalogue: Catalogue;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  /** At or before an instant, newest first. */
  list(
    databaseId: DatabaseId,
    { beforeAt, limit }: { readonly beforeAt: number; readonly limit: number },
  ): readonly RestorePoint[] {
    const found: RestorePoint[] = [];
    const where = this.#places(databaseId);
    // Runs overlap an instant by their first point, so a run may begin before it and end behind.
    for (let before = beforeAt, seen = new Set<string>(); found.length < limit;) {
      const runs = this.#catalogue.runs(databaseId, { kind: 'at-or-before', at: before, limit: batch });
      const fresh = runs.filter((run) => !seen.has(keyOf(run)));
      for (const run of fresh) seen.add(keyOf(run));
      found.push(...fresh.flatMap((run) => pointsOf(run, where).reverse()).filter(({ at }) => at <= beforeAt));
      const oldest = runs.at(-1);
      if (runs.length < batch || oldest === undefined) break;
      if (fresh.length === 0) before = oldest.firstAt - 1;
      else before = Math.min(before, oldest.lastAt);
    }
    const images = this.#images(databaseId, where).filter(({ at }) => at <= beforeAt);
    return merge(found, images).slice(0, limit);
  }

  /** The newest at or before an instant. */
  atOrBefore(databaseId: DatabaseId, at: number): RestorePoint | undefined {
    return this.list(databaseId, { beforeAt: at, limit: 1 })[0];
  }

  /** The point behind (`by: 1`) or before (`by: -1`) a position. */
  step(databaseId: DatabaseId, position: Position, by: 1 | -1): RestorePoint | undefined {
    const from = this.find(databaseId, position);
    if (from === undefined) return undefined;
    if (by === -1) {
      const list = this.list(databaseId, { beforeAt: from.at, limit: 2000 });
      return list[list.findIndex((point) => isSame(point.position, position)) + 1];
    }
    const where = this.#places(databaseId);
    const runs = this.#catalogue.runs(databaseId, { kind: 'after', at: from.at, limit: batch });
    const later = runs.flatMap((run) => pointsOf(run, where));
    const images = this.#images(databaseId, where).filter((point) => point.at >= from.at);
    const ascending = merge(later, images).reverse();
    return ascending[ascending.findIndex((point) => isSame(point.position, position)) + 1];
  }

  /** The point at exactly this position; undefined when it is not restorable. */
  find(databaseId: DatabaseId, position: Position): RestorePoint | undefined {
    const where = this.#places(databaseId);
    const image = this.#images(databaseId, where).find((point) => isSame(point.position, position));
    if (image !== undefined) return image;
    const run = this.#catalogue.runAt(databaseId, position);
    return run && pointsOf(run, where).find((point) => isSame(point.position, position));
  }

  #places(databaseId: DatabaseId): readonly ShippedRow[] {
    return this.#catalogue.shipped(databaseId);
  }

  /** A generation's first image is a restore point too: the state before its first captured transaction. */
  #images(databaseId: DatabaseId, where: readonly ShippedRow[]): readonly RestorePoint[] {
    const points: RestorePoint[] = [];
    for (const snapshot of this.#catalogue.snapshots(databaseId)) {
      const isFirst = where.some(
        (place) =>
          place.generation === snapshot.generation &&
          place.targetId === snapshot.targetId &&
          place.first.index === snapshot.index &&
          place.first.offset === snapshot.offset,
      );
      if (isFirst && !points.some(({ position }) => isSame(position, snapshot)))
        points.push(imagePoint(snapshot, where));
    }
    return points;
  }
}

function pointsOf(run: RunRow, where: readonly ShippedRow[]): RestorePoint[] {
  return run.points.map((point) => restorePoint(run, point, where)).filter(({ targetIds }) => targetIds.length > 0);
}

function restorePoint(run: RunRow, [offset, at, pages, written]: RunPoint, where: readonly ShippedRow[]): RestorePoint {
  const position = { generation: run.generation, index: run.index, offset };
  return { position, at, sizeBytes: pages * run.pageSize, pages: written, targetIds: holders(position, where) };
}

function imagePoint(snapshot: SnapshotRow, where: readonly ShippedRow[]): RestorePoint {
  const { generation, index, offset, at, pages, pageSize } = snapshot;
  const position = { generation, index, offset };
  return { position, at, sizeBytes: pages * pageSize, pages: 0, targetIds: holders(position, where) };
}

function holders(position: Position, where: readonly ShippedRow[]): readonly TargetId[] {
  return where
    .filter(
      ({ generation, first, last }) =>
        generation === position.generation && order(first, position) <= 0 && order(position, last) <= 0,
    )
    .map(({ targetId }) => targetId);
}

function merge(points: readonly RestorePoint[], images: readonly RestorePoint[]): RestorePoint[] {
  const all = [...points];
  for (const image of images) if (!all.some((point) => isSame(point.position, image.position))) all.push(image);
  return all.sort((a, b) => b.at - a.at || order(b.position, a.position));
}

function order(a: Pick<Position, 'index' | 'offset'>, b: Pick<Position, 'index' | 'offset'>): number {
  return a.index - b.index || a.offset - b.offset;
}

function isSame(a: Position, b: Position): boolean {
  return a.generation === b.generation && a.index === b.index && a.offset === b.offset;
}

function keyOf(run: RunRow): string {
  return `${run.generation}/${run.index}/${run.endOffset}`;
}
