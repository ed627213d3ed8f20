// Which databases are kept: adds, declares, pauses and removes them. What runs for those that are not paused is protections.ts, on which
// targets each is kept replicas.ts; who asks is engine.ts.
import fs from 'node:fs';
import path from 'node:path';
import type { DeclaredDatabase, Parsed, Result } from '../../../shared/contract.ts';
import { AppError, type AppErrorData, type ErrorCode, type Problem, toErrorData } from '../../../shared/errors.ts';
import type { DatabaseInspection } from '../../../shared/databases.ts';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import { exclusiveSentence } from '../../../shared/known-applications.ts';
import { accessOf } from '../basics/access.ts';
import { Activity } from './activity.ts';
import type { KnownTargets } from '../destinations/known-targets.ts';
import { type LookTimes, TargetLooks } from '../destinations/looks.ts';
import type { TargetGuards } from '../destinations/guards.ts';
import type { Points } from '../history/points.ts';
import { Links } from './links.ts';
import type { Tally } from '../capture/counters.ts';
import type { ListMounts } from '../basics/mounts.ts';
import { Naming } from './naming.ts';
import { isItselfAt } from '../protection/file-claims.ts';
import type { Protection } from '../protection/protection.ts';
import { ReplicaTargets } from '../destinations/replica-targets.ts';
import { type DiskLimits, folderOf, Protections, type ProtectionsSetup } from './protections.ts';
import { Replicas } from './replicas.ts';
import { enableWal } from '../source/enable-wal.ts';
import { inspectDatabase, readDatabasePath, resolveDatabasePath } from '../source/inspect.ts';
import type { DatabaseRow, ReplicaRow } from '../state/rows.ts';
import { createTarget } from '../targets/open-target.ts';
import type { Target } from '../targets/target.ts';
import { readTypedPath } from '../basics/typed-path.ts';

export interface DatabasesOptions extends ProtectionsSetup {
  readonly points: Points;
  readonly isDeclaredOnly: boolean;
  readonly machineId: string;
  readonly targets: KnownTargets;
  readonly guards: TargetGuards;
  readonly limits?: Limits | undefined;
  /** Something that the state shows has changed. */
  readonly onChange: (databaseId?: DatabaseId) => void;
}

/** How much of the disk may be used, and what stands for parts of the system. */
export interface Limits extends DiskLimits {
  /** What is mounted; without it as the system says. */
  readonly mounts?: ListMounts;
  /** How often destinations are looked at, and how long a look may stand still; without it as destinations/looks.ts says. */
  readonly looks?: LookTimes & { readonly stillMs: number };
  /** For tests: what stands for a target. */
  readonly wrapTarget?: (target: Target) => Target;
}

export class Databases implements AsyncDisposable {
  readonly #options: DatabasesOptions;
  readonly #places: ReplicaTargets;
  readonly #protections: Protections;
  readonly #declared = new Set<DatabaseId>();
  /** Those that may be switched to WAL mode when they come. */
  readonly #mayEnableWal = new Set<DatabaseId>();
  /** Links by which they were named. */
  readonly links: Links;
  /** On which targets each is kept. */
  readonly replicas: Replicas;
  /** How those targets stand. */
  readonly looks: TargetLooks;
  /** Where is told what happens to them. */
  readonly activity: Activity;
  /** Names of their restore points. */
  readonly naming: Naming;

  /** Nothing is captured any more; what is left is the last word. */

