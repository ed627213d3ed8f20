// What an opening starts from: the company of those who have the database open, or the database as it lies there with nobody at
// it. Nothing of ours is left beside a database that nobody has open, and nobody who keeps one for itself is disturbed.
import fs from 'node:fs';
import { AppError } from '../../../shared/errors.ts';
import { isSettled, type Left, see } from '../capture/absence.ts';
import type { Start } from './session.ts';
import { Connections } from '../source/connections.ts';
import { isLockedByOthers, noteTrail } from '../source/identity.ts';
import { mayExpectVisits, mayLeaveSidecars, type Visits } from '../capture/visits.ts';

/** SQLite makes the WAL before the wal-index: whoever is just opening the database is waited for. */
const looks = 5;
const lookAgainMs = 20;

/**
 * Joins those who have a database open; else says how it looks. Sidecars that nobody has open were left by a crash: they are
 * joined too, so that SQLite recovers and removes them. Fails with what opening fails with; with `database-busy` where somebody
 * keeps it for itself and the system does not tell.
 */
export async function meetDatabase(path: string, visits: Visits): Promise<Start> {
  if (mayExpectVisits({ path, visits })) return await Connections.open(path, 'firm');
  for (let i = 0; ; i++) {
    const seen = see(path);
    const isAlone = !seen.hasIndex && (seen.walBytes ?? 0) === 0;
    if (isAlone)
      return visits.isUnsteady(performance.now()) && mayLeaveSidecars(path) ? await comeFirst(path) : leftAs(path);
    if (seen.walBytes !== undefined && seen.hasIndex) {
      return await Connections.open(
        path,
        isInUse(path) === false || visits.isUnsteady(performance.now()) ? 'firm' : 'light',
      );
    }
    // A WAL without a wal-index: made in this moment, left by a crash or a copy, or of one who keeps the database for itself.
    if (i >= looks) return isHeld(path) ? { ...leftAs(path), isHeld: true } : await Connections.open(path, 'firm');
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
  }
}

/** Before a visitor does, whose visit would spoil an image as the one before did. */
async function comeFirst(path: string): Promise<Start> {
  try {
    return await Connections.open(path, 'firm');
  } catch (error) {
    if (error instanceof AppError && error.code === 'database-busy') return leftAs(path);
    throw error;
  }
}

/** How a database looks with nobody at it. */
export function leftAs(path: string): Left {
  const { identity, size, modifiedAt } = see(path);
  const look = { size, modifiedAt };
  return { ...look, identity, trail: noteTrail(path), index: undefined, isSettled: isSettled(look, Date.now()) };
}

/** Reads from a database through the descriptor that is open already, or one of its own where none is. */
export function withFile<T>(path: string, start: Start, read: (fd: number) => T): T {
  if ('pins' in start) return read(start.fd);
  const fd = fs.openSync(path, 'r');
  try {
    return read(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Somebody has the database open, and a wal-index that nobody else finds: it keeps the database for itself, or that file was
 * deleted. A second one beside it would damage the database.
 */
function isHeld(path: string): boolean {
  return isLockedByOthers(fs.statSync(path).ino) === true;
}

/** Undefined where the system does not tell. */
function isInUse(path: string): boolean | undefined {
  const index = fs.statSync(`${path}-shm`, { throwIfNoEntry: false });
  return index === undefined ? undefined : isLockedByOthers(index.ino);
}
