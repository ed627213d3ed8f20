// What happened to a database from outside while it was not open here, looked at before SQLite opens it: another file under
// its path, other content, or a WAL left behind that belongs to what the file was before. SQLite would mix such a WAL into
// the database; so it is removed where everything in it is captured and nobody uses it, as the last connection to the former
// file would have done, and else waited for.
import fs from 'node:fs';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../../shared/errors.ts';
import type { Place } from '../../../shared/position.ts';
import { readBehindCaptured, type Remains } from './continuity.ts';
import { type FileNote, readFileNote } from '../spool/file-note.ts';
import { hashPage, lockPage } from '../replica/state-hash.ts';
import { type FileLook, identityOf, isLockedByOthers, isSameFile, isBirthKnown } from '../source/identity.ts';
import { readFully } from '../source/wal-reader.ts';
import { scanFrames } from '../replica/wal.ts';

export interface Outside {
  /** Another file lies under the path than the one that was captured. */
  readonly isReplaced: boolean;
  /** The path of a WAL that belonged to what was there before, and is gone now. */
  readonly removedWal: string | undefined;
}

/** Why the content of a file is not what was captured, when another one lies under its path. */
export const replacedWords = 'The database was replaced by another file';

/** A file that did not change for this long is not being copied any more. */
const stillForMs = 900;
const stillLookMs = 150;
/** Applications that write never stop for that: what they write must not go uncaptured for longer than this. */
const longestStillWaitMs = 10_000;
const sampledPages = 16;
/** Pages that are read before others get their turn. */
const pagesPerTurn = 256;

/**
 * Looks at the file under the path of a database that was captured before; no connection to it may be open in this process.
 * Waits while it is still being copied. Fails with `database-stale-wal`.
 */
export async function lookFromOutside(
  file: string,
  { remains, signal }: { readonly remains: Remains; readonly signal: AbortSignal },
): Promise<Outside> {
  const note = readFileNote(remains.spool.folder);
  const isReplaced = note !== undefined && !isSameFile(note, identityOf(fs.statSync(file)));
  if (isReplaced) await untilStill(file, { signal });
  const wal = `${file}-wal`;
  const walStat = fs.statSync(wal, { throwIfNoEntry: false });
  const isCaptured = isAtCapturedEnd(file, remains);
  const isFormerWal =
    isReplaced &&
    note.wal !== undefined &&
    walStat !== undefined &&
    walStat.size > 0 &&
    isSameFile(note.wal, identityOf(walStat)) &&
    (isBirthKnown(note.wal) || isCapturedWal(file, remains));
  if (!isFormerWal && (!isCaptured || (await isContentCaptured(file, { remains, note, signal })))) {
    return { isReplaced, removedWal: undefined };
  }
  // Removed only where every frame of it is in the spool, and lay in the file that it belonged to: then a copy of that file
  // has lost nothing with it.
  // Somebody may have come meanwhile, gone on with it, and left again.
  const isStillCaptured = isAtCapturedEnd(file, remains);
  if (!isFormerWal && !isStillCaptured) return { isReplaced, removedWal: undefined };
  const shm = `${file}-shm`;
  const memory = fs.statSync(shm, { throwIfNoEntry: false });
  const isHeld = memory !== undefined && isLockedByOthers(memory.ino) !== false;
  const hasRested = restsAt(remains, note).length > 0;
  // Who has it open goes on with this mixture: that is what the database is now.
  if (isHeld && !isFormerWal) return { isReplaced, removedWal: undefined };
  if (isHeld || !isStillCaptured || !hasRested) throw new AppError('database-stale-wal', { path: file, wal });
  fs.rmSync(wal);
  fs.rmSync(shm, { force: true });
  return { isReplaced, removedWal: wal };
}

/** Resolves once a file was not written for a moment, is gone, or goes on being written: then by an application at work. */
export async function untilStill(
  file: string,
  { signal, atMostMs = longestStillWaitMs }: { readonly signal: AbortSignal; readonly atMostMs?: number },
): Promise<void> {
  const look = () => {
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    return stat === undefined ? undefined : `${stat.ino}:${stat.size}:${stat.mtimeMs}`;
  };
  let seen = look();
  const endAt = performance.now() + atMostMs;
  for (let stillAt = performance.now(); seen !== undefined && performance.now() - stillAt < stillForMs;) {
    if (performance.now() > endAt) return;
    await delay(stillLookMs, undefined, { signal });
    const now = look();
    if (now !== seen) stillAt = performance.now();
    seen = now;
  }
}

/** The WAL beside the database ends with exactly the last frame that was captured. */
function isAtCapturedEnd(file: string, { spool, end }: Remains): boolean {
  if (end === undefined) return false;
  const behind = readBehindCaptured(file, spool, end);
  return behind !== undefined && scanFrames({ ...end.chain }, behind, () => {}) === 0;
}

/** The WAL beside the database begins with what was captured. */
function isCapturedWal(file: string, { spool, end }: Remains): boolean {
  return end !== undefined && readBehindCaptured(file, spool, end) !== undefined;
}

/** How the file looked when everything captured lay in it; nothing where it never did. */
function restsAt({ spool, clean }: Remains, note: FileNote | undefined): readonly (FileLook & Place)[] {
  return [note?.atRest, clean && { ...clean, ...clean.file }]
    .filter((rest) => rest !== undefined)
    .filter((rest) => rest.index === spool.index && rest.offset === spool.offset);
}

/**
 * The file holds what was captured, or what a checkpoint of this WAL may have made of it. Nothing is read where it looks as
 * it did when it was last at rest. Else, if everything captured lay in it then, each page must be what was captured; if not,
 * each page that the WAL does not hold: those can change only through another WAL, or by somebody else's hand.
 */
async function isContentCaptured(
  file: string,
  {
    remains,
    note,
    signal,
  }: { readonly remains: Remains; readonly note: FileNote | undefined; readonly signal: AbortSignal },
): Promise<boolean> {
  const { spool, hashes } = remains;
  // Without page hashes there is nothing to compare with.
  if (hashes === undefined) return true;
  const { pageSize } = hashes;
  const restedAs = restsAt(remains, note);
  const mayDiffer = new Set<number>([lockPage(pageSize)]);
  if (restedAs.length === 0) {
    for (const { index, bytes } of spool.filesOfWal(spool.index)) {
      await spool.visitFrames(index, { from: 0, to: bytes }, ({ page }) => mayDiffer.add(page));
    }
  }
  const fd = fs.openSync(file, 'r');
  try {
    const { size, mtimeMs } = fs.fstatSync(fd);
    if (restedAs.some((rest) => rest.size === size && rest.modifiedAt === mtimeMs)) return true;
    const pages = Math.min(hashes.pages, Math.floor(size / pageSize));
    const bytes = new Uint8Array(pageSize);
    const isSame = (page: number): boolean => {
      if (mayDiffer.has(page)) return true;
      readFully(fd, bytes, (page - 1) * pageSize);
      const expected = hashes.get(page);
      // A page that was allocated and never written reads as whatever lay there before.
      return hashPage(page, bytes) === expected || hashPage(page, new Uint8Array(pageSize)) === expected;
    };
    for (let i = 0; i < sampledPages; i++) if (!isSame(1 + Math.floor(Math.random() * pages))) return false;
    if (!isSame(1)) return false;
    for (let page = 1; page <= pages; page++) {
      if (!isSame(page)) return false;
      if (page % pagesPerTurn !== 0) continue;
      await nextTurn();
      signal.throwIfAborted();
    }
    return true;
  } finally {
    fs.closeSync(fd);
  }
}
