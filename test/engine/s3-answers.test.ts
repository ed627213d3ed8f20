// What servers answer, and what stands between them and us: read by the code, then by the status. Nothing is taken for gone, for
// empty or for stored because somebody else answered.
import http from 'node:http';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseS3Url } from '../../electron/engine/targets/s3-address.ts';
import { openS3Target } from '../../electron/engine/targets/s3.ts';
import { AppError, errorSentence } from '../../shared/errors.ts';
import { calm, collect, failureOf, noise } from '../support/replica-scratch.ts';
import { s3UrlOf, type S3Server, startS3Server } from '../support/s3-server.ts';
import { s3Error } from '../support/scripted-s3.ts';

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

let upstream: S3Server;
let front: http.Server;
let endpoint: string;
let bucket = '';
/** What is answered instead of asking the server behind. */
let answer: Answer | undefined;

/** A server of S3 behind one that answers for it where a test says so. */
beforeAll(async () => {
  upstream = await startS3Server();
  front = http.createServer((request, response) => {
    if (answer !== undefined) {
      const { status, headers, body } = answer;
      request.resume().once('end', () => response.writeHead(status, { ...headers }).end(body));
      return;
    }
    const { method, headers, url } = request;
    const asked = http.request(`${upstream.endpoint}${url ?? ''}`, { method, headers }, (got) => {
      response.writeHead(got.statusCode ?? 500, got.headers);
      got.pipe(response);
    });
    request.pipe(asked);
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
});
afterAll(async () => {
  front.closeAllConnections();
  front.close();
  await upstream[Symbol.asyncDispose]();
});
beforeEach(async () => {
  answer = undefined;
  bucket = await upstream.makeBucket();
});

function open(at = endpoint) {
  return openS3Target(parseS3Url(s3UrlOf(at, bucket, 'app.db')), {
    credentials: upstream.credentials,
    firstDelayMs: 1,
  });
}

function nginx(status: string): Answer {
  const body = `<html>\r\n<head><title>${status}</title></head>\r\n<body>\r\n<center><h1>${status}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`;
  return { status: Number.parseInt(status, 10), headers: { 'content-type': 'text/html' }, body };
}

const page = '<html><head><title>Welcome</title></head><body><p>Please sign in</p></body></html>';
const html = { 'content-type': 'text/html; charset=utf-8' };
const missing = s3Error(404, 'XSomethingElse');

describe.each(['list', 'get', 'put', 'put again', 'delete'])('what answers a %s', (what) => {
  test.each<[string, Answer, string, RegExp]>([
    [
      'an unknown key as versitygw names it',
      s3Error(404, 'XAdminUserNotFound'),
      'target-credentials',
      /XAdminUserNotFound/,
    ],
    ['a 404 with another name', missing, 'target-failed', /XSomethingElse: XSomethingElse it is/],
    ['a 404 without a name', { status: 404 }, 'target-failed', /status 404/],
    [
      'a 404 in JSON',
      { status: 404, headers: { 'content-type': 'application/json' }, body: '{}' },
      'target-not-s3',
      /no answer of S3 \(404\)/,
    ],
    ['a page that is not found', nginx('404 Not Found'), 'target-not-s3', /a web page came back \(404\)/],
    ['a page that forbids', nginx('403 Forbidden'), 'target-not-s3', /a web page came back \(403\)/],
    ['a limit of nginx', nginx('413 Request Entity Too Large'), 'target-too-large', /as large as this one \(413\)/],
    ['a limit without a page', { status: 413 }, 'target-too-large', /as large as this one \(413\)/],
    [
      'a gateway',
      nginx('502 Bad Gateway'),
      'target-unreachable',
      /a server on the way does not get through to it \(502\)/,
    ],
    ['a gateway that waited', { status: 504 }, 'target-unreachable', /does not get through to it \(504\)/],
    ['a proxy that asks who it is', { status: 407 }, 'target-unreachable', /the proxy on the way asks/],
    ['a network that wants a sign-in', nginx('511 Network Authentication Required'), 'target-not-s3', /signed in/],
    [
      'a redirect',
      { status: 302, headers: { location: 'http://login.hotel/?x' } },
      'target-not-s3',
      /another page, at login\.hotel/,
    ],
    [
      'a redirect that keeps the method',
      { status: 307, headers: { location: 'https://login.hotel/' } },
      'target-not-s3',
      /another page/,
    ],
    ['a port of TLS', nginx('400 The plain HTTP request was sent to HTTPS port'), 'target-not-s3', /https:\/\//],
    [
      'a port of TLS, of Go',
      { status: 400, body: 'Client sent an HTTP request to an HTTPS server.\n' },
      'target-not-s3',
      /https:\/\//,
    ],
    ['a page with success', { status: 200, headers: html, body: page }, 'target-not-s3', /a web page came back\./],
    [
      'a page with success that is no XML',
      { status: 200, headers: html, body: `<!doctype html>${page}<br>` },
      'target-not-s3',
      /a web page/,
    ],
  ])('%s is told as such', async (_what, foreign, code, words) => {
    const target = open();
    await target.put('key', noise(100), { signal: calm });
    await target.put('other', noise(100), { signal: calm });
    answer = foreign;
    const failure = await failureOf(act(target, what));
    if (!(failure instanceof AppError)) throw failure;
    expect([failure.code, errorSentence(failure.toData())]).toEqual([code, expect.stringMatching(words)]);
    // The SDK's words are nobody's.
    expect(errorSentence(failure.toData())).not.toMatch(/aws-sdk|XML|deserial|UnknownError|undefined/i);
    // It was never gone, nor changed.
    answer = undefined;
    expect((await target.list('', { signal: calm })).map(({ key }) => key)).toEqual(['key', 'other']);
    expect(await collect(target.get('key', { signal: calm }))).toHaveLength(100);
  });
});

async function act(target: ReturnType<typeof open>, what: string): Promise<unknown> {
  switch (what) {
    case 'list':
      return await target.list('', { signal: calm });
    case 'get':
      return await collect(target.get('key', { signal: calm }));
    // By the SDK's way, since nothing of that size goes directly; and by the short one.
    case 'put':
      return await target.put('large', noise((1 << 20) + 1), { signal: calm });
    case 'put again':
      return await target.put('small', noise(9), { signal: calm });
    default:
      return await target.delete(['key'], { signal: calm });
  }
}

test.each<[string, Answer]>([
  ['nothing', { status: 200 }],
  ['a text', { status: 200, headers: { 'content-type': 'text/plain' }, body: 'ok' }],
  ['another XML', { status: 200, headers: { 'content-type': 'application/xml' }, body: '<rss></rss>' }],
])('a success that says %s is no empty listing, no look, no object and no stored one', async (_what, foreign) => {
  const target = open();
  await target.put('key', noise(100), { signal: calm });
  answer = foreign;
  const notS3 = { code: 'target-not-s3' };
  expect(await failureOf(target.list('', { signal: calm }))).toMatchObject(notS3);
  expect(await failureOf(target.look?.(['generations/'], { signal: calm }) ?? Promise.resolve())).toMatchObject(notS3);
  expect(await failureOf(collect(target.get('key', { signal: calm })))).toMatchObject(notS3);
  if (foreign.headers === undefined) return;
  expect(await failureOf(target.put('key', noise(7), { signal: calm }))).toMatchObject(notS3);
  expect(await failureOf(target.put('key', noise((1 << 20) + 1), { signal: calm }))).toMatchObject(notS3);
});

test('a missing object and a missing bucket are told by their names', async () => {
  expect(await failureOf(collect(open().get('none', { signal: calm })))).toMatchObject({ code: 'object-missing' });
  bucket = 'no-such-bucket';
  expect(await failureOf(open().list('', { signal: calm }))).toMatchObject({ code: 'target-no-bucket' });
  expect(await failureOf(collect(open().get('none', { signal: calm })))).toMatchObject({ code: 'target-no-bucket' });
});

test.each([
  ['what speaks TLS', Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46])],
  ['what greets as mail does', Buffer.from('220 mail.example ESMTP\r\n')],
])('%s on the port is told as such', async (_what, bytes) => {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const failure = await failureOf(open(`http://127.0.0.1:${port}`).list('', { signal: calm }));
    expect(failure).toMatchObject({ code: 'target-not-s3', message: expect.stringContaining('https://') as string });
  } finally {
    server.close();
  }
});

