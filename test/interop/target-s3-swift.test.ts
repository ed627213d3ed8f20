// The S3 target against a second server of S3, which checks what the first one does not: signatures, regions, checksums.
import { CreateMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, test } from 'vitest';
import { openTarget } from '../../electron/engine/targets/open-target.ts';
import { parseS3Url } from '../../electron/engine/targets/s3-address.ts';
import { makeS3Client } from '../../electron/engine/targets/s3-client.ts';
import { calm, collect, failureOf, inPieces, noise } from '../support/replica-scratch.ts';
import { startFaultyProxy } from '../support/faulty-proxy.ts';
import { startSwift, whyNoSwift } from '../support/swift.ts';
import { describeTargetContract } from '../support/target-contract.ts';

const whyNot = await whyNoSwift();
if (whyNot === undefined) await testSwift();
else {
  process.stdout.write(`${whyNot}\n`);
  test.skip(whyNot, () => {});
}

async function testSwift(): Promise<void> {
  const server = await startSwift();
  afterAll(async () => await server[Symbol.asyncDispose]());
  const { credentials } = server;
  const openNew = async (prefix = 'some/where') =>
    openTarget(server.urlOf(await server.makeBucket(), prefix), { credentials });

  describeTargetContract('a bucket of Swift', openNew);

  describe('Swift', () => {
    test('takes a stream in parts, and many deletes at once', async () => {
      const target = await openNew();
      const bytes = noise((17 << 20) + 3);
      await target.put('large', inPieces(bytes), { signal: calm });
      expect((await collect(target.get('large', { signal: calm }))).equals(bytes)).toBe(true);
      await target.put('small', noise(3), { signal: calm });
      await target.delete(['large', 'small'], { signal: calm });
      expect(await target.list('', { signal: calm })).toEqual([]);
    });

    test('compares nothing when it writes, and that is said', async () => {
      const target = await openNew();
      const put = target.put('key', noise(1), { condition: { kind: 'absent' }, signal: calm });
      expect(await put).toEqual({ bytes: 1, isChecked: false });
    });

    test('notices bytes that changed on their way', async () => {
      await using proxy = await startFaultyProxy({
        upstream: server.endpoint,
        fault: ({ number }) => (number === 0 ? { kind: 'flip-request', at: 5 } : undefined),
      });
      const url = server.urlOf(await server.makeBucket()).replace(server.endpoint, proxy.endpoint);
      const target = openTarget(url, { credentials });
      await target.put('key', noise(100), { signal: calm });
      expect(proxy.requests).toHaveLength(2);
      expect(await collect(target.get('key', { signal: calm }))).toEqual(Buffer.from(noise(100)));
    });

    test('tells wrong keys, a wrong region and a missing bucket apart', async () => {
      const bucket = await server.makeBucket();
      const failure = async (url: string, keys = credentials) =>
        await failureOf(openTarget(url, { credentials: keys }).list('', { signal: calm }));
      const url = server.urlOf(bucket);
      expect(await failure(url, { ...credentials, secretAccessKey: 'marker' })).toMatchObject({
        code: 'target-credentials',
      });
      expect(await failure(url, { ...credentials, accessKeyId: 'nobody' })).toMatchObject({
        code: 'target-credentials',
      });
      expect(await failure(url.replace('us-east-1', 'eu-west-1'))).toMatchObject({
        code: 'target-region',
        details: { region: 'us-east-1' },
      });
      expect(await failure(server.urlOf('never-made'))).toMatchObject({ code: 'target-no-bucket' });
    });

    test('is rid of old uploads of ours that nobody finished, and of no others', async () => {
      const Bucket = await server.makeBucket();
      const address = parseS3Url(server.urlOf(Bucket, 'app.db'));
      const client = makeS3Client(address, { credentials });
      const snapshot = 'generations/0123456789abcdef/snapshots/00000000.snapshot.lz4';
      const others = ['app.db/deeper.db', 'other/app.db'].map((root) => `${root}/${snapshot}`);
      for (const Key of [`app.db/${snapshot}`, 'app.db/notes.txt', ...others]) {
        await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
      }
      const left = async () =>
        (await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads?.map(({ Key }) => Key).sort();
      const target = openTarget(address, { credentials });
      await target.removeLeftovers?.({ now: Date.now(), signal: calm });
      expect(await left()).toHaveLength(4);
      await target.removeLeftovers?.({ now: Date.now() + 25 * 3_600_000, signal: calm });
      expect(await left()).toEqual([others[0], 'app.db/notes.txt', others[1]]);
      client.destroy();
    });
  });
}
