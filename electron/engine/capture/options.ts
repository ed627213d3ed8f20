// What capturing a database is given, and what it tells.
import type { AppError } from '../../../shared/errors.ts';
import type { Place } from '../../../shared/position.ts';
import type { CommitLog } from '../spool/commits.ts';
import type { MutableCounters } from './counters.ts';
import type { Connections, Hold } from '../source/connections.ts';
import type { LiveImage } from '../source/live-image.ts';
import type { PageHashes } from '../source/page-hashes.ts';
import type { WalEnd } from '../source/wal-reader.ts';
import type { Watcher } from '../source/watch.ts';
import type { Spool } from '../spool/spool.ts';
import type { Left } from './absence.ts';
import type { Visits } from './visits.ts';

export interface CaptureOptions {
  readonly path: string;
  /** Joins those who have the database open. */
  readonly connect: (hold: Hold) => Promise<Connections>;
  /** The connections that there are already; or how the database looked with nobody there. */
  readonly start: Connections | Left;
  readonly spool: Spool;
  readonly commits: CommitLog;
  readonly watcher: Watcher;
  /** Who comes and goes; kept from session to session. */
  readonly visits: Visits;
  /** Instants that never decrease. */
  readonly now: () => number;
  /** The page hashes at the spool's end; undefined where they have to be built first. */
  readonly hashes: PageHashes | undefined;
  /** Where reading goes on; undefined to start at the beginning of whatever WAL there is. */
  readonly end: WalEnd | undefined;
  /** A WAL that is longer goes on as the next index. */
  readonly rollBytes?: number | undefined;
  /** Commits are seen in batches this far apart at most, where somebody commits all the time, */
  readonly batchMs?: () => number;
  /** and read so much later at most: {@link Capture.catchUpUnread} reads them before. */
  readonly unreadMs?: () => number;
  /** Something was committed that is read later. */
  readonly onCommitted?: () => void;
  /** New transactions are in the spool. */
  readonly onCaptured: () => void;
  /** Everything captured lies in the database's file, as {@link Capture.file} tells it, and nothing of ours is there any more. */
  readonly onLeft?: () => void;
  /** Somebody deleted the WAL that is open; or that is over. */
  readonly onWalLost?: (isLost: boolean) => void;
  /** A reader keeps the WAL from being emptied, or does not any more. */
  readonly onHeld?: (isHeld: boolean) => void;
  /** Why nothing can be copied from the WAL into the file; undefined: it can again. */
  readonly onUncopied?: (error: AppError | undefined) => void;
  /** The system tells nothing of changes in the database's folder, or does again. */
  readonly onBlind?: (isBlind: boolean) => void;
  /** Somebody keeps the database for itself, or does not any more. */
  readonly onExclusive?: (isExclusive: boolean) => void;
  readonly counters?: MutableCounters;
  /**
   * The database changed unseen: its pages have to be compared, by {@link Capture.adoptHashes} in the end. False where that cannot
   * be done beside the capturing; then it fails with {@link ContinuityUnproven}.
   */
  readonly onUnseen?: (unseen: Unseen) => boolean;
  /** Capturing cannot go on; the owner closes and starts again. */
  readonly onFailed: (error: unknown) => void;
}

/** The history can go on only after pages were compared: the next opening does. */
export class ContinuityUnproven extends Error {
  override readonly name = 'ContinuityUnproven';
  /** What happened, where that is known. */
  readonly why: 'visit' | 'exclusive' | 'outside' | 'mode' | undefined;
  constructor(why?: ContinuityUnproven['why']) {
    super('transactions may have been missed');
    this.why = why;
  }
}

/** What changed unseen lies between page hashes and an image; an index is left free for it. */
export interface Unseen extends OpenedImage {
  readonly why: ContinuityUnproven['why'];
  /** The page hashes before. */
  readonly before: PageHashes;
  readonly index: number;
  /** When the last of it was captured before. */
  readonly since: number;
  /** How many transactions it was; undefined where they cannot be counted. */
  readonly transactions: number | undefined;
}

/** An image at a place, that has to be described before it is read (protection/read-image.ts). */
export interface OpenedImage {
  readonly image: LiveImage;
  readonly at: Place;
  readonly time: number;
}
