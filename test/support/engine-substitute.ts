// An engine for tests of hosts only: answers with what the test lays down and records what was asked. Everything that
// protects or restores is tested with the real engine.
import type { Argument, EngineCommandName, Result } from '../../shared/contract.ts';
import type { DatabaseState, DatabaseStatus } from '../../shared/databases.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import type { EngineState } from '../../shared/model.ts';
import type { Position } from '../../shared/position.ts';
import type { EngineHost } from '../../electron/host/engine-host.ts';

export interface EngineSubstitute extends EngineHost {
  readonly calls: readonly { readonly name: EngineCommandName; readonly argument: unknown }[];
  readonly ended: readonly ('stop' | 'kill')[];
  /** What the next calls answer; by default undefined. */
  answer: (name: EngineCommandName, argument: unknown) => unknown;
  push(state: EngineState): void;
}

export function createEngineSubstitute(first?: EngineState): EngineSubstitute {
  const listeners = new Set<(state: EngineState) => void>();
  const calls: { readonly name: EngineCommandName; readonly argument: unknown }[] = [];
  const ended: ('stop' | 'kill')[] = [];
  let newest = first;
  return {
    calls,
    ended,
    hangs: false,
    answer: () => undefined,
    async call<N extends EngineCommandName>(name: N, argument: Argument<N>): Promise<Result<N>> {
      calls.push({ name, argument });
      return (await this.answer(name, argument)) as Result<N>;
    },
    subscribe(listener) {
      listeners.add(listener);
      if (newest !== undefined) listener(newest);
      return () => {
        listeners.delete(listener);
      };
    },
    push(state) {
      newest = state;
      for (const listener of listeners) listener(state);
    },
    lost: () => new Promise(() => {}),
    stop: () => Promise.resolve(void ended.push('stop')),
    kill: () => Promise.resolve(void ended.push('kill')),
  };
}

export const emptyEngineState: EngineState = {
  app: { version: '0.1.0', sqliteVersion: '3.54.1', dataDir: '/data', startedAt: 1 },
  settings: { theme: 'system' },
  databases: [],
  targets: [],
  operations: [],
  activity: [],
};

/** A database as the engine would describe it, protected unless told otherwise. */
export function describeDatabase(
  path: string,
  status: DatabaseStatus = { kind: 'protected' },
  more: Partial<DatabaseState> = {},
): DatabaseState {
  const position = { generation: '0123456789abcdef', index: 0, offset: 4152 } as Position;
  return {
    id: `id-of-${path}` as DatabaseId,
    path,
    name: path.slice(path.lastIndexOf('/') + 1),
    addedAt: 1,
    status,
    sizeBytes: 4096,
    walBytes: 4152,
    pageSize: 4096,
    captured: { position, at: Date.now() },
    newest: { position, at: Date.now() },
    oldestAt: 1,
    lag: { bytes: 0, sinceAt: undefined },
    generation: undefined,
    replicas: [],
    provenAt: undefined,
    locked: { maxMs: 0, totalMs: 0 },
    namedPoints: [],
    days: [],
    ...more,
  };
}
