// Destinations in words and signs: the one place that names their state and their kind for the window.
import { Cloud, CloudOff, Folder, FolderX, type LucideIcon } from 'lucide-react';
import type { AppErrorData } from '../../shared/errors.ts';
import { formatCount, plural } from '../../shared/format.ts';
import type { DatabaseState, ReplicaState, TargetId, TargetState, TargetUsage } from '../../shared/model.ts';
import { providers } from '../../shared/providers.ts';
import type { Tone } from '../components/tone.ts';

export interface Standing {
  readonly tone: Tone;
  readonly word: string;
}

/** How a destination stands: nothing gets through, some database has a problem there, or all is well. */
export function standingOf(target: TargetState, databases: readonly DatabaseState[]): Standing {
  if (target.problem !== undefined) return { tone: 'problem', word: 'Not working' };
  const all = replicasAt(target.id, databases);
  const enabled = all.filter(({ isEnabled }) => isEnabled);
  if (all.length === 0) return { tone: 'good', word: 'Ready' };
  if (enabled.length === 0) return { tone: 'paused', word: 'Turned off' };
  if (enabled.some(({ problem }) => problem !== undefined)) return { tone: 'attention', word: 'Attention' };
  if (enabled.some(({ shipped }) => shipped === undefined)) return { tone: 'working', word: 'Starting' };
  return { tone: 'good', word: 'Working' };
}

/** What needs a look at a destination: its own problem, or the first of a database there. */
export function problemAt(target: TargetState, databases: readonly DatabaseState[]): AppErrorData | undefined {
  const enabled = replicasAt(target.id, databases).filter(({ isEnabled }) => isEnabled);
  return target.problem ?? enabled.find(({ problem }) => problem !== undefined)?.problem;
}

function replicasAt(targetId: TargetId, databases: readonly DatabaseState[]): readonly ReplicaState[] {
  return databases.flatMap(({ replicas }) => replicas.filter((replica) => replica.targetId === targetId));
}

/** A folder or a cloud; crossed out where nothing gets through. */
export function iconOf(target: TargetState | undefined, { isBroken = false } = {}): LucideIcon {
  if (target?.kind === 's3') return isBroken ? CloudOff : Cloud;
  return isBroken ? FolderX : Folder;
}

/** `Folder`, `Cloudflare R2`, `Amazon S3 in eu-central-1`. */
export function kindText({ place }: TargetState): string {
  if (place.kind === 'folder') return 'Folder';
  const { name, regions } = providers[place.provider];
  return regions.length > 0 && place.region !== undefined ? `${name} in ${place.region}` : name;
}

/** `/mnt/backup`, `tidemark-eu/shop`: where it lies, short. */
export function placeText({ place }: TargetState): string {
  if (place.kind === 'folder') return place.path;
  return place.prefix === '' ? place.bucket : `${place.bucket}/${place.prefix}`;
}

/** `1,204 requests`. */
export function requestsText({ puts, gets, lists, deletes }: TargetUsage): string {
  const count = puts + gets + lists + deletes;
  return count === 0 ? 'none' : formatCount(count);
}

/** `1,180 writes, 12 reads, 8 listings, 4 deletions`. */
export function requestKindsText({ puts, gets, lists, deletes }: TargetUsage): string {
  return [plural(puts, 'write'), plural(gets, 'read'), plural(lists, 'listing'), plural(deletes, 'deletion')].join(
    ', ',
  );
}
