// One protection for each database that is kept and not paused, and what they share: the watcher of their folders, turns, room on the
// disk, which file is whose, and what was done for each since the engine started. Which databases those are is databases.ts.
import type fs from 'node:fs';
import path from 'node:path';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import type { Clock } from '../basics/clock.ts';
import type { ConfirmedTime } from '../basics/confirmed-time.ts';
import type { Logger } from '../basics/log.ts';
import { newTally, type Tally } from '../capture/counters.ts';
import type { Shipping } from '../destinations/looks.ts';
import type { ReplicaTargets } from '../destinations/replica-targets.ts';
import { FileClaims } from '../protection/file-claims.ts';
import { Openings } from '../protection/openings.ts';
import { Protection } from '../protection/protection.ts';
import type { ProtectionEvent } from '../protection/session.ts';
import type { Readers } from '../retain/readers.ts';
import { SnapshotTurns } from '../ship/snapshot-turns.ts';
import { Watcher } from '../source/watch.ts';
import { DiskGuard, type ProbeDisk } from '../spool/disk-guard.ts';
import type { Catalogue } from '../state/catalogue.ts';
import type { DatabaseRow } from '../state/rows.ts';
import type { Store } from '../state/store.ts';

/** What protections are given that is the same for all. */
export interface ProtectionsSetup {
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly dataDir: string;
  readonly version: string;
  readonly sqliteVersion: string;
  readonly clock: Clock;
  readonly confirmed: ConfirmedTime;
  /** Which start of the computer this is. */
  readonly boot: string;
  /** Which computer this is; undefined where it has no name. */
  readonly computer: string | undefined;
  /** Who reads replicas. */
  readonly readers: Readers;
  readonly log: Logger;
  /** A WAL that is longer goes on as the next index. */
  readonly rollBytes: number | undefined;
  readonly limits?: DiskLimits | undefined;
  /** Something that the state shows of a database has changed. */
  readonly onChange: (databaseId: DatabaseId) => void;
  /** What is captured and restorable of it moved on. */
  readonly onProgress: (databaseId: DatabaseId) => void;
}

/** How much of the disk may be used; without it as spool/disk-guard.ts says. */
export interface DiskLimits {
  readonly spoolBudgetBytes?: number;
  readonly probeDisk?: ProbeDisk;
}

interface ProtectionsOptions extends ProtectionsSetup {
  readonly places: ReplicaTargets;
  /** Those that are protected. */
  readonly active: () => readonly DatabaseRow[];
  readonly onEvent: (row: DatabaseRow, event: ProtectionEvent) => void;
  /** Something failed at a target that others there may meet too. */
  readonly onTargetFailed: (targetId: TargetId) => void;
}

/** How long closing waits for targets. */
const finishWithinMs = 5500;

/** The folder of a database below the data folder. */
export function folderOf(dataDir: string, databaseId: DatabaseId): string {
  return path.join(dataDir, 'databases', databaseId);
}

export class Protections implements AsyncDisposable {
  readonly #options: ProtectionsOptions;
  readonly #watcher = new Watcher();
  readonly #openings = new Openings();
  readonly #turns = new SnapshotTurns();
  readonly #disk: DiskGuard;
  readonly #claims: FileClaims;
  readonly #protections = new Map<DatabaseId, Protection>();
  readonly #tallies = new Map<DatabaseId, Tally>();
  #isEnding = false;

  constructor(options: ProtectionsOptions) {
    this.#options = options;
    const { dataDir: folder, clock, limits } = options;
    this.#claims = new FileClaims(options.active);
    this.#disk = new DiskGuard({ folder, clock, budgetBytes: limits?.spoolBudgetBytes, probe: limits?.probeDisk });
  }

  /** Undefined for one that is paused. */
  of(databaseId: DatabaseId): Protection | undefined {
    return this.#protections.get(databaseId);
  }

  /** What was done for a database since the engine started, and what went wrong. */
  tallyOf(databaseId: DatabaseId): Readonly<Tally> {
    const kept = this.#tallies.get(databaseId) ?? newTally();
    const counters = this.#protections.get(databaseId)?.counters ?? kept.counters;
    return { counters, lastProblem: kept.lastProblem };
  }

