// On which targets each database is kept: adds, changes and removes replicas, and chooses where on a target a history lies. What a
// place is worth is asked here too, before it becomes one. Opening one is destinations/replica-targets.ts.
import path from 'node:path';
import { must } from '../../../shared/assert.ts';
import type { Parsed } from '../../../shared/contract.ts';
import { AppError, type AppErrorData, toErrorData } from '../../../shared/errors.ts';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import type { FolderInspection, TargetTest } from '../../../shared/targets.ts';
import { defaultRetention } from '../../../shared/retention.ts';
import { accessOf } from '../basics/access.ts';
import { isDeepStrictEqual } from 'node:util';
import { mayBeTakenOver } from '../../../shared/taking-over.ts';
import type { Activity } from './activity.ts';
import type { Clock } from '../basics/clock.ts';
import { inspectFolder, replicaPathIn } from '../destinations/folders.ts';
import type { KnownTargets } from '../destinations/known-targets.ts';
import { testTarget, type TargetTestOptions } from '../probe/test-target.ts';
import type { Protection } from '../protection/protection.ts';
import type { ReplicaTargets } from '../destinations/replica-targets.ts';
import type { Catalogue } from '../state/catalogue.ts';
import type { DatabaseRow, ReplicaRow, ReplicaSettings } from '../state/rows.ts';
import type { Store } from '../state/store.ts';
import { createTarget, parseTargetUrl, type TargetAddress } from '../targets/open-target.ts';
import { readTypedPath } from '../basics/typed-path.ts';

export interface ReplicasOptions {
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly targets: KnownTargets;
  readonly places: ReplicaTargets;
  readonly activity: Activity;
  readonly machineId: string;
  readonly clock: Clock;
  /** One database; fails with `database-not-found`. */
  readonly rowOf: (databaseId: DatabaseId) => DatabaseRow;
  /** Undefined for one that is paused. */
  readonly protectionOf: (databaseId: DatabaseId) => Protection | undefined;
  readonly onChange: (databaseId: DatabaseId) => void;
}

type NewReplica = Omit<ReplicaRow, 'databaseId' | 'retainedAt' | 'refusesDeletesAt'>;
type DeclaredReplica = Parsed<'protectDeclared'>['databases'][number]['replicas'][number];

/** A replica as a configuration names it. */
export interface DeclaredPlace {
  readonly address: TargetAddress;
  readonly settings: Omit<DeclaredReplica, 'url'>;
}

/** Where the history of a database is to lie. */
export interface Home {
  readonly targetId: () => TargetId;
  readonly address: TargetAddress;
  /** As the activity says it. */
  readonly name: string;
  /** Somebody else has it, and one decided to take it over. */
  readonly isTakenOver?: boolean;
}

/** What a replica begins with. */
const defaultSettings: ReplicaSettings = {
  isEnabled: true,
  syncIntervalMs: 1000,
  snapshotIntervalMs: 24 * 3_600_000,
  retention: defaultRetention,
};

export class Replicas {
  readonly #options: ReplicasOptions;

  constructor(options: ReplicasOptions) {
    this.#options = options;
  }

