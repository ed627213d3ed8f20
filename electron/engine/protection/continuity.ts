// Decides, when a database is opened, how its history goes on: behind what was captured before, with the next index, with
// a composed index for what changed unseen, or with a new generation and a reason in plain words. One decision, one place.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { mustNotBeShort } from '../../../shared/errors.ts';
import type { Generation, Place } from '../../../shared/position.ts';
import { type Commit, timesInOrder } from '../replica/commit.ts';
import { CommitLog } from '../spool/commits.ts';
import {
  type CleanStop,
  type Composed,
  isAsLeft,
  isAtRest,
  isOfBoot,
  type Notes,
  readClean,
  readComposed,
  readNotes,
  saveComposed,
} from '../spool/notes.ts';
import { readFileNote } from '../spool/file-note.ts';
import { hashPage } from '../replica/state-hash.ts';
import type { Connections } from '../source/connections.ts';
import { parseDatabaseHeader, databaseHeaderBytes } from '../source/header.ts';
import { identityOf, isSameFile } from '../source/identity.ts';
import type { PageHashes } from '../source/page-hashes.ts';
import { readFully, type WalEnd } from '../source/wal-reader.ts';
import { frameBytes, isSameWal, offsetAfter, parseWalHeader, walHeaderBytes } from '../replica/wal.ts';
import { Repeats } from '../capture/repeats.ts';
import { Spool } from '../spool/spool.ts';

/** What an earlier run left of a generation, checked against itself. */
export interface Remains {
  readonly generation: Generation;
  readonly spool: Spool;
  /** Transactions that some target may not have yet. */
  readonly commits: CommitLog;
  /** Page hashes at the spool's end; undefined where they were lost or are not to be trusted. */
  readonly hashes: PageHashes | undefined;
  /** Where the chain of the newest spool file ends; undefined while that WAL holds no transaction. */
  readonly end: WalEnd | undefined;
  /** Composed indices that some target may not have yet. */
  readonly composed: readonly Composed[];
  readonly clean: CleanStop | undefined;
  /** The file with this descriptor looks as it did when everything captured lay in it, in this start of the computer. */
  readonly isUntouched: (fd: number) => boolean;
  /** The computer went down in between: what targets got last may be missing here. */
  readonly isCut: boolean;
  /** When the last of it was written: the beginning of a time that was not watched. */
  readonly lastAt: number;
}

export type Continuation =
  /** The WAL holds everything that came after what was captured. */
  | { readonly kind: 'same-wal'; readonly end: WalEnd; readonly hashes: PageHashes }
  /** The same, but the page hashes are lost: they are built again from an image, since nothing was missed. */
  | { readonly kind: 'rehash'; readonly end: WalEnd }
  /** Nothing was written since; whatever WAL comes is the next index. */
  | { readonly kind: 'untouched'; readonly hashes: PageHashes }
  /** Something may have been written unseen: compare pages. */
  | { readonly kind: 'compare'; readonly hashes: PageHashes }
  | { readonly kind: 'new-generation'; readonly reason: string };

/** File systems take times from a clock that ticks only every few milliseconds. */
const fileTimeSlackMs = 10;

/** Why a new generation begins where nothing is left to go on from. */
export const notesLost = 'What Tidemark had noted about the database was lost or damaged';

/** Why a new generation begins after the computer went down while its end was not noted. */
const cutWords = 'The computer went down before everything captured was safe on its disk';

/** A new generation's id: 64 random bits from a cryptographic source. */
export function newGeneration(): Generation {
  return randomBytes(8).toString('hex') as Generation;
}

/**
 * Reads what an earlier run left in `folder` and brings its page hashes to the spool's end, telling each transaction on
 * the way: their times are lost with the process, but for those that some target's shipping told. Undefined when nothing of it is
 * usable.
 */
