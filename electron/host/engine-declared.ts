// What a command line had protected. A thread that takes the place of another one does not know of it: it is declared again until
// it is protected again, and meanwhile it is told as what it is, not left out.
import { setTimeout as delay } from 'node:timers/promises';
import type { Argument, DeclaredDatabase, Reply } from '../../shared/contract.ts';
import type { DatabaseState } from '../../shared/databases.ts';
import type { AppErrorData, Problem } from '../../shared/errors.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import type { EngineState } from '../../shared/model.ts';

type Declaration = Argument<'protectDeclared'>;

interface Entry {
  readonly id: DatabaseId;
  readonly database: Declaration['databases'][number];
}

const firstAgainMs = 500;
const longestAgainMs = 30_000;

export class Declared {
  #entries: readonly Entry[] = [];
  /** How those stand that the present thread does not protect yet. */
  #absent: ReadonlyMap<DatabaseId, DatabaseState> = new Map();

  /** What was answered to a declaration. What was refused then is not declared again: who asked knows. */
  note({ databases }: Declaration, answers: readonly DeclaredDatabase[]): void {
    this.#entries = databases.flatMap((database, i) => {
      const answer = answers[i];
      return answer === undefined || answer.kind === 'refused' ? [] : [{ id: answer.databaseId, database }];
    });
  }

  /** The thread ended; `state` is how things stand now. */
  lose({ databases }: EngineState): void {
    const ids = new Set(this.#entries.map(({ id }) => id));
    this.#absent = new Map(databases.flatMap((known) => (ids.has(known.id) ? [[known.id, known]] : [])));
  }

  /** A thread's state, with what it does not protect yet. */
  complete(state: EngineState): EngineState {
    const missing = [...this.#absent.values()].filter(({ id }) => !state.databases.some((one) => one.id === id));
    return missing.length === 0 ? state : { ...state, databases: [...state.databases, ...missing] };
  }

  /** Declares all to a new thread, what it refuses again and again. Ends early, without an error, on abort. */
  async declareTo(
    invoke: (declaration: Declaration) => Promise<Reply<'protectDeclared'>>,
    { signal, onRefused }: { readonly signal: AbortSignal; readonly onRefused: () => void },
  ): Promise<void> {
    let waitMs = firstAgainMs;
    for (let open = this.#entries; open.length > 0 && !signal.aborted; waitMs = Math.min(2 * waitMs, longestAgainMs)) {
      const reply = await invoke({ databases: open.map(({ database }) => database) });
      open = open.filter(({ id }, i) => {
        const answer = reply.ok ? reply.value[i] : undefined;
        if (answer !== undefined && answer.kind !== 'refused') return false;
        this.#tell(id, answer?.error ?? (reply.ok ? undefined : reply.error));
        return true;
      });
      if (open.length === 0) return;
      onRefused();
      // @NOTE Whatever ended the waiting ended the thread.
      await delay(waitMs, undefined, { signal }).catch(() => {});
    }
  }

  #tell(id: DatabaseId, error: AppErrorData | undefined): void {
    const known = this.#absent.get(id);
    if (known === undefined || error === undefined || !('problem' in known.status)) return;
    const problem: Problem = { ...error, sinceAt: known.status.problem.sinceAt };
    this.#absent = new Map(this.#absent).set(id, { ...known, status: { kind: 'problem', problem } });
  }
}
