// The data folder holds what the databases hold: nobody but its owner looks into it, whatever made it, and when. A folder of the
// user's that was named as data folder keeps the modes of everything in it that is not ours.
import fs from 'node:fs';
import path from 'node:path';
import { codeOf } from '../../../shared/errors.ts';
import { makeOwnFolder } from './files.ts';

/** What is ours in it. Chromium keeps its own folder, which nobody reaches through ours. */
const ownFiles =
  /^(?:state\.db(?:-wal|-shm|-journal)?|holder\.json|desktop\.json(?:\.tmp)?|secret\.(?:key|sealed)(?:\.damaged|\.unreadable)?)$/;
const ownFolders: ReadonlySet<string> = new Set(['databases', 'logs', 'demo', 'way-in']);

/** Mode of every file that we keep for ourselves. */
export const privateFile = 0o600;

/**
 * Makes the data folder, and makes it and what is ours in it private. Fails where it can be neither made nor entered, and where it
 * is another user's: who put it there could look into it, and put something else into the place of what is kept.
 */
export function keepPrivate(dataDir: string): void {
  makeOwnFolder(dataDir);
  if (process.platform === 'win32') return;
  const user = process.geteuid?.();
  const { uid } = fs.statSync(dataDir);
  // Root may use anybody's, and may have made it for us.
  if (uid !== user && uid !== 0 && user !== 0) throw new Error(`it belongs to another user (${uid})`);
  closeAll(dataDir, false);
  for (const entry of fs.readdirSync(dataDir, { withFileTypes: true })) {
    if (ownFolders.has(entry.name) ? entry.isDirectory() : ownFiles.test(entry.name) && entry.isFile())
      closeAll(path.join(dataDir, entry.name), entry.isDirectory());
  }
}

function closeAll(place: string, isFolder: boolean): void {
  quietly(() => {
    const { mode } = fs.lstatSync(place);
    if ((mode & 0o077) !== 0) fs.chmodSync(place, mode & 0o700);
  });
  if (!isFolder) return;
  quietly(() => {
    for (const entry of fs.readdirSync(place, { withFileTypes: true })) {
      // A link leads to what is not ours.
      if (entry.isFile() || entry.isDirectory()) closeAll(path.join(place, entry.name), entry.isDirectory());
    }
  });
}

function quietly(action: () => void): void {
  try {
    action();
  } catch (error) {
    // @NOTE It went away meanwhile, or its file system has no modes, or it belongs to somebody else: then it is theirs to do.
    if (!['ENOENT', 'ENOTDIR', 'EPERM', 'EACCES', 'EROFS', 'ENOTSUP', 'EINVAL'].includes(codeOf(error))) throw error;
  }
}
