// What a session is: everything that exists while a database is open, what it is made from, and what it tells its owner,
// the protection (protection.ts). Types only: opening.ts opens one, assembly.ts puts it together,
// take-notes.ts writes down where it stands.
import type { AppError, AppErrorData, Problem } from '../../../shared/errors.ts';
import type { GenerationBand, Moment } from '../../../shared/history.ts';
import type { TargetId } from '../../../shared/ids.ts';
import type { Generation } from '../../../shared/position.ts';
import type { Left } from '../capture/absence.ts';
import type { Capture } from '../capture/capture.ts';
import type { Unseen } from '../capture/options.ts';
import type { Clock } from '../basics/clock.ts';
import type { CommitLog } from '../spool/commits.ts';
import type { ConfirmedTime } from '../basics/confirmed-time.ts';
import type { MutableCounters, Tally } from '../capture/counters.ts';
import type { Crew } from './crew.ts';
import type { DiskGuard } from '../spool/disk-guard.ts';
import type { Former } from './formers.ts';
import type { Logger } from '../basics/log.ts';
import type { Openings } from './openings.ts';
import type { Composed } from '../spool/notes.ts';
import type { ReplicaTarget } from '../destinations/replica-targets.ts';
import type { Trailer } from '../replica/trailer.ts';
import type { Readers } from '../retain/readers.ts';
import type { SnapshotTurns } from '../ship/snapshot-turns.ts';
import type { Connections } from '../source/connections.ts';
import type { Watcher } from '../source/watch.ts';
import type { Spool } from '../spool/spool.ts';
import type { Catalogue } from '../state/catalogue.ts';
import type { DatabaseRow, ReplicaRow } from '../state/rows.ts';
import type { Store } from '../state/store.ts';
import type { Visits } from '../capture/visits.ts';

export interface ProtectionOptions {
  readonly row: DatabaseRow;
  /** Those that are enabled now; {@link Crew.adopt} tells an open session of others. */
  readonly replicas: () => readonly ReplicaRow[];
  readonly openReplica: (replica: ReplicaRow) => ReplicaTarget;
  /** This database's own folder below the data folder. */
  readonly folder: string;
  readonly catalogue: Catalogue;
  readonly store: Store;
  /** Who reads replicas; nothing is deleted under them. */
  readonly readers: Readers;
  readonly watcher: Watcher;
  /**
   * Claims the file before anything of this process opens it, until disposed; to be called before each opening of
   * connections, again too. Fails with `database-same-file` where another database has it, and `database-is-link`.
   */
  readonly beforeOpening: () => Disposable;
  /** The user agreed that it be switched to WAL mode before anything of it was captured. */
  readonly mayEnableWal: boolean;
  readonly clock: Clock;
  readonly confirmed: ConfirmedTime;
  /** Which start of the computer this is. */
  readonly boot: string;
  /** Which computer this is; undefined where it has no name. */
  readonly computer: string | undefined;
  readonly log: Logger;
  readonly by: Trailer['by'];
  /** A WAL that is longer goes on as the next index. */
  readonly rollBytes?: number | undefined;
  /** Shared by all databases of the process. */
  readonly turns: SnapshotTurns;
  readonly disk: DiskGuard;
  /** Openings of databases take turns. */
  readonly openings: Openings;
  readonly tally: Tally;
  readonly onChange: () => void;
  /** What is captured and restorable moved on: to be told, but not at once. */
  readonly onProgress: () => void;
  readonly onEvent: (event: ProtectionEvent) => void;
  /** Something failed at a target that others there may meet too. */
  readonly onTargetFailed: (targetId: TargetId) => void;
}

