// Holds what was said of protection against what could be restored at that time. Pure: what was said, what lay at destinations and
// when, and what the writers had committed come in; complaints in words come out.

/** One state that can be restored from a destination. */
export interface HeldPoint {
  /** As positions are printed. */
  readonly position: string;
  /** Since when all that it needs lies there. */
  readonly arrivedAt: number;
  /** What each writer has in it, by name. */
  readonly states: Readonly<Record<string, string>>;
}

/** A time in which a destination could be read, and what lay there; in the order of arrival. */
export interface Holding {
  readonly from: number;
  readonly to: number;
  readonly points: readonly HeldPoint[];
}

/** The states that a writer left one after the other, each with the instant by which it was committed. */
export type Lane = readonly { readonly state: string; readonly at: number }[];

/** What is known of a database. */
export interface Subject {
  readonly lanes: Readonly<Record<string, Lane>>;
  readonly holdings: readonly Holding[];
}

export interface Facts {
  readonly subjects: ReadonlyMap<string, Subject>;
  /** Times in which each destination could be used, by its URL. */
  readonly usable: ReadonlyMap<string, readonly Span[]>;
  /** Times in which nothing was wrong anywhere. */
  readonly calms: readonly Span[];
}

export interface Span {
  readonly from: number;
  readonly to: number;
}

export type Claim =
  /** Of a database: what was committed can be restored, up to the promise. */
  | { readonly kind: 'protected'; readonly newest?: string | undefined; readonly isCaughtUp: boolean }
  /** Of a database: what had been committed when it began to be said is at its destination. */
  | { readonly kind: 'all-there' }
  /** Of a destination: it works. */
  | { readonly kind: 'works' }
  /** Of a database or a destination: something is not as it should be. */
  | { readonly kind: 'not-well'; readonly word: string };

/** Something that was said from one instant to another. */
export interface Saying extends Span {
  /** Where: a state, the tray, an answer, the last words. */
  readonly by: string;
  /** The path of a database, or the URL of a destination. */
  readonly of: string;
  readonly claim: Claim;
}

export interface Promises {
  /** By then what happened to a destination was seen. */
  readonly seenWithinMs: number;
  /** By then what was committed is restorable, or it is told that it is not. */
  readonly freshWithinMs: number;
  /** The same, where nothing is said to wait. */
  readonly caughtUpWithinMs: number;
  /** By then all is well again once nothing is wrong any more. */
  readonly recoveredWithinMs: number;
}

/** What was false among what was said; the first of each kind for each subject and place. */
export function judgeSayings(sayings: readonly Saying[], facts: Facts, promises: Promises): readonly string[] {
  const complaints = new Map<string, string>();
  for (const saying of joined(sayings)) {
    const { by, of, claim, from } = saying;
    const why = falsehoodOf(saying, facts, promises);
    const key = `${by} ${of} ${claim.kind}`;
    if (why === undefined || complaints.has(key)) continue;
    complaints.set(key, `${by} said of ${of} at ${from}: ${describeClaim(claim)}; ${why}`);
  }
  return [...complaints.values()];
}

/** Sayings that go on unchanged, as one. */
function joined(sayings: readonly Saying[]): readonly Saying[] {
  const last = new Map<string, number>();
  const all: Saying[] = [];
  for (const saying of [...sayings].sort((a, b) => a.from - b.from)) {
    const key = `${saying.by} ${saying.of} ${saying.claim.kind === 'not-well' ? 'not-well' : JSON.stringify(saying.claim)}`;
    const at = last.get(key);
    const before = at === undefined ? undefined : all[at];
    if (at !== undefined && before !== undefined && saying.claim.kind !== 'all-there' && saying.from <= before.to) {
      all[at] = { ...before, to: Math.max(before.to, saying.to) };
      continue;
    }
    last.set(key, all.length);
    all.push(saying);
  }
  return all;
}

function describeClaim(claim: Claim): string {
  switch (claim.kind) {
    case 'protected':
      return `protected${claim.isCaughtUp ? ', nothing waits' : ''}`;
    case 'all-there':
      return 'everything is at its destination';
    case 'works':
      return 'it works';
    case 'not-well':
      return claim.word;
  }
}

function falsehoodOf(saying: Saying, facts: Facts, promises: Promises): string | undefined {
  const { claim, from, to, of } = saying;
  switch (claim.kind) {
    case 'not-well':
      return unrecovered(saying, facts.calms, promises);
    case 'works':
      return unusable(saying, facts.usable.get(of) ?? [], promises);
    case 'all-there': {
      const seenFrom = from - promises.seenWithinMs;
      return staleness(facts.subjects.get(of), { seenFrom, at: to, freshAt: from });
    }
    case 'protected': {
      const subject = facts.subjects.get(of);
      const { seenWithinMs } = promises;
      const freshWithinMs = claim.isCaughtUp ? promises.caughtUpWithinMs : promises.freshWithinMs;
      for (const at of instants(saying, subject, { seenWithinMs, freshWithinMs })) {
        const why = staleness(subject, { seenFrom: at - seenWithinMs, at, freshAt: at - freshWithinMs });
        if (why !== undefined) return `${at - from} ms later ${why}`;
      }
      return claim.newest === undefined ? undefined : missing(claim.newest, subject, saying, promises);
    }
  }
}

