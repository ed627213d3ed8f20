// A protection as the plain state that windows show: what is restorable and what waits. What that means is said by
// shared/standing.ts, from the facts that are gathered here.
import type { Problem } from '../../../shared/errors.ts';
import type { Tally } from '../capture/counters.ts';
import type {
  CapturedWhen,
  DatabaseDetails,
  DatabaseState,
  DayActivity,
  ReplicaState,
} from '../../../shared/databases.ts';
import type { TargetId } from '../../../shared/ids.ts';
import type { Moment } from '../../../shared/history.ts';
import { comparePositions, type Place } from '../../../shared/position.ts';
import { type DatabaseFacts, statusOf } from '../../../shared/standing.ts';
import { knownApplication } from '../../../shared/known-applications.ts';
import { oldestRestorableAt } from '../history/timeline.ts';
import type { Protection } from '../protection/protection.ts';
import { newestShipped } from '../protection/stands.ts';
import type { Catalogue } from '../state/catalogue.ts';
import type { DatabaseRow, ReplicaRow } from '../state/rows.ts';
import path from 'node:path';
import { lookAt } from '../basics/files.ts';

export const dayMs = 86_400_000;
const stripDays = 30;

export interface Described {
  readonly row: DatabaseRow;
  readonly replicas: readonly ReplicaRow[];
  readonly namedPoints: DatabaseState['namedPoints'];
  readonly protection: Protection | undefined;
  /** What needs a look though it is protected: the link by which it was named leads elsewhere. */
  readonly notice: Problem | undefined;
  /** What nothing of it gets through to a target for. */
  readonly problemAt?: (targetId: TargetId) => Problem | undefined;
  readonly catalogue: Catalogue;
  readonly now: number;
  readonly days: readonly DayActivity[];
}

/** The newest moment that lies on a target: of the generation that was begun last, whatever clocks said. */
function newestStored(
  catalogue: Described['catalogue'],
  row: Described['row'],
  stored: ReturnType<Described['catalogue']['shipped']>,
): Moment | undefined {
  const begun = new Map(catalogue.generations(row.id).map(({ generation }, i) => [generation, i]));
  const orderOf = ({ generation }: (typeof stored)[number]): number => begun.get(generation) ?? -1;
  const [newest] = stored.toSorted((a, b) => orderOf(b) - orderOf(a) || b.last.at - a.last.at);
  if (newest === undefined) return undefined;
  const { index, offset, at } = newest.last;
  return { position: { generation: newest.generation, index, offset }, at };
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
  const last = newestStored(catalogue, row, stored);
  const newest = shipped ?? last;
  const waiting = session?.commits.firstBehind(leastShipped(session) ?? { index: -1, offset: 0 });
  const captured = session?.commits.last;
  // Before the first image is anywhere, all of the database waits.
  const unsentSince = newest === undefined && session !== undefined ? protection?.band?.fromAt : undefined;
  return {
    id: row.id,
    path: row.path,
    name: path.basename(row.path),
    isDemo: row.isDemo,
    addedAt: row.addedAt,
    status: statusOf(factsOf(described, replicas, waiting?.at), described.now),
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
    lag: { bytes: Math.max(0, ...replicas.map(({ lagBytes }) => lagBytes)), sinceAt: waiting?.at ?? unsentSince },
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
  { replicas, protection, problemAt }: Described,
  stored: ReturnType<Catalogue['shipped']>,
): readonly ReplicaState[] {
  return replicas.map((replica) => {
    const { targetId, url } = replica;
    const shipper = protection?.standingAt(targetId);
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
      isSeen: shipper?.shipped !== undefined,
      lagBytes: shipper?.lagBytes ?? 0,
      problem: shipper?.problem ?? problemAt?.(targetId),
      isEnabled: replica.isEnabled,
      syncIntervalMs: replica.syncIntervalMs,
      snapshotIntervalMs: replica.snapshotIntervalMs,
      retention: replica.retention,
      retainedAt: replica.retainedAt,
      oldestAt: here.length === 0 ? undefined : Math.min(...here.map(({ first }) => first.at)),
    };
  });
}

function factsOf(
  { row, protection, notice }: Described,
  replicas: readonly ReplicaState[],
  waitingSinceAt: number | undefined,
): DatabaseFacts {
  const session = protection?.session;
  return {
    name: path.basename(row.path),
    addedAt: row.addedAt,
    pausedAt: row.pausedAt,
    capture: protection && {
      isOpen: session !== undefined,
      problem: protection.problem,
      notice: protection.notice,
      hashing: protection.hashing,
      capturedWhen: capturedWhen(row, protection),
    },
    notice,
    replicas: replicas.map(({ targetId, isEnabled, problem, shipped, syncIntervalMs }) => {
      const shipper = session?.crew.shippers.find((one) => one.targetId === targetId);
      const isSeen = shipper?.shipped !== undefined;
      return {
        isEnabled,
        problem,
        syncIntervalMs,
        isSeen,
        shippedAt: shipped?.at,
        snapshotting: shipper?.snapshotting,
      };
    }),
    waitingSinceAt,
  };
}

/** A database that its application keeps for itself is captured when that one closes it. */
export function capturedWhen(
  { path: file }: Pick<DatabaseRow, 'path'>,
  { isHeldExclusively }: Pick<Protection, 'isHeldExclusively'>,
): CapturedWhen | undefined {
  return isHeldExclusively ? { kind: 'closed', application: knownApplication(file)?.name } : undefined;
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
