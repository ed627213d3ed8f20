// What the tray says: one of a few states and one true sentence, from the pushed state alone.
import type { AppState } from '../../shared/model.ts';
import { type Health, isStale, staleAt } from '../../shared/standing.ts';
import { closedSentence, summarize } from '../../shared/summary.ts';

export type TrayStatus = 'protected' | 'working' | 'attention' | 'problem' | 'paused' | 'empty' | 'disconnected';

export interface TrayText {
  readonly status: TrayStatus;
  readonly sentence: string;
  /** What pressing the third line would do; undefined where there is nothing to pause. */
  readonly toggle: 'pause' | 'resume' | undefined;
}

const statuses: Readonly<Record<Health | 'none', TrayStatus>> = {
  good: 'protected',
  working: 'working',
  attention: 'attention',
  problem: 'problem',
  paused: 'paused',
  none: 'empty',
};

/** The state in words; undefined where the engine has not spoken yet. */
export function describeTray(state: Pick<AppState, 'databases'> | undefined, now: number): TrayText {
  if (state === undefined) return { status: 'disconnected', sentence: 'Tidemark is starting', toggle: undefined };
  const { databases } = state;
  const { health, headline } = summarize(databases, now);
  const isAllPaused = databases.every(({ status }) => status.kind === 'paused');
  const toggle = databases.length === 0 ? undefined : isAllPaused ? 'resume' : 'pause';
  const closed = closedSentence(databases).replace(/\.$/, '');
  return { status: statuses[health], sentence: closed === '' ? headline : `${headline}. ${closed}`, toggle };
}

/** When the words may change without a new state: protection that waits too long is no longer good. */
export function nextChangeAt(state: Pick<AppState, 'databases'> | undefined, now: number): number | undefined {
  const waiting = (state?.databases ?? []).filter((database) => !isStale(database, now));
  const instants = waiting.flatMap((database) => staleAt(database) ?? []);
  return instants.length === 0 ? undefined : Math.min(...instants);
}
