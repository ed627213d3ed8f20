// The catalogue of restore points: generations, what of them lies on which target, snapshots, runs of transactions, gaps.
// Written as things are shipped; what a timeline or a list asks of it is history/timeline.ts and history/points.ts.
import type Database from 'better-sqlite3';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import { comparePositions, type Generation, type Place, type Position } from '../../../shared/position.ts';
import type { Commit } from '../replica/commit.ts';
import { Numbers } from './numbers.ts';
import type { SegmentRow } from './packed-segments.ts';
import { remembered } from './remembered.ts';
import { type Bins, type HistoryId, type RunQuery, type RunRow, Runs } from './runs.ts';
import type { Held, StateAt } from './segments.ts';
import { Sparse, type SparseStretch, type Stretch } from './sparse.ts';
import { classifyStateError } from './state-errors.ts';
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

export interface GapRow {
  readonly fromAt: number;
  readonly toAt: number;
  readonly text: string;
}

/** What a segment that lies on a target from now on tells. */
export interface ShippedSegment {
  readonly segment: SegmentRow;
  /** Where it ends. */
  readonly last: Place & { readonly at: number };
  /** Its restore points. */
  readonly commits: readonly Commit[];
  /** Their state hashes, where it may be put again. */
  readonly states: readonly StateAt[];
  readonly pageSize: number;
}

/** A segment that was lost on a target and lies there again. */
export interface MendedSegment {
  readonly segment: SegmentRow;
  /** Where it ends. */
  readonly to: number;
  /** Where the transactions end that it tells. */
  readonly points: readonly number[];
}

export class Catalogue {
  /** Takes out what does not lie on a target any more. */
  readonly trim: Trim;
  readonly #database: { readonly prepare: Database.Database['prepare'] };
  readonly #numbers: Numbers;
  readonly #runs: Runs;
  readonly #sparse: Sparse;
  readonly #isWithin: () => boolean;
  /** Where the state is kept. */
  readonly #file: string;
  readonly #transaction: Database.Transaction<(action: () => unknown) => unknown>;

  constructor(database: Database.Database) {
    this.#database = { prepare: remembered(database) };
    this.#numbers = new Numbers(database);
    this.#runs = new Runs(database, this.#numbers);
    this.#sparse = new Sparse(database, this.#numbers);
    this.#isWithin = () => database.inTransaction;
    this.#file = database.name;
    this.#transaction = database.transaction((action: () => unknown) => action());
    const atOnce = <T>(action: () => T): T => this.#atOnce(action);
    this.trim = new Trim(database, { numbers: this.#numbers, runs: this.#runs, sparse: this.#sparse, atOnce });
  }

  addGeneration(databaseId: DatabaseId, row: Omit<GenerationRow, 'lastAt'>): void {
    this.#database
      .prepare(
        `INSERT INTO generation (database_id, id, started_at, last_at, reason, sequence) VALUES (?, ?, ?, ?, ?,
         (SELECT coalesce(max(sequence), 0) + 1 FROM generation WHERE database_id = ?))`,
      )
      .run(databaseId, row.generation, row.startedAt, row.startedAt, row.reason, databaseId);
  }

  /** In the order in which they were begun, whatever clocks said. */
  generations(databaseId: DatabaseId): readonly GenerationRow[] {
    return this.#database
      .prepare<[string], GenerationRow>(
        'SELECT id AS generation, started_at AS startedAt, last_at AS lastAt, reason FROM generation WHERE database_id = ? ORDER BY sequence',
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

  /** The target has everything of the generation up to this place, if not more. Nothing is restorable there before a snapshot is. */
  setShipped(databaseId: DatabaseId, { targetId, generation, last }: Omit<ShippedRow, 'first'>): void {
    const [newest] = this.shipped(databaseId)
      .filter((part) => part.targetId === targetId && part.generation === generation)
      .sort((a, b) => comparePositions(b.first, a.first));
    if (newest !== undefined && comparePositions(newest.last, last) <= 0) {
      const { first } = newest;
      this.#database
        .prepare(
          `UPDATE shipped SET last_idx = ?, last_offset = ?, last_at = max(last_at, ?)
           WHERE database_id = ? AND target_id = ? AND generation = ? AND first_idx = ? AND first_offset = ?`,
        )
        .run(last.index, last.offset, last.at, databaseId, targetId, generation, first.index, first.offset);
    }
    this.#database
      .prepare('UPDATE generation SET last_at = max(last_at, ?) WHERE database_id = ? AND id = ?')
      .run(last.at, databaseId, generation);
  }

  /** A segment lies on a target: what it says is written down at once, or not at all. */
  addShipped(held: Held, { segment, last, commits, states, pageSize }: ShippedSegment): void {
    const { databaseId, targetId, generation } = held;
    const stretch = { index: segment.index, offset: segment.offset, to: last.offset };
    this.#atOnce(() => {
      this.trim.addSegment(held, segment, states);
      const before = this.#runs.within(held, stretch).map(({ offset }) => offset);
      this.addRun(databaseId, { generation, pageSize, commits });
      this.#noteSparse(held, stretch, { before, told: commits.map(({ offset }) => offset) });
      this.setShipped(databaseId, { targetId, generation, last });
    });
  }

  /** A segment lies on a target again, and tells these restore points of those that are known. */
  addMended(held: Held, { segment, to, points }: MendedSegment): void {
    const stretch = { index: segment.index, offset: segment.offset, to };
    this.#atOnce(() => {
      this.trim.addSegment(held, segment);
      const before = this.#runs.within(held, stretch).map(({ offset }) => offset);
      this.#noteSparse(held, stretch, { before, told: points });
    });
  }

