// A folder as a target: objects are files below its root, their keys are relative paths. An object is written beside its
// place, fsynced, dated, renamed, and its folder fsynced; unfinished files are never listed. The root is created only on
// request, never by writing an object: an unmounted disk is reported, not replaced by a folder on the wrong one.
import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { link, lstat, lutimes, open, rename, unlink } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AppError, codeOf } from '../../../shared/errors.ts';
import { type Access, makeFolders } from '../basics/access.ts';
import { noFollow, syncFolder, whereAble } from '../basics/files.ts';
import { impossibleNameIn } from '../../../shared/windows-names.ts';
import { writeBody } from './folder-body.ts';
import { classified, unlessMissing } from './folder-errors.ts';
import { folderLook } from './folder-look.ts';
import { createFile, discard, locate, mustBeWithin, mustExist, removeEmpty, walk } from './folder-tree.ts';
import type { PutCondition, StoredObject, Target } from './target.ts';

/** What the disk of a folder cannot do, so that it cannot be promised there. */
export type FolderLimit = 'durability' | 'times';

export interface FolderOptions {
  readonly path: string;
  /** A folder that was named, in which it lies. */
  readonly within?: string | undefined;
  /** Told once, with the first object that was put where the disk cannot do everything. */
  readonly onLimits?: ((limits: readonly FolderLimit[]) => void) | undefined;
}

export interface FolderTarget extends Target {
  /** The folder itself, absolute. */
  readonly path: string;
  removeLeftovers(options: { readonly now: number; readonly signal: AbortSignal }): Promise<void>;
  dateBack: NonNullable<Target['dateBack']>;
}

/** A writer's unfinished file: the final name, twelve random digits, `.tmp`. Other readers ignore it by its end. */
const ownTmp = /\.[0-9a-f]{12}\.tmp$/;
const readBytes = 1 << 20;

/**
 * The target at a folder. Does nothing yet: a missing root is reported by the first use. The root may be a link, for its user named
 * it; where it lies `within` a folder that was named, what leads from there to it may not.
 */
export function openFolderTarget(options: FolderOptions): FolderTarget {
  const path = resolve(options.path);
  const named =
    options.within === undefined || !path.startsWith(resolve(options.within) + sep) ? path : resolve(options.within);
  let isAsked = false;
  const onAsked = (limits: readonly FolderLimit[]) => {
    if (limits.length > 0 && !isAsked) options.onLimits?.(limits);
    isAsked = true;
  };
  const inFlight = new Set<string>();
  const used = async <T>(intent: 'read' | 'write', use: () => Promise<T>): Promise<T> =>
    await classified(path, intent, async () => {
      await mustBeWithin(named, path);
      return await use();
    });
  return {
    path,
    url: pathToFileURL(path).href,
    list: (prefix, { signal }) => used('read', () => list(path, prefix, signal)),
    put: (key, body, how) =>
      used('write', () => put(path, { key, body, ...how, inFlight, isFirst: !isAsked, onAsked })),
    async *get(key, { range, signal }) {
      await used('read', () => Promise.resolve());
      yield* get(path, { key, range, signal });
    },
    delete: (keys, { signal }) => used('write', () => remove(path, keys, signal)),
    removeLeftovers: ({ signal }) => used('write', () => removeLeftovers(path, inFlight, signal)),
    dateBack: (past) => used('write', () => dateBack(path, past)),
    look: folderLook(path),
  };
}

/** Creates the folder with whatever leads to it, and returns the target there. Throws as every use of it would. */
export async function createFolderTarget(
  options: FolderOptions & { readonly access?: Access | undefined },
): Promise<FolderTarget> {
  const target = openFolderTarget(options);
  const name = process.platform === 'win32' ? impossibleNameIn(target.path) : undefined;
  if (name !== undefined) throw new AppError('target-name-impossible', { path: target.path, name });
  await classified(target.path, 'write', async () => {
    const first = await makeFolders(target.path, options.access).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
      throw new AppError('target-unmakeable', { path: target.path }, { cause: error });
    });
    if (first !== undefined) await syncFolder(dirname(first));
  });
  return target;
}

async function list(root: string, prefix: string, signal: AbortSignal): Promise<readonly StoredObject[]> {
  signal.throwIfAborted();
  await mustExist(root);
  // Only the folder that the prefix names in full can hold matches.
  const start = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const found: StoredObject[] = [];
  const folder = start === '' ? root : locate(root, start.slice(0, -1));
  if (start !== '') await mustBeWithin(root, folder);
  await walk(folder, { prefix: start, wanted: prefix }, async (key, file) => {
    signal.throwIfAborted();
    if (key.endsWith('.tmp')) return;
    const facts = await unlessMissing(lstat(file));
    if (facts?.isFile() !== true) return;
    found.push({ key, bytes: facts.size, modifiedAt: Math.round(facts.mtimeMs), tag: tagOf(facts) });
  });
  return found.sort((a, b) => compareBytewise(a.key, b.key));
}

interface Put {
  readonly key: string;
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
  readonly modifiedAt?: number | undefined;
  readonly condition?: PutCondition | undefined;
  readonly access?: Access | undefined;
  readonly inFlight: Set<string>;
  readonly signal: AbortSignal;
  /** Nobody knows yet what the disk can do: the object is dated in any case, to see. */
  readonly isFirst: boolean;
  readonly onAsked: (limits: readonly FolderLimit[]) => void;
}

