// Takes out of the catalogue what does not lie on a target any more: parts of generations, images, segments, and the restore
// points that no target holds then. What is to go is decided elsewhere (retain/, ship/heal.ts).
import type Database from 'better-sqlite3';
import { comparePositions, type Place } from '../../../shared/position.ts';
import type { Numbers } from './numbers.ts';
import type { SegmentRow } from './packed-segments.ts';
import { remembered } from './remembered.ts';
import type { HistoryId, Runs } from './runs.ts';
import { type Held, Segments, type StateAt } from './segments.ts';
import type { Sparse, Stretch } from './sparse.ts';

/** A stretch of a generation that lies on a target whole. */
export interface Part {
  readonly first: Place & { readonly at: number };
  readonly last: Place & { readonly at: number };
}

export interface PointWithState {
  readonly offset: number;
  readonly at: number;
  readonly pages: number;
  readonly written: number;
  readonly state: bigint | undefined;
}

export class Trim {
  readonly #prepare: Database.Database['prepare'];
  readonly #numbers: Numbers;
  readonly #runs: Runs;
  readonly #segments: Segments;
  readonly #sparse: Sparse;
  readonly #atOnce: <T>(action: () => T) => T;

  constructor(
    database: Database.Database,
    parts: {
      readonly numbers: Numbers;
      readonly runs: Runs;
      readonly sparse: Sparse;
      readonly atOnce: <T>(action: () => T) => T;
    },
  ) {
    this.#prepare = remembered(database);
    this.#numbers = parts.numbers;
    this.#runs = parts.runs;
    this.#sparse = parts.sparse;
    this.#atOnce = parts.atOnce;
    this.#segments = new Segments(database, parts.numbers);
  }

  /** A segment lies on a target, with these states in it. Put again, it keeps the states that it had. */
  addSegment(held: Held, segment: SegmentRow, states: readonly StateAt[] = []): void {
    this.#atOnce(() => {
      this.#segments.put(held, segment);
      this.#segments.putStates(held, segment, states);
    });
  }

  /** One that begins here was told. */
  hasSegment(held: Held, place: Place): boolean {
    return this.#segments.has(held, place);
  }

  /** In the order of history. */
  segments(held: Held): readonly SegmentRow[] {
    return [...this.#segments.behind(held, { index: -1, offset: 0 })];
  }

  /** Some of them, from behind a place on. */
  segmentsBehind(held: Held, place: Place, limit: number): readonly SegmentRow[] {
    const some: SegmentRow[] = [];
    for (const segment of this.#segments.behind(held, place)) if (some.push(segment) >= limit) break;
    return some;
  }

  /** What segments from a place on weigh, as stored, up to the one that holds what lies before another place. */
  bytesBetween(held: Held, from: Place, to: Place): number {
    return this.#segments.bytesBetween(held, from, to);
  }

  /** Where the last one begins. */
  lastSegment(held: Held): Place | undefined {
    return this.#segments.last(held);
  }

  /** The restore points of a stretch of an index, with their state hashes as far as they are kept; but for those that end at `besides`. */
  pointsIn(history: HistoryId, stretch: Stretch, besides: ReadonlySet<number> = new Set()): readonly PointWithState[] {
    const points = this.#runs.within(history, stretch).filter(({ offset }) => !besides.has(offset));
    if (points.length === 0) return [];
    const states = this.#segments.statesOf(history, stretch.index);
    return points.map(({ offset, at, pages, written }) => ({ offset, at, pages, written, state: states.get(offset) }));
  }

  /** The spool has nothing before this index of the generation any more, and nothing of others. */
  forgetStates(history: HistoryId, index: number): void {
    this.#segments.forgetStates(history, index);
  }

  /** When the last transaction before a place was made. */
  lastAtBefore(history: HistoryId, place: Place): number | undefined {
    return this.#runs.lastAtBefore(history, place);
  }

  forgetSegments(held: Held, places: readonly Place[]): void {
    this.#atOnce(() => this.#segments.forget(held, places));
  }

  /** From now on these parts of a generation lie there, and of its images those that are named. */
  setParts(held: Held, parts: readonly Part[], isImageKept: (index: number) => boolean): void {
    const { databaseId, targetId, generation } = held;
    const insert = this.#prepare('INSERT OR REPLACE INTO shipped VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#atOnce(() => {
      this.#prepare('DELETE FROM shipped WHERE database_id = ? AND target_id = ? AND generation = ?').run(
        databaseId,
        targetId,
        generation,
      );
      for (const { first: a, last: b } of parts) {
        insert.run(databaseId, targetId, generation, a.index, a.offset, a.at, b.index, b.offset, b.at);
      }
      const images = this.#prepare<[string, string, string], number>(
        'SELECT idx FROM snapshot WHERE database_id = ? AND target_id = ? AND generation = ?',
      )
        .pluck()
        .all(databaseId, targetId, generation);
      for (const index of images.filter((image) => !isImageKept(image))) {
        this.#prepare(
          'DELETE FROM snapshot WHERE database_id = ? AND target_id = ? AND generation = ? AND idx = ?',
        ).run(databaseId, targetId, generation, index);
      }
    });
  }

  /**
   * Drops restore points of a generation that lie on no target, a few at a time; true when there may be more. `isEnded`: the
   * generation itself goes too, once nothing of it lies anywhere.
   */
  dropUnheld(
    { databaseId, generation }: HistoryId,
    { isEnded, limit = 500 }: { readonly isEnded: boolean; readonly limit?: number },
  ): boolean {
    return this.#atOnce(() => {
      for (const gap of this.#gaps({ databaseId, generation }, { isEnded })) {
        if (this.#runs.drop({ databaseId, generation }, gap, limit)) return true;
      }
      this.#sparse.forgetUnheld({ databaseId, generation });
      const isHeld = this.#prepare('SELECT 1 FROM shipped WHERE database_id = ? AND generation = ? LIMIT 1').get(
        databaseId,
        generation,
      );
      if (isEnded && isHeld === undefined) {
        this.#prepare('DELETE FROM generation WHERE database_id = ? AND id = ?').run(databaseId, generation);
        this.#numbers.removeUnused({ databaseId, generation });
      }
      this.#prepare(
        `DELETE FROM gap WHERE database_id = $database
           AND to_at < (SELECT min(first_at) FROM shipped WHERE database_id = $database)`,
      ).run({ database: databaseId });
      return false;
    });
  }

  /** The stretches of a generation that no target holds. */
  #gaps(
    { databaseId, generation }: HistoryId,
    { isEnded }: { readonly isEnded: boolean },
  ): readonly { readonly from: Place; readonly to: Place }[] {
    const rows = this.#prepare<[string, string], { fi: number; fo: number; li: number; lo: number }>(
      `SELECT first_idx AS fi, first_offset AS fo, last_idx AS li, last_offset AS lo FROM shipped
       WHERE database_id = ? AND generation = ? ORDER BY first_idx, first_offset`,
    ).all(databaseId, generation);
    const gaps: { readonly from: Place; readonly to: Place }[] = [];
    let from: Place = { index: -1, offset: 0 };
    for (const { fi, fo, li, lo } of rows) {
      const first = { index: fi, offset: fo };
      if (comparePositions(from, first) < 0) gaps.push({ from, to: first });
      if (comparePositions(from, { index: li, offset: lo }) < 0) from = { index: li, offset: lo };
    }
    // Behind the last part more may just be on its way. Where the generation ended, what still comes is told again when it is
    // there; without any part there is nothing to wait for.
    if (isEnded || rows.length === 0) gaps.push({ from, to: { index: Infinity, offset: 0 } });
    return gaps;
  }
}
