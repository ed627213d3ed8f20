// The S3 target on bad days, behind a proxy that breaks what it is told to: what passes is overcome, what stays is named.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { openS3Target } from '../../electron/engine/targets/s3.ts';
import { parseS3Url } from '../../electron/engine/targets/s3-address.ts';
import { AppError, errorSentence, toErrorData } from '../../shared/errors.ts';
import {
  expired,
  internalError,
  type ProxiedRequest,
  type ProxyFault,
  slowDown,
  startFaultyProxy,
  tooMany,
} from '../support/faulty-proxy.ts';
import { calm, collect, failureOf, inPieces, noise, scratchFolder } from '../support/replica-scratch.ts';
import { s3UrlOf, startS3Server } from '../support/s3-server.ts';
import { describeTargetContract } from '../support/target-contract.ts';

const server = await startS3Server();
const proxy = await startFaultyProxy({ upstream: server.endpoint });
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const marker = 'marker-of-a-secret';
const secret = { kind: 'keys', accessKeyId: 'tester', secretAccessKey: marker, sessionToken: marker } as const;

/** A new, empty target; from then on requests meet the faults. */
async function openFaulty(fault: (request: ProxiedRequest) => ProxyFault | undefined = () => undefined) {
  const bucket = await server.makeBucket();
  proxy.fault = fault;
  proxy.skewMs = 0;
  // Its own connections, since clocks are learned by connection.
  return openS3Target(parseS3Url(s3UrlOf(proxy.endpoint, bucket, 'app.db')), {
    credentials: { ...secret, sessionToken: `${marker}-${bucket}` },
    firstDelayMs: 5,
  });
}

/** Breaks the first few requests that match, one after the other. */
function each(pattern: RegExp, faults: readonly ProxyFault[]): (request: ProxiedRequest) => ProxyFault | undefined {
  const left = [...faults];
  return ({ method, url }) => (pattern.test(`${method} ${url}`) ? left.shift() : undefined);
}

const passing: readonly ProxyFault[] = [
  slowDown,
  { kind: 'cut-answer', bytes: 20 },
  tooMany,
  { kind: 'lose-answer' },
  internalError,
  { kind: 'latency', ms: 20 },
  { kind: 'cut-request', bytes: 1 },
];
describeTargetContract('a bucket behind a bad network', async () => {
  return await openFaulty(({ number }) => (number % 3 === 0 ? passing[(number / 3) % passing.length] : undefined));
});

