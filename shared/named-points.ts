// Restore points with names, and their names as the engine and windows compare them. Pure.
import type { NamedPointId } from './ids.ts';
import type { Moment } from './history.ts';
import { isSamePosition, type Position } from './position.ts';

/** Characters of a name. */
export const longestName = 200;

/** A restore point with a name: it stays at every destination, whatever retention says, until the name is removed. */
export interface NamedMoment extends Moment {
  readonly name: string;
  readonly namedAt: number;
}

/** One that was named here, or taken over from who named it. */
export interface NamedPoint extends NamedMoment {
  readonly id: NamedPointId;
}

/** The named point at a position; undefined where that has no name. */
export function findNamed(points: readonly NamedPoint[], position: Position | undefined): NamedPoint | undefined {
  return position && points.find((point) => isSamePosition(point.position, position));
}

/** True for names that people would take for the same one. */
export function isSameName(a: string, b: string): boolean {
  return a.normalize('NFKC').toLowerCase() === b.normalize('NFKC').toLowerCase();
}
