// What a protection writes down beside its spool: the page hashes at one place of the history with the transactions up to
// there, as one file that checks itself and names its generation and its place; which indices were composed; the note of a
// clean stop; and which start of the computer it was. Each is written whole or not at all, in small steps. What a file says that is damaged, stale or somebody else's is never trusted.
import fs from 'node:fs';
import path from 'node:path';
import { mustNotBeShort } from '../../../shared/errors.ts';
import type { Generation, Place } from '../../../shared/position.ts';
import { isSameBoot } from '../basics/boot.ts';
import { CommitLog } from './commits.ts';
import { syncFolder, whereAble } from '../basics/files.ts';
import { updateHash } from '../replica/lz4-frame.ts';
import { hashing } from '../replica/state-hash.ts';
import { type HashedAt, PageHashes } from '../source/page-hashes.ts';
import { classifySpoolError } from './spool.ts';
import { privateFile } from '../basics/private-folder.ts';

/** Page hashes, and the transactions that some target may not have, true at one place. */
export interface Notes {
  readonly hashes: PageHashes;
  readonly commits: CommitLog;
  readonly at: HashedAt;
  /** The running checksum of the spool's frame that ends at the place: another history has another one. 0 at an index's start. */
  readonly mark: bigint;
  /** When they were written down. */
  readonly savedAt: number;
}

/** What a clean stop writes down: with it, an untouched database needs no reading. */
export interface CleanStop {
  readonly index: number;
  readonly offset: number;
  readonly file: FileIdentity;
}

interface FileIdentity {
  readonly inode: number;
  readonly size: number;
  readonly modifiedAt: number;
}

/** Notes as they are at this moment, to be written while capturing goes on. */
export interface TakenNotes extends Omit<Notes, 'commits' | 'savedAt'> {
  readonly commits: Uint8Array<ArrayBuffer>;
}

/** An index that was composed for a time that was not watched. */
export interface Composed {
  readonly index: number;
  readonly from: number;
  readonly to: number;
}

const notesFile = 'hashes';
const composedFile = 'composed.json';
const cleanFile = 'clean.json';
const bootFile = 'boot';
const restFile = 'rest';
const magic = 0x5449444e; // "TIDN"
const formatVersion = 1;
const headerBytes = 64;
const checkBytes = 8;
const writeBytes = 1024 * 1024;
/** FAT counts in two seconds; and they need not be over. */
const coarsestTimeMs = 4000;

/** Writes the notes of a generation. */
export async function saveNotes(folder: string, generation: Generation, notes: TakenNotes): Promise<void> {
  const file = path.join(folder, notesFile);
  await writeWhole(file, async (write) => {
    const hash = hashing.create64();
    const add = async (bytes: Uint8Array<ArrayBuffer>): Promise<void> => {
      updateHash(hash, bytes);
      await write(bytes);
    };
    await add(formatHeader(generation, notes));
    for (const piece of notes.hashes.pieces()) await add(piece);
    await add(notes.commits);
    await write(wordOf(hash.digest()));
  });
}

/** The inverse of {@link saveNotes}; undefined where there are none, or none to be trusted. */
export async function readNotes(folder: string, generation: Generation): Promise<Notes | undefined> {
  let file: fs.promises.FileHandle;
  try {
    file = await fs.promises.open(path.join(folder, notesFile), 'r');
  } catch (error) {
    mustNotBeShort(error);
    // @NOTE Absent, or out of reach like the spool beside it: what may be done without is protection/continuity.ts.
    return undefined;
  }
  try {
    return await readSound(file, generation);
  } finally {
    await file.close();
  }
}

/**
 * How the database file looks now, where everything captured lies in it. Undefined where it was written just now on a file
 * system that keeps times in whole seconds (FAT): the next change might leave the same time.
 */
export function noteClean(at: Place, fd: number): CleanStop | undefined {
  const file = identify(fs.fstatSync(fd));
  const isRacy = file.modifiedAt % 1000 === 0 && Date.now() - file.modifiedAt < coarsestTimeMs;
  return isRacy ? undefined : { index: at.index, offset: at.offset, file };
}

/** The open file is the one that a clean stop left, untouched. */
export function isAsLeft(clean: CleanStop, fd: number): boolean {
  const now = identify(fs.fstatSync(fd));
  const { inode, size, modifiedAt } = clean.file;
  return inode === now.inode && size === now.size && modifiedAt === now.modifiedAt;
}

export async function saveClean(folder: string, clean: CleanStop): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(clean));
  await writeWhole(path.join(folder, cleanFile), async (write) => await write(bytes));
}

export function readClean(folder: string): CleanStop | undefined {
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, cleanFile), 'utf8')) as CleanStop;
  } catch (error) {
    mustNotBeShort(error);
    // @NOTE Absent or half-written: then pages are compared, which is slower and as safe.
    return undefined;
  }
}

/** From now on the database may change: a note of a clean stop is not true any more. */
export function forgetClean(folder: string): void {
  fs.rmSync(path.join(folder, cleanFile), { force: true });
}

