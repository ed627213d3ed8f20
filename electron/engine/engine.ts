// The switchboard: owns the state database, one protection per database, the operations; answers the contract's commands
// and pushes one plain state. Knows neither windows nor sockets.
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import type { DeclaredDatabase, EngineCommandName, Parsed, Reply, Result } from '../../shared/contract.ts';
import { engineCommands } from '../../shared/contract.ts';
import { AppError, toErrorData } from '../../shared/errors.ts';
import type { DatabaseId, DatabaseInspection, DayActivity, EngineState, FolderInspection } from '../../shared/model.ts';
import { type Clock, systemClock } from './clock.ts';
import { describeDatabase, describeDays } from './describe.ts';
import { claimReplica, inspectFolder, replicaPathIn } from './destination.ts';
import { Points } from './history/points.ts';
import { readTimeline } from './history/timeline.ts';
import { type Logger, openLog } from './log.ts';
import { Operations } from './operations.ts';
import { Protection } from './protection.ts';
import type { ProtectionEvent, ReplicaTarget } from './session.ts';
import { narrate } from './narrate.ts';
import { RestoreJobs } from './restore-jobs.ts';
import { removeStaleRestoreFiles } from './restore/output.ts';
import { enableWal } from './source/enable-wal.ts';
import { inspectDatabase, resolveDatabasePath } from './source/inspect.ts';
import { Watcher } from './source/watch.ts';
import { Catalogue } from './state/catalogue.ts';
import { openStateDatabase } from './state/state-database.ts';
import { type DatabaseRow, type ReplicaRow, Store } from './state/store.ts';
import { suggestPaths } from './suggest-paths.ts';
import { readTypedPath } from './typed-path.ts';
import { createTarget, openTarget, parseTargetUrl } from './targets/open-target.ts';

export interface EngineSetup {
  /** Undefined: a toolbox that lists and restores by URL and keeps nothing. */
  readonly dataDir: string | undefined;
  /** Protect only what `protectDeclared` names, nothing that a window added. */
  readonly isDeclaredOnly: boolean;
  readonly version: string;
  readonly onState: (state: EngineState) => void;
  readonly clock?: Clock;
}

interface Storage {
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly points: Points;
}

type Handlers = { readonly [N in EngineCommandName]: (argument: Parsed<N>) => Result<N> | Promise<Result<N>> };

const defaultSyncIntervalMs = 1000;
const defaultSnapshotIntervalMs = 24 * 3_600_000;
const pushEveryMs = 150;
/** How long closing waits for targets. */
const finishWithinMs = 10_000;
const daysForMs = 5000;
const recentActivity = 50;
/** The first library version without the WAL-reset bug (https://www.sqlite.org/wal.html#walresetbug). */
const oldestSqlite = [3, 51, 3] as const;

export class Engine {
  readonly #setup: EngineSetup;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #database: Database.Database | undefined;
  readonly #storage: Storage | undefined;
  readonly #watcher = new Watcher();
  readonly #protections = new Map<DatabaseId, Protection>();
  readonly #declared = new Set<DatabaseId>();
  readonly #days = new Map<DatabaseId, { readonly at: number; readonly days: readonly DayActivity[] }>();
  readonly #operations: Operations;
  readonly #restores: RestoreJobs;
  readonly #startedAt: number;
  readonly #sqliteVersion: string;
  readonly #stop = new AbortController();
  #machineId = '';
  #push: NodeJS.Timeout | undefined;
  #isStopped = false;

  private constructor(setup: EngineSetup, database: Database.Database | undefined, sqliteVersion: string) {
    this.#setup = setup;
    this.#clock = setup.clock ?? systemClock;
    this.#log = openLog(setup.dataDir);
    this.#database = database;
    if (database !== undefined) {
      const catalogue = new Catalogue(database);
      this.#storage = { store: new Store(database), catalogue, points: new Points(catalogue) };
    }
    this.#sqliteVersion = sqliteVersion;
    this.#startedAt = this.#clock.now();
    this.#operations = new Operations({ clock: this.#clock, onChange: () => this.#changed() });
    this.#restores = new RestoreJobs({ operations: this.#operations, clock: this.#clock, storage: this.#storage });
  }

