// Completes a path while it is typed, for windows without a native file dialog.
import fs from 'node:fs';
import path from 'node:path';
import type { PathSuggestion } from '../../../shared/model.ts';
import { findHome } from '../basics/home.ts';

const most = 50;

/** Entries whose path begins with `prefix` (`~` is the home folder): folders first; nothing where it cannot be read. */
export function suggestPaths(
  prefix: string,
  { withFiles }: { readonly withFiles: boolean },
): readonly PathSuggestion[] {
  const home = findHome() ?? '';
  const typed = prefix.startsWith('~') ? home + prefix.slice(1) : prefix || home + path.sep;
  if (!path.isAbsolute(typed)) return [];
  const folder = typed.endsWith(path.sep) ? typed : path.dirname(typed);
  const start = typed.endsWith(path.sep) ? '' : path.basename(typed).toLowerCase();
  return readFolder(folder)
    .filter((entry) => entry.name.toLowerCase().startsWith(start) && (start !== '' || !entry.name.startsWith('.')))
    .filter((entry) => !/-(?:wal|shm|journal)$/.test(entry.name))
    .map((entry) => ({ path: path.join(folder, entry.name), isFolder: isFolder(folder, entry) }))
    .filter(({ isFolder: isDirectory }) => isDirectory || withFiles)
    .sort((a, b) => Number(b.isFolder) - Number(a.isFolder) || a.path.localeCompare(b.path))
    .slice(0, most);
}

function readFolder(folder: string): readonly fs.Dirent[] {
  try {
    return fs.readdirSync(folder, { withFileTypes: true });
  } catch {
    // @NOTE A folder that is not there or may not be read has no suggestions.
    return [];
  }
}

function isFolder(folder: string, entry: fs.Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  try {
    return fs.statSync(path.join(folder, entry.name)).isDirectory();
  } catch {
    // @NOTE A link to nowhere, in a circle or into a folder that may not be read leads to no folder.
    return false;
  }
}
