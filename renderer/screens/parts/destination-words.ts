// Destinations in words and signs: their kind, and what a test found, for the window. What is said of their state is
// shared/standing.ts.
import { Cloud, CloudOff, Folder, FolderX, type LucideIcon } from 'lucide-react';
import { formatCount, plural } from '../../../shared/format.ts';
import type { TargetState, TargetTest, TargetUsage, TestStageName } from '../../../shared/targets.ts';
import { providers } from '../../../shared/providers.ts';

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

/** The stages of a test in their order, as questions that wait for an answer. */
export const stageNames: Readonly<Record<TestStageName, string>> = {
  address: 'Find the address',
  tls: 'Connect securely',
  clock: 'Compare the clocks',
  credentials: 'Check the credentials',
  region: 'Check the region',
  bucket: 'Find the bucket',
  list: 'List what is there',
  write: 'Write a small object',
  read: 'Read it back',
  delete: 'Delete it again',
};

/** A stage by one word, for a sentence about it. */
export const stageWords: Readonly<Record<TestStageName, string>> = {
  address: 'the address',
  tls: 'the secure connection',
  clock: 'the clock',
  credentials: 'the credentials',
  region: 'the region',
  bucket: 'the bucket',
  list: 'listing',
  write: 'writing',
  read: 'reading back',
  delete: 'deleting',
};

/** What lies there, where it needs a word. */
const contents: Partial<Readonly<Record<NonNullable<TargetTest['contents']>, string>>> = {
  'history-of-this': 'It holds the history of this database already: that goes on.',
  'tidemark-history': 'It holds histories of Tidemark already; each database has a place of its own beside them.',
  'litestream-history': 'It holds a history that Litestream wrote (0.3): that can be restored, and stays as it is.',
  'litestream-05-history': 'It holds a history that Litestream wrote (0.5); it stays as it is.',
  'other-things': 'It holds other things too; histories get places of their own beside them.',
};

/** What a test found beside its stages, and what it means for histories there. */
export function findingsOf(test: TargetTest): readonly string[] {
  const facts: string[] = [];
  const there = test.contents === undefined ? undefined : contents[test.contents];
  if (there !== undefined) facts.push(there);
  if (!test.isUsable) return [...test.corrected, ...facts];
  if (test.hasObjectLock) {
    facts.push(
      'The bucket can lock its objects (Object Lock): until a lock ends, nobody can delete them, and they are paid for as long.',
    );
  }
  if (test.versioning === 'on') {
    const deletes = test.canDelete ? 'what retention deletes' : 'what somebody else deletes or replaces';
    facts.push(
      `The bucket keeps versions: ${deletes} stays as an old version, and is paid for, until a rule of the bucket removes it.`,
    );
  }
  return facts;
}
