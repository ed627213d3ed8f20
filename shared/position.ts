// Positions in a database's history: {generation, index, offset}. Totally ordered within one generation.
// Pure values; formatting follows the v0.3 object layout (lowercase hex, `%08x`).

declare const brand: unique symbol;

/** 16 lowercase hex characters: an unbroken history of one database, begun by a snapshot. */
export type Generation = string & { readonly [brand]: 'Generation' };

/** A place within one generation: byte `offset` in the WAL numbered `index`. */
export interface Place {
  readonly index: number;
  readonly offset: number;
}

/** A place in a history. */
export interface Position extends Place {
  readonly generation: Generation;
}

/** The largest index that both readers of the layout accept; a generation ends there. */
export const maxIndex = 0x7fff_ffff;

/** True for exactly 16 lowercase hex characters. */
export function isGeneration(text: string): text is Generation {
  return /^[0-9a-f]{16}$/.test(text);
}

/** Negative, zero or positive, as `a` lies before, at or after `b`; only meaningful within one generation. */
export function comparePositions(a: Place, b: Place): number {
  return a.index - b.index || a.offset - b.offset;
}

/** True for one and the same place of one generation. */
export function isSamePosition(a: Position, b: Position): boolean {
  return a.generation === b.generation && comparePositions(a, b) === 0;
}

/** `<generation>/%08x:<decimal offset>`, the field's usual form. */
export function formatPosition(position: Position): string {
  return `${position.generation}/${formatHex8(position.index)}:${position.offset}`;
}

/** Eight lowercase hex digits, zero padded. */
export function formatHex8(value: number): string {
  return value.toString(16).padStart(8, '0');
}
