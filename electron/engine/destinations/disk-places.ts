// Folders on disks that come and go: sees to it that a target's folder is the one on the disk that it was on. A disk that comes
// back under another path is recognised by its identity, else by the replica's own record, and gone on with there. Into a mount
// point whose disk is away nothing is written. What is mounted is basics/mounts.ts.
import fs from 'node:fs/promises';
import path from 'node:path';
import { AppError, codeOf, mustNotBeShort } from '../../../shared/errors.ts';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import { makeFolder } from '../basics/access.ts';
import {
  type DiskPlace,
  guesses,
  isSameDisk,
  type ListMounts,
  type Mount,
  placeOnDisk,
  sightings,
} from '../basics/mounts.ts';
import { readRecord } from '../replica/record.ts';
import { openFolderTarget } from '../targets/folder.ts';
import { classify } from '../targets/folder-errors.ts';
import type { Target } from '../targets/target.ts';

export interface DiskPlacesOptions {
  readonly machineId: string;
  readonly mounts: ListMounts;
  /** Where the folder of a target was when it was last used. */
  readonly remembered: (targetId: TargetId) => DiskPlace | undefined;
  readonly remember: (targetId: TargetId, place: DiskPlace) => void;
  /** The folder is there now; false where another target has that place. */
  readonly move: (targetId: TargetId, folder: string) => boolean;
}

/** Where a folder was found. */
interface Settled {
  readonly folder: string;
  readonly device: number;
}

/** One replica in the folder of a target; both absolute. */
export interface FolderReplica {
  readonly targetId: TargetId;
  readonly databaseId: DatabaseId;
  readonly folder: string;
  readonly replicaFolder: string;
  /** Something of it was shipped there. */
  readonly hasHistory: boolean;
}

export class DiskPlaces {
  readonly #options: DiskPlacesOptions;

  constructor(options: DiskPlacesOptions) {
    this.#options = options;
  }

  /**
   * The target of one replica; its folder is looked for before the first call. When another disk, or none, is where it was
   * found, a call fails with `target-missing`, and the next one looks again: whoever ships learns anew what lies there.
   */
  steady(target: Target, describe: () => FolderReplica): Target {
    let settled: Settled | undefined;
    const check = async (isList: boolean): Promise<void> => {
      const replica = describe();
      // Whoever lists learns what is left there, and may put it again: for him the replica's own folder is made again.
      if (settled === undefined || (isList && (await deviceOf(replica.replicaFolder)) === undefined)) {
        settled = await this.settle(replica);
        return;
      }
      const { folder, device } = settled;
      if ((await deviceOf(folder)) === device && replica.folder === folder) return;
      settled = undefined;
      throw new AppError('target-missing', { path: folder });
    };
    const run = async <T>(work: () => Promise<T>, isList = false): Promise<T> => {
      await check(isList);
      try {
        return await work();
      } catch (error) {
        if (error instanceof AppError && error.code === 'target-missing') settled = undefined;
        throw error;
      }
    };
    return {
      ...target,
      list: async (prefix, options) => await run(async () => await target.list(prefix, options), true),
      put: async (key, body, options) => await run(async () => await target.put(key, body, options)),
      delete: async (keys, options) => await run(async () => await target.delete(keys, options)),
    };
  }

  /** Finds the folder of a replica's target, here or elsewhere; throws `target-missing`. */
  async settle(replica: FolderReplica): Promise<Settled> {
    const { mounts: listMounts, remembered, move } = this.#options;
    const { targetId, folder } = replica;
    const mounts = await listMounts();
    const before = remembered(targetId);
    const here = placeOnDisk(folder, mounts);
    const device = await deviceOf(folder);
    if (device !== undefined && (here === undefined || (await this.#isTheOne(replica, { here, before })))) {
      this.#remember(targetId, here);
      if (here !== undefined && before !== undefined && isSameDisk(here, before)) await remake(replica);
      return { folder, device };
    }
    for (const found of before === undefined ? [] : await this.#candidates(replica, { before, mounts })) {
      const there = await deviceOf(found);
      if (there === undefined || !move(targetId, found)) continue;
      this.#remember(targetId, placeOnDisk(found, mounts));
      return { folder: found, device: there };
    }
    throw new AppError('target-missing', { path: folder });
  }

  /** Where the folder may be now: on its disk, by the identity of that, and where the replica's own record lies. */
  async #candidates(
    replica: FolderReplica,
    { before, mounts }: { readonly before: DiskPlace; readonly mounts: readonly Mount[] },
  ): Promise<readonly string[]> {
    const found = [...sightings(before, mounts)];
    for (const guess of guesses(before, mounts)) if (await this.#isOurs(replica, guess)) found.push(guess);
    return found.filter((one) => one !== replica.folder);
  }

  async #isTheOne(
    replica: FolderReplica,
    { here, before }: { readonly here: DiskPlace; readonly before: DiskPlace | undefined },
  ): Promise<boolean> {
    if (before !== undefined && isSameDisk(here, before)) return true;
    // Another disk than before, or the mount point of one that is away: only what lies there tells.
    return !replica.hasHistory || (await this.#isOurs(replica, replica.folder));
  }

  /** Whether the replica's record lies in its place below a folder. */
  async #isOurs({ folder, replicaFolder, databaseId }: FolderReplica, found: string): Promise<boolean> {
    const target = openFolderTarget({ path: path.join(found, path.relative(folder, replicaFolder)) });
    try {
      const record = await readRecord(target, { signal: new AbortController().signal });
      return record?.machine.id === this.#options.machineId && record.databaseId === databaseId;
    } catch (error) {
      mustNotBeShort(error);
      // One that cannot be understood is told by whoever reads it next.
      return error instanceof AppError && error.code === 'object-damaged';
    }
  }

  #remember(targetId: TargetId, place: DiskPlace | undefined): void {
    const before = this.#options.remembered(targetId);
    const isNews =
      place !== undefined && (before === undefined || !isSameDisk(before, place) || before.within !== place.within);
    if (isNews) this.#options.remember(targetId, place);
  }
}

/** The folder of a replica was removed, and that of its target, on the disk that it was on, was not: it is made again. */
async function remake({ folder, replicaFolder }: FolderReplica): Promise<void> {
  if (path.dirname(replicaFolder) !== folder) return;
  await makeFolder(replicaFolder).catch(() => {
    // @NOTE There already, or it cannot be made: the first use tells.
  });
}

/** The device of a folder; undefined where there is none. */
async function deviceOf(folder: string): Promise<number | undefined> {
  try {
    const facts = await fs.stat(folder);
    return facts.isDirectory() ? facts.dev : undefined;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENODEV', 'ENXIO', 'EIO', 'ENOTCONN', 'ESTALE'].includes(codeOf(error))) return undefined;
    throw await classify(error, folder, 'read');
  }
}
