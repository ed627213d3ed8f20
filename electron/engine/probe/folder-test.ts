// Tests a folder as a destination: is it there or can it be made, what lies in it, may objects be written, read and deleted
// there. Leaves nothing behind, whatever happens: neither an object nor a folder that was made for the test.
import { constants } from 'node:fs';
import { access, readdir, readFile, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError, codeOf } from '../../../shared/errors.ts';
import { formatBytes } from '../../../shared/format.ts';
import type { TargetTest } from '../../../shared/targets.ts';
import { classifyFolderError, nearestExisting } from '../destinations/folders.ts';
import { freeBytesAt } from '../basics/files.ts';
import { readRecord } from '../replica/record.ts';
import { networkFileSystem } from '../source/place.ts';
import { createFolderTarget, openFolderTarget } from '../targets/folder.ts';
import { type Asking, type Contents, contentsInWords, findContents, testBytes, testKey } from './contents.ts';
import { cleanUp, type Finding, Stages, type StagesTime } from './stages.ts';

export interface FolderTestOptions extends Asking, StagesTime {
  /** Absolute. */
  readonly folder: string;
}

/** So many entries tell what a folder holds. */
const mostEntries = 1000;

/** Tests a folder; only an abort makes it throw. */
export async function testFolder(options: FolderTestOptions): Promise<TargetTest> {
  const { folder, databasePath, machineId, signal, stageMs } = options;
  const late = () => new AppError('target-failed', { path: folder, reason: 'it does not answer' });
  const stages = new Stages({ signal, late, stageMs });
  const target = openFolderTarget({ path: folder });
  let existing = folder;
  let contents: Contents | undefined;
  let mayExist = false;
  let canDelete = true;
  try {
    await stages.run('address', async () => {
      existing = await nearestExisting(folder);
      return await judgeAddress({ folder, existing, databasePath });
    });
    await stages.run('list', async (inner) => {
      contents = existing === folder ? await contentsOf(folder, { databasePath, machineId, signal: inner }) : 'new';
      return { text: `It holds ${contentsInWords(contents)}.` };
    });
    await stages.run('write', async (inner) => {
      mayExist = true;
      await createFolderTarget({ path: folder });
      await target.put(testKey, testBytes, { signal: inner });
      return { text: 'Objects can be written.' };
    });
    await stages.run('read', async (inner) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of target.get(testKey, { signal: inner })) chunks.push(chunk);
      if (!Buffer.concat(chunks).equals(testBytes)) throw new AppError('target-mismatch', { path: folder });
      return { text: 'What was written is read back as it was.' };
    });
    await stages.run('delete', async (inner) => {
      try {
        await target.delete([testKey], { signal: inner });
        return { text: 'Objects can be deleted.' };
      } catch (error) {
        if (!(error instanceof AppError && error.code === 'target-read-only')) throw error;
        canDelete = false;
        const warning = new AppError('target-no-delete', { path: folder, key: testKey });
        return { text: warning.message, warning };
      }
    });
  } finally {
    if (mayExist) await cleanUp(async (inner) => await removeTraces({ folder, existing, inner, canDelete }));
  }
  return {
    stages: stages.list,
    isUsable: !stages.hasFailed,
    place: { kind: 'folder', path: folder },
    corrected: [],
    contents,
    versioning: 'off',
    hasObjectLock: false,
    canDelete: canDelete && !stages.hasFailed,
    // A name that only one of two writers gets.
    hasConditionalWrites: true,
  };
}

interface Address {
  readonly folder: string;
  readonly existing: string;
  readonly databasePath: string | undefined;
}

async function judgeAddress({ folder, existing, databasePath }: Address): Promise<Finding> {
  try {
    if (!(await stat(existing)).isDirectory())
      throw new AppError('target-inside-file', { path: folder, file: existing });
    await access(existing, constants.W_OK | constants.X_OK);
    const free = await freeBytesAt(existing);
    const network = networkFileSystem(existing);
    const where = network === undefined ? '' : ` on a network drive (${network})`;
    const what = existing === folder ? 'is there' : 'can be made';
    const room = free === undefined ? 'and does not say how much is free' : `with ${formatBytes(free)} free`;
    const text = `The folder ${what}${where}, ${room}.`;
    return { text, warning: await judgeRoom({ folder, existing, databasePath, free }) };
  } catch (error) {
    throw classifyFolderError(error, folder);
  }
}

async function judgeRoom({
  folder,
  existing,
  databasePath,
  free,
}: Address & { readonly free: number | undefined }): Promise<AppError | undefined> {
  const database = databasePath === undefined ? undefined : await stat(databasePath).catch(() => undefined);
  if (database === undefined) return undefined;
  if (free !== undefined && free < database.size) {
    return new AppError('target-little-room', {
      path: folder,
      free: formatBytes(free),
      size: formatBytes(database.size),
    });
  }
  return database.dev === (await stat(existing)).dev ? new AppError('target-same-disk', { path: folder }) : undefined;
}

/** What lies in a folder, and whether the database's own history is among it. */
async function contentsOf(
  folder: string,
  { signal, ...asking }: Asking & { readonly signal: AbortSignal },
): Promise<Contents> {
  const sight = {
    record: async (name: string) =>
      await readRecord(openFolderTarget({ path: path.join(folder, name) }), { signal }).catch((error: unknown) => {
        if (error instanceof AppError && error.code !== 'target-failed') return undefined;
        throw error;
      }),
    keys: async () => await someKeys(folder, signal),
    has: async (key: string) =>
      await readFile(path.join(folder, key)).then(
        () => true,
        () => false,
      ),
  };
  try {
    return await findContents(sight, asking);
  } catch (error) {
    throw classifyFolderError(error, folder);
  }
}

/** Files below a folder, level by level, until there are enough of them. */
async function someKeys(folder: string, signal: AbortSignal): Promise<readonly string[]> {
  const keys: string[] = [];
  const waiting = [''];
  for (let entries = 0; waiting.length > 0 && entries < mostEntries;) {
    signal.throwIfAborted();
    const prefix = waiting.shift() ?? '';
    for (const entry of await readdir(path.join(folder, prefix), { withFileTypes: true }).catch((error: unknown) => {
      // A folder inside that may not be read is one of the other things.
      if (prefix === '') throw error;
      keys.push(`${prefix}.`);
      return [];
    })) {
      entries++;
      if (entry.isDirectory()) waiting.push(`${prefix}${entry.name}/`);
      else keys.push(`${prefix}${entry.name}`);
    }
  }
  return keys;
}

/** What the test made: its object, and the folders that lead to it. */
async function removeTraces({
  folder,
  existing,
  inner,
  canDelete,
}: {
  readonly folder: string;
  readonly existing: string;
  readonly inner: AbortSignal;
  readonly canDelete: boolean;
}): Promise<void> {
  if (canDelete) await openFolderTarget({ path: folder }).delete([testKey], { signal: inner });
  for (let at = folder; at !== existing && at !== path.dirname(at); at = path.dirname(at)) {
    await rmdir(at).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
    });
  }
}
