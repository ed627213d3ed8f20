// Brings a history over that was kept as JSON, one row per segment, into packed rows: a step of the migrations. A thousand rows
// at a time, whatever there is of them.
import type Database from 'better-sqlite3';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import type { Generation } from '../../../shared/position.ts';
import { Numbers } from './numbers.ts';
import { Runs } from './runs.ts';
import { Segments } from './segments.ts';

const rowsAtOnce = 1000;

/** Fills the tables of the present from `former_run` and `former_segment`, and drops those. */
export function packHistory(database: Database.Database): void {
  const numbers = new Numbers(database);
  // Counted again, each transaction in the minute in which it was made.
  database.exec('DELETE FROM minute');
  packRuns(database, new Runs(database, numbers));
  packSegments(database, new Segments(database, numbers));
  database.exec('DROP TABLE former_run; DROP TABLE former_segment');
}

function packRuns(database: Database.Database, runs: Runs): void {
  const some = database.prepare<(string | number)[], FormerRun>(
    `SELECT * FROM former_run WHERE (database_id, generation, idx, end_offset) > (?, ?, ?, ?)
     ORDER BY database_id, generation, idx, end_offset LIMIT ${rowsAtOnce}`,
  );
  for (const row of inPieces((last?: FormerRun) =>
    some.all(last?.database_id ?? '', last?.generation ?? '', last?.idx ?? -1, last?.end_offset ?? -1),
  )) {
    const { database_id: databaseId, generation, idx: index, page_size: pageSize, transactions } = row;
    const told = JSON.parse(row.points) as readonly (readonly [number, number, number, number])[];
    // Where points were thinned, only their sum was written down.
    const others = Math.max(0, transactions - told.length);
    const points = told.map(([offset, at, pages, written], i) => ({
      offset,
      at,
      pages,
      written,
      transactions: i === told.length - 1 ? 1 + others : 1,
    }));
    runs.add({ databaseId, generation }, { index, pageSize, points });
  }
}

function packSegments(database: Database.Database, segments: Segments): void {
  const some = database.prepare<(string | number)[], FormerSegment>(
    `SELECT * FROM former_segment WHERE (database_id, target_id, generation, idx, offset) > (?, ?, ?, ?, ?)
     ORDER BY database_id, target_id, generation, idx, offset LIMIT ${rowsAtOnce}`,
  );
  for (const row of inPieces((last?: FormerSegment) =>
    some.all(
      last?.database_id ?? '',
      last?.target_id ?? '',
      last?.generation ?? '',
      last?.idx ?? -1,
      last?.offset ?? -1,
    ),
  )) {
    const { database_id: databaseId, target_id: targetId, generation, idx: index, offset, bytes, states } = row;
    segments.put({ databaseId, targetId, generation }, { index, offset, bytes });
    if (states !== null) segments.putPackedStates({ databaseId, generation }, { index, offset }, states);
  }
}

/** All rows, while others are written. */
function* inPieces<Row>(read: (last?: Row) => readonly Row[]): Generator<Row, undefined> {
  for (let rows = read(); rows.length > 0; rows = read(rows.at(-1))) yield* rows;
}

interface FormerRun {
  readonly database_id: DatabaseId;
  readonly generation: Generation;
  readonly idx: number;
  readonly end_offset: number;
  readonly transactions: number;
  readonly page_size: number;
  readonly points: string;
}

interface FormerSegment {
  readonly database_id: DatabaseId;
  readonly target_id: TargetId;
  readonly generation: Generation;
  readonly idx: number;
  readonly offset: number;
  readonly bytes: number;
  readonly states: Uint8Array | null;
}
