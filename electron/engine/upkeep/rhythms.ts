// The few measures of time and size by which a live database is looked at, and its WAL kept small: all that upkeep does follows
// from them. Milliseconds, looks, and frames; what depends on the size of a page is a function.

export const rhythms = {
  /** The closest look: an application that waits for our pin sleeps no shorter, at first, in SQLite's busy handler. */
  lookMs: 1,
  /** No look is further away. */
  longestLookMs: 5000,
  /** Under steady writing commits are read in batches this far apart: cheaper than a notice of each, above all for the writer. */
  batchMs: 4,
  /** For so long after a commit of an application that empties the WAL itself the pin follows it at once. */
  followMs: 10,
  /** What did not work out, or has to be done again and again, waits for so long: SQLite's busy handler, too, first sleeps as long. */
  againMs: 20,
  /** Commits closer than this belong together. It is also what SQLite's busy handler sleeps at most. */
  pauseMs: 100,
  /** A second: the longest interval at which a thing is tried again, and at which writers may be held for a seal. */
  slowMs: 1000,
  /** An application that emptied its WAL may do so again: for this long its checkpoints are expected. */
  rememberMs: 60_000,
  /** So many are no chance: commits that came between two batches, or closely after each other. */
  few: 3,
  /**
   * What is under way when something is looked at is over within so many looks, at growing intervals. A pin that is taken while a
   * checkpointer still holds slot 0 lands elsewhere although everything is backfilled, and one cannot ask where; a checkpoint
   * of somebody else that is seen so often without any progress is stuck.
   */
  settleLooks: 4,
  /** So many looks in a row, each of which finds something, are of writers that never pause. */
  restlessLooks: 8,
  /** So many looks in a row make a habit: writers that do pause again; what helped nothing is seldom tried after that. */
  streak: 10,
  /** SQLite checkpoints by itself, at each commit, from so many frames on: https://www.sqlite.org/c3ref/wal_autocheckpoint.html */
  autoCheckpointFrames: 1000,
  /** A WAL of twice as many frames, or of this size, is large; one so many times as large is very large. */
  largeBytes: 8 * 1024 * 1024,
  veryLarge: 6,
  /** The longer somebody waited already, the longer they sleep next: SQLite's sleeps are 1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100 ms. */
  sleepGrowth: 2.5,
} as const;

const { againMs, autoCheckpointFrames, few, followMs, largeBytes, pauseMs, slowMs, streak } = rhythms;

/** So many looks with news, with no pause in between, are steady writing. */
export const steadyNews = 2 * streak;
/** Where transactions cannot be counted: frames of a few. */
export const fewFrames = few * few;
/** Commits that follow each other this closely are of one burst. */
export const burstGapMs = followMs / 2;
/** When commits break off for so long although the pin lies at their end, a checkpoint may be waiting for its slot. */
export const brokenOffMs = 1.2 * followMs;
/** Without news for so long, a checkpoint of others that does not get on is suspicious. */
export const suspiciousMs = few * againMs;
/** The lock on the database file stays for so long after it was needed last: longer than from one checkpoint to the next. */
export const firmMs = 1.5 * againMs;
/** What helps only while nobody commits is tried this often when it did not for long. */
export const seldomMs = streak * againMs;
/** The file system tells of a commit before it counts: SQLite brings the WAL to the disk in between, and that takes this long at most. */
export const countsWithinMs = 2 * slowMs;
/** A seal that could not be made is tried again after so long; one that a reader keeps from helping much later. */
export const sealAgainMs = pauseMs / 2;
export const heldAgainMs = 2 * slowMs;
/** One that failed, since the disk is full or does not answer: somebody has to see to that first. */
export const failedAgainMs = 5000;
/** SQLite's busy handler wakes up within this time: while it has not waited for long, and at the latest. */
export const earlyAsideMs = 1.25 * againMs;
export const asideMs = 1.25 * pauseMs;

/**
 * Frames that wait for a checkpoint before one is made although somebody committed just now: under steady writing with the time it
 * takes before the application finds the WAL large.
 */
export function enoughFrames(isSteady: boolean): number {
  return autoCheckpointFrames * (isSteady ? 0.8 : 0.5);
}

/** From so many frames on a WAL is large: with large pages they are fewer. */
export function largeFrames(pageSize: number): number {
  return Math.min(2 * autoCheckpointFrames, Math.floor(largeBytes / pageSize));
}

/** More frames than this are not left unread. */
export function mostUnread(pageSize: number): number {
  return largeFrames(pageSize) / 5;
}

/** How long to wait after so many failures in a row. */
export function againAfterMs(failures: number): number {
  return Math.min(slowMs, againMs * 2 ** failures);
}
