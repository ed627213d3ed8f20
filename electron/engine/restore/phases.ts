// The phases of a restore as others see them: which one runs, how far it is, and what it did, in words with figures.
import type { Phase, RestorePhase } from '../../../shared/operations.ts';

/** In the order in which they run. */
const restorePhases = ['plan', 'fetch', 'apply', 'prove', 'check', 'publish'] as const satisfies RestorePhase[];

const waitingTexts: Readonly<Record<RestorePhase, string>> = {
  plan: 'Plan: choose the image and the changes',
  fetch: 'Fetch from the destination',
  apply: 'Apply changes, newest first',
  prove: 'Prove: compare with the hash recorded at capture',
  check: 'Check: let SQLite examine the restored file',
  publish: 'Put the file in its place',
};

/** All phases of a restore that has not begun. */
export function waitingPhases(): readonly Phase[] {
  return restorePhases.map((name) => ({
    name,
    state: 'waiting',
    text: waitingTexts[name],
    doneBytes: 0,
    totalBytes: 0,
    ms: undefined,
  }));
}

/** Progress is told this often at the most. */
const tellEveryMs = 100;

/** A phase while it runs. */
export interface RunningPhase {
  readonly advance: (bytes: number) => void;
}

/** Runs one phase: tells that it began, its progress, and what it did; `describe` is asked when it is done. */
export async function runPhase<T>(
  options: {
    readonly name: RestorePhase;
    readonly text: string;
    readonly totalBytes?: number;
    readonly describe: (result: T) => string;
    readonly onPhase: (phase: Phase) => void;
  },
  action: (phase: RunningPhase) => Promise<T>,
): Promise<T> {
  const { name, text, totalBytes = 0, describe, onPhase } = options;
  const startedAt = performance.now();
  let doneBytes = 0;
  let toldAt = startedAt;
  onPhase({ name, state: 'running', text, doneBytes, totalBytes, ms: undefined });
  const result = await action({
    advance: (bytes) => {
      doneBytes += bytes;
      if (performance.now() - toldAt < tellEveryMs) return;
      toldAt = performance.now();
      onPhase({ name, state: 'running', text, doneBytes, totalBytes, ms: undefined });
    },
  });
  const ms = Math.round(performance.now() - startedAt);
  onPhase({ name, state: 'done', text: describe(result), doneBytes, totalBytes: Math.max(totalBytes, doneBytes), ms });
  return result;
}