/** Something was told to be wrong for too long while nothing was. */
function unrecovered(saying: Span, calms: readonly Span[], { recoveredWithinMs }: Promises): string | undefined {
  for (const calm of calms) {
    const ms = Math.min(saying.to, calm.to) - Math.max(saying.from, calm.from);
    if (ms > recoveredWithinMs) return `nothing was wrong any more for ${ms} ms`;
  }
  return undefined;
}

/** A destination was said to work although it had not been usable for longer than it takes to see that. */
function unusable({ from, to }: Span, usable: readonly Span[], { seenWithinMs }: Promises): string | undefined {
  for (let at = from; ;) {
    const until = Math.max(
      -Infinity,
      ...usable.filter((span) => span.from <= at).map((span) => span.to + seenWithinMs),
    );
    if (until >= to) return undefined;
    if (until <= at) return `it could not be used for ${seenWithinMs} ms`;
    at = until;
  }
}

/** Where the truth about a saying may change. */
function instants(
  { from, to }: Span,
  subject: Subject | undefined,
  { seenWithinMs, freshWithinMs }: Pick<Promises, 'seenWithinMs' | 'freshWithinMs'>,
): readonly number[] {
  const ends = (subject?.holdings ?? []).map((holding) => holding.to + seenWithinMs + 1);
  const passes = Object.values(subject?.lanes ?? {}).flatMap((lane) => lane.map(({ at }) => at + freshWithinMs + 1));
  const inside = [...ends, ...passes].filter((at) => at > from && at < to);
  return [from, ...inside.sort((a, b) => a - b)];
}

/** Why what could be restored is not fresh; undefined where it is. */
function staleness(
  subject: Subject | undefined,
  when: { readonly seenFrom: number; readonly at: number; readonly freshAt: number },
): string | undefined {
  if (subject === undefined) return 'nothing is known of it';
  const newest = subject.holdings.flatMap((holding) => newestOf(holding, when) ?? []);
  if (newest.length === 0) return 'nothing could be restored from any destination';
  const reasons = newest.map(({ states, position }) => {
    const lost = Object.entries(subject.lanes).find(([name, lane]) => !isFresh(lane, states[name], when.freshAt));
    if (lost === undefined) return undefined;
    const [name, lane] = lost;
    const due = lane.findLast(({ at }) => at <= when.freshAt);
    return `the newest that could be restored (${position}) has ${name} at ${states[name] ?? 'nothing'}, ${due?.state} had been committed at ${due?.at}`;
  });
  return reasons.includes(undefined) ? undefined : reasons[0];
}

function newestOf(
  { from, to, points }: Holding,
  { seenFrom, at }: { readonly seenFrom: number; readonly at: number },
): HeldPoint | undefined {
  if (to <= seenFrom || from > at) return undefined;
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.arrivedAt ?? Infinity) <= at) low = middle + 1;
    else high = middle;
  }
  return points[low - 1];
}

/** True where a state had not been followed by another one yet. States may come back. */
function isFresh(lane: Lane, state: string | undefined, freshAt: number): boolean {
  return lane.length === 0 || lane.some((step, i) => step.state === state && (lane[i + 1]?.at ?? Infinity) > freshAt);
}

/** A restore point was told that does not lie where it could have been seen. */
function missing(
  newest: string,
  subject: Subject | undefined,
  { from }: Span,
  { seenWithinMs }: Promises,
): string | undefined {
  const holdings = subject?.holdings ?? [];
  // What was taken away is put again, each object as it was or with fewer points: when it came first, nothing tells any more.
  if (holdings.some((holding) => [holding.from, holding.to].some((at) => at > from - seenWithinMs && at <= from)))
    return undefined;
  const near = holdings.filter((holding) => holding.from <= from && holding.to > from);
  const isThere = near.some(({ points }) =>
    points.some(({ position, arrivedAt }) => position === newest && arrivedAt <= from),
  );
  if (isThere) return undefined;
  const later = holdings.flatMap(({ points }) =>
    points.flatMap(({ position, arrivedAt }) => (position === newest ? arrivedAt - from : [])),
  );
  const when = later.length === 0 ? '' : `; it came ${Math.min(...later)} ms later`;
  return `${newest} was its newest restore point, which did not lie there${when}`;
}
