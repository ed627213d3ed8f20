// Retention on request: what it would leave of a replica, and carrying it out at an address for a command line. What happens
// by itself while a database is open is retain/retainer.ts.
import type { Parsed, Result } from '../../../shared/contract.ts';
import { AppError } from '../../../shared/errors.ts';
import { defaultRetention, type RetentionPreview } from '../../../shared/retention.ts';
import type { Clock } from '../basics/clock.ts';
import type { ConfirmedTime } from '../basics/confirmed-time.ts';
import type { KnownTargets } from '../destinations/known-targets.ts';
import { knownOf, lookAtReplica, reachedBy } from '../retain/look.ts';
import { planRetention } from '../retain/plan.ts';
import { describePlan, previewRetention } from '../retain/preview.ts';
import { prune } from '../retain/prune.ts';
import { findLtx } from '../replica/ltx.ts';
import { parseNamed, readRecord } from '../replica/record.ts';
import type { Readers } from '../retain/readers.ts';
import { pinnedAs, pinnedOf, timeOf } from '../retain/retainer.ts';
import type { Catalogue } from '../state/catalogue.ts';
import type { Store } from '../state/store.ts';
import { openTarget } from '../targets/open-target.ts';

interface Cancel {
  readonly signal: AbortSignal;
}

/** What retention, with other settings or later, would leave of a replica that is kept here. Fails with `replica-not-found`. */
export async function previewOf(
  { databaseId, targetId, retention, at }: Parsed<'previewRetention'>,
  {
    store,
    catalogue,
    targets,
    clock,
    confirmed,
    signal,
  }: Cancel & {
    store: Store;
    catalogue: Catalogue;
    targets: KnownTargets;
    clock: Clock;
    confirmed: ConfirmedTime;
  },
): Promise<RetentionPreview> {
  const replica = store.replicas(databaseId).find((row) => row.targetId === targetId);
  if (replica === undefined) throw new AppError('replica-not-found', { database: databaseId, name: targetId });
  return await previewRetention({
    target: targets.openForReading(replica),
    snapshots: knownOf(catalogue, { databaseId, targetId }).snapshots,
    retention: retention ?? replica.retention,
    pinned: pinnedOf(store, databaseId),
    current: catalogue.generations(databaseId).at(-1)?.generation,
    now: at ?? timeOf({ clock, confirmed: confirmed.look(), reached: undefined }),
    atMs: at ?? clock.now(),
    signal,
  });
}

/**
 * Carries retention out at an address, heeding the names in its record; needs no local state. Throws what the target throws,
 * also where it refuses, and `object-damaged` where the record cannot be understood.
 */
export async function retainAt(
  { url, retention = defaultRetention, at, isDryRun }: Parsed<'retainReplica'>,
  { readers, clock, signal }: Cancel & { readers: Readers; clock: Clock },
): Promise<Result<'retainReplica'>> {
  const target = openTarget(url);
  const looked = await lookAtReplica(target, { snapshots: [], signal });
  if (looked.history.generations.length === 0) {
    const isLtx = (await findLtx(target, { signal })) !== undefined;
    throw new AppError(isLtx ? 'history-ltx' : 'no-history', { url: target.url });
  }
  // Read last: what was named until now stays. One that cannot be understood may name points, so nothing is deleted then.
  const record = await readRecord(target, { signal });
  const pinned = pinnedAs(record === undefined ? [] : parseNamed(record));
  // Nobody watched the clock here: what lies there tells what the time is at least.
  const now = at ?? timeOf({ clock, confirmed: undefined, reached: reachedBy(looked) });
  const plan = planRetention({ ...looked, retention, pinned, current: undefined, now });
  const preview = describePlan(plan, now ?? clock.now());
  if (isDryRun) return { preview, deletedObjects: 0 };
  const pruned = await prune({ target, url: target.url, plan, readers, signal });
  if (pruned.kind === 'refused') throw pruned.error;
  return { preview, deletedObjects: pruned.objects };
}
