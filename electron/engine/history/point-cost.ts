// What a restore point needs of a target by itself: the image before it and the segments up to it, as the catalogue knows
// them. Asks no target.
import type { RestorePoint } from '../../../shared/history.ts';
import type { DatabaseId } from '../../../shared/ids.ts';
import { comparePositions } from '../../../shared/position.ts';
import type { Catalogue } from '../state/catalogue.ts';

/** In bytes as stored, on the target where it is most. */
export function costOfPoint(catalogue: Catalogue, databaseId: DatabaseId, point: RestorePoint): number {
  const { position, targetIds } = point;
  const images = catalogue
    .snapshots(databaseId)
    .filter((image) => image.generation === position.generation && comparePositions(image, position) <= 0);
  const costs = targetIds.map((targetId) => {
    const image = images
      .filter((one) => one.targetId === targetId)
      .sort(comparePositions)
      .at(-1);
    if (image === undefined) return 0;
    const held = { databaseId, targetId, generation: position.generation };
    const imageBytes = image.bytes ?? image.pages * image.pageSize;
    return imageBytes + catalogue.trim.bytesBetween(held, { index: image.index, offset: 0 }, position);
  });
  return Math.max(0, ...costs);
}
