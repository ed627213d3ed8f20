// On which targets a restore point lies: within a part of its generation there, and told by a segment of it. Reads the catalogue
// once, for one question about many points: nobody may write meanwhile.
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import { comparePositions, type Generation, type Position } from '../../../shared/position.ts';
import type { Catalogue, ShippedRow } from '../state/catalogue.ts';
import type { SparseStretch } from '../state/sparse.ts';

export class Holders {
  readonly #catalogue: Catalogue;
  readonly #databaseId: DatabaseId;
  readonly #parts: readonly ShippedRow[];
  readonly #hasSparse: boolean;
  /** Of the index that was asked for last: points are asked for in their order. */
  #sparse: (Omit<Position, 'offset'> & { readonly stretches: readonly SparseStretch[] }) | undefined;

  constructor(catalogue: Catalogue, databaseId: DatabaseId) {
    this.#catalogue = catalogue;
    this.#databaseId = databaseId;
    this.#parts = catalogue.shipped(databaseId);
    this.#hasSparse = this.#parts.length > 0 && catalogue.hasSparse(databaseId);
  }

  /** Nothing lies anywhere. */
  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  /** The targets that have the transaction that ends here. */
  of(position: Position): readonly TargetId[] {
    const isAtImage = ({ first }: ShippedRow) => comparePositions(first, position) === 0;
    return this.#parts
      .filter(
        (part) =>
          part.generation === position.generation &&
          comparePositions(part.first, position) <= 0 &&
          comparePositions(position, part.last) <= 0 &&
          (!this.#hasSparse || isAtImage(part) || this.#isTold(part.targetId, position)),
      )
      .map(({ targetId }) => targetId);
  }

  /** A part on a target begins with an image of this place. */
  beginsAt(targetId: TargetId, position: Position): boolean {
    return this.#parts.some(
      (part) =>
        part.generation === position.generation &&
        part.targetId === targetId &&
        comparePositions(part.first, position) === 0,
    );
  }

  #isTold(targetId: TargetId, { generation, index, offset }: Position): boolean {
    return this.#stretchesOf(generation, index).every(
      (stretch) =>
        stretch.targetId !== targetId || offset <= stretch.offset || offset > stretch.to || stretch.points.has(offset),
    );
  }

  #stretchesOf(generation: Generation, index: number): readonly SparseStretch[] {
    if (this.#sparse?.generation !== generation || this.#sparse.index !== index) {
      const stretches = this.#catalogue.sparseIn({ databaseId: this.#databaseId, generation }, index);
      this.#sparse = { generation, index, stretches };
    }
    return this.#sparse.stretches;
  }
}
