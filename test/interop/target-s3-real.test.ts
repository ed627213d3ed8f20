// The contract of all targets against whatever server of S3 the environment names: TIDEMARK_TEST_S3_BUCKET, _KEY, _SECRET, and
// _ENDPOINT and _REGION where it is not Amazon's own (`npm run test:s3`). Leaves nothing in the bucket.
import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { openTarget } from '../../electron/engine/targets/open-target.ts';
import { calm, collect, inPieces, noise } from '../support/replica-scratch.ts';
import { describeTargetContract } from '../support/target-contract.ts';

const named = (name: string) => process.env[`TIDEMARK_TEST_S3_${name}`];
const [bucket, accessKeyId, secretAccessKey] = [named('BUCKET'), named('KEY'), named('SECRET')];

if (bucket === undefined || accessKeyId === undefined || secretAccessKey === undefined) {
  test.skip('a real server of S3, which TIDEMARK_TEST_S3_BUCKET, _KEY and _SECRET would name', () => {});
} else {
  const root = `tidemark-test-${randomUUID()}`;
  const options = ['ENDPOINT', 'REGION'].flatMap((name) => {
    const value = named(name);
    return value === undefined ? [] : [`${name.toLowerCase()}=${value}`];
  });
  const access = { credentials: { kind: 'keys', accessKeyId, secretAccessKey } } as const;
  const open = (prefix: string) => openTarget(`s3://${bucket}/${prefix}?${options.join('&')}`, access);
  let opened = 0;
  const openNew = async () => await Promise.resolve(open(`${root}/${++opened}`));

  afterAll(async () => {
    const all = open(root);
    const keys = (await all.list('', { signal: calm })).map(({ key }) => key);
    await all.delete(keys, { signal: calm });
    expect(await all.list('', { signal: calm })).toEqual([]);
  });

  describeTargetContract('the bucket that the environment names', openNew);

  describe('the bucket that the environment names', () => {
    test('takes a stream in parts', async () => {
      const target = await openNew();
      const bytes = noise((17 << 20) + 3);
      await target.put('large', inPieces(bytes), { signal: calm });
      expect((await collect(target.get('large', { signal: calm }))).equals(bytes)).toBe(true);
    });

    test('puts on condition, or says that it does not compare', async () => {
      const target = await openNew();
      const absent = { condition: { kind: 'absent' }, signal: calm } as const;
      const { isChecked } = await target.put('key', noise(1), absent);
      const again = target.put('key', noise(2), absent);
      if (isChecked === true) await expect(again).rejects.toMatchObject({ code: 'object-changed' });
      else expect(await again).toMatchObject({ isChecked: false });
    });
  });
}
