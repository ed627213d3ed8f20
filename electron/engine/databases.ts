// Which databases are kept: adds, declares, pauses and removes them, and owns one protection for each that is not paused.
// What a protection does is protection.ts; who asks is engine.ts.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DeclaredDatabase, Parsed, Result } from '../../shared/contract.ts';
import { must } from '../../shared/assert.ts';
import { AppError, toErrorData } from '../../shared/errors.ts';
import type {
  DatabaseId,
  DatabaseInspection,
  FolderInspection,
  Problem,
  TargetId,
  TargetTest,
} from '../../shared/model.ts';
import { defaultRetention } from '../../shared/retention.ts';
import { claimNotes } from './claims.ts';
import type { Clock } from './clock.ts';
import { newTally, type Tally } from './counters.ts';
import { inspectFolder } from './destination.ts';
import { DiskGuard, type ProbeDisk } from './disk-guard.ts';
import { DiskPlaces } from './disk-places.ts';
import type { KnownTargets } from './known-targets.ts';
import type { Logger } from './log.ts';
import { type ListMounts, listMounts } from './mounts.ts';
import { narrate, narrateTarget } from './narrate.ts';
import { Openings } from './openings.ts';
import { Ownership } from './ownership.ts';
import { testTarget, type TargetTestOptions } from './probe/test-target.ts';
import { Protection } from './protection.ts';
import type { ProtectionEvent, ReplicaTarget } from './session.ts';
import type { Readers } from './retain/readers.ts';
import { SnapshotTurns } from './ship/snapshot-turns.ts';
import { enableWal } from './source/enable-wal.ts';
import { inspectDatabase, resolveDatabasePath } from './source/inspect.ts';
import { Watcher } from './source/watch.ts';
import type { Catalogue } from './state/catalogue.ts';
import type { DatabaseRow, ReplicaRow, ReplicaSettings, Store } from './state/store.ts';
import { createTarget, parseTargetUrl, type TargetAddress } from './targets/open-target.ts';
import type { Target } from './targets/target.ts';
import { readTypedPath } from './typed-path.ts';

export interface DatabasesOptions {
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly dataDir: string;
  readonly isDeclaredOnly: boolean;
  readonly machineId: string;
  readonly version: string;
  readonly sqliteVersion: string;
  readonly clock: Clock;
  /** Which start of the computer this is. */
  readonly boot: string;
  readonly targets: KnownTargets;
  /** Who reads replicas. */
  readonly readers: Readers;
  readonly log: Logger;
  /** A WAL that is longer goes on as the next index. */
  readonly rollBytes: number | undefined;
  readonly limits?: Limits | undefined;
  /** Something that the state shows has changed. */
  readonly onChange: (databaseId?: DatabaseId) => void;
}

/** How much of the disk may be used; without it as disk-guard.ts says. */
export interface Limits {
  readonly spoolBudgetBytes?: number;
  readonly probeDisk?: ProbeDisk;
  /** What is mounted; without it as the system says. */
  readonly mounts?: ListMounts;
  /** For tests: what stands for a target. */
  readonly wrapTarget?: (target: Target) => Target;
}

type NewReplica = Omit<ReplicaRow, 'databaseId' | 'retainedAt' | 'refusesDeletesAt'>;

/** Where the history of a database is to lie. */
interface Home {
  readonly targetId: () => TargetId;
  readonly address: TargetAddress;
  /** As the activity says it. */
  readonly name: string;
}

interface Cancel {
  readonly signal: AbortSignal;
}

/** What a replica begins with. */
const defaultSettings: ReplicaSettings = {
  isEnabled: true,
  syncIntervalMs: 1000,
  snapshotIntervalMs: 24 * 3_600_000,
  retention: defaultRetention,
};
/** How long closing waits for targets. */
const finishWithinMs = 10_000;

export class Databases implements AsyncDisposable {
  readonly #options: DatabasesOptions;
  readonly #watcher = new Watcher();
  readonly #openings = new Openings();
  readonly #turns = new SnapshotTurns();
  readonly #disk: DiskGuard;
  readonly #places: DiskPlaces;
  readonly #protections = new Map<DatabaseId, Protection>();
  readonly #tallies = new Map<DatabaseId, Tally>();
  readonly #owned = new Map<DatabaseId, Map<TargetId, Ownership>>();
  readonly #declared = new Set<DatabaseId>();
  /** Disks that were told to be away, and the databases that have not said yet that they are caught up there. */
  readonly #away = new Map<TargetId, Set<DatabaseId>>();

