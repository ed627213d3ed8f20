// What several need to make files last.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { codeOf } from '../../shared/errors.ts';

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
