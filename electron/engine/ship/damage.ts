// What of a generation is not on a target any more as it was put there: pure, from a listing and from what was told. What is
// done about it is heal.ts.
import type { Place } from '../../../shared/position.ts';
import type { ShippedRow, SnapshotRow } from '../state/catalogue.ts';
import type { SegmentRow } from '../state/packed-segments.ts';
import type { Part } from '../state/trim.ts';
import { parseKey } from '../replica/keys.ts';
import type { StoredObject } from '../targets/target.ts';
import { isBehind } from './shipment.ts';

/** A stretch of an index that is lost. */
export interface LostSegment extends Place {
  /** Where the next segment of this index begins, lost or not; undefined for the last of its index. */
  readonly to: number | undefined;
}

export interface Damage {
  readonly segments: readonly LostSegment[];
  /** Indices whose image is gone, or is not the one that was put. */
  readonly images: readonly number[];
}

/** Compares what was told of a generation with what is listed of it: names and sizes. What changed within one is found by reading it. */
export function findDamage(
  objects: readonly StoredObject[],
  told: { readonly segments: readonly SegmentRow[]; readonly snapshots: readonly SnapshotRow[] },
): Damage {
  const segments = new Map<string, number>();
  const images = new Map<number, number>();
  for (const { key, bytes } of objects) {
    const parsed = parseKey(key);
    if (parsed?.kind === 'snapshot') images.set(parsed.index, bytes);
    if (parsed?.kind === 'segment') segments.set(`${parsed.index}:${parsed.offset}`, bytes);
  }
  const lost = told.segments.filter(({ index, offset, bytes }) => segments.get(`${index}:${offset}`) !== bytes);
  const starts = new Map<number, number[]>();
  for (const { index, offset } of told.segments) {
    const known = starts.get(index);
    if (known === undefined) starts.set(index, [offset]);
    else known.push(offset);
  }
  return {
    segments: lost.map(({ index, offset }) => ({ index, offset, to: starts.get(index)?.find((one) => one > offset) })),
    images: told.snapshots
      .filter(({ index, bytes }) => images.get(index) !== (bytes ?? images.get(index) ?? Infinity))
      .map(({ index }) => index),
  };
}

/**
 * The parts that are left when segments and images are lost: up to what is lost, and again from the next image on whose
 * index is whole.
 */
export function partsLeft(
  parts: readonly Pick<ShippedRow, 'first' | 'last'>[],
  { segments, images }: Damage,
  { snapshots, atOf }: { readonly snapshots: readonly SnapshotRow[]; readonly atOf: (place: Place) => number },
): readonly Part[] {
  const lostImages = new Set(images);
  const sound = snapshots.filter(({ index }) => !lostImages.has(index)).toSorted((a, b) => a.index - b.index);
  return parts.flatMap((part) => {
    const left: Part[] = [];
    let first: Part['first'] | undefined = beginning(part, sound, part.first);
    for (const lost of segments) {
      if (first === undefined || isBehind(lost, { index: first.index, offset: 0 }) || !isBehind(lost, part.last))
        continue;
      // An image is a point of its own, whatever of its index is lost.
      const last = isBehind(lost, first) ? first : { index: lost.index, offset: lost.offset, at: atOf(lost) };
      left.push({ first, last });
      first = beginning(part, sound, { index: lost.index + 1, offset: 0 });
    }
    if (first !== undefined) left.push({ first, last: part.last });
    return left;
  });
}

/** A stretch of a generation that cannot be restored any more. */
export interface Loss {
  readonly from: Part['first'];
  readonly to: Part['last'];
}

/** What lies in parts and not in what is left of them. */
export function lossesOf(parts: readonly Part[], left: readonly Part[]): readonly Loss[] {
  return parts.flatMap((part) => {
    const within = left.filter(({ first, last }) => !isBehind(first, part.first) && !isBehind(part.last, last));
    const losses: Loss[] = [];
    let from = part.first;
    for (const { first, last } of within) {
      if (isBehind(from, first)) losses.push({ from, to: first });
      from = last;
    }
    if (within.length === 0 || isBehind(from, part.last)) losses.push({ from, to: part.last });
    return losses;
  });
}

/** The first image of a part at or behind a place. */
function beginning(
  part: Pick<ShippedRow, 'first' | 'last'>,
  sound: readonly SnapshotRow[],
  from: Place,
): Part['first'] | undefined {
  const image = sound.find((one) => !isBehind(one, part.first) && !isBehind(one, from) && !isBehind(part.last, one));
  return image && { index: image.index, offset: image.offset, at: image.at };
}
