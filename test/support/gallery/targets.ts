// Invented destinations, and what the invented engine says when it tests one.
import { AppError } from '../../../shared/errors.ts';
import type { TargetId } from '../../../shared/ids.ts';
import type { AppState } from '../../../shared/model.ts';
import type { RetentionPreview } from '../../../shared/retention.ts';
import type {
  PlaceState,
  S3Place,
  TargetState,
  TargetTest,
  TargetUsage,
  TestStage,
  TestStageName,
} from '../../../shared/targets.ts';

const day = 86_400_000;

export const backupDisk = 't-disk' as TargetId;
export const networkShare = 't-share' as TargetId;
export const bucket = 't-bucket' as TargetId;
const spareBucket = 't-spare' as TargetId;

const noUsage: TargetUsage = { puts: 0, gets: 0, lists: 0, deletes: 0, sentBytes: 0, receivedBytes: 0 };

const eu: S3Place = {
  kind: 's3',
  provider: 'aws',
  bucket: 'tidemark-eu',
  prefix: 'till',
  region: 'eu-central-1',
  endpoint: undefined,
  isPathStyle: undefined,
  storageClass: undefined,
  encryption: { kind: 'sse-s3' },
  credentials: { kind: 'keys', accessKeyId: 'AKIAIOSFODNN7EXAMPLE' },
};

/** The folders that every state has. */
export const folders: readonly TargetState[] = [
  {
    id: backupDisk,
    kind: 'folder',
    name: 'Backup disk',
    url: 'file:///media/backup',
    place: { kind: 'folder', path: '/media/backup' },
    bandwidthBytes: undefined,
    usage: { puts: 4_120, gets: 12, lists: 8, deletes: 96, sentBytes: 512_400_000, receivedBytes: 18_600_000 },
    problem: undefined,
    databases: 0,
  },
  {
    id: networkShare,
    kind: 'folder',
    name: 'Office share',
    url: 'file:///mnt/office/tidemark',
    place: { kind: 'folder', path: '/mnt/office/tidemark' },
    bandwidthBytes: undefined,
    usage: { puts: 1_204, gets: 0, lists: 6, deletes: 4, sentBytes: 96_300_000, receivedBytes: 41_000 },
    problem: undefined,
    databases: 0,
  },
];

/** Two buckets: one in use, one that nobody uses yet. */
export const buckets: readonly TargetState[] = [
  {
    id: bucket,
    kind: 's3',
    name: 'tidemark-eu',
    url: 's3://tidemark-eu/till?region=eu-central-1',
    place: eu,
    bandwidthBytes: 2_000_000,
    usage: { puts: 2_310, gets: 14, lists: 9, deletes: 40, sentBytes: 148_900_000, receivedBytes: 1_240_000 },
    problem: undefined,
    databases: 0,
  },
  {
    id: spareBucket,
    kind: 's3',
    name: 'Cloudflare, second copy',
    url: 's3://second-copy?endpoint=https%3A%2F%2F8d1f0e6c2b3a49587f6e5d4c3b2a1908.r2.cloudflarestorage.com',
    place: {
      ...eu,
      provider: 'r2',
      bucket: 'second-copy',
      prefix: '',
      region: undefined,
      endpoint: 'https://8d1f0e6c2b3a49587f6e5d4c3b2a1908.r2.cloudflarestorage.com',
      encryption: undefined,
      credentials: { kind: 'chain', profile: 'backup' },
    },
    bandwidthBytes: undefined,
    usage: noUsage,
    problem: undefined,
    databases: 0,
  },
];

/** A state whose targets know how many databases use each, as the engine counts. */
export function withTargets(state: AppState): AppState {
  const uses = (id: TargetId): number =>
    state.databases.filter(({ replicas }) => replicas.some(({ targetId }) => targetId === id)).length;
  return { ...state, targets: state.targets.map((target) => ({ ...target, databases: uses(target.id) })) };
}

const passed: Readonly<Record<TestStageName, string>> = {
  address: 's3.eu-central-1.amazonaws.com answers at 52.219.170.1.',
  tls: 'The certificate is good until 2027-03-04 12:00:00 UTC.',
  clock: 'The clocks agree.',
  credentials: 'The access key is accepted.',
  region: 'The region eu-central-1 is right.',
  bucket: 'The bucket is there.',
  list: 'It holds nothing yet.',
  write: 'Objects can be written.',
  read: 'What was written is read back as it was.',
  delete: 'Objects can be deleted.',
};

