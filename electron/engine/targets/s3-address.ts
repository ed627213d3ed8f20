// Addresses of S3: `s3://bucket/prefix?region=…&endpoint=…`, with the keys that Litestream knows in its URLs and its
// configuration, and hosts that name bucket, region and provider at once. Secrets are taken out; a usual form without them is
// what anybody may see. Reads no environment but what it is handed.
import { AppError, reasonOf } from '../../../shared/errors.ts';
import { endpointOf, parseS3Host, providerIds, providers, type ProviderId } from '../../../shared/providers.ts';

export type S3Credentials =
  | {
      readonly kind: 'keys';
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      readonly sessionToken?: string | undefined;
    }
  /** What AWS's own tools would use: environment, shared profiles, SSO, `credential_process`, the machine's role. */
  | { readonly kind: 'chain'; readonly profile?: string | undefined };

export type S3Encryption =
  | { readonly kind: 'sse-s3' }
  /** Without a key id: the account's default key. */
  | { readonly kind: 'sse-kms'; readonly keyId: string | undefined };

export interface S3Address {
  readonly kind: 's3';
  readonly provider: ProviderId;
  readonly bucket: string;
  /** Below which our keys lie: without a slash at its ends; empty for the bucket's root. */
  readonly prefix: string;
  readonly region: string | undefined;
  /** Origin of the server; undefined where it follows from the region (AWS). */
  readonly endpoint: string | undefined;
  /** Undefined: as the provider has it. */
  readonly isPathStyle: boolean | undefined;
  /** The server's certificate is not checked. */
  readonly isUnverified: boolean;
  readonly storageClass: string | undefined;
  readonly encryption: S3Encryption | undefined;
  /** Requests at a time, and bytes of a part, where they were asked for. */
  readonly concurrency: number | undefined;
  readonly partBytes: number | undefined;
  /** What the address said about them; never part of `url`. */
  readonly credentials: S3Credentials | undefined;
  /** The same address in its usual form, without secrets. */
  readonly url: string;
}

/** What an address is made of; `undefined` and absent mean the same. */
export type S3Parts = { readonly [K in keyof Omit<S3Address, 'kind' | 'url'>]?: S3Address[K] | undefined } & {
  readonly bucket: string;
};

/** The spellings of a key are one: `force-path-style`, `forcePathStyle`. */
const optionNames = {
  provider: 'provider',
  endpoint: 'endpoint',
  region: 'region',
  forcepathstyle: 'isPathStyle',
  skipverify: 'isUnverified',
  accesskeyid: 'accessKeyId',
  secretaccesskey: 'secretAccessKey',
  sessiontoken: 'sessionToken',
  profile: 'profile',
  storageclass: 'storageClass',
  sse: 'sse',
  ssekmskeyid: 'kmsKeyId',
  partsize: 'partSize',
  concurrency: 'concurrency',
  signpayload: 'signPayload',
  requirecontentmd5: 'requireContentMd5',
} as const;

type OptionName = (typeof optionNames)[keyof typeof optionNames];

