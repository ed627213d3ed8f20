// What one fills in about a destination: which fields are asked for, what is said about each, and the place it means.
import { describe, expect, test } from 'vitest';
import {
  changesPlace,
  checkForm,
  emptyForm,
  fieldsOf,
  formOf,
  limitOf,
  type PlaceForm,
  placeOf,
  withPlace,
  withProvider,
} from '../../renderer/store/place-form.ts';
import type { TargetId } from '../../shared/ids.ts';
import type { PlaceState, TargetState } from '../../shared/targets.ts';
import { providerIds, type ProviderId } from '../../shared/providers.ts';

const keys = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'a secret' };
const aws: PlaceForm = { ...emptyForm('s3'), bucket: 'tills', ...keys };

describe('the fields of a destination', () => {
  test('are those that its kind and provider need, and no others', () => {
    const asked = (provider: ProviderId): readonly string[] => {
      const always = new Set(
        'name limit bucket prefix concurrency partSize accessKeyId secretAccessKey sessionToken'.split(' '),
      );
      return [...fieldsOf(withProvider(aws, provider))].filter((name) => !always.has(name));
    };
    expect(Object.fromEntries(providerIds.map((id) => [id, asked(id)]))).toEqual({
      aws: ['region', 'storageClass', 'encryption'],
      r2: ['account', 'storageClass'],
      b2: ['region', 'encryption'],
      minio: ['endpoint', 'pathStyle', 'certificate', 'region', 'encryption'],
      wasabi: ['region', 'encryption'],
      digitalocean: ['region'],
      hetzner: ['region'],
      scaleway: ['region', 'storageClass'],
      tigris: ['storageClass'],
      google: ['storageClass'],
      other: ['endpoint', 'pathStyle', 'certificate', 'region', 'storageClass', 'encryption'],
    });
    expect([...fieldsOf(emptyForm('folder'))]).toEqual(['name', 'limit', 'path']);
  });

  test('are the profile instead of a key where this computer has the credentials', () => {
    const fields = fieldsOf({ ...aws, credentials: 'chain' });
    expect([fields.has('profile'), fields.has('accessKeyId'), fields.has('secretAccessKey')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('include the endpoint where it is not the provider’s usual one', () => {
    const custom = withPlace(aws, { ...stored, endpoint: 'https://s3.internal.example' });
    expect(fieldsOf(custom).has('endpoint')).toBe(true);
    expect(placeOf(custom)).toMatchObject({ provider: 'aws', endpoint: 'https://s3.internal.example' });
  });
});

describe('what is wrong with a field', () => {
  test('is nothing in a form that is filled in', () => {
    expect(checkForm(aws)).toEqual({});
    expect(checkForm({ ...emptyForm('folder'), path: '/mnt/backup' })).toEqual({});
  });

  test.each<[Partial<PlaceForm>, keyof PlaceForm, RegExp]>([
    [{ bucket: ' ' }, 'bucket', /Type the bucket/],
    [{ bucket: 's3://tills' }, 'bucket', /without “s3:\/\/”/],
    [{ bucket: 'tills/2026' }, 'bucket', /the folder in the bucket/],
    [{ bucket: 'ab' }, 'bucket', /between 3 and 63/],
    [{ bucket: 'Tills' }, 'bucket', /no capital letters/],
    [{ bucket: '-tills' }, 'bucket', /begin and end/],
    [{ prefix: 'a/../b' }, 'prefix', /No empty parts/],
    [{ prefix: 'a//b' }, 'prefix', /No empty parts/],
    [{ region: 'eu central' }, 'region', /eu-central-1/],
    [{ provider: 'b2', region: '' }, 'region', /Choose the region/],
    [{ provider: 'r2' }, 'account', /account’s id/],
    [{ provider: 'r2', account: 'https://abc.r2.cloudflarestorage.com' }, 'account', /Only the id/],
    [{ provider: 'other' }, 'endpoint', /Type the address/],
    [{ provider: 'other', endpoint: 'storage.example.com' }, 'endpoint', /begins with “https/],
    [{ provider: 'other', endpoint: 'ftp://storage.example.com' }, 'endpoint', /begins with “https/],
    [{ provider: 'minio', endpoint: 'http://me:pass@localhost:9000' }, 'endpoint', /No keys/],
    [{ provider: 'minio', endpoint: 'http://localhost:9000/tills' }, 'endpoint', /Only the address/],
    [{ provider: 'other', endpoint: 'https://my.fra1.digitaloceanspaces.com' }, 'endpoint', /the bucket “my”/],
    [{ accessKeyId: '' }, 'accessKeyId', /Type the access key’s id/],
    [{ accessKeyId: 'AK IA' }, 'accessKeyId', /no spaces/],
    [{ secretAccessKey: '' }, 'secretAccessKey', /Type the secret/],
    [{ encryption: 'sse-kms', kmsKeyId: 'a key' }, 'kmsKeyId', /no spaces/],
    [{ concurrency: '0' }, 'concurrency', /between 1 and 64/],
    [{ concurrency: '2.5' }, 'concurrency', /whole number/],
    [{ partSize: '4' }, 'partSize', /between 5 and 64/],
    [{ partSize: '8 MB' }, 'partSize', /mebibytes/],
    [{ limit: 'fast' }, 'limit', /megabytes a second/],
    [{ limit: '0.001' }, 'limit', /megabytes a second/],
    [{ kind: 'folder', path: ' ' }, 'path', /folder/],
  ])('%o', (change, name, sentence) => {
    const errors = checkForm({ ...aws, ...change });
    expect(Object.keys(errors)).toEqual([name]);
    expect(Object.values(errors)[0]).toMatch(sentence);
  });

  test('concerns only fields that are asked for', () => {
    const form = { ...aws, credentials: 'chain', accessKeyId: '', secretAccessKey: '', endpoint: '' } as const;
    expect(checkForm(form)).toEqual({});
  });
});

describe('the place that a form means', () => {
  test('has what was typed, without spaces and slashes around it, and leaves out what is empty', () => {
    const form = { ...aws, bucket: ' tills ', prefix: '/till/2026/', region: ' eu-central-1 ', accessKeyId: ' AKIA ' };
    expect(placeOf(form)).toEqual({
      kind: 's3',
      provider: 'aws',
      bucket: 'tills',
      prefix: 'till/2026',
      region: 'eu-central-1',
      credentials: { kind: 'keys', accessKeyId: 'AKIA', secretAccessKey: 'a secret' },
    });
  });

  test('has the endpoint with the account in it, which comes back into its field', () => {
    const form = { ...withProvider(aws, 'r2'), account: '8d1f0e6c.eu' };
    const endpoint = 'https://8d1f0e6c.eu.r2.cloudflarestorage.com';
    expect(placeOf(form)).toMatchObject({ endpoint });
    const again = withPlace(emptyForm('s3'), { ...stored, provider: 'r2', endpoint, region: undefined });
    expect([again.account, fieldsOf(again).has('endpoint')]).toEqual(['8d1f0e6c.eu', false]);
  });

  test('has path style and encryption only as they were chosen', () => {
    const form = { ...withProvider(aws, 'minio'), endpoint: 'http://localhost:9000/', encryption: 'sse-kms' } as const;
    expect(placeOf(form)).toMatchObject({ endpoint: 'http://localhost:9000', encryption: { kind: 'sse-kms' } });
    expect(placeOf(form)).not.toHaveProperty('isPathStyle');
    expect(placeOf({ ...form, pathStyle: 'path', kmsKeyId: 'k1' })).toMatchObject({
      isPathStyle: true,
      encryption: { kind: 'sse-kms', keyId: 'k1' },
    });
  });

  test('has requests, parts and an unchecked certificate as they were asked for, and again when it comes back', () => {
    const form = {
      ...withProvider(aws, 'minio'),
      endpoint: 'https://nas.local:9000',
      certificate: 'unchecked',
      concurrency: ' 16 ',
      partSize: '7,5',
    } as const;
    const place = placeOf(form);
    expect(place).toMatchObject({ isUnverified: true, concurrency: 16, partBytes: 7.5 * 1024 * 1024 });
    const again = withPlace(emptyForm('s3'), {
      ...stored,
      provider: 'minio',
      endpoint: 'https://nas.local:9000',
      isUnverified: true,
      concurrency: 16,
      partBytes: 7.5 * 1024 * 1024,
    });
    expect([again.certificate, again.concurrency, again.partSize]).toEqual(['unchecked', '16', '7.5']);
    expect(placeOf({ ...form, certificate: 'checked', concurrency: '', partSize: '' })).not.toMatchObject({
      isUnverified: expect.anything() as unknown,
    });
    // A stored one that is not checked can always be seen, and changed.
    expect(fieldsOf(withPlace(aws, { ...stored, isUnverified: true })).has('certificate')).toBe(true);
  });

  test('forgets what only the former provider understood', () => {
    const form = withProvider({ ...aws, region: 'eu-central-1', storageClass: 'GLACIER_IR' }, 'hetzner');
    expect([form.region, form.storageClass, form.bucket, form.accessKeyId]).toEqual(['', '', 'tills', 'AKIAEXAMPLE']);
  });

  test('is the same again for a destination that is stored, and its secret stays where it is', () => {
    const form = formOf(targetAt(stored));
    expect(checkForm(form)).toEqual({});
    expect(placeOf(form)).toEqual({
      kind: 's3',
      provider: 'aws',
      bucket: 'tidemark-eu',
      prefix: 'till',
      region: 'eu-central-1',
      storageClass: 'STANDARD_IA',
      encryption: { kind: 'sse-s3' },
      credentials: { kind: 'keys', accessKeyId: 'AKIAEXAMPLE' },
    });
    expect(checkForm({ ...form, isReplacing: true })).toHaveProperty('secretAccessKey');
    expect(checkForm({ ...form, accessKeyId: 'AKIAOTHER' }).secretAccessKey).toMatch(/another access key/);
  });

  test('keeps a typed secret when a test corrects the region', () => {
    const form = withPlace(aws, { ...stored, region: 'eu-north-1' });
    expect([form.region, form.secretAccessKey]).toEqual(['eu-north-1', 'a secret']);
  });
});

test('a limit is megabytes a second, with a dot or a comma', () => {
  expect(['', '2', '0.5', '1,25'].map((limit) => limitOf({ ...aws, limit }))).toEqual([
    undefined,
    2_000_000,
    500_000,
    1_250_000,
  ]);
  expect(formOf(targetAt(stored)).limit).toBe('1.5');
});

test('another name is no reason to test again', () => {
  expect([changesPlace({ name: 'x' }), changesPlace({ limit: '1' }), changesPlace({ bucket: 'x' })]).toEqual([
    false,
    false,
    true,
  ]);
});

const stored = {
  kind: 's3',
  provider: 'aws',
  bucket: 'tidemark-eu',
  prefix: 'till',
  region: 'eu-central-1',
  endpoint: undefined,
  isPathStyle: undefined,
  storageClass: 'STANDARD_IA',
  encryption: { kind: 'sse-s3' },
  credentials: { kind: 'keys', accessKeyId: 'AKIAEXAMPLE' },
} as const satisfies PlaceState;

function targetAt(place: PlaceState): TargetState {
  return {
    id: 't1' as TargetId,
    kind: place.kind,
    name: 'tidemark-eu',
    url: 's3://tidemark-eu/till',
    place,
    bandwidthBytes: 1_500_000,
    usage: { puts: 0, gets: 0, lists: 0, deletes: 0, sentBytes: 0, receivedBytes: 0 },
    problem: undefined,
    databases: 1,
  };
}
