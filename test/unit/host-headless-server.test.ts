// Who is let in by the headless host, and what its pages may do. Real sockets on loopback.
import { mkdirSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type HeadlessServer, startHeadlessServer } from '../../electron/headless-server.ts';
import { createHostApi, notAvailable } from '../../electron/host-api.ts';
import { createEngineSubstitute, emptyEngineState } from '../support/engine-substitute.ts';
import { tempFolder } from '../support/temp.ts';

const folder = tempFolder();
const engine = createEngineSubstitute(emptyEngineState);
let server: HeadlessServer;
let origin: string;
let port: number;
let token: string;
let cookie: string;

beforeAll(async () => {
  mkdirSync(folder.at('content/assets'), { recursive: true });
  writeFileSync(folder.at('content/index.html'), '<!doctype html><title>Tidemark</title>');
  writeFileSync(folder.at('content/assets/main.js'), 'export {};');
  writeFileSync(folder.at('secret.txt'), 'outside');
  const handlers = {
    chooseDatabase: notAvailable('A file dialog'),
    chooseFolder: notAvailable('A file dialog'),
    chooseOutput: notAvailable('A file dialog'),
    showInFolder: notAvailable('The file manager'),
    startDemo: notAvailable('The demo'),
    stopDemo: notAvailable('The demo'),
  };
  const host = {
    kind: 'headless',
    hasDialogs: false,
    canShowInFolder: false,
    hasTray: false,
    secretsKeptBy: 'file',
  } as const;
  const api = createHostApi({
    engine,
    host: { ...host, platform: 'linux', home: '/home/ada' },
    demo: { subscribe: () => () => undefined },
    handlers,
  });
  server = await startHeadlessServer({ api, contentDir: folder.at('content'), host: '127.0.0.1', port: 0 });
  const url = new URL(server.url);
  origin = url.origin;
  port = Number(url.port);
  token = url.searchParams.get('token') ?? '';
  const { headers } = await get(`/?token=${token}`);
  cookie = String(headers['set-cookie']).split(';')[0] ?? '';
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Node's plain client: it sends path and headers exactly as written. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
    let body = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
  })
    .on('error', reject)
    .end();
  return promise;
}

describe('the token', () => {
  test('is 256 bits, and is exchanged for a cookie that scripts and other sites cannot use', async () => {
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    const { status, headers } = await get(`/?token=${token}`);
    expect({ status, location: headers.location, cache: headers['cache-control'] }).toEqual({
      status: 303,
      location: '/',
      cache: 'no-store',
    });
    expect(String(headers['set-cookie'])).toMatch(/^tidemark-\d+=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/);
    expect(String(headers['set-cookie'])).not.toContain(token);
  });

  test.each([
    ['wrong', () => 'A'.repeat(43)],
    ['shorter', () => token.slice(0, -1)],
    ['empty', () => ''],
  ])('that is %s gets no cookie', async (_what, offered) => {
    const { status, headers, body } = await get(`/?token=${offered()}`);
    expect({ status, cookie: headers['set-cookie'] }).toEqual({ status: 403, cookie: undefined });
    expect(body).toContain('address it printed');
  });
});

