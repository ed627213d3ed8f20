// Stretches of which a target tells only some of the restore points that are known of them: it was away and its segments tell
// thinned ones, or what another target tells was lost here before it was put there. Most targets have none.
import type Database from 'better-sqlite3';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import type { Place } from '../../../shared/position.ts';
import type { Numbers } from './numbers.ts';
import { remembered } from './remembered.ts';
import type { HistoryId } from './runs.ts';
import type { Held } from './segments.ts';
import { ByteReader, ByteWriter } from './varints.ts';

/** Of an index, from behind its offset to its end. */
export interface Stretch extends Place {
  readonly to: number;
}

/** A stretch, and where the transactions end that are told of it. */
export interface SparseStretch extends Stretch {
  readonly targetId: TargetId;
  readonly points: ReadonlySet<number>;
}

export class Sparse {
  readonly #prepare: Database.Database['prepare'];
  readonly #numbers: Numbers;

  constructor(database: Database.Database, numbers: Numbers) {
    this.#prepare = remembered(database);
    this.#numbers = numbers;
  }

  /** A target tells these points of a stretch and no others, whatever it told before; without them: all that are known. */
  put(held: Held, stretch: Stretch, points: readonly number[] | undefined): void {
    const { index, offset, to } = stretch;
    const number = this.#numbers.of(held);
    for (const row of this.#overlapping(number, stretch)) {
      this.#prepare('DELETE FROM sparse WHERE held = ? AND idx = ? AND offset = ?').run(number, index, row.offset);
      const rest = [...row.points];
      this.#insert(number, { index, offset: row.offset, to: offset }, rest);
      this.#insert(number, { index, offset: to, to: row.to }, rest);
    }
    if (points !== undefined) this.#insert(number, stretch, points);
  }

  /** Of a stretch a target tells `points`, and not those that it is `lacking`, as far as nothing was said of it before. */
  limit(
    held: Held,
    stretch: Stretch,
    { points, lacking }: { readonly points: readonly number[]; readonly lacking: readonly number[] },
  ): void {
    const { index, to } = stretch;
    const number = this.#numbers.of(held);
    let { offset } = stretch;
    const insert = (end: number): void => {
      if (lacking.some((point) => point > offset && point <= end))
        this.#insert(number, { index, offset, to: end }, points);
    };
    for (const row of this.#overlapping(number, stretch)) {
      insert(row.offset);
      offset = Math.max(offset, row.to);
    }
    insert(to);
  }

  /** True where a target of the database has such stretches. */
  isAny(databaseId: DatabaseId): boolean {
    return (
      this.#prepare('SELECT 1 FROM number WHERE database_id = ? AND no IN (SELECT held FROM sparse) LIMIT 1').get(
        databaseId,
      ) !== undefined
    );
  }

  /** Those of an index, of every target. */
  of({ databaseId, generation }: HistoryId, index: number): readonly SparseStretch[] {
    return this.#prepare<[string, string, number], RawRow & { readonly targetId: TargetId }>(
      `SELECT target_id AS targetId, offset, to_offset AS "to", points FROM number JOIN sparse ON held = no
       WHERE database_id = ? AND generation = ? AND idx = ?`,
    )
      .all(databaseId, generation, index)
      .map((row) => ({ ...row, index, points: new Set(unpack(row.points)) }));
  }

  /** Those of a generation go that no part of it holds any more. */
  forgetUnheld({ databaseId, generation }: HistoryId): void {
    this.#prepare(
      `DELETE FROM sparse WHERE held IN (SELECT no FROM number WHERE database_id = $database AND generation = $generation)
         AND NOT EXISTS (SELECT 1 FROM shipped JOIN number USING (database_id, generation, target_id)
           WHERE no = held AND (first_idx, first_offset) < (idx, to_offset) AND (idx, offset) < (last_idx, last_offset))`,
    ).run({ database: databaseId, generation });
  }

  #overlapping(
    number: number,
    { index, offset, to }: Stretch,
  ): readonly (Stretch & { readonly points: readonly number[] })[] {
    return this.#prepare<number[], RawRow>(
      `SELECT offset, to_offset AS "to", points FROM sparse
       WHERE held = ? AND idx = ? AND offset < ? AND to_offset > ? ORDER BY offset`,
    )
      .all(number, index, to, offset)
      .map((row) => ({ ...row, index, points: unpack(row.points) }));
  }

  /** Of the points those that lie in the stretch; nothing where there is no stretch. */
  #insert(number: number, { index, offset, to }: Stretch, points: readonly number[]): void {
    if (offset >= to) return;
    const within = points.filter((point) => point > offset && point <= to);
    this.#prepare('INSERT INTO sparse VALUES (?, ?, ?, ?, ?)').run(number, index, offset, to, pack(within));
  }
}

interface RawRow {
  readonly offset: number;
  readonly to: number;
  readonly points: Uint8Array;
}

/** How far behind the one before each is. */
function pack(points: readonly number[]): Uint8Array {
  const writer = new ByteWriter();
  let before = 0;
  for (const point of points.toSorted((a, b) => a - b)) {
    writer.add(point - before);
    before = point;
  }
  return writer.bytes;
}

/** The inverse of {@link pack}. */
function unpack(bytes: Uint8Array): readonly number[] {
  const reader = new ByteReader(bytes);
  const points: number[] = [];
  for (let at = 0; !reader.isAtEnd;) points.push((at += reader.next()));
  return points;
}
