// Which of several replicas of one database a restore takes: the newest moment of all that should be there. One that does not answer, or
// cannot be read to its end, may have a newer one: then nobody knows, unless what was asked for does not depend on it.
import { AppError } from '../../shared/errors.ts';
import { formatInstantUtc } from '../../shared/format.ts';
import type { RestoreOutlook } from '../../shared/operations.ts';
import { comparePositions } from '../../shared/position.ts';

/** What one replica says to a wish. */
export interface Answer {
  readonly replicaName: string;
  readonly url: string;
  readonly outcome:
    { readonly kind: 'planned'; readonly outlook: RestoreOutlook } | { readonly kind: 'failed'; readonly error: Error };
}

type Planned = Answer & { readonly outcome: { readonly kind: 'planned' } };

/** It answered, and has nothing of what was asked for. */
const lacking: ReadonlySet<string> = new Set([
  'no-history',
  'generation-unknown',
  'index-unknown',
  'name-unknown',
  'before-first-point',
]);

/** Of several answers the one to restore from; throws what keeps that from being known. `note` hears what is passed over. */
export function chooseAnswer(
  answers: readonly Answer[],
  {
    kind,
    note,
  }: { readonly kind: 'latest' | 'time' | 'index' | 'position' | 'name'; readonly note: (text: string) => void },
): Answer {
  const planned = answers.filter((answer): answer is Planned => answer.outcome.kind === 'planned');
  const failures = answers.flatMap((answer) =>
    answer.outcome.kind === 'failed' ? [{ answer, error: answer.outcome.error }] : [],
  );
  const [first, ...others] = planned;
  if (first === undefined) {
    const [failure] = failures;
    if (failure === undefined) throw new AppError('no-history', { url: '' });
    throw failure.error;
  }
  const best = others.reduce((a, b) => (isNewer(b.outcome.outlook, a.outcome.outlook) ? b : a), first);

  const doubt = failures.find(({ error }) => !(error instanceof AppError && lacking.has(error.code)));
  if (doubt === undefined) return best;
  // A name says which point it is, and a point with a newer one behind it is the last before an instant.
  const isCertain = kind === 'name' || kind === 'position' || (kind === 'time' && !best.outcome.outlook.isNewest);
  const at = formatInstantUtc(best.outcome.outlook.point.at);
  note(
    isCertain
      ? `Replica “${doubt.answer.replicaName}” is passed over: “${best.replicaName}” has what was asked for.\n`
      : `Replica “${doubt.answer.replicaName}” may have a newer state than “${best.replicaName}”, which has ${at}: -replica ${best.replicaName} restores that.\n`,
  );
  if (isCertain) return best;
  throw doubt.error;
}

/** By places where both know the generation, whatever clocks said; by time only where neither knows the other's. */
function isNewer(a: RestoreOutlook, b: RestoreOutlook): boolean {
  const [mine, theirs] = [a.point.position, b.point.position];
  if (mine.generation === theirs.generation) return comparePositions(mine, theirs) > 0;
  const isBehind = (one: RestoreOutlook, generation: string): boolean => {
    const at = one.order.findIndex((known) => known === generation);
    return at !== -1 && at < one.order.indexOf(one.point.position.generation);
  };
  if (isBehind(a, theirs.generation)) return true;
  if (isBehind(b, mine.generation)) return false;
  return a.point.at > b.point.at;
}