/** Understands an `s3:` URL; throws `target-address-invalid`, which repeats no secret. */
export function parseS3Url(text: string, environment: Readonly<Record<string, string | undefined>> = {}): S3Address {
  // Only what stands before the query may be repeated.
  const shown = text.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//');
  const refuse = (reason: string, cause?: unknown): never => {
    throw new AppError('target-address-invalid', { url: shown, reason }, { cause });
  };
  // Not `URL`: hosts may hold what it would change or refuse.
  const parts = /^s3:\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/is.exec(text.trim());
  if (parts === null) return refuse('it is not of the form s3://bucket/folder?region=…');
  const [, authority = '', path = '', query = ''] = parts;
  if (authority.includes('@')) refuse('keys do not belong before the bucket: use access-key-id and secret-access-key');
  if (authority.toLowerCase().startsWith('arn:')) refuse('access points are not supported: name the bucket itself');
  const options = readOptions(query, refuse);

  const place = locate(authority, decode(path, refuse), refuse);
  const typed = options.endpoint ?? (place.endpoint === undefined ? environment['LITESTREAM_S3_ENDPOINT'] : undefined);
  const endpoint = typed === undefined || typed === '' ? place.endpoint : parseEndpoint(typed, place.bucket, refuse);
  const host = endpoint === undefined ? undefined : parseS3Host(new URL(endpoint).hostname);
  return makeS3Address(
    {
      provider: readProvider(options.provider, refuse) ?? host?.provider ?? (endpoint === undefined ? 'aws' : 'other'),
      bucket: place.bucket,
      prefix: place.prefix,
      region: options.region ?? place.region ?? host?.region,
      endpoint,
      isPathStyle: readFlag('forcePathStyle', options.isPathStyle, refuse),
      isUnverified: readFlag('skipVerify', options.isUnverified, refuse) ?? false,
      storageClass: options.storageClass,
      encryption: readEncryption(options, refuse),
      concurrency: readCount('concurrency', options.concurrency, { least: 1, most: 64 }, refuse),
      partBytes: readCount('partSize', bytesOf(options.partSize), { least: 5 << 20, most: 64 << 20 }, refuse),
      credentials: readCredentials(options, refuse),
    },
    shown,
  );
}

/** An address from its parts, empty ones left out; throws `target-address-invalid` where they make none. */
export function makeS3Address(parts: S3Parts, shown = `s3://${parts.bucket}`): S3Address {
  const refuse = (reason: string, cause?: unknown): never => {
    throw new AppError('target-address-invalid', { url: shown, reason }, { cause });
  };
  const bucket = parts.bucket.trim();
  const problem = bucketProblem(bucket);
  if (problem !== undefined) refuse(problem);
  const prefix = (parts.prefix ?? '').trim().replace(/^\/+|\/+$/g, '');
  if (prefix !== '' && prefix.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    refuse('its folder has an empty or relative part');
  }
  const region = given(parts.region);
  const typed = given(parts.endpoint);
  const provider = parts.provider ?? (typed === undefined ? 'aws' : 'other');
  const endpoint = typed === undefined ? endpointOf(provider, { region }) : parseEndpoint(typed, bucket, refuse);
  if (endpoint === undefined && provider !== 'aws') refuse(`${providers[provider].name} needs an endpoint`);
  const address = {
    kind: 's3',
    provider,
    bucket,
    prefix,
    region,
    endpoint,
    isPathStyle: parts.isPathStyle,
    isUnverified: parts.isUnverified ?? false,
    storageClass: given(parts.storageClass),
    encryption: parts.encryption,
    concurrency: parts.concurrency,
    partBytes: parts.partBytes,
    credentials: parts.credentials,
  } as const;
  return { ...address, url: formatS3Url(address) };
}

function given(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed === '' ? undefined : trimmed;
}

/** The usual form of an address: what parses to the same place again, without secrets. */
function formatS3Url(address: Omit<S3Address, 'url'>): string {
  const implied =
    address.endpoint === undefined ? 'aws' : (parseS3Host(new URL(address.endpoint).hostname)?.provider ?? 'other');
  const { encryption, credentials } = address;
  const options: readonly (readonly [string, string | number | boolean | undefined])[] = [
    ['provider', address.provider === implied ? undefined : address.provider],
    ['endpoint', address.endpoint],
    ['region', address.region],
    ['forcePathStyle', address.isPathStyle],
    ['skipVerify', address.isUnverified || undefined],
    ['storageClass', address.storageClass],
    ['sse', encryption === undefined ? undefined : encryption.kind === 'sse-s3' ? 'AES256' : 'aws:kms'],
    ['sseKmsKeyId', encryption?.kind === 'sse-kms' ? encryption.keyId : undefined],
    ['partSize', address.partBytes],
    ['concurrency', address.concurrency],
    ['profile', credentials?.kind === 'chain' ? credentials.profile : undefined],
  ];
  const query = options.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value).replaceAll('%3A', ':').replaceAll('%2F', '/')}`],
  );
  const path = address.prefix === '' ? '' : `/${address.prefix.split('/').map(encodeURIComponent).join('/')}`;
  return `s3://${address.bucket}${path}${query.length === 0 ? '' : `?${query.join('&')}`}`;
}

