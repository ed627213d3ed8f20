// A protection as the plain state that windows show: what is restorable, what waits, and what that means. The truth about
// safety is decided here and nowhere else: protected means a restorable point not older than what was captured.
import { AppError, type Problem } from '../../shared/errors.ts';
import type { Tally } from './counters.ts';
import type {
  DatabaseDetails,
  DatabaseState,
  DatabaseStatus,
  DayActivity,
  ReplicaState,
} from '../../shared/databases.ts';
import { comparePositions, type Place } from '../../shared/position.ts';
import { knownApplication } from '../../shared/known-applications.ts';
import { oldestRestorableAt } from './history/timeline.ts';
import { newestShipped, type Protection } from './protection.ts';
import type { Catalogue } from './state/catalogue.ts';
import type { DatabaseRow, ReplicaRow } from './state/store.ts';
import path from 'node:path';
import { lookAt } from './files.ts';

export const dayMs = 86_400_000;
const stripDays = 30;
/** Lag that is older than this many sync intervals is told. */
const lateAfterMs = 10_000;

export interface Described {
  readonly row: DatabaseRow;
  readonly replicas: readonly ReplicaRow[];
  readonly namedPoints: DatabaseState['namedPoints'];
  readonly protection: Protection | undefined;
  /** What needs a look though it is protected: the link by which it was named leads elsewhere. */
  readonly notice: Problem | undefined;
  readonly catalogue: Catalogue;
  readonly now: number;
  readonly days: readonly DayActivity[];
}

/** One database, as everybody sees it. */
export function describeDatabase(described: Described): DatabaseState {
  const { row, protection, catalogue } = described;
  const session = protection?.session;
  const { sealMaxMs = 0, sealMs = 0 } = protection?.counters ?? {};
  const stat = lookAt(row.path);
  const wal = lookAt(`${row.path}-wal`);
  const shipped = newestShipped(session);
  const stored = catalogue.shipped(row.id);
  const replicas = describeReplicas(described, stored);
  const last = stored
    .map((place) => ({
      position: { generation: place.generation, index: place.last.index, offset: place.last.offset },
      at: place.last.at,
    }))
    .sort((a, b) => b.at - a.at)[0];
  const newest = shipped ?? last;
  const waiting = session?.commits.firstBehind(leastShipped(session) ?? { index: -1, offset: 0 });
  const captured = session?.commits.last;
  return {
    id: row.id,
    path: row.path,
    name: path.basename(row.path),
    addedAt: row.addedAt,
    status: statusOf(described, replicas, waiting?.at),
    // What the last transaction made it: the file itself follows only with checkpoints.
    sizeBytes: (session?.capture.pages ?? 0) * (session?.pageSize ?? 0) || (stat?.size ?? 0),
    walBytes: wal?.size ?? 0,
    pageSize: session?.pageSize ?? 0,
    captured:
      session === undefined
        ? undefined
        : {
            position: { generation: session.generation, ...session.capture.end },
            at: captured?.at ?? newest?.at ?? row.addedAt,
          },
    newest,
    oldestAt: oldestRestorableAt(catalogue, row.id),
    lag: { bytes: Math.max(0, ...replicas.map(({ lagBytes }) => lagBytes)), sinceAt: waiting?.at },
    generation: protection?.band,
    replicas,
    namedPoints: described.namedPoints,
    provenAt: row.provenAt,
    locked: { maxMs: sealMaxMs, totalMs: sealMs },
    days: described.days,
  };
}

/** What one database costs and how it stands. */
export function describeDetails(
  row: DatabaseRow,
  {
    protection,
    tally: { counters, lastProblem },
    loopDelayMaxMs,
  }: Pick<Described, 'protection'> & { readonly tally: Readonly<Tally>; readonly loopDelayMaxMs: number },
): DatabaseDetails {
  const session = protection?.session;
  const { frames = 0, backfilled = 0 } = session?.capture.wal ?? {};
  const last = session?.commits.last;
  return {
    databaseId: row.id,
    captured: session && {
      position: { generation: session.generation, ...session.capture.end },
      at: last?.at ?? protection.band?.toAt ?? row.addedAt,
    },
    generation: protection?.band,
    replicas: (session?.crew.shippers ?? []).map(({ targetId, lagBytes, lagSeconds }) => ({
      targetId,
      lagBytes,
      lagSeconds,
    })),
    wal: {
      bytes: lookAt(`${row.path}-wal`)?.size ?? 0,
      frames,
      waitingFrames: frames - backfilled,
      heldSinceAt: protection?.heldSinceAt,
    },
    spoolBytes: session?.spool.totalBytes ?? 0,
    locked: { count: counters.seals, maxMs: counters.sealMaxMs, totalMs: counters.sealMs },
    lastProblem,
    counters,
    loopDelayMaxMs,
  };
}

