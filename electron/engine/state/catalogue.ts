// The catalogue of restore points: generations, what of them lies on which target, snapshots, runs of transactions, gaps.
// Written as things are shipped; what a timeline or a list asks of it is history/timeline.ts and history/points.ts.
import type Database from 'better-sqlite3';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import type { Generation, Position } from '../../../shared/position.ts';
import type { Commit } from '../commits.ts';
import { remembered } from './remembered.ts';
import { type Part, Trim } from './trim.ts';

export interface GenerationRow {
  readonly generation: Generation;
  readonly startedAt: number;
  readonly lastAt: number;
  readonly reason: string;
}

/** The part of a generation that lies on a target. */
export interface ShippedRow extends Part {
  readonly targetId: TargetId;
  readonly generation: Generation;
}

export interface SnapshotRow {
  readonly targetId: TargetId;
  readonly generation: Generation;
  readonly index: number;
  readonly offset: number;
  readonly at: number;
  readonly pages: number;
  readonly pageSize: number;
  /** As stored; undefined where that is not known. */
  readonly bytes?: number | undefined;
}

const minuteMs = 60_000;

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

export interface GapRow {
  readonly fromAt: number;
  readonly toAt: number;
  readonly text: string;
}

export class Catalogue {
  /** Takes out what does not lie on a target any more. */
  readonly trim: Trim;
  readonly #database: { readonly prepare: Database.Database['prepare'] };
  readonly #iterable: Database.Database;

  constructor(database: Database.Database) {
    this.#database = { prepare: remembered(database) };
    this.#iterable = database;
    this.trim = new Trim(database);
  }

  addGeneration(databaseId: DatabaseId, row: Omit<GenerationRow, 'lastAt'>): void {
    this.#database
      .prepare('INSERT INTO generation (database_id, id, started_at, last_at, reason) VALUES (?, ?, ?, ?, ?)')
      .run(databaseId, row.generation, row.startedAt, row.startedAt, row.reason);
  }

  /** Oldest first. */
  generations(databaseId: DatabaseId): readonly GenerationRow[] {
    return this.#database
      .prepare<[string], GenerationRow>(
        'SELECT id AS generation, started_at AS startedAt, last_at AS lastAt, reason FROM generation WHERE database_id = ? ORDER BY started_at, id',
      )
      .all(databaseId);
  }

