// Starts, supervises and stops the engine's worker thread; the same for every host. Speaks the contract over a MessagePort.
// Knows nothing of windows or sockets; what a host adds to the contract is host-api.ts.
import type { Argument, EngineCommandName, Result } from '../shared/contract.ts';
import type { EngineState } from '../shared/model.ts';

export interface EngineHost {
  /** Rejects with an `AppError`. The argument is checked against the contract's schema. */
  call<N extends EngineCommandName>(name: N, argument: Argument<N>): Promise<Result<N>>;
  /** Called with the newest state at once (when there is one), and on every change; returns how to stop. */
  subscribe(listener: (state: EngineState) => void): () => void;
  /** Ships what is captured, closes every database in order and ends the thread. Idempotent. */
  stop(): Promise<void>;
  /** Ends the thread at once: for a second signal. What was captured stays in the spool. */
  kill(): Promise<void>;
}

export interface EngineOptions {
  /** Where state, spool and logs live; undefined for a toolbox without state (listing and restoring by URL). */
  readonly dataDir: string | undefined;
  /** The thread's entry: `engine/worker` beside the host's own file, as source or bundled. */
  readonly workerUrl: URL;
}

/** Starts the engine; rejects with `data-folder-held`, `data-folder-unusable` or `sqlite-too-old`. */
export async function startEngine(options: EngineOptions): Promise<EngineHost> {
  await Promise.resolve(options);
  throw new Error('not built yet');
}

/** The worker's URL for a host whose file is `hostUrl` (`import.meta.url`): same extension, below `engine/`. */
export function workerBeside(hostUrl: string): URL {
  return new URL(`./engine/worker${hostUrl.endsWith('.ts') ? '.ts' : '.js'}`, hostUrl);
}
