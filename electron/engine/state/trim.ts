// Takes out of the catalogue what does not lie on a target any more: parts of generations, images, segments, and the restore
// points that no target holds then. What is to go is decided elsewhere (retain/, ship/heal.ts).
import type Database from 'better-sqlite3';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import { comparePositions, type Generation, type Place } from '../../../shared/position.ts';
import { remembered } from './remembered.ts';

/** A stretch of a generation that lies on a target whole. */
export interface Part {
  readonly first: Place & { readonly at: number };
  readonly last: Place & { readonly at: number };
}

/** One generation of one replica. */
export interface Held {
  readonly databaseId: DatabaseId;
  readonly targetId: TargetId;
  readonly generation: Generation;
}

export interface SegmentRow extends Place {
  /** As stored. */
  readonly bytes: number;
}

export interface StateAt {
  /** Where a transaction ends. */
  readonly offset: number;
  /** The state hash there. */
  readonly state: bigint;
}

export interface PointWithState {
  readonly offset: number;
  readonly at: number;
  readonly pages: number;
  readonly state: bigint | undefined;
}

const minuteMs = 60_000;
/** Offset as u32, hash as u64. */
const stateBytes = 12;

export class Trim {
  readonly #database: Database.Database;
  readonly #prepare: Database.Database['prepare'];

  constructor(database: Database.Database) {
    this.#database = database;
    this.#prepare = remembered(database);
  }

