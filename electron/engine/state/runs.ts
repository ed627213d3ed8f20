// Restore points as rows of the state database: some hundred of an index in each, packed. New ones are put behind those of the
// newest row of their index while that has room; beside them the transactions of each minute are counted.
import type Database from 'better-sqlite3';
import type { DatabaseId } from '../../../shared/ids.ts';
import type { Generation, Place } from '../../../shared/position.ts';
import { timesInOrder } from '../replica/commit.ts';
import type { Numbers } from './numbers.ts';
import { longestRunMs, type PackedRun, packRuns, type Point, unpackRun } from './packed-points.ts';
import { planned, remembered } from './remembered.ts';

/** One restore point in a run: `[end offset, unix milliseconds, size in pages, pages written]`. */
export type RunPoint = readonly [offset: number, at: number, pages: number, written: number];

export interface RunRow {
  readonly generation: Generation;
  readonly index: number;
  readonly endOffset: number;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly transactions: number;
  readonly pageSize: number;
  readonly points: readonly RunPoint[];
}

export interface RunQuery {
  readonly kind: 'at-or-before' | 'after';
  readonly at: number;
}

export interface HistoryId {
  readonly databaseId: DatabaseId;
  readonly generation: Generation;
}

export interface Bins {
  readonly fromAt: number;
  readonly binMs: number;
  readonly bins: number;
}

const minuteMs = 60_000;

const columns = `id, idx AS "index", start_offset AS startOffset, end_offset AS endOffset, first_at AS firstAt, last_at AS lastAt,
  pages, transactions, page_size AS pageSize, checksum, points`;
/** Of a history and an index, the row that begins at or before an offset, and those behind it. */
const inIndex = `history = ${planned('$history')} AND idx = ${planned('$index')}`;
const fromOffset = `${inIndex} AND start_offset >= coalesce((
  SELECT max(start_offset) FROM run WHERE ${inIndex} AND start_offset <= ${planned('$offset')}), 0)`;

export class Runs {
  readonly #database: Database.Database;
  readonly #prepare: Database.Database['prepare'];
  readonly #numbers: Numbers;

  constructor(database: Database.Database, numbers: Numbers) {
    this.#database = database;
    this.#prepare = remembered(database);
    this.#numbers = numbers;
  }