describe('a page', () => {
  test('is served with the cookie, under a strict policy', async () => {
    const { status, headers, body } = await get('/', { cookie });
    expect(status).toBe(200);
    expect(body).toContain('<title>Tidemark</title>');
    expect(headers).toMatchObject({
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  test('is served under the name localhost too', async () => {
    expect((await get('/assets/main.js', { cookie, host: `localhost:${port}` })).status).toBe(200);
  });

  test.each([
    ['no cookie', () => ({}), 401],
    ['a cookie of another value', () => ({ cookie: `tidemark-${port}=${'A'.repeat(43)}` }), 401],
    ['the token as cookie', () => ({ cookie: `tidemark-${port}=${token}` }), 401],
    ['a foreign Host (DNS rebinding)', () => ({ cookie, host: `evil.example:${port}` }), 403],
    ['a Host of another port', () => ({ cookie, host: `127.0.0.1:${port + 1}` }), 403],
    ['a Host without port', () => ({ cookie, host: '127.0.0.1' }), 403],
    ['a Host that hides a name', () => ({ cookie, host: `127.0.0.1:${port}@evil.example` }), 403],
    ['a foreign Origin', () => ({ cookie, origin: 'https://evil.example' }), 403],
    ['the Origin null', () => ({ cookie, origin: 'null' }), 403],
    ['an Origin of another scheme', () => ({ cookie, origin: `https://127.0.0.1:${port}` }), 403],
  ])('is refused to %s', async (_what, headers, expected) => {
    const { status, headers: answered, body } = await get('/', headers());
    expect(status).toBe(expected);
    expect(body).not.toContain('<title>');
    expect(answered['content-security-policy']).toContain("default-src 'none'");
  });

  test.each(['/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/assets/..%5c..%5csecret.txt', '/%00', '/%'])(
    'outside the folder is not found: %s',
    async (path) => {
      const { status, body } = await get(path, { cookie });
      expect(status).toBeGreaterThanOrEqual(400);
      expect(body).not.toContain('outside');
    },
  );

  test('takes no other method than GET and HEAD', async () => {
    expect((await get('/', { cookie }, 'POST')).status).toBe(405);
    expect((await get('/', { cookie }, 'HEAD')).status).toBe(200);
  });
});

describe('the socket', () => {
  function connect(headers: Record<string, string>, path = '/socket'): Promise<WebSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
    socket.once('open', () => resolve(socket)).once('error', reject);
    return promise;
  }

  test.each([
    ['no cookie', () => ({ origin })],
    ['no Origin', () => ({ cookie })],
    ['a foreign Origin', () => ({ cookie, origin: 'https://evil.example' })],
    ['a foreign Host', () => ({ cookie, origin: `http://evil.example:${port}`, host: `evil.example:${port}` })],
    ['a wrong cookie', () => ({ cookie: `tidemark-${port}=x`, origin })],
  ])('is refused to %s', async (_what, headers) => {
    await expect(connect(headers())).rejects.toThrow('403');
  });

  test('is refused under another path', async () => {
    await expect(connect({ cookie, origin }, '/other')).rejects.toThrow('403');
  });

  test('pushes the state and answers commands', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers: { cookie, origin } });
    const messages: {
      readonly t: string;
      readonly m?: string;
      readonly i?: string;
      readonly a?: unknown[];
      readonly r?: unknown;
    }[] = [];
    const { promise: enough, resolve } = Promise.withResolvers<void>();
    socket.on('message', (data: Buffer) => {
      messages.push(JSON.parse(data.toString()) as (typeof messages)[number]);
      if (messages.length === 2) resolve();
    });
    socket.once('open', () => {
      socket.send(JSON.stringify({ t: 'q', i: 'one', m: 'call', a: ['chooseDatabase', {}] }));
    });
    await enough;
    socket.close();
    expect(messages.find((message) => message.m === 'state')?.a).toMatchObject([{ host: { kind: 'headless' } }]);
    expect(messages.find((message) => message.i === 'one')?.r).toMatchObject({
      ok: false,
      error: { code: 'not-available' },
    });
  });

  test.each([
    ['what is no JSON', 'hello'],
    ['JSON that is no message', 'null'],
    ['a function of Object.prototype', JSON.stringify({ t: 'q', i: '1', m: 'constructor', a: [] })],
    ['arguments that are no list', JSON.stringify({ t: 'q', i: '1', m: 'call', a: 7 })],
    ['an answer nobody asked for', JSON.stringify({ t: 's', i: '1', r: 1 })],
  ])('ends at %s, and the server lives on', async (_what, text) => {
    const socket = await connect({ cookie, origin });
    const { promise: closed, resolve } = Promise.withResolvers<number>();
    socket.once('close', resolve);
    socket.send(text);
    expect(await closed).toBe(1007);
    expect((await get('/', { cookie })).status).toBe(200);
  });

  test('ends with the server, which does not wait for its windows', async () => {
    const other = await startHeadlessServer({
      api: { invoke: () => Promise.reject(new Error('not asked')), subscribe: () => () => undefined },
      contentDir: folder.at('content'),
      host: '127.0.0.1',
      port: 0,
    });
    const url = new URL(other.url);
    const answer = await fetch(other.url, { redirect: 'manual' });
    const own = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
    const socket = new WebSocket(`ws://${url.host}/socket`, { headers: { cookie: own, origin: url.origin } });
    const { promise: opened, resolve: onOpen, reject } = Promise.withResolvers<void>();
    const { promise: closed, resolve: onClose } = Promise.withResolvers<number>();
    socket.once('open', onOpen).once('error', reject).once('close', onClose);
    await opened;
    await other[Symbol.asyncDispose]();
    expect(await closed).toBe(1001);
  });
});
