// Opens the place of one database on one target, with all that stands before it: the guard that is shared there, the folder's
// disk that may go and come back, and whose place it is. Which targets there are is known-targets.ts.
import { fileURLToPath } from 'node:url';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import type { Generation } from '../../../shared/position.ts';
import { type Access, accessOf } from '../basics/access.ts';
import type { AppError } from '../../../shared/errors.ts';
import { claimNotes } from './claims.ts';
import type { Clock } from '../basics/clock.ts';
import { DiskPlaces } from './disk-places.ts';
import { noteHolder } from './holder.ts';
import type { KnownTargets } from './known-targets.ts';
import { type ListMounts, listMounts } from '../basics/mounts.ts';
import type { Reach } from '../guard/target-guard.ts';
import { type Look, Ownership } from './ownership.ts';
import type { HolderNote } from '../replica/holder-note.ts';
import type { Catalogue } from '../state/catalogue.ts';
import type { DatabaseRow, ReplicaRow } from '../state/rows.ts';
import type { Store } from '../state/store.ts';
import type { Target } from '../targets/target.ts';

/** One replica with its open target. */
export interface ReplicaTarget {
  readonly row: ReplicaRow;
  readonly target: Target;
  readonly reach: Reach;
  /** Makes the place ready: folder and replica record. */
  readonly prepare: (
    facts: { readonly pageSize: number; readonly generation: Generation },
    signal: AbortSignal,
  ) => Promise<Look>;
  /** Sees to it that the place is still ours; called before something is put. */
  readonly hold: Ownership['hold'];
  /** What orders a generation among those of the place, once it is ready. */
  readonly sequenceOf: Ownership['sequenceOf'];
  /** Brings what the place's record says of named points up to date. */
  readonly tellNames: Ownership['tellNames'];
}

export interface ReplicaTargetsOptions {
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly targets: KnownTargets;
  readonly machineId: string;
  readonly version: string;
  readonly clock: Clock;
  readonly computer: string | undefined;
  readonly boot: string;
  readonly dataDir: string;
  /** The folder of a database below the data folder. */
  readonly folderOf: (databaseId: DatabaseId) => string;
  /** What is mounted; without it as the system says. */
  readonly mounts: ListMounts | undefined;
  /** For tests: what stands for a target. */
  readonly wrapTarget: ((target: Target) => Target) | undefined;
  /** A place was gone on with that an installation kept whose data folder is lost. */
  readonly onInherited: (row: DatabaseRow, targetId: TargetId) => void;
  readonly onRepaired: (row: DatabaseRow, targetId: TargetId, problem: AppError) => void;
  /** Something that the state shows has changed. */
  readonly onChange: (databaseId: DatabaseId) => void;
}

export class ReplicaTargets {
  readonly #options: ReplicaTargetsOptions;
  readonly #places: DiskPlaces;
  readonly #holder: HolderNote | undefined;
  readonly #owned = new Map<DatabaseId, Map<TargetId, Ownership>>();

  constructor(options: ReplicaTargetsOptions) {
    this.#options = options;
    const { machineId, mounts = listMounts, store, targets, dataDir: folder } = options;
    this.#holder = noteHolder({ ...options, folder });
    this.#places = new DiskPlaces({
      machineId,
      mounts,
      remembered: (targetId) => store.diskOf(targetId),
      remember: (targetId, place) => store.setDisk(targetId, place),
      move: (targetId, to) => targets.relocate(targetId, to),
    });
  }

  /** A replica, with all that stands before it. */
  open(row: DatabaseRow, replica: ReplicaRow): ReplicaTarget {
    const { targets, wrapTarget } = this.#options;
    const opened = resembling(this.#steady(targets.open(replica), replica), row.path);
    const { target, reach } = targets.guard(replica.targetId, wrapTarget?.(opened) ?? opened);
    const ownership = this.ownershipOf(row, replica);
    return {
      row: replica,
      target,
      reach,
      prepare: async (facts, signal) => {
        const look = await ownership.look({ target, ...facts }, { signal });
        await target.removeLeftovers?.({ now: this.#options.clock.now(), signal });
        return look;
      },
      hold: async (options) => await ownership.hold(options),
      sequenceOf: (generation) => ownership.sequenceOf(generation),
      tellNames: async (options) => await ownership.tellNames(options),
    };
  }

  /** One for each replica, however often it is opened: what this run claimed is known by it. */
  ownershipOf(row: DatabaseRow, { targetId }: Pick<ReplicaRow, 'targetId'>): Ownership {
    const { machineId, version, clock, folderOf, store, catalogue, onChange } = this.#options;
    const owned = this.#owned.get(row.id) ?? new Map<TargetId, Ownership>();
    this.#owned.set(row.id, owned);
    const known = owned.get(targetId);
    if (known !== undefined) return known;
    const owner = { databaseId: row.id, databasePath: row.path, machineId, version };
    const made = new Ownership({
      owner,
      clock,
      notes: claimNotes(folderOf(row.id), targetId),
      holder: this.#holder,
      onInherited: () => this.#options.onInherited(row, targetId),
      isOwnGeneration: (generation) =>
        catalogue.shipped(row.id).some((part) => part.targetId === targetId && part.generation === generation),
      onRepaired: (problem) => this.#options.onRepaired(row, targetId, problem),
      namedPoints: () => store.namedPoints.of(row.id),
      onNamedPoints: (found) => {
        store.namedPoints.adopt(row.id, found);
        onChange(row.id);
      },
    });
    owned.set(targetId, made);
    return made;
  }

  /** What was claimed for a database that is not kept any more. */
  forget(databaseId: DatabaseId): void {
    this.#owned.delete(databaseId);
  }

  /** A folder's disk may go, and come back elsewhere. */
  #steady(target: Target, { databaseId, targetId }: ReplicaRow): Target {
    const { store, targets, catalogue } = this.#options;
    if (targets.rowOf(targetId).place.kind !== 'folder') return target;
    return this.#places.steady(target, () => {
      const { place } = targets.rowOf(targetId);
      const url = store.replicas(databaseId).find((replica) => replica.targetId === targetId)?.url ?? target.url;
      return {
        targetId,
        databaseId,
        folder: place.kind === 'folder' ? place.path : '',
        // Asked only where the folder has to be looked for.
        get replicaFolder() {
          return fileURLToPath(url);
        },
        get hasHistory() {
          return catalogue.shipped(databaseId).some((shipped) => shipped.targetId === targetId);
        },
      };
    });
  }
}

/** What is put there may be read by whom the original may be read by; once that is gone, by whom it was. */
function resembling(target: Target, original: string): Target {
  let known: Access | undefined;
  return {
    ...target,
    put: async (key, body, options) => {
      known = accessOf(original) ?? known;
      return await target.put(key, body, { ...options, access: known });
    },
  };
}
