// The hash that requests to S3 are signed with, beside the one everybody has.
import { createHash, createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { Sha256 } from '../../electron/engine/targets/s3-hash.ts';
import { noise } from '../support/replica-scratch.ts';

test('the hash is that of everybody, whatever it is made of', async () => {
  const text = 'what is signed';
  const key = noise(32);
  const hashes: [string | Uint8Array | ArrayBuffer | DataView | undefined, string][] = [
    [undefined, createHash('sha256').update(text).digest('hex')],
    ['AWS4secret', createHmac('sha256', 'AWS4secret').update(text).digest('hex')],
    [key, createHmac('sha256', key).update(text).digest('hex')],
    [key.buffer.slice(key.byteOffset, key.byteOffset + 32), createHmac('sha256', key).update(text).digest('hex')],
    [new DataView(key.buffer, key.byteOffset, 32), createHmac('sha256', key).update(text).digest('hex')],
  ];
  for (const [secret, expected] of hashes) {
    const hash = new Sha256(secret);
    for (let i = 0; i < 2; i++) {
      hash.update('what is ');
      hash.update(Buffer.from('signed'));
      expect(Buffer.from(await hash.digest()).toString('hex')).toBe(expected);
      hash.reset();
    }
  }
});
