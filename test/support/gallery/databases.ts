// Invented databases and operations, as the states of the gallery put them together.
import { AppError, type ErrorCode, type Problem } from '../../../shared/errors.ts';
import type { DatabaseDetails, DatabaseState, DatabaseStatus, DayActivity } from '../../../shared/databases.ts';
import type { DatabaseId, NamedPointId, OperationId, TargetId } from '../../../shared/ids.ts';
import type { ActivityEntry, AppState } from '../../../shared/model.ts';
import type { NamedPoint } from '../../../shared/named-points.ts';
import type { Operation, Phase } from '../../../shared/operations.ts';
import { defaultRetention } from '../../../shared/retention.ts';
import type { FixtureHistory } from './history.ts';
import { bucket, folders, networkShare } from './targets.ts';

const day = 86_400_000;
const hour = 3_600_000;

const places = new Map<TargetId, string>([
  [networkShare, 'file:///mnt/office/tidemark'],
  [bucket, 's3://tidemark-eu/till'],
]);

/** A state without databases, on a machine without dialogs unless told otherwise. */
export function emptyState(now: number): AppState {
  return {
    app: {
      version: '0.1.0',
      sqliteVersion: '3.54.1',
      dataDir: '/home/ada/.local/share/tidemark',
      startedAt: now - 3 * hour,
    },
    host: {
      kind: 'desktop',
      hasDialogs: true,
      canShowInFolder: true,
      hasTray: true,
      secretsKeptBy: 'keyring',
      platform: 'linux',
      home: '/home/ada',
    },
    settings: { theme: 'system' },
    databases: [],
    targets: folders,
    operations: [],
    activity: [],
    demo: { isRunning: false, databaseId: undefined },
  };
}

export interface DatabaseSketch {
  readonly isDemo?: boolean;
  readonly id: string;
  readonly path: string;
  readonly status: DatabaseStatus;
  readonly sizeBytes: number;
  readonly history: FixtureHistory;
  readonly targets: readonly TargetId[];
  readonly lagBytes?: number;
  readonly lagSinceAt?: number;
  readonly days: readonly DayActivity[];
  readonly provenAt?: number;
  readonly problem?: Problem;
  readonly namedPoints?: DatabaseState['namedPoints'];
}

/** A whole database state around a sketch. */
export function databaseOf(sketch: DatabaseSketch, now: number): DatabaseState {
  const newest = sketch.history.points.at(-1);
  const name = sketch.path.slice(Math.max(sketch.path.lastIndexOf('/'), sketch.path.lastIndexOf('\\')) + 1);
  return {
    id: sketch.id as DatabaseId,
    path: sketch.path,
    name,
    isDemo: sketch.isDemo ?? false,
    addedAt: sketch.history.points[0]?.at ?? now,
    status: sketch.status,
    sizeBytes: sketch.sizeBytes,
    walBytes: 412_000,
    pageSize: 4096,
    captured: newest,
    newest,
    oldestAt: sketch.history.points[0]?.at,
    lag: { bytes: sketch.lagBytes ?? 0, sinceAt: sketch.lagSinceAt },
    generation: sketch.history.bands(now).at(-1),
    replicas: sketch.targets.map((targetId) => ({
      targetId,
      url: `${places.get(targetId) ?? 'file:///media/backup'}/${name}`,
      shipped: newest,
      lagBytes: sketch.lagBytes ?? 0,
      problem: sketch.problem,
      isEnabled: true,
      syncIntervalMs: targetId === bucket ? 10_000 : 1_000,
      snapshotIntervalMs: day,
      retention: defaultRetention,
      isSeen: true,
      retainedAt: now - 3 * hour,
      oldestAt: sketch.history.points[0]?.at,
    })),
    namedPoints: sketch.namedPoints ?? [],
    provenAt: sketch.provenAt,
    locked: { maxMs: 4, totalMs: 312 },
    days: sketch.days,
  };
}

/** Names for the points that so long ago were the newest ones. */
export function namesOf(
  history: FixtureHistory,
  names: readonly (readonly [name: string, msAgo: number])[],
): readonly NamedPoint[] {
  const newest = history.points.at(-1)?.at ?? 0;
  return names.flatMap(([name, msAgo], index): readonly NamedPoint[] => {
    const point = history.atOrBefore(newest - msAgo);
    if (point === undefined) return [];
    const { position, at } = point;
    return [{ id: `named-${index}` as NamedPointId, name, position, at, namedAt: at }];
  });
}

/** The details of a database; one that is behind is held by a reader too. */
export function detailsOf(
  database: DatabaseState,
  { startedAt, transactions }: { readonly startedAt: number; readonly transactions: number },
): DatabaseDetails {
  const { id, captured, generation, lag, replicas, status, walBytes } = database;
  const isBehind = lag.sinceAt !== undefined;
  const frames = Math.floor(walBytes / (database.pageSize + 24));
  return {
    databaseId: id,
    captured,
    generation,
    replicas: replicas.map(({ targetId, lagBytes }) => ({
      targetId,
      lagBytes,
      lagSeconds: lagBytes === 0 ? 0 : (Date.now() - (lag.sinceAt ?? Date.now())) / 1000,
    })),
    wal: {
      bytes: walBytes,
      frames,
      waitingFrames: isBehind ? frames : 0,
      heldSinceAt: isBehind ? startedAt + 12 * 60_000 : undefined,
    },
    spoolBytes: 1_840_000 + lag.bytes,
    locked: { count: 41, ...database.locked },
    lastProblem: 'problem' in status ? status.problem : undefined,
    counters: {
      transactions,
      frames: 48_210,
      capturedBytes: 198_700_000,
      mendedFrames: 0,
      walRestarts: 38,
      checkpoints: 214,
      seals: 41,
      sealMs: database.locked.totalMs,
      sealMaxMs: database.locked.maxMs,
      composedIndices: 0,
      generations: 1,
      segments: 1_204,
      snapshots: 2,
      shippedBytes: 96_300_000,
      targetErrors: isBehind ? 17 : 0,
      openings: 1,
    },
    loopDelayMaxMs: 3.2,
  };
}