  /** Opens the engine and starts protecting. Fails with `data-folder-held`, `data-folder-unusable` or `sqlite-too-old`. */
  static open(setup: EngineSetup): Engine {
    const sqliteVersion = checkSqlite();
    const database = setup.dataDir === undefined ? undefined : openStateDatabase(setup.dataDir);
    const engine = new Engine(setup, database, sqliteVersion);
    engine.#start();
    return engine;
  }

  /** Answers one command; never rejects. The argument is checked here, whoever checked it before. */
  async invoke<N extends EngineCommandName>(name: N, argument: unknown): Promise<Reply<N>> {
    try {
      const parsed = engineCommands[name].argument.safeParse(argument);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        throw new AppError('invalid-argument', {
          reason: `${name}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
        });
      }
      const handler = this.#handlers[name] as (value: unknown) => Result<N> | Promise<Result<N>>;
      const value = await handler(parsed.data);
      return { ok: true, value };
    } catch (error) {
      if (!(error instanceof AppError)) this.#log.error({ error, name }, 'command failed unexpectedly');
      return { ok: false, error: toErrorData(error) };
    }
  }

  /** Ships what is captured and closes everything in order. Idempotent. */
  async close(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#stop.abort(new AppError('cancelled'));
    await this.#operations.stop();
    const late = new AbortController();
    const patience = this.#clock.sleep(finishWithinMs, { signal: late.signal }).catch(() => {});
    const protections = [...this.#protections.values()];
    const finished = Promise.all(protections.map(async (protection) => await protection.finish()));
    await Promise.race([finished, patience]);
    late.abort();
    // A target that does not answer may not hold up the end: what waits is in the spool and goes out after the next start.
    await Promise.all(protections.map(async (protection) => await protection.stop()));
    clearTimeout(this.#push);
    // The last word: a command line says by it whether everything was shipped.
    this.#setup.onState(this.state);
    this.#watcher[Symbol.dispose]();
    this.#database?.close();
    this.#log.info('engine stopped');
  }

  get state(): EngineState {
    const { store } = this.#storage ?? {};
    const now = this.#clock.now();
    return {
      app: {
        version: this.#setup.version,
        sqliteVersion: this.#sqliteVersion,
        dataDir: this.#setup.dataDir ?? '',
        startedAt: this.#startedAt,
      },
      settings: store?.settings() ?? { theme: 'system' },
      databases: this.#rows().map((row) =>
        describeDatabase({
          row,
          now,
          replicas: this.#required.store.replicas(row.id),
          protection: this.#protections.get(row.id),
          catalogue: this.#required.catalogue,
          days: this.#daysOf(row, now),
        }),
      ),
      targets: store?.targets() ?? [],
      operations: this.#operations.list(),
      activity: store?.activity({ limit: recentActivity }) ?? [],
    };
  }

  /** The 30-day strip changes slowly and costs a query: kept for a few seconds. */
  #daysOf(row: DatabaseRow, now: number): readonly DayActivity[] {
    const kept = this.#days.get(row.id);
    if (kept !== undefined && now - kept.at < daysForMs) return kept.days;
    const days = describeDays(row, { catalogue: this.#required.catalogue, now });
    this.#days.set(row.id, { at: now, days });
    return days;
  }

  readonly #handlers: Handlers = {
    inspectDatabase: ({ path: typed }) => this.#inspectDatabase(typed),
    inspectFolder: async ({ path: typed, databasePath }) =>
      await this.#inspectFolder(typed, resolveDatabasePath(databasePath)),
    suggestPaths: ({ prefix, withFiles }) => suggestPaths(prefix, { withFiles }),
    addDatabase: async (argument) => await this.#addDatabase(argument),
    removeDatabase: async ({ databaseId }) => {
      const row = this.#rowOf(databaseId);
      await this.#close(databaseId);
      this.#required.store.removeDatabase(databaseId);
      fs.rmSync(this.#folderOf(databaseId), { recursive: true, force: true });
      this.#note({
        kind: 'database-removed',
        level: 'info',
        databaseId: undefined,
        text: `${path.basename(row.path)} is not protected any more. Its history stays where it is.`,
      });
    },
    pause: async ({ databaseId }) => await this.#pause(databaseId),
    resume: ({ databaseId }) => this.#resume(databaseId),
    getTimeline: ({ databaseId, fromAt, toAt, bins }) => {
      this.#rowOf(databaseId);
      return readTimeline(this.#required, databaseId, { fromAt, toAt, bins, now: this.#clock.now() });
    },
    listPoints: ({ databaseId, beforeAt = Infinity, limit }) =>
      this.#required.points.list(databaseId, { beforeAt, limit }),
    findPoint: (query) =>
      query.kind === 'at-or-before'
        ? this.#required.points.atOrBefore(query.databaseId, query.at)
        : this.#required.points.step(query.databaseId, query.position, query.by),
    proposeRestore: async ({ databaseId, position }) =>
      await this.#restores.propose(this.#rowOf(databaseId), position, this.#stop),
    startRestore: async ({ databaseId, position, outputPath, fullCheck = false }) =>
      await this.#restores.start(this.#rowOf(databaseId), { position, outputPath, fullCheck }),
    cancelOperation: ({ operationId }) => this.#operations.cancel(operationId),
    dismissOperation: ({ operationId }) => this.#operations.dismiss(operationId),
    listActivity: (query) => this.#required.store.activity(query),
    updateSettings: (changes) => {
      this.#required.store.updateSettings(changes);
      this.#changed();
    },
    listReplica: async ({ url }) => await this.#restores.list(url, this.#stop),
    startReplicaRestore: ({ url, wish, outputPath, fullCheck = false }) =>
      this.#restores.startFrom(url, { wish, outputPath, fullCheck }),
    protectDeclared: async ({ databases }) =>
      await Promise.all(databases.map(async (declared) => await this.#declare(declared))),
  };

  #start(): void {
    if (this.#storage === undefined) return;
    const { store } = this.#storage;
    this.#machineId = store.machineId(() => randomUUID());
    this.#log.info({ version: this.#setup.version, sqlite: this.#sqliteVersion }, 'engine started');
    for (const row of this.#rows()) if (row.pausedAt === undefined) this.#protect(row);
    void this.#removeStaleRestores();
    this.#changed();
  }

  /** What killed restores left where restores are proposed to go. */
  async #removeStaleRestores(): Promise<void> {
    const folders = new Set([...this.#rows().map((row) => path.dirname(row.path)), os.homedir()]);
    for (const folder of folders) {
      // @NOTE A folder that is gone or may not be read has nothing to clear.
      await removeStaleRestoreFiles(folder).catch((error: unknown) =>
        this.#log.debug({ error, folder }, 'not cleared'),
      );
    }
  }

  async #addDatabase({
    path: input,
    folder,
    enableWal: mayEnable = false,
    isDemo = false,
  }: Parsed<'addDatabase'>): Promise<Result<'addDatabase'>> {
    const inspection = this.#inspectDatabase(input);
    if (inspection.kind === 'refused') throw AppError.fromData(inspection.error);
    const place = await this.#inspectFolder(folder, inspection.path);
    if (place.kind === 'refused') throw AppError.fromData(place.error);
    if (!inspection.isWal && !mayEnable) {
      throw new AppError('database-not-wal', { path: inspection.path, mode: inspection.journalMode });
    }
    const target = parseTargetUrl(place.path);
    await createTarget(replicaPathIn(place.path, inspection.path));
    // The one change to the user's database comes when nothing else can fail any more.
    if (!inspection.isWal) enableWal(inspection.path);
    const { store } = this.#required;
    const added = { path: inspection.path, addedAt: this.#clock.now(), isDemo, isDeclared: false };
    const id = store.adoptDeclared(added) ?? store.addDatabase(added);
    const targetId = store.ensureTarget({
      kind: 'folder',
      name: path.basename(place.path) || place.path,
      url: target.url,
    });
    const url = parseTargetUrl(place.replicaPath).url;
    store.setReplicas(id, [
      { targetId, url, syncIntervalMs: defaultSyncIntervalMs, snapshotIntervalMs: defaultSnapshotIntervalMs },
    ]);
    this.#note({
      kind: 'database-added',
      level: 'info',
      databaseId: id,
      text: `${inspection.name} was added. Its history goes to ${place.path}.`,
    });
    this.#protect(this.#rowOf(id));
    return { databaseId: id };
  }

  #inspectDatabase(typed: string): DatabaseInspection {
    try {
      return inspectDatabase(readTypedPath(typed), (stat) => this.#isProtected(stat));
    } catch (error) {
      return { kind: 'refused', error: toErrorData(error) };
    }
  }

  async #inspectFolder(typed: string, databasePath: string): Promise<FolderInspection> {
    try {
      const folder = readTypedPath(typed);
      return await inspectFolder({ folder, databasePath, machineId: this.#machineId }, this.#stop);
    } catch (error) {
      return { kind: 'refused', error: toErrorData(error) };
    }
  }

  async #declare({
    path: input,
    enableWal: mayEnable,
    replicas,
  }: Parsed<'protectDeclared'>['databases'][number]): Promise<DeclaredDatabase> {
    const file = resolveDatabasePath(input);
    try {
      const { store, catalogue } = this.#required;
      const known = store.databases().find((row) => row.path === file);
      if (known !== undefined && this.#protections.has(known.id))
        throw new AppError('database-already-protected', { path: file });
      if (known?.isDeclared === false) throw new AppError('database-of-window', { path: file });
      const addresses = replicas.map((replica) => ({ ...replica, ...parseTargetUrl(replica.url) }));
      const twice = addresses.find(({ url }, i) => addresses.findIndex((other) => other.url === url) !== i);
      if (twice !== undefined)
        throw new AppError('invalid-argument', { reason: `The destination ${twice.path} is named twice` });
      const inspection = inspectDatabase(file, (stat) => this.#isProtected(stat));
      if (inspection.kind === 'refused') throw AppError.fromData(inspection.error);
      if (!inspection.isWal) {
        if (!mayEnable) throw new AppError('database-not-wal', { path: file, mode: inspection.journalMode });
        enableWal(file);
      }
      const id =
        known?.id ?? store.addDatabase({ path: file, addedAt: this.#clock.now(), isDemo: false, isDeclared: true });
      const rows: Omit<ReplicaRow, 'databaseId'>[] = [];
      for (const { url, path: folder, ...replica } of addresses) {
        const targetId = store.ensureTarget({ kind: 'folder', name: path.basename(folder), url });
        // A place that had history and is gone is a problem to be told, not a place to make again.
        const isNew = !catalogue.shipped(id).some((place) => place.targetId === targetId);
        if (isNew) await createTarget(url);
        rows.push({
          targetId,
          url,
          syncIntervalMs: replica.syncIntervalMs ?? defaultSyncIntervalMs,
          snapshotIntervalMs: replica.snapshotIntervalMs ?? defaultSnapshotIntervalMs,
        });
      }
      store.setReplicas(id, rows);
      this.#declared.add(id);
      this.#protect(this.#rowOf(id));
      return { kind: 'protecting', path: file, databaseId: id };
    } catch (error) {
      return { kind: 'refused', path: file, error: toErrorData(error) };
    }
  }

  async #pause(databaseId: DatabaseId | undefined): Promise<void> {
    const rows = databaseId === undefined ? this.#rows() : [this.#rowOf(databaseId)];
    for (const row of rows.filter(({ pausedAt }) => pausedAt === undefined)) {
      this.#required.store.setPaused(row.id, this.#clock.now());
      this.#note({
        kind: 'paused',
        level: 'warning',
        databaseId: row.id,
        text: `${path.basename(row.path)} was paused. Changes are not captured one by one until it is resumed.`,
      });
      await this.#close(row.id);
    }
  }

  #resume(databaseId: DatabaseId | undefined): void {
    const rows = databaseId === undefined ? this.#rows() : [this.#rowOf(databaseId)];
    for (const row of rows.filter(({ pausedAt }) => pausedAt !== undefined)) {
      this.#required.store.setPaused(row.id, undefined);
      this.#note({
        kind: 'resumed',
        level: 'info',
        databaseId: row.id,
        text: `${path.basename(row.path)} was resumed.`,
      });
      this.#protect(this.#rowOf(row.id));
    }
  }

  #protect(row: DatabaseRow): void {
    const { store, catalogue } = this.#required;
    const protection = new Protection({
      row,
      replicas: store.replicas(row.id).map((replica) => this.#replicaTarget(row, replica)),
      folder: this.#folderOf(row.id),
      catalogue,
      watcher: this.#watcher,
      clock: this.#clock,
      log: this.#log.child({ database: row.id }),
      by: { tidemark: this.#setup.version, sqlite: this.#sqliteVersion },
      onChange: () => this.#changed(),
      onEvent: (event) => this.#tell(row, event),
    });
    this.#protections.set(row.id, protection);
    protection.start();
    this.#changed();
  }

  #replicaTarget(row: DatabaseRow, replica: ReplicaRow): ReplicaTarget {
    const target = openTarget(replica.url);
    const owner = {
      databaseId: row.id,
      databasePath: row.path,
      machineId: this.#machineId,
      version: this.#setup.version,
    };
    return {
      row: replica,
      target,
      prepare: async ({ pageSize }, signal) => {
        await claimReplica(target, { owner, pageSize, now: this.#clock.now() }, { signal });
        await target.removeStaleTmp();
      },
    };
  }

  async #close(databaseId: DatabaseId): Promise<void> {
    const protection = this.#protections.get(databaseId);
    await protection?.finish();
    this.#protections.delete(databaseId);
    this.#changed();
  }

  #tell(row: DatabaseRow, event: ProtectionEvent): void {
    const targets = this.#required.store.targets();
    this.#note({ databaseId: row.id, ...narrate(event, { name: path.basename(row.path), targets }) });
  }

  #note(entry: Omit<Parameters<Store['addActivity']>[0], 'at'>): void {
    this.#required.store.addActivity({ at: this.#clock.now(), ...entry });
    this.#changed();
  }

  #changed(): void {
    if (this.#push !== undefined || this.#isStopped) return;
    this.#push = setTimeout(() => {
      this.#push = undefined;
      if (!this.#isStopped) this.#setup.onState(this.state);
    }, pushEveryMs);
  }

  /** True for the file of a database that is kept here, whether it is captured at the moment, starting or paused. */
  #isProtected(stat: fs.Stats): boolean {
    const isSame = (other: fs.Stats | undefined): boolean => other?.ino === stat.ino && other.dev === stat.dev;
    if (this.#rows().some((row) => isSame(statOf(row.path)))) return true;
    return [...this.#protections.values()].some(({ session }) => {
      if (session === undefined) return false;
      return isSame(fs.fstatSync(session.connections.fd));
    });
  }

  #rows(): readonly DatabaseRow[] {
    const rows = this.#storage?.store.databases() ?? [];
    return this.#setup.isDeclaredOnly
      ? rows.filter(({ id }) => this.#declared.has(id))
      : rows.filter(({ isDeclared }) => !isDeclared);
  }

  #rowOf(databaseId: DatabaseId): DatabaseRow {
    const row = this.#required.store.databases().find(({ id }) => id === databaseId);
    if (row === undefined) throw new AppError('database-not-found', { database: databaseId });
    return row;
  }

  #folderOf(databaseId: DatabaseId): string {
    return path.join(this.#setup.dataDir ?? '', 'databases', databaseId);
  }

  get #required(): Storage {
    if (this.#storage === undefined) throw new AppError('not-available', { what: 'This command' });
    return this.#storage;
  }
}

/** Undefined for what is not there or cannot be reached. */
function statOf(file: string): fs.Stats | undefined {
  try {
    return fs.statSync(file);
  } catch {
    return undefined;
  }
}

/** The version of the SQLite library; fails with `sqlite-too-old` where it could corrupt a database. */
function checkSqlite(): string {
  const probe = new Database(':memory:');
  try {
    const version = String(probe.prepare('SELECT sqlite_version()').pluck().get());
    const parts = version.split('.').map(Number);
    const difference = oldestSqlite.map((least, i) => (parts[i] ?? 0) - least).find((value) => value !== 0) ?? 0;
    if (difference < 0) throw new AppError('sqlite-too-old', { version });
    return version;
  } finally {
    probe.close();
  }
}
