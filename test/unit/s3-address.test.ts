// Addresses of buckets: what users type, in Litestream's spelling and in ours, and what is shown of it.
import { describe, expect, test } from 'vitest';
import { addressOf, addressWithin, parseTargetUrl, placeOf } from '../../electron/engine/targets/open-target.ts';
import { originOf, parseS3Url } from '../../electron/engine/targets/s3-address.ts';
import { partSizes } from '../../electron/engine/targets/s3-upload.ts';
import { endpointOf, providerIds, providers } from '../../shared/providers.ts';

const plain = { provider: 'aws', prefix: '', region: undefined, endpoint: undefined };

describe('an address of a bucket', () => {
  test.each([
    ['s3://bucket', { ...plain, bucket: 'bucket' }],
    ['s3://bucket/', { ...plain, bucket: 'bucket' }],
    ['s3://bucket/a/b/', { ...plain, bucket: 'bucket', prefix: 'a/b' }],
    ['s3://bucket/my%20apps/ä.db', { ...plain, bucket: 'bucket', prefix: 'my apps/ä.db' }],
    ['S3://bucket/a?region=eu-west-1', { ...plain, bucket: 'bucket', prefix: 'a', region: 'eu-west-1' }],
    ['s3://bucket.s3.eu-west-1.amazonaws.com/a/b', { ...plain, bucket: 'bucket', prefix: 'a/b', region: 'eu-west-1' }],
    ['s3://s3.eu-west-1.amazonaws.com/bucket/a', { ...plain, bucket: 'bucket', prefix: 'a', region: 'eu-west-1' }],
    [
      's3://bucket/a?endpoint=localhost:9000',
      { provider: 'other', bucket: 'bucket', prefix: 'a', region: undefined, endpoint: 'http://localhost:9000' },
    ],
    [
      's3://bucket/a?endpoint=minio.example:9000&provider=minio',
      { provider: 'minio', bucket: 'bucket', endpoint: 'https://minio.example:9000' },
    ],
    [
      's3://bucket.localhost:9000/a',
      { provider: 'other', bucket: 'bucket', prefix: 'a', endpoint: 'http://localhost:9000' },
    ],
    [
      's3://bucket.s3.us-west-004.backblazeb2.com/a',
      { provider: 'b2', bucket: 'bucket', region: 'us-west-004', endpoint: 'https://s3.us-west-004.backblazeb2.com' },
    ],
    [
      's3://bucket.nyc3.digitaloceanspaces.com/a',
      { provider: 'digitalocean', bucket: 'bucket', region: 'nyc3', endpoint: 'https://nyc3.digitaloceanspaces.com' },
    ],
    [
      's3://bucket.s3.fr-par.scw.cloud/a',
      { provider: 'scaleway', bucket: 'bucket', region: 'fr-par', endpoint: 'https://s3.fr-par.scw.cloud' },
    ],
    [
      's3://bucket.eu-central-1.linodeobjects.com/a',
      {
        provider: 'other',
        bucket: 'bucket',
        region: 'eu-central-1',
        endpoint: 'https://eu-central-1.linodeobjects.com',
      },
    ],
    [
      's3://bucket?endpoint=https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com',
      { provider: 'r2', bucket: 'bucket', region: undefined },
    ],
    [
      's3://bucket?endpoint=https://bucket.nyc3.digitaloceanspaces.com',
      { provider: 'digitalocean', endpoint: 'https://nyc3.digitaloceanspaces.com', region: 'nyc3' },
    ],
    [
      's3://bucket?endpoint=https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com/bucket',
      { provider: 'r2', endpoint: 'https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com' },
    ],
    ['s3://bucket?endpoint=http://bucket.nas:9000/', { provider: 'other', endpoint: 'http://bucket.nas:9000' }],
    ['s3://bucket?force-path-style=true', { bucket: 'bucket', isPathStyle: true }],
    ['s3://bucket?forcePathStyle=false&skip-verify=true', { isPathStyle: false, isUnverified: true }],
    ['s3://bucket?storage-class=GLACIER_IR&sse=AES256', { storageClass: 'GLACIER_IR', encryption: { kind: 'sse-s3' } }],
    ['s3://bucket?sseKmsKeyId=k/1', { encryption: { kind: 'sse-kms', keyId: 'k/1' } }],
    ['s3://bucket?part-size=16777216&concurrency=2', { partBytes: 16_777_216, concurrency: 2 }],
    ['s3://bucket?part-size=10MB', { partBytes: 10 << 20 }],
    ['s3://bucket?part-size=5120K', { partBytes: 5 << 20 }],
    ['s3://bucket?part-size=7.5%20MiB', { partBytes: 7.5 * (1 << 20) }],
    ['s3://bucket?signPayload=true&require-content-md5=false', { bucket: 'bucket' }],
    ['s3://bucket?profile=work', { credentials: { kind: 'chain', profile: 'work' } }],
  ])('is understood: %s', (url, parts) => {
    const address = parseS3Url(url);
    expect(address).toMatchObject(parts);
    // The usual form means the same place.
    expect(parseS3Url(address.url)).toEqual(address);
  });

  test.each([
    ['s3:bucket', 'not of the form'],
    ['s3://', 'names no bucket'],
    ['s3://no', 'no name that S3 allows'],
    ['s3://my bucket', 'no name that S3 allows'],
    ['s3://bucket:9000/a', 'named by endpoint='],
    ['s3://key:marker@bucket/a', 'do not belong before the bucket'],
    ['s3://arn:aws:s3:eu-west-1:1:accesspoint/x', 'access points'],
    ['s3://bucket/a//b', 'empty or relative part'],
    ['s3://bucket/../b', 'empty or relative part'],
    ['s3://bucket/50%', 'per cent sign'],
    ['s3://bucket?retention=72h', 'unknown key “retention”'],
    ['s3://bucket?region=a&region=b', 'the key “region” twice'],
    ['s3://bucket?force-path-style=true&forcePathStyle=false', 'the key “forcePathStyle” twice'],
    ['s3://bucket?region=', 'has no value'],
    ['s3://bucket?forcePathStyle=maybe', 'neither true nor false'],
    ['s3://bucket?endpoint=https://host/other', 'goes on behind the host'],
    ['s3://bucket?endpoint=https://host/bucket/app', 'goes on behind the host'],
    ['s3://bucket?endpoint=https://other.nyc3.digitaloceanspaces.com', 'names the bucket “other”'],
    ['s3://bucket?endpoint=ftp://host', 'neither http nor https'],
    ['s3://bucket?endpoint=https://a:marker@host', 'user name or password'],
    ['s3://bucket?endpoint=https://', 'not an address'],
    ['s3://bucket?provider=acme', 'unknown provider “acme”'],
    ['s3://bucket?provider=r2', 'Cloudflare R2 needs an endpoint'],
    ['s3://bucket?sse=DES', 'neither AES256 nor aws:kms'],
    ['s3://bucket?sse-customer-key=marker', 'not supported'],
    ['s3://bucket?sign-payload=false', 'always signed'],
    ['s3://bucket?part-size=1', 'not between'],
    ['s3://bucket?part-size=1GB', 'not between'],
    ['s3://bucket?part-size=large', 'not between'],
    ['s3://bucket?concurrency=2.5', 'not between'],
    ['s3://bucket?access-key-id=AK', 'secret-access-key is missing'],
    ['s3://bucket?secret-access-key=marker', 'access-key-id is missing'],
    ['s3://bucket?access-key-id=AK&secret-access-key=marker&profile=p', 'both keys and a profile'],
  ])('is refused: %s', (url, reason) => {
    let thrown: unknown;
    try {
      parseTargetUrl(url);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      code: 'target-address-invalid',
      details: { reason: expect.stringContaining(reason) as string },
    });
    expect(JSON.stringify((thrown as { details: unknown }).details)).not.toContain('marker');
  });

  test('gives up its secrets, which its usual form does not hold', () => {
    const address = parseS3Url('s3://bucket/a?access-key-id=AK&secret-access-key=marker%2F%2B&session-token=marker2');
    expect(address.credentials).toEqual({
      kind: 'keys',
      accessKeyId: 'AK',
      secretAccessKey: 'marker/+',
      sessionToken: 'marker2',
    });
    expect(address.url).toBe('s3://bucket/a');
    expect(JSON.stringify(placeOf(address))).not.toContain('marker');
  });

  test('takes the endpoint from Litestream’s variable where it names none', () => {
    const environment = { LITESTREAM_S3_ENDPOINT: 'https://s3.example' };
    expect(parseS3Url('s3://bucket', environment).endpoint).toBe('https://s3.example');
    expect(parseS3Url('s3://bucket.s3.fr-par.scw.cloud', environment).endpoint).toBe('https://s3.fr-par.scw.cloud');
  });

  test('and a place in a form become each other', () => {
    const address = parseTargetUrl(
      's3://bucket/a%2Bb?provider=minio&endpoint=http://nas:9000&region=eu&sse=aws:kms&sseKmsKeyId=k&profile=p',
    );
    expect(addressOf(placeOf(address))).toEqual(address);
    const special = parseTargetUrl(
      's3://bucket?endpoint=https://nas&skip-verify=true&concurrency=16&part-size=10000000',
    );
    expect(addressOf(placeOf(special))).toMatchObject({ isUnverified: true, concurrency: 16, partBytes: 10_000_000 });
    const folder = parseTargetUrl('/srv/backup');
    expect(addressOf(placeOf(folder))).toEqual(folder);
  });

  test('from a form needs no endpoint where the provider’s follows from the region', () => {
    const place = { kind: 's3', bucket: 'bucket', prefix: ' /a/ ', credentials: { kind: 'chain' } } as const;
    expect(addressOf({ ...place, provider: 'hetzner', region: 'hel1', endpoint: '' })).toMatchObject({
      endpoint: 'https://hel1.your-objectstorage.com',
      prefix: 'a',
      url: 's3://bucket/a?endpoint=https://hel1.your-objectstorage.com&region=hel1',
    });
  });

  test.each([
    ['s3://bucket?region=eu-west-1', 'https://bucket.s3.eu-west-1.amazonaws.com'],
    ['s3://bucket.s3.cn-north-1.amazonaws.com.cn/a', 'https://bucket.s3.cn-north-1.amazonaws.com.cn'],
    ['s3://my.bucket?region=eu-west-1', 'https://s3.eu-west-1.amazonaws.com'],
    ['s3://bucket?region=eu-west-1&force-path-style=true', 'https://s3.eu-west-1.amazonaws.com'],
    ['s3://bucket?endpoint=http://nas:9000', 'http://nas:9000'],
    ['s3://bucket?endpoint=http://nas:9000&force-path-style=false', 'http://bucket.nas:9000'],
    ['s3://bucket.s3.eu-central-003.backblazeb2.com', 'https://s3.eu-central-003.backblazeb2.com'],
    ['s3://bucket?endpoint=https://t3.storage.dev', 'https://bucket.t3.storage.dev'],
  ])('%s is asked at %s', (url, origin) => {
    const address = parseS3Url(url);
    expect(originOf(address, address.region ?? providers[address.provider].defaultRegion)).toBe(origin);
  });

  test('has room for a database', () => {
    expect(addressWithin(parseTargetUrl('s3://bucket?region=eu-west-1'), 'my app.db').url).toBe(
      's3://bucket/my%20app.db?region=eu-west-1',
    );
    expect(addressWithin(parseTargetUrl('s3://bucket/a'), 'app.db').url).toBe('s3://bucket/a/app.db');
    expect(addressWithin(parseTargetUrl('/srv'), 'app.db').url).toBe('file:///srv/app.db');
  });
});

describe('providers', () => {
  test.each(providerIds)('%s is recognised by its own endpoint', (id) => {
    const account = '0123456789abcdef0123456789abcdef';
    const endpoint = endpointOf(id, { account, region: undefined });
    if (endpoint === undefined) return;
    expect(parseS3Url(`s3://bucket?endpoint=${endpoint}`).provider).toBe(id);
    expect(providers[id].storageClasses[0]).toBe('STANDARD');
  });

  test.each(providerIds)('%s takes an image of 25 GB, in as many parts as it allows', (id) => {
    const sizeOf = partSizes(providers[id]);
    const sizes = Array.from({ length: providers[id].mostParts }, (_, i) => sizeOf(i + 1));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(25e9);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(32 << 20);
    if (providers[id].hasEqualParts) expect(new Set(sizes).size).toBe(1);
  });
});