  constructor(options: DatabasesOptions) {
    this.#options = options;
    const { dataDir, clock, limits } = options;
    this.#places = new ReplicaTargets({
      ...options,
      folderOf: (databaseId) => folderOf(dataDir, databaseId),
      onInherited: (row, targetId) => this.activity.tellInherited(row, targetId),
      onRepaired: (row, targetId, problem) => this.activity.tellRepaired(row, targetId, problem),
      mounts: limits?.mounts,
      wrapTarget: limits?.wrapTarget,
    });
    this.activity = new Activity(options);
    this.#protections = new Protections({
      ...options,
      places: this.#places,
      active: () => this.#active(),
      onEvent: (row, event) => this.activity.tellDatabase(row, event),
      onTargetFailed: (targetId) => this.looks.suspect(targetId),
    });
    const about = {
      ...options,
      activity: this.activity,
      rowOf: (databaseId: DatabaseId) => this.rowOf(databaseId),
      protectionOf: (databaseId: DatabaseId) => this.protectionOf(databaseId),
    };
    this.replicas = new Replicas({ ...about, places: this.#places });
    this.naming = new Naming(about);
    this.links = new Links({
      clock,
      rows: () => this.#active(),
      isProtected: (stat) => this.#isProtected(stat),
      onTurned: (row, problem) => this.activity.tellDatabase(row, { kind: 'outside', what: problem }),
      onChange: options.onChange,
    });
    this.looks = new TargetLooks({
      ...options,
      times: limits?.looks,
      shipping: () => this.#protections.shipping(),
      onGone: (targetId, replicas) => this.#noteGone(targetId, replicas),
      onBarred: (targetId, problem) => this.noteTarget(targetId, problem),
    });
  }

  /** Starts protecting what is kept and not paused. */
  start(): void {
    for (const row of this.#active()) this.#protections.protect(row);
    this.links.look();
    this.looks.start();
  }

  /** What is kept here, in the order in which it was added. */
  rows(): readonly DatabaseRow[] {
    return this.#options.store.databases().filter((row) => this.#isKept(row));
  }

  isKept(databaseId: DatabaseId): boolean {
    const row = this.#options.store.database(databaseId);
    return row !== undefined && this.#isKept(row);
  }

  /** One database; fails with `database-not-found`. */
  rowOf(databaseId: DatabaseId): DatabaseRow {
    const row = this.#options.store.database(databaseId);
    if (row === undefined) throw new AppError('database-not-found', { database: databaseId });
    return row;
  }

  /** Undefined for one that is paused. */
  protectionOf(databaseId: DatabaseId): Protection | undefined {
    return this.#protections.of(databaseId);
  }

  /** What was done for a database since the engine started, and what went wrong. */
  tallyOf(databaseId: DatabaseId): Readonly<Tally> {
    return this.#protections.tallyOf(databaseId);
  }

  /** What a typed path turns out to be. */
  inspect(typed: string): DatabaseInspection {
    try {
      return inspectDatabase(readTypedPath(typed), (stat) => this.#isProtected(stat));
    } catch (error) {
      return { kind: 'refused', error: toErrorData(error) };
    }
  }

  /** Protects one more database; fails with what an inspection refuses, and with `database-not-wal` without consent. */
  async add(
    { path: input, folder, targetId, takeOver, enableWal: mayEnable = false, isDemo = false }: Parsed<'addDatabase'>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Result<'addDatabase'>> {
    const inspection = this.inspect(input);
    if (inspection.kind === 'refused') throw AppError.fromData(inspection.error);
    const home = await this.replicas.homeFor(inspection, { folder, targetId, takeOver }, { signal });
    if (!inspection.isWal && !mayEnable) {
      throw new AppError('database-not-wal', { path: inspection.path, mode: inspection.journalMode });
    }
    await createTarget(home.address, { access: accessOf(inspection.path) });
    // The one change to the user's database comes when nothing else can fail any more.
    if (!inspection.isWal) enableWal(inspection.path);
    const { store, clock } = this.#options;
    const added = {
      path: inspection.path,
      givenPath: givenPath(readTypedPath(input), inspection),
      addedAt: clock.now(),
      isDemo,
      isDeclared: false,
    };
    const id = store.adoptDeclared(added) ?? store.addDatabase(added);
    this.replicas.begin(id, home);
    this.activity.note({
      kind: 'database-added',
      level: 'info',
      databaseId: id,
      text: addedWords(inspection, home.name),
    });
    this.#protect(id);
    this.links.look();
    return { databaseId: id };
  }

  /** Protects a database as a command line or a configuration names it. */
  async declare({
    path: input,
    enableWal: mayEnable,
    isAwaited = false,
    takeOver = false,
    replicas,
  }: Parsed<'protectDeclared'>['databases'][number]): Promise<DeclaredDatabase> {
    let file = path.resolve(input);
    try {
      file = resolveDatabasePath(input);
      const { store, clock } = this.#options;
      const known = store.databases().find((row) => row.path === file);
      if (known !== undefined && this.#protections.of(known.id) !== undefined)
        throw new AppError('database-already-protected', { path: file });
      if (known?.isDeclared === false) throw new AppError('database-of-window', { path: file });
      const places = this.replicas.readDeclared(replicas);
      const inspection = inspectDatabase(file, (stat) => this.#isProtected(stat));
      const unready = whyNotYet(inspection, { mayEnable });
      if (unready !== undefined && !(isAwaited && awaited.has(unready.code))) throw AppError.fromData(unready);
      if (inspection.kind === 'database' && !inspection.isWal && mayEnable) enableWal(file);
      const given = givenPath(input, { path: file });
      const added = { path: file, givenPath: given, addedAt: clock.now(), isDemo: false, isDeclared: true };
      const id = known?.id ?? store.addDatabase(added);
      // On a full disk nothing can be written: what is declared as before can be protected all the same.
      if (known !== undefined && known.givenPath !== given) store.setGivenPath(id, given);
      await this.replicas.declare(id, places, { takeOver });
      this.#declared.add(id);
      if (mayEnable) this.#mayEnableWal.add(id);
      this.#protect(id);
      this.links.look();
      if (unready !== undefined) return { kind: 'awaited', path: file, databaseId: id, error: unready };
      const { application } = inspection.kind === 'database' ? inspection : {};
      return { kind: 'protecting', path: file, databaseId: id, ...(application === undefined ? {} : { application }) };
    } catch (error) {
      return { kind: 'refused', path: file, error: toErrorData(error) };
    }
  }

  /** Stops protecting a database and forgets it; its history stays where it is. */
  async remove(databaseId: DatabaseId): Promise<void> {
    const row = this.rowOf(databaseId);
    await this.#protections.close(databaseId);
    this.#options.store.removeDatabase(databaseId);
    this.#protections.forget(databaseId);
    this.#places.forget(databaseId);
    this.links.look();
    fs.rmSync(folderOf(this.#options.dataDir, databaseId), { recursive: true, force: true });
    this.activity.note({
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
      this.activity.note({
        kind: 'paused',
        level: 'warning',
        databaseId: row.id,
        text: `${path.basename(row.path)} was paused. Changes are not captured one by one until it is resumed.`,
      });
      await this.#protections.close(row.id);
    }
    this.links.look();
  }

  /** Goes on with one database, or all. */
  resume(databaseId: DatabaseId | undefined): void {
    const rows = databaseId === undefined ? this.rows() : [this.rowOf(databaseId)];
    for (const row of rows.filter(({ pausedAt }) => pausedAt !== undefined)) {
      this.#options.store.setPaused(row.id, undefined);
      this.activity.note({
        kind: 'resumed',
        level: 'info',
        databaseId: row.id,
        text: `${path.basename(row.path)} was resumed.`,
      });
      this.#protect(row.id);
    }
    this.links.look();
  }

  /** The computer slept. */
  noteWake(): void {
    this.#protections.noteWake();
    this.links.look();
    this.looks.lookAtAll();
  }

  /** Nothing gets through to a target from now on, or it does again: that is so for every database there, written or not. */
  noteTarget(targetId: TargetId, problem: Problem | undefined): void {
    this.activity.tellTarget(targetId, problem);
    // A disk that is gone may have come back elsewhere; what is there again may not have what it had.
    this.#protections.noteTarget(targetId, {
      mayHaveChanged: problem === undefined || problem.code === 'target-missing',
    });
  }

  /** Ships what is captured, as far as targets answer in time, and closes everything in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.links[Symbol.dispose]();
    await this.#protections.finish(async () => await this.looks.lookLast());
    this.looks[Symbol.dispose]();
    await this.#protections[Symbol.asyncDispose]();
  }

  #protect(databaseId: DatabaseId): void {
    this.#protections.protect(this.rowOf(databaseId), { mayEnableWal: this.#mayEnableWal.has(databaseId) });
  }

  #noteGone(targetId: TargetId, replicas: readonly ReplicaRow[]): void {
    const { name } = this.#options.targets.rowOf(targetId);
    const rows = replicas.map(({ databaseId }) => this.rowOf(databaseId));
    this.activity.tellGone(targetId, rows);
    for (const row of rows) {
      const gone = new AppError('replica-gone', { database: path.basename(row.path), name });
      this.#protections.of(row.id)?.lookAgainAt(targetId, gone);
    }
  }

  /** True for the file of a database that is kept here, whether it is captured at the moment, starting or paused. */
  #isProtected(stat: fs.BigIntStats): boolean {
    return this.#protections.hasOpen(stat) || this.rows().some((row) => isItselfAt(row.path, stat));
  }

  /** Those that are protected: all but the paused ones. */
  #active(): readonly DatabaseRow[] {
    return this.rows().filter(({ pausedAt }) => pausedAt === undefined);
  }

  #isKept({ id, isDeclared }: DatabaseRow): boolean {
    return this.#options.isDeclaredOnly ? this.#declared.has(id) : !isDeclared;
  }
}

/** What a database that is waited for may be at first. */
const awaited: ReadonlySet<ErrorCode> = new Set([
  'database-missing',
  'database-empty',
  'database-not-wal',
  'database-no-permission',
  'database-unreachable',
  'database-busy',
  'database-hot-journal',
  'too-many-files',
]);

/** Why a database cannot be captured as it is; undefined where it can. */
function whyNotYet(
  inspection: DatabaseInspection,
  { mayEnable }: { readonly mayEnable: boolean },
): AppErrorData | undefined {
  if (inspection.kind === 'refused') return inspection.error;
  if (inspection.isWal || mayEnable) return undefined;
  return new AppError('database-not-wal', { path: inspection.path, mode: inspection.journalMode }).toData();
}

function addedWords(
  { name, application }: Pick<Extract<DatabaseInspection, { readonly kind: 'database' }>, 'name' | 'application'>,
  targetName: string,
): string {
  const added = `${name} was added. Its history goes to ${targetName}.`;
  const when = exclusiveSentence(application);
  return when === undefined ? added : `${added} ${when}`;
}

/** The path by which a database was named, where a link led from there to it. */
function givenPath(input: string, { path: file }: { readonly path: string }): string | undefined {
  const given = readDatabasePath(input);
  return given === file ? undefined : given;
}
