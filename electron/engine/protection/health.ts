// Whether a database was damaged already when its history began: SQLite checks a copy of it, never the database itself, where
// nothing of ours may be in anybody's way for so long.
import { randomBytes } from 'node:crypto';
import { open, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { freeBytesAt } from '../basics/files.ts';
import { privateFile } from '../basics/private-folder.ts';
import { checkDatabase } from '../restore/check.ts';
import { RankedRow } from '../basics/rows.ts';
import type { ProtectionOptions, Session } from './session.ts';
import { openImage } from './read-image.ts';
import { Turns } from '../basics/turns.ts';

/** A copy of more than this, or of more than a part of what is free, is not made. */
const mostBytes = 1024 ** 3;
const partOfFree = 0.25;
/** Of what SQLite finds, so much is told. */
const mostFindings = 3;
/** One database at a time, however many are protected at once. */
const turns = new Turns(1, new RankedRow<object>());
const isCopy = /^check-[0-9a-f]{12}\.db/;

/**
 * Tells of damage that a new history begins with, once an image of it lies somewhere (`onceKept`): until then that is more urgent.
 * Never throws.
 */
export async function tellDamage(
  session: Session,
  {
    folder,
    log,
    onEvent,
    onceKept,
    signal,
  }: Pick<ProtectionOptions, 'folder' | 'log' | 'onEvent'> & {
    readonly onceKept: Promise<void>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  await onceKept;
  if (signal.aborted) return;
  try {
    const findings = await findDamage(session, { folder, signal });
    if (findings.length > 0) onEvent({ kind: 'unsound', findings });
  } catch (error) {
    // @NOTE That it could not be looked through says nothing of the database.
    if (!signal.aborted) log.info({ error }, 'the database was not looked through');
  }
}

/**
 * What SQLite's `quick_check` finds in a database as it is captured now, in its own words; empty where it finds nothing, where that
 * is the application's own affair (a value that a constraint forbids), or where it cannot be looked at here. Fails on abort.
 */
async function findDamage(
  session: Pick<Session, 'capture' | 'spool' | 'pageSize'>,
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  using _turn = await turns.enter({}, { signal });
  // Of a run that was killed.
  for (const name of await readdir(folder)) if (isCopy.test(name)) await rm(path.join(folder, name), { force: true });
  const bytes = session.capture.pages * session.pageSize;
  const freeBytes = await freeBytesAt(folder);
  if (bytes === 0 || bytes > mostBytes || freeBytes === undefined || bytes > freeBytes * partOfFree) return [];
  const copy = path.join(folder, `check-${randomBytes(6).toString('hex')}.db`);
  try {
    await writeCopy(session, copy, signal);
    const result = await checkDatabase({ path: copy, isFull: false }, { signal });
    if (result.kind !== 'findings' || result.isOfApplication) return [];
    return result.findings.slice(0, mostFindings);
  } finally {
    for (const end of ['', '-wal', '-shm', '-journal']) await rm(`${copy}${end}`, { force: true });
  }
}

async function writeCopy(
  session: Pick<Session, 'capture' | 'spool' | 'pageSize'>,
  copy: string,
  signal: AbortSignal,
): Promise<void> {
  using image = await openImage(session);
  await using file = await open(copy, 'wx', privateFile);
  for await (const bytes of image.read({ signal, onProgress: () => {} })) await file.writeFile(bytes);
}
