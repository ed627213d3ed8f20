// The contract as a host offers it to a window: checks name and argument, then asks the engine or the host's own handler.
// Joins the engine's state, the host and its demo into the one state that windows see. Knows no channel and no sender;
// who may call is checked where the call enters (desktop/ipc.ts, headless/server.ts).
import {
  type Argument,
  type CommandName,
  type EngineCommandName,
  type HostCommandName,
  type Parsed,
  type Reply,
  type Result,
  commands,
  isCommandName,
  isEngineCommand,
} from '../../shared/contract.ts';
import { AppError, toErrorData } from '../../shared/errors.ts';
import type { AppState, DemoState, EngineState, HostInfo } from '../../shared/model.ts';
import type { EngineHost } from './engine-host.ts';

/** What the host answers itself; the state is the newest known, undefined before the engine's first. */
export type HostHandlers = {
  readonly [N in HostCommandName]: (argument: Parsed<N>, state: AppState | undefined) => Promise<Result<N>>;
};

/** A value that changes: `subscribe` calls at once with the newest (when there is one), and on every change. */
export interface Watched<T> {
  subscribe(listener: (value: T) => void): () => void;
}

export interface HostApi extends Watched<AppState> {
  /** Never rejects; what went wrong is in the reply. */
  invoke(name: unknown, argument: unknown): Promise<Reply<CommandName>>;
}

export interface HostApiParts {
  readonly engine: Pick<EngineHost, 'call' | 'subscribe'>;
  readonly host: HostInfo;
  readonly handlers: HostHandlers;
  readonly demo: Watched<DemoState>;
}

/** Builds the contract's answering side from an engine and a host. */
export function createHostApi({ engine, host, handlers, demo }: HostApiParts): HostApi {
  const listeners = new Set<(state: AppState) => void>();
  let engineState: EngineState | undefined;
  let demoState: DemoState = { isRunning: false, databaseId: undefined };
  let state: AppState | undefined;

  function announce(): void {
    if (engineState === undefined) return;
    state = { ...engineState, host, demo: demoState };
    for (const listener of listeners) listener(state);
  }
  demo.subscribe((next) => {
    demoState = next;
    announce();
  });
  engine.subscribe((next) => {
    engineState = next;
    announce();
  });

  async function answer(name: CommandName, argument: unknown): Promise<Result<CommandName>> {
    const parsed = parseArgument(name, argument);
    if (!isEngineCommand(name)) return await answerInHost(handlers, name, parsed, state);
    // The engine parses once more on its side of the thread; parsing twice changes nothing.
    return await engine.call(name, parsed as Argument<EngineCommandName>);
  }

  return {
    async invoke(name, argument) {
      try {
        if (typeof name !== 'string' || !isCommandName(name)) {
          throw new AppError('invalid-argument', { reason: `There is no command ${describeName(name)}` });
        }
        return { ok: true, value: await answer(name, argument) };
      } catch (error) {
        return { ok: false, error: toErrorData(error) };
      }
    },
    subscribe(listener) {
      listeners.add(listener);
      if (state !== undefined) listener(state);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

/** A handler for what this host cannot do. */
export function notAvailable(what: string): () => Promise<never> {
  return () => Promise.reject(new AppError('not-available', { what }));
}

function parseArgument<N extends CommandName>(name: N, argument: unknown): Parsed<N> {
  const parsed = commands[name].argument.safeParse(argument ?? {});
  if (parsed.success) return parsed.data as Parsed<N>;
  const [issue] = parsed.error.issues;
  const where = [name, ...(issue?.path ?? [])].map(String).join('.');
  throw new AppError('invalid-argument', { reason: `${where}: ${issue?.message ?? 'is not valid'}`, path: where });
}

/** One cast for all: TypeScript cannot see that handler and argument belong to the same name. */
function answerInHost(
  handlers: HostHandlers,
  name: HostCommandName,
  parsed: unknown,
  state: AppState | undefined,
): Promise<Result<HostCommandName>> {
  const handler = handlers[name] as (
    argument: unknown,
    state: AppState | undefined,
  ) => Promise<Result<HostCommandName>>;
  return handler(parsed, state);
}

function describeName(name: unknown): string {
  return typeof name === 'string' ? JSON.stringify(name.slice(0, 64)) : `of type ${typeof name}`;
}
