// Decides, when a database is opened, how its history goes on: behind what was captured before, with the next index, with
// a composed index for what changed unseen, or with a new generation and a reason in plain words. One decision, one place.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Generation } from '../../shared/position.ts';
import type { Capture, Place } from './capture.ts';
import { type Commit, CommitLog } from './commits.ts';
import { composeIndex } from './replica/composed.ts';
import { hashPage, lockPage } from './replica/state-hash.ts';
import type { Connections } from './source/connections.ts';
import { parseDatabaseHeader, databaseHeaderBytes } from './source/header.ts';
import { type ImageSource, readImage } from './source/image.ts';
import { type HashedAt, PageHashes } from './source/page-hashes.ts';
import { readFully, type WalEnd } from './source/wal-reader.ts';
import { frameBytes, isSameWal, offsetAfter, parseWalHeader, walHeaderBytes } from './source/wal.ts';
import { Spool } from './spool.ts';

/** What a clean stop writes down: with it, an untouched database needs no reading. */
interface CleanStop {
  readonly index: number;
  readonly offset: number;
  readonly file: FileIdentity;
}

interface FileIdentity {
  readonly inode: number;
  readonly size: number;
  readonly modifiedAt: number;
}

/** What an earlier run left of a generation, checked against itself. */
export interface Remains {
  readonly generation: Generation;
  readonly spool: Spool;
  /** Transactions that some target may not have yet. */
  readonly commits: CommitLog;
  /** Page hashes at the spool's end. */
  readonly hashes: PageHashes;
  /** Where the chain of the newest spool file ends; undefined while that WAL holds no transaction. */
  readonly end: WalEnd | undefined;
  readonly clean: CleanStop | undefined;
  /** When the last of it was written: the beginning of a time that was not watched. */
  readonly lastAt: number;
}

export type Continuation =
  /** The WAL holds everything that came after what was captured. */
  | { readonly kind: 'same-wal'; readonly end: WalEnd }
  /** Nothing was written since; whatever WAL comes is the next index. */
  | { readonly kind: 'untouched' }
  /** Something may have been written unseen: compare pages. */
  | { readonly kind: 'compare' }
  | { readonly kind: 'new-generation'; readonly reason: string };

const hashesFile = 'hashes';
const commitsFile = 'commits.json';
const cleanFile = 'clean.json';

/** A new generation's id: 64 random bits from a cryptographic source. */
export function newGeneration(): Generation {
  return randomBytes(8).toString('hex') as Generation;
}

/**
 * Reads what an earlier run left in `folder` and brings its page hashes to the spool's end, telling each transaction on
 * the way (their times are lost with the process: all get the file's). Undefined when it is not usable.
 */
export async function readRemains(folder: string, generation: Generation): Promise<Remains | undefined> {
  const recovered = Spool.recover(folder);
  const saved = readSavedHashes(folder);
  if (saved === undefined) return undefined;
  const { hashes, at, commits } = saved;
  // A new generation may have been kept without a single captured transaction.
  const spool = recovered?.spool ?? Spool.create(folder, at.offset === 0 ? at.index : at.index + 1);
  const end = recovered?.end;
  const lastAt = Math.floor(recovered?.writtenAt ?? fs.statSync(path.join(folder, hashesFile)).mtimeMs);
  if (!(await replay(spool, { hashes, at, commits, time: lastAt }))) return undefined;
  return { generation, spool, commits, hashes, end, clean: readClean(folder), lastAt };
}

/** Writes the page hashes beside the spool, with the transactions up to there; each whole or not at all. */
export function saveHashes(folder: string, { hashes, commits, at }: SavedHashes): void {
  // The commits first: those behind the hashes' place are told again by the spool, so too many do no harm.
  writeWhole(path.join(folder, commitsFile), new TextEncoder().encode(commits.format()));
  writeWhole(path.join(folder, hashesFile), hashes.encode(at));
}

export interface SavedHashes {
  readonly hashes: PageHashes;
  readonly commits: CommitLog;
  readonly at: HashedAt;
}

/** Writes down that everything captured lies in the database file, which looks like this. */
export function saveClean(folder: string, { at, fd }: { readonly at: Place; readonly fd: number }): void {
  const clean: CleanStop = { index: at.index, offset: at.offset, file: identify(fs.fstatSync(fd)) };
  writeWhole(path.join(folder, cleanFile), new TextEncoder().encode(JSON.stringify(clean)));
}