  /** A segment lies on a target, with these states in it. Put again, it keeps the states that it had. */
  addSegment(
    { databaseId, targetId, generation }: Held,
    { index, offset, bytes }: SegmentRow,
    states: readonly StateAt[] = [],
  ): void {
    this.#prepare(
      `INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET bytes = excluded.bytes, states = coalesce(excluded.states, states)`,
    ).run(databaseId, targetId, generation, index, offset, bytes, states.length === 0 ? null : packStates(states));
  }

  /** In the order of history. */
  segments({ databaseId, targetId, generation }: Held): readonly SegmentRow[] {
    return this.#prepare<[string, string, string], SegmentRow>(
      `SELECT idx AS "index", offset, bytes FROM segment
       WHERE database_id = ? AND target_id = ? AND generation = ? ORDER BY idx, offset`,
    ).all(databaseId, targetId, generation);
  }

  /** Some of them, from behind a place on. */
  segmentsBehind(
    { databaseId, targetId, generation }: Held,
    { index, offset }: Place,
    limit: number,
  ): readonly SegmentRow[] {
    return this.#prepare<[string, string, string, number, number, number], SegmentRow>(
      `SELECT idx AS "index", offset, bytes FROM segment
       WHERE database_id = ? AND target_id = ? AND generation = ? AND (idx, offset) > (?, ?) ORDER BY idx, offset LIMIT ?`,
    ).all(databaseId, targetId, generation, index, offset, limit);
  }

  /** What segments from a place on weigh, as stored, up to the one that holds what lies before another place. */
  bytesBetween({ databaseId, targetId, generation }: Held, from: Place, to: Place): number {
    const bytes = this.#prepare(
      `SELECT sum(bytes) FROM segment WHERE database_id = ? AND target_id = ? AND generation = ?
         AND (idx, offset) >= (?, ?) AND (idx, offset) < (?, ?)`,
    )
      .pluck()
      .get(databaseId, targetId, generation, from.index, from.offset, to.index, to.offset);
    return Number(bytes ?? 0);
  }

  /** Where the last one begins. */
  lastSegment({ databaseId, targetId, generation }: Held): Place | undefined {
    return this.#prepare<[string, string, string], Place>(
      `SELECT idx AS "index", offset FROM segment
       WHERE database_id = ? AND target_id = ? AND generation = ? ORDER BY idx DESC, offset DESC LIMIT 1`,
    ).get(databaseId, targetId, generation);
  }

  /** The restore points of a stretch of an index, with their state hashes as far as they are kept. */
  pointsIn(
    { databaseId, generation }: Omit<Held, 'targetId'>,
    { index, offset: from, to }: Place & { readonly to: number },
  ): readonly PointWithState[] {
    const states = new Map(
      this.#prepare<[string, string, number], Uint8Array>(
        'SELECT states FROM segment WHERE database_id = ? AND generation = ? AND idx = ? AND states IS NOT NULL',
      )
        .pluck()
        .all(databaseId, generation, index)
        .flatMap((packed) => unpackStates(packed).map(({ offset, state }) => [offset, state])),
    );
    return this.#prepare<[string, string, number, number], Pick<RawRun, 'points'>>(
      'SELECT points FROM run WHERE database_id = ? AND generation = ? AND idx = ? AND end_offset > ? ORDER BY end_offset',
    )
      .all(databaseId, generation, index, from)
      .flatMap(({ points }) => JSON.parse(points) as readonly (readonly [number, number, number])[])
      .filter(([offset]) => offset > from && offset <= to)
      .map(([offset, at, pages]) => ({ offset, at, pages, state: states.get(offset) }));
  }

  /** The spool has nothing before this index of the generation any more, and nothing of others. */
  forgetStates({ databaseId, generation }: Omit<Held, 'targetId'>, index: number): void {
    this.#prepare(
      `UPDATE segment SET states = NULL
       WHERE database_id = ? AND states IS NOT NULL AND (generation <> ? OR idx < ?)`,
    ).run(databaseId, generation, index);
  }

  /** When the last transaction before a place was made. */
  lastAtBefore({ databaseId, generation }: Omit<Held, 'targetId'>, { index, offset }: Place): number | undefined {
    const at = this.#prepare<[string, string, number, number]>(
      `SELECT last_at FROM run WHERE database_id = ? AND generation = ? AND (idx, end_offset) <= (?, ?)
       ORDER BY idx DESC, end_offset DESC LIMIT 1`,
    )
      .pluck()
      .get(databaseId, generation, index, offset);
    return typeof at === 'number' ? at : undefined;
  }

  forgetSegments({ databaseId, targetId, generation }: Held, places: readonly Place[]): void {
    const forget = this.#prepare(
      'DELETE FROM segment WHERE database_id = ? AND target_id = ? AND generation = ? AND idx = ? AND offset = ?',
    );
    this.#atOnce(() => {
      for (const { index, offset } of places) forget.run(databaseId, targetId, generation, index, offset);
    });
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
    { databaseId, generation }: Omit<Held, 'targetId'>,
    { isEnded, limit = 500 }: { readonly isEnded: boolean; readonly limit?: number },
  ): boolean {
    return this.#atOnce(() => {
      for (const gap of this.#gaps({ databaseId, generation }, { isEnded })) {
        if (this.#dropRuns({ databaseId, generation }, gap, limit)) return true;
      }
      const isHeld = this.#prepare('SELECT 1 FROM shipped WHERE database_id = ? AND generation = ? LIMIT 1').get(
        databaseId,
        generation,
      );
      if (isEnded && isHeld === undefined) {
        this.#prepare('DELETE FROM generation WHERE database_id = ? AND id = ?').run(databaseId, generation);
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
    { databaseId, generation }: Omit<Held, 'targetId'>,
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

  /** Drops the points between two places; true when there may be more. */
  #dropRuns(
    { databaseId, generation }: Omit<Held, 'targetId'>,
    { from, to }: { readonly from: Place; readonly to: Place },
    limit: number,
  ): boolean {
    const { index: toIndex, offset: toOffset } = to;
    // With the run that ends at or behind the gap: it may begin in it.
    const rows = this.#prepare<[object], RawRun>(
      `SELECT idx, end_offset AS endOffset, first_at AS firstAt, last_at AS lastAt, points FROM run
       WHERE database_id = $database AND generation = $generation AND (idx, end_offset) > ($fromIndex, $fromOffset)
         AND idx <= $toIndex
       ORDER BY idx, end_offset LIMIT $limit`,
    ).all({
      database: databaseId,
      generation,
      fromIndex: from.index,
      fromOffset: from.offset,
      toIndex: Math.min(toIndex, Number.MAX_SAFE_INTEGER),
      limit: limit + 1,
    });
    const end = rows.findIndex(({ idx, endOffset }) => comparePositions({ index: idx, offset: endOffset }, to) >= 0);
    const within = (end < 0 ? rows : rows.slice(0, end + 1)).slice(0, limit);
    const isInGap = (index: number, offset: number) =>
      comparePositions(from, { index, offset }) < 0 &&
      comparePositions({ index, offset }, { index: toIndex, offset: toOffset }) < 0;
    const changed = within.filter((run) => this.#dropPoints({ databaseId, generation }, run, isInGap));
    if (changed.length > 0) this.#recount(databaseId, changed);
    return (end < 0 ? rows.length : end + 1) > limit;
  }

  /** Drops some points of a run, or all of it; false where it keeps every one. */
  #dropPoints(
    { databaseId, generation }: Omit<Held, 'targetId'>,
    run: RawRun,
    isDropped: (index: number, offset: number) => boolean,
  ): boolean {
    const points = JSON.parse(run.points) as readonly (readonly [offset: number, at: number])[];
    const left = points.filter(([offset]) => !isDropped(run.idx, offset));
    const [first, last] = [left[0], left.at(-1)];
    if (left.length === points.length) return false;
    const place = [databaseId, generation, run.idx, run.endOffset] as const;
    if (first === undefined || last === undefined) {
      this.#prepare('DELETE FROM run WHERE database_id = ? AND generation = ? AND idx = ? AND end_offset = ?').run(
        ...place,
      );
      return true;
    }
    this.#prepare(
      `UPDATE run SET end_offset = ?, first_at = ?, last_at = ?, transactions = ?, points = ?
       WHERE database_id = ? AND generation = ? AND idx = ? AND end_offset = ?`,
    ).run(last[0], first[1], last[1], left.length, JSON.stringify(left), ...place);
    return true;
  }

  /** Counts the minutes again in which points were dropped. */
  #recount(databaseId: DatabaseId, dropped: readonly RawRun[]): void {
    const from = Math.floor(Math.min(...dropped.map(({ firstAt }) => firstAt)) / minuteMs) * minuteMs;
    const to = (Math.floor(Math.max(...dropped.map(({ lastAt }) => lastAt)) / minuteMs) + 1) * minuteMs;
    const range = { database: databaseId, from, to };
    this.#prepare('DELETE FROM minute WHERE database_id = $database AND at >= $from AND at < $to').run(range);
    this.#prepare(
      `INSERT INTO minute SELECT database_id, last_at / ${minuteMs} * ${minuteMs}, sum(transactions) FROM run
       WHERE database_id = $database AND last_at >= $from AND last_at < $to GROUP BY 2`,
    ).run(range);
  }

  #atOnce<T>(action: () => T): T {
    return this.#database.transaction(action)();
  }
}

interface RawRun {
  readonly idx: number;
  readonly endOffset: number;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly points: string;
}

function packStates(states: readonly StateAt[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(states.length * stateBytes));
  states.forEach(({ offset, state }, i) => {
    view.setUint32(i * stateBytes, offset);
    view.setBigUint64(i * stateBytes + 4, state);
  });
  return new Uint8Array(view.buffer);
}

/** The inverse of {@link packStates}. */
function unpackStates(packed: Uint8Array): readonly StateAt[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  return Array.from({ length: Math.floor(packed.length / stateBytes) }, (_, i) => ({
    offset: view.getUint32(i * stateBytes),
    state: view.getBigUint64(i * stateBytes + 4),
  }));
}
