// Segments as they were put on targets, some two hundred in a row of the state database, packed; and the state hashes within
// them, while the spool has what they are of.
import type Database from 'better-sqlite3';
import type { TargetId } from '../../../shared/ids.ts';
import { comparePositions, type Place } from '../../../shared/position.ts';
import type { Numbers } from './numbers.ts';
import { type PackedSegments, packSegments, type SegmentRow, unpackSegments } from './packed-segments.ts';
import { planned, remembered } from './remembered.ts';
import type { HistoryId } from './runs.ts';

/** One generation of one replica. */
export interface Held extends HistoryId {
  readonly targetId: TargetId;
}

export interface StateAt {
  /** Where a transaction ends. */
  readonly offset: number;
  /** The state hash there. */
  readonly state: bigint;
}

/** Offset as u32, hash as u64. */
const stateBytes = 12;
const columns = `id, first_idx AS firstIndex, first_offset AS firstOffset, last_idx AS lastIndex, last_offset AS lastOffset,
  bytes, checksum, segments`;
/** A place in the order of a target, both bound. */
const heldAt = (comparison: '<=' | '>'): string =>
  `held = ${planned('?')} AND (first_idx, first_offset) ${comparison} (${planned('?')}, ${planned('?')})`;

export class Segments {
  readonly #prepare: Database.Database['prepare'];
  readonly #numbers: Numbers;

  constructor(database: Database.Database, numbers: Numbers) {
    this.#prepare = remembered(database);
    this.#numbers = numbers;
  }

  /** A segment lies on a target, perhaps again. */
  put(held: Held, segment: SegmentRow): void {
    const number = this.#numbers.of(held);
    const row = this.#rowAt(number, segment);
    if (row === undefined || comparePositions(row.last, segment) < 0) {
      this.#put(number, packSegments([segment], row), row);
      return;
    }
    const others = unpackSegments(row).filter((one) => comparePositions(one, segment) !== 0);
    this.#put(number, packSegments([...others, segment].sort(comparePositions)), row);
  }

  /** In the order of history, from behind a place on. */
  *behind(held: Held, place: Place): Generator<SegmentRow, undefined> {
    for (const row of this.#rowsFrom(held, place)) {
      for (const segment of unpackSegments(row)) if (comparePositions(segment, place) > 0) yield segment;
    }
  }

  /** What segments from a place on weigh, as stored, up to the one that holds what lies before another place. */
  bytesBetween(held: Held, from: Place, to: Place): number {
    let sum = 0;
    for (const row of this.#rowsFrom(held, from)) {
      if (comparePositions(row.first, to) >= 0) break;
      if (comparePositions(row.first, from) >= 0 && comparePositions(row.last, to) < 0) sum += row.bytes;
      else
        for (const segment of unpackSegments(row))
          if (comparePositions(segment, from) >= 0 && comparePositions(segment, to) < 0) sum += segment.bytes;
    }
    return sum;
  }

  /** True for where one begins. */
  has(held: Held, place: Place): boolean {
    const number = this.#numbers.find(held);
    const row = number === undefined ? undefined : this.#rowAt(number, place);
    return row !== undefined && unpackSegments(row).some((segment) => comparePositions(segment, place) === 0);
  }

  /** Where the last one begins. */
  last(held: Held): Place | undefined {
    return this.#prepare<[number], Place>(
      `SELECT last_idx AS "index", last_offset AS offset FROM segment
       WHERE held = ${planned('?')} ORDER BY first_idx DESC, first_offset DESC LIMIT 1`,
    ).get(this.#numbers.find(held) ?? 0);
  }

  forget(held: Held, places: readonly Place[]): void {
    const number = this.#numbers.find(held);
    if (number === undefined) return;
    const sorted = places.toSorted(comparePositions);
    for (let i = 0; i < sorted.length;) {
      const row = this.#rowAt(number, sorted[i] ?? { index: -1, offset: 0 });
      const gone = new Set<string>();
      const begin = i;
      for (let place = sorted[i]; place !== undefined; place = sorted[++i]) {
        if (i > begin && (row === undefined || comparePositions(place, row.last) > 0)) break;
        gone.add(`${place.index}:${place.offset}`);
      }
      if (row === undefined) continue;
      const all = unpackSegments(row);
      const left = all.filter(({ index, offset }) => !gone.has(`${index}:${offset}`));
      if (left.length < all.length) this.#put(number, packSegments(left), row);
    }
  }

