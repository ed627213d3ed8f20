// Addresses in S3 as the command line hands them to the engine: from the keys of a configuration, and as they may be shown.
// What an address means, and whether it is a good one, is the engine's.

/** Keys of a configuration that say something of a bucket, with what the address calls them. */
export const s3Keys = {
  region: 'region',
  endpoint: 'endpoint',
  'force-path-style': 'forcePathStyle',
  'skip-verify': 'skipVerify',
  'access-key-id': 'accessKeyId',
  'secret-access-key': 'secretAccessKey',
  'session-token': 'sessionToken',
  profile: 'profile',
  provider: 'provider',
  'storage-class': 'storageClass',
  sse: 'sse',
  'sse-kms-key-id': 'sseKmsKeyId',
  'part-size': 'partSize',
  concurrency: 'concurrency',
  'sign-payload': 'signPayload',
  'require-content-md5': 'requireContentMd5',
} as const;

export type S3Key = keyof typeof s3Keys;

/** Keys whose values nobody may see. */
const secretKeys: ReadonlySet<string> = new Set(['secret-access-key', 'session-token']);

/** True for an address in S3. */
export function isS3Url(url: string): boolean {
  return /^\s*s3:/i.test(url);
}

/** True for a key whose value nobody may see. */
export function isSecretKey(key: string): boolean {
  return secretKeys.has(key);
}

/** True for an address that holds what nobody may see: every user reads the command line of every process. */
export function holdsSecret(word: string): boolean {
  return (
    /^\s*[a-z0-9+.-]+:\/\/[^/?#]*:[^/?#]*@/i.test(word) ||
    /[?&](?:secret|session)[-_]?(?:access|token)[^=&]*=[^&]/i.test(word)
  );
}

/** `s3://bucket/folder` with what the keys say, behind what the address says itself. */
export function formatS3Address(address: string, values: ReadonlyMap<S3Key, string>): string {
  const query = [...values].map(([key, value]) => `${s3Keys[key]}=${encodeURIComponent(value)}`);
  if (values.has('sse-kms-key-id') && !values.has('sse')) query.push('sse=aws:kms');
  if (query.length === 0) return address;
  return `${address}${address.includes('?') ? '&' : '?'}${query.join('&')}`;
}

/** True where an address says this itself. */
export function saysOfBucket(address: string, key: S3Key): boolean {
  const plain = (name: string) => name.replaceAll('-', '').toLowerCase();
  const [, query = ''] = address.split('?', 2);
  return [...new URLSearchParams(query).keys()].some((name) => plain(name) === plain(key));
}

/** The address of a bucket's folder. */
export function formatBucket(bucket: string, path: string | undefined): string {
  const folder = (path ?? '').replace(/^\/+|\/+$/g, '');
  return `s3://${bucket}${folder === '' ? '' : `/${folder.split('/').map(encodeURIComponent).join('/')}`}`;
}

/** An address as it may be printed: without keys of any kind. */
export function showUrl(url: string): string {
  if (!isS3Url(url)) return url;
  const [place = '', query] = url.split('?', 2);
  const shown = (query ?? '').split('&').filter((part) => !/^(access|secret|session)[-_]?/i.test(part) && part !== '');
  return shown.length === 0 ? place : `${place}?${shown.join('&')}`;
}
