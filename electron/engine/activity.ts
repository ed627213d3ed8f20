// Writes down what happened, as the activity shows it: what was done to databases, what protections and targets tell. What each
// of it is called is narrate.ts.
import path from 'node:path';
import type { Problem } from '../../shared/errors.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import type { Clock } from './clock.ts';
import type { KnownTargets } from './known-targets.ts';
import type { Logger } from './log.ts';
import { narrate, narrateTarget } from './narrate.ts';
import type { ProtectionEvent } from './session.ts';
import type { DatabaseRow, NewActivity, Store } from './state/store.ts';

export interface ActivityOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly targets: KnownTargets;
  readonly log: Logger;
  readonly onChange: () => void;
}

export class Activity {
  readonly #options: ActivityOptions;
  /** Disks that were told to be away, and the databases that have not said yet that they are caught up there. */
  readonly #away = new Map<TargetId, Set<DatabaseId>>();

  constructor(options: ActivityOptions) {
    this.#options = options;
  }

  /** One more entry; a failure to keep it is only logged. */
  note(entry: Omit<NewActivity, 'at'>): void {
    try {
      this.#options.store.addActivity({ at: this.#options.clock.now(), ...entry });
    } catch (error) {
      // @NOTE What is told may be that the disk is full, and then it cannot be written down: the state still says it.
      this.#options.log.warn({ error, entry }, 'an activity could not be kept');
    }
    this.#options.onChange();
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
    this.note({ databaseId: undefined, ...narrateTarget(problem, { name }) });
  }

  /** A protection has something to tell. */
  tellDatabase(row: DatabaseRow, event: ProtectionEvent): void {
    if (event.kind === 'disk-back' && this.#away.get(event.replica.targetId)?.delete(row.id) !== true) return;
    const targets = this.#options.store.targets();
    this.note({ databaseId: row.id, ...narrate(event, { name: path.basename(row.path), targets }) });
  }
}
