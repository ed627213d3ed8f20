// Folders as destinations: what a folder is, where in it a database's history would lie, and making that place ready.
import fs from 'node:fs';
import path from 'node:path';
import { AppError, codeOf, fileOf, isShortage, reasonOf } from '../../../shared/errors.ts';
import type { FolderInspection } from '../../../shared/targets.ts';
import { freeBytesAt } from '../basics/files.ts';
import { ownedByOther, unreadableRecord } from './ownership.ts';
import { mustHoldNoLtx } from '../replica/ltx.ts';
import { findRecord } from '../replica/record.ts';
import { openTarget } from '../targets/open-target.ts';

/** Where in a destination folder the history of a database lies. */
export function replicaPathIn(folder: string, databasePath: string): string {
  return path.join(path.resolve(folder), path.basename(databasePath));
}

/** Looks at a folder without changing anything. */
export async function inspectFolder(
  {
    folder,
    databasePath,
    machineId,
  }: { readonly folder: string; readonly databasePath: string; readonly machineId: string },
  { signal }: { readonly signal: AbortSignal },
): Promise<FolderInspection> {
  const absolute = path.resolve(folder);
  const replicaPath = replicaPathIn(absolute, databasePath);
  try {
    const existing = await nearestExisting(absolute);
    if (!fs.statSync(existing).isDirectory())
      throw new AppError('target-inside-file', { path: absolute, file: existing });
    checkWritable(existing, absolute);
    const contents = await contentsOf(replicaPath, { databasePath, machineId }, signal);
    return {
      kind: 'usable',
      path: absolute,
      replicaPath,
      freeBytes: await freeBytesAt(existing),
      contents: contents === 'missing' ? (existing === absolute ? 'empty' : 'new') : contents,
      isSameDisk: isSameDisk(existing, databasePath),
    };
  } catch (error) {
    return { kind: 'refused', error: classifyFolderError(error, absolute).toData() };
  }
}

type Contents = Extract<FolderInspection, { kind: 'usable' }>['contents'] | 'missing';

async function contentsOf(
  replicaPath: string,
  { databasePath, machineId }: { readonly databasePath: string; readonly machineId: string },
  signal: AbortSignal,
): Promise<Contents> {
  const stat = fs.statSync(replicaPath, { throwIfNoEntry: false });
  if (stat === undefined) return 'missing';
  if (!stat.isDirectory()) throw new AppError('target-collides', { path: replicaPath });
  const names = fs.readdirSync(replicaPath);
  if (names.length === 0) return 'empty';
  const found = await findRecord(openTarget(replicaPath), { signal });
  if (found?.problem !== undefined) throw unreadableRecord(replicaPath, found);
  const record = found?.record;
  if (record !== undefined) {
    if (record.machine.id === machineId && record.path === databasePath) return 'history-of-this';
    throw ownedByOther(replicaPath, record);
  }
  await mustHoldNoLtx(openTarget(replicaPath), { signal });
  if (names.includes('generations')) return 'litestream-history';
  throw new AppError('target-collides', { path: replicaPath });
}

/** The folder itself, or the nearest one above it that is there; fails as a destination does. */
export async function nearestExisting(folder: string): Promise<string> {
  for (let at = folder; ; at = path.dirname(at)) {
    try {
      await fs.promises.stat(at);
      return at;
    } catch (error) {
      // @NOTE Where a file is in the middle of the path, one of its parents is that file.
      if (at !== path.dirname(at) && ['ENOENT', 'ENOTDIR'].includes(codeOf(error))) continue;
      throw classifyFolderError(error, folder);
    }
  }
}

function checkWritable(existing: string, absolute: string): void {
  try {
    fs.accessSync(existing, fs.constants.W_OK | fs.constants.X_OK);
  } catch (error) {
    throw new AppError('target-read-only', { path: absolute }, { cause: error });
  }
}

function isSameDisk(existing: string, databasePath: string): boolean {
  const database = fs.statSync(databasePath, { throwIfNoEntry: false });
  return database !== undefined && database.dev === fs.statSync(existing).dev;
}

/** What the file system says of a folder, as what a destination fails with. */
export function classifyFolderError(error: unknown, folder: string): AppError {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  if (isShortage(error)) return new AppError('too-many-files', { file: fileOf(error) }, { cause: error });
  if (code === 'ENAMETOOLONG') return new AppError('target-name-too-long', { path: folder }, { cause: error });
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new AppError('target-read-only', { path: folder }, { cause: error });
  return new AppError('target-failed', { path: folder, reason: reasonOf(error) }, { cause: error });
}
