// What ends a session, and what follows: what passes by itself is tried again for a while without a word, what somebody did to the
// file is told and its history goes on, and everything else is a problem. Waiting and telling are protection.ts.
import { AppError, type ErrorCode, toErrorData } from '../../../shared/errors.ts';
import { ContinuityUnproven } from '../capture/options.ts';
import { explainFailure } from '../source/source-errors.ts';
import { replacedWords } from './outside.ts';
import type { Outside, SessionContext } from './session.ts';

/** What applications do for moments, too. */
const passingCodes: ReadonlySet<ErrorCode> = new Set(['database-busy', 'database-hot-journal', 'database-unsteady']);
/** What passes by itself is told to nobody for so long. */
const patienceMs = 3000;
const overwrittenWords = 'The database was overwritten by another program';
/** What somebody did to a database, after which it is opened again at once; and how the history says it. */
const outsideWords: ReadonlyMap<ErrorCode, string> = new Map([
  ['database-replaced', replacedWords],
  ['database-overwritten', overwrittenWords],
]);
/** Why transactions were not seen one by one. */
const unprovenWords = {
  visit: 'Changed within a moment, before it could be seen',
  exclusive: 'Captured when the application that keeps it for itself closed it',
  mode: 'Its journal mode was another one for a while',
} as const;

/** When the next opening is tried; or the problem that is told first. */
export type Verdict =
  | { readonly kind: 'at-once' }
  | { readonly kind: 'soon' }
  /** Once nobody writes to the file any more. */
  | { readonly kind: 'when-still' }
  /** `isShort`: files are short, and each try takes some from the databases that are open. */
  | { readonly kind: 'problem'; readonly error: unknown; readonly isShort: boolean };

/** Judges the ends of the sessions of one database, one after the other. */
export class Failures {
  readonly #context: SessionContext;
  /** When it was opened last, and since when it ends by what passes by itself; by ticks of the system. */
  #openedAt: number | undefined;
  #restlessSince: number | undefined;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  /** The database is being opened. */
  opening(): void {
    this.#openedAt = undefined;
  }

  /** It is open. */
  opened(): void {
    this.#openedAt = performance.now();
  }

  /** It was open for longer than a moment. */
  get hasLasted(): boolean {
    return this.#openedAt !== undefined && performance.now() - this.#openedAt > patienceMs;
  }

  /** What follows from what ended a session. */
  judge(failure: unknown): Verdict {
    const { options, owner } = this.#context;
    const now = performance.now();
    const unproven = failure instanceof ContinuityUnproven ? failure : undefined;
    const isVisited = unproven !== undefined && (unproven.why === undefined || unproven.why === 'visit');
    if (unproven !== undefined) {
      options.log.info({ why: unproven.why }, 'comparing pages, since the database changed unseen');
      owner.outside = this.outsideOf(unproven.why) ?? owner.outside;
    }
    if (isVisited) owner.visits.noteSpoiled(now);
    const isOutside = this.#tellOutside(failure);
    const code = failure instanceof AppError ? failure.code : undefined;
    const isUnsteady = isVisited || code === 'database-unsteady';
    const isPassing =
      isUnsteady || isOutside || unproven !== undefined || (code !== undefined && passingCodes.has(code));
    // What was open in between was locked, or changed, for a moment: each time is another one.
    const isOver = this.hasLasted || (!isUnsteady && this.#openedAt !== undefined);
    this.#restlessSince = isPassing ? ((isOver ? undefined : this.#restlessSince) ?? now) : undefined;
    if (this.#restlessSince === undefined || now - this.#restlessSince > patienceMs) return this.#explain(failure);
    if (isOutside && owner.outside?.words !== replacedWords) return { kind: 'when-still' };
    return { kind: unproven === undefined && !isOutside ? 'soon' : 'at-once' };
  }

  #explain(failure: unknown): Verdict {
    const { path } = this.#context.options.row;
    const isUnproven = failure instanceof ContinuityUnproven;
    const error = isUnproven ? new AppError('database-unsteady', { path }) : explainFailure(failure, path);
    return { kind: 'problem', error, isShort: error instanceof AppError && error.code === 'too-many-files' };
  }

  /** True for what somebody did to the file, after which its history goes on at once. */
  #tellOutside(error: unknown): boolean {
    const { options, owner } = this.#context;
    const words = error instanceof AppError ? outsideWords.get(error.code) : undefined;
    if (words === undefined) return false;
    const what = toErrorData(error);
    const isReplaced = words === replacedWords;
    // That it was written to is told once its content turns out to be another one.
    owner.outside = isReplaced ? { words } : { words, what };
    if (isReplaced) options.onEvent({ kind: 'outside', what });
    return true;
  }

  /** What somebody did to the file, as the history says it; undefined where nothing is known. */
  outsideOf(why: ContinuityUnproven['why']): Outside | undefined {
    if (why === undefined) return undefined;
    if (why !== 'outside') return { words: unprovenWords[why] };
    const what = new AppError('database-overwritten', { path: this.#context.options.row.path }).toData();
    return { words: overwrittenWords, what };
  }
}
