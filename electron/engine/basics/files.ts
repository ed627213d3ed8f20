// What several need to make files last.
import fs, { constants } from 'node:fs';
import { open, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf, isUnable } from '../../../shared/errors.ts';

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

/**
 * Makes a folder of its owner alone, with whatever leads to it. Step by step: Node itself tries for ever where a folder cannot be
 * made although the one above it is there (`/proc`).
 */
export function makeOwnFolder(folder: string): void {
  const make = () => {
    try {
      fs.mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      if (lookAt(folder)?.isDirectory() !== true) throw error;
    }
  };
  try {
    make();
  } catch (error) {
    const parent = dirname(folder);
    if (codeOf(error) !== 'ENOENT' || parent === folder) throw error;
    makeOwnFolder(parent);
    make();
  }
}

/** Does what not every file system can; false where this one cannot. What it fails with otherwise is thrown. */
export async function whereAble(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    if (isUnable(error)) return false;
    throw error;
  }
}

/** Brings an open file, or folder, to its disk; false where that disk has no such call. */
export function syncWhereAble(fd: number): boolean {
  try {
    fs.fsyncSync(fd);
    return true;
  } catch (error) {
    if (isUnable(error)) return false;
    throw error;
  }
}

/**
 * Makes a folder's entries durable: a rename in it lasts from then on. False where the file system cannot; there the rename itself
 * has to do.
 */
export async function syncFolder(folder: string): Promise<boolean> {
  // Windows has no such call and needs none.
  if (process.platform === 'win32') return true;
  return await whereAble(async () => {
    const handle = await open(folder, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}

/** How much is free for us at a place; undefined where its file system does not count (FUSE, some network drives). */
export async function freeBytesAt(place: string): Promise<number | undefined> {
  const { bavail, blocks, bsize } = await statfs(place);
  return blocks === 0 ? undefined : bavail * bsize;
}