  /** True for a file that is open for one of them. */
  hasOpen(stat: fs.BigIntStats): boolean {
    return this.#claims.has(stat);
  }

  /** Starts protecting a database; `mayEnableWal`: it may be switched to WAL mode before anything of it was captured. */
  protect(row: DatabaseRow, { mayEnableWal = false }: { readonly mayEnableWal?: boolean } = {}): void {
    const { store, catalogue, readers, clock, confirmed, boot, computer, log, version, sqliteVersion, rollBytes } =
      this.#options;
    const { places, onChange, onProgress, onEvent, onTargetFailed } = this.#options;
    const tally = this.#tallies.get(row.id) ?? newTally();
    this.#tallies.set(row.id, tally);
    const protection = new Protection({
      row,
      replicas: () => store.replicas(row.id).filter(({ isEnabled }) => isEnabled),
      openReplica: (replica) => places.open(row, replica),
      folder: folderOf(this.#options.dataDir, row.id),
      catalogue,
      store,
      readers,
      watcher: this.#watcher,
      beforeOpening: () => this.#claims.claim(row),
      mayEnableWal,
      clock,
      confirmed,
      boot,
      computer,
      log: log.child({ database: row.id }),
      by: { tidemark: version, sqlite: sqliteVersion },
      rollBytes,
      turns: this.#turns,
      disk: this.#disk,
      openings: this.#openings,
      tally,
      onChange: () => onChange(row.id),
      onProgress: () => onProgress(row.id),
      onEvent: (event) => onEvent(row, event),
      onTargetFailed,
    });
    this.#protections.set(row.id, protection);
    protection.start();
    onChange(row.id);
  }

  /** What is shipped where at present; at the end, what was. */
  shipping(): readonly Shipping[] {
    return [...this.#protections].flatMap(([databaseId, protection]) =>
      this.#options.store.replicas(databaseId).flatMap((replica) => {
        const isOver = protection.session === undefined && !this.#isEnding;
        const stand = isOver ? undefined : protection.standingAt(replica.targetId);
        return stand === undefined ? [] : [{ replica, generation: stand.shipped?.position.generation }];
      }),
    );
  }

  /** The computer slept. */
  noteWake(): void {
    for (const protection of this.#protections.values()) protection.noteWake();
  }

  /** A target stands otherwise than before; `mayHaveChanged`: what lies there may be something else, and is looked at. */
  noteTarget(targetId: TargetId, { mayHaveChanged }: { readonly mayHaveChanged: boolean }): void {
    for (const [databaseId, protection] of this.#protections) {
      if (!this.#options.store.replicas(databaseId).some((replica) => replica.targetId === targetId)) continue;
      if (mayHaveChanged) protection.lookAgainAt(targetId);
      this.#options.onChange(databaseId);
    }
  }

  /** Ships what is captured of a database, and closes it. */
  async close(databaseId: DatabaseId): Promise<void> {
    const protection = this.#protections.get(databaseId);
    await protection?.finish();
    this.#protections.delete(databaseId);
    this.#options.onChange(databaseId);
  }

  /** Nothing that was done for it is told any more. */
  forget(databaseId: DatabaseId): void {
    this.#tallies.delete(databaseId);
  }

  /** Ships what is captured, as far as targets answer in time; what is said at the end is seen then, by `lookLast`. */
  async finish(lookLast: () => Promise<void>): Promise<void> {
    this.#isEnding = true;
    const late = new AbortController();
    const patience = this.#options.clock.sleep(finishWithinMs, { signal: late.signal }).catch(() => {});
    const protections = [...this.#protections.values()];
    const finished = Promise.all(protections.map(async (protection) => await protection.finish()));
    await Promise.race([finished.then(lookLast), patience]);
    late.abort();
  }

  /** Closes everything in order. A target that does not answer may not hold up the end: what waits goes out after the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#protections.values()].map(async (protection) => await protection.stop()));
    this.#watcher[Symbol.dispose]();
  }
}
