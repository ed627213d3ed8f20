// What may be the reason for states that were not seen one by one, by kind and time: pure. A gap that is told is no excuse by itself:
// somebody must have done what it speaks of, then.
import type { Span } from './said.ts';

/** Something that was done, by which states may pass unseen. */
export interface Act extends Span {
  readonly kind:
    /** No engine was there, or it had no room. */
    | 'away'
    /** Nobody had the database open: what is done in the first moments after such a time may be over before it is seen. */
    | 'nobody'
    /** Nobody committed: what keeps hold of the database may change hands then, and for a moment nothing does. */
    | 'rest'
    | 'exclusive'
    | 'journal-mode'
    | 'replaced'
    | 'sidecars-deleted'
    /** What was kept beside the database was lost. */
    | 'notes-lost'
    | 'clock';
}

/** A gap as a timeline tells it. */
export interface ToldGap extends Span {
  readonly what: string;
}

/** What each sentence may be about. */
const causes: readonly (readonly [RegExp, readonly Act['kind'][]])[] = [
  [/^Not watched/, ['away']],
  [/^Changed within a moment/, ['nobody', 'rest', 'sidecars-deleted', 'exclusive', 'journal-mode', 'replaced']],
  [/^Captured when the application that keeps it for itself closed it/, ['exclusive']],
  [/^Its journal mode was another one/, ['journal-mode']],
  [/^The database was replaced by another file/, ['replaced']],
  [/^The database was overwritten by another program/, ['replaced', 'sidecars-deleted', 'journal-mode']],
  [/^What was noted of the changes in between was lost/, ['notes-lost']],
  [/clock/, ['clock']],
];

/** Times are taken in different processes, before and after what they are about. */
const slackMs = 250;
/** A gap behind a rest begins with it. */
const restSlackMs = 30;
/** A rest lasts some ten milliseconds at the least. */
const shortestRestMs = 10;

/** Why a gap that is told may not be; undefined where somebody gave cause. */
export function unjustified(gap: ToldGap, acts: readonly Act[]): string | undefined {
  const [, kinds] = causes.find(([words]) => words.test(gap.what)) ?? [];
  if (kinds === undefined) return `“${gap.what}” is told, which nothing here can be the cause of`;
  const isCause = ({ kind, from, to }: Act): boolean => {
    if (!kinds.includes(kind)) return false;
    if (kind === 'rest') return from - restSlackMs <= gap.from && gap.from <= to;
    return from <= gap.to + slackMs && gap.from - slackMs <= to;
  };
  return acts.some(isCause) ? undefined : `“${gap.what}” is told, and nobody gave cause (${gap.from} to ${gap.to})`;
}

/** Times in which nobody committed, from the instants at which somebody did. */
export function restsBetween(commits: readonly number[]): readonly Act[] {
  const sorted = [...commits].sort((a, b) => a - b);
  return sorted.flatMap((from, i): readonly Act[] => {
    const to = sorted[i + 1] ?? Infinity;
    return to - from < shortestRestMs ? [] : [{ kind: 'rest', from, to }];
  });
}

/** Times in which no connection of these writers was open. */
export function nobodyThere(writers: readonly (readonly Span[])[], whole: Span): readonly Act[] {
  const open = writers.flat().sort((a, b) => a.from - b.from);
  const acts: Act[] = [];
  let at = whole.from;
  for (const { from, to } of open) {
    if (from > at) acts.push({ kind: 'nobody', from: at, to: from });
    at = Math.max(at, to);
  }
  return at < whole.to ? [...acts, { kind: 'nobody', from: at, to: whole.to }] : acts;
}
