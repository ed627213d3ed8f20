// When the next image of a database is due: pure. An image bounds what a restore has to fetch and replay behind it; making one
// costs reading and putting the whole database.

export interface SinceImage {
  /** How long ago the newest image was taken, in milliseconds. */
  readonly agoMs: number;
  /** Bytes of WAL that were shipped since. */
  readonly walBytes: number;
  /** Size of the database now. */
  readonly databaseBytes: number;
  /** How long the last image took; undefined before one was made. */
  readonly tookMs: number | undefined;
  /** The interval that the user chose; 0: none. */
  readonly intervalMs: number;
}

/** Less than this is replayed in a moment, however small the database is. */
const leastWalBytes = 16 * 1024 * 1024;
/** Sooner than the interval images come no closer than this, */
const leastPauseMs = 2 * 60_000;
/** and take no more than this part of the time. */
const longestPart = 0.05;
/** Bytes a second of an image that was never made; a fast disk is ten times as fast, a home connection a tenth. */
const expectedRate = 20 * 1024 * 1024;

/**
 * True when the interval is over; sooner, when more WAL was shipped since the last image than the database is large: an image
 * then costs less than what was shipped meanwhile, and a restore fetches at most about twice the database.
 */
export function isImageDue({ agoMs, walBytes, databaseBytes, tookMs, intervalMs }: SinceImage): boolean {
  if (intervalMs > 0 && agoMs >= intervalMs) return true;
  const costMs = tookMs ?? (databaseBytes / expectedRate) * 1000;
  const pauseMs = Math.max(leastPauseMs, costMs / longestPart);
  return walBytes > Math.max(leastWalBytes, databaseBytes) && agoMs >= pauseMs;
}
