// What is known of those who offer S3: where they are, and in what they differ from Amazon's own. Data that the form shows
// and the target applies, and how an endpoint tells whose it is. Owns no behaviour.

/** Whose service an S3 place is: its quirks are known by that. */
export type ProviderId =
  'aws' | 'r2' | 'b2' | 'minio' | 'wasabi' | 'digitalocean' | 'hetzner' | 'scaleway' | 'tigris' | 'google' | 'other';

export interface Provider {
  readonly name: string;
  /** With `{region}` or `{account}` to be filled in; undefined where it must be typed, or follows from the region (AWS). */
  readonly endpoint: string | undefined;
  /** Names of the regions; empty where they are free text. */
  readonly regions: readonly string[];
  /** What to sign with when nobody named a region. */
  readonly defaultRegion: string;
  /** Whether the bucket is named in the path rather than in the host. */
  readonly isPathStyle: boolean;
  /** `when-required`: newer checksums confuse it; a plain MD5 goes with each body instead. */
  readonly checksums: 'when-required' | 'when-supported';
  /** Requests at a time that it takes without throttling. */
  readonly concurrency: number;
  /** Parts that one upload may have. */
  readonly mostParts: number;
  /** Whether all parts of one upload must have the same size. */
  readonly hasEqualParts: boolean;
  /** Whether a PUT can be made to fail where the object exists or has changed. */
  readonly hasConditionalWrites: boolean;
  /** Whether many objects can be deleted by one request. */
  readonly hasBatchDelete: boolean;
  /** Those that can be read back at once; the first is the default. */
  readonly storageClasses: readonly string[];
  readonly encryption: readonly ('sse-s3' | 'sse-kms')[];
  /** Sent along with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** What to know before choosing it. */
  readonly hint: string | undefined;
}

const compatible = {
  endpoint: undefined,
  regions: [],
  defaultRegion: 'us-east-1',
  isPathStyle: true,
  checksums: 'when-required',
  concurrency: 4,
  mostParts: 10_000,
  hasEqualParts: false,
  hasConditionalWrites: false,
  hasBatchDelete: true,
  storageClasses: ['STANDARD'],
  encryption: [],
  headers: {},
  hint: undefined,
} as const satisfies Omit<Provider, 'name'>;

export const providers: Readonly<Record<ProviderId, Provider>> = {
  aws: {
    ...compatible,
    name: 'Amazon S3',
    regions: [
      'af-south-1',
      'ap-east-1',
      'ap-east-2',
      'ap-northeast-1',
      'ap-northeast-2',
      'ap-northeast-3',
      'ap-south-1',
      'ap-south-2',
      'ap-southeast-1',
      'ap-southeast-2',
      'ap-southeast-3',
      'ap-southeast-4',
      'ap-southeast-5',
      'ap-southeast-6',
      'ap-southeast-7',
      'ca-central-1',
      'ca-west-1',
      'eu-central-1',
      'eu-central-2',
      'eu-north-1',
      'eu-south-1',
      'eu-south-2',
      'eu-west-1',
      'eu-west-2',
      'eu-west-3',
      'il-central-1',
      'me-central-1',
      'me-south-1',
      'mx-central-1',
      'sa-east-1',
      'us-east-1',
      'us-east-2',
      'us-west-1',
      'us-west-2',
    ],
    isPathStyle: false,
    checksums: 'when-supported',
    concurrency: 8,
    hasConditionalWrites: true,
    storageClasses: ['STANDARD', 'STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'],
    encryption: ['sse-s3', 'sse-kms'],
    hint: 'Classes for infrequent access bill every object for at least 30 days; the small segments of a history suit STANDARD best.',
  },
  r2: {
    ...compatible,
    name: 'Cloudflare R2',
    endpoint: 'https://{account}.r2.cloudflarestorage.com',
    regions: ['auto'],
    defaultRegion: 'auto',
    concurrency: 2,
    hasEqualParts: true,
    hasConditionalWrites: true,
    storageClasses: ['STANDARD', 'STANDARD_IA'],
    hint: 'The account id stands on the overview of R2 in Cloudflare’s dashboard. A bucket of the European jurisdiction has its own endpoint, which ends in .eu.r2.cloudflarestorage.com.',
  },
  b2: {
    ...compatible,
    name: 'Backblaze B2',
    endpoint: 'https://s3.{region}.backblazeb2.com',
    regions: ['us-west-001', 'us-west-002', 'us-west-004', 'us-east-005', 'ca-east-006', 'eu-central-003'],
    defaultRegion: 'us-west-004',
    encryption: ['sse-s3'],
    hint: 'Use an application key, not the master key. B2 keeps older versions unless the bucket’s lifecycle says “keep only the last version”.',
  },
  minio: {
    ...compatible,
    name: 'MinIO',
    hasConditionalWrites: true,
    encryption: ['sse-s3', 'sse-kms'],
    hint: 'The address of the server’s API (often port 9000), not of its console.',
  },
  wasabi: {
    ...compatible,
    name: 'Wasabi',
    endpoint: 'https://s3.{region}.wasabisys.com',
    regions: [
      'us-east-1',
      'us-east-2',
      'us-central-1',
      'us-west-1',
      'us-west-2',
      'ca-central-1',
      'eu-central-1',
      'eu-central-2',
      'eu-west-1',
      'eu-west-2',
      'eu-west-3',
      'eu-south-1',
      'ap-northeast-1',
      'ap-northeast-2',
      'ap-southeast-1',
      'ap-southeast-2',
    ],
    encryption: ['sse-s3'],
    hint: 'Wasabi bills every object for at least 90 days, also when it is deleted sooner.',
  },
  digitalocean: {
    ...compatible,
    name: 'DigitalOcean Spaces',
    endpoint: 'https://{region}.digitaloceanspaces.com',
    regions: ['nyc3', 'sfo2', 'sfo3', 'ams3', 'fra1', 'lon1', 'sgp1', 'tor1', 'blr1', 'syd1', 'atl1'],
    defaultRegion: 'nyc3',
  },
  hetzner: {
    ...compatible,
    name: 'Hetzner Object Storage',
    endpoint: 'https://{region}.your-objectstorage.com',
    regions: ['fsn1', 'nbg1', 'hel1'],
    defaultRegion: 'fsn1',
  },
  scaleway: {
    ...compatible,
    name: 'Scaleway Object Storage',
    endpoint: 'https://s3.{region}.scw.cloud',
    regions: ['fr-par', 'nl-ams', 'pl-waw', 'it-mil'],
    defaultRegion: 'fr-par',
    // https://www.scaleway.com/en/docs/object-storage/api-cli/multipart-uploads
    mostParts: 1000,
    storageClasses: ['STANDARD', 'ONEZONE_IA'],
  },
  tigris: {
    ...compatible,
    name: 'Tigris',
    endpoint: 'https://t3.storage.dev',
    regions: ['auto'],
    defaultRegion: 'auto',
    // Buckets made since 2025-02-19 are named by their host alone: https://www.tigrisdata.com/blog/virtual-hosted-urls
    isPathStyle: false,
    hasConditionalWrites: true,
    storageClasses: ['STANDARD', 'STANDARD_IA', 'GLACIER_IR'],
    // Otherwise a listing may lag behind what was just written.
    headers: { 'x-tigris-consistent': 'true' },
  },
  google: {
    ...compatible,
    name: 'Google Cloud Storage',
    endpoint: 'https://storage.googleapis.com',
    regions: ['auto'],
    defaultRegion: 'auto',
    hasBatchDelete: false,
    storageClasses: ['STANDARD', 'NEARLINE', 'COLDLINE', 'ARCHIVE'],
    hint: 'Through the XML API: make an HMAC key for a service account under “Interoperability” in the bucket’s settings.',
  },
  other: {
    ...compatible,
    name: 'Another S3-compatible service',
    hasConditionalWrites: true,
    encryption: ['sse-s3', 'sse-kms'],
    storageClasses: [],
    hint: 'What the service does not know of the newer parts of S3 is noticed and done without.',
  },
};

