// The key under which the engine seals what is secret in its state, for hosts without a keyring: a file of the data folder that
// only its owner may read. Who can read that file and the state can read the secrets; a copy of the state alone tells nothing.
import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, reasonOf, isUnable } from '../../shared/errors.ts';
import { makeDataDir } from './data-dir.ts';

/** Bytes of a key. */
const keyBytes = 32;
const fileName = 'secret.key';

/** The key of a data folder, made the first time. Fails with `data-folder-unusable`. */
export function readKeyFile(dataDir: string): Uint8Array {
  const file = join(dataDir, fileName);
  try {
    makeDataDir(dataDir);
    const known = findKeyFile(dataDir);
    if (known !== undefined) return known;
    writeKeyFile(file, formatKey(newKey()));
    return parseKey(readFileSync(file, 'utf8')) ?? newKey();
  } catch (error) {
    throw new AppError('data-folder-unusable', { path: dataDir, reason: reasonOf(error) }, { cause: error });
  }
}

/** The key that a data folder holds as a file; undefined where it holds none that can be used. */
export function findKeyFile(dataDir: string): Uint8Array | undefined {
  const file = join(dataDir, fileName);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  chmodSync(file, 0o600);
  const key = parseKey(text);
  // Put aside rather than replaced: somebody may have kept the whole of it elsewhere.
  if (key === undefined) renameSync(file, `${file}.damaged`);
  return key;
}

/** Removes the file, once the key is kept in a better place. */
export function removeKeyFile(dataDir: string): void {
  rmSync(join(dataDir, fileName), { force: true });
}

/** A new key. */
export function newKey(): Uint8Array {
  return randomBytes(keyBytes);
}

/** A key as text. */
export function formatKey(key: Uint8Array): string {
  return Buffer.from(key).toString('base64');
}

/** The inverse of {@link formatKey}; undefined for what is none. */
export function parseKey(text: string): Uint8Array | undefined {
  const key = Buffer.from(text.trim(), 'base64');
  return key.length === keyBytes ? key : undefined;
}

/** Writes a file for its owner alone; whoever came first is right. */
export function writeKeyFile(file: string, content: string | Uint8Array): void {
  try {
    writeFileSync(file, content, { mode: 0o600, flag: 'wx', flush: true });
  } catch (error) {
    // All of it is written by then, to a disk that cannot say when it is safe there.
    const isUnflushed = error instanceof Error && 'syscall' in error && error.syscall === 'fsync';
    if (isUnflushed && isUnable(error)) return;
    // @NOTE Two that start at the same time: the file of the first one counts for both.
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}
