// Looks at a replica as a whole, for retention: what lies there, and what its images are.
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import { listHistory, runPlanning } from '../destinations/look-up.ts';
import type { Generation } from '../../../shared/position.ts';
import type { GenerationHistory, History, Known } from '../replica/history.ts';
import { formatSnapshotKey } from '../replica/keys.ts';
import type { ObjectInfo } from '../replica/object.ts';
import type { Planning } from '../replica/planning.ts';
import { sequencesIn } from '../destinations/sequences.ts';
import type { Catalogue, ShippedRow, SnapshotRow } from '../state/catalogue.ts';
import type { ReadableTarget } from '../targets/target.ts';
import { factsOf } from './parts.ts';
import type { SnapshotFacts } from './images.ts';

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

/** What lies at a replica. */
export interface LookedAt {
  readonly history: History;
  readonly facts: ReadonlyMap<string, SnapshotFacts>;
  /** In which order its generations were begun, as far as that was recorded. */
  readonly sequences: ReadonlyMap<Generation, number>;
}

/** What the time was at least when the last of those images was taken whose trailers tell it. */
export function confirmedBy({ facts }: Pick<LookedAt, 'facts'>): number | undefined {
  const confirmed = soundOf(facts).flatMap((one) => one.confirmed ?? []);
  return confirmed.length === 0 ? undefined : confirmed.reduce((a, b) => Math.max(a, b));
}

/**
 * The same where nothing else is known of a replica: of a history of which no image tells it, and which nobody wrote who would have
 * known, the newest label. Undefined where that cannot be told.
 */
export function reachedBy({ facts, history }: LookedAt): number | undefined {
  const confirmed = confirmedBy({ facts });
  const sound = soundOf(facts);
  if (confirmed !== undefined || sound.some(({ isPlaced }) => isPlaced)) return confirmed;
  const segments = history.generations.flatMap((kept) => kept.segments.slice(-1).map(({ modifiedAt }) => modifiedAt));
  return [...sound.map(({ at }) => at), ...segments].reduce((a, b) => Math.max(a, b), 0);
}

function soundOf(facts: LookedAt['facts']): readonly Extract<SnapshotFacts, { readonly kind: 'sound' }>[] {
  return [...facts.values()].flatMap((one) => (one.kind === 'sound' ? [one] : []));
}

/** Lists a replica; of images that the catalogue does not know, their trailers are read. */
export async function lookAtReplica(
  target: ReadableTarget,
  { snapshots, signal }: { readonly snapshots: readonly SnapshotRow[]; readonly signal: AbortSignal },
): Promise<LookedAt> {
  const history = await listHistory(target, { signal });
  const facts = new Map(factsOf(snapshots));
  const images = history.generations.flatMap((kept) => kept.snapshots.map((image) => ({ ...image, kept })));
  const stored = new Map(
    snapshots.map(({ generation, index, bytes }) => [formatSnapshotKey(generation, index), bytes]),
  );
  for (const { key, bytes } of images) if ((stored.get(key) ?? bytes) !== bytes) facts.set(key, { kind: 'damaged' });

  const unknown = images.filter(({ key }) => !facts.has(key));
  const looked = await runPlanning(ask(unknown), target, { signal });
  const read = unknown.map((image, i) => ({ image, known: looked[i] }));
  const foreign = read.flatMap((one) => (one.known?.kind === 'foreign' ? [one.image.kept] : []));
  const ours = await findOurs(target, [...new Set(foreign)], { snapshots, signal });
  for (const { image, known } of read) facts.set(image.key, factsIn(image, known, ours.has(image.kept.generation)));
  const told = new Map(read.flatMap(({ image, known }) => (known === undefined ? [] : [[image.key, known] as const])));
  const isOrdered = history.generations.length < 2;
  return { history, facts, sequences: isOrdered ? new Map() : await sequencesIn(target, history, { told, signal }) };
}

/** Generations that carry trailers elsewhere: an image of theirs without one lost its end. */
async function findOurs(
  target: ReadableTarget,
  kept: readonly GenerationHistory[],
  { snapshots, signal }: { readonly snapshots: readonly SnapshotRow[]; readonly signal: AbortSignal },
): Promise<ReadonlySet<Generation>> {
  const ours = new Set(snapshots.map(({ generation }) => generation));
  const doubtful = kept.flatMap(({ generation, segments: [head] }) =>
    head === undefined || ours.has(generation) ? [] : [{ generation, head }],
  );
  const known = await runPlanning(ask(doubtful.map(({ head }) => head)), target, { signal });
  const found = doubtful.filter((_, i) => known[i]?.kind === 'trailer');
  return new Set([...ours, ...found.map(({ generation }) => generation)]);
}

function* ask(objects: readonly ObjectInfo[]): Planning<readonly Known[]> {
  return objects.length === 0 ? [] : yield objects;
}

function factsIn({ modifiedAt }: ObjectInfo, known: Known | undefined, isOurs: boolean): SnapshotFacts {
  if (known?.kind === 'damaged' || (known?.kind === 'foreign' && isOurs)) return { kind: 'damaged' };
  const trailer = known?.kind === 'trailer' ? known.trailer : undefined;
  const at = trailer?.at;
  const isPlaced = trailer?.place !== undefined;
  return { kind: 'sound', at: at?.time ?? modifiedAt, offset: at?.offset, confirmed: at?.confirmed, isPlaced };
}