/** From now on the database may change: a note of a clean stop is not true any more. */
export function forgetClean(folder: string): void {
  fs.rmSync(path.join(folder, cleanFile), { force: true });
}

/** How to go on with an open database, given what is left of its history. */
export function decideContinuation(connections: Connections, remains: Remains): Continuation {
  const header = readHeader(connections.fd);
  if (header !== undefined && header.pageSize !== remains.hashes.pageSize) {
    return { kind: 'new-generation', reason: 'The page size of the database was changed' };
  }
  if (remains.end !== undefined && holdsFrame(connections, remains.spool, remains.end)) {
    return { kind: 'same-wal', end: remains.end };
  }
  const { clean } = remains;
  const file = identify(fs.fstatSync(connections.fd));
  const isUntouched =
    clean !== undefined &&
    clean.file.inode === file.inode &&
    clean.file.size === file.size &&
    clean.file.modifiedAt === file.modifiedAt &&
    clean.index === remains.spool.index &&
    clean.offset === remains.spool.offset &&
    connections.counts().frames === 0;
  return isUntouched ? { kind: 'untouched' } : { kind: 'compare' };
}

/** The image of a database at a place that its capture reached while `pin` was held. */
export function imageAt(connections: Connections, { spool, at, pages, pageSize }: ImageRequest): ImageSource {
  const newest = new Map<number, number>();
  if (at.offset > 0) {
    spool.visitFrames(at.index, { from: 0, to: at.offset }, ({ page, dataOffset }) => newest.set(page, dataOffset));
  }
  return { fd: connections.fd, pageSize, pages, spoolPath: at.offset > 0 ? spool.pathOf(at.index) : undefined, newest };
}

export interface ImageRequest {
  readonly spool: Spool;
  readonly at: Place;
  readonly pages: number;
  readonly pageSize: number;
}

/** Page hashes of a whole image. */
export async function hashImage(
  image: ImageSource,
  { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: (bytes: number) => void },
): Promise<PageHashes> {
  const hashes = new PageHashes(image.pageSize);
  const skip = lockPage(image.pageSize);
  for await (const { firstPage, bytes } of readImage(image, { signal })) {
    for (let at = 0, page = firstPage; at < bytes.length; at += image.pageSize, page++) {
      if (page !== skip) hashes.set(page, hashPage(page, bytes.subarray(at, at + image.pageSize)));
    }
    onProgress(bytes.length);
  }
  hashes.resize(image.pages);
  return hashes;
}

/** Pages whose content differs between two states, ascending; pages that are gone need no frame. */
export function changedPages(before: PageHashes, after: PageHashes): readonly number[] {
  const changed: number[] = [];
  for (let page = 1; page <= after.pages; page++) {
    if (page !== lockPage(after.pageSize) && before.get(page) !== after.get(page)) changed.push(page);
  }
  // A database that only shrank still needs a frame to say so.
  if (changed.length === 0 && after.pages !== before.pages) changed.push(1);
  return changed;
}

/** Writes a composed index into the spool at `index`; returns where it ends. */
export async function spoolComposed(
  options: ImageRequest & {
    readonly connections: Connections;
    readonly index: number;
    readonly changed: readonly number[];
  },
): Promise<Place> {
  const { connections, spool, index, changed, pages, pageSize } = options;
  const image = imageAt(connections, options);
  const salts = { salt1: randomBytes(4).readUInt32BE(), salt2: randomBytes(4).readUInt32BE() };
  const pieces = composeIndex({ pageSize, databasePages: pages, salts, sequence: 0, pages: readPages(image, changed) });
  const writer = spool.writeIndex(index);
  let sinceTurn = 0;
  for (const piece of pieces) {
    writer.append(piece);
    if (++sinceTurn % 64 === 0) await nextTurn();
  }
  return { index, offset: writer.finish() };
}

function* readPages(image: ImageSource, pages: readonly number[]): Generator<{ page: number; data: Uint8Array }> {
  const spool = image.spoolPath === undefined ? undefined : fs.openSync(image.spoolPath, 'r');
  try {
    for (const page of pages) {
      const data = new Uint8Array(image.pageSize);
      const at = image.newest.get(page);
      if (spool !== undefined && at !== undefined) {
        readFully(spool, data, at);
      } else {
        readFully(image.fd, data, (page - 1) * image.pageSize);
      }
      yield { page, data };
    }
  } finally {
    if (spool !== undefined) fs.closeSync(spool);
  }
}

