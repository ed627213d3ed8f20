// What was told of a target and is not there any more: found by comparing the catalogue with a listing, and taken out of it.
import type { Place } from '../../../shared/position.ts';
import type { Catalogue, SnapshotRow } from '../state/catalogue.ts';
import type { Held } from '../state/segments.ts';
import type { StoredObject } from '../targets/target.ts';
import { type Damage, findDamage, type Loss, lossesOf, partsLeft } from './damage.ts';
import { isBehind } from './shipment.ts';

interface Stretch {
  readonly from: Place;
  readonly to: Place;
}

/** What of a generation is not listed as it was put. */
export function damageOf(catalogue: Catalogue, held: Held, objects: readonly StoredObject[]): Damage {
  return findDamage(objects, { segments: catalogue.trim.segments(held), snapshots: snapshotsOf(catalogue, held) });
}

/** From now on the catalogue tells nothing that needs what is lost; answers what cannot be restored any more. */
export function tellDamage(catalogue: Catalogue, held: Held, damage: Damage): readonly Loss[] {
  const parts = catalogue
    .shipped(held.databaseId)
    .filter(({ targetId, generation }) => targetId === held.targetId && generation === held.generation);
  const left = partsLeft(parts, damage, {
    snapshots: snapshotsOf(catalogue, held),
    atOf: (place) => catalogue.trim.lastAtBefore(held, place) ?? parts[0]?.first.at ?? 0,
  });
  catalogue.trim.setParts(held, left, (index) => !damage.images.includes(index));
  catalogue.trim.forgetSegments(held, damage.segments);
  return lossesOf(parts, left);
}

/** True where another target of the database has this stretch of the generation. */
export function isElsewhere(
  catalogue: Catalogue,
  { databaseId, targetId, generation }: Held,
  { from, to }: Stretch,
): boolean {
  return catalogue
    .shipped(databaseId)
    .some(
      (part) =>
        part.targetId !== targetId &&
        part.generation === generation &&
        !isBehind(from, part.first) &&
        !isBehind(part.last, to),
    );
}

function snapshotsOf(catalogue: Catalogue, { databaseId, targetId, generation }: Held): readonly SnapshotRow[] {
  return catalogue.snapshots(databaseId).filter((row) => row.targetId === targetId && row.generation === generation);
}
