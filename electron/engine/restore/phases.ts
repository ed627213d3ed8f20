// The phases of a restore as others see them: which one runs, how far it is, and what it did, in words with figures.
import type { Phase, RestorePhase } from '../../../shared/model.ts';

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

/** "18.6 MB": three digits, decimal units. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  if (unit === 0) return `${value} ${value === 1 ? 'byte' : 'bytes'}`;
  return `${value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${units[unit]}`;
}

/** "3 segments", "1 segment". */
export function formatCount(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}
