// Whether a trailer can be true of the object that it was read from: numbers that contradict each other or the object's own name,
// and objects that are copies of others. Pure.
import { isSamePosition } from '../../../shared/position.ts';
import { maxOffset, mostContentOf } from './bounds.ts';
import { formatSegmentKey, formatSnapshotKey, type ParsedKey, parseKey } from './keys.ts';
import type { Trailer } from './trailer.ts';

export interface Contradiction {
  /** The end of a sentence. */
  readonly reason: string;
  /** What it is a copy of: then the object is none of the history at its place. */
  readonly copyOf?: string;
}

/** What is wrong with a trailer; undefined where all of it can be true. */
export function whatContradicts(
  key: string,
  trailer: Trailer,
  { storedBytes }: { readonly storedBytes: number },
): Contradiction | undefined {
  const { size, pages, pageSize } = trailer;
  const parsed = parseKey(key);
  const copy = parsed && copyOf(parsed, trailer);
  if (copy !== undefined) return { reason: `it is a copy of ${copy}`, copyOf: copy };
  if (size > mostContentOf(storedBytes)) return { reason: `its trailer tells of ${size} bytes in ${storedBytes}` };
  if (parsed?.kind === 'snapshot' && size !== pages * pageSize) {
    return { reason: `its trailer tells of ${size} bytes in ${pages} pages of ${pageSize}` };
  }
  if (parsed?.kind === 'segment') return whatContradictsIn(parsed, trailer);
  return undefined;
}

function copyOf(key: ParsedKey, { place, at, commits }: Trailer): string | undefined {
  const { generation, index, offset } = place ?? {
    generation: key.generation,
    index: at?.index ?? key.index,
    offset: 0,
  };
  // Only images tell when they were taken, and only segments of transactions.
  if (key.kind === 'segment' && at !== undefined) return formatSnapshotKey(generation, index);
  if (key.kind === 'snapshot' && at === undefined && commits !== undefined) {
    return formatSegmentKey(generation, index, offset);
  }
  if (place === undefined && key.kind === 'segment') return undefined;
  if (isSamePosition({ offset: 0, ...key }, { generation, index, offset })) return undefined;
  return key.kind === 'snapshot' ? formatSnapshotKey(generation, index) : formatSegmentKey(generation, index, offset);
}

function whatContradictsIn(
  { index, offset }: Extract<ParsedKey, { readonly kind: 'segment' }>,
  { size, commits = [], states, follows }: Trailer,
): Contradiction | undefined {
  const end = offset + size;
  if (end > maxOffset) return { reason: `its trailer tells of an end at ${end}` };
  let last = offset;
  for (const [at] of commits) {
    if (at < last || at > end) return { reason: `its trailer tells of a transaction at ${at}, outside of it` };
    last = at;
  }
  if (states !== undefined && states.length !== commits.length) {
    return { reason: 'its trailer tells of more or fewer states than transactions' };
  }
  if (follows !== undefined && (offset !== 0 || follows.index !== index - 1)) {
    return { reason: 'its trailer tells of another place before it' };
  }
  return undefined;
}
