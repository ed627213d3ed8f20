// What the benchmark measures, and how figures are summed up and printed.

/** What the writing process says about itself. */
export interface WriterReport {
  readonly commits: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Only from a paced writer: when each commit returned, in unix milliseconds. */
  readonly committedAt: readonly number[];
  /** Only from a paced writer: how long each commit took. */
  readonly latenciesMs: readonly number[];
}

/** What one process of a crowd says about itself. */
export interface CrowdReport {
  readonly rows: number;
  /** How often it was told that the database is busy. */
  readonly busy: number;
  readonly slowestMs: number;
}

/** Longer than this nobody waits until `-wal` and `-shm` are gone. */
export const goneLimitMs = 3_000;
/** Longer than this nobody waits until a WAL at rest is empty. */
export const restLimitMs = 5_000;

/** What an application that leaves, or rests, says about what it waited for. */
export interface LeaverReport {
  /** Milliseconds; null for never within the limit. */
  readonly waits: readonly (number | null)[];
}

/** What an application that replaces its databases says. */
export interface ReplacerReport {
  /** What was wrong with each afterwards; null for nothing. */
  readonly faults: readonly (string | null)[];
}

/** What an application that never stays says. */
export interface VisitorReport {
  readonly commits: number;
  /** How often it was told that the database is busy. */
  readonly busy: number;
  readonly seconds: number;
  readonly slowestMs: number;
}

/** The value below which that part of the values lies; NaN for none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}

/** The middle of the values, or between the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** Milliseconds with as many digits as mean something. */
export function formatMs(ms: number): string {
  if (Number.isNaN(ms)) return '-';
  if (ms < 10) return ms.toFixed(2);
  return ms < 100 ? ms.toFixed(1) : String(Math.round(ms));
}

/** `0.97×`. */
export function formatRatio(value: number, reference: number): string {
  return Number.isNaN(value / reference) ? '-' : `${(value / reference).toFixed(2)}×`;
}