describe('an S3 target on a bad day', () => {
  const bytes = noise(3_000_000);

  test.each([
    ['a put that is throttled', /^PUT/, [slowDown, tooMany, slowDown]],
    ['a put whose connection is cut', /^PUT/, [{ kind: 'cut-request', bytes: 100_000 }]],
    ['a put whose answer is lost', /^PUT/, [{ kind: 'lose-answer' }]],
    ['a server that is still starting', /./, [internalError, slowDown, internalError]],
    ['a listing that is cut off', /list-type/, [{ kind: 'truncate', bytes: 150 }]],
    ['a listing whose connection is cut', /list-type/, [{ kind: 'cut-answer', bytes: 10 }]],
    ['a read that breaks off', /^GET .*key/, [{ kind: 'cut-answer', bytes: 1_000_000 }]],
    [
      'a read that breaks off again and again',
      /^GET .*key/,
      Array.from({ length: 8 }, (): ProxyFault => ({ kind: 'cut-answer', bytes: 1_200_000 })),
    ],
    ['a read that breaks off and is throttled', /^GET .*key/, [{ kind: 'cut-answer', bytes: 5 }, slowDown, tooMany]],
  ] as const)('overcomes %s', async (_what, pattern, faults) => {
    const target = await openFaulty(each(pattern, faults));
    await target.put('key', bytes, { signal: calm });
    expect(await target.list('', { signal: calm })).toMatchObject([{ key: 'key', bytes: bytes.length }]);
    expect((await collect(target.get('key', { signal: calm }))).equals(bytes)).toBe(true);
    const part = await collect(target.get('key', { range: { start: 10, end: 2_000_000 }, signal: calm }));
    expect(part.equals(bytes.subarray(10, 2_000_000))).toBe(true);
  });

  test.each([
    ['as it was asked', false],
    ['all of the object, whatever was asked', true],
  ])('takes no answer without a length for an empty one: %s', async (_what, asWhole) => {
    const target = await openFaulty(({ method }) => (method === 'GET' ? { kind: 'no-length', asWhole } : undefined));
    await target.put('key', bytes, { signal: calm });
    const read = async (range?: { readonly start: number; readonly end?: number }) =>
      await collect(target.get('key', { ...(range && { range }), signal: calm }));
    expect((await read()).equals(bytes)).toBe(true);
    expect((await read({ start: -700_000 })).equals(bytes.subarray(-700_000))).toBe(true);
    expect((await read({ start: 10, end: 2_000_000 })).equals(bytes.subarray(10, 2_000_000))).toBe(true);
  });

  test('overcomes parts and a completion whose answers are lost', async () => {
    const lost: ProxyFault = { kind: 'lose-answer' };
    const target = await openFaulty(each(/partNumber=2|POST .*uploadId/, [lost, slowDown, lost]));
    const large = noise((17 << 20) + 5);
    await target.put('large', inPieces(large), { signal: calm });
    expect((await collect(target.get('large', { signal: calm }))).equals(large)).toBe(true);
  });

  test('aborts an upload that failed', async () => {
    const target = await openFaulty(({ url }) => (url.includes('partNumber=2') ? denied : undefined));
    const failure = await failureOf(target.put('large', inPieces(noise(17 << 20)), { signal: calm }));
    expect(failure).toMatchObject({ code: 'target-forbidden' });
    expect(proxy.requests.at(-1)).toMatch(/^DELETE .*uploadId=/);
    expect(await target.list('', { signal: calm })).toEqual([]);
  });

  test('goes on reading only as long as the object is the same', async () => {
    const cut: ProxyFault = { kind: 'cut-answer', bytes: 100_000 };
    const target = await openFaulty(each(/^GET .*key/, [cut]));
    await target.put('key', bytes, { signal: calm });
    let hasReplaced = false;
    const reading = async () => {
      for await (const _chunk of target.get('key', { signal: calm })) {
        if (!hasReplaced) await target.put('key', noise(3_000_000, 9), { signal: calm });
        hasReplaced = true;
      }
    };
    proxy.fault = (request) => {
      // This server passes the condition over.
      if (request.headers['if-match'] !== undefined) {
        return { kind: 'refuse', status: 412, code: 'PreconditionFailed' };
      }
      return request.method === 'GET' ? cut : undefined;
    };
    expect(await failureOf(reading())).toMatchObject({ code: 'object-changed' });
  });

  test('gives up reading what never comes through', async () => {
    const target = await openFaulty(({ method }) => (method === 'GET' ? { kind: 'cut-answer', bytes: 0 } : undefined));
    await target.put('key', bytes, { signal: calm });
    expect(await failureOf(collect(target.get('key', { signal: calm })))).toMatchObject({ code: 'target-unreachable' });
  });

  test('works with a clock that is wrong, once the server told the time', async () => {
    const target = await openFaulty();
    proxy.skewMs = 3 * 3_600_000;
    await target.put('key', noise(10), { signal: calm });
    expect(await target.list('', { signal: calm })).toHaveLength(1);
  });

  test('deletes one by one where many at once are not known, or some of them fail', async () => {
    const target = await openFaulty(each(/^POST .*delete/, [{ kind: 'refuse', status: 501, code: 'NotImplemented' }]));
    const keys = ['a', 'b', 'c'];
    for (const key of keys) await target.put(key, noise(1), { signal: calm });
    await target.delete(keys, { signal: calm });
    expect(await target.list('', { signal: calm })).toEqual([]);
    const before = proxy.requests.length;
    await target.delete(keys, { signal: calm });
    expect(proxy.requests.slice(before).every((request) => request.startsWith('DELETE '))).toBe(true);
  });

  test('stops waiting for a throttled server when it is aborted', async () => {
    const target = await openFaulty(() => ({ ...slowDown, headers: { 'retry-after': '10' } }));
    const control = new AbortController();
    const listing = failureOf(target.list('', { signal: control.signal }));
    setTimeout(() => control.abort('enough'), 50);
    expect(await listing).toBe('enough');
  });
});

