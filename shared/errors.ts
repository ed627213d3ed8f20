// Failures that users may meet: a closed list of codes, each with its one text (what happened, what is safe, what to do),
// which lies by subject in the files that end in `-errors.ts`. Foreign errors are classified into these where they enter;
// everything else is a bug and becomes `internal`.
import { applicationErrors } from './application-errors.ts';
import { bucketErrors } from './bucket-errors.ts';
import { databaseErrors } from './database-errors.ts';
import type { ErrorText, ErrorTexts } from './error-text.ts';
import { historyErrors } from './history-errors.ts';
import { targetErrors } from './target-errors.ts';
import { targetTestErrors } from './target-test-errors.ts';

export interface AppErrorData extends ErrorText {
  readonly code: ErrorCode;
  /** Facts behind the sentence: paths, sizes, positions. */
  readonly details: ErrorDetails;
}

/** A failure that lasts, and since when. */
export interface Problem extends AppErrorData {
  readonly sinceAt: number;
}

export type ErrorDetails = Readonly<Record<string, string | number | boolean | readonly string[]>>;

const texts = {
  ...databaseErrors,
  ...targetErrors,
  ...bucketErrors,
  ...targetTestErrors,
  ...historyErrors,
  ...applicationErrors,
} as const satisfies ErrorTexts;

export type ErrorCode = keyof typeof texts;

/** A failure with a code that users and callers can act upon. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  constructor(code: ErrorCode, details: ErrorDetails = {}, options: { readonly cause?: unknown } = {}) {
    super(describe(code, details).message, options);
    this.code = code;
    this.details = details;
  }

  /** The error as plain data, with its full text: what crosses threads and processes. */
  toData(): AppErrorData {
    return { code: this.code, ...describe(this.code, this.details), details: this.details };
  }

  /** The inverse of {@link toData}. */
  static fromData(data: AppErrorData): AppError {
    return new AppError(data.code, data.details);
  }
}

/** Whatever was thrown, as plain data; what nobody classified becomes `internal`. */
export function toErrorData(error: unknown): AppErrorData {
  if (error instanceof AppError) return error.toData();
  if (isShortage(error)) {
    const file = error instanceof Error && 'path' in error ? String(error.path) : 'a file';
    return new AppError('too-many-files', { file }, { cause: error }).toData();
  }
  return new AppError('internal', { reason: reasonOf(error) }, { cause: error }).toData();
}

/** The one-line reason of a foreign error, without a closing full stop. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, ' ').replace(/\.$/, '');
}

/** The code of a system or SQLite error; empty where it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** The system refused to open one more file. */
export function isShortage(error: unknown): boolean {
  return /^E[MN]FILE$/.test(codeOf(error));
}

/** What happened, what is safe, what to do, in one paragraph. */
export function errorSentence(data: AppErrorData): string {
  return [data.message, data.safe, data.hint].filter((part) => part !== undefined && part !== '').join(' ');
}

function describe(code: ErrorCode, details: ErrorDetails): ErrorText {
  const strings = Object.fromEntries(Object.entries(details).map(([key, value]) => [key, String(value)]));
  const say: ErrorTexts[string] = texts[code];
  return say(strings);
}