type Refuse = (reason: string, cause?: unknown) => never;

function readOptions(query: string, refuse: Refuse): Partial<Record<OptionName, string>> {
  const found: Partial<Record<OptionName, string>> = {};
  for (const [key, value] of new URLSearchParams(query)) {
    const plain = key.replaceAll('-', '').toLowerCase();
    if (!isOption(plain)) {
      return plain.startsWith('ssecustomer')
        ? refuse('encryption with a key of your own (SSE-C) is not supported')
        : refuse(`it has the unknown key “${key}”`);
    }
    const name = optionNames[plain];
    if (found[name] !== undefined) refuse(`it has the key “${key}” twice`);
    if (value === '') refuse(`its key “${key}” has no value`);
    found[name] = value;
  }
  // Payloads are always signed, and an MD5 goes along wherever newer checksums do not.
  if (readFlag('signPayload', found.signPayload, refuse) === false) refuse('payloads are always signed');
  readFlag('requireContentMD5', found.requireContentMd5, refuse);
  return found;
}

function isOption(plain: string): plain is keyof typeof optionNames {
  return Object.hasOwn(optionNames, plain);
}

/** Bucket, region and endpoint from what stands where a host would; a bucket that is missing there begins the path. */
function locate(authority: string, path: string, refuse: Refuse) {
  const [, hostname = '', port] = /^(.*?)(?::(\d+))?$/.exec(authority) ?? [];
  const host = parseS3Host(hostname);
  const prefix = path.replace(/^\/+/, '');
  if (host === undefined) {
    if (port !== undefined) refuse('a server of its own is named by endpoint=https://host:port');
    return { bucket: hostname, prefix, region: undefined, endpoint: undefined };
  }
  const scheme = host.host === 'localhost' ? 'http' : 'https';
  const endpoint =
    host.host === undefined ? undefined : `${scheme}://${host.host}${port === undefined ? '' : `:${port}`}`;
  if (host.bucket !== undefined) return { bucket: host.bucket, prefix, region: host.region, endpoint };
  const [bucket = '', ...rest] = prefix.split('/');
  return { bucket, prefix: rest.join('/'), region: host.region, endpoint };
}

/**
 * The origin of a server as typed, with `https` where nothing says otherwise, `http` on this machine. Consoles show addresses
 * of buckets: the bucket is taken out again, so that it is not named twice.
 */