describe('credentials of this computer', () => {
  test('come from a profile, through its credential_process, or are said to be missing', async () => {
    const config = join(await scratchFolder(), 'config');
    const answer = { Version: 1, AccessKeyId: 'of-the-process', SecretAccessKey: marker };
    await writeFile(`${config}.sh`, `#!/bin/sh\necho '${JSON.stringify(answer)}'\n`, { mode: 0o700 });
    await writeFile(config, `[profile work]\ncredential_process = ${config}.sh\n`);
    vi.stubEnv('AWS_CONFIG_FILE', config);
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', `${config}-none`);
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    const signed: (string | undefined)[] = [];
    proxy.fault = ({ headers }) => void signed.push(headers.authorization);
    const address = parseS3Url(s3UrlOf(proxy.endpoint, await server.makeBucket()));
    const list = async (profile: string) =>
      await openS3Target(address, { credentials: { kind: 'chain', profile } }).list('', { signal: calm });
    expect(await list('work')).toEqual([]);
    expect(signed).toEqual([expect.stringContaining('Credential=of-the-process/') as string]);
    expect(await failureOf(list('never-made'))).toMatchObject({ code: 'target-credentials-missing' });
  });
});

describe('a put on condition', () => {
  test('fails where the object exists or changed, and says when that is not compared', async () => {
    const refused: ProxyFault = { kind: 'refuse', status: 412, code: 'PreconditionFailed' };
    const whenAsked = ({ headers }: ProxiedRequest) =>
      headers['if-none-match'] === '*' || headers['if-match'] !== undefined ? refused : undefined;
    const target = await openFaulty(whenAsked);
    const absent = { condition: { kind: 'absent' }, signal: calm } as const;
    const same = (tag: string) => ({ condition: { kind: 'same', tag }, signal: calm }) as const;
    await target.put('key', noise(1), { signal: calm });
    expect(await failureOf(target.put('key', noise(2), absent))).toMatchObject({ code: 'object-changed' });
    expect(await failureOf(target.put('key', noise(2), same('"x"')))).toMatchObject({ code: 'object-changed' });
    // Refused although it holds: this server does not understand.
    const [listed] = await target.list('key', { signal: calm });
    expect(await target.put('key', noise(3), same(listed?.tag ?? ''))).toEqual({ bytes: 3, isChecked: false });
    const other = await openFaulty(each(/^PUT/, [{ kind: 'refuse', status: 501, code: 'NotImplemented' }]));
    expect(await other.put('key', noise(1), absent)).toEqual({ bytes: 1, isChecked: false });
  });

  test('knows its own object when the first answer was lost', async () => {
    const target = await openFaulty(
      each(/^PUT/, [{ kind: 'lose-answer' }, { kind: 'refuse', status: 412, code: 'PreconditionFailed' }]),
    );
    const put = target.put('key', noise(100), { condition: { kind: 'absent' }, signal: calm });
    expect(await put).toEqual({ bytes: 100, isChecked: true });
  });
});

const denied: ProxyFault = { kind: 'refuse', status: 403, code: 'AccessDenied', message: `not with ${marker}` };