  /** True where targets of the database tell only some of the points that are known of what they hold. */
  hasSparse(databaseId: DatabaseId): boolean {
    return this.#sparse.isAny(databaseId);
  }

  /** The stretches of an index of which some target tells only some of the points that are known. */
  sparseIn(history: HistoryId, index: number): readonly SparseStretch[] {
    return this.#sparse.of(history, index);
  }

  /** Nothing is asked of this target any more. What lies there is told again should it come back. */
  forgetTarget(databaseId: DatabaseId, targetId: TargetId): void {
    for (const table of ['shipped', 'snapshot']) {
      this.#database.prepare(`DELETE FROM ${table} WHERE database_id = ? AND target_id = ?`).run(databaseId, targetId);
    }
    this.#numbers.removeTarget({ databaseId, targetId });
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
    this.#atOnce(() => this.#runs.add({ databaseId, generation }, { index: first.index, pageSize, points: commits }));
  }

  /** When the points of an index were made that were told of any target, by where they end. */
  timesIn({ databaseId, generation }: HistoryId, index: number): ReadonlyMap<number, number> {
    const images = this.snapshots(databaseId).filter((row) => row.generation === generation && row.index === index);
    const points = this.#runs.within({ databaseId, generation }, { index, offset: 0, to: Infinity });
    return new Map([...images, ...points].map(({ offset, at }) => [offset, at]));
  }

  /** The run that holds a position. */
  runAt(databaseId: DatabaseId, { generation, index, offset }: Position): RunRow | undefined {
    return this.#runs.at({ databaseId, generation }, { index, offset });
  }

  /** Runs that begin at or before an instant, or end at or behind it, nearest first. Reads as far as one goes on. */
  runs(databaseId: DatabaseId, query: RunQuery): Generator<RunRow, undefined> {
    return this.#runs.select(databaseId, query);
  }

  /** Transactions per bin of `binMs` from `fromAt` on. */
  countTransactions(databaseId: DatabaseId, bins: Bins): number[] {
    return this.#runs.count(databaseId, bins);
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

  /** `told` of a stretch by one target, where `before` was known: neither tells it what others tell, nor they what it does. */
  #noteSparse(
    held: Held,
    stretch: Stretch,
    { before, told }: { readonly before: readonly number[]; readonly told: readonly number[] },
  ): void {
    const own = new Set(told);
    this.#sparse.put(held, stretch, before.every((offset) => own.has(offset)) ? undefined : told);
    const known = new Set(before);
    const lacking = told.filter((offset) => !known.has(offset));
    if (lacking.length === 0) return;
    for (const { targetId, generation, first, last } of this.shipped(held.databaseId)) {
      if (targetId === held.targetId || generation !== held.generation) continue;
      if (first.index > stretch.index || last.index < stretch.index) continue;
      const offset = first.index === stretch.index ? Math.max(stretch.offset, first.offset) : stretch.offset;
      const to = last.index === stretch.index ? Math.min(stretch.to, last.offset) : stretch.to;
      this.#sparse.limit({ ...held, targetId }, { ...stretch, offset, to }, { points: before, lacking });
    }
  }

  /** All of it or nothing; as part of a larger one, where one is under way. */
  #atOnce<T>(action: () => T): T {
    if (this.#isWithin()) return action();
    try {
      return this.#transaction(action) as T;
    } catch (error) {
      // Numbers that were given in it are none.
      this.#numbers.forget();
      throw classifyStateError(error, this.#file);
    }
  }
}

export interface NewRun {
  readonly generation: Generation;
  readonly pageSize: number;
  readonly commits: readonly Commit[];
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