/** Writes down in which start of the computer the spool is written. Not forced to disk: what a power cut leaves is no name. */
export function noteBoot(folder: string, boot: string): void {
  fs.writeFileSync(path.join(folder, bootFile), boot, { mode: privateFile });
}

/** Everything in the spool was written since the computer was started. */
export function isOfBoot(folder: string, boot: string): boolean {
  try {
    return isSameBoot(fs.readFileSync(path.join(folder, bootFile), 'utf8'), boot);
  } catch (error) {
    mustNotBeShort(error);
    // @NOTE Absent or out of reach: then what is behind the notes is not trusted.
    return false;
  }
}

/** From now on nothing is shipped that lies behind the notes, until {@link forgetRest}. */
export async function noteRest(folder: string): Promise<void> {
  await writeWhole(path.join(folder, restFile), async (write) => await write(new Uint8Array(1)));
}

export function isAtRest(folder: string): boolean {
  return fs.existsSync(path.join(folder, restFile));
}

/** What is captured from now on may be shipped. Lasts, as the notes that are written next do. */
export function forgetRest(folder: string): void {
  fs.rmSync(path.join(folder, restFile), { force: true });
}

/** Writes down which indices of the spool are composed, until every target was told. */
export async function saveComposed(folder: string, composed: readonly Composed[]): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(composed));
  await writeWhole(path.join(folder, composedFile), async (write) => await write(bytes));
}

/** The inverse of {@link saveComposed}; none where nothing was written down. */
export function readComposed(folder: string): readonly Composed[] {
  const file = path.join(folder, composedFile);
  return fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, 'utf8')) as readonly Composed[]) : [];
}

function formatHeader(generation: Generation, { hashes, commits, at, mark }: TakenNotes): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(headerBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic);
  view.setUint32(4, formatVersion);
  view.setUint32(8, hashes.pageSize);
  view.setUint32(12, hashes.pages);
  view.setUint32(16, at.index);
  view.setUint32(20, commits.length);
  view.setFloat64(24, at.offset);
  view.setBigUint64(32, hashes.state);
  view.setBigUint64(40, BigInt(`0x${generation}`));
  view.setBigUint64(48, mark);
  return bytes;
}

async function readSound(file: fs.promises.FileHandle, generation: Generation): Promise<Notes | undefined> {
  const { size, mtimeMs } = await file.stat();
  const hash = hashing.create64();
  let isWhole = true;
  let from = 0;
  const fill = async (into: Uint8Array<ArrayBuffer>): Promise<void> => {
    const { bytesRead } = await file.read(into, 0, into.length, from);
    isWhole &&= bytesRead === into.length;
    from += bytesRead;
    updateHash(hash, into);
  };
  const header = new Uint8Array(headerBytes);
  await fill(header);
  const view = new DataView(header.buffer);
  const pages = view.getUint32(12);
  const commitBytes = view.getUint32(20);
  const isOurs =
    view.getUint32(0) === magic &&
    view.getUint32(4) === formatVersion &&
    view.getBigUint64(40) === BigInt(`0x${generation}`) &&
    size === headerBytes + pages * 8 + commitBytes + checkBytes;
  if (!isOurs) return undefined;
  const hashes = await PageHashes.load({ pageSize: view.getUint32(8), pages }, fill);
  const commits = new Uint8Array(commitBytes);
  await fill(commits);
  const expected = wordOf(hash.digest());
  const check = new Uint8Array(checkBytes);
  await fill(check);
  const isSound = isWhole && Buffer.compare(check, expected) === 0 && hashes.state === view.getBigUint64(32);
  if (!isSound) return undefined;
  return {
    hashes,
    commits: CommitLog.decode(commits),
    at: { index: view.getUint32(16), offset: view.getFloat64(24) },
    mark: view.getBigUint64(48),
    savedAt: mtimeMs,
  };
}

function wordOf(value: bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

function identify(stat: fs.Stats): FileIdentity {
  return { inode: stat.ino, size: stat.size, modifiedAt: stat.mtimeMs };
}

type Write = (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

/** Writes beside the place, gathers small pieces, and gives the file its name when it is on the disk. */
async function writeWhole(file: string, work: (write: Write) => Promise<void>): Promise<void> {
  const temporary = `${file}.tmp`;
  try {
    await writeSynced(temporary, work);
    await fs.promises.rename(temporary, file);
    await syncFolder(path.dirname(file));
  } catch (error) {
    await fs.promises.rm(temporary, { force: true }).catch(() => {});
    throw classifySpoolError(error, path.dirname(file));
  }
}

async function writeSynced(file: string, work: (write: Write) => Promise<void>): Promise<void> {
  const handle = await fs.promises.open(file, 'w', privateFile);
  try {
    let kept: Uint8Array[] = [];
    let keptBytes = 0;
    const flush = async (): Promise<void> => {
      await handle.appendFile(Buffer.concat(kept));
      kept = [];
      keptBytes = 0;
    };
    await work(async (bytes) => {
      kept.push(bytes);
      keptBytes += bytes.length;
      if (keptBytes >= writeBytes) await flush();
    });
    await flush();
    await whereAble(() => handle.sync());
  } finally {
    await handle.close();
  }
}