  /**
   * Writes down points of one index; those that are known already are left out. The times of others are fitted between those
   * of the points around them: what is told late was made before what was told of places behind it.
   */
  add(
    { databaseId, generation }: HistoryId,
    {
      index,
      pageSize,
      points: told,
    }: { readonly index: number; readonly pageSize: number; readonly points: readonly Point[] },
  ): void {
    const points = ascending(told);
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined) return;
    const place = {
      database: this.#numbers.of({ databaseId }),
      history: this.#numbers.of({ databaseId, generation }),
      index,
    };
    const rows = this.#prepare<[object], RawRun>(
      `SELECT ${columns} FROM run WHERE ${fromOffset} AND start_offset <= ${planned('$to')} ORDER BY start_offset`,
    ).all({ ...place, offset: first.offset, to: last.offset });
    const to = this.#firstAtBehind(place, last.offset);
    const before = rows.length === 1 && (rows[0]?.endOffset ?? 0) < first.offset ? rows[0] : undefined;
    if (before !== undefined || rows.length === 0) {
      const from = before?.lastAt ?? this.#lastAtBefore(place.history, { index, offset: first.offset });
      const added = inOrder(points, { from, to });
      this.#put(place, packRuns(added, pageSize, before), before === undefined ? [] : [before]);
      this.#countMinutes(databaseId, added);
      return;
    }
    const known = rows.flatMap(unpackRun);
    const offsets = new Set(known.map(({ offset }) => offset));
    const news = points.filter(({ offset }) => !offsets.has(offset));
    if (news.length === 0) return;
    const from = this.#lastAtBefore(place.history, {
      index,
      offset: Math.min(first.offset, known[0]?.offset ?? 0) - 1,
    });
    const sorted = [...known, ...news].sort((a, b) => a.offset - b.offset);
    const all = inOrder(sorted, { from, to, known: offsets });
    this.#put(place, packRuns(all, rows[0]?.pageSize ?? pageSize), rows);
    this.#countMinutes(
      databaseId,
      all.filter(({ offset }) => !offsets.has(offset)),
    );
  }

  /** The run that holds a position. */
  at({ databaseId, generation }: HistoryId, { index, offset }: Place): RunRow | undefined {
    const [row] = this.#rowsAt({ databaseId, generation }, { index, offset });
    return row === undefined || row.endOffset < offset || row.startOffset > offset ? undefined : toRun(row, generation);
  }

  /** Runs that begin at or before an instant, or end at or behind it, nearest first. Reads as far as one goes on. */
  *select(databaseId: DatabaseId, { kind, at }: RunQuery): Generator<RunRow, undefined> {
    // In the order of the index, so that nothing is sorted before the first row.
    const rows = `SELECT generation, run.${columns} FROM run CROSS JOIN number ON no = history WHERE database = $database`;
    const sql =
      kind === 'at-or-before'
        ? `${rows} AND last_at <= $at + ${longestRunMs} AND first_at <= $at ORDER BY last_at DESC, first_at DESC`
        : `${rows} AND last_at >= $at ORDER BY last_at, first_at`;
    const database = this.#numbers.find({ databaseId }) ?? 0;
    const selected = this.#database.prepare<[object], RawRun & { readonly generation: string }>(sql);
    for (const row of selected.iterate({ database, at })) yield toRun(row, row.generation as Generation);
  }

  /** The points of a stretch of an index, from behind its begin to its end. */
  within(history: HistoryId, { index, offset: from, to }: Place & { readonly to: number }): readonly Point[] {
    return this.#rowsAt(history, { index, offset: from }, to)
      .filter(({ endOffset }) => endOffset > from)
      .flatMap(unpackRun)
      .filter(({ offset }) => offset > from && offset <= to);
  }

  /** When the last transaction before a place was made. */
  lastAtBefore({ databaseId, generation }: HistoryId, place: Place): number | undefined {
    const history = this.#numbers.find({ databaseId, generation });
    return history === undefined ? undefined : this.#lastAtBefore(history, place);
  }

  /** Transactions per bin. */
  count(databaseId: DatabaseId, { fromAt, binMs, bins }: Bins): number[] {
    const counts = Array.from<number>({ length: bins }).fill(0);
    const toAt = fromAt + bins * binMs;
    if (binMs % minuteMs === 0 && fromAt % minuteMs === 0) {
      const rows = this.#prepare<[object], { readonly bin: number; readonly n: number }>(
        `SELECT CAST((at - $from) / $bin AS INTEGER) AS bin, sum(transactions) AS n FROM minute
         WHERE database_id = $database AND at >= $from AND at < $to GROUP BY 1`,
      ).all({ database: databaseId, from: fromAt, bin: binMs, to: toAt });
      for (const { bin, n } of rows) counts[bin] = n;
      return counts;
    }
    const add = (at: number, transactions: number): void => {
      const bin = Math.floor((at - fromAt) / binMs);
      if (bin >= 0 && bin < bins) counts[bin] = (counts[bin] ?? 0) + transactions;
    };
    for (const row of this.#touching(databaseId, { fromAt, toAt })) {
      const isInOneBin = Math.floor((row.firstAt - fromAt) / binMs) === Math.floor((row.lastAt - fromAt) / binMs);
      if (isInOneBin) add(row.lastAt, row.transactions);
      else for (const { at, transactions } of unpackRun(row)) add(at, transactions);
    }
    return counts;
  }

  /** Drops the points between two places, of `limit` rows at the most; true when there may be more. */
  drop(
    { databaseId, generation }: HistoryId,
    { from, to }: { readonly from: Place; readonly to: Place },
    limit: number,
  ): boolean {
    const history = this.#numbers.find({ databaseId, generation });
    if (history === undefined) return false;
    const place = { database: this.#numbers.of({ databaseId }), history };
    const rows = this.#prepare<[object], RawRun>(
      `SELECT ${columns} FROM run WHERE history = $history
         AND (idx, end_offset) > ($fromIndex, $fromOffset) AND (idx, start_offset) < ($toIndex, $toOffset)
         AND idx >= $fromIndex
       ORDER BY idx, start_offset LIMIT $limit`,
    ).all({
      history,
      fromIndex: from.index,
      fromOffset: from.offset,
      toIndex: Math.min(to.index, Number.MAX_SAFE_INTEGER),
      toOffset: to.offset,
      limit: limit + 1,
    });
    const changed = rows.slice(0, limit).filter((row) => {
      const isDropped = ({ offset }: Point): boolean =>
        (row.index > from.index || offset > from.offset) && (row.index < to.index || offset < to.offset);
      const points = isWhole(row, { from, to }) ? [] : unpackRun(row);
      const left = points.filter((point) => !isDropped(point));
      if (left.length === points.length && left.length > 0) return false;
      this.#put({ ...place, index: row.index }, packRuns(left, row.pageSize), [row]);
      return true;
    });
    if (changed.length > 0) this.#recount(databaseId, changed);
    return rows.length > limit;
  }

  /** The row that begins at or before a place; with `to` those too that begin behind it, up to there. */
  #rowsAt({ databaseId, generation }: HistoryId, { index, offset }: Place, to?: number): readonly RawRun[] {
    const history = this.#numbers.find({ databaseId, generation });
    if (history === undefined) return [];
    return this.#prepare<[object], RawRun>(
      `SELECT ${columns} FROM run WHERE ${fromOffset} AND start_offset <= ${planned('$to')} ORDER BY start_offset LIMIT $limit`,
    ).all({ history, index, offset, to: to ?? offset, limit: to === undefined ? 1 : -1 });
  }

  #lastAtBefore(history: number, { index, offset }: Place): number | undefined {
    const row = this.#prepare<[number, number, number], RawRun>(
      `SELECT ${columns} FROM run WHERE history = ${planned('?')} AND (idx, start_offset) <= (${planned('?')}, ${planned('?')})
       ORDER BY idx DESC, start_offset DESC LIMIT 1`,
    ).get(history, index, offset);
    if (row === undefined) return undefined;
    if (row.index < index || row.endOffset <= offset) return row.lastAt;
    return unpackRun(row).findLast((point) => point.offset <= offset)?.at;
  }

  /** When the first transaction was made of those rows that begin behind a place. */
  #firstAtBehind({ history, index }: RunPlace, offset: number): number | undefined {
    return this.#prepare<[number, number, number], number>(
      `SELECT first_at FROM run WHERE history = ${planned('?')} AND (idx, start_offset) > (${planned('?')}, ${planned('?')})
       ORDER BY idx, start_offset LIMIT 1`,
    )
      .pluck()
      .get(history, index, offset);
  }

  /** Rows some of whose points may lie between two instants. */
  *#touching(
    databaseId: DatabaseId,
    { fromAt, toAt }: { readonly fromAt: number; readonly toAt: number },
  ): Generator<RawRun, undefined> {
    const database = this.#numbers.find({ databaseId }) ?? 0;
    yield* this.#database
      .prepare<[number, number, number, number], RawRun>(
        `SELECT ${columns} FROM run
         WHERE database = ? AND last_at >= ? AND last_at < ? + ${longestRunMs} AND first_at < ?`,
      )
      .iterate(database, fromAt, toAt, toAt);
  }

  /** Puts rows in place of others. */
  #put(place: RunPlace, runs: readonly PackedRun[], former: readonly RawRun[]): void {
    runs.forEach((run, i) => {
      const row = { ...place, ...run, id: former[i]?.id ?? null };
      this.#prepare(
        row.id === null
          ? `INSERT INTO run (database, history, idx, start_offset, end_offset, first_at, last_at, pages, transactions, page_size,
             checksum, points)
             VALUES ($database, $history, $index, $startOffset, $endOffset, $firstAt, $lastAt, $pages, $transactions, $pageSize,
             $checksum, $points)`
          : `UPDATE run SET start_offset = $startOffset, end_offset = $endOffset, first_at = $firstAt, last_at = $lastAt,
               pages = $pages, transactions = $transactions, page_size = $pageSize, checksum = $checksum,
               points = $points WHERE id = $id`,
      ).run(row);
    });
    for (const { id } of former.slice(runs.length)) this.#prepare('DELETE FROM run WHERE id = ?').run(id);
  }

  #countMinutes(databaseId: DatabaseId, points: readonly Point[]): void {
    const minutes = new Map<number, number>();
    for (const { at, transactions } of points) {
      const minute = Math.floor(at / minuteMs) * minuteMs;
      minutes.set(minute, (minutes.get(minute) ?? 0) + transactions);
    }
    for (const [at, transactions] of minutes) {
      this.#prepare(
        `INSERT INTO minute VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET transactions = transactions + excluded.transactions`,
      ).run(databaseId, at, transactions);
    }
  }

  /** Counts the minutes again in which points were dropped. */
  #recount(databaseId: DatabaseId, dropped: readonly RawRun[]): void {
    const fromAt = Math.floor(Math.min(...dropped.map(({ firstAt }) => firstAt)) / minuteMs) * minuteMs;
    const toAt = (Math.floor(Math.max(...dropped.map(({ lastAt }) => lastAt)) / minuteMs) + 1) * minuteMs;
    this.#prepare('DELETE FROM minute WHERE database_id = ? AND at >= ? AND at < ?').run(databaseId, fromAt, toAt);
    const left = [...this.#touching(databaseId, { fromAt, toAt })].flatMap(unpackRun);
    this.#countMinutes(
      databaseId,
      left.filter(({ at }) => at >= fromAt && at < toAt),
    );
  }
}

