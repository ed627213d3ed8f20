// Looks at a replica as a whole, for retention: what lies there, and what its images are.
import type { DatabaseId, TargetId } from '../../../shared/model.ts';
import { listHistory, runPlanning } from '../restore/look-up.ts';
import type { History, Known } from '../replica/history.ts';
import type { ObjectInfo } from '../replica/object.ts';
import type { Planning } from '../restore/planning.ts';
import type { Catalogue, ShippedRow, SnapshotRow } from '../state/catalogue.ts';
import type { Target } from '../targets/target.ts';
import { factsOf } from './parts.ts';
import type { SnapshotFacts } from './plan.ts';

/** One replica. */
export interface ReplicaId {
  readonly databaseId: DatabaseId;
  readonly targetId: TargetId;
}

/** What the catalogue knows of one replica. */
export interface KnownReplica {
  readonly snapshots: readonly SnapshotRow[];
  readonly parts: readonly ShippedRow[];
}

export function knownOf(catalogue: Catalogue, { databaseId, targetId }: ReplicaId): KnownReplica {
  return {
    snapshots: catalogue.snapshots(databaseId).filter((row) => row.targetId === targetId),
    parts: catalogue.shipped(databaseId).filter((row) => row.targetId === targetId),
  };
}

/** Lists a replica; of images that the catalogue does not know, their trailers are read. */
export async function lookAtReplica(
  target: Target,
  { snapshots, signal }: { readonly snapshots: readonly SnapshotRow[]; readonly signal: AbortSignal },
): Promise<{ readonly history: History; readonly facts: ReadonlyMap<string, SnapshotFacts> }> {
  const history = await listHistory(target, { signal });
  const facts = new Map(factsOf(snapshots));
  const unknown = history.generations.flatMap((kept) => kept.snapshots.filter(({ key }) => !facts.has(key)));
  const known = await runPlanning(ask(unknown), target, { signal });
  for (const [i, image] of unknown.entries()) facts.set(image.key, factsIn(image, known[i]));
  return { history, facts };
}

function* ask(objects: readonly ObjectInfo[]): Planning<readonly Known[]> {
  return objects.length === 0 ? [] : yield objects;
}

function factsIn({ modifiedAt }: ObjectInfo, known: Known | undefined): SnapshotFacts {
  if (known?.kind === 'damaged') return { kind: 'damaged' };
  const at = known?.kind === 'trailer' ? known.trailer.at : undefined;
  return { kind: 'sound', at: at?.time ?? modifiedAt, offset: at?.offset };
}