  /** What a typed folder turns out to be, as the destination of one database. */
  async inspectFolder(
    typed: string,
    databasePath: string,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<FolderInspection> {
    try {
      const folder = readTypedPath(typed);
      return await inspectFolder({ folder, databasePath, machineId: this.#options.machineId }, { signal });
    } catch (error) {
      return { kind: 'refused', error: toErrorData(error) };
    }
  }

  /** Tests a place as a destination; nothing stays there. */
  async testTarget({
    targetId,
    ...options
  }: Pick<TargetTestOptions, 'place' | 'databasePath' | 'signal'> & {
    readonly targetId: TargetId | undefined;
  }): Promise<TargetTest> {
    const { machineId, clock, targets } = this.#options;
    if (targetId !== undefined) targets.rowOf(targetId);
    return await testTarget({
      ...options,
      machineId,
      kept: () => targets.keptFor({ targetId, place: options.place }),
      now: () => clock.now(),
    });
  }

  /** Keeps a database on one more target. */
  async add({ databaseId, targetId }: Parsed<'addReplica'>): Promise<void> {
    const { store } = this.#options;
    const row = this.#options.rowOf(databaseId);
    const target = this.#options.targets.rowOf(targetId);
    const name = path.basename(row.path);
    if (store.replicas(databaseId).some((replica) => replica.targetId === targetId)) {
      throw new AppError('replica-known', { database: name, name: target.name });
    }
    const { address } = await this.#homeOn(targetId, row.path);
    await createTarget(address, { access: accessOf(row.path) });
    store.putReplica({ ...defaultSettings, databaseId, targetId, url: address.url });
    this.#options.activity.note({
      kind: 'replica-changed',
      level: 'info',
      databaseId,
      text: `The history of ${name} goes to ${target.name} too.`,
    });
    this.#changed(row);
  }

  /** Stops shipping to a target; the history there stays. Fails with `replica-last`. */
  remove({ databaseId, targetId }: Parsed<'removeReplica'>): void {
    const { store } = this.#options;
    const row = this.#options.rowOf(databaseId);
    const replica = this.#replicaOf(row, targetId);
    const { name: targetName } = this.#options.targets.rowOf(targetId);
    const name = path.basename(row.path);
    if (store.replicas(databaseId).length === 1) {
      throw new AppError('replica-last', { database: name, name: targetName });
    }
    store.removeReplica(replica);
    this.#options.catalogue.forgetTarget(databaseId, targetId);
    this.#options.activity.note({
      kind: 'replica-changed',
      level: 'warning',
      databaseId,
      text: `The history of ${name} does not go to ${targetName} any more. What lies there stays.`,
    });
    this.#changed(row);
  }

  /** Changes how a database is kept on a target. */
  update({ databaseId, targetId, ...changes }: Parsed<'updateReplica'>): void {
    const row = this.#options.rowOf(databaseId);
    const before = this.#replicaOf(row, targetId);
    const after = { ...before, ...withoutAbsent(changes) };
    this.#options.store.putReplica(after);
    if (after.isEnabled !== before.isEnabled) {
      const name = path.basename(row.path);
      const { name: targetName } = this.#options.targets.rowOf(targetId);
      this.#options.activity.note({
        kind: 'replica-changed',
        level: after.isEnabled ? 'info' : 'warning',
        databaseId,
        text: after.isEnabled
          ? `The history of ${name} goes to ${targetName} again.`
          : `The history of ${name} does not go to ${targetName} until that is turned on again.`,
      });
    }
    this.#changed(row);
  }

  /** Writes to a place that another computer, or another database, has claimed; fails where the database is paused. */
  takeOver({ databaseId, targetId }: Parsed<'takeOverReplica'>): void {
    const row = this.#options.rowOf(databaseId);
    this.#replicaOf(row, targetId);
    const protection = this.#options.protectionOf(databaseId);
    if (protection === undefined)
      throw new AppError('invalid-argument', { reason: `${path.basename(row.path)} is paused: resume it first` });
    const reason = this.#options.places.ownershipOf(row, { targetId }).takeOver(protection.session?.generation);
    if (reason !== undefined) protection.startOver(reason);
  }

  /** Where a new database is to be kept: in a typed folder, or on a target that is known. Its place is not made yet. */
  async homeFor(
    { path: databasePath }: { readonly path: string },
    { folder, targetId, takeOver }: Pick<Parsed<'addDatabase'>, 'folder' | 'targetId' | 'takeOver'>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Home> {
    if (folder === undefined) return await this.#homeOn(must(targetId, 'checked by the contract'), databasePath);
    const place = await this.inspectFolder(folder, databasePath, { signal });
    const { path: folderPath, replicaPath } =
      place.kind === 'usable' ? place : this.#placeTakenOver(folder, databasePath, { error: place.error, takeOver });
    return {
      // Its row is made when nothing can fail any more.
      targetId: () => this.#options.targets.ensure(parseTargetUrl(folderPath)),
      address: parseTargetUrl(replicaPath),
      name: folderPath,
      isTakenOver: place.kind === 'refused',
    };
  }

  /** The place of somebody else, where one wants it and no database of this computer is kept there; throws what refused it. */
  #placeTakenOver(
    folder: string,
    databasePath: string,
    { error, takeOver = false }: { readonly error: AppErrorData; readonly takeOver?: boolean | undefined },
  ): { readonly path: string; readonly replicaPath: string } {
    const absolute = readTypedPath(folder);
    const replicaPath = replicaPathIn(absolute, databasePath);
    const { url } = parseTargetUrl(replicaPath);
    const isOwn = this.#options.store.replicas().some((replica) => replica.url === url);
    if (!takeOver || isOwn || !mayBeTakenOver(error)) throw AppError.fromData(error);
    return { path: absolute, replicaPath };
  }

  /** Keeps a new database at its home, and nowhere else. */
  begin(databaseId: DatabaseId, home: Home): void {
    const targetId = home.targetId();
    this.#set(databaseId, [{ ...defaultSettings, targetId, url: home.address.url }]);
    const { places, rowOf } = this.#options;
    if (home.isTakenOver === true) places.ownershipOf(rowOf(databaseId), { targetId }).mayTakeOver();
  }

  /** The places that a configuration names; fails with `invalid-argument` where it names one twice. */
  readDeclared(replicas: readonly DeclaredReplica[]): readonly DeclaredPlace[] {
    const places = replicas.map(({ url, ...settings }) => ({ address: parseTargetUrl(url), settings }));
    const twice = places.find(({ address }, i) => places.findIndex((other) => other.address.url === address.url) !== i);
    if (twice !== undefined)
      throw new AppError('invalid-argument', {
        reason: `The destination ${twice.address.kind === 'folder' ? twice.address.path : twice.address.url} is named twice`,
      });
    return places;
  }

  /** Keeps a database at these places, and nowhere else. */
  async declare(
    databaseId: DatabaseId,
    places: readonly DeclaredPlace[],
    { takeOver }: { readonly takeOver: boolean },
  ): Promise<void> {
    const { catalogue, rowOf, targets } = this.#options;
    const row = rowOf(databaseId);
    const access = accessOf(row.path);
    const replicas: NewReplica[] = [];
    for (const { address, settings } of places) {
      const targetId = targets.ensure(address);
      // A place that had history and is gone is a problem to be told, not a place to make again.
      const isNew = !catalogue.shipped(databaseId).some((place) => place.targetId === targetId);
      if (isNew) await createTarget(address, { access });
      replicas.push({ ...defaultSettings, ...withoutAbsent(settings), targetId, url: address.url });
    }
    this.#set(databaseId, replicas);
    if (!takeOver) return;
    for (const { targetId } of replicas) {
      const goesOn = catalogue.shipped(databaseId).some((place) => place.targetId === targetId);
      this.#options.places.ownershipOf(row, { targetId }).mayTakeOver({ goesOn });
    }
  }

  /** A place on a target for a database; fails with `target-missing` where its folder is gone. */
  async #homeOn(targetId: TargetId, databasePath: string): Promise<Home> {
    const { targets } = this.#options;
    const target = targets.rowOf(targetId);
    // A disk that is not there must not be replaced by a folder on the wrong one.
    await targets.mustBeThere(target);
    return { targetId: () => targetId, address: targets.placeFor(target, databasePath), name: target.name };
  }

  /** These replicas and no other ones. */
  #set(databaseId: DatabaseId, replicas: readonly NewReplica[]): void {
    const { store } = this.#options;
    const before = store.replicas(databaseId);
    for (const replica of replicas) {
      const known = before.find(({ targetId }) => targetId === replica.targetId);
      if (!isDeepStrictEqual({ ...known, ...replica }, known)) store.putReplica({ ...replica, databaseId });
    }
    for (const replica of before) {
      if (!replicas.some(({ targetId }) => targetId === replica.targetId)) store.removeReplica(replica);
    }
  }

  #replicaOf(row: DatabaseRow, targetId: TargetId): ReplicaRow {
    const replica = this.#options.store.replicas(row.id).find((one) => one.targetId === targetId);
    if (replica !== undefined) return replica;
    const { name } = this.#options.targets.rowOf(targetId);
    throw new AppError('replica-not-found', { database: path.basename(row.path), name });
  }

  #changed(row: DatabaseRow): void {
    this.#options.protectionOf(row.id)?.replicasChanged();
    this.#options.onChange(row.id);
  }
}

/** What is given of some changes. */
function withoutAbsent<T extends object>(changes: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
