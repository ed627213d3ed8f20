// A captured transaction, as what is kept of it everywhere: where it ends, when it was, and what the database was then.

/** The end of a captured transaction. */
export interface Commit {
  readonly index: number;
  /** End offset in the index. */
  readonly offset: number;
  readonly at: number;
  /** State hash of the database after it. */
  readonly state: bigint;
  /** Size of the database after it, in pages. */
  readonly pages: number;
  /** Pages that it wrote. */
  readonly written: number;
  /** Transactions that this entry stands for; more than one where entries were thinned. */
  readonly transactions: number;
}

/**
 * Times of points in the order of their history, so that they never run backwards: those that are `known` stay, another one's
 * is not before that of the point before it, and not behind that of the next known one.
 */
export function timesInOrder(
  points: readonly { readonly at: number; readonly isKnown: boolean }[],
  { from = -Infinity, to = Infinity }: { readonly from?: number; readonly to?: number } = {},
): readonly number[] {
  const times = points.map(({ at }) => at);
  let most = to;
  for (let i = points.length - 1; i >= 0; i--) {
    const at = times[i] ?? most;
    if (points[i]?.isKnown === true) most = at;
    else times[i] = Math.min(at, most);
  }
  let least = from;
  return times.map((at, i) => {
    least = points[i]?.isKnown === true ? at : Math.max(at, least);
    return least;
  });
}
