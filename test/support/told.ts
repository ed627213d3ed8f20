// What is told of a database against what its destinations have: read from the objects themselves, with code of its own.
import type { DatabaseId } from '../../shared/ids.ts';
import { formatPosition } from '../../shared/position.ts';
import { replayReplica } from '../soak/replay.ts';
import type { TestEngine } from './engine.ts';

export interface ToldAndThere {
  /** The restore points that are told of the replica. */
  readonly told: readonly string[];
  /** Those that its objects have; the image that all begins with is one too. */
  readonly there: readonly string[];
}

/** Restore points of a replica in a folder, in order: as the engine tells them, and as they lie there. */
export async function toldAndThere(
  engine: TestEngine,
  databaseId: DatabaseId,
  { targetId, folder }: { readonly targetId: string; readonly folder: string },
): Promise<ToldAndThere> {
  const points = await engine.points(databaseId);
  const there: string[] = [];
  const faults = await replayReplica(folder, ({ position }) => there.push(formatPosition(position)));
  // What is unfinished may be on its way.
  const holes = faults.filter((text) => !text.endsWith('was left behind'));
  if (holes.length > 0) throw new Error(holes.join('; '));
  const isHere = ({ targetIds }: (typeof points)[number]) => targetIds.some((id) => id === targetId);
  const told = points.filter(isHere).map(({ position }) => formatPosition(position));
  return { told: told.sort(byPlace), there: there.sort(byPlace) };
}

function byPlace(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
