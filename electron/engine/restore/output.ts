// The restored file before it has its name: temporary files beside the destination, and the one step that publishes them.
// Never overwrites a file, not even one that appears meanwhile; leaves nothing under the final name before it is whole.
// Names of temporary files tell whose they are, so that those of a killed restore can be removed and no others.
import { createHash, randomBytes } from 'node:crypto';
import { chmod, link, lstat, open, readdir, rename, rm, stat, statfs, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { AppError, codeOf } from '../../../shared/errors.ts';
import { syncFolder } from '../files.ts';

const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 6);
/** Tells this process from an earlier one with the same number. */
const startedAt = Math.round(Date.now() / 1000 - process.uptime()).toString(36);
const ownName = /^\..*\.tidemark-([0-9a-f]{6})-(\d+)-([0-9a-z]+)-[0-9a-f]{8}(?:[.-].*)?$/;
const sidecars = ['-wal', '-shm', '-journal'];
/** Bytes of the final name that a temporary one repeats: together with the rest it must fit into 255. */
const nameBytes = 120;

/** A file that is being restored. Disposing removes whatever is temporary. */
export interface Output extends AsyncDisposable {
  /** Where it will be. */
  readonly path: string;
  readonly folder: string;
  /** Where it is until then; exists, empty at first. */
  readonly temporaryPath: string;
  /** Another temporary file's path. */
  readonly beside: (suffix: string) => string;
  /** Makes it durable and gives it its name. Throws `output-exists` or `output-sidecar` when the place is taken. */
  readonly publish: () => Promise<void>;
}

/**
 * Prepares a place for a restored database. `mode` are the permission bits it gets; by default those of a new file.
 * Throws `output-exists`, `output-sidecar`, `output-folder-missing`, `output-no-permission`, `output-full`.
 */
export async function openOutput(options: {
  readonly path: string;
  readonly mode?: number | undefined;
}): Promise<Output> {
  const path = resolve(options.path);
  const folder = dirname(path);
  await mustBeFree(path);
  const base = join(folder, temporaryName(basename(path)));
  const temporaryPath = `${base}.db`;
  await classified(folder, async () => {
    await removeStaleRestoreFiles(folder);
    const file = await open(temporaryPath, 'wx', ((options.mode ?? 0o644) & 0o777) | 0o600);
    await file.close();
  });
  return {
    path,
    folder,
    temporaryPath,
    beside: (suffix) => `${base}.${suffix}`,
    publish: () => classified(folder, () => publish(temporaryPath, path, options.mode)),
    [Symbol.asyncDispose]: () => removeAll(folder, basename(base)),
  };
}

/** Throws `output-full` when a folder's disk has less room than is needed. */
export async function mustHaveRoom(folder: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await classified(folder, () => statfs(folder));
  const freeBytes = bavail * bsize;
  if (freeBytes < neededBytes) throw new AppError('output-full', { path: folder, neededBytes, freeBytes });
}

/** Between two looks at the disk; that much of it stays free. */
const roomStepBytes = 64 << 20;

/** Passes on content of which nobody knows how long it is, as long as the folder's disk has room for it; throws `output-full`. */
export async function* whileRoom(content: AsyncIterable<Uint8Array>, folder: string): AsyncGenerator<Uint8Array> {
  let left = 0;
  for await (const chunk of content) {
    left -= chunk.length;
    if (left < 0) {
      await mustHaveRoom(folder, 2 * roomStepBytes);
      left = roomStepBytes;
    }
    yield chunk;
  }
}

/** Removes what killed restores left in a folder; what a living process of this machine works on stays. */
export async function removeStaleRestoreFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (isStale(name)) await rm(join(folder, name), { force: true });
  }
}

/** Runs `action` and turns the file system's errors into those of an output. */
async function classified<T>(folder: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw classifyOutputError(error, folder);
  }
}

/** The error of an output for an error of the file system; everything else is passed through. */
export function classifyOutputError(error: unknown, folder: string): unknown {
  switch (error instanceof AppError ? undefined : codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new AppError('output-full', { path: folder }, { cause: error });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new AppError('output-no-permission', { path: folder }, { cause: error });
    case 'ENOENT':
    case 'ENOTDIR':
      return new AppError('output-folder-missing', { path: folder }, { cause: error });
    default:
      return error;
  }
}

/** Throws `output-exists`, `output-sidecar`, `output-folder-missing`, `output-no-permission` where no file can be made. */
export async function mustBeFree(path: string): Promise<void> {
  const folder = dirname(path);
  await classified(folder, async () => {
    if (!(await stat(folder)).isDirectory()) throw new AppError('output-folder-missing', { path: folder });
    if (await exists(path)) throw new AppError('output-exists', { path });
    for (const suffix of sidecars) {
      const sidecar = `${path}${suffix}`;
      if (await exists(sidecar)) throw new AppError('output-sidecar', { path, sidecar });
    }
  });
}

async function publish(temporaryPath: string, path: string, mode: number | undefined): Promise<void> {
  const file = await open(temporaryPath, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  if (mode !== undefined) await chmod(temporaryPath, mode & 0o777);
  await mustBeFree(path);
  await giveName(temporaryPath, path);
  await syncFolder(dirname(path));
}

/** Renames, but never over a file: a hard link fails where the name is taken. */
async function giveName(temporaryPath: string, path: string): Promise<void> {
  try {
    await link(temporaryPath, path);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') throw new AppError('output-exists', { path }, { cause: error });
    if (code === 'ENOSPC' || code === 'EACCES' || code === 'EROFS' || code === 'ENOENT') throw error;
    // No hard links on this file system (FAT, some network shares): the name is taken first, then filled by a rename.
    await takeName(path);
    await rename(temporaryPath, path);
    return;
  }
  await unlink(temporaryPath);
}

async function takeName(path: string): Promise<void> {
  try {
    const file = await open(path, 'wx');
    await file.close();
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      throw new AppError('output-exists', { path }, { cause: error });
    }
    throw error;
  }
}

async function removeAll(folder: string, base: string): Promise<void> {
  const names = await readdir(folder).catch(() => []); // @NOTE a folder that is gone holds nothing to remove
  for (const name of names) if (name.startsWith(base)) await rm(join(folder, name), { force: true });
}

/** Begins with a dot, so that file managers hide it. */
function temporaryName(name: string): string {
  let short = '';
  for (const character of name) {
    if (Buffer.byteLength(short + character) > nameBytes) break;
    short += character;
  }
  return `.${short}.tidemark-${host}-${process.pid}-${startedAt}-${randomBytes(4).toString('hex')}`;
}

function isStale(name: string): boolean {
  const [, itsHost, itsPid, itsStart] = ownName.exec(name) ?? [];
  if (itsHost !== host) return false;
  const pid = Number(itsPid);
  return pid === process.pid ? itsStart !== startedAt : !isAlive(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // @NOTE a process that may not be signalled is there all the same.
    return codeOf(error) === 'EPERM';
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