export async function readRemains(
  folder: string,
  {
    generation,
    notBefore,
    boot,
    timesIn,
  }: {
    readonly generation: Generation;
    readonly notBefore: number;
    readonly boot: string;
    /** When transactions of an index were made, as far as that is known, by where they end. */
    readonly timesIn: (index: number) => ReadonlyMap<number, number>;
  },
): Promise<Remains | undefined> {
  const notes = await readNotes(folder, generation);
  // After a power cut anything that was not synced may be short or zero: only what the notes stand on was.
  const isProven = isOfBoot(folder, boot);
  const isCut = !isProven && !isAtRest(folder);
  const recovered = await Spool.recover(folder, { through: isProven ? undefined : notes?.at, from: notes?.at });
  const clean = readClean(folder);
  if (notes !== undefined) {
    const { hashes, at, commits } = notes;
    // A new generation may have been kept without a single captured transaction.
    const spool = recovered?.spool ?? Spool.create(folder, at.offset === 0 ? at.index : at.index + 1);
    const end = isCut ? undefined : recovered?.end;
    commits.dropBehind(at);
    const lastAt = Math.max(
      timeOf(isProven ? (recovered?.writtenAt ?? notes.savedAt) : notes.savedAt),
      commits.last?.at ?? 0,
      notBefore,
    );
    if (await replay(spool, { notes, timesIn, lastAt })) {
      const isUntouched = (fd: number): boolean => isProven && looksAtRest(spool, fd);
      const composed = await composedIn(spool);
      return { generation, spool, commits, hashes, end, composed, clean, isUntouched, isCut, lastAt };
    }
  }
  if (recovered === undefined) return undefined;
  const { spool, writtenAt } = recovered;
  const end = isProven ? recovered.end : undefined;
  const lastAt = Math.max(timeOf(writtenAt), notBefore);
  const composed = await composedIn(spool);
  const isUntouched = () => false;
  return {
    generation,
    spool,
    commits: new CommitLog(),
    hashes: undefined,
    end,
    composed,
    clean,
    isUntouched,
    isCut,
    lastAt,
  };
}

/** As the note beside the spool says: it survives a crash, though no power cut. */
function looksAtRest(spool: Spool, fd: number): boolean {
  const note = readFileNote(spool.folder);
  const stat = fs.fstatSync(fd);
  const rest = note?.atRest;
  return (
    note !== undefined &&
    rest !== undefined &&
    isSameFile(note, identityOf(stat)) &&
    isAtEnd(rest, spool) &&
    rest.size === stat.size &&
    rest.modifiedAt === stat.mtimeMs
  );
}

function isAtEnd({ index, offset }: Place, { end }: Spool): boolean {
  return index === end.index && offset === end.offset;
}

/** A file's time as one that no transaction in it is behind: times of a history never run backwards. */
function timeOf(writtenAt: number): number {
  return Math.floor(writtenAt) + fileTimeSlackMs;
}

/** The composed indices that are there. One that never got its name is forgotten: a WAL may take its number. */
async function composedIn(spool: Spool): Promise<readonly Composed[]> {
  const noted = readComposed(spool.folder);
  const composed = noted.filter(({ index }) => spool.sizeOf(index) !== undefined);
  if (composed.length < noted.length) await saveComposed(spool.folder, composed);
  return composed;
}

/** How to go on with a database, given what is left of its history; `connections` where somebody may have it open. */
export function decideContinuation(
  {
    fd,
    connections,
    file,
  }: { readonly fd: number; readonly connections?: Connections | undefined; readonly file: string },
  remains: Remains,
): Continuation {
  const { hashes, end, spool, clean } = remains;
  const pageSize = hashes?.pageSize ?? end?.chain.header.pageSize;
  const header = readHeader(fd);
  if (header !== undefined && pageSize !== undefined && header.pageSize !== pageSize) {
    return { kind: 'new-generation', reason: 'The page size of the database was changed' };
  }
  // A target may have what is lost here: behind it an index would mean two things.
  if (remains.isCut) return { kind: 'new-generation', reason: hashes === undefined ? notesLost : cutWords };
  if (end !== undefined && connections !== undefined && readBehindCaptured(file, spool, end) !== undefined) {
    if (hashes !== undefined) return { kind: 'same-wal', end, hashes };
    // What lies in other indices can be told to a target only with the states that were noted.
    if (spool.files().length === 1) return { kind: 'rehash', end };
  }
  if (hashes === undefined) return { kind: 'new-generation', reason: notesLost };
  const isClean = clean !== undefined && isAsLeft(clean, fd) && isAtEnd(clean, spool);
  const isUntouched =
    (isClean || remains.isUntouched(fd)) && (connections === undefined || connections.counts().backfilled === 0);
  return { kind: isUntouched ? 'untouched' : 'compare', hashes };
}

