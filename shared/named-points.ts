// Names of restore points, as the engine and windows compare them. Pure.
import type { NamedPoint } from './model.ts';
import { isSamePosition, type Position } from './position.ts';

/** The named point at a position; undefined where that has no name. */
export function findNamed(points: readonly NamedPoint[], position: Position | undefined): NamedPoint | undefined {
  return position && points.find((point) => isSamePosition(point.position, position));
}

/** True for names that people would take for the same one. */
export function isSameName(a: string, b: string): boolean {
  return a.normalize('NFKC').toLowerCase() === b.normalize('NFKC').toLowerCase();
}
