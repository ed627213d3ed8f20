// What several need to make files last.
import fs, { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { codeOf } from '../../shared/errors.ts';

/** Follows no link, where the system can say so: what lay there as a file may be one by now. */
export const noFollow = constants.O_NOFOLLOW ?? 0;

/** How a file looks; undefined where it is not there, or its place cannot be looked at: whoever has to know why opens it. */
export function lookAt(file: string): fs.Stats | undefined {
  try {
    return fs.statSync(file, { throwIfNoEntry: false });
  } catch {
    // @NOTE No rights, links in a circle, a disk that fails or went away.
    return undefined;
  }
}

/** Makes a folder's entries durable, where the platform can: a rename in it lasts from then on. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows has no such call and needs none.
  if (process.platform === 'win32') return;
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } catch (error) {
    // @NOTE some network file systems cannot fsync a folder; there the rename itself has to do.
    if (codeOf(error) !== 'EINVAL' && codeOf(error) !== 'ENOTSUP') throw error;
  } finally {
    await handle.close();
  }
}