/** A test of a place: a bucket “refused” refuses the key, “locked” cannot delete, a region “us-east-1” is corrected. */
export function testOf(place: PlaceState): TargetTest {
  const base = {
    isUsable: true,
    place,
    corrected: [],
    contents: 'empty',
    versioning: 'off',
    hasObjectLock: false,
    canDelete: true,
    hasConditionalWrites: true,
  } as const;
  if (place.kind === 'folder') {
    const names: readonly TestStageName[] = ['address', 'list', 'write', 'read', 'delete'];
    return {
      ...base,
      contents: 'new',
      stages: names.map((name) =>
        ok(name, name === 'address' ? 'The folder can be made, with 812 GB free.' : undefined),
      ),
    };
  }
  const names = Object.keys(passed) as TestStageName[];
  if (place.bucket === 'refused') {
    const error = new AppError('target-credentials', {
      host: 's3.eu-central-1.amazonaws.com',
      reason: 'SignatureDoesNotMatch',
    }).toData();
    const stages = names.map((name, index): TestStage => {
      if (index < 3) return ok(name);
      if (index > 3) return { name, state: 'skipped', text: '', error: undefined, ms: 0 };
      return { name, state: 'failed', text: 'The bucket refused the secret access key.', error, ms: 184 };
    });
    return { ...base, stages, isUsable: false, contents: undefined, versioning: 'unknown' };
  }
  if (place.bucket === 'locked') {
    const error = new AppError('target-no-delete', {
      path: 's3://locked',
      key: 'tidemark-connection-test.tmp',
    }).toData();
    const stages = names.map((name): TestStage => {
      if (name === 'delete') return { ...ok(name, error.message), state: 'warning', error };
      return ok(name, name === 'list' ? 'It holds a history of Litestream v0.3.' : undefined);
    });
    return { ...base, stages, canDelete: false, hasObjectLock: true, versioning: 'on', contents: 'litestream-history' };
  }
  if (place.region === 'us-east-1') {
    const text = 'The bucket is in eu-central-1, not in us-east-1; the region was corrected.';
    const others: Partial<Record<TestStageName, string>> = {
      region: text,
      list: 'It holds histories of Tidemark already.',
    };
    return {
      ...base,
      stages: names.map((name) => ok(name, others[name])),
      place: { ...place, region: 'eu-central-1' },
      corrected: [text],
      contents: 'tidemark-history',
    };
  }
  return { ...base, stages: names.map((name) => ok(name)) };
}

function ok(name: TestStageName, text = passed[name]): TestStage {
  return { name, state: 'ok', text, error: undefined, ms: 12 + name.length * 17 };
}

/** What would remain of a month of history with a snapshot a day. */
export function previewOf(
  retention:
    | { readonly kind: 'keep-all' }
    | { readonly kind: 'thinned'; readonly windowMs: number; readonly dailyMs: number; readonly weeklyMs: number },
  { at, now }: { readonly at: number; readonly now: number },
): RetentionPreview {
  const all = Array.from({ length: 31 }, (_, index) => ({
    generation: '7f3ac91b04d2e6a8' as never,
    index,
    at: now - (30 - index) * day,
  }));
  if (retention.kind === 'keep-all') {
    return {
      atMs: at,
      keptSnapshots: all.map((one) => ({ ...one, why: 'window' })),
      windowFromAt: all[0]?.at,
      keptObjects: 48_210,
      keptBytes: 2_140_000_000,
      deletedObjects: 0,
      deletedBytes: 0,
      held: undefined,
    };
  }
  const { windowMs, dailyMs, weeklyMs } = retention;
  const kept = all.flatMap((one, index): RetentionPreview['keptSnapshots'][number][] => {
    const age = at - one.at;
    if (age < windowMs) return [{ ...one, why: 'window' }];
    if (age < dailyMs) return [{ ...one, why: 'daily' }];
    if (index === 18) return [{ ...one, why: 'pinned', names: ['Inventory count'] }];
    if (age < weeklyMs && index % 7 === 2) return [{ ...one, why: 'weekly' }];
    return index === 30 ? [{ ...one, why: 'newest' }] : [];
  });
  const share = Math.min(1, windowMs / (30 * day));
  return {
    atMs: at,
    keptSnapshots: kept,
    windowFromAt: Math.max(at - windowMs, now - 30 * day),
    keptObjects: Math.round(48_210 * share) + kept.length,
    keptBytes: Math.round(640_000_000 * share) + kept.length * 48_200_000,
    deletedObjects: Math.round(48_210 * (1 - share)),
    deletedBytes: Math.round(640_000_000 * (1 - share)) + (31 - kept.length) * 48_200_000,
    held: undefined,
  };
}
