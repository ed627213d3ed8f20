// Which target an address means: the one place that knows all kinds. Users type addresses; everything behind this border
// has absolute paths.
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { AppError } from '../../../shared/errors.ts';
import { createFolderTarget, type FolderTarget, openFolderTarget } from './folder.ts';

/** An address, understood. */
export interface TargetAddress {
  readonly kind: 'folder';
  /** Absolute. */
  readonly path: string;
  /** The same address in its usual form. */
  readonly url: string;
}

/** Understands `file:///path` and bare paths, relative ones from the current folder; else throws `target-unsupported`. */
export function parseTargetUrl(url: string): TargetAddress {
  const path = resolve(pathOf(url));
  return { kind: 'folder', path, url: pathToFileURL(path).href };
}

/** The target at an address. Its place has to exist when it is used. */
export function openTarget(url: string): FolderTarget {
  return openFolderTarget(parseTargetUrl(url));
}

/** The target at an address, its place created where it does not exist yet. */
export async function createTarget(url: string): Promise<FolderTarget> {
  return createFolderTarget(parseTargetUrl(url));
}

function pathOf(url: string): string {
  if (url.trim() === '' || url.includes('\0')) throw new AppError('target-unsupported', { url });
  // One letter is a Windows drive, not a scheme.
  if (!/^[a-z][a-z0-9+.-]+:/i.test(url)) return url;
  if (!/^file:\/\//i.test(url)) throw new AppError('target-unsupported', { url });
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new AppError('target-unsupported', { url }, { cause: error });
  }
}