  /** A snapshot lies on a target. `beginsPart`: what the target had before does not reach it. */
  addSnapshot(databaseId: DatabaseId, row: SnapshotRow, { beginsPart }: { readonly beginsPart: boolean }): void {
    const { targetId, generation, index, offset, at, pages, pageSize, bytes = null } = row;
    this.#database
      .prepare('INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(databaseId, targetId, generation, index, offset, at, pages, pageSize, bytes);
    if (!beginsPart) return;
    this.#database
      .prepare('INSERT OR IGNORE INTO shipped VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(databaseId, row.targetId, row.generation, row.index, row.offset, row.at, row.index, row.offset, row.at);
  }

  /** Oldest first. */
  snapshots(databaseId: DatabaseId): readonly SnapshotRow[] {
    return this.#database
      .prepare<[string], Omit<SnapshotRow, 'bytes'> & { readonly bytes: number | null }>(
        `SELECT target_id AS targetId, generation, idx AS "index", offset, at, pages, page_size AS pageSize, bytes
         FROM snapshot WHERE database_id = ? ORDER BY at`,
      )
      .all(databaseId)
      .map((row) => ({ ...row, bytes: row.bytes ?? undefined }));
  }

  /** The target has everything of the generation up to this place. Nothing is restorable there before a snapshot is. */
  setShipped(databaseId: DatabaseId, { targetId, generation, last }: Omit<ShippedRow, 'first'>): void {
    this.#database
      .prepare(
        `UPDATE shipped SET last_idx = $index, last_offset = $offset, last_at = max(last_at, $at)
         WHERE database_id = $database AND target_id = $target AND generation = $generation
           AND (first_idx, first_offset) = (
             SELECT first_idx, first_offset FROM shipped
             WHERE database_id = $database AND target_id = $target AND generation = $generation
             ORDER BY first_idx DESC, first_offset DESC LIMIT 1)`,
      )
      .run({ ...last, database: databaseId, target: targetId, generation });
    this.#database
      .prepare('UPDATE generation SET last_at = max(last_at, ?) WHERE database_id = ? AND id = ?')
      .run(last.at, databaseId, generation);
  }

  /** Nothing is asked of this target any more. What lies there is told again should it come back. */
  forgetTarget(databaseId: DatabaseId, targetId: TargetId): void {
    for (const table of ['shipped', 'snapshot', 'segment']) {
      this.#database.prepare(`DELETE FROM ${table} WHERE database_id = ? AND target_id = ?`).run(databaseId, targetId);
    }
  }

  shipped(databaseId: DatabaseId): readonly ShippedRow[] {
    return this.#database
      .prepare<[string], RawShipped>('SELECT * FROM shipped WHERE database_id = ?')
      .all(databaseId)
      .map((row) => ({
        targetId: row.target_id as TargetId,
        generation: row.generation as Generation,
        first: { index: row.first_idx, offset: row.first_offset, at: row.first_at },
        last: { index: row.last_idx, offset: row.last_offset, at: row.last_at },
      }));
  }

  /**
   * Writes down restore points of one index, ascending. Those that another target's shipping told before are left out; since
   * each target is at a place of its own, others may lie before them, between them and behind.
   */
  addRun(databaseId: DatabaseId, { generation, pageSize, commits }: NewRun): void {
    const [first] = commits;
    if (first === undefined) return;
    const runs = this.#database
      .prepare<[string, string, number, number], RawRun>(
        'SELECT * FROM run WHERE database_id = ? AND generation = ? AND idx = ? AND end_offset >= ? ORDER BY end_offset',
      )
      .all(databaseId, generation, first.index, first.offset)
      .map(toRun);
    const add = (run: RunRow): void => this.#putRun(databaseId, run);
    const whole = { generation, index: first.index, pageSize };
    let left = commits;
    for (const run of runs) {
      const begin = run.points[0]?.[0] ?? 0;
      const behind = left.filter(({ offset }) => offset > run.endOffset);
      const known = new Set(run.points.map(([offset]) => offset));
      const before = left.filter(({ offset }) => offset < begin);
      const between = left.filter(({ offset }) => offset >= begin && offset <= run.endOffset && !known.has(offset));
      if (before.length > 0) add(runOf(before, whole));
      if (between.length > 0) add(merged(run, between));
      this.#countMinute(databaseId, [...before, ...between]);
      left = behind;
    }
    if (left.length > 0) add(runOf(left, whole));
    this.#countMinute(databaseId, left);
  }

  /** The run that holds a position. */
  runAt(databaseId: DatabaseId, { generation, index, offset }: Position): RunRow | undefined {
    const row = this.#database
      .prepare<[string, string, number, number], RawRun>(
        'SELECT * FROM run WHERE database_id = ? AND generation = ? AND idx = ? AND end_offset >= ? ORDER BY end_offset LIMIT 1',
      )
      .get(databaseId, generation, index, offset);
    return row && toRun(row);
  }

  /** Runs that begin at or before an instant, or end at or behind it, nearest first. Reads as far as one goes on. */
  *runs(databaseId: DatabaseId, query: RunQuery): Generator<RunRow, undefined> {
    for (const row of this.#selectRuns(databaseId, query)) yield toRun(row);
  }

  /** Transactions per bin of `binMs` from `fromAt` on. */
  countTransactions(
    databaseId: DatabaseId,
    { fromAt, binMs, bins }: { readonly fromAt: number; readonly binMs: number; readonly bins: number },
  ): number[] {
    const counts = Array.from<number>({ length: bins }).fill(0);
    const isCoarse = binMs % minuteMs === 0 && fromAt % minuteMs === 0;
    const [table, at] = isCoarse ? ['minute', 'at'] : ['run', 'last_at'];
    const rows = this.#database
      .prepare<[object], { bin: number; n: number }>(
        `SELECT CAST((${at} - $from) / $bin AS INTEGER) AS bin, sum(transactions) AS n FROM ${table}
         WHERE database_id = $database AND ${at} >= $from AND ${at} < $to GROUP BY 1`,
      )
      .all({ database: databaseId, from: fromAt, bin: binMs, to: fromAt + bins * binMs });
    for (const { bin, n } of rows) counts[bin] = n;
    return counts;
  }

  addGap(databaseId: DatabaseId, gap: GapRow): void {
    this.#database
      .prepare('INSERT INTO gap (database_id, from_at, to_at, text) VALUES (?, ?, ?, ?)')
      .run(databaseId, gap.fromAt, gap.toAt, gap.text);
  }

  gaps(databaseId: DatabaseId, range: { readonly fromAt: number; readonly toAt: number }): readonly GapRow[] {
    return this.#database
      .prepare<[string, number, number], GapRow>(
        'SELECT from_at AS fromAt, to_at AS toAt, text FROM gap WHERE database_id = ? AND to_at >= ? AND from_at <= ? ORDER BY from_at',
      )
      .all(databaseId, range.fromAt, range.toAt);
  }

  #putRun(databaseId: DatabaseId, run: RunRow): void {
    const { generation, index, endOffset, firstAt, lastAt, transactions, pageSize, points } = run;
    this.#database
      .prepare('INSERT OR REPLACE INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(databaseId, generation, index, endOffset, firstAt, lastAt, transactions, pageSize, JSON.stringify(points));
  }

  #countMinute(databaseId: DatabaseId, commits: readonly Commit[]): void {
    const last = commits.at(-1);
    if (last === undefined) return;
    this.#database
      .prepare(
        `INSERT INTO minute VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET transactions = transactions + excluded.transactions`,
      )
      .run(databaseId, Math.floor(last.at / minuteMs) * minuteMs, countTransactions(commits));
  }

  #selectRuns(databaseId: DatabaseId, query: RunQuery): IterableIterator<RawRun> {
    // In the order of the index, so that nothing is sorted before the first row.
    const sql =
      query.kind === 'at-or-before'
        ? 'SELECT * FROM run WHERE database_id = ? AND first_at <= ? ORDER BY last_at DESC, first_at DESC'
        : 'SELECT * FROM run WHERE database_id = ? AND last_at >= ? ORDER BY last_at, first_at';
    return this.#iterable.prepare<[string, number], RawRun>(sql).iterate(databaseId, query.at);
  }
}

export interface NewRun {
  readonly generation: Generation;
  readonly pageSize: number;
  readonly commits: readonly Commit[];
}

export interface RunQuery {
  readonly kind: 'at-or-before' | 'after';
  readonly at: number;
}

interface RawShipped {
  readonly target_id: string;
  readonly generation: string;
  readonly first_idx: number;
  readonly first_offset: number;
  readonly first_at: number;
  readonly last_idx: number;
  readonly last_offset: number;
  readonly last_at: number;
}

interface RawRun {
  readonly generation: string;
  readonly idx: number;
  readonly end_offset: number;
  readonly first_at: number;
  readonly last_at: number;
  readonly transactions: number;
  readonly page_size: number;
  readonly points: string;
}

function runOf(commits: readonly Commit[], run: Pick<RunRow, 'generation' | 'index' | 'pageSize'>): RunRow {
  const points = commits.map(pointOf);
  const [firstAt = 0, lastAt = 0] = [points[0]?.[1], points.at(-1)?.[1]];
  const endOffset = points.at(-1)?.[0] ?? 0;
  return { ...run, endOffset, firstAt, lastAt, transactions: countTransactions(commits), points };
}

/** A run with more points between its own. */
function merged(run: RunRow, commits: readonly Commit[]): RunRow {
  const points = [...run.points, ...commits.map(pointOf)].sort((a, b) => a[0] - b[0]);
  return { ...run, transactions: run.transactions + countTransactions(commits), points };
}

function pointOf({ offset, at, pages, written }: Commit): RunPoint {
  return [offset, at, pages, written];
}

function countTransactions(commits: readonly Commit[]): number {
  return commits.reduce((sum, { transactions }) => sum + transactions, 0);
}

function toRun(row: RawRun): RunRow {
  return {
    generation: row.generation as Generation,
    index: row.idx,
    endOffset: row.end_offset,
    firstAt: row.first_at,
    lastAt: row.last_at,
    transactions: row.transactions,
    pageSize: row.page_size,
    points: JSON.parse(row.points) as readonly RunPoint[],
  };
}
