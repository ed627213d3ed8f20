// What crosses the port between a host and the engine's thread: types only, so that both ends agree.
import type { CommandName, Reply } from '../../shared/contract.ts';
import type { AppErrorData } from '../../shared/errors.ts';
import type { EngineState } from '../../shared/model.ts';

export interface WorkerData {
  readonly dataDir: string | undefined;
  readonly isDeclaredOnly: boolean;
  readonly version: string;
  readonly secretKey: Uint8Array | undefined;
  /** Why the thread that this one takes the place of ended, and when. */
  readonly death: { readonly reason: string; readonly at: number } | undefined;
  readonly progressEveryMs: number | undefined;
}

/** Calls that the engine answers. A type alias, since birpc asks for an index signature. */
export type EngineCalls = {
  invoke: (name: string, argument: unknown) => Promise<Reply<CommandName>>;
  stop: () => Promise<void>;
};

/** What the engine tells. */
export type HostCalls = {
  state: (state: EngineState) => void;
};

/** The first message of a thread. */
export type Greeting =
  { readonly kind: 'ready'; readonly state: EngineState } | { readonly kind: 'failed'; readonly error: AppErrorData };
