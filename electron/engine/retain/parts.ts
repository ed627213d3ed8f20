// What a plan means for the catalogue: which parts of generations lie on the target when it was carried out; and, from the
// catalogue alone, whether anything is due. Pure but for reading the catalogue.
import { must } from '../../../shared/assert.ts';
import { comparePositions, type Generation } from '../../../shared/position.ts';
import { formatSegmentKey, formatSnapshotKey } from '../replica/keys.ts';
import { buildHistory } from '../replica/history.ts';
import type { ShippedRow, SnapshotRow } from '../state/catalogue.ts';
import type { Part } from '../state/trim.ts';
import type { KeptSpan } from './spans.ts';
import { planRetention, type RetainOptions, type RetainPlan } from './plan.ts';
import type { SnapshotFacts } from './images.ts';

/** What is left of a generation's parts. */
function trimParts(parts: readonly Part[], spans: readonly KeptSpan[]): readonly Part[] {
  const firstToEnd = spans.find(({ to }) => to === 'end');
  const left = spans.flatMap((span): readonly Part[] => {
    const { image, to } = span;
    // Of several images with everything behind them the first one says it all.
    if (to === 'end' && span !== firstToEnd) return [];
    const from = { index: image.index, offset: image.offset ?? 0, at: image.at };
    return parts.flatMap((part) => clip(part, from, to));
  });
  return left.sort((a, b) => comparePositions(a.first, b.first));
}

function clip(part: Part, from: Part['first'], to: KeptSpan['to']): readonly Part[] {
  const first = comparePositions(part.first, from) < 0 ? from : part.first;
  if (comparePositions(part.last, first) < 0) return [];
  if (to === 'end') return [{ first, last: part.last }];
  const end = to === 'image' ? from : to;
  if (comparePositions(first, end) > 0) return [];
  // The instant of a place in the middle is known by its run; the part only has to lie around it.
  const last = comparePositions(part.last, end) <= 0 ? part.last : { ...end, at: Math.max(first.at, from.at) };
  return [{ first, last }];
}

/** What the catalogue knows of a replica, as a history: its images, and one segment at the end of each part. */
function knownHistory(known: {
  readonly snapshots: readonly SnapshotRow[];
  readonly parts: readonly ShippedRow[];
}): Pick<RetainOptions, 'history' | 'facts'> {
  const images = known.snapshots.map(({ generation, index, at }) => ({
    key: formatSnapshotKey(generation, index),
    bytes: 0,
    modifiedAt: at,
  }));
  const ends = known.parts.map(({ generation, last }) => ({
    key: formatSegmentKey(generation, last.index, Math.max(0, last.offset - 1)),
    bytes: 0,
    modifiedAt: last.at,
  }));
  return { history: buildHistory([...images, ...ends]), facts: factsOf(known.snapshots) };
}

/** What the catalogue knows of images, by key. */
export function factsOf(snapshots: readonly SnapshotRow[]): ReadonlyMap<string, SnapshotFacts> {
  return new Map(
    snapshots.map(({ generation, index, offset, at }) => [
      formatSnapshotKey(generation, index),
      { kind: 'sound', at, offset },
    ]),
  );
}

/** True where a plan would change what the catalogue says. */
export function isDue(
  known: { readonly snapshots: readonly SnapshotRow[]; readonly parts: readonly ShippedRow[] },
  rules: Pick<RetainOptions, 'retention' | 'pinned' | 'current' | 'now' | 'sequences'>,
): boolean {
  const plan = planRetention({ ...knownHistory(known), ...rules });
  if (plan.held !== undefined) return false;
  return generationsOf(known.parts).some((generation) => {
    const parts = known.parts.filter((part) => part.generation === generation);
    return !isSame(
      parts.toSorted((a, b) => comparePositions(a.first, b.first)),
      partsAfter(plan, generation, parts),
    );
  });
}

/** The parts of a generation when a plan was carried out. */
export function partsAfter(plan: RetainPlan, generation: Generation, parts: readonly Part[]): readonly Part[] {
  if (plan.whole.includes(generation)) return parts.toSorted((a, b) => comparePositions(a.first, b.first));
  const spans = plan.spans.filter(({ image }) => image.generation === generation);
  return trimParts(parts, spans);
}

/** Former parts; more may have been shipped to the last of them by now, or another one begun behind it. */
export function asFarAs(parts: readonly Part[], now: readonly Part[]): readonly Part[] {
  const ordered = parts.toSorted((a, b) => comparePositions(a.first, b.first));
  const newest = ordered.at(-1);
  if (newest === undefined) return now;
  const isBehind = (part: Part): boolean => comparePositions(part.first, newest.last) > 0;
  const ends = [newest, ...now.filter((part) => !isBehind(part))].map(({ last }) => last);
  const [last = newest.last] = ends.toSorted((a, b) => comparePositions(b, a));
  return [...ordered.slice(0, -1), { ...newest, last }, ...now.filter(isBehind)];
}

export function generationsOf(parts: readonly { readonly generation: Generation }[]): readonly Generation[] {
  return [...new Set(parts.map(({ generation }) => generation))];
}

function isSame(a: readonly Part[], b: readonly Part[]): boolean {
  return (
    a.length === b.length &&
    a.every((part, i) => {
      const other = must(b[i], 'as long');
      return comparePositions(part.first, other.first) === 0 && comparePositions(part.last, other.last) === 0;
    })
  );
}
