// A database's details in an administrator's words: which figures there are, what each is called, and its unit.
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatInstantLocal,
  hourMs,
  minuteMs,
  plural,
  secondMs,
} from '../../../shared/format.ts';
import type { Counters, DatabaseDetails, ReplicaLag } from '../../../shared/databases.ts';
import type { TargetState } from '../../../shared/targets.ts';

export interface Figure {
  /** What it is about, where several may have the same name. */
  readonly id?: string;
  readonly name: string;
  readonly value: string;
}

export interface FigureGroup {
  readonly heading: string;
  readonly figures: readonly Figure[];
}

export interface DetailsAbout {
  readonly pageSize: number;
  readonly targets: readonly Pick<TargetState, 'id' | 'name'>[];
  readonly now: number;
}

/** The figures, in the groups in which they are shown. */
export function detailFigures(details: DatabaseDetails, about: DetailsAbout): readonly FigureGroup[] {
  return [
    { heading: 'Now', figures: presentFigures(details, about) },
    { heading: 'Effect on the application', figures: effectFigures(details, about) },
    { heading: 'Captured since Tidemark started', figures: capturedFigures(details) },
    { heading: 'Sent since Tidemark started', figures: sentFigures(details) },
  ];
}

function presentFigures(
  { captured, replicas, spoolBytes, loopDelayMaxMs }: DatabaseDetails,
  { targets, now }: DetailsAbout,
): readonly Figure[] {
  // Only of a database that is open is known what waits.
  if (captured === undefined) return [{ name: 'Captured', value: 'not at the moment' }];
  return [
    { name: 'Captured up to', value: formatInstantLocal(captured.at, now) },
    ...replicas.map((replica) => ({
      id: replica.targetId,
      name: targets.find(({ id }) => id === replica.targetId)?.name ?? 'Destination',
      value: lagText(replica),
    })),
    { name: 'Kept on this computer for destinations', value: amountText(spoolBytes) },
    { name: 'Longest pause of Tidemark’s engine lately', value: formatDuration(loopDelayMaxMs) },
  ];
}

function effectFigures({ locked, wal }: DatabaseDetails, { pageSize, now }: DetailsAbout): readonly Figure[] {
  return [
    { name: 'Longest time writers were held', value: locked.count === 0 ? 'never held' : formatDuration(locked.maxMs) },
    ...(locked.count === 0
      ? []
      : [{ name: 'All such times', value: `${formatDuration(locked.totalMs)}, ${timesText(locked.count)}` }]),
    { name: 'Size of the file of changes (WAL)', value: amountText(wal.bytes) },
    { name: 'Waiting to be copied into the database', value: amountText(wal.waitingFrames * pageSize) },
    {
      name: 'Kept from shrinking by a program that reads',
      value: wal.heldSinceAt === undefined ? 'no' : `for ${heldText(now - wal.heldSinceAt)}`,
    },
  ];
}

function capturedFigures({ counters }: DatabaseDetails): readonly Figure[] {
  return [
    { name: 'Transactions', value: countText(counters.transactions) },
    { name: 'Changes', value: changesText(counters) },
    ...(counters.mendedFrames > 0
      ? [{ name: 'Changes without a checksum', value: countText(counters.mendedFrames) }]
      : []),
    { name: 'Changes copied into the database', value: timesText(counters.checkpoints) },
    { name: 'File of changes begun anew', value: timesText(counters.walRestarts) },
    { name: 'Database opened', value: timesText(counters.openings) },
    { name: 'Caught up by comparing pages', value: timesText(counters.composedIndices) },
    { name: 'New histories', value: countText(counters.generations) },
  ];
}

function sentFigures({ counters }: DatabaseDetails): readonly Figure[] {
  return [
    { name: 'Data', value: amountText(counters.shippedBytes) },
    { name: 'Segments of changes', value: countText(counters.segments) },
    { name: 'Full images', value: countText(counters.snapshots) },
    { name: 'Errors of destinations', value: countText(counters.targetErrors) },
  ];
}

function lagText({ lagBytes, lagSeconds }: ReplicaLag): string {
  if (lagBytes === 0) return 'up to date';
  return lagSeconds < 1
    ? `${formatBytes(lagBytes)} behind`
    : `${formatBytes(lagBytes)}, ${formatDuration(lagSeconds * secondMs)} behind`;
}

function amountText(bytes: number): string {
  return bytes === 0 ? 'nothing' : formatBytes(bytes);
}

function changesText({ capturedBytes, frames }: Counters): string {
  return frames === 0 ? 'none' : `${formatBytes(capturedBytes)} in ${plural(frames, 'page')}`;
}

function countText(count: number): string {
  return count === 0 ? 'none' : formatCount(count);
}

function timesText(count: number): string {
  if (count === 0) return 'never';
  return count === 1 ? 'once' : `${formatCount(count)} times`;
}

/** Seconds beside hours would tick without telling anything. */
function heldText(ms: number): string {
  const unit = ms < hourMs ? secondMs : minuteMs;
  return formatDuration(Math.max(0, Math.floor(ms / unit) * unit));
}
