// Writes down what happened, as the activity shows it: what was done to databases, what protections and targets tell. What each
// of it is called is narrate.ts.
import path from 'node:path';
import type { Problem, AppError } from '../../../shared/errors.ts';
import type { TargetId } from '../../../shared/ids.ts';
import type { Clock } from '../basics/clock.ts';
import type { KnownTargets } from '../destinations/known-targets.ts';
import type { Logger } from '../basics/log.ts';
import { narrate, narrateGone, narrateLimits, narrateTarget } from './narrate.ts';
import type { ProtectionEvent } from '../protection/session.ts';
import type { NewActivity } from '../state/activity-rows.ts';
import type { DatabaseRow } from '../state/rows.ts';
import type { Store } from '../state/store.ts';
import type { FolderLimit } from '../targets/folder.ts';

export interface ActivityOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly targets: KnownTargets;
  readonly log: Logger;
  readonly onChange: () => void;
}

export class Activity {
  readonly #options: ActivityOptions;
  /** Disks that were told to be away. */
  readonly #away = new Set<TargetId>();

  constructor(options: ActivityOptions) {
    this.#options = options;
  }

  /** One more entry; a failure to keep it is only logged. */
  note(entry: Omit<NewActivity, 'at'>): void {
    try {
      this.#options.store.activity.add({ at: this.#options.clock.now(), ...entry });
    } catch (error) {
      // @NOTE What is told may be that the disk is full, and then it cannot be written down: the state still says it.
      this.#options.log.warn({ error, entry }, 'an activity could not be kept');
    }
    this.#options.onChange();
  }

  /** Nothing gets through to a target from now on, or it does again. */
  tellTarget(targetId: TargetId, problem: Problem | undefined): void {
    const { name } = this.#options.targets.rowOf(targetId);
    const wasAway = this.#away.delete(targetId);
    if (problem?.code === 'target-missing') this.#away.add(targetId);
    this.note({ databaseId: undefined, ...narrateTarget(problem, { name, wasAway }) });
  }

  /** What cannot be promised at a target, since its disk cannot do it. */
  tellLimits(targetId: TargetId, limits: readonly FolderLimit[]): void {
    const { name } = this.#options.targets.rowOf(targetId);
    this.note({ databaseId: undefined, ...narrateLimits(limits, { name }) });
  }

  /** What cannot be promised of the data folder, since its disk cannot do it. */
  tellUnsynced(dataDir: string): void {
    const text = `The data folder ${dataDir} is used, but its disk does not say when something is safe on it (fsync): after a power cut histories may begin anew, with a new image each. What was shipped is not touched by that.`;
    this.note({ kind: 'problem', level: 'warning', databaseId: undefined, text });
  }

  /** A history goes on at a target where an installation kept it whose data folder is lost. */
  tellInherited(row: DatabaseRow, targetId: TargetId): void {
    const { name } = this.#options.targets.rowOf(targetId);
    const text = `${path.basename(row.path)}: ${name} holds its history from this computer, by a Tidemark whose data folder is gone. It goes on there as a new history; what is there stays.`;
    this.note({ kind: 'replica-changed', level: 'warning', databaseId: row.id, text });
  }

  /** The record of a history that is ours could not be understood, and was written anew. */
  tellRepaired(row: DatabaseRow, targetId: TargetId, { details }: AppError): void {
    const { name } = this.#options.targets.rowOf(targetId);
    const text = `${path.basename(row.path)}: the record of its history on ${name} (tidemark.json) was damaged: ${String(details['reason'])}. What lies beside it was put there from here, so the record was written anew.`;
    this.note({ kind: 'replica-changed', level: 'warning', databaseId: row.id, text });
  }

  /** Histories of databases do not lie on a target any more: one entry, however many they are. */
  tellGone(targetId: TargetId, databases: readonly DatabaseRow[]): void {
    const { name } = this.#options.targets.rowOf(targetId);
    const names = databases.map((row) => path.basename(row.path));
    const [only] = databases;
    const databaseId = databases.length === 1 ? only?.id : undefined;
    this.note({ databaseId, ...narrateGone(names, { name }) });
  }

  /** A protection has something to tell. */
  tellDatabase(row: DatabaseRow, event: ProtectionEvent): void {
    const targets = this.#options.store.targets();
    this.note({ databaseId: row.id, ...narrate(event, { name: path.basename(row.path), targets }) });
  }
}
