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
  if (isShortage(error)) return new AppError('too-many-files', { file: fileOf(error) }, { cause: error }).toData();
  const reason = systemReason(error);
  if (reason !== undefined) {
    const path = error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : '';
    return new AppError('system-failed', { path, reason }, { cause: error }).toData();
  }
  return new AppError('internal', { reason: reasonOf(error) }, { cause: error }).toData();
}

/** The one-line reason of a foreign error, without a closing full stop; what the system says by a code, in words. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return systemReason(error) ?? text.replace(/\s+/g, ' ').replace(/\.$/, '');
}

/** What the system may say of a file or a folder. */
const systemWords: Readonly<Record<string, string>> = {
  EACCES: 'the system does not allow it',
  EPERM: 'the system does not allow it',
  EROFS: 'it can only be read there',
  ENOTSUP: 'the file system there cannot do that',
  ENOSYS: 'the file system there cannot do that',
  ENOSPC: 'the disk is full',
  EDQUOT: 'its quota is used up',
  EFBIG: 'the file would be too large there',
  EIO: 'the disk reports an error',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'the name is too long there',
  ENOENT: 'it is not there',
  ENOTDIR: 'a part of its path is no folder',
  EISDIR: 'it is a folder',
  EEXIST: 'it is there already',
  ENOTEMPTY: 'it is not empty',
  EBUSY: 'it is in use',
  EXDEV: 'it lies on another disk',
  ENXIO: 'its disk is gone',
  ENODEV: 'its disk is gone',
  ENOTCONN: 'its drive is not connected',
  ESTALE: 'its drive is not connected any more',
  EHOSTDOWN: 'its drive is not connected',
  ETIMEDOUT: 'it does not answer',
};

/** What a failed call to the system says, in words; undefined for everything else. */
function systemReason(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error)) return undefined;
  const code = codeOf(error);
  // What sockets fail with names the other side, and is told by whoever spoke to it.
  return error.message.startsWith(`${code}: `) ? systemWords[code] : undefined;
}

/** The code of a system or SQLite error; empty where it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** What a thread that cannot be started says, and what is behind an error that has no code of its own. */
const shortageWords = /\bE[MN]FILE\b|\btoo many open files\b/i;

/** The system refused to open one more file; or that is what is behind it. */
export function isShortage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return /^E[MN]FILE$/.test(codeOf(error)) || shortageWords.test(error.message) || isShortage(error.cause);
}

/** For who can do without a file that is not there: of one that may not be opened now, nothing is known. Fails with what was refused. */
export function mustNotBeShort(error: unknown): void {
  if (isShortage(error)) throw error;
}

/** Which file a system error is about. */
export function fileOf(error: unknown): string {
  return error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : 'a file';
}

/** What happened, what is safe, what to do, in one paragraph. */
export function errorSentence(data: AppErrorData): string {
  return [data.message, data.safe, data.hint].filter((part) => part !== undefined && part !== '').join(' ');
}

/** What a sentence says instead of a name that is empty. */
function nameless(key: string): string {
  const words: Readonly<Record<string, string>> = {
    path: 'that place',
    url: 'that address',
    name: 'that destination',
    database: 'that database',
    file: 'that file',
    key: 'an object',
    bucket: 'that bucket',
    host: 'the server',
    reason: 'no reason was given',
  };
  return words[key] ?? `that ${key}`;
}

function describe(code: ErrorCode, details: ErrorDetails): ErrorText {
  const entries = Object.entries(details).map(([key, value]) => [key, String(value)] as const);
  const strings = entries.map(([key, value]) => [key, value.trim() === '' ? nameless(key) : value] as const);
  const say: ErrorTexts[string] = texts[code];
  const text = say(Object.fromEntries(strings));
  // Names keep their case; a word in the place of one begins a sentence.
  const isNameless = entries.some(([, value]) => value.trim() === '');
  return isNameless ? { ...text, message: text.message.charAt(0).toUpperCase() + text.message.slice(1) } : text;
}

/** What file systems answer that have no such call, or let nobody make it: network drives, FUSE, containers. */
const unable: ReadonlySet<string> = new Set(['ENOTSUP', 'EOPNOTSUPP', 'ENOTTY', 'EINVAL', 'ENOSYS', 'EACCES', 'EPERM']);

/** True for what a file system answers that cannot do what was asked. */
export function isUnable(error: unknown): boolean {
  return unable.has(codeOf(error));
}
