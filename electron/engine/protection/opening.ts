// Opens a database for protection: looks at what is there before SQLite does, and chooses how its history goes on, as
// continuity.ts decides. Each way to go on is carried out in continuations.ts; the life around it, with its failures
// and its end, is protection.ts.
import { AppError } from '../../../shared/errors.ts';
import { knownApplication } from '../../../shared/known-applications.ts';
import {
  type Continuation,
  decideContinuation,
  notesLost,
  readHeader,
  readRemains,
  type Remains,
} from './continuity.ts';
import { correctedWords, wasAhead } from './labels.ts';
import { forgetClean } from '../spool/notes.ts';
import { lookFromOutside, replacedWords } from './outside.ts';
import { labelsOf, spoolFolder } from './assembly.ts';
import { beginGeneration, compareHistory, continueHistory, rehashHistory } from './continuations.ts';
import { withFile } from './start.ts';
import type { ProtectionOptions, Session, SessionContext, Start } from './session.ts';
import { enableWal } from '../source/enable-wal.ts';
import { checkBeforeOpening } from '../source/inspect.ts';

/** What is known of a database before a connection to it is opened. */
export interface Prospect {
  readonly known: { readonly lastAt: number } | undefined;
  /** Undefined where nothing was captured yet, or what remains of it is not usable. */
  readonly remains: Remains | undefined;
  readonly isReplaced: boolean;
}

interface Opening {
  readonly start: Start;
  readonly prospect: Prospect;
  readonly signal: AbortSignal;
}

/** Looks at the file and at what an earlier run left, before SQLite opens anything. */
export async function prepareOpening({ options, owner }: SessionContext, signal: AbortSignal): Promise<Prospect> {
  const { row, catalogue, boot, log, onEvent } = options;
  makeReady(options);
  const known = catalogue.generations(row.id).at(-1);
  const remains =
    known &&
    (await readRemains(spoolFolder(options, known.generation), {
      generation: known.generation,
      notBefore: known.lastAt,
      boot,
      timesIn: (index) => catalogue.timesIn({ databaseId: row.id, generation: known.generation }, index),
    }));
  if (remains === undefined) return { known, remains, isReplaced: false };
  try {
    const { isReplaced, removedWal } = await lookFromOutside(row.path, { remains, signal });
    if (removedWal !== undefined) log.warn({ wal: removedWal }, 'removed a WAL that belonged to a former file');
    // What was seen while it was open is told already.
    if (isReplaced && owner.outside === undefined) {
      owner.outside = { words: replacedWords };
      onEvent({ kind: 'outside', what: new AppError('database-replaced', { path: row.path }).toData() });
    }
    return { known, remains, isReplaced };
  } catch (error) {
    remains.spool[Symbol.dispose]();
    throw error;
  }
}

/** Fails with what keeps a database from being opened; one that nothing was captured of yet may be switched to WAL mode. */
function makeReady({ row, catalogue, mayEnableWal }: ProtectionOptions): void {
  try {
    checkBeforeOpening(row.path);
  } catch (error) {
    const isNew = catalogue.generations(row.id).length === 0;
    if (!(isNew && error instanceof AppError && error.code === 'database-left-wal')) throw error;
    if (!mayEnableWal) throw new AppError('database-not-wal', error.details);
    enableWal(row.path);
  }
}

/** Continues the history: the one decision of continuity.ts, carried out. */
export async function openSession(context: SessionContext, opening: Opening): Promise<Session> {
  const session = await chooseContinuation(context, opening);
  const { store, row, computer } = context.options;
  if (computer !== undefined) store.setComputer(row.id, computer);
  context.owner.startOverReason = undefined;
  context.owner.outside = undefined;
  return session;
}

async function chooseContinuation(
  context: SessionContext,
  { start, prospect: { known, remains, isReplaced }, signal }: Opening,
): Promise<Session> {
  const { row } = context.options;
  const header = withFile(row.path, start, readHeader);
  if (header === undefined) throw new AppError('database-not-sqlite', { path: row.path });
  const { pageSize } = header;
  const { startOverReason: startOver = movedReason(context.options), outside } = context.owner;
  const isHeld = 'isHeld' in start && start.isHeld;
  const begin = async (reason: string) => {
    // What lies in the file alone is no state of the database.
    if (isHeld) throw heldError(row.path);
    return await beginGeneration(context, { start, pageSize, reason, signal });
  };
  if (known === undefined) return await begin('Protection began');
  if (startOver !== undefined) return await begin(startOver);
  const lastAt = Math.max(known.lastAt, remains?.lastAt ?? 0);
  if (wasAhead(lastAt, context.options)) return await begin(correctedWords);
  if (remains === undefined) return await begin(notesLost);
  const now = labelsOf(context, lastAt);
  const connections = 'pins' in start ? start : undefined;
  const file = row.path;
  const decided = withFile(file, start, (fd) => decideContinuation({ fd, connections, file }, remains));
  // Another file may hold the same WAL and yet be older or newer.
  // So may one that somebody wrote to.
  const choice = isReplaced || outside !== undefined ? comparing(decided) : decided;
  if (isHeld && choice.kind !== 'untouched') throw heldError(file);
  forgetClean(remains.spool.folder);
  const continuing = { start, remains, now, pageSize };
  switch (choice.kind) {
    case 'same-wal':
      return await continueHistory(context, { ...continuing, hashes: choice.hashes, end: choice.end });
    case 'untouched':
      return await continueHistory(context, { ...continuing, hashes: choice.hashes, end: undefined });
    case 'rehash':
      return await rehashHistory(context, { ...continuing, end: choice.end, signal });
    case 'compare':
      return await compareHistory(context, { ...continuing, before: choice.hashes, outside, signal });
    case 'new-generation':
      if (outside?.what !== undefined) context.options.onEvent({ kind: 'outside', what: outside.what });
      return await begin(choice.reason);
  }
}

function heldError(path: string): AppError {
  const application = knownApplication(path)?.name;
  return new AppError('database-held', { path, ...(application !== undefined && { application }) });
}

/** Another computer may go on with the history that was captured there: both at once must not. */
function movedReason({ store, row, computer }: ProtectionOptions): string | undefined {
  const before = store.computerOf(row.id);
  const isOther = before !== undefined && computer !== undefined && before !== computer;
  return isOther ? 'Tidemark’s data was moved or copied here from another computer' : undefined;
}

/** Where a history was to go on at once, its pages are compared first. */
function comparing(decided: Continuation): Continuation {
  if (decided.kind === 'new-generation') return decided;
  if (decided.kind === 'rehash') return { kind: 'new-generation', reason: replacedWords };
  return { kind: 'compare', hashes: decided.hashes };
}