  /** The hashes within a segment. */
  putStates(history: HistoryId, { index, offset }: Place, states: readonly StateAt[]): void {
    if (states.length > 0) this.putPackedStates(history, { index, offset }, packStates(states));
  }

  /** The same, as they are kept. */
  putPackedStates(history: HistoryId, { index, offset }: Place, states: Uint8Array): void {
    // One that another target had cut shorter is in the longer one.
    this.#prepare(
      `INSERT INTO state_hash VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET states = excluded.states WHERE length(excluded.states) > length(states)`,
    ).run(this.#numbers.of(historyOf(history)), index, offset, states);
  }

  /** By the offsets of an index at which they were, as far as they are kept. */
  statesOf(history: HistoryId, index: number): ReadonlyMap<number, bigint> {
    const packed = this.#prepare<[number, number], Uint8Array>(
      'SELECT states FROM state_hash WHERE history = ? AND idx = ?',
    )
      .pluck()
      .all(this.#numbers.find(historyOf(history)) ?? 0, index);
    return new Map(packed.flatMap((states) => unpackStates(states).map(({ offset, state }) => [offset, state])));
  }

  /** Those before an index of a generation, and of other generations, are not needed any more. */
  forgetStates(history: HistoryId, index: number): void {
    this.#prepare(
      `DELETE FROM state_hash WHERE history IN (SELECT no FROM number WHERE database_id = $database AND target_id = '')
         AND (history <> ${planned('$history')} OR idx < ${planned('$index')})`,
    ).run({ database: history.databaseId, history: this.#numbers.find(historyOf(history)) ?? 0, index });
  }

  /** The row that begins at or before a place. */
  #rowAt(number: number, { index, offset }: Place): Row | undefined {
    const raw = this.#prepare<[number, number, number], RawRow>(
      `SELECT ${columns} FROM segment WHERE ${heldAt('<=')}
       ORDER BY first_idx DESC, first_offset DESC LIMIT 1`,
    ).get(number, index, offset);
    return raw && toRow(raw);
  }

  /** The row that begins at or before a place, and those behind it. Others may write between two of them. */
  *#rowsFrom(held: Held, place: Place): Generator<Row, undefined> {
    const number = this.#numbers.find(held);
    if (number === undefined) return;
    const next = this.#prepare<[number, number, number], RawRow>(
      `SELECT ${columns} FROM segment WHERE ${heldAt('>')}
       ORDER BY first_idx, first_offset LIMIT 1`,
    );
    let first = place;
    const begin = this.#rowAt(number, place);
    if (begin !== undefined) {
      yield begin;
      first = begin.first;
    }
    for (let raw = next.get(number, first.index, first.offset); raw !== undefined;) {
      const row = toRow(raw);
      yield row;
      raw = next.get(number, row.first.index, row.first.offset);
    }
  }

  /** Puts rows in place of one. */
  #put(held: number, rows: readonly PackedSegments[], former: Row | undefined): void {
    rows.forEach(({ first, last, bytes, checksum, segments }, i) => {
      const values = [first.index, first.offset, last.index, last.offset, bytes, checksum, segments];
      if (i > 0 || former === undefined) {
        this.#prepare(
          `INSERT INTO segment (held, first_idx, first_offset, last_idx, last_offset, bytes, checksum, segments)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        ).run(held, ...values);
      } else {
        this.#prepare(
          `UPDATE segment SET first_idx = ?, first_offset = ?, last_idx = ?, last_offset = ?, bytes = ?, checksum = ?,
             segments = ?
           WHERE id = ?`,
        ).run(...values, former.id);
      }
    });
    if (rows.length === 0 && former !== undefined) this.#prepare('DELETE FROM segment WHERE id = ?').run(former.id);
  }
}

interface Row extends PackedSegments {
  readonly id: number;
}

interface RawRow {
  readonly id: number;
  readonly firstIndex: number;
  readonly firstOffset: number;
  readonly lastIndex: number;
  readonly lastOffset: number;
  readonly bytes: number;
  readonly checksum: number;
  readonly segments: Uint8Array;
}

function toRow({ firstIndex, firstOffset, lastIndex, lastOffset, ...raw }: RawRow): Row {
  const first = { index: firstIndex, offset: firstOffset };
  return { ...raw, first, last: { index: lastIndex, offset: lastOffset } };
}

/** What is told of a history holds on whichever target it lies. */
function historyOf({ databaseId, generation }: HistoryId): HistoryId {
  return { databaseId, generation };
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