/** In the order in which they are offered. */
export const providerIds = Object.keys(providers) as readonly ProviderId[];

/** What the endpoint of a provider comes to; undefined where something that it needs is missing. */
export function endpointOf(
  id: ProviderId,
  { region, account }: { readonly region?: string | undefined; readonly account?: string | undefined },
): string | undefined {
  const filled = providers[id].endpoint
    ?.replace('{region}', region ?? providers[id].defaultRegion)
    .replace('{account}', account ?? '{account}');
  return filled === undefined || filled.includes('{') ? undefined : filled;
}

/** A host of S3, taken apart: `bucket` where the host names it, `region` where it names that. */
export interface S3Host {
  readonly provider: ProviderId;
  readonly bucket: string | undefined;
  readonly region: string | undefined;
  /** Without the bucket; undefined for AWS itself, whose endpoints follow from the region. */
  readonly host: string | undefined;
}

/** What hosts look like, with `bucket`, `region` and `host` as named groups. The first that matches counts. */
const hostPatterns: readonly (readonly [ProviderId, RegExp])[] = [
  ['aws', /^(?:(?<bucket>.+)\.)?s3[.-](?:dualstack\.)?(?<region>[a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?$/],
  ['aws', /^(?:(?<bucket>.+)\.)?s3\.amazonaws\.com$/],
  ['r2', /^(?:(?<bucket>.+)\.)?(?<host>[0-9a-f]{32}(?:\.(?:eu|fedramp))?\.r2\.cloudflarestorage\.com)$/],
  ['b2', /^(?:(?<bucket>.+)\.)?(?<host>s3\.(?<region>[^.]+)\.backblazeb2\.com)$/],
  ['wasabi', /^(?:(?<bucket>.+)\.)?(?<host>s3\.(?<region>[^.]+)\.wasabisys\.com)$/],
  ['wasabi', /^(?:(?<bucket>.+)\.)?(?<host>s3\.wasabisys\.com)$/],
  ['digitalocean', /^(?:(?<bucket>.+)\.)?(?<host>(?<region>[^.]+)\.digitaloceanspaces\.com)$/],
  ['hetzner', /^(?:(?<bucket>.+)\.)?(?<host>(?<region>[^.]+)\.your-objectstorage\.com)$/],
  ['scaleway', /^(?:(?<bucket>.+)\.)?(?<host>s3\.(?<region>[^.]+)\.scw\.cloud)$/],
  ['tigris', /^(?:(?<bucket>.+)\.)?(?<host>t3\.storage\.dev|fly\.storage\.tigris\.dev)$/],
  ['google', /^(?:(?<bucket>.+)\.)?(?<host>storage\.googleapis\.com)$/],
  ['other', /^(?:(?<bucket>.+)\.)?(?<host>(?<region>[^.]+)\.linodeobjects\.com)$/],
  ['other', /^(?:(?<bucket>.+)\.)?(?<host>s3\.filebase\.com)$/],
  ['other', /^(?:(?<bucket>[^.]+)\.)?(?<host>localhost)$/],
];

/** Takes a host that is known to be one of S3 apart; undefined for any other. */
export function parseS3Host(host: string): S3Host | undefined {
  for (const [provider, pattern] of hostPatterns) {
    const groups = pattern.exec(host.toLowerCase())?.groups;
    if (groups !== undefined) {
      return { provider, bucket: groups['bucket'], region: groups['region'], host: groups['host'] };
    }
  }
  return undefined;
}
