// The state database's schema, as numbered steps. A step that was released is never changed; new ones follow.
import type Database from 'better-sqlite3';
import { packHistory } from './pack-history.ts';

/** Step `i` brings the schema from version `i` to `i + 1`. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

  -- One row: the id of this installation, as replica records carry it.
  CREATE TABLE machine (value TEXT NOT NULL);

  CREATE TABLE database (
    id TEXT PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    added_at INTEGER NOT NULL,
    paused_at INTEGER,
    proven_at INTEGER,
    is_demo INTEGER NOT NULL DEFAULT 0,
    -- Declared by a command line or configuration: protected only while that runs.
    is_declared INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;

  CREATE TABLE target (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    url TEXT NOT NULL UNIQUE
  ) WITHOUT ROWID;

  CREATE TABLE replica (
    database_id TEXT NOT NULL REFERENCES database(id) ON DELETE CASCADE,
    target_id TEXT NOT NULL REFERENCES target(id),
    url TEXT NOT NULL,
    sync_interval_ms INTEGER NOT NULL,
    snapshot_interval_ms INTEGER NOT NULL,
    PRIMARY KEY (database_id, target_id)
  ) WITHOUT ROWID;

  CREATE TABLE generation (
    database_id TEXT NOT NULL REFERENCES database(id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (database_id, id)
  ) WITHOUT ROWID;

  -- Which parts of a generation lie on a target, each from a snapshot to an end. One, unless the target stayed away so long
  -- that it needed a new snapshot in the middle.
  CREATE TABLE shipped (
    database_id TEXT NOT NULL REFERENCES database(id) ON DELETE CASCADE,
    target_id TEXT NOT NULL,
    generation TEXT NOT NULL,
    first_idx INTEGER NOT NULL, first_offset INTEGER NOT NULL, first_at INTEGER NOT NULL,
    last_idx INTEGER NOT NULL, last_offset INTEGER NOT NULL, last_at INTEGER NOT NULL,
    PRIMARY KEY (database_id, target_id, generation, first_idx, first_offset)
  ) WITHOUT ROWID;

  CREATE TABLE snapshot (
    database_id TEXT NOT NULL REFERENCES database(id) ON DELETE CASCADE,
    target_id TEXT NOT NULL,
    generation TEXT NOT NULL,
    idx INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    at INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    page_size INTEGER NOT NULL,
    PRIMARY KEY (database_id, target_id, generation, idx)
  ) WITHOUT ROWID;

  -- Restore points, in runs: what was shipped together. points: JSON, [[end offset, unix ms, pages, pages written], …].
  CREATE TABLE run (
    database_id TEXT NOT NULL REFERENCES database(id) ON DELETE CASCADE,
    generation TEXT NOT NULL,
    idx INTEGER NOT NULL,
    end_offset INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    transactions INTEGER NOT NULL,
    page_size INTEGER NOT NULL,
    points TEXT NOT NULL,
    PRIMARY KEY (database_id, generation, idx, end_offset)
  ) WITHOUT ROWID;
  CREATE INDEX run_by_time ON run (database_id, last_at, first_at, transactions);

  -- Transactions per minute, so that long histories are counted without reading their runs.
  CREATE TABLE minute (
    database_id TEXT NOT NULL REFERENCES database(id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    transactions INTEGER NOT NULL,
    PRIMARY KEY (database_id, at)
  ) WITHOUT ROWID;

  CREATE TABLE gap (
    id INTEGER PRIMARY KEY,
    database_id TEXT NOT NULL REFERENCES database(id) ON DELETE CASCADE,
    from_at INTEGER NOT NULL,
    to_at INTEGER NOT NULL,
    text TEXT NOT NULL
  );

  CREATE TABLE activity (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    level TEXT NOT NULL,
    database_id TEXT,
    text TEXT NOT NULL
  );
  CREATE INDEX activity_by_database ON activity (database_id, id);
  `,
  `
  -- JSON: where it is, field by field, without secrets; NULL for a folder that its url names.
  ALTER TABLE target ADD COLUMN place TEXT;
  -- Bytes a second; NULL: no limit.
  ALTER TABLE target ADD COLUMN bandwidth_bytes INTEGER;
  -- What is secret of its credentials, sealed (secrets.ts).
  ALTER TABLE target ADD COLUMN secret BLOB;
  -- Added as a thing of its own: stays when no database keeps a replica there.
  ALTER TABLE target ADD COLUMN is_kept INTEGER NOT NULL DEFAULT 0;

  ALTER TABLE replica ADD COLUMN is_enabled INTEGER NOT NULL DEFAULT 1;
  -- JSON. Nothing was ever deleted of the replicas that were there before: that goes on until their user says otherwise.
  ALTER TABLE replica ADD COLUMN retention TEXT NOT NULL DEFAULT '{"kind":"keep-all"}';
  ALTER TABLE replica ADD COLUMN retained_at INTEGER;
  `,
  `
  -- JSON: the position that was restored and proven last.
  ALTER TABLE database ADD COLUMN proven_position TEXT;
  -- Since when a target lets nothing be deleted; NULL: it does, or was never asked.
  ALTER TABLE replica ADD COLUMN refuses_deletes_at INTEGER;

  -- Segments as they were put, so that one that is lost or changed is seen in a listing.
  CREATE TABLE segment (
    database_id TEXT NOT NULL REFERENCES database(id) ON DELETE CASCADE,
    target_id TEXT NOT NULL,
    generation TEXT NOT NULL,
    idx INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (database_id, target_id, generation, idx, offset)
  ) WITHOUT ROWID;
  `,
  `
  -- JSON: on which disk a folder was when it was last used, and where on it (mounts.ts).
  ALTER TABLE target ADD COLUMN disk TEXT;
  `,
  `
  -- As it was put, so that one that was changed is seen in a listing; NULL for those of before.
  ALTER TABLE snapshot ADD COLUMN bytes INTEGER;
  `,
  `
  -- State hashes within a segment while the spool has it too, so that it can be put again as it was: per transaction its end
  -- offset as u32 and its hash as u64.
  ALTER TABLE segment ADD COLUMN states BLOB;
  CREATE INDEX segment_with_states ON segment (database_id, generation, idx) WHERE states IS NOT NULL;
  `,
  `
  -- On which computer it was captured last; NULL where that has no name.
  ALTER TABLE database ADD COLUMN computer TEXT;
  `,
  `
  -- Restore points with names: they stay whatever retention says.
  CREATE TABLE named_point (
    id TEXT PRIMARY KEY,
    database_id TEXT NOT NULL REFERENCES database(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    generation TEXT NOT NULL,
    idx INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    at INTEGER NOT NULL,
    named_at INTEGER NOT NULL,
    UNIQUE (database_id, generation, idx, offset)
  ) WITHOUT ROWID;
  `,
  `
  -- What many rows name: a database, a generation of it, and that on a target; '' where they name none.
  CREATE TABLE number (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    database_id TEXT NOT NULL REFERENCES database(id) ON DELETE CASCADE,
    generation TEXT NOT NULL,
    target_id TEXT NOT NULL,
    UNIQUE (database_id, generation, target_id)
  );

  ALTER TABLE run RENAME TO former_run;
  ALTER TABLE segment RENAME TO former_segment;
  DROP INDEX run_by_time;
  DROP INDEX segment_with_states;

  -- Restore points of an index, some hundred in each row (packed-points.ts). database, history: numbers.
  CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    database INTEGER NOT NULL,
    history INTEGER NOT NULL REFERENCES number(no) ON DELETE CASCADE,
    idx INTEGER NOT NULL,
    start_offset INTEGER NOT NULL,
    end_offset INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    transactions INTEGER NOT NULL,
    page_size INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    points BLOB NOT NULL
  );
  CREATE UNIQUE INDEX run_by_place ON run (history, idx, start_offset);
  CREATE INDEX run_by_time ON run (database, last_at, first_at);

  -- Segments as they were put, so that one that is lost or changed is seen in a listing: some two hundred in each row
  -- (packed-segments.ts). held: a number.
  CREATE TABLE segment (
    id INTEGER PRIMARY KEY,
    held INTEGER NOT NULL REFERENCES number(no) ON DELETE CASCADE,
    first_idx INTEGER NOT NULL, first_offset INTEGER NOT NULL,
    last_idx INTEGER NOT NULL, last_offset INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    segments BLOB NOT NULL
  );
  CREATE UNIQUE INDEX segment_by_place ON segment (held, first_idx, first_offset);

  -- State hashes within a segment while the spool has it too, so that it can be put again as it was: per transaction its end
  -- offset as u32 and its hash as u64.
  CREATE TABLE state_hash (
    history INTEGER NOT NULL REFERENCES number(no) ON DELETE CASCADE,
    idx INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    states BLOB NOT NULL,
    PRIMARY KEY (history, idx, offset)
  ) WITHOUT ROWID;
  `,
  `
  -- As its user named it, where a symbolic link led from there to path; NULL where none did.
  ALTER TABLE database ADD COLUMN given_path TEXT;
  `,
  `
  -- Stretches of an index of which a target tells only some of the restore points that are known (sparse.ts): by where they
  -- end, each as how far behind the one before it. held: a number.
  CREATE TABLE sparse (
    held INTEGER NOT NULL REFERENCES number(no) ON DELETE CASCADE,
    idx INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    to_offset INTEGER NOT NULL,
    points BLOB NOT NULL,
    PRIMARY KEY (held, idx, offset)
  ) WITHOUT ROWID;
  `,
  `
  -- In which order generations were begun: no clock says that.
  ALTER TABLE generation ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
  UPDATE generation SET sequence = (
    SELECT count(*) FROM generation AS before
    WHERE before.database_id = generation.database_id
      AND (before.started_at, before.id) <= (generation.started_at, generation.id)
  );

  -- One row: which time it is at least, whatever the clock shows, as JSON (confirmed-time.ts).
  CREATE TABLE confirmed_time (id INTEGER PRIMARY KEY CHECK (id = 1), value TEXT NOT NULL);
  `,
];

/** What a step brings over that SQL alone cannot, by the version that it leads to. */
export const conversions: ReadonlyMap<number, (database: Database.Database) => void> = new Map([[9, packHistory]]);
