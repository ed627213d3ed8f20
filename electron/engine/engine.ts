// The switchboard: owns the state database, the databases that are kept, the operations; answers the contract's commands
// and pushes one plain state. Knows neither windows nor sockets.
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { EngineCommandName, Parsed, Reply, Result } from '../../shared/contract.ts';
import { engineCommands } from '../../shared/contract.ts';
import { AppError, toErrorData } from '../../shared/errors.ts';
import type { EngineState } from '../../shared/model.ts';
import { bootIdentity, computerIdentity } from './basics/boot.ts';
import { confirmTime, type ConfirmedTime } from './basics/confirmed-time.ts';
import { type Clock, systemClock } from './basics/clock.ts';
import { Databases, type Limits } from './switchboard/databases.ts';
import { describeDetails } from './switchboard/describe.ts';
import { Descriptions } from './switchboard/descriptions.ts';
import { findHome } from './basics/home.ts';
import { costOfPoint } from './history/point-cost.ts';
import { Points } from './history/points.ts';
import { readTimeline } from './history/timeline.ts';
import { KnownTargets } from './destinations/known-targets.ts';
import { LoopDelay } from './basics/loop-delay.ts';
import { type Log, type Logger, openLog } from './basics/log.ts';
import { Operations } from './switchboard/operations.ts';
import { RestoreJobs } from './switchboard/restore-jobs.ts';
import { Readers } from './retain/readers.ts';
import { previewOf, retainAt } from './switchboard/retention.ts';
import { removeStaleRestoreFiles } from './restore/output.ts';
import { resolveDatabasePath } from './source/inspect.ts';
import { Catalogue } from './state/catalogue.ts';
import { checkSqlite } from './state/check-sqlite.ts';
import { type StateDatabase, openStateDatabase, isUnsynced } from './state/state-database.ts';
import { Store } from './state/store.ts';
import { suggestPaths } from './switchboard/suggest-paths.ts';
import { TargetCredentials } from './destinations/credentials.ts';
import { TargetGuards } from './destinations/guards.ts';

export interface EngineSetup {
  /** Undefined: a toolbox that lists and restores by URL and keeps nothing. */
  readonly dataDir: string | undefined;
  /** Protect only what `protectDeclared` names, nothing that a window added. */
  readonly isDeclaredOnly: boolean;
  readonly version: string;
  /** Under it secrets are sealed; without it none are kept. */
  readonly secretKey?: Uint8Array | undefined;
  /** Why the engine that this one takes the place of ended by itself. */
  readonly death?: { readonly reason: string } | undefined;
  readonly onState: (state: EngineState) => void;
  /** What only moves on is told this often; what changes, at once. */
  readonly progressEveryMs?: number | undefined;
  readonly clock?: Clock;
  /** Which start of the computer this is; without it as the system says. */
  readonly boot?: string;
  /** Which computer this is; without it as the system says. */
  readonly computer?: string;
  /** A WAL that is longer goes on as the next index; well below 4 GiB, where offsets end. */
  readonly rollBytes?: number;
  readonly limits?: Limits;
}

interface Storage {
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly points: Points;
  readonly guards: TargetGuards;
  readonly targets: KnownTargets;
  readonly databases: Databases;
  readonly descriptions: Descriptions;
  readonly confirmed: ConfirmedTime;
}

type Handlers = { readonly [N in EngineCommandName]: (argument: Parsed<N>) => Result<N> | Promise<Result<N>> };

const pushEveryMs = 150;
const progressEveryMs = 400;
const pushPart = 20;
const recentActivity = 50;

export class Engine {
  readonly #setup: EngineSetup;
  readonly #clock: Clock;
  readonly #kept: Log;
  readonly #log: Logger;
  readonly #database: StateDatabase | undefined;
  readonly #storage: Storage | undefined;
  readonly #loopDelay = new LoopDelay();
  readonly #operations: Operations;
  readonly #readers = new Readers();
  readonly #restores: RestoreJobs;
  readonly #startedAt: number;
  readonly #sqliteVersion: string;
  readonly #stop = new AbortController();
  #push: NodeJS.Timeout | undefined;
  #pushAt = Infinity;
  #pushAfterMs = pushEveryMs;
  #isStopped = false;

