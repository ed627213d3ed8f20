// The desktop's key for the engine's secrets: sealed by the system's keyring where there is one, else a file for its owner alone.
// A keyring that does not open what it sealed costs the secrets, not the data folder: the old key is put aside, not overwritten.
import { readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { safeStorage } from 'electron';
import { AppError, codeOf, reasonOf } from '../../shared/errors.ts';
import type { HostInfo } from '../../shared/model.ts';
import {
  findKeyFile,
  formatKey,
  newKey,
  parseKey,
  readKeyFile,
  removeKeyFile,
  writeKeyFile,
} from '../host/secret-key.ts';

export interface DesktopSecrets {
  readonly key: Uint8Array;
  readonly keptBy: HostInfo['secretsKeptBy'];
}

const fileName = 'secret.sealed';

/** The key of a data folder; only once Electron is ready. Fails with `data-folder-unusable`. */
export async function readDesktopKey(dataDir: string): Promise<DesktopSecrets> {
  if (!(await hasKeyring())) return { key: readKeyFile(dataDir), keptBy: 'file' };
  const file = join(dataDir, fileName);
  const sealed = await readSealed(file);
  if (sealed !== undefined) return { key: sealed, keptBy: 'keyring' };
  // One that a host without a keyring made moves into it.
  const key = findKeyFile(dataDir) ?? newKey();
  writeKeyFile(file, await safeStorage.encryptStringAsync(formatKey(key)));
  removeKeyFile(dataDir);
  return { key, keptBy: 'keyring' };
}

/** On Linux, Electron falls back to a password that everybody knows: that is no keyring. */
async function hasKeyring(): Promise<boolean> {
  if (process.platform === 'linux' && safeStorage.getSelectedStorageBackend() === 'basic_text') return false;
  return await safeStorage.isAsyncEncryptionAvailable();
}

async function readSealed(file: string): Promise<Uint8Array | undefined> {
  let sealed: Buffer;
  try {
    sealed = readFileSync(file);
  } catch (error) {
    // @NOTE Not there yet. One that cannot be read now is not replaced.
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new AppError('data-folder-unusable', { path: dirname(file), reason: reasonOf(error) }, { cause: error });
  }
  try {
    const key = parseKey((await safeStorage.decryptStringAsync(sealed)).result);
    if (key !== undefined) return key;
  } catch {
    // @NOTE Sealed by another keyring: as with a file that is damaged, a new key is made.
  }
  renameSync(file, `${file}.unreadable`);
  return undefined;
}