export function problemOf(code: ErrorCode, details: Record<string, string>, sinceAt: number): Problem {
  return { ...new AppError(code, details).toData(), sinceAt };
}

/** Thirty days: letters for none, idle, active (1 to 9 by amount), attention. */
export function daysOf(pattern: string): readonly DayActivity[] {
  return Array.from(pattern, String).map((letter) => {
    if (letter === '.') return { kind: 'none', transactions: 0 };
    if (letter === '0') return { kind: 'idle', transactions: 0 };
    if (letter === '!') return { kind: 'attention', transactions: 40 };
    return { kind: 'active', transactions: Number(letter) * 1_000 };
  });
}

const texts: Readonly<Record<Phase['name'], readonly [string, string, string]>> = {
  plan: ['Plan what is needed', 'Planning what is needed', 'Planned: snapshot of 04:00 and 312 segments'],
  fetch: ['Fetch from Backup disk', 'Fetching 18.6 MB from Backup disk', 'Fetched 18.6 MB from Backup disk'],
  apply: ['Apply changes, newest first', 'Applying changes, newest first', 'Applied 11,694 pages'],
  prove: [
    'Prove: compare with the hash recorded at 14:31:58',
    'Proving: comparing with the hash recorded at 14:31:58',
    'Proven: identical to the hash recorded at 14:31:58',
  ],
  check: ['Check: quick_check of the restored file', 'Checking: quick_check of the restored file', 'quick_check ok'],
  publish: ['Put the file in place', 'Putting the file in place', 'Put in place'],
};

/** A restore that got as far as `at` (or through all). */
export function operationOf(
  at: Phase['name'] | undefined,
  end: Partial<Operation> & { readonly share?: number },
  now: number,
): Operation {
  const names = Object.keys(texts) as Phase['name'][];
  const reached = at === undefined ? names.length : names.indexOf(at);
  const { share = 0.68, ...rest } = end;
  const phases = names.map((name, index): Phase => {
    const [waiting, running, done] = texts[name];
    const totalBytes = name === 'plan' || name === 'publish' ? 0 : 46_000_000;
    if (index < reached)
      return { name, state: 'done', text: done, doneBytes: totalBytes, totalBytes, ms: 90 + index * 700 };
    if (index > reached) return { name, state: 'waiting', text: waiting, doneBytes: 0, totalBytes: 0, ms: undefined };
    return { name, state: 'running', text: running, doneBytes: totalBytes * share, totalBytes, ms: undefined };
  });
  return {
    id: 'op1' as OperationId,
    kind: 'restore',
    title: 'Restore Sales.db as of today 14:31:58',
    databaseId: 'sales' as DatabaseId,
    startedAt: now - 9_000,
    endedAt: undefined,
    state: 'running',
    phases,
    error: undefined,
    result: undefined,
    ...rest,
  };
}

/** Activity as it gathers over a few days. */
export function activityOf(now: number): readonly ActivityEntry[] {
  const rows: readonly (readonly [number, ActivityEntry['kind'], ActivityEntry['level'], string, string])[] = [
    [0.02, 'snapshot', 'info', 'sales', 'A snapshot of 48.2 MB lies at Backup disk and Office share.'],
    [1.1, 'generation-started', 'warning', 'sales', 'A new history of Sales.db began, because the file was replaced.'],
    [
      2.4,
      'problem',
      'problem',
      'ledger',
      'The folder /mnt/office/tidemark is gone. Captured changes wait on this computer.',
    ],
    [6, 'paused', 'info', 'archive', 'Archive.db was paused.'],
    [
      10.2,
      'restored',
      'good',
      'sales',
      'Sales.db as of today 03:58:12 was restored to Sales (restored).db and proven identical.',
    ],
    [22, 'recovered', 'good', 'patients', 'Patients.sqlite ships again; 214 changes that waited are restorable.'],
    [26, 'problem', 'problem', 'patients', 'The disk of /media/backup is full.'],
    [
      49,
      'restore-failed',
      'warning',
      'ledger',
      'The restore of Ledger 2026.db was refused: a segment is missing from its history.',
    ],
    [9 * 24, 'database-added', 'info', 'home', 'home-assistant_v2.db is protected from now on.'],
  ];
  return rows.map(([hoursAgo, kind, level, databaseId, text], index) => ({
    id: 900 - index,
    at: now - hoursAgo * hour - 20_000,
    kind,
    level,
    databaseId: databaseId as DatabaseId,
    text,
  }));
}

/** A working day's rhythm. */
export function officeRate(at: number): number {
  const date = new Date(at);
  const clock = date.getHours() + date.getMinutes() / 60;
  const weekend = date.getDay() % 6 === 0 ? 0.5 : 1;
  if (clock < 8 || clock > 19) return 0.003;
  const morning = Math.exp(-((clock - 11.5) ** 2) / 5);
  const afternoon = 0.7 * Math.exp(-((clock - 16.5) ** 2) / 3);
  return 0.012 + 0.05 * weekend * (0.35 + morning + afternoon);
}

export { day, hour };