/**
 * Brings noted page hashes to the end of the spool. False where they are not of this spool's history, or a file in between
 * is missing.
 */
async function replay(
  spool: Spool,
  {
    notes,
    timesIn,
    lastAt,
  }: { readonly notes: Notes; readonly lastAt: number } & Pick<Parameters<typeof readRemains>[1], 'timesIn'>,
): Promise<boolean> {
  const { hashes, commits, at } = notes;
  const isOfSpool = at.offset === 0 ? at.index <= spool.index + 1 : spool.markAt(at) === notes.mark;
  if (!isOfSpool) return false;
  const replayed: (Commit & { readonly isKnown: boolean; readonly isRepeat: boolean })[] = [];
  let from = at.offset;
  for (let index = at.index; index <= spool.index; index++) {
    const to = spool.sizeOf(index);
    if (to === undefined || to < from) return false;
    const times = timesIn(index);
    let written = 0;
    const repeats = new Repeats();
    await spool.visitFrames(index, { from, to }, ({ page, data, commitPages, endOffset }) => {
      const hash = hashPage(page, data);
      const isRepeat = repeats.see({ page, commitPages, hash });
      hashes.set(page, hash);
      written++;
      if (commitPages === 0) return;
      hashes.resize(commitPages);
      const known = times.get(endOffset);
      replayed.push({
        index,
        offset: endOffset,
        at: known ?? lastAt,
        state: hashes.state,
        pages: commitPages,
        written,
        transactions: 1,
        isKnown: known !== undefined,
        isRepeat,
      });
      written = 0;
    });
    from = 0;
  }
  // One that nobody was told of was made before the next one that somebody was: all others before the spool was written last.
  const times = timesInOrder(replayed, { from: commits.last?.at ?? 0 });
  for (const [i, { isKnown: _, isRepeat, ...rest }] of replayed.entries()) {
    const commit = { ...rest, at: times[i] ?? rest.at };
    if (isRepeat) commits.repeat(commit);
    else commits.add(commit);
  }
  return true;
}

/**
 * What lies behind the last captured frame in the WAL beside a database, up to one frame; undefined where that WAL is not the
 * one whose end was captured, or does not hold that frame.
 */
export function readBehindCaptured(file: string, spool: Spool, end: WalEnd): Uint8Array | undefined {
  let fd: number;
  try {
    fd = fs.openSync(`${file}-wal`, 'r');
  } catch (error) {
    mustNotBeShort(error);
    // @NOTE No WAL, or none that may be read: the last connection removed it, or nobody wrote yet.
    return undefined;
  }
  try {
    const head = new Uint8Array(walHeaderBytes);
    readFully(fd, head, 0);
    const header = parseWalHeader(head);
    if (header === undefined || !isSameWal(header, end.chain.header)) return undefined;
    const size = frameBytes(header.pageSize);
    const to = offsetAfter(end.frames, header.pageSize);
    const live = new Uint8Array(2 * size);
    const got = readFully(fd, live, to - size);
    const [kept] = spool.read(spool.index, { from: to - size, to });
    if (got < size || kept === undefined || Buffer.compare(live.subarray(0, size), kept) !== 0) return undefined;
    return live.subarray(size, got);
  } finally {
    fs.closeSync(fd);
  }
}

/** The header of a database. */
export function readHeader(fd: number): ReturnType<typeof parseDatabaseHeader> {
  const bytes = new Uint8Array(databaseHeaderBytes);
  readFully(fd, bytes, 0);
  return parseDatabaseHeader(bytes);
}

/** Size of the database file, in pages: what the database has while nothing of it lies in a WAL. */
export function filePages(file: string, pageSize: number): number {
  return Math.floor(fs.statSync(file).size / pageSize);
}
