// Turns what a file system says into what a destination fails with.
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError, codeOf, isShortage, reasonOf } from '../../../shared/errors.ts';
import { BodyFailure } from './folder-body.ts';

/** Runs `action` and turns the file system's errors into the target's. */
export async function classified<T>(path: string, intent: 'read' | 'write', action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof BodyFailure) throw error.cause;
    throw await classify(error, path, intent);
  }
}

/** What a file system's error means for a target; what is none stays as it is. */
export async function classify(error: unknown, path: string, intent: 'read' | 'write'): Promise<unknown> {
  const fail = (
    code: 'target-full' | 'target-read-only' | 'target-no-permission' | 'target-missing' | 'target-name-too-long',
  ) => new AppError(code, { path }, { cause: error });
  const code = codeOf(error);
  // What does not come from the file system is passed through.
  if (error instanceof AppError || !/^E[A-Z0-9]+$/.test(code)) return error;
  // Other places would meet it too.
  if (isShortage(error)) return new AppError('too-many-files', { file: path }, { cause: error });
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return fail('target-full');
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return fail(intent === 'write' ? 'target-read-only' : 'target-no-permission');
    case 'ENOENT':
      return fail('target-missing');
    case 'ENAMETOOLONG':
      return fail('target-name-too-long');
    case 'ENOTDIR':
    case 'EEXIST':
      return new AppError('target-inside-file', { path, file: await fileOn(pathOf(error) ?? path) }, { cause: error });
    default:
      return new AppError('target-failed', { path, reason: reasonOf(error) }, { cause: error });
  }
}

/** Which part of a path is a file although it should be a folder. */
async function fileOn(path: string): Promise<string> {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    const facts = await unlessMissing(stat(at));
    if (facts !== undefined && !facts.isDirectory()) return at;
  }
  return path;
}

function pathOf(error: unknown): string | undefined {
  return error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : undefined;
}

export async function unlessMissing<T>(pending: Promise<T>): Promise<T | undefined> {
  try {
    return await pending;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
