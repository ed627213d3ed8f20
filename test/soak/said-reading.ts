// What a run of `replicate` said, as claims: every state that it pushed, what the tray makes of it, lines that it printed at a
// signal, its last words. Pure; the words are those of the code that windows, tray and command line have in common.
import { nextChangeAt, describeTray } from '../../electron/desktop/tray-status.ts';
import type { EngineState } from '../../shared/model.ts';
import type { DatabaseState } from '../../shared/databases.ts';
import { formatPosition } from '../../shared/position.ts';
import { staleAt, standingOf, statusWord } from '../../shared/standing.ts';
import type { Saying, Span } from './said.ts';

/** A pushed state, as far as anything reads it that is said. */
export type SaidState = Pick<EngineState, 'databases' | 'targets'>;

/** What a run let out, and when. */
export type Uttered =
  | { readonly at: number; readonly kind: 'state'; readonly state: SaidState }
  | { readonly at: number; readonly kind: 'text'; readonly text: string };

/** One process, from its start to its end. */
export interface Run {
  readonly uttered: readonly Uttered[];
  readonly endedAt: number;
  /** When it was asked to end in order; undefined where it was killed. */
  readonly askedToEndAt: number | undefined;
  readonly exitCode: number | undefined;
}

/** The icon is drawn once a second at most. */
const trayCalmMs = 1000;
const everythingThere = 'Everything that was captured is at its destination.';

/** Everything that a run claimed. */
export function sayingsOf(run: Run): readonly Saying[] {
  const states = run.uttered.filter((one) => one.kind === 'state');
  const paths = new Set(states.flatMap(({ state }) => state.databases.map(({ path }) => path)));
  return [
    ...states.flatMap(({ at, state }, i) => {
      const span = { from: at, to: states[i + 1]?.at ?? run.endedAt };
      return [...pushed(state, span), ...shownInTray(state, span, run.endedAt)];
    }),
    ...run.uttered.flatMap((one) => (one.kind === 'text' ? printed(one, [...paths]) : [])),
    ...lastWords(run, [...paths]),
  ];
}

/** What contradicts itself at the end of a run: words and exit status tell the same. */
export function judgeEnding(run: Run): readonly string[] {
  if (run.askedToEndAt === undefined) return [];
  const words = wordsOf(run);
  // Who is interrupted before anything is protected has nothing to say.
  const hasBegun = run.uttered.some((one) => one.kind === 'state' && one.state.databases.length > 0);
  if (words === undefined && !hasBegun && run.exitCode !== 0) return [];
  if (words === undefined) return [`it ended with ${run.exitCode} and without last words`];
  const isAllThere = words.includes(everythingThere);
  return isAllThere === (run.exitCode === 0) ? [] : [`it ended with ${run.exitCode} after “${words.trim()}”`];
}

function pushed({ databases, targets }: SaidState, { from, to }: Span): readonly Saying[] {
  const by = 'a state';
  return [
    ...databases.flatMap((database): readonly Saying[] => {
      const of = database.path;
      const word = statusWord(database, from);
      if (word !== 'Protected')
        return [{ by, of, from, to, claim: { kind: 'not-well', word: wordsFor(database, word) } }];
      if (isHeld(database)) return [];
      const newest = database.newest && formatPosition(database.newest.position);
      const isCaughtUp = database.lag.bytes === 0;
      const until = Math.min(to, Math.max(from, staleAt(database) ?? Infinity));
      return [{ by, of, from, to: until, claim: { kind: 'protected', newest, isCaughtUp } }];
    }),
    ...targets.map((target): Saying => {
      const { word } = standingOf(target, databases);
      const claim = word === 'Working' ? ({ kind: 'works' } as const) : ({ kind: 'not-well', word } as const);
      return { by, of: target.url, from, to, claim };
    }),
  ];
}

/** As the tray draws it: a moment later, and anew when waiting turns it amber. */
function shownInTray(state: SaidState, { from, to }: Span, endedAt: number): readonly Saying[] {
  const sayings: Saying[] = [];
  const end = Math.min(endedAt, to + trayCalmMs);
  for (let at = from; at < end;) {
    const until = Math.min(end, nextChangeAt(state, at) ?? Infinity);
    const { status, sentence } = describeTray(state, at);
    for (const database of state.databases) {
      const span = { by: 'the tray', of: database.path, from: at, to: until };
      if (status === 'protected' && !isHeld(database))
        sayings.push({ ...span, claim: { kind: 'protected', isCaughtUp: false } });
    }
    if (status !== 'protected')
      sayings.push({ by: 'the tray', of: 'all', from: at, to: until, claim: { kind: 'not-well', word: sentence } });
    at = until;
  }
  return sayings;
}

/** Lines of the kind `<time> <path>: protected; …`. */
function printed({ at, text }: { readonly at: number; readonly text: string }, paths: readonly string[]) {
  return text.split('\n').flatMap((line): readonly Saying[] => {
    const path = paths.find((candidate) => line.includes(`${candidate}: protected`));
    if (path === undefined || /protected, captured each time/.test(line)) return [];
    const isAnswer = line.includes('; spool ');
    const isCaughtUp = isAnswer && !/ wait[,;]/.test(line);
    const by = isAnswer ? 'an answer to SIGUSR2' : 'a line';
    return [{ by, of: path, from: at, to: at, claim: { kind: 'protected', isCaughtUp } }];
  });
}

function lastWords(run: Run, paths: readonly string[]): readonly Saying[] {
  const words = wordsOf(run);
  if (run.askedToEndAt === undefined || words === undefined) return [];
  const span = { by: 'the last words', from: run.askedToEndAt, to: run.endedAt };
  return words.includes(everythingThere) ? paths.map((of) => ({ ...span, of, claim: { kind: 'all-there' } })) : [];
}

function wordsOf({ uttered }: Run): string | undefined {
  return uttered
    .flatMap((one) => (one.kind === 'text' ? one.text : []))
    .findLast((text) => text.startsWith('Stopped.'));
}

/** Captured each time its application closes it: that promises nothing for the time before. */
function isHeld({ status }: DatabaseState): boolean {
  return status.kind === 'protected' && status.capturedWhen !== undefined;
}

function wordsFor({ status }: DatabaseState, word: string): string {
  return 'problem' in status ? `${word}: ${status.problem.message}` : word;
}
