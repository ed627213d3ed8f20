// The files and folders below the root of a folder target: where a key lies, and making, visiting and removing what is
// there. Folders come with the first object in them and go with the last one; the root itself is never made here.
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, lstat, open, readdir, realpath, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from '../../../shared/errors.ts';
import { type Access, firstMode, giveAccess, makeFolder } from '../basics/access.ts';
import { noFollow, syncFolder } from '../basics/files.ts';
import { unlessMissing } from './folder-errors.ts';

/** How often a put makes its folders again when a delete removed them as empty meanwhile. */
const folderAttempts = 5;
/** Nobody's but ours: not one that is there, nor what a link leads to. */
const newFile = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | noFollow;

/** The file of a key. Keys are ours or come from a listing: one that leads elsewhere is a bug. */
export function locate(root: string, key: string): string {
  const isSafe = key.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/[\\\0:]/.test(part));
  if (!isSafe) throw new Error(`not a key: ${JSON.stringify(key)}`);
  return join(root, key);
}

/** Fails with what the file system says of a root that is gone, or no folder. */
export async function mustExist(root: string): Promise<void> {
  if (!(await stat(root)).isDirectory()) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' });
}

/** Folders that a replica is made of. */
const ownFolder = /^(?:generations|snapshots|wal|[0-9a-f]{16})$/;

/**
 * Visits every file below a folder whose key begins with `wanted`; what vanishes meanwhile is passed over, and so are folders that
 * may not be read, where they are none of a replica's: systems leave some of their own on every disk (`lost+found`).
 */
export async function walk(
  folder: string,
  { prefix = '', wanted = '' }: { readonly prefix?: string; readonly wanted?: string },
  visit: (key: string, path: string) => Promise<void>,
): Promise<void> {
  const entries: readonly Dirent[] = (await unlessMissing(readdir(folder, { withFileTypes: true }))) ?? [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const key = `${prefix}${entry.name}`;
    if (!entry.isDirectory()) {
      if (key.startsWith(wanted)) await visit(key, path);
      continue;
    }
    const below = `${key}/`;
    if (!below.startsWith(wanted) && !wanted.startsWith(below)) continue;
    try {
      await walk(path, { prefix: below, wanted }, visit);
    } catch (error) {
      const isBarred = ['EACCES', 'EPERM'].includes(codeOf(error)) && (error as NodeJS.ErrnoException).path === path;
      if (!isBarred || ownFolder.test(entry.name)) throw error;
    }
  }
}

/** Creates a new file and the folders that lead to it, from the root down. */
export async function createFile(root: string, path: string, access?: Access): Promise<FileHandle> {
  await mustBeWithin(root, dirname(path));
  for (let attempt = 1; ; attempt++) {
    try {
      const file = await open(path, newFile, firstMode(access));
      await giveAccess(file, access);
      return file;
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || attempt === folderAttempts) throw error;
      await makeFolders(root, dirname(path), access);
    }
  }
}

/** A place below `root` that is no link and is reached without one: whoever puts one there would have us write or delete elsewhere. */
export async function mustBeWithin(root: string, path: string): Promise<void> {
  if (path !== root && !(await isReal(root, path))) await findLink(root, path);
}

/** True where a place surely is what its path says: asked once for all that leads to it. */
async function isReal(root: string, path: string): Promise<boolean> {
  try {
    const [from, to] = await Promise.all([realpath(root), realpath(path)]);
    return to === from + path.slice(root.length);
  } catch {
    // @NOTE It is not there yet, or its file system does not say: looked at step by step.
    return false;
  }
}

async function findLink(root: string, path: string): Promise<void> {
  if (path === root || path === dirname(path)) return;
  await findLink(root, dirname(path));
  const facts = await unlessMissing(lstat(path));
  if (facts?.isSymbolicLink() !== true) return;
  throw Object.assign(new Error(`${path} is a link, which leads elsewhere`), { code: 'ELOOP', path });
}

/** Makes `folder` below `root`; fails with ENOENT where the root itself is gone. */
async function makeFolders(root: string, folder: string, access: Access | undefined): Promise<void> {
  if (folder === root) return mustExist(root);
  try {
    await makeFolder(folder, access);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    if (codeOf(error) !== 'ENOENT') throw error;
    await makeFolders(root, dirname(folder), access);
    return makeFolders(root, folder, access);
  }
  await syncFolder(dirname(folder));
}

/** Removes a folder and those above it, up to the root, as far as they are empty. */
export async function removeEmpty(root: string, folder: string): Promise<void> {
  for (let at = folder; at !== root; at = dirname(at)) {
    try {
      await rmdir(at);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') continue;
      // @NOTE a folder that stays is no harm: it holds something, or may not be removed.
      return;
    }
  }
}

export async function discard(tmp: string): Promise<void> {
  try {
    await unlink(tmp);
  } catch {
    // @NOTE it was never created, is renamed already, or the disk is gone: removeLeftovers has the last word.
  }
}
