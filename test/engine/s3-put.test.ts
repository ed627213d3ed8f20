// How small objects are put: the first one by the SDK, those that follow by a shorter way, which must be the same on the wire.
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openS3Target } from '../../electron/engine/targets/s3.ts';
import { parseS3Url } from '../../electron/engine/targets/s3-address.ts';
import { calm, failureOf, noise, scratchFolder } from '../support/replica-scratch.ts';
import { type S3Answer, s3Error } from '../support/scripted-s3.ts';
import { until } from '../support/temp.ts';

interface Received {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const secretAccessKey = 'testing';
/** The status of what is never answered. */
const silent = 0;
let server: Server;
let received: Received[];
let answer: (number: number, request: Received) => S3Answer | undefined;
let skewMs: number;
let tokens = 0;
beforeEach(async () => {
  received = [];
  answer = () => undefined;
  skewMs = 0;
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = { url: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) };
      const { status, headers, body } = answer(received.push(one), one) ?? { status: 200 };
      if (status === silent) return;
      response.setHeader('date', new Date(Date.now() + skewMs).toUTCString());
      response.writeHead(status, headers).end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
});

/** A target with connections of its own, or with those of another. */
function open(query = 'region=us-east-1', bucket = 'bucket', sessionToken = `t${++tokens}`) {
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { kind: 'keys', accessKeyId: 'tester', secretAccessKey, sessionToken } as const;
  return openS3Target(parseS3Url(`s3://${bucket}/app.db?endpoint=${endpoint}&${query}`), {
    credentials,
    firstDelayMs: 1,
  });
}

/** The region that a request is signed for. */
const scopeOf = ({ headers }: Received) => /Credential=[^/]+\/\d+\/([^/]+)/.exec(headers.authorization ?? '')?.[1];
const isOfSdk = ({ headers }: Received) => headers['amz-sdk-invocation-id'] !== undefined;

test.each([
  'region=us-east-1',
  'region=eu-central-1&storage-class=STANDARD_IA&sse=AES256',
  'provider=aws&region=eu-west-1&sse=aws:kms&sse-kms-key-id=of-mine',
  'provider=tigris',
])('a bucket is told the same by the shorter way: %s', async (query) => {
  const target = open(query);
  const key = 'generations/a b+ü%(1)/~.lz4';
  for (let i = 0; i < 3; i++) {
    const condition = i === 2 ? undefined : ({ kind: 'absent' } as const);
    await target.put(key, noise(5000), { ...(condition && { condition }), signal: calm });
  }
  expect(received.map(isOfSdk)).toEqual([true, false, false]);
  const [bySdk, directly, onNoCondition] = received;
  if (bySdk === undefined || directly === undefined || onNoCondition === undefined) throw new Error('not received');
  expect(told(directly)).toEqual(told(bySdk));
  expect(onNoCondition.url).toBe(bySdk.url);
  expect(onNoCondition.headers['if-none-match']).toBeUndefined();
  for (const one of received) {
    expect(one.body.equals(noise(5000))).toBe(true);
    expect(signatureOf(one)).toMatch(/^[0-9a-f]{64}$/);
    expect(one.headers.authorization).toContain(`Signature=${signatureOf(one)}`);
  }
});

test('an empty object goes the shorter way too, a large one does not', async () => {
  const target = open();
  for (const size of [1, 0, 3_000_000, 1]) await target.put('key', noise(size), { signal: calm });
  expect(received.map(isOfSdk)).toEqual([true, false, true, false]);
  expect(received.map(({ body }) => body.length)).toEqual([1, 0, 3_000_000, 1]);
  expect(received[2]?.headers.expect).toBe('100-continue');
});

test('each bucket is found out about by itself', async () => {
  const targets = [open('region=us-east-1', 'one'), open('region=us-east-1', 'two')];
  for (const target of [...targets, ...targets]) await target.put('key', noise(1), { signal: calm });
  expect(received.map(({ url }) => url.split('/')[1])).toEqual(['one', 'two', 'one', 'two']);
  expect(received.map(isOfSdk)).toEqual([true, true, false, false]);
});

test.each([
  ['is refused for the moment', s3Error(503, 'SlowDown')],
  ['is answered with what is no XML', { status: 500, body: '<html>' }],
  ['fails after it was called a success', { ...s3Error(500, 'InternalError'), status: 200 }],
] as const)('what %s goes the SDK’s way again, and then the shorter one', async (_what, refusal) => {
  const target = open();
  answer = (number) => (number === 2 ? refusal : undefined);
  for (let i = 0; i < 3; i++) await target.put('key', noise(10), { signal: calm });
  expect(received.map(isOfSdk)).toEqual([true, false, true, false]);
});

