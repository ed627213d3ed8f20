// What is said of a database, of a destination and at the end of a run: decided here and nowhere else, from facts alone. Window,
// tray, command line, last words and sums read it. Never better than what was seen: protected means a restorable point not older
// than what was captured, on a destination that answered when it was last looked at.
import type { CapturedWhen, DatabaseState, DatabaseStatus, ReplicaState } from './databases.ts';
import { AppError, type Problem } from './errors.ts';
import { secondMs } from './format.ts';
import type { TargetState } from './targets.ts';

/** How a database stands, from the user's side; the order is that of urgency. */
export type Health = 'problem' | 'attention' | 'working' | 'paused' | 'good';

/** Longer than this, captured changes that wait to be shipped are no longer "protected". */
export const lagPromiseMs = 60 * secondMs;
/** Longer than this beyond its interval, what waits is told. */
const lateAfterMs = 10 * secondMs;

interface Progress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** What is known of a replica. */
export interface ReplicaFacts extends Pick<ReplicaState, 'isEnabled' | 'problem' | 'syncIntervalMs'> {
  /** Something that can be restored was seen there since it was last failed with. */
  readonly isSeen: boolean;
  /** The newest that was ever known there. */
  readonly shippedAt: number | undefined;
  /** The image on its way there. */
  readonly snapshotting: Progress | undefined;
}

/** What is known of a database. */
export interface DatabaseFacts {
  readonly name: string;
  readonly addedAt: number;
  readonly pausedAt: number | undefined;
  /** Undefined before anybody began to protect it. */
  readonly capture: CaptureFacts | undefined;
  /** What needs a look at the name by which it was added. */
  readonly notice: Problem | undefined;
  readonly replicas: readonly ReplicaFacts[];
  /** Since when something that was captured is missing at some enabled destination. */
  readonly waitingSinceAt: number | undefined;
}

export interface CaptureFacts {
  readonly isOpen: boolean;
  readonly problem: Problem | undefined;
  readonly notice: Problem | undefined;
  /** How far it is read for the first time. */
  readonly hashing: Progress | undefined;
  readonly capturedWhen: CapturedWhen | undefined;
}

/** How a database stands at an instant: the worst that is known of it. */
export function statusOf(facts: DatabaseFacts, now: number): DatabaseStatus {
  const { name, addedAt, pausedAt, capture, replicas, waitingSinceAt } = facts;
  if (pausedAt !== undefined) return { kind: 'paused', sinceAt: pausedAt };
  if (capture === undefined) return { kind: 'starting' };
  if (capture.problem !== undefined) return { kind: 'problem', problem: capture.problem };
  const enabled = replicas.filter(({ isEnabled }) => isEnabled);
  if (enabled.length === 0) {
    const error = new AppError('replica-none-enabled', { database: name });
    return { kind: 'problem', problem: { ...error.toData(), sinceAt: newestAt(replicas) ?? addedAt } };
  }
  const failing = enabled.find(({ problem }) => problem !== undefined)?.problem;
  // A destination that has nothing yet is no help while another one is away.
  const isKeptSomewhere = enabled.some(({ problem, isSeen }) => problem === undefined && isSeen);
  if (failing !== undefined && !isKeptSomewhere) return { kind: 'problem', problem: failing };
  const notice = capture.notice ?? failing ?? facts.notice;
  if (notice !== undefined) return { kind: 'attention', problem: notice };
  if (capture.hashing !== undefined) return { kind: 'snapshotting', ...capture.hashing };
  if (!isKeptSomewhere) {
    const image = enabled.find(({ snapshotting }) => snapshotting !== undefined)?.snapshotting;
    return image === undefined ? { kind: 'starting' } : { kind: 'snapshotting', ...image };
  }
  if (!capture.isOpen) return { kind: 'starting' };
  const lateAt = (waitingSinceAt ?? Infinity) + lateAfterMs + longestIntervalMs(enabled);
  if (now > lateAt) return { kind: 'catching-up' };
  return capture.capturedWhen === undefined
    ? { kind: 'protected' }
    : { kind: 'protected', capturedWhen: capture.capturedWhen };
}

function newestAt(replicas: readonly ReplicaFacts[]): number | undefined {
  const ats = replicas.flatMap(({ shippedAt }) => shippedAt ?? []);
  return ats.length === 0 ? undefined : Math.max(...ats);
}

function longestIntervalMs(replicas: readonly Pick<ReplicaState, 'isEnabled' | 'syncIntervalMs'>[]): number {
  return Math.max(0, ...replicas.filter(({ isEnabled }) => isEnabled).map(({ syncIntervalMs }) => syncIntervalMs));
}

/** How a database stands: its status, corrected by what its figures say. */
export function healthOf(database: DatabaseState, now: number): Health {
  switch (database.status.kind) {
    case 'problem':
      return 'problem';
    case 'attention':
      return 'attention';
    case 'paused':
      return 'paused';
    case 'starting':
    case 'snapshotting':
      return 'working';
    case 'catching-up':
      return isStale(database, now) ? 'attention' : 'working';
    case 'protected':
      if (database.newest === undefined) return 'working';
      return isStale(database, now) ? 'attention' : 'good';
  }
}