/** Brings page hashes from where they were saved to the end of the spool. False when a file in between is missing. */
async function replay(
  spool: Spool,
  {
    hashes,
    at,
    commits,
    time,
  }: { readonly hashes: PageHashes; readonly at: HashedAt; readonly commits: CommitLog; readonly time: number },
): Promise<boolean> {
  const isBehind = at.offset > 0 && (spool.index < at.index || (spool.index === at.index && spool.offset < at.offset));
  if (isBehind) return false;
  let from = at.offset;
  for (let index = at.index; index <= spool.index; index++) {
    const to = spool.sizeOf(index);
    if (to === undefined || to < from) return false;
    let written = 0;
    spool.visitFrames(index, { from, to }, ({ page, data, commitPages, endOffset }) => {
      hashes.set(page, hashPage(page, data));
      written++;
      if (commitPages === 0) return;
      hashes.resize(commitPages);
      const commit: Commit = {
        index,
        offset: endOffset,
        at: time,
        state: hashes.state,
        pages: commitPages,
        written,
        transactions: 1,
      };
      commits.add(commit);
      written = 0;
    });
    from = 0;
    await nextTurn();
  }
  return true;
}

/** The WAL beside the database is the one whose end was captured: same header, and the last captured frame is in place. */
function holdsFrame(connections: Connections, spool: Spool, end: WalEnd): boolean {
  let fd: number;
  try {
    fd = fs.openSync(`${connections.path}-wal`, 'r');
  } catch {
    // @NOTE No WAL: the last connection removed it, or nobody wrote yet.
    return false;
  }
  try {
    const head = new Uint8Array(walHeaderBytes);
    readFully(fd, head, 0);
    const header = parseWalHeader(head);
    if (header === undefined || !isSameWal(header, end.chain.header)) return false;
    const size = frameBytes(header.pageSize);
    const to = offsetAfter(end.frames, header.pageSize);
    const live = new Uint8Array(size);
    if (readFully(fd, live, to - size) < size) return false;
    const [kept] = spool.read(spool.index, { from: to - size, to });
    return kept !== undefined && Buffer.compare(live, kept) === 0;
  } finally {
    fs.closeSync(fd);
  }
}

/** The header of the open database. */
export function readHeader(fd: number): ReturnType<typeof parseDatabaseHeader> {
  const bytes = new Uint8Array(databaseHeaderBytes);
  readFully(fd, bytes, 0);
  return parseDatabaseHeader(bytes);
}

/** Size of the database after an image place, in pages: what the capture saw, else what the header or the file says. */
export function imagePages(connections: Connections, capture: Capture, pageSize: number): number {
  if (capture.pages > 0) return capture.pages;
  const { size } = fs.fstatSync(connections.fd);
  return Math.floor(size / pageSize);
}

function readSavedHashes(folder: string): SavedHashes | undefined {
  try {
    const saved = PageHashes.decode(new Uint8Array(fs.readFileSync(path.join(folder, hashesFile))));
    if (saved === undefined) return undefined;
    const commits = CommitLog.parse(fs.readFileSync(path.join(folder, commitsFile), 'utf8'));
    commits.dropBehind(saved.at);
    return { ...saved, commits };
  } catch {
    // @NOTE Absent or damaged: never trusted; the history goes on with a new generation that says why.
    return undefined;
  }
}

function readClean(folder: string): CleanStop | undefined {
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, cleanFile), 'utf8')) as CleanStop;
  } catch {
    // @NOTE Absent or half-written: then pages are compared, which is slower and as safe.
    return undefined;
  }
}

function identify(stat: fs.Stats): FileIdentity {
  return { inode: stat.ino, size: stat.size, modifiedAt: stat.mtimeMs };
}

function writeWhole(file: string, bytes: Uint8Array): void {
  const temporary = `${file}.tmp`;
  const fd = fs.openSync(temporary, 'w');
  try {
    fs.writeSync(fd, bytes);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
  fs.renameSync(temporary, file);
}