/** What is worth a line in the activity. */
export type ProtectionEvent =
  | { readonly kind: 'generation-started'; readonly reason: string; readonly isFirst: boolean }
  | { readonly kind: 'snapshot'; readonly replica: ReplicaRow; readonly bytes: number }
  | { readonly kind: 'gap'; readonly fromAt: number; readonly toAt: number; readonly pages: number }
  /** A target was away for longer than changes were kept for it; it goes on behind them. */
  | { readonly kind: 'hole'; readonly replica: ReplicaRow; readonly fromAt: number; readonly toAt: number }
  /** Something on a target is damaged or gone, and is not kept here any more. */
  | {
      readonly kind: 'damaged';
      readonly replica: ReplicaRow;
      /** What cannot be restored from there any more. */
      readonly losses: readonly { readonly fromAt: number; readonly toAt: number; readonly isElsewhere: boolean }[];
    }
  /** A target may be written, but lets nothing be deleted. */
  | { readonly kind: 'deletes-refused'; readonly replica: ReplicaRow }
  /** What a target had not got of a former generation cannot be shipped any more. */
  | { readonly kind: 'rest-lost'; readonly replica: ReplicaRow }
  /** SQLite finds damage in what the history begins with. */
  | { readonly kind: 'unsound'; readonly findings: readonly string[] }
  | { readonly kind: 'outside'; readonly what: AppErrorData }
  | { readonly kind: 'problem'; readonly problem: Problem; readonly replica: ReplicaRow | undefined }
  | { readonly kind: 'recovered'; readonly replica: ReplicaRow | undefined };

/** Everything that exists while a database is open. */
export interface Session {
  readonly generation: Generation;
  readonly capture: Capture;
  readonly spool: Spool;
  readonly commits: CommitLog;
  readonly crew: Crew;
  /** Generations before this one that some target may not have whole. */
  readonly formers: readonly Former[];
  /** Indices that were composed, and that some target may not have yet. */
  readonly composed: Composed[];
  readonly pageSize: number;
  /** Its history began with this opening. */
  readonly isNew: boolean;
  savedIndex: number;
  /** From which index on the catalogue keeps state hashes within segments; undefined before that was looked after. */
  statesFrom: number | undefined;
  /** Notes are written one after the other. */
  saving: Promise<unknown>;
}

/** What somebody did to a file, as the history says it; and what is told once it turns out that its content changed. */
export interface Outside {
  readonly words: string;
  readonly what?: AppErrorData;
}

/** What an opening starts from: connections, or how the database looks with nobody there. */
export type Start = Connections | Left;

/** What a session tells its owner, and what it keeps there. */
export interface SessionOwner {
  /** The present generation, as the timeline shows it. */
  band: GenerationBand | undefined;
  /** The image that is being hashed. */
  hashing: { readonly doneBytes: number; readonly totalBytes: number } | undefined;
  /** Something was committed that is read when it is shipped. */
  onCommitted(): void;
  /** New transactions are in the spool. */
  onCaptured(): void;
  onShipped(last: Moment): void;
  /** An image lies on a target. */
  onImage(): void;
  /** The session cannot go on. */
  onFailed(error: unknown): void;
  /** The history cannot be continued: the next opening begins a new generation, for this reason. */
  startOver(reason: string): void;
  /** The reason that {@link startOver} was given; kept until an opening heeded it. */
  startOverReason: string | undefined;
  /** What somebody did to the file; undefined when nothing is known. The next opening says it of the gap. */
  outside: Outside | undefined;
  /** Somebody deleted the WAL that is open, or that is over. */
  onWalLost(isLost: boolean): void;
  /** A reader keeps the WAL from being emptied, or does not any more. */
  onHeld(isHeld: boolean): void;
  /** Why nothing can be copied from the WAL into the file; undefined: it can again. */
  onUncopied(error: AppError | undefined): void;
  /** The system tells nothing of changes in the database's folder, or does again. */
  onBlind(isBlind: boolean): void;
  /** Somebody keeps the database for itself, or does not any more. */
  onExclusive(isExclusive: boolean): void;
  /** The database changed unseen. False where the session has to be opened anew for it. */
  onUnseen(unseen: Unseen): boolean;
  /** Who comes and goes. */
  readonly visits: Visits;
  /** Something went wrong with a target. */
  onProblem(problem: Problem): void;
  readonly counters: MutableCounters;
}

/** What all that is done for the sessions of one database has at hand. */
export interface SessionContext {
  readonly options: ProtectionOptions;
  readonly owner: SessionOwner;
}