  private constructor(setup: EngineSetup, database: StateDatabase | undefined, sqliteVersion: string) {
    this.#setup = setup;
    this.#clock = setup.clock ?? systemClock;
    this.#kept = openLog(setup.dataDir);
    this.#log = this.#kept.logger;
    this.#database = database;
    this.#sqliteVersion = sqliteVersion;
    this.#storage = database === undefined ? undefined : this.#openStorage(database);
    this.#startedAt = this.#clock.now();
    this.#operations = new Operations({ clock: this.#clock, onChange: () => this.#changed() });
    this.#restores = new RestoreJobs({
      operations: this.#operations,
      clock: this.#clock,
      readers: this.#readers,
      storage: this.#storage,
    });
  }

  /** Opens the engine and starts protecting. Fails with `data-folder-held`, `data-folder-unusable` or `sqlite-too-old`. */
  static open(setup: EngineSetup): Engine {
    const sqliteVersion = checkSqlite();
    const database = setup.dataDir === undefined ? undefined : openStateDatabase(setup.dataDir);
    const engine = new Engine(setup, database, sqliteVersion);
    engine.#start({ isDurable: database === undefined || !isUnsynced(database) });
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
    await Promise.all([this.#operations.stop(), this.#storage?.databases[Symbol.asyncDispose]()]);
    this.#storage?.guards[Symbol.dispose]();
    clearTimeout(this.#push);
    this.#loopDelay[Symbol.dispose]();
    this.#storage?.descriptions.forget();
    // The last word: a command line says by it whether everything was shipped.
    this.#setup.onState(this.state);
    this.#database?.close();
    this.#log.info('engine stopped');
    await this.#kept[Symbol.asyncDispose]();
  }

  get state(): EngineState {
    const { store, targets } = this.#storage ?? {};
    return {
      app: {
        version: this.#setup.version,
        sqliteVersion: this.#sqliteVersion,
        dataDir: this.#setup.dataDir ?? '',
        startedAt: this.#startedAt,
      },
      settings: store?.settings() ?? { theme: 'system' },
      databases: describeAll(this.#storage, this.#clock.now()),
      targets: targets?.states() ?? [],
      operations: this.#operations.list(),
      activity: store?.activity.list({ limit: recentActivity }) ?? [],
    };
  }

  readonly #handlers: Handlers = {
    inspectDatabase: ({ path: typed }) => this.#databases.inspect(typed),
    inspectFolder: async ({ path: typed, databasePath }) =>
      await this.#databases.replicas.inspectFolder(typed, resolveDatabasePath(databasePath), this.#stop),
    suggestPaths: ({ prefix, withFiles }) => suggestPaths(prefix, { withFiles }),
    addDatabase: async (argument) => await this.#databases.add(argument, this.#stop),
    addTarget: async (argument) => await this.#required.targets.add(argument),
    updateTarget: async (argument) => await this.#required.targets.update(argument),
    removeTarget: ({ targetId }) => this.#required.targets.remove(targetId),
    testTarget: async ({ place, targetId, databasePath }) =>
      await this.#databases.replicas.testTarget({
        place,
        targetId,
        databasePath: databasePath === undefined ? undefined : resolveDatabasePath(databasePath),
        signal: this.#stop.signal,
      }),
    addReplica: async (argument) => await this.#databases.replicas.add(argument),
    removeReplica: (argument) => this.#databases.replicas.remove(argument),
    updateReplica: (argument) => this.#databases.replicas.update(argument),
    takeOverReplica: (argument) => this.#databases.replicas.takeOver(argument),
    removeDatabase: async ({ databaseId }) => await this.#databases.remove(databaseId),
    pause: async ({ databaseId }) => await this.#databases.pause(databaseId),
    resume: ({ databaseId }) => this.#databases.resume(databaseId),
    noteWake: () => {
      this.#databases.noteWake();
      this.#required.guards.sign();
    },
    getDetails: ({ databaseId }) =>
      describeDetails(this.#databases.rowOf(databaseId), {
        protection: this.#databases.protectionOf(databaseId),
        tally: this.#databases.tallyOf(databaseId),
        loopDelayMaxMs: this.#loopDelay.read(),
      }),
    getTimeline: ({ databaseId, fromAt, toAt, bins }) => {
      this.#databases.rowOf(databaseId);
      return readTimeline(this.#required, databaseId, { fromAt, toAt, bins, now: this.#clock.now() });
    },
    listPoints: ({ databaseId, olderThan, limit }) =>
      olderThan === undefined
        ? this.#required.points.list(databaseId, { beforeAt: Infinity, limit })
        : this.#required.points.listOlder(databaseId, { than: olderThan, limit }),
    findPoint: (query) =>
      query.kind === 'at-or-before'
        ? this.#required.points.atOrBefore(query.databaseId, query.at)
        : this.#required.points.step(query.databaseId, query.position, query.by),
    getPoint: ({ databaseId, position }) => this.#required.points.find(databaseId, position),
    namePoint: (argument) => this.#databases.naming.name(argument),
    renamePoint: (argument) => this.#databases.naming.rename(argument),
    removePointName: (argument) => this.#databases.naming.remove(argument),
    getPointCost: ({ databaseId, position }) => {
      const point = this.#databases.naming.pointAt({ databaseId, position });
      return { bytes: costOfPoint(this.#required.catalogue, databaseId, point) };
    },
    proposeRestore: async ({ databaseId, position }) =>
      await this.#restores.propose(this.#databases.rowOf(databaseId), position, this.#stop),
    startRestore: async ({ databaseId, position, outputPath, fullCheck = false }) =>
      await this.#restores.start(this.#databases.rowOf(databaseId), { position, outputPath, fullCheck }),
    cancelOperation: ({ operationId }) => this.#operations.cancel(operationId),
    dismissOperation: ({ operationId }) => this.#operations.dismiss(operationId),
    listActivity: (query) => this.#required.store.activity.list(query),
    updateSettings: (changes) => {
      this.#required.store.updateSettings(changes);
      this.#changed();
    },
    listReplica: async ({ url }) => await this.#restores.list(url, this.#stop),
    planReplicaRestore: async (query) => await this.#restores.plan(query, this.#stop),
    startReplicaRestore: ({ url, wish, outputPath, fullCheck = false }) =>
      this.#restores.startFrom(url, { wish, outputPath, fullCheck }),
    previewRetention: async (query) =>
      await previewOf(query, { ...this.#required, clock: this.#clock, signal: this.#stop.signal }),
    retainReplica: async (query) =>
      await retainAt(query, { readers: this.#readers, clock: this.#clock, signal: this.#stop.signal }),
    protectDeclared: async ({ databases }) =>
      await Promise.all(databases.map(async (declared) => await this.#databases.declare(declared))),
  };

  #openStorage(database: StateDatabase): Storage {
    const { dataDir = '', isDeclaredOnly, version } = this.#setup;
    const store = new Store(database);
    const catalogue = new Catalogue(database);
    const points = new Points(catalogue);
    const descriptions = new Descriptions({ store, catalogue });
    const guards = new TargetGuards({
      clock: this.#clock,
      lookStillMs: this.#setup.limits?.looks?.stillMs,
      onProblem: (targetId, problem) => databases.noteTarget(targetId, problem),
    });
    const targets = new KnownTargets({
      store,
      guards,
      credentials: new TargetCredentials(this.#setup.secretKey),
      isKept: (databaseId) => databases.isKept(databaseId),
      onLimits: (targetId, limits) => databases.activity.tellLimits(targetId, limits),
      onChange: () => {
        // Where replicas lie may read differently now.
        descriptions.forget();
        this.#changed();
      },
    });
    const boot = this.#setup.boot ?? bootIdentity();
    const confirmed = confirmTime({
      clock: this.#clock,
      boot,
      load: () => store.confirmedTime(),
      save: (text) => store.setConfirmedTime(text),
    });
    const databases: Databases = new Databases({
      store,
      catalogue,
      points,
      targets,
      guards,
      readers: this.#readers,
      dataDir,
      isDeclaredOnly,
      machineId: store.machineId(() => randomUUID()),
      version,
      sqliteVersion: this.#sqliteVersion,
      clock: this.#clock,
      confirmed,
      boot,
      computer: this.#setup.computer ?? computerIdentity(),
      log: this.#log,
      rollBytes: this.#setup.rollBytes,
      limits: this.#setup.limits,
      onChange: (databaseId) => {
        if (databaseId !== undefined) descriptions.forget(databaseId);
        this.#changed();
      },
      onProgress: (databaseId) => {
        descriptions.forget(databaseId);
        this.#changed(this.#setup.progressEveryMs ?? progressEveryMs);
      },
    });
    return { store, catalogue, points, guards, targets, databases, descriptions, confirmed };
  }

  #start({ isDurable }: { readonly isDurable: boolean }): void {
    if (this.#storage === undefined) return;
    this.#log.info({ version: this.#setup.version, sqlite: this.#sqliteVersion }, 'engine started');
    this.#tellDeath(this.#storage);
    if (!isDurable) this.#storage.databases.activity.tellUnsynced(this.#setup.dataDir ?? '');
    this.#storage.databases.start();
    void this.#removeStaleRestores();
    this.#changed();
  }

  /** That there was no engine for a moment is a line in the activity. */
  #tellDeath({ databases }: Storage): void {
    const { death } = this.#setup;
    if (death === undefined) return;
    this.#log.error({ reason: death.reason }, 'the engine ended by itself and was started again');
    databases.activity.note({
      kind: 'problem',
      level: 'warning',
      databaseId: undefined,
      text: `Tidemark’s engine ended unexpectedly (${death.reason}) and was started again. What was written meanwhile is caught up with.`,
    });
  }

  /** What killed restores left where restores are proposed to go. */
  async #removeStaleRestores(): Promise<void> {
    const folders = new Set([...this.#databases.rows().map((row) => path.dirname(row.path)), findHome()]);
    for (const folder of folders) {
      if (folder === undefined) continue;
      // @NOTE A folder that is gone or may not be read has nothing to clear.
      await removeStaleRestoreFiles(folder).catch((error: unknown) =>
        this.#log.debug({ error, folder }, 'not cleared'),
      );
    }
  }

  /** Tells the state soon: within so long, and however often this is called. */
  #changed(withinMs = 0): void {
    const afterMs = Math.max(this.#pushAfterMs, withinMs);
    const at = performance.now() + afterMs;
    if (this.#isStopped || at >= this.#pushAt) return;
    this.#pushAt = at;
    clearTimeout(this.#push);
    this.#push = setTimeout(() => {
      this.#pushAt = Infinity;
      if (this.#isStopped) return;
      const begunAt = performance.now();
      this.#setup.onState(this.state);
      // However much there is to tell, telling it takes a small part of the thread's time.
      this.#pushAfterMs = Math.max(pushEveryMs, (performance.now() - begunAt) * pushPart);
    }, afterMs);
  }

  get #databases(): Databases {
    return this.#required.databases;
  }

  get #required(): Storage {
    if (this.#storage === undefined) throw new AppError('not-available', { what: 'This command' });
    return this.#storage;
  }
}

function describeAll(storage: Storage | undefined, now: number): EngineState['databases'] {
  if (storage === undefined) return [];
  const { databases, descriptions } = storage;
  return databases.rows().map((row) => descriptions.describe(row, { databases, now }));
}
