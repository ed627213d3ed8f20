// What servers say of a listing that goes on: a part of it is never taken for all.
import { expect, test } from 'vitest';
import { openTarget } from '../../electron/engine/targets/open-target.ts';
import { calm, failureOf } from '../support/replica-scratch.ts';
import { type S3Answer, startScriptedS3 } from '../support/scripted-s3.ts';

const credentials = { kind: 'keys', accessKeyId: 'tester', secretAccessKey: 'testing' } as const;

function page(keys: readonly string[], more: string): S3Answer {
  const contents = keys.map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`).join('');
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0"?><ListBucketResult>${more}${contents}</ListBucketResult>`,
  };
}

const goesOn = '<IsTruncated>true</IsTruncated>';

test('goes on for as long as there is more, over empty pages too', async () => {
  const pages = [
    page(['a', 'b'], `${goesOn}<NextContinuationToken>1</NextContinuationToken>`),
    page([], `${goesOn}<NextContinuationToken>2</NextContinuationToken>`),
    page(['c'], '<IsTruncated>false</IsTruncated>'),
  ];
  await using server = await startScriptedS3({ answer: () => pages.shift() });
  const target = openTarget(`s3://bucket?endpoint=${server.origin}`, { credentials });
  expect((await target.list('', { signal: calm })).map(({ key }) => key)).toEqual(['a', 'b', 'c']);
});

test.each([
  ['does not say where it goes on, as servers of the first listing do', `${goesOn}<NextMarker>b</NextMarker>`],
  ['goes on where it did before', `${goesOn}<NextContinuationToken>1</NextContinuationToken>`],
])('one that %s fails', async (_what, more) => {
  await using server = await startScriptedS3({ answer: () => page(['a', 'b'], more) });
  const target = openTarget(`s3://bucket?endpoint=${server.origin}`, { credentials });
  const failure = await failureOf(target.list('', { signal: calm }));
  expect(failure).toMatchObject({
    code: 'target-failed',
    details: { path: 's3://bucket', reason: expect.stringContaining('more') as string },
  });
});
