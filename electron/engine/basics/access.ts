// Who may do what with a file of the user's, and how a copy of it gets the same: never more than the original allows, nothing to
// others where nobody knows.
import fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from '../../../shared/errors.ts';
import { lookAt, whereAble } from './files.ts';

/** Permission bits of a file, and whose it is. */
export interface Access {
  readonly mode: number;
  /** Its owner and group; undefined where only the mode is known. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** That of a file that was looked at. */
export interface SeenAccess extends Access {
  readonly uid: number;
  readonly gid: number;
}

/** What a copy gets of which nobody knows what the original allowed. */
const ownerOnly: Access = { mode: 0o600 };

/** The access to a file; undefined where it is not there. */
export function accessOf(file: string): SeenAccess | undefined {
  const facts = lookAt(file);
  return facts && { mode: facts.mode & 0o777, uid: facts.uid, gid: facts.gid };
}

/**
 * With what mode a file of this access is made, while it is not known yet whose it will be: what not everybody may, the group it gets
 * at first may not either.
 */
export function firstMode({ mode }: Access = ownerOnly): number {
  const everybody = mode & 0o006;
  return 0o600 | everybody | (mode & (everybody << 3));
}

/**
 * Gives an open file, which nobody else has opened yet, the access of the original. File systems without modes or
 * owners, and servers that know better whose what is, keep their own: then it is ours alone as far as that can be told.
 */
export async function giveAccess(handle: FileHandle, access: Access = ownerOnly): Promise<void> {
  const [uid, gid] = ownersOf(access);
  let made = await handle.stat();
  const isTheirs = (uid === -1 || made.uid === uid) && (gid === -1 || made.gid === gid);
  if (!isTheirs && (await whereAble(() => handle.chown(uid, gid)))) made = await handle.stat();
  // Read and written by us in any case; programs are no databases.
  const mode = ((access.mode & 0o666) | 0o600) & groupMask(access, made);
  if ((made.mode & 0o777) !== mode) await whereAble(() => handle.chmod(mode));
}

/** Makes a folder for files of this access, whoever may read those may enter it. Fails as `mkdir` does. */
export async function makeFolder(folder: string, access: Access = ownerOnly): Promise<void> {
  await fs.promises.mkdir(folder, { mode: 0o700 });
  await whereAble(() => fs.promises.lchown(folder, ...ownersOf(access)));
  const mode = (access.mode & 0o666) | ((access.mode & 0o444) >> 2) | 0o700;
  const mask = groupMask(access, await fs.promises.lstat(folder));
  await whereAble(() => fs.promises.chmod(folder, mode & mask));
}

/** Root gives a file to its owner; everybody else to a group that they are in. −1 leaves it as it is. */
function ownersOf({ uid, gid }: Access): [number, number] {
  const isRoot = process.getuid?.() === 0;
  return [isRoot && uid !== undefined ? uid : -1, gid ?? -1];
}

/** What the original allows its group is for that group, and for no other one that a new file may get. */
function groupMask({ gid }: Access, made: { readonly gid: number }): number {
  return made.gid === gid ? 0o777 : 0o707;
}

/** The same with all folders that lead to it; the first that was made, or undefined where all were there. */
export async function makeFolders(folder: string, access?: Access): Promise<string | undefined> {
  const above = path.dirname(folder);
  try {
    return (await makeOne(folder, access)) ? folder : undefined;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || above === folder) throw error;
  }
  const first = await makeFolders(above, access);
  return (await makeOne(folder, access)) ? (first ?? folder) : first;
}

/** False where it is there already: others may be making the same one. */
async function makeOne(folder: string, access: Access | undefined): Promise<boolean> {
  try {
    await makeFolder(folder, access);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && lookAt(folder)?.isDirectory() === true) return false;
    throw error;
  }
}
