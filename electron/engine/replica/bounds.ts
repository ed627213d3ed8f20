// What can be true of the numbers in a replica. A target may be somebody else's, or damaged on purpose: whatever comes from it is held
// against this before memory or disk is spent on it. Pure.
import { z } from 'zod';
import { type Generation, isGeneration } from '../../../shared/position.ts';

/** The last millisecond of the year 9999: later ones, and some of those that a `Date` cannot hold, were never the time. */
const lastInstant = 253_402_300_799_999;

/** A trailer tells a thousand commits with their hashes at the most, some 60 bytes each. */
export const maxTrailerBytes = 1 << 20;

/** A record tells two hundred names. */
export const maxRecordBytes = 1 << 20;

/** SQLite's own bound: https://www.sqlite.org/limits.html#max_page_count. */
const maxPages = 0xffff_fffe;

/** What a WAL of the layout reaches: https://www.sqlite.org/fileformat2.html and eight hex digits. */
export const maxOffset = 0xffff_ffff;

/** LZ4 makes one byte of 255 at the most, and an object has some bytes around that. */
export function mostContentOf(storedBytes: number): number {
  return storedBytes * 255 + 4096;
}

export const smallestPageSize = 512;

/** SQLite knows powers of two from 512 to 65,536. */
export function isPageSize(bytes: number): boolean {
  return Number.isInteger(bytes) && bytes >= smallestPageSize && bytes <= 65_536 && (bytes & (bytes - 1)) === 0;
}

export const pageSizeSchema = z.int().refine(isPageSize, 'no page size of SQLite');
export const generationSchema = z.custom<Generation>((value) => typeof value === 'string' && isGeneration(value));
export const sequenceSchema = z
  .int()
  .min(1)
  .max(2 ** 48);
export const instantSchema = z.int().min(0).max(lastInstant);
export const indexSchema = z.int().min(0).max(maxOffset);
export const offsetSchema = z.int().min(0).max(maxOffset);
export const pagesSchema = z.int().min(0).max(maxPages);

/** An instant that a target tells of an object, as one that can be shown and compared. */
export function plausibleInstant(at: number): number {
  return Number.isFinite(at) ? Math.min(lastInstant, Math.max(0, Math.round(at))) : 0;
}
