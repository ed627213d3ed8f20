// What a connection to the engine is, whoever carries it: the contract's calls and pushed state, and its own status.
import type { Api, CommandName, Reply, Result } from '../../shared/contract.ts';
import { AppError } from '../../shared/errors.ts';

export type ConnectionStatus =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  /** `retryAt`: when the next attempt begins; `attempts`: how many failed since. */
  | { readonly kind: 'lost'; readonly sinceAt: number; readonly attempts: number; readonly retryAt: number };

export interface Connection {
  readonly api: Api;
  /** Called with the newest status at once, and on every change; returns how to stop. */
  watch(listener: (status: ConnectionStatus) => void): () => void;
  /** Tries again now rather than after the pause. */
  retry(): void;
  /** Where a dropped file lies; undefined where the host does not say (a browser). */
  pathForFile(file: File): string | undefined;
}

/** The answer's value; a refusal is thrown as the `AppError` that it names. */
export function unwrap<N extends CommandName>(reply: Reply<N>): Result<N> {
  if (reply.ok) return reply.value;
  throw AppError.fromData(reply.error);
}