test('what stays refused is told as ever', async () => {
  const target = open();
  await target.put('key', noise(10), { signal: calm });
  answer = () => s3Error(403, 'AccessDenied');
  expect(await failureOf(target.put('key', noise(10), { signal: calm }))).toMatchObject({
    code: 'target-forbidden',
    details: { reason: 'AccessDenied it is' },
  });
  answer = () => s3Error(503, 'SlowDown', { headers: { 'retry-after': '3600' } });
  await failureOf(target.put('key', noise(10), { signal: calm }));
  answer = () => undefined;
  await target.put('key', noise(10), { signal: calm });
  answer = () => s3Error(503, 'SlowDown', { headers: { 'retry-after': '3600' } });
  expect(isOfSdk(received.at(-1) as Received)).toBe(true);
  expect(await failureOf(target.put('key', noise(10), { signal: calm }))).toMatchObject({
    code: 'target-throttled',
    details: { retryAfterMs: 3_600_000 },
  });
  expect(isOfSdk(received.at(-1) as Received)).toBe(false);
});

test('one that is aborted ends at once, and nothing is forgotten', async () => {
  const target = open();
  const stop = new AbortController();
  answer = (number) => {
    if (number !== 2) return undefined;
    setImmediate(() => stop.abort('enough'));
    return { status: silent };
  };
  await target.put('key', noise(10), { signal: calm });
  expect(await failureOf(target.put('key', noise(10), { signal: stop.signal }))).toBe('enough');
  await target.put('key', noise(10), { signal: calm });
  expect(received.map(isOfSdk)).toEqual([true, false, false]);
});

const elsewhere = { headers: { 'x-amz-bucket-region': 'eu-west-1' } };

test('follows a bucket to its region once, and then asks there', async () => {
  vi.stubEnv('AWS_REGION', 'us-east-1');
  const target = open('provider=aws');
  answer = (_number, request) =>
    scopeOf(request) === 'eu-west-1' ? undefined : s3Error(301, 'PermanentRedirect', elsewhere);
  for (let i = 0; i < 3; i++) await target.put('key', noise(10), { signal: calm });
  expect(received.map(scopeOf)).toEqual(['us-east-1', 'eu-west-1', 'eu-west-1', 'eu-west-1']);
});

test.each([
  s3Error(301, 'PermanentRedirect', elsewhere),
  s3Error(307, 'TemporaryRedirect', elsewhere),
  s3Error(400, 'AuthorizationHeaderMalformed', elsewhere),
])('a bucket that is elsewhere by now is followed by the same call: $status', async (redirect) => {
  vi.stubEnv('AWS_REGION', 'us-east-1');
  const target = open('provider=aws');
  await target.put('key', noise(10), { signal: calm });
  answer = (_number, request) => (scopeOf(request) === 'eu-west-1' ? undefined : redirect);
  for (let i = 0; i < 2; i++) await target.put('key', noise(10), { signal: calm });
  expect(received.map(scopeOf)).toEqual(['us-east-1', 'us-east-1', 'eu-west-1', 'eu-west-1']);
  expect(received.map(isOfSdk)).toEqual([true, false, true, false]);
});

test('those who are sent elsewhere at once all go there, and other buckets stay', async () => {
  vi.stubEnv('AWS_REGION', 'us-east-1');
  const [target, other] = [open('provider=aws', 'moved', 'shared'), open('provider=aws', 'other', 'shared')];
  answer = (_number, request) =>
    scopeOf(request) === 'eu-west-1' || request.url.includes('/other/')
      ? undefined
      : s3Error(301, 'PermanentRedirect', elsewhere);
  await Promise.all(['a', 'b', 'c'].map(async (key) => await target.put(key, noise(10), { signal: calm })));
  await other.put('key', noise(10), { signal: calm });
  const scopesAt = (bucket: string) =>
    received.filter(({ url }) => url.includes(`/${bucket}/`)).map((request) => scopeOf(request));
  expect(scopesAt('moved').filter((scope) => scope === 'eu-west-1')).toHaveLength(3);
  expect(scopesAt('other')).toEqual(['us-east-1']);
});

test('where the region was named, a bucket that is elsewhere is told', async () => {
  const target = open('provider=aws&region=us-east-1');
  await target.put('key', noise(10), { signal: calm });
  answer = () => s3Error(301, 'PermanentRedirect', elsewhere);
  expect(await failureOf(target.put('key', noise(10), { signal: calm }))).toMatchObject({
    code: 'target-region',
    details: { region: 'eu-west-1' },
  });
  expect(received).toHaveLength(2);
});