describe('a server that is asked to compare before it writes', () => {
  const absent = { condition: { kind: 'absent' }, signal: calm } as const;

  /** How many objects were put there with a condition, from now on. */
  function countConditions(): () => number {
    let count = 0;
    const onRequest = ({ headers }: http.IncomingMessage) => {
      if (headers['if-none-match'] !== undefined || headers['if-match'] !== undefined) count += 1;
    };
    front.on('request', onRequest);
    return () => {
      front.off('request', onRequest);
      return count;
    };
  }

  test('and passes that over is found out with the first record, and done without', async () => {
    const count = countConditions();
    const target = open();
    expect(await target.put('tidemark.json', noise(10), absent)).toEqual({ bytes: 10, isChecked: false });
    expect(await target.put('tidemark.json', noise(11), absent)).toEqual({ bytes: 11, isChecked: false });
    expect(await open().put('other', noise(12), absent)).toEqual({ bytes: 12, isChecked: false });
    expect(count()).toBe(2);
  });

  test('and does is believed from then on', async () => {
    const compare = (request: http.IncomingMessage) => {
      const isTaken = request.headers['if-none-match'] === '*' && stored.has(request.url ?? '');
      answer = isTaken ? s3Error(412, 'PreconditionFailed') : undefined;
      if (request.method === 'PUT') stored.add(request.url ?? '');
    };
    const stored = new Set<string>();
    front.prependListener('request', compare);
    try {
      const comparing = openS3Target(parseS3Url(`${s3UrlOf(endpoint, bucket, 'app.db')}&concurrency=3`), {
        credentials: upstream.credentials,
        firstDelayMs: 1,
      });
      const count = countConditions();
      expect(await comparing.put('tidemark.json', noise(10), absent)).toEqual({ bytes: 10, isChecked: true });
      expect(await comparing.put('a', noise(10), absent)).toEqual({ bytes: 10, isChecked: true });
      expect(count()).toBe(3);
      expect(await failureOf(comparing.put('a', noise(10), absent))).toMatchObject({ code: 'object-changed' });
    } finally {
      front.off('request', compare);
    }
  });
});
