// The restored file before it has its name: temporary files in a folder of their own beside the destination, which nobody else
// enters, and the one step that publishes them.
// Never overwrites a file, not even one that appears meanwhile; leaves nothing under the final name before it is whole.
// Names of these folders tell whose they are, so that those of a killed restore can be removed and no others.
import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { AppError, codeOf } from '../../../shared/errors.ts';
import { type Access, giveAccess } from '../basics/access.ts';
import { freeBytesAt, noFollow, syncFolder, whereAble } from '../basics/files.ts';
import { formatUnfinished, parseUnfinished } from '../../../shared/unfinished.ts';
import { impossibleNameIn } from '../../../shared/windows-names.ts';

const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 6);
/** Tells this process from an earlier one with the same number. */
const startedAt = Math.round(Date.now() / 1000 - process.uptime()).toString(36);
const sidecars = ['-wal', '-shm', '-journal'];
/** Bytes of the final name that a temporary one repeats: together with the rest it must fit into 255. */
const nameBytes = 120;

/** A file that is being restored. Disposing removes whatever is temporary. */
export interface Output extends AsyncDisposable {
  /** Where it will be. */
  readonly path: string;
  readonly folder: string;
  /** Where it is until then; exists, empty at first. To be opened without following a link: {@link noFollow}. */
  readonly temporaryPath: string;
  /** Another temporary file's path. */
  readonly beside: (suffix: string) => string;
  /** Makes it durable and gives it its name. Throws `output-exists` or `output-sidecar` when the place is taken. */
  readonly publish: () => Promise<void>;
}

/**
 * Prepares a place for a restored database. `access` is what it gets; by default nobody but its owner may read it.
 * Throws `output-exists`, `output-sidecar`, `output-folder-missing`, `output-no-permission`, `output-full`.
 */
export async function openOutput(options: {
  readonly path: string;
  readonly access?: Access | undefined;
}): Promise<Output> {
  const path = resolve(options.path);
  const folder = dirname(path);
  await mustBeFree(path);
  const ours = join(folder, temporaryName(basename(path)));
  const temporaryPath = join(ours, 'restored.db');
  await classified(folder, async () => {
    await removeStaleRestoreFiles(folder);
    await mkdir(ours, { mode: 0o700 });
    const file = await open(temporaryPath, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | noFollow, 0o600);
    await file.close();
  });
  return {
    path,
    folder,
    temporaryPath,
    beside: (suffix) => join(ours, suffix),
    publish: () => classified(folder, () => publish(temporaryPath, path, options.access)),
    [Symbol.asyncDispose]: () => rm(ours, { recursive: true, force: true }),
  };
}

/** Throws `output-full` when a folder's disk has less room than is needed. */
export async function mustHaveRoom(folder: string, neededBytes: number): Promise<void> {
  const freeBytes = await classified(folder, () => freeBytesAt(folder));
  // Where nobody knows it, the writing finds out.
  if (freeBytes !== undefined && freeBytes < neededBytes)
    throw new AppError('output-full', { path: folder, neededBytes, freeBytes });
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
    if (isStale(name)) await rm(join(folder, name), { recursive: true, force: true });
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

/**
 * Throws `output-exists`, `output-sidecar`, `output-folder-missing`, `output-no-permission`, `output-name-too-long` or
 * `output-name-impossible` where no file can be made.
 */
export async function mustBeFree(path: string): Promise<void> {
  const folder = dirname(path);
  const name = process.platform === 'win32' ? impossibleNameIn(path) : undefined;
  if (name !== undefined) throw new AppError('output-name-impossible', { path, name });
  await classified(folder, async () => {
    await mustHaveShortNames(path);
    if (!(await stat(folder)).isDirectory()) throw new AppError('output-folder-missing', { path: folder });
    if (await exists(path)) throw new AppError('output-exists', { path });
    for (const suffix of sidecars) {
      const sidecar = `${path}${suffix}`;
      if (await exists(sidecar)) throw new AppError('output-sidecar', { path, sidecar });
    }
  });
}

/** Throws `output-name-too-long` where SQLite could not make its files beside a database of this name. */
async function mustHaveShortNames(path: string): Promise<void> {
  for (const suffix of ['', ...sidecars]) {
    try {
      await lstat(`${path}${suffix}`);
    } catch (error) {
      if (codeOf(error) === 'ENAMETOOLONG') throw new AppError('output-name-too-long', { path }, { cause: error });
      // @NOTE What else is wrong with the place is told by those who need it.
    }
  }
}

async function publish(temporaryPath: string, path: string, access: Access | undefined): Promise<void> {
  const file = await open(temporaryPath, constants.O_RDWR | noFollow);
  try {
    await giveAccess(file, access);
    await whereAble(() => file.sync());
  } finally {
    await file.close();
  }
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
    const file = await open(path, 'wx', 0o600);
    await file.close();
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      throw new AppError('output-exists', { path }, { cause: error });
    }
    throw error;
  }
}

/** Begins with a dot, so that file managers hide it. */
function temporaryName(name: string): string {
  let short = '';
  for (const character of name) {
    if (Buffer.byteLength(short + character) > nameBytes) break;
    short += character;
  }
  const { pid } = process;
  return formatUnfinished({ start: short, host, pid, startedAt }, randomBytes(4).toString('hex'));
}

function isStale(name: string): boolean {
  const found = parseUnfinished(name);
  if (found?.host !== host) return false;
  return found.pid === process.pid ? found.startedAt !== startedAt : !isAlive(found.pid);
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
