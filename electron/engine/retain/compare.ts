// Compares what was told of a replica with what is listed of all of it, a few segments at a time: a long history is not held
// in memory twice, and capture does not wait for it. What is done about damage is ship/heal.ts.
import type { Generation, Place } from '../../../shared/position.ts';
import { comparePlaces, type GenerationHistory, type History } from '../replica/history.ts';
import type { Catalogue } from '../state/catalogue.ts';
import type { Held } from '../state/segments.ts';
import type { ReplicaId } from './look.ts';

const segmentsAtOnce = 2000;

/** The ends of what is told now: what is told later need not be in a listing that begins after this. */
export function toldEnds(catalogue: Catalogue, replica: ReplicaId): ReadonlyMap<Generation, Place> {
  const ends = new Map<Generation, Place>();
  for (const { generation } of catalogue.generations(replica.databaseId)) {
    ends.set(generation, catalogue.trim.lastSegment({ ...replica, generation }) ?? { index: -1, offset: 0 });
  }
  return ends;
}

/** Those generations, of which something is not listed as it was put. */
export async function findChanged(
  catalogue: Catalogue,
  {
    replica,
    ends,
    history,
    signal,
  }: {
    readonly replica: ReplicaId;
    readonly ends: ReadonlyMap<Generation, Place>;
    readonly history: History;
    readonly signal: AbortSignal;
  },
): Promise<readonly Generation[]> {
  const changed: Generation[] = [];
  for (const [generation, end] of ends) {
    const listed = history.generations.find((kept) => kept.generation === generation);
    const held = { ...replica, generation };
    if (!areImagesSame(catalogue, held, listed) || !(await areSegmentsSame(catalogue, held, { listed, end, signal }))) {
      changed.push(generation);
    }
  }
  return changed;
}

function areImagesSame(
  catalogue: Catalogue,
  { databaseId, targetId, generation }: Held,
  listed: GenerationHistory | undefined,
): boolean {
  const sizes = new Map(listed?.snapshots.map(({ index, bytes }) => [index, bytes]));
  return catalogue
    .snapshots(databaseId)
    .filter((row) => row.targetId === targetId && row.generation === generation)
    .every(({ index, bytes }) => sizes.has(index) && (bytes ?? sizes.get(index)) === sizes.get(index));
}

async function areSegmentsSame(
  catalogue: Catalogue,
  held: Held,
  {
    listed,
    end,
    signal,
  }: { readonly listed: GenerationHistory | undefined; readonly end: Place; readonly signal: AbortSignal },
): Promise<boolean> {
  const segments = listed?.segments ?? [];
  let at = 0;
  let from: Place = { index: -1, offset: 0 };
  for (;;) {
    const told = catalogue.trim.segmentsBehind(held, from, segmentsAtOnce);
    for (const row of told) {
      if (comparePlaces(row, end) > 0) return true;
      for (let one = segments[at]; one !== undefined && comparePlaces(one, row) < 0; one = segments[at]) at++;
      const found = segments[at];
      if (found === undefined || comparePlaces(found, row) !== 0 || found.bytes !== row.bytes) return false;
      from = row;
    }
    if (told.length < segmentsAtOnce) return true;
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
  }
}
