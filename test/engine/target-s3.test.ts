// The S3 target against a server of S3: the contract of all targets, and what only buckets do.
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, test } from 'vitest';
import { openTarget } from '../../electron/engine/targets/open-target.ts';
import { parseS3Url } from '../../electron/engine/targets/s3-address.ts';
import { makeS3Client } from '../../electron/engine/targets/s3-client.ts';
import { calm, collect, inPieces, noise } from '../support/replica-scratch.ts';
import { startS3Server } from '../support/s3-server.ts';
import { describeTargetContract } from '../support/target-contract.ts';

const server = await startS3Server();
afterAll(async () => await server[Symbol.asyncDispose]());
const { credentials } = server;

const openNew = async (prefix = 'some/where') =>
  openTarget(server.urlOf(await server.makeBucket(), prefix), { credentials });

describeTargetContract('a bucket', openNew);
describeTargetContract('the root of a bucket', async () => await openNew(''));

describe('an S3 target', () => {
  test('streams what is larger than one request, in parts', async () => {
    const target = await openNew();
    const bytes = noise((20 << 20) + 17);
    expect(await target.put('large', inPieces(bytes, [1, 9 << 20]), { signal: calm })).toEqual({ bytes: bytes.length });
    expect((await collect(target.get('large', { signal: calm }))).equals(bytes)).toBe(true);
  });

  test('lists page after page, and deletes as much at once', async () => {
    const bucket = await server.makeBucket();
    const keys = Array.from({ length: 2005 }, (_, i) => `k/${String(i).padStart(4, '0')}`);
    for (let at = 0; at < keys.length; at += 50) {
      const put = async (key: string) =>
        await fetch(`${server.endpoint}/${bucket}/${key}`, { method: 'PUT', body: 'x' });
      await Promise.all(keys.slice(at, at + 50).map(put));
    }
    const target = openTarget(server.urlOf(bucket), { credentials });
    expect((await target.list('k/', { signal: calm })).map(({ key }) => key)).toEqual(keys);
    await target.delete(keys.slice(1), { signal: calm });
    expect(await target.list('', { signal: calm })).toMatchObject([{ key: 'k/0000' }]);
  });

  test('passes over what is beside its prefix, and what stands for folders', async () => {
    const Bucket = await server.makeBucket();
    const address = parseS3Url(server.urlOf(Bucket, 'app.db'));
    using client = disposable(makeS3Client(address, { credentials }));
    for (const Key of ['app.db/', 'app.db/wal/', 'app.db/wal/1', 'app.db2/wal/1', 'app.db']) {
      await client.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.alloc(0) }));
    }
    const listed = await openTarget(address, { credentials }).list('', { signal: calm });
    expect(listed.map(({ key }) => key)).toEqual(['wal/1']);
  });
});

function disposable<T extends { destroy(): void }>(client: T): T & Disposable {
  return Object.assign(client, { [Symbol.dispose]: () => client.destroy() });
}
