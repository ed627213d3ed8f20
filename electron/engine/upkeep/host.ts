// What upkeep knows of its surroundings, and what it needs done by the capture that it serves. Types only.
import type { AppError } from '../../../shared/errors.ts';
import type { Connections, Hold } from '../source/connections.ts';
import type { Rhythm } from './rhythm.ts';

/** What is asked anew each time. */
export interface Surroundings {
  readonly connections: Pick<Connections, 'counts' | 'walIndex' | 'walLook' | 'isWalEmpty' | 'isShared'> & {
    readonly hold: Hold;
    readonly pins: Pick<Connections['pins'], 'frames' | 'isKeeping'>;
  };
  /** Bytes of a page. */
  readonly pageSize: () => number;
  /** Nothing keeps it from being let go. */
  readonly mayLeave: () => boolean;
  /** For how long the pins stay although nobody commits, since somebody is expected to come. */
  readonly stayMs: () => number;
  /** Commits may be seen so far apart, where somebody commits all the time, */
  readonly batchMs: () => number;
  /** and be read so much later. */
  readonly unreadMs: () => number;
  /** How often is committed. */
  readonly rhythm: Rhythm;
}

/** What upkeep needs of the capture it serves. */
export interface UpkeepHost extends Surroundings {
  readonly connections: Connections;
  /** Reads what is committed, leaving the pin where it is. */
  readonly catchUp: () => Promise<unknown>;
  /** Committed frames that were not read yet. */
  readonly unread: () => number;
  /** Moves the pin to the end of the WAL, reading what is on the way. True when there was something. */
  readonly advance: () => Promise<boolean>;
  /** Lets go of the pin for a moment; throws where it cannot be proved that nothing slipped by. */
  readonly stepAside: (ms: number) => Promise<void>;
  /** Runs while nothing else reads or moves. */
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  /** Look again soon. */
  readonly wake: () => void;
  readonly onFailed: (error: unknown) => void;
  /** Throws where somebody else wrote to the database file, so that nothing may be copied into it. Called exclusively. */
  readonly proveContent: () => Promise<void>;
  readonly afterCheckpoint: () => void;
  /** From now on may be checkpointed. False where that cannot be had at the moment. Called exclusively, as what follows. */
  readonly firm: () => Promise<boolean>;
  /** Lets go of the lock on the database file. */
  readonly ease: () => Promise<void>;
  /** Lets go of the database; false where somebody reads or writes at this moment. */
  readonly leave: () => Promise<boolean>;
  /** After a checkpoint: whether a reader kept it from copying what our pin allows. */
  readonly onHeld: (isHeld: boolean) => void;
  /** Why a checkpoint could not copy anything although nobody was in the way; undefined: one could again. */
  readonly onUncopied: (error: AppError | undefined) => void;
  /** It is looked often enough: notices of the file system are not needed; or are again. */
  readonly onSteady: (isSteady: boolean) => void;
}
