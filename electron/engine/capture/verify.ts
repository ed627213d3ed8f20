// Finds out whether somebody wrote to the file of a database beside SQLite: every page of it that the WAL does not hold must be
// what was captured. Reads at its leisure, while capturing and everybody else goes on; what looks wrong is looked at once more.
import fs from 'node:fs';
import { promisify } from 'node:util';
import { hashPage, lockPage } from '../replica/state-hash.ts';
import type { PageHashes } from '../source/page-hashes.ts';

const read = promisify(fs.read);
const pieceBytes = 256 * 1024;
/** After one that took so long the next may come this many times as much later: it must not cost what capturing does not. */
const restTimes = 50;
const leastRestMs = 100;
/** A foreign hand changes many pages; so many suspects are enough. */
const mostSuspects = 64;

/** What the file and the WAL looked like at a look: how far the WAL was copied explains changes of the file. */
export interface Traces {
  readonly size: number;
  readonly modifiedAt: number;
  readonly backfilled: number;
  readonly attempted: number;
  readonly wals: number;
}

/** `unexplained`: the file changed, and nobody copied anything into it; `perhaps`: somebody did. */
export function explainChange(before: Traces, now: Traces): 'none' | 'perhaps' | 'unexplained' {
  if (now.size === before.size && now.modifiedAt === before.modifiedAt) return 'none';
  const isCopied = now.backfilled !== before.backfilled || now.wals !== before.wals || now.attempted > now.backfilled;
  return isCopied ? 'perhaps' : 'unexplained';
}

/** When a file may be looked through next. */
export class Leisure {
  #notBefore = -Infinity;

  isDue(now: number): boolean {
    return now >= this.#notBefore;
  }

  took(now: number, ms: number): void {
    this.#notBefore = now + Math.max(leastRestMs, ms * restTimes);
  }
}

/** Pages of the file that are not what was captured; `mayDiffer` names those that a checkpoint may write. */
export async function findSuspects(
  fd: number,
  {
    hashes,
    mayDiffer,
    isOver,
  }: {
    readonly hashes: () => PageHashes | undefined;
    readonly mayDiffer: (page: number) => boolean;
    /** Nobody wants to know any more. */
    readonly isOver: () => boolean;
  },
): Promise<readonly number[]> {
  const pageSize = hashes()?.pageSize ?? 4096;
  const perPiece = Math.max(1, Math.floor(pieceBytes / pageSize));
  const buffer = new Uint8Array(perPiece * pageSize);
  const suspects: number[] = [];
  for (let first = 1; first <= (hashes()?.pages ?? 0); first += perPiece) {
    if (isOver() || suspects.length >= mostSuspects) return suspects;
    const { bytesRead } = await read(fd, buffer, 0, buffer.length, (first - 1) * pageSize);
    const known = hashes();
    if (known === undefined) return [];
    for (let page = first; page < first + perPiece && page <= known.pages; page++) {
      const at = (page - first) * pageSize;
      if (
        mayDiffer(page) ||
        isAsCaptured(known, page, buffer.subarray(at, Math.max(at, Math.min(bytesRead, at + pageSize))))
      )
        continue;
      suspects.push(page);
    }
  }
  return suspects;
}

/** A page holds what was captured of it. */
export function isAsCaptured(hashes: PageHashes, page: number, bytes: Uint8Array): boolean {
  const { pageSize } = hashes;
  if (page === lockPage(pageSize)) return true;
  const expected = hashes.get(page);
  if (bytes.length === pageSize && hashPage(page, bytes) === expected) return true;
  // A page that was allocated and never written reads as whatever lay there before, or lies behind the end.
  return hashPage(page, new Uint8Array(pageSize)) === expected;
}
