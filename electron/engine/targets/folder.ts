// A folder as a target: objects are files below its root, their keys are relative paths. An object is written beside its
// place, fsynced, dated, renamed, and its folder fsynced; unfinished files are never listed. The root is created only on
// request, never by writing an object: an unmounted disk is reported, not replaced by a folder on the wrong one.
import { randomBytes } from 'node:crypto';
import { constants, type Dirent, type Stats } from 'node:fs';
import { type FileHandle, link, mkdir, open, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AppError, codeOf, reasonOf } from '../../../shared/errors.ts';
import { syncFolder } from '../files.ts';
import type { PutCondition, StoredObject, Target } from './target.ts';

export interface FolderTarget extends Target {
  /** The folder itself, absolute. */
  readonly path: string;
  removeLeftovers(options: { readonly now: number; readonly signal: AbortSignal }): Promise<void>;
}

/** A writer's unfinished file: the final name, twelve random digits, `.tmp`. Other readers ignore it by its end. */
const ownTmp = /\.[0-9a-f]{12}\.tmp$/;
const readBytes = 1 << 20;
const writeBytes = 512 << 10;
const syncEveryBytes = 32 << 20;
/** How often a put makes its folders again when a delete removed them as empty meanwhile. */
const folderAttempts = 5;

/** The target at a folder. Does nothing yet: a missing root is reported by the first use. */
export function openFolderTarget(options: { readonly path: string }): FolderTarget {
  const path = resolve(options.path);
  const inFlight = new Set<string>();
  return {
    path,
    url: pathToFileURL(path).href,
    list: (prefix, { signal }) => classified(path, 'read', () => list(path, prefix, signal)),
    put: (key, body, { modifiedAt, condition, signal }) =>
      classified(path, 'write', () => put(path, { key, body, modifiedAt, condition, inFlight, signal })),
    get: (key, { range, signal }) => get(path, { key, range, signal }),
    delete: (keys, { signal }) => classified(path, 'write', () => remove(path, keys, signal)),
    removeLeftovers: ({ signal }) => classified(path, 'write', () => removeLeftovers(path, inFlight, signal)),
  };
}

/** Creates the folder with whatever leads to it, and returns the target there. Throws as every use of it would. */
export async function createFolderTarget(options: { readonly path: string }): Promise<FolderTarget> {
  const target = openFolderTarget(options);
  await classified(target.path, 'write', async () => {
    const first = await mkdir(target.path, { recursive: true });
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
  await walk(start === '' ? root : locate(root, start.slice(0, -1)), start, async (key, file) => {
    signal.throwIfAborted();
    if (!key.startsWith(prefix) || key.endsWith('.tmp')) return;
    const facts = await unlessMissing(stat(file));
    if (facts?.isFile() !== true) return;
    found.push({ key, bytes: facts.size, modifiedAt: Math.round(facts.mtimeMs), tag: tagOf(facts) });
  });
  return found.sort((a, b) => compareBytewise(a.key, b.key));
}

interface Put {
  readonly key: string;
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
  readonly modifiedAt: number | undefined;
  readonly condition: PutCondition | undefined;
  readonly inFlight: Set<string>;
  readonly signal: AbortSignal;
}

async function put(root: string, options: Put): Promise<{ readonly bytes: number; readonly isChecked?: boolean }> {
  const { key, body, modifiedAt, condition, inFlight, signal } = options;
  signal.throwIfAborted();
  const path = locate(root, key);
  // A name of its own per writer, so that two writers of one key can never mix their bytes.
  const tmp = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  inFlight.add(tmp);
  try {
    const file = await createFile(root, tmp);
    let bytes: number;
    try {
      bytes = await writeBody(file, body, signal);
      if (modifiedAt !== undefined) await file.utimes(modifiedAt / 1000, modifiedAt / 1000);
      await file.sync();
    } finally {
      await file.close();
    }
    signal.throwIfAborted();
    const isChecked = condition === undefined ? undefined : await placeOnCondition(root, { key, path, tmp, condition });
    if (isChecked !== true) await rename(tmp, path);
    await syncFolder(dirname(path));
    return { bytes, ...(isChecked === undefined ? {} : { isChecked }) };
  } catch (error) {
    await discard(tmp);
    throw error;
  } finally {
    inFlight.delete(tmp);
  }
}

/**
 * Puts a finished file into its place where the condition holds; false where that can only be looked at, and the file is still
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
      await discard(tmp);
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') throw changed();
      // @NOTE disks without links (FAT): looking has to do.
    }
  }
  const facts = await unlessMissing(stat(path));
  const holds =
    condition.kind === 'absent' ? facts === undefined : facts !== undefined && tagOf(facts) === condition.tag;
  if (!holds) throw changed();
  return false;
}

function tagOf(facts: Stats): string {
  return `${facts.size}-${facts.mtimeMs}`;
}

/** Creates a new file and the folders that lead to it, from the root down. */
async function createFile(root: string, path: string): Promise<FileHandle> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open(path, 'wx', 0o644);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || attempt === folderAttempts) throw error;
      await makeFolders(root, dirname(path));
    }
  }
}

/** Makes `folder` below `root`; fails with ENOENT where the root itself is gone. */
async function makeFolders(root: string, folder: string): Promise<void> {
  if (folder === root) return mustExist(root);
  try {
    await mkdir(folder);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    if (codeOf(error) !== 'ENOENT') throw error;
    await makeFolders(root, dirname(folder));
    return makeFolders(root, folder);
  }
  await syncFolder(dirname(folder));
}