interface RunPlace {
  readonly database: number;
  readonly history: number;
  readonly index: number;
}

interface RawRun extends PackedRun {
  readonly id: number;
  readonly index: number;
}

/** As a target's own words may not be, where somebody else wrote there. */
function ascending(points: readonly Point[]): readonly Point[] {
  if (points.every(({ offset }, i) => offset > (points[i - 1]?.offset ?? -1))) return points;
  const byOffset = new Map(points.map((point) => [point.offset, point]));
  return [...byOffset.values()].sort((a, b) => a.offset - b.offset);
}

/** Those that are not known between the times of the others, and of what lies around all of them. */
function inOrder(
  points: readonly Point[],
  {
    from,
    to,
    known,
  }: { readonly from: number | undefined; readonly to: number | undefined; readonly known?: ReadonlySet<number> },
): readonly Point[] {
  const given = points.map(({ offset, at }) => ({ at, isKnown: known?.has(offset) === true }));
  const times = timesInOrder(given, { ...(from !== undefined && { from }), ...(to !== undefined && { to }) });
  return points.map((point, i) => ({ ...point, at: times[i] ?? point.at }));
}

function isWhole(
  { index, startOffset, endOffset }: RawRun,
  { from, to }: { readonly from: Place; readonly to: Place },
): boolean {
  return (
    (index > from.index || startOffset > from.offset) &&
    (index < to.index || (index === to.index && endOffset < to.offset))
  );
}

function toRun(row: RawRun, generation: Generation): RunRow {
  const { index, endOffset, firstAt, lastAt, transactions, pageSize } = row;
  const points = unpackRun(row).map(({ offset, at, pages, written }): RunPoint => [offset, at, pages, written]);
  return { generation, index, endOffset, firstAt, lastAt, transactions, pageSize, points };
}
