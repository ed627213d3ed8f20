// A database's figures as words and tone for the window. What is said of its state is shared/standing.ts.
import { formatAge, formatBytes, secondMs } from '../../../shared/format.ts';
import type { DatabaseState } from '../../../shared/databases.ts';
import { healthOf } from '../../../shared/standing.ts';
import { capturedWhenWords } from '../../../shared/summary.ts';
import type { Tone } from '../../components/tone.ts';

/** Shipping follows capturing at this distance all the time; below it there is nothing to say. */
export const momentMs = 3 * secondMs;

/** The tone that goes with a database's state. */
export function toneOf(database: DatabaseState, now: number): Tone {
  return healthOf(database, now);
}

/** When it is captured, for one that its application keeps for itself; undefined for all others. */
export function whenText(database: DatabaseState, now: number): string | undefined {
  return healthOf(database, now) === 'good' ? capturedWhenWords(database) : undefined;
}

/** How long captured changes have waited to reach every destination; a moment is none. */
export function lagText({ lag }: DatabaseState, now: number): string {
  if (lag.bytes === 0 || lag.sinceAt === undefined || now - lag.sinceAt < momentMs) return 'none';
  return formatAge(now - lag.sinceAt);
}

/** `12 kB of changes wait to be sent, for 40 s`; undefined where nothing waits for longer than a moment. */
export function waitingText({ lag }: DatabaseState, now: number): string | undefined {
  if (lag.bytes === 0 || lag.sinceAt === undefined || now - lag.sinceAt < momentMs) return undefined;
  return `${formatBytes(lag.bytes)} of changes wait to be sent, for ${formatAge(now - lag.sinceAt)}`;
}

/** How far a first snapshot got, between 0 and 1; undefined where none runs. */
export function snapshotShare(database: DatabaseState): number | undefined {
  const { status } = database;
  if (status.kind !== 'snapshotting' || status.totalBytes === 0) return undefined;
  return Math.min(1, status.doneBytes / status.totalBytes);
}

/** `12.4 of 48.2 MB`, while a snapshot runs. */
export function snapshotText(database: DatabaseState): string {
  const { status } = database;
  return status.kind === 'snapshotting' ? `${formatBytes(status.doneBytes)} of ${formatBytes(status.totalBytes)}` : '';
}
