// Long user-visible jobs: each has an id, phases with progress, a way to cancel, and stays in the state until dismissed.
import { randomUUID } from 'node:crypto';
import { AppError, toErrorData } from '../../../shared/errors.ts';
import type { OperationId } from '../../../shared/ids.ts';
import type { Operation, Phase, RestoreResult } from '../../../shared/operations.ts';
import type { Clock } from '../basics/clock.ts';
import { waitingPhases } from '../restore/phases.ts';

export type NewOperation = Pick<Operation, 'kind' | 'title' | 'databaseId'>;
export type Job = (options: {
  readonly signal: AbortSignal;
  /** A phase began, moved or ended. */
  readonly onPhase: (phase: Phase) => void;
}) => Promise<RestoreResult>;

/** Ended operations that nobody dismissed; the oldest go first. */
const maxEnded = 20;

interface Entry {
  operation: Operation;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

export class Operations {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #entries = new Map<OperationId, Entry>();

  constructor({ clock, onChange }: { readonly clock: Clock; readonly onChange: () => void }) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** Newest first. */
  list(): readonly Operation[] {
    return [...this.#entries.values()].map(({ operation }) => operation).reverse();
  }

  /** Starts a job; `onEnd` hears how it ended. */
  start(facts: NewOperation, job: Job, onEnd: (operation: Operation) => void): OperationId {
    const id = randomUUID() as OperationId;
    const abort = new AbortController();
    const startedAt = this.#clock.now();
    const phases = waitingPhases();
    const operation: Operation = {
      ...facts,
      id,
      startedAt,
      endedAt: undefined,
      state: 'running',
      phases,
      error: undefined,
      result: undefined,
    };
    const done = this.#run(id, { job, abort, onEnd });
    this.#entries.set(id, { operation, abort, done });
    this.#trim();
    this.#onChange();
    return id;
  }

  /** Asks a running operation to stop; it cleans up by itself. Fails with `operation-not-found`. */
  cancel(id: OperationId): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new AppError('operation-not-found');
    entry.abort.abort(new AppError('cancelled'));
  }

  /** Forgets an ended operation. */
  dismiss(id: OperationId): void {
    if (this.#entries.get(id)?.operation.state === 'running') return;
    this.#entries.delete(id);
    this.#onChange();
  }

  /** Cancels everything and waits until all has cleaned up. */
  async stop(): Promise<void> {
    const entries = [...this.#entries.values()];
    for (const { abort } of entries) abort.abort(new AppError('cancelled'));
    await Promise.all(entries.map(({ done }) => done));
  }

  async #run(
    id: OperationId,
    {
      job,
      abort,
      onEnd,
    }: { readonly job: Job; readonly abort: AbortController; readonly onEnd: (operation: Operation) => void },
  ): Promise<void> {
    // The entry is in the map by the next turn.
    await Promise.resolve();
    try {
      const result = await job({ signal: abort.signal, onPhase: (update) => this.#enter(id, update) });
      this.#end(id, { state: 'done', result });
    } catch (error) {
      const data = abort.signal.aborted ? new AppError('cancelled').toData() : toErrorData(error);
      this.#end(id, { state: data.code === 'cancelled' ? 'cancelled' : 'failed', error: data });
    }
    const entry = this.#entries.get(id);
    if (entry !== undefined) onEnd(entry.operation);
    this.#onChange();
  }

  #enter(id: OperationId, update: Phase): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    const phases = entry.operation.phases.map((phase) => (phase.name === update.name ? update : phase));
    entry.operation = { ...entry.operation, phases };
    this.#onChange();
  }

  #end(id: OperationId, outcome: Partial<Pick<Operation, 'result' | 'error'>> & Pick<Operation, 'state'>): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    const endedAt = this.#clock.now();
    entry.operation = { ...entry.operation, ...outcome, endedAt };
  }

  #trim(): void {
    const ended = [...this.#entries].filter(([, { operation }]) => operation.state !== 'running');
    for (const [id] of ended.slice(0, Math.max(0, ended.length - maxEnded))) this.#entries.delete(id);
  }
}
