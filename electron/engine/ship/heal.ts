// What was told of a target and is not there any more: found by comparing the catalogue with a listing, and taken out of it.
import type { Catalogue, SnapshotRow } from '../state/catalogue.ts';
import type { Held } from '../state/trim.ts';
import type { StoredObject } from '../targets/target.ts';
import { type Damage, findDamage, partsLeft } from './damage.ts';

/** What of a generation is not listed as it was put. */
export function damageOf(catalogue: Catalogue, held: Held, objects: readonly StoredObject[]): Damage {
  return findDamage(objects, { segments: catalogue.trim.segments(held), snapshots: snapshotsOf(catalogue, held) });
}

/** From now on the catalogue tells nothing that needs what is lost. */
export function tellDamage(catalogue: Catalogue, held: Held, damage: Damage): void {
  const parts = catalogue
    .shipped(held.databaseId)
    .filter(({ targetId, generation }) => targetId === held.targetId && generation === held.generation);
  const left = partsLeft(parts, damage, {
    snapshots: snapshotsOf(catalogue, held),
    atOf: (place) => catalogue.trim.lastAtBefore(held, place) ?? parts[0]?.first.at ?? 0,
  });
  catalogue.trim.setParts(held, left, (index) => !damage.images.includes(index));
  catalogue.trim.forgetSegments(held, damage.segments);
}

function snapshotsOf(catalogue: Catalogue, { databaseId, targetId, generation }: Held): readonly SnapshotRow[] {
  return catalogue.snapshots(databaseId).filter((row) => row.targetId === targetId && row.generation === generation);
}
