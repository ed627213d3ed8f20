// An engine in this process, on folders that the test owns, asked through the contract as hosts ask it.
import Database from 'better-sqlite3';
import type { Argument, EngineCommandName, Result } from '../../shared/contract.ts';
import { AppError } from '../../shared/errors.ts';
import type { DatabaseState } from '../../shared/databases.ts';
import type { RestorePoint } from '../../shared/history.ts';
import type { DatabaseId, OperationId, TargetId } from '../../shared/ids.ts';
import type { EngineState } from '../../shared/model.ts';
import type { Operation } from '../../shared/operations.ts';
import type { Clock } from '../../electron/engine/basics/clock.ts';
import type { Limits } from '../../electron/engine/switchboard/databases.ts';
import { Engine } from '../../electron/engine/engine.ts';
import { tempFolder, until } from './temp.ts';

export interface TestEngine extends AsyncDisposable {
  readonly state: () => EngineState;
  /** Rejects with the `AppError` of the reply. */
  call<N extends EngineCommandName>(name: N, argument: Argument<N>): Promise<Result<N>>;
  readonly database: (id: DatabaseId) => DatabaseState;
  /** Waits until a database looks as asked. */
  waitFor(
    id: DatabaseId,
    what: string,
    check: (database: DatabaseState) => boolean,
    withinMs?: number,
  ): Promise<DatabaseState>;
  /** Waits until an operation ended. */
  ended(id: OperationId): Promise<Operation>;
  /** Every restore point, oldest first. */
  points(id: DatabaseId): Promise<readonly RestorePoint[]>;
  /** Restores a point and waits; throws what the operation failed with. */
  restore(id: DatabaseId, point: RestorePoint, outputPath: string): Promise<Operation>;
  /** What the newest moment of a replica holds; the restored file goes when it was read. */
  newest<T>(url: string, read: (restored: Database.Database) => T): Promise<T>;
}

/** The key of engines that share a data folder. */
const testKey = new Uint8Array(32).fill(7);

/** Opens an engine on a data folder. */
export function openTestEngine(
  dataDir: string,
  options: {
    readonly isDeclaredOnly?: boolean;
    readonly rollBytes?: number;
    readonly limits?: Limits;
    readonly clock?: Clock;
    readonly boot?: string;
    readonly computer?: string;
    readonly secretKey?: Uint8Array;
    readonly onState?: (state: EngineState) => void;
  } = {},
): TestEngine {
  const engine = Engine.open({
    dataDir,
    isDeclaredOnly: options.isDeclaredOnly ?? false,
    version: '0.0.0-test',
    ...(options.rollBytes === undefined ? {} : { rollBytes: options.rollBytes }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.boot === undefined ? {} : { boot: options.boot }),
    ...(options.computer === undefined ? {} : { computer: options.computer }),
    secretKey: options.secretKey ?? testKey,
    onState: options.onState ?? (() => {}),
  });
  const call: TestEngine['call'] = async (name, argument) => {
    const reply = await engine.invoke(name, argument);
    if (!reply.ok) throw AppError.fromData(reply.error);
    return reply.value;
  };
  const database = (id: DatabaseId) => {
    const found = engine.state.databases.find((candidate) => candidate.id === id);
    if (found === undefined) throw new Error(`no database ${id}`);
    return found;
  };
  const ended = async (id: OperationId) =>
    await until(`operation ${id} ends`, () =>
      engine.state.operations.find((operation) => operation.id === id && operation.state !== 'running'),
    );
  return {
    state: () => engine.state,
    call,
    database,
    ended,
    waitFor: async (id, what, check, withinMs) => {
      try {
        return await until(what, () => (check(database(id)) ? database(id) : undefined), withinMs);
      } catch (error) {
        throw new Error(`${String(error)}: ${JSON.stringify({ ...database(id), days: undefined })}`, { cause: error });
      }
    },
    points: async (id) => {
      const newest: RestorePoint[] = [];
      for (;;) {
        const last = newest.at(-1);
        const olderThan = last && { position: last.position, at: last.at };
        const page = await call('listPoints', { databaseId: id, ...(olderThan && { olderThan }), limit: 1000 });
        newest.push(...page);
        if (page.length < 1000) return newest.reverse();
      }
    },
    restore: async (id, point, outputPath) => {
      const { operationId } = await call('startRestore', { databaseId: id, position: point.position, outputPath });
      const operation = await ended(operationId);
      if (operation.error !== undefined) throw AppError.fromData(operation.error);
      return operation;
    },
    newest: async (url, read) => {
      using folder = tempFolder();
      const outputPath = folder.at('restored.db');
      const { operationId } = await call('startReplicaRestore', { url, wish: { kind: 'latest' }, outputPath });
      const { error } = await ended(operationId);
      if (error !== undefined) throw AppError.fromData(error);
      const restored = new Database(outputPath);
      try {
        return read(restored);
      } finally {
        restored.close();
      }
    },
    [Symbol.asyncDispose]: async () => await engine.close(),
  };
}

/** Waits until a destination has everything that was captured. */
export async function upToDate(engine: TestEngine, id: DatabaseId, targetId: TargetId): Promise<void> {
  await engine.waitFor(id, `${targetId} has all`, ({ captured, replicas }) => {
    const here = replicas.find((replica) => replica.targetId === targetId);
    return (
      here?.shipped !== undefined &&
      here.lagBytes === 0 &&
      here.problem === undefined &&
      JSON.stringify(here.shipped.position) === JSON.stringify(captured?.position)
    );
  });
}