  constructor(options: DatabasesOptions) {
    this.#options = options;
    const { dataDir: folder, clock, limits, store, targets, machineId } = options;
    this.#places = new DiskPlaces({
      machineId,
      mounts: limits?.mounts ?? listMounts,
      remembered: (targetId) => store.diskOf(targetId),
      remember: (targetId, place) => store.setDisk(targetId, place),
      move: (targetId, to) => targets.relocate(targetId, to),
    });
    this.#disk = new DiskGuard({ folder, clock, budgetBytes: limits?.spoolBudgetBytes, probe: limits?.probeDisk });
  }

  /** Starts protecting what is kept and not paused. */
  start(): void {
    for (const row of this.rows()) if (row.pausedAt === undefined) this.#protect(row);
  }

  /** What is kept here, in the order in which it was added. */
  rows(): readonly DatabaseRow[] {
    const rows = this.#options.store.databases();
    return this.#options.isDeclaredOnly
      ? rows.filter(({ id }) => this.#declared.has(id))
      : rows.filter(({ isDeclared }) => !isDeclared);
  }

  /** One database; fails with `database-not-found`. */
  rowOf(databaseId: DatabaseId): DatabaseRow {
    const row = this.#options.store.databases().find(({ id }) => id === databaseId);
    if (row === undefined) throw new AppError('database-not-found', { database: databaseId });
    return row;
  }

  /** Undefined for one that is paused. */
  protectionOf(databaseId: DatabaseId): Protection | undefined {
    return this.#protections.get(databaseId);
  }

  /** What was done for a database since the engine started, and what went wrong. */
  tallyOf(databaseId: DatabaseId): Readonly<Tally> {
    const kept = this.#tallies.get(databaseId) ?? newTally();
    const counters = this.#protections.get(databaseId)?.counters ?? kept.counters;
    return { counters, lastProblem: kept.lastProblem };
  }

  /** What a typed path turns out to be. */
  inspect(typed: string): DatabaseInspection {
    try {
      return inspectDatabase(readTypedPath(typed), (stat) => this.#isProtected(stat));
    } catch (error) {
      return { kind: 'refused', error: toErrorData(error) };
    }
  }

  /** What a typed folder turns out to be, as the destination of one database. */
  async inspectFolder(typed: string, databasePath: string, { signal }: Cancel): Promise<FolderInspection> {
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

  /** Protects one more database; fails with what an inspection refuses, and with `database-not-wal` without consent. */
  async add(
    { path: input, folder, targetId, enableWal: mayEnable = false, isDemo = false }: Parsed<'addDatabase'>,
    { signal }: Cancel,
  ): Promise<Result<'addDatabase'>> {
    const inspection = this.inspect(input);
    if (inspection.kind === 'refused') throw AppError.fromData(inspection.error);
    const home =
      folder === undefined
        ? await this.#homeOn(must(targetId, 'checked by the contract'), inspection.path)
        : await this.#homeIn(folder, inspection.path, signal);
    if (!inspection.isWal && !mayEnable) {
      throw new AppError('database-not-wal', { path: inspection.path, mode: inspection.journalMode });
    }
    await createTarget(home.address);
    // The one change to the user's database comes when nothing else can fail any more.
    if (!inspection.isWal) enableWal(inspection.path);
    const { store, clock } = this.#options;
    const added = { path: inspection.path, addedAt: clock.now(), isDemo, isDeclared: false };
    const id = store.adoptDeclared(added) ?? store.addDatabase(added);
    this.#setReplicas(id, [{ ...defaultSettings, targetId: home.targetId(), url: home.address.url }]);
    this.#note({
      kind: 'database-added',
      level: 'info',
      databaseId: id,
      text: `${inspection.name} was added. Its history goes to ${home.name}.`,
    });
    this.#protect(this.rowOf(id));
    return { databaseId: id };
  }

  /** Keeps a database on one more target. */
  async addReplica({ databaseId, targetId }: Parsed<'addReplica'>): Promise<void> {
    const { store } = this.#options;
    const row = this.rowOf(databaseId);
    const target = this.#options.targets.rowOf(targetId);
    const name = path.basename(row.path);
    if (store.replicas(databaseId).some((replica) => replica.targetId === targetId)) {
      throw new AppError('replica-known', { database: name, name: target.name });
    }
    const { address } = await this.#homeOn(targetId, row.path);
    await createTarget(address);
    store.putReplica({ ...defaultSettings, databaseId, targetId, url: address.url });
    this.#note({
      kind: 'replica-changed',
      level: 'info',
      databaseId,
      text: `The history of ${name} goes to ${target.name} too.`,
    });
    this.#replicasChanged(row);
  }

  /** Stops shipping to a target; the history there stays. Fails with `replica-last`. */
  removeReplica({ databaseId, targetId }: Parsed<'removeReplica'>): void {
    const { store } = this.#options;
    const row = this.rowOf(databaseId);
    const replica = this.#replicaOf(row, targetId);
    const { name: targetName } = this.#options.targets.rowOf(targetId);
    const name = path.basename(row.path);
    if (store.replicas(databaseId).length === 1) {
      throw new AppError('replica-last', { database: name, name: targetName });
    }
    store.removeReplica(replica);
    this.#options.catalogue.forgetTarget(databaseId, targetId);
    this.#note({
      kind: 'replica-changed',
      level: 'warning',
      databaseId,
      text: `The history of ${name} does not go to ${targetName} any more. What lies there stays.`,
    });
    this.#replicasChanged(row);
  }

  /** Changes how a database is kept on a target. */
  updateReplica({ databaseId, targetId, ...changes }: Parsed<'updateReplica'>): void {
    const row = this.rowOf(databaseId);
    const before = this.#replicaOf(row, targetId);
    const after = { ...before, ...withoutAbsent(changes) };
    this.#options.store.putReplica(after);
    if (after.isEnabled !== before.isEnabled) {
      const name = path.basename(row.path);
      const { name: targetName } = this.#options.targets.rowOf(targetId);
      this.#note({
        kind: 'replica-changed',
        level: after.isEnabled ? 'info' : 'warning',
        databaseId,
        text: after.isEnabled
          ? `The history of ${name} goes to ${targetName} again.`
          : `The history of ${name} does not go to ${targetName} until that is turned on again.`,
      });
    }
    this.#replicasChanged(row);
  }

  /** Writes to a place that another computer, or another database, has claimed; fails where the database is paused. */
  takeOverReplica({ databaseId, targetId }: Parsed<'takeOverReplica'>): void {
    const row = this.rowOf(databaseId);
    this.#replicaOf(row, targetId);
    const protection = this.#protections.get(databaseId);
    if (protection === undefined)
      throw new AppError('invalid-argument', { reason: `${path.basename(row.path)} is paused: resume it first` });
    const reason = this.#ownershipOf(row, { targetId }).takeOver(protection.session?.generation);
    if (reason !== undefined) protection.startOver(reason);
  }

  /** Protects a database as a command line or a configuration names it. */
  async declare({
    path: input,
    enableWal: mayEnable,
    replicas,
  }: Parsed<'protectDeclared'>['databases'][number]): Promise<DeclaredDatabase> {
    const file = resolveDatabasePath(input);
    try {
      const { store, clock } = this.#options;
      const known = store.databases().find((row) => row.path === file);
      if (known !== undefined && this.#protections.has(known.id))
        throw new AppError('database-already-protected', { path: file });
      if (known?.isDeclared === false) throw new AppError('database-of-window', { path: file });
      const addresses = replicas.map(({ url, ...settings }) => ({ address: parseTargetUrl(url), settings }));
      const twice = addresses.find(
        ({ address }, i) => addresses.findIndex((other) => other.address.url === address.url) !== i,
      );
      if (twice !== undefined)
        throw new AppError('invalid-argument', {
          reason: `The destination ${twice.address.kind === 'folder' ? twice.address.path : twice.address.url} is named twice`,
        });
      const inspection = inspectDatabase(file, (stat) => this.#isProtected(stat));
      if (inspection.kind === 'refused') throw AppError.fromData(inspection.error);
      if (!inspection.isWal) {
        if (!mayEnable) throw new AppError('database-not-wal', { path: file, mode: inspection.journalMode });
        enableWal(file);
      }
      const id = known?.id ?? store.addDatabase({ path: file, addedAt: clock.now(), isDemo: false, isDeclared: true });
      this.#setReplicas(id, await this.#declaredReplicas(id, addresses));
      this.#declared.add(id);
      this.#protect(this.rowOf(id));
      return { kind: 'protecting', path: file, databaseId: id };
    } catch (error) {
      return { kind: 'refused', path: file, error: toErrorData(error) };
    }
  }

  /** Stops protecting a database and forgets it; its history stays where it is. */
  async remove(databaseId: DatabaseId): Promise<void> {
    const row = this.rowOf(databaseId);
    await this.#close(databaseId);
    this.#options.store.removeDatabase(databaseId);
    this.#tallies.delete(databaseId);
    this.#owned.delete(databaseId);
    fs.rmSync(this.#folderOf(databaseId), { recursive: true, force: true });
    this.#note({
      kind: 'database-removed',
      level: 'info',
      databaseId: undefined,
      text: `${path.basename(row.path)} is not protected any more. Its history stays where it is.`,
    });
  }

  /** Pauses one database, or all. */
  async pause(databaseId: DatabaseId | undefined): Promise<void> {
    const rows = databaseId === undefined ? this.rows() : [this.rowOf(databaseId)];
    for (const row of rows.filter(({ pausedAt }) => pausedAt === undefined)) {
      this.#options.store.setPaused(row.id, this.#options.clock.now());
      this.#note({
        kind: 'paused',
        level: 'warning',
        databaseId: row.id,
        text: `${path.basename(row.path)} was paused. Changes are not captured one by one until it is resumed.`,
      });
      await this.#close(row.id);
    }
  }

  /** Goes on with one database, or all. */
  resume(databaseId: DatabaseId | undefined): void {
    const rows = databaseId === undefined ? this.rows() : [this.rowOf(databaseId)];
    for (const row of rows.filter(({ pausedAt }) => pausedAt !== undefined)) {
      this.#options.store.setPaused(row.id, undefined);
      this.#note({
        kind: 'resumed',
        level: 'info',
        databaseId: row.id,
        text: `${path.basename(row.path)} was resumed.`,
      });
      this.#protect(this.rowOf(row.id));
    }
  }

  /** The computer slept. */
  noteWake(): void {
    for (const protection of this.#protections.values()) protection.noteWake();
  }

  /** Ships what is captured, as far as targets answer in time, and closes everything in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    const late = new AbortController();
    const patience = this.#options.clock.sleep(finishWithinMs, { signal: late.signal }).catch(() => {});
    const protections = [...this.#protections.values()];
    const finished = Promise.all(protections.map(async (protection) => await protection.finish()));
    await Promise.race([finished, patience]);
    late.abort();
    // A target that does not answer may not hold up the end: what waits is in the spool and goes out after the next start.
    await Promise.all(protections.map(async (protection) => await protection.stop()));
    this.#watcher[Symbol.dispose]();
  }

  async #declaredReplicas(
    id: DatabaseId,
    addresses: readonly {
      readonly address: TargetAddress;
      readonly settings: Omit<Parsed<'protectDeclared'>['databases'][number]['replicas'][number], 'url'>;
    }[],
  ): Promise<readonly NewReplica[]> {
    const { catalogue, targets } = this.#options;
    const rows: NewReplica[] = [];
    for (const { address, settings } of addresses) {
      const targetId = targets.ensure(address);
      // A place that had history and is gone is a problem to be told, not a place to make again.
      const isNew = !catalogue.shipped(id).some((place) => place.targetId === targetId);
      if (isNew) await createTarget(address);
      rows.push({ ...defaultSettings, ...withoutAbsent(settings), targetId, url: address.url });
    }
    return rows;
  }

  /** A typed folder as the first home of a database. */
  async #homeIn(folder: string, databasePath: string, signal: AbortSignal): Promise<Home> {
    const place = await this.inspectFolder(folder, databasePath, { signal });
    if (place.kind === 'refused') throw AppError.fromData(place.error);
    return {
      // Its row is made when nothing can fail any more.
      targetId: () => this.#options.targets.ensure(parseTargetUrl(place.path)),
      address: parseTargetUrl(place.replicaPath),
      name: place.path,
    };
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
  #setReplicas(databaseId: DatabaseId, replicas: readonly NewReplica[]): void {
    const { store } = this.#options;
    for (const replica of replicas) store.putReplica({ ...replica, databaseId });
    for (const replica of store.replicas(databaseId)) {
      if (!replicas.some(({ targetId }) => targetId === replica.targetId)) store.removeReplica(replica);
    }
  }

  #replicaOf(row: DatabaseRow, targetId: TargetId): ReplicaRow {
    const replica = this.#options.store.replicas(row.id).find((one) => one.targetId === targetId);
    if (replica !== undefined) return replica;
    const { name } = this.#options.targets.rowOf(targetId);
    throw new AppError('replica-not-found', { database: path.basename(row.path), name });
  }

  #replicasChanged(row: DatabaseRow): void {
    this.#protections.get(row.id)?.replicasChanged();
    this.#options.onChange(row.id);
  }

  #protect(row: DatabaseRow): void {
    const { store, catalogue, readers, clock, boot, log, version, sqliteVersion, rollBytes, onChange } = this.#options;
    const tally = this.#tallies.get(row.id) ?? newTally();
    this.#tallies.set(row.id, tally);
    const protection = new Protection({
      row,
      replicas: () => store.replicas(row.id).filter(({ isEnabled }) => isEnabled),
      openReplica: (replica) => this.#replicaTarget(row, replica),
      folder: this.#folderOf(row.id),
      catalogue,
      store,
      readers,
      watcher: this.#watcher,
      clock,
      boot,
      log: log.child({ database: row.id }),
      by: { tidemark: version, sqlite: sqliteVersion },
      rollBytes,
      turns: this.#turns,
      disk: this.#disk,
      openings: this.#openings,
      tally,
      onChange: () => onChange(row.id),
      onEvent: (event) => this.#tell(row, event),
    });
    this.#protections.set(row.id, protection);
    protection.start();
    onChange(row.id);
  }

  #replicaTarget(row: DatabaseRow, replica: ReplicaRow): ReplicaTarget {
    const { targets, limits } = this.#options;
    const opened = this.#steady(targets.open(replica), replica);
    const { target, reach } = targets.guard(replica.targetId, limits?.wrapTarget?.(opened) ?? opened);
    const ownership = this.#ownershipOf(row, replica);
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
    };
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
        replicaFolder: fileURLToPath(url),
        hasHistory: catalogue.shipped(databaseId).some((shipped) => shipped.targetId === targetId),
      };
    });
  }

  /** One for each replica, however often it is opened: what this run claimed is known by it. */
  #ownershipOf(row: DatabaseRow, { targetId }: Pick<ReplicaRow, 'targetId'>): Ownership {
    const { machineId, version, clock } = this.#options;
    const owned = this.#owned.get(row.id) ?? new Map<TargetId, Ownership>();
    this.#owned.set(row.id, owned);
    const known = owned.get(targetId);
    if (known !== undefined) return known;
    const owner = { databaseId: row.id, databasePath: row.path, machineId, version };
    const made = new Ownership({ owner, clock, notes: claimNotes(this.#folderOf(row.id), targetId) });
    owned.set(targetId, made);
    return made;
  }

  async #close(databaseId: DatabaseId): Promise<void> {
    const protection = this.#protections.get(databaseId);
    await protection?.finish();
    this.#protections.delete(databaseId);
    this.#options.onChange(databaseId);
  }

  /** Nothing gets through to a target from now on, or it does again. */
  tellTarget(targetId: TargetId, problem: Problem | undefined): void {
    const { store, targets } = this.#options;
    if (problem?.code === 'target-missing') {
      const waiting = store.replicas().filter((replica) => replica.targetId === targetId);
      this.#away.set(targetId, new Set(waiting.map(({ databaseId }) => databaseId)));
    }
    // Each of its databases says when it is caught up.
    if (problem === undefined && (this.#away.get(targetId)?.size ?? 0) > 0) return;
    if (problem !== undefined && problem.code !== 'target-missing') this.#away.delete(targetId);
    const { name } = targets.rowOf(targetId);
    this.#note({ databaseId: undefined, ...narrateTarget(problem, { name }) });
  }

  #tell(row: DatabaseRow, event: ProtectionEvent): void {
    if (event.kind === 'disk-back' && this.#away.get(event.replica.targetId)?.delete(row.id) !== true) return;
    const targets = this.#options.store.targets();
    this.#note({ databaseId: row.id, ...narrate(event, { name: path.basename(row.path), targets }) });
  }

  #note(entry: Omit<Parameters<Store['addActivity']>[0], 'at'>): void {
    try {
      this.#options.store.addActivity({ at: this.#options.clock.now(), ...entry });
    } catch (error) {
      // @NOTE What is told may be that the disk is full, and then it cannot be written down: the state still says it.
      this.#options.log.warn({ error, entry }, 'an activity could not be kept');
    }
    this.#options.onChange();
  }

  /** True for the file of a database that is kept here, whether it is captured at the moment, starting or paused. */
  #isProtected(stat: fs.Stats): boolean {
    const isSame = (other: fs.Stats | undefined): boolean => other?.ino === stat.ino && other.dev === stat.dev;
    if (this.rows().some((row) => isSame(statOf(row.path)))) return true;
    return [...this.#protections.values()].some(({ session }) => {
      if (session === undefined) return false;
      return isSame(fs.fstatSync(session.connections.fd));
    });
  }

  #folderOf(databaseId: DatabaseId): string {
    return path.join(this.#options.dataDir, 'databases', databaseId);
  }
}

/** What is given of some changes. */
function withoutAbsent<T extends object>(changes: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** Undefined for what is not there or cannot be reached. */
function statOf(file: string): fs.Stats | undefined {
  try {
    return fs.statSync(file);
  } catch {
    return undefined;
  }
}