async function put(root: string, options: Put): Promise<{ readonly bytes: number; readonly isChecked?: boolean }> {
  const { key, body, modifiedAt, condition, access, inFlight, signal, isFirst, onAsked } = options;
  signal.throwIfAborted();
  const path = locate(root, key);
  // A name of its own per writer, so that two writers of one key can never mix their bytes.
  const tmp = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  inFlight.add(tmp);
  try {
    const file = await createFile(root, tmp, access);
    let bytes: number;
    let keepsTimes = true;
    let isDurable: boolean;
    try {
      bytes = await writeBody(file, body, signal);
      const at = notAfter(modifiedAt ?? Date.now());
      if (modifiedAt !== undefined || isFirst) keepsTimes = await whereAble(() => file.utimes(at, at));
      isDurable = await whereAble(() => file.sync());
    } finally {
      await file.close();
    }
    signal.throwIfAborted();
    const isChecked = condition === undefined ? undefined : await placeOnCondition(root, { key, path, tmp, condition });
    if (isChecked !== true) await rename(tmp, path);
    const [isListed] = await Promise.all([syncFolder(dirname(path)), isChecked === true && discard(tmp)]);
    isDurable &&= isListed;
    onAsked([...(isDurable ? [] : (['durability'] as const)), ...(keepsTimes ? [] : (['times'] as const))]);
    return { bytes, ...(isChecked === undefined ? {} : { isChecked }) };
  } catch (error) {
    await discard(tmp);
    throw error;
  } finally {
    inFlight.delete(tmp);
  }
}

/**
 * An instant in seconds, as the file system is told of it. Half of all milliseconds are no fraction that a double holds, and come
 * out some nanoseconds late: whoever asks `litestream` for what we show at that instant would get what was before. A fraction of a
 * microsecond early is right for every reader.
 */
function notAfter(at: number): number {
  return at / 1000 - 2 ** -22;
}

/**
 * Puts a finished file into its place where the condition holds, too; false where that can only be looked at, and the file is still
 * to be placed. A link fails where a file is, in one step; a name cannot be compared and replaced in one.
 */
async function placeOnCondition(
  root: string,
  {
    key,
    path,
    tmp,
    condition,
  }: { readonly key: string; readonly path: string; readonly tmp: string; readonly condition: PutCondition },
): Promise<boolean> {
  const changed = () => new AppError('object-changed', { key, url: root });
  if (condition.kind === 'absent') {
    try {
      await link(tmp, path);
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') throw changed();
      // @NOTE disks without links (FAT): looking has to do.
    }
  }
  const facts = await unlessMissing(lstat(path));
  const holds =
    condition.kind === 'absent' ? facts === undefined : facts !== undefined && tagOf(facts) === condition.tag;
  if (!holds) throw changed();
  return false;
}

function tagOf(facts: Stats): string {
  return `${facts.size}-${facts.mtimeMs}`;
}

interface Get {
  readonly key: string;
  readonly range: { readonly start: number; readonly end?: number } | undefined;
  readonly signal: AbortSignal;
}

async function* get(root: string, options: Get): AsyncGenerator<Uint8Array> {
  const { key, range, signal } = options;
  signal.throwIfAborted();
  const file = await classified(root, 'read', async () => {
    try {
      const place = locate(root, key);
      await mustBeWithin(root, place);
      // Without waiting: what is no file may be a pipe that nobody writes to.
      const opened = await open(place, constants.O_RDONLY | noFollow | (constants.O_NONBLOCK ?? 0));
      if ((await opened.stat()).isFile()) return opened;
      await opened.close();
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error;
      await mustExist(root);
    }
    throw new AppError('object-missing', { key, path: root });
  });
  try {
    const { size } = await classified(root, 'read', () => file.stat());
    const start = range === undefined ? 0 : range.start < 0 ? Math.max(0, size + range.start) : range.start;
    const end = Math.min(size, range?.end ?? size);
    for (let at = start; at < end;) {
      signal.throwIfAborted();
      // A chunk belongs to whoever gets it: buffers are not used again.
      const buffer = Buffer.allocUnsafeSlow(Math.min(readBytes, end - at));
      const { bytesRead } = await classified(root, 'read', () => file.read(buffer, 0, buffer.length, at));
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}

async function remove(root: string, keys: readonly string[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await mustExist(root);
  const folders = new Set<string>();
  for (const key of keys) {
    signal.throwIfAborted();
    const path = locate(root, key);
    await mustBeWithin(root, dirname(path));
    await unlessMissing(unlink(path));
    folders.add(dirname(path));
  }
  for (const folder of folders) {
    await unlessMissing(syncFolder(folder));
    await removeEmpty(root, folder);
  }
}

async function dateBack(
  root: string,
  { at, except, signal }: Parameters<NonNullable<Target['dateBack']>>[0],
): Promise<void> {
  await mustExist(root);
  await walk(root, { wanted: 'generations/' }, async (key, file) => {
    signal.throwIfAborted();
    if (key.startsWith(except)) return;
    const facts = await unlessMissing(lstat(file));
    if (facts?.isFile() !== true || facts.mtimeMs <= at) return;
    // A disk that keeps no times has none that could be wrong.
    await whereAble(async () => await unlessMissing(lutimes(file, facts.atimeMs / 1000, notAfter(at))));
  });
}

async function removeLeftovers(root: string, inFlight: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await mustExist(root);
  await walk(root, {}, async (key, file) => {
    if (ownTmp.test(key) && !inFlight.has(file)) await unlessMissing(unlink(file));
  });
}

function compareBytewise(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