function describeReplicas(
  { replicas, protection }: Described,
  stored: ReturnType<Catalogue['shipped']>,
): readonly ReplicaState[] {
  return replicas.map((replica) => {
    const { targetId, url } = replica;
    const shipper = protection?.session?.crew.shippers.find((candidate) => candidate.targetId === targetId);
    const here = stored.filter((place) => place.targetId === targetId);
    const last = here.toSorted((a, b) => b.last.at - a.last.at)[0];
    const known = last && {
      position: { generation: last.generation, index: last.last.index, offset: last.last.offset },
      at: last.last.at,
    };
    return {
      targetId,
      url,
      shipped: shipper?.shipped ?? known,
      lagBytes: shipper?.lagBytes ?? 0,
      problem: shipper?.problem,
      isEnabled: replica.isEnabled,
      syncIntervalMs: replica.syncIntervalMs,
      snapshotIntervalMs: replica.snapshotIntervalMs,
      retention: replica.retention,
      retainedAt: replica.retainedAt,
      oldestAt: here.length === 0 ? undefined : Math.min(...here.map(({ first }) => first.at)),
    };
  });
}

function statusOf(
  { row, protection, notice, now }: Described,
  replicas: readonly ReplicaState[],
  waitingSince: number | undefined,
): DatabaseStatus {
  if (row.pausedAt !== undefined) return { kind: 'paused', sinceAt: row.pausedAt };
  if (protection === undefined) return { kind: 'starting' };
  if (protection.problem !== undefined) return { kind: 'problem', problem: protection.problem };
  const { session } = protection;
  if (protection.notice !== undefined) return { kind: 'attention', problem: protection.notice };
  const enabled = replicas.filter(({ isEnabled }) => isEnabled);
  if (enabled.length === 0) {
    const error = new AppError('replica-none-enabled', { database: path.basename(row.path) });
    return { kind: 'problem', problem: { ...error.toData(), sinceAt: newestAt(replicas) ?? row.addedAt } };
  }
  const failing = enabled.find(({ problem }) => problem !== undefined)?.problem;
  if (failing !== undefined) {
    // A target that has nothing yet is no help while another one is away.
    const isAnyCurrent = enabled.some(({ problem, shipped }) => problem === undefined && shipped !== undefined);
    return { kind: isAnyCurrent ? 'attention' : 'problem', problem: failing };
  }
  if (notice !== undefined) return { kind: 'attention', problem: notice };
  if (protection.hashing !== undefined) return { kind: 'snapshotting', ...protection.hashing };
  const image = session?.crew.shippers.find(({ snapshotting }) => snapshotting !== undefined)?.snapshotting;
  const isRestorable = session?.crew.shippers.some(({ shipped }) => shipped !== undefined) === true;
  if (image !== undefined && !isRestorable) return { kind: 'snapshotting', ...image };
  if (session === undefined || !isRestorable) return { kind: 'starting' };
  if (waitingSince !== undefined && now - waitingSince > lateAfterMs) return { kind: 'catching-up' };
  return protectedStatus(row, protection);
}

/** Every captured transaction is restorable; one that its application keeps for itself is captured when that one closes it. */
export function protectedStatus(
  { path: file }: Pick<DatabaseRow, 'path'>,
  { isHeldExclusively }: Pick<Protection, 'isHeldExclusively'>,
): DatabaseStatus {
  if (!isHeldExclusively) return { kind: 'protected' };
  return { kind: 'protected', capturedWhen: { kind: 'closed', application: knownApplication(file)?.name } };
}

function newestAt(replicas: readonly ReplicaState[]): number | undefined {
  const ats = replicas.flatMap(({ shipped }) => shipped?.at ?? []);
  return ats.length === 0 ? undefined : Math.max(...ats);
}

function leastShipped(session: NonNullable<Protection['session']>): Place | undefined {
  const places = session.crew.shippers.map(({ position }) => position);
  if (places.includes(undefined)) return undefined;
  return places.filter((place) => place !== undefined).sort(comparePositions)[0];
}

/** Transactions per day, the last entry today. */
export function describeDays(
  row: DatabaseRow,
  { catalogue, now, days = stripDays }: Pick<Described, 'catalogue' | 'now'> & { readonly days?: number },
): readonly DayActivity[] {
  const today = Math.floor(now / dayMs) * dayMs;
  const fromAt = today - (days - 1) * dayMs;
  const counts = catalogue.countTransactions(row.id, { fromAt, binMs: dayMs, bins: days });
  return counts.map((transactions, i) => {
    const isBefore = fromAt + (i + 1) * dayMs <= row.addedAt;
    return { kind: isBefore ? 'none' : transactions > 0 ? 'active' : 'idle', transactions };
  });
}