/** When captured changes will have waited for longer than promised, beyond the interval that is set; undefined where none wait. */
export function staleAt({ lag, replicas }: DatabaseState): number | undefined {
  return lag.sinceAt === undefined ? undefined : lag.sinceAt + lagPromiseMs + longestIntervalMs(replicas) + 1;
}

/** True where captured changes have waited for longer than promised. */
export function isStale(database: DatabaseState, now: number): boolean {
  return now >= (staleAt(database) ?? Infinity);
}

/** The state in one or two words: `Protected`, `Catching up`, `Paused`. */
export function statusWord(database: DatabaseState, now: number): string {
  const { status } = database;
  switch (status.kind) {
    case 'starting':
      return 'Starting';
    case 'snapshotting':
      return 'First snapshot';
    case 'attention':
      return 'Attention';
    case 'problem':
      return 'Not protected';
    case 'paused':
      return 'Paused';
    case 'catching-up':
      return healthOf(database, now) === 'attention' ? 'Behind' : 'Catching up';
    case 'protected':
      if (database.newest === undefined) return 'Starting';
      return healthOf(database, now) === 'good' ? 'Protected' : 'Behind';
  }
}

/** How a destination stands, and in which words. */
export interface Standing {
  readonly tone: Health;
  readonly word: string;
}

/** How a destination stands: nothing gets through, some database has a problem there, or all is well. */
export function standingOf(target: TargetState, databases: readonly DatabaseState[]): Standing {
  if (target.problem !== undefined) return { tone: 'problem', word: 'Not working' };
  const all = replicasAt(target, databases);
  const enabled = all.filter(({ replica }) => replica.isEnabled);
  if (all.length === 0) return { tone: 'good', word: 'Ready' };
  if (enabled.length === 0) return { tone: 'paused', word: 'Turned off' };
  if (enabled.some(({ replica }) => replica.problem !== undefined)) return { tone: 'attention', word: 'Attention' };
  const active = enabled.filter(({ database }) => database.status.kind !== 'paused');
  if (active.length === 0) return { tone: 'paused', word: 'Paused' };
  const isSeen = active.some(({ replica }) => replica.isSeen);
  if (!isSeen || active.some(({ replica }) => replica.shipped === undefined))
    return { tone: 'working', word: 'Starting' };
  return { tone: 'good', word: 'Working' };
}

/** What needs a look at a destination: its own problem, or the first of a database there. */
export function problemAt(target: TargetState, databases: readonly DatabaseState[]): Problem | undefined {
  const enabled = replicasAt(target, databases).filter(({ replica }) => replica.isEnabled);
  return target.problem ?? enabled.find(({ replica }) => replica.problem !== undefined)?.replica.problem;
}

function replicasAt({ id }: TargetState, databases: readonly DatabaseState[]) {
  return databases.flatMap((database) =>
    database.replicas.filter(({ targetId }) => targetId === id).map((replica) => ({ database, replica })),
  );
}

/** How a run ended for a database. */
export type Ending =
  /** Everything that was captured is at every enabled destination, and each of them was there. */
  | { readonly kind: 'shipped' }
  /** Something was captured that some destination does not have. */
  | { readonly kind: 'waits'; readonly bytes: number }
  /** At some destination nothing is that could be restored. */
  | { readonly kind: 'nothing-there'; readonly problem: Problem | undefined }
  /** All was shipped, to a destination that did not answer any more, or was not asked in this run. */
  | { readonly kind: 'unseen'; readonly problem: Problem | undefined }
  /** It was not being captured. */
  | { readonly kind: 'not-captured'; readonly problem: Problem };

/** How a run ended for a database, from its last state. */
export function endingOf({ status, replicas }: Pick<DatabaseState, 'status' | 'replicas'>): Ending {
  const enabled = replicas.filter(({ isEnabled }) => isEnabled);
  const missing = enabled.find(({ shipped, problem }) => shipped === undefined || problem?.code === 'replica-gone');
  const failing = enabled.find(({ problem }) => problem !== undefined)?.problem;
  const problem = status.kind === 'problem' ? status.problem : undefined;
  if (missing !== undefined || enabled.length === 0)
    return { kind: 'nothing-there', problem: problem ?? missing?.problem ?? failing };
  const bytes = Math.max(...enabled.map(({ lagBytes }) => lagBytes));
  if (bytes > 0) return { kind: 'waits', bytes };
  if (failing !== undefined) return { kind: 'unseen', problem: failing };
  if (problem !== undefined) return { kind: 'not-captured', problem };
  const isSeen = status.kind === 'paused' || enabled.every((replica) => replica.isSeen);
  return isSeen ? { kind: 'shipped' } : { kind: 'unseen', problem: undefined };
}