async function writeBody(
  file: FileHandle,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<number> {
  if (body instanceof Uint8Array) {
    await file.writeFile(body);
    return body.length;
  }
  await using writer = new WriteBehind(file);
  for await (const chunk of foreign(body)) {
    signal.throwIfAborted();
    await writer.write(chunk);
  }
  return await writer.end();
}

/**
 * Writes a stream in large pieces: while one is on its way to the disk the next one is filled. From time to time what was
 * written is made durable meanwhile, so that the fsync at the end, and others' fsyncs beside it, have little to wait for.
 */
class WriteBehind implements AsyncDisposable {
  readonly #file: FileHandle;
  #filling = Buffer.allocUnsafeSlow(writeBytes);
  #spare = Buffer.allocUnsafeSlow(writeBytes);
  #filled = 0;
  #written = 0;
  #syncedTo = 0;
  #writing: Promise<unknown> = Promise.resolve();
  #syncing: Promise<unknown> = Promise.resolve();

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Takes the bytes over: they may be overwritten when this resolves. */
  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + writeBytes - this.#filled);
      this.#filling.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === writeBytes) await this.#flush();
    }
  }

  /** Resolves with the length when everything is written. */
  async end(): Promise<number> {
    await this.#flush();
    await this.#writing;
    await this.#syncing;
    return this.#written;
  }

  /** The handle may be closed only when nothing is on its way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.#writing, this.#syncing]);
  }

  async #flush(): Promise<void> {
    await this.#writing;
    if (this.#written - this.#syncedTo >= syncEveryBytes) {
      await this.#syncing;
      this.#syncedTo = this.#written;
      this.#syncing = this.#file.datasync();
      // @NOTE Its failure, as that of a write, is met by the next await of it.
      this.#syncing.catch(() => {});
    }
    const piece = this.#filling.subarray(0, this.#filled);
    this.#writing = writeFully(this.#file, piece, this.#written);
    this.#writing.catch(() => {});
    this.#written += this.#filled;
    this.#filled = 0;
    [this.#filling, this.#spare] = [this.#spare, this.#filling];
  }
}

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** What the caller's stream threw: not an error of this folder. */
class BodyFailure extends Error {}

async function* foreign(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw new BodyFailure('the body failed', { cause: error });
  }
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
      const opened = await open(locate(root, key), constants.O_RDONLY);
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
    await unlessMissing(unlink(path));
    folders.add(dirname(path));
  }
  for (const folder of folders) {
    await unlessMissing(syncFolder(folder));
    await removeEmpty(root, folder);
  }
}

/** Removes a folder and those above it, up to the root, as far as they are empty. */
async function removeEmpty(root: string, folder: string): Promise<void> {
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

async function removeLeftovers(root: string, inFlight: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await mustExist(root);
  await walk(root, '', async (key, file) => {
    if (ownTmp.test(key) && !inFlight.has(file)) await unlessMissing(unlink(file));
  });
}

/** Visits every file below a folder; what vanishes meanwhile is passed over. */
async function walk(
  folder: string,
  prefix: string,
  visit: (key: string, path: string) => Promise<void>,
): Promise<void> {
  const entries: readonly Dirent[] = (await unlessMissing(readdir(folder, { withFileTypes: true }))) ?? [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await walk(path, `${prefix}${entry.name}/`, visit);
    else await visit(`${prefix}${entry.name}`, path);
  }
}

/** The file of a key. Keys are ours or come from a listing: one that leads elsewhere is a bug. */
function locate(root: string, key: string): string {
  const isSafe = key.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/[\\\0:]/.test(part));
  if (!isSafe) throw new Error(`not a key: ${JSON.stringify(key)}`);
  return join(root, key);
}

async function mustExist(root: string): Promise<void> {
  if (!(await stat(root)).isDirectory()) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' });
}

async function discard(tmp: string): Promise<void> {
  try {
    await unlink(tmp);
  } catch {
    // @NOTE it was never created, is renamed already, or the disk is gone: removeLeftovers has the last word.
  }
}

async function unlessMissing<T>(pending: Promise<T>): Promise<T | undefined> {
  try {
    return await pending;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Runs `action` and turns the file system's errors into the target's. */
async function classified<T>(path: string, intent: 'read' | 'write', action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof BodyFailure) throw error.cause;
    throw await classify(error, path, intent);
  }
}

async function classify(error: unknown, path: string, intent: 'read' | 'write'): Promise<unknown> {
  const fail = (code: 'target-full' | 'target-read-only' | 'target-missing') =>
    new AppError(code, { path }, { cause: error });
  const code = codeOf(error);
  // What does not come from the file system is passed through.
  if (error instanceof AppError || !/^E[A-Z0-9]+$/.test(code)) return error;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return fail('target-full');
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      if (intent === 'write') return fail('target-read-only');
      return new AppError('target-failed', { path, reason: reasonOf(error) }, { cause: error });
    case 'ENOENT':
      return fail('target-missing');
    case 'ENOTDIR':
    case 'EEXIST':
      return new AppError('target-inside-file', { path, file: await fileOn(pathOf(error) ?? path) }, { cause: error });
    default:
      return new AppError('target-failed', { path, reason: reasonOf(error) }, { cause: error });
  }
}

/** Which part of a path is a file although it should be a folder. */
async function fileOn(path: string): Promise<string> {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    const facts = await unlessMissing(stat(at));
    if (facts !== undefined && !facts.isDirectory()) return at;
  }
  return path;
}

function pathOf(error: unknown): string | undefined {
  return error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : undefined;
}

function compareBytewise(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