describe('what stays wrong', () => {
  test.each([
    ['target-throttled', { ...slowDown, headers: { 'retry-after': '3600' } }, { retryAfterMs: 3_600_000 }],
    ['target-credentials', { kind: 'refuse', status: 403, code: 'InvalidAccessKeyId' }, {}],
    ['target-credentials', { kind: 'refuse', status: 403, code: 'SignatureDoesNotMatch', message: marker }, {}],
    ['target-credentials-expired', expired, {}],
    ['target-forbidden', denied, { action: 'list objects' }],
    ['target-no-bucket', { kind: 'refuse', status: 404, code: 'NoSuchBucket' }, {}],
    [
      'target-region',
      { kind: 'refuse', status: 301, code: 'PermanentRedirect', headers: { 'x-amz-bucket-region': 'eu-west-1' } },
      { region: 'eu-west-1' },
    ],
    [
      'target-region',
      {
        kind: 'refuse',
        status: 400,
        code: 'AuthorizationHeaderMalformed',
        message: "the region 'us-east-1' is wrong; expecting 'eu-north-1'",
      },
      { region: 'eu-north-1' },
    ],
    [
      'target-quota',
      { kind: 'refuse', status: 403, code: 'AccessDenied', message: 'Cannot upload files, storage cap exceeded' },
      {},
    ],
    ['target-quota', { kind: 'refuse', status: 403, code: 'QuotaExceeded' }, {}],
    ['target-encryption', { kind: 'refuse', status: 400, code: 'KMS.DisabledException' }, {}],
    ['target-storage-class', { kind: 'refuse', status: 400, code: 'InvalidStorageClass' }, {}],
    [
      'target-object-locked',
      {
        kind: 'refuse',
        status: 403,
        code: 'AccessDenied',
        message: 'Access Denied because object protected by object lock.',
      },
      {},
    ],
    ['target-failed', { kind: 'refuse', status: 418, code: 'Teapot', message: marker }, {}],
  ] as const)('is named %s', async (code, fault, details) => {
    const target = await openFaulty(() => fault);
    const failure = await failureOf(target.list('', { signal: calm }));
    expect(failure).toMatchObject({ code, details });
    expectNoSecret(failure);
  });

  test('is a clock that the server never agrees with', async () => {
    const target = await openFaulty(() => ({ kind: 'refuse', status: 403, code: 'RequestTimeTooSkewed' }));
    expect(await failureOf(target.list('', { signal: calm }))).toMatchObject({ code: 'target-clock-skew' });
  });

  test.each([
    ['target-unreachable', 'http://127.0.0.1:9', /nothing answers there/],
    ['target-unreachable', 'http://no-such-host.invalid', /its name is not known|cannot be looked up/],
    ['target-tls', proxy.endpoint.replace('http:', 'https:'), /./],
  ] as const)('is named %s at %s', async (code, endpoint, reason) => {
    const target = openS3Target(parseS3Url(s3UrlOf(endpoint, 'bucket')), { credentials: secret, firstDelayMs: 5 });
    const failure = await failureOf(target.list('', { signal: calm }));
    expect(failure).toMatchObject({ code, details: { reason: expect.stringMatching(reason) as string } });
    expectNoSecret(failure);
  });

  test('is an archived object, and a missing one', async () => {
    const target = await openFaulty();
    expect(await failureOf(collect(target.get('key', { signal: calm })))).toMatchObject({ code: 'object-missing' });
    proxy.fault = () => ({ kind: 'refuse', status: 403, code: 'InvalidObjectState' });
    expect(await failureOf(collect(target.get('key', { signal: calm })))).toMatchObject({ code: 'object-archived' });
  });
});

/** Nothing of an error may hold what must stay secret: neither its text nor what a log would write of it and its causes. */
function expectNoSecret(error: unknown): void {
  expect(error).toBeInstanceOf(AppError);
  const shown = [errorSentence(toErrorData(error)), JSON.stringify(toErrorData(error))];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    shown.push(at.message, at.stack ?? '', JSON.stringify(Object.fromEntries(Object.entries(at))));
  }
  expect(shown.join('\n')).not.toContain(marker);
}