function parseEndpoint(typed: string, bucket: string, refuse: Refuse): string {
  const isBare = !/^[a-z][a-z0-9+.-]*:\/\//i.test(typed);
  const isLocal = /^(localhost|127\.|\[::1\])/i.test(typed);
  let url: URL;
  try {
    url = new URL(isBare ? `${isLocal ? 'http' : 'https'}://${typed}` : typed);
  } catch (error) {
    return refuse(`its endpoint is not an address (${reasonOf(error)})`, error);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') refuse('its endpoint is neither http nor https');
  if (url.username !== '' || url.password !== '') refuse('its endpoint holds a user name or password');
  const isPlain = url.pathname === '/' || url.pathname.replace(/\/$/, '') === `/${bucket}`;
  if (!isPlain || url.search !== '' || url.hash !== '') {
    refuse('its endpoint goes on behind the host: the bucket and the folder belong before the question mark');
  }
  const named = parseS3Host(url.hostname)?.bucket;
  if (named !== undefined) {
    if (named !== bucket) refuse(`its endpoint names the bucket “${named}”: leave that part of the host out`);
    url.hostname = url.hostname.slice(named.length + 1);
  }
  return url.origin;
}

function readProvider(value: string | undefined, refuse: Refuse): ProviderId | undefined {
  if (value === undefined) return undefined;
  const id = providerIds.find((candidate) => candidate === value.toLowerCase());
  return id ?? refuse(`it names the unknown provider “${value}” (known are ${providerIds.join(', ')})`);
}

function readFlag(key: string, value: string | undefined, refuse: Refuse): boolean | undefined {
  if (value === undefined) return undefined;
  if (/^(true|1|yes)$/i.test(value)) return true;
  return /^(false|0|no)$/i.test(value) ? false : refuse(`its key “${key}” is neither true nor false`);
}

/** Litestream’s spellings of a size, `10MB` or `5120K`, as plain bytes; anything else as it is. */
function bytesOf(size: string | undefined): string | undefined {
  const [, count, unit = ''] = /^(\d{1,10}(?:\.\d{1,3})?) ?([kmg])?(?:i?b)?$/i.exec(size ?? '') ?? [];
  const shift = { k: 10, m: 20, g: 30 }[unit.toLowerCase()] ?? 0;
  return count === undefined ? size : String(Number(count) * 2 ** shift);
}

function readCount(
  key: string,
  value: string | undefined,
  { least, most }: { readonly least: number; readonly most: number },
  refuse: Refuse,
): number | undefined {
  if (value === undefined) return undefined;
  const count = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  return count >= least && count <= most ? count : refuse(`its key “${key}” is not between ${least} and ${most}`);
}

function readEncryption(
  { sse, kmsKeyId }: Partial<Record<OptionName, string>>,
  refuse: Refuse,
): S3Encryption | undefined {
  if (sse === 'AES256') return kmsKeyId === undefined ? { kind: 'sse-s3' } : refuse('AES256 takes no sseKmsKeyId');
  if (sse === 'aws:kms' || (sse === undefined && kmsKeyId !== undefined)) return { kind: 'sse-kms', keyId: kmsKeyId };
  return sse === undefined ? undefined : refuse('its key “sse” is neither AES256 nor aws:kms');
}

function readCredentials(options: Partial<Record<OptionName, string>>, refuse: Refuse): S3Credentials | undefined {
  const { accessKeyId, secretAccessKey, sessionToken, profile } = options;
  if (accessKeyId === undefined && secretAccessKey === undefined && sessionToken === undefined) {
    return profile === undefined ? undefined : { kind: 'chain', profile };
  }
  if (profile !== undefined) return refuse('it has both keys and a profile');
  if (accessKeyId === undefined) return refuse('access-key-id is missing');
  if (secretAccessKey === undefined) return refuse('secret-access-key is missing');
  return { kind: 'keys', accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

function bucketProblem(bucket: string): string | undefined {
  if (bucket === '') return 'it names no bucket';
  if (/[^a-z0-9._-]/i.test(bucket) || bucket.length < 3 || bucket.length > 255) {
    return 'its bucket is no name that S3 allows (3 to 63 small letters, digits, dots and hyphens)';
  }
  return undefined;
}

function decode(path: string, refuse: Refuse): string {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    return refuse('a per cent sign in its folder is not followed by two digits: write %25', error);
  }
}

/** Whether requests name the bucket in their path. */
export function usesPathStyle(address: S3Address): boolean {
  // A dot in a bucket's name would make a host that no certificate covers.
  return address.isPathStyle ?? (providers[address.provider].isPathStyle || address.bucket.includes('.'));
}

/** Where requests to a bucket go, signed for a region; Amazon's own servers follow from that. */
export function originOf(address: S3Address, region: string): string {
  const amazon = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const url = new URL(address.endpoint ?? `https://s3.${region}.${amazon}`);
  if (!usesPathStyle(address)) url.hostname = `${address.bucket}.${url.hostname}`;
  return url.origin;
}