test('a clock that was set meanwhile is learned from the refusal', async () => {
  const target = open();
  const late: boolean[] = [];
  answer = (_number, { headers }) => {
    const [, year, month, day, hour, minute] =
      /(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/.exec(String(headers['x-amz-date'])) ?? [];
    const signedAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00Z`);
    const isLate = Math.abs(signedAt - Date.now() - skewMs) > 15 * 60_000;
    late.push(isLate);
    return isLate ? s3Error(403, 'RequestTimeTooSkewed') : undefined;
  };
  await target.put('key', noise(10), { signal: calm });
  skewMs = 2 * 3_600_000;
  for (let i = 0; i < 3; i++) await target.put('key', noise(10), { signal: calm });
  expect(late).toEqual([false, true, false, false, false]);
  expect(received.map(isOfSdk)).toEqual([true, false, true, false, false]);
});

test('credentials that end are asked for anew', async () => {
  const config = join(await scratchFolder(), 'config');
  const script = `const Expiration = new Date(Date.now() + 60_000).toISOString();
    const AccessKeyId = 'key-' + process.hrtime.bigint();
    console.log(JSON.stringify({ Version: 1, AccessKeyId, SecretAccessKey: 's', Expiration }));`;
  await writeFile(`${config}.mjs`, script);
  await writeFile(config, `[profile brief]\ncredential_process = "${process.execPath}" "${config}.mjs"\n`);
  vi.stubEnv('AWS_CONFIG_FILE', config);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', `${config}-none`);
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const target = openS3Target(parseS3Url(`s3://bucket?endpoint=${endpoint}`), {
    credentials: { kind: 'chain', profile: 'brief' },
  });
  // They are asked for in the background, before they end.
  const keyOf = ({ headers }: Received) => /Credential=(key-\d+)/.exec(headers.authorization ?? '')?.[1];
  await until('another key is used', async () => {
    await target.put('key', noise(10), { signal: calm });
    return new Set(received.map(keyOf)).size > 1;
  });
  expect(received.map(isOfSdk)).toEqual(received.map((_request, i) => i === 0));
});

test('credentials that were written into their file anew count at once, where the former ones are refused', async () => {
  const file = join(await scratchFolder(), 'credentials');
  const write = async (key: string) =>
    await writeFile(file, `[till]\naws_access_key_id = ${key}\naws_secret_access_key = s\naws_session_token = t\n`);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
  vi.stubEnv('AWS_CONFIG_FILE', `${file}-none`);
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = `s3://bucket?endpoint=${endpoint}&profile=till`;
  const target = openS3Target(parseS3Url(url), { firstDelayMs: 1 });
  const keyOf = ({ headers }: Received) => /Credential=([^/]+)/.exec(headers.authorization ?? '')?.[1];
  answer = (_number, request) => (keyOf(request) === 'former' ? s3Error(400, 'ExpiredToken') : undefined);

  await write('former');
  const refused = { code: 'target-credentials-expired' };
  expect(await failureOf(target.put('key', noise(10), { signal: calm }))).toMatchObject(refused);
  await write('latter');
  await Promise.all(['a', 'b', 'c'].map(async (key) => await target.put(key, noise(10), { signal: calm })));
  // A form's test begins anew.
  const another = openS3Target(parseS3Url(`${url}&region=eu-west-1`));
  await another.put('key', noise(10), { signal: calm });
  expect(keyOf(received[0] as Received)).toBe('former');
  expect(received.filter((request) => keyOf(request) === 'latter')).toHaveLength(4);
});

/** What a server is told, without what differs from request to request, or is the SDK's about itself. */
function told({ url, headers }: Received) {
  const own = /^(authorization|x-amz-date|x-amz-user-agent|amz-sdk-.*)$/;
  return { url, headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !own.test(name))) };
}

/** What the signature of a request has to be, by the book. */
function signatureOf({ url, headers, body }: Received): string {
  const [, date = '', region = '', signed = ''] =
    /Credential=[^/]+\/(\d+)\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+)/.exec(headers.authorization ?? '') ?? [];
  const hash = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
  const [path, query = ''] = url.split('?');
  const lines = signed.split(';').map((name) => `${name}:${String(headers[name]).trim().replaceAll(/\s+/g, ' ')}\n`);
  const canonical = ['PUT', path, query, lines.join(''), signed, hash(body)].join('\n');
  const scope = `${date}/${region}/s3/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, hash(canonical)].join('\n');
  const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();
  const key = [region, 's3', 'aws4_request'].reduce(hmac, hmac(`AWS4${secretAccessKey}`, date));
  return hmac(key, toSign).toString('hex');
}
