// Restore points of a database, out of the catalogue: lists, the one at or before an instant, the neighbours of one.
// A point counts only when it lies on a target: which those are is holders.ts.
import type { Moment, RestorePoint } from '../../../shared/history.ts';
import type { DatabaseId } from '../../../shared/ids.ts';
import { comparePositions, formatPosition, isSamePosition, type Position } from '../../../shared/position.ts';
import type { Catalogue, SnapshotRow } from '../state/catalogue.ts';
import type { RunPoint, RunRow } from '../state/runs.ts';
import { Holders } from './holders.ts';

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
    for (const point of this.#descending(databaseId, beforeAt)) {
      if (found.push(point) >= limit) break;
    }
    return found;
  }

  /** Those behind a point in a list; where it is gone by now, those at or before its instant. */
  listOlder(
    databaseId: DatabaseId,
    { than, limit }: { readonly than: Moment; readonly limit: number },
  ): readonly RestorePoint[] {
    let found: RestorePoint[] = [];
    let isMet = false;
    for (const point of this.#descending(databaseId, than.at)) {
      if (!isMet && isSamePosition(point.position, than.position)) {
        isMet = true;
        found = [];
      } else {
        found.push(point);
      }
      if (found.length >= limit && (isMet || point.at < than.at)) break;
    }
    return found.slice(0, limit);
  }

  /** The newest at or before an instant: of the generation that was begun last by then, as a restore takes it, whatever clocks said. */
  atOrBefore(databaseId: DatabaseId, at: number): RestorePoint | undefined {
    const begun = new Set(
      this.#catalogue
        .shipped(databaseId)
        .filter(({ first }) => first.at <= at)
        .map(({ generation }) => generation),
    );
    const last = this.#catalogue.generations(databaseId).findLast(({ generation }) => begun.has(generation));
    let other: RestorePoint | undefined;
    for (const point of this.#descending(databaseId, at)) {
      if (last === undefined || point.position.generation === last.generation) return point;
      other ??= point;
    }
    return other;
  }

  /** The newest of all. */
  newest(databaseId: DatabaseId): RestorePoint | undefined {
    return this.atOrBefore(databaseId, Infinity);
  }

  /** The point behind (`by: 1`) or before (`by: -1`) a position. */
  step(databaseId: DatabaseId, position: Position, by: 1 | -1): RestorePoint | undefined {
    const from = this.find(databaseId, position);
    if (from === undefined) return undefined;
    const line = by === 1 ? this.#ascending(databaseId, from.at) : this.#descending(databaseId, from.at);
    let isBehind = false;
    for (const point of line) {
      if (isBehind) return point;
      isBehind = isSamePosition(point.position, position);
    }
    return undefined;
  }

  /** The point at exactly this position; undefined when it is not restorable. */
  find(databaseId: DatabaseId, position: Position): RestorePoint | undefined {
    const where = new Holders(this.#catalogue, databaseId);
    const image = this.#images(databaseId, where).find((point) => isSamePosition(point.position, position));
    if (image !== undefined) return image;
    const run = this.#catalogue.runAt(databaseId, position);
    return run && pointsOf(run, where).find((point) => isSamePosition(point.position, position));
  }

  /** Every point at or before an instant, newest first. Reads as far as it is asked, at once: nobody may write meanwhile. */
  *#descending(databaseId: DatabaseId, beforeAt: number): Generator<RestorePoint, undefined> {
    const where = new Holders(this.#catalogue, databaseId);
    if (where.isEmpty) return;
    const byTime = this.#newestFirst(databaseId);
    let waiting = this.#images(databaseId, where).filter(({ at }) => at <= beforeAt);
    for (const run of this.#catalogue.runs(databaseId, { kind: 'at-or-before', at: beforeAt })) {
      // Nothing that follows is later than this run's end.
      const ready = waiting.filter(({ at }) => at > run.lastAt);
      if (ready.length > 0) waiting = waiting.filter(({ at }) => at <= run.lastAt);
      yield* ready.sort(byTime);
      waiting.push(...pointsOf(run, where).filter(({ at }) => at <= beforeAt));
    }
    yield* waiting.sort(byTime);
  }

  /** Every point at or behind an instant, oldest first. */
  *#ascending(databaseId: DatabaseId, fromAt: number): Generator<RestorePoint, undefined> {
    const where = new Holders(this.#catalogue, databaseId);
    const byTime = this.#newestFirst(databaseId);
    let waiting = this.#images(databaseId, where).filter(({ at }) => at >= fromAt);
    for (const run of this.#catalogue.runs(databaseId, { kind: 'after', at: fromAt })) {
      // Times never run backwards, so nothing that follows is earlier than this run's begin.
      const ready = waiting.filter(({ at }) => at < run.firstAt);
      if (ready.length > 0) waiting = waiting.filter(({ at }) => at >= run.firstAt);
      yield* ready.sort(byTime).reverse();
      waiting.push(...pointsOf(run, where).filter(({ at }) => at >= fromAt));
    }
    yield* waiting.sort(byTime).reverse();
  }

  /** Later before earlier; at the same instant by the history: a later generation, then a later position. */
  #newestFirst(databaseId: DatabaseId): (a: RestorePoint, b: RestorePoint) => number {
    const ages = new Map(this.#catalogue.generations(databaseId).map(({ generation }, i) => [generation, i]));
    const age = ({ position }: RestorePoint) => ages.get(position.generation) ?? -1;
    return (a, b) => b.at - a.at || age(b) - age(a) || comparePositions(b.position, a.position);
  }

  /**
   * The image that a part begins with is a restore point too, the state before the part's first transaction: on the targets
   * that have this image. What another one has around this place need not know it.
   */
  #images(databaseId: DatabaseId, where: Holders): readonly RestorePoint[] {
    const points = new Map<string, RestorePoint>();
    for (const snapshot of this.#catalogue.snapshots(databaseId)) {
      if (!where.beginsAt(snapshot.targetId, snapshot) || this.#isCommit(databaseId, snapshot)) continue;
      const { targetId } = snapshot;
      const key = formatPosition(snapshot);
      const known = points.get(key);
      points.set(key, known ? { ...known, targetIds: [...known.targetIds, targetId] } : imagePoint(snapshot));
    }
    return [...points.values()];
  }

  /** A transaction ends exactly here: then that is the point, not the image that was taken of it. */
  #isCommit(databaseId: DatabaseId, position: Position): boolean {
    const run = this.#catalogue.runAt(databaseId, position);
    return run?.points.some(([offset]) => offset === position.offset) === true;
  }
}

function pointsOf(run: RunRow, where: Holders): RestorePoint[] {
  return run.points.map((point) => restorePoint(run, point, where)).filter(({ targetIds }) => targetIds.length > 0);
}

function restorePoint(run: RunRow, [offset, at, pages, written]: RunPoint, where: Holders): RestorePoint {
  const position = { generation: run.generation, index: run.index, offset };
  return { position, at, sizeBytes: pages * run.pageSize, pages: written, targetIds: where.of(position) };
}

function imagePoint(snapshot: SnapshotRow): RestorePoint {
  const { generation, index, offset, at, pages, pageSize, targetId } = snapshot;
  const position = { generation, index, offset };
  return { position, at, sizeBytes: pages * pageSize, pages: 0, targetIds: [targetId] };
}
