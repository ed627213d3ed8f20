// Opens a database for protection: looks at what is there before SQLite does, and chooses how its history goes on, as
// continuity.ts decides. Each way to go on is carried out in session-continuations.ts; the life around it, with its failures
// and its end, is protection.ts.
import { AppError } from '../../shared/errors.ts';
import { monotonic } from './clock.ts';
import {
  type Continuation,
  decideContinuation,
  notesLost,
  readHeader,
  readRemains,
  type Remains,
} from './continuity.ts';
import { forgetClean } from './notes.ts';
import { lookFromOutside, replacedWords } from './outside.ts';
import { spoolFolder } from './session-assembly.ts';
import { beginGeneration, compareHistory, continueHistory, rehashHistory } from './session-continuations.ts';
import type { ProtectionOptions, Session, SessionContext } from './session.ts';
import type { Connections } from './source/connections.ts';
import { checkBeforeOpening } from './source/inspect.ts';

/** What is known of a database before a connection to it is opened. */
export interface Prospect {
  readonly known: { readonly lastAt: number } | undefined;
  /** Undefined where nothing was captured yet, or what remains of it is not usable. */
  readonly remains: Remains | undefined;
  readonly isReplaced: boolean;
}

interface Opening {
  readonly connections: Connections;
  readonly prospect: Prospect;
  readonly signal: AbortSignal;
}

/** Looks at the file and at what an earlier run left, before SQLite opens anything. */
export async function prepareOpening({ options, owner }: SessionContext, signal: AbortSignal): Promise<Prospect> {
  const { row, catalogue, boot, log, onEvent } = options;
  checkBeforeOpening(row.path);
  const known = catalogue.generations(row.id).at(-1);
  const remains =
    known &&
    (await readRemains(spoolFolder(options, known.generation), {
      generation: known.generation,
      notBefore: known.lastAt,
      boot,
    }));
  if (remains === undefined) return { known, remains, isReplaced: false };
  try {
    const { isReplaced, removedWal } = await lookFromOutside(row.path, { remains, signal });
    if (removedWal !== undefined) log.warn({ wal: removedWal }, 'removed a WAL that belonged to a former file');
    // What was seen while it was open is told already.
    if (isReplaced && owner.outside === undefined) {
      owner.outside = replacedWords;
      onEvent({ kind: 'outside', what: new AppError('database-replaced', { path: row.path }).toData() });
    }
    return { known, remains, isReplaced };
  } catch (error) {
    remains.spool[Symbol.dispose]();
    throw error;
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
  { connections, prospect: { known, remains, isReplaced }, signal }: Opening,
): Promise<Session> {
  const { row, clock } = context.options;
  const header = readHeader(connections.fd);
  if (header === undefined) throw new AppError('database-not-sqlite', { path: row.path });
  const { pageSize } = header;
  const { startOverReason: startOver = movedReason(context.options), outside } = context.owner;
  const begin = async (reason: string) => await beginGeneration(context, { connections, pageSize, reason, signal });
  if (known === undefined) return await begin('Protection began');
  if (startOver !== undefined) return await begin(startOver);
  if (remains === undefined) return await begin(notesLost);
  const now = monotonic(clock, Math.max(known.lastAt, remains.lastAt));
  const decided = decideContinuation(connections, remains);
  // Another file may hold the same WAL and yet be older or newer.
  const choice = isReplaced ? comparing(decided) : decided;
  forgetClean(remains.spool.folder);
  const continuing = { connections, remains, now, pageSize };
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
      return await begin(choice.reason);
  }
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
