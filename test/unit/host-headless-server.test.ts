// Who is let in by the headless host, and what its pages may do. Real sockets on loopback.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { addressWith } from '../../electron/host/way-in.ts';
import { type HeadlessServer, startHeadlessServer } from '../../electron/headless/server.ts';
import { createHostApi, notAvailable } from '../../electron/host/host-api.ts';
import { createEngineSubstitute, emptyEngineState } from '../support/engine-substitute.ts';
import { enter } from '../support/enter.ts';
import { tempFolder, until } from '../support/temp.ts';

const folder = tempFolder();
const engine = createEngineSubstitute(emptyEngineState);
let server: HeadlessServer;
let origin: string;
let port: number;
let cookie: string;
let secret: string;
/** Keys that were made, and not redeemed yet. */
const keys = new Set<string>();

beforeAll(async () => {
  mkdirSync(folder.at('content/assets'), { recursive: true });
  writeFileSync(folder.at('content/index.html'), '<!doctype html><title>Tidemark</title>');
  writeFileSync(folder.at('content/enter.html'), '<!doctype html><p id="said">');
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
  server = await startHeadlessServer({
    api,
    contentDir: folder.at('content'),
    host: '127.0.0.1',
    port: 0,
    origins: ['https://backup.example'],
    name: 'abcdef01',
    redeem: (key) => keys.delete(key),
  });
  ({ origin } = server);
  port = Number(new URL(origin).port);
  ({ cookie, secret } = await enter(addressWith(newKey(), server)));
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function newKey(): string {
  const key = randomBytes(32).toString('base64url');
  keys.add(key);
  return key;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Node's plain client: it sends path and headers exactly as written. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET', body = ''): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
  })
    .on('error', reject)
    .end(body);
  return promise;
}

describe('a key', () => {
  const offer = (key: string, headers: Record<string, string> = { origin }) => get('/session', headers, 'POST', key);

  test('is exchanged once, for a cookie that scripts and other sites cannot use and a secret beside it', async () => {
    const key = newKey();
    const { status, headers, body } = await offer(key);
    expect({ status, cache: headers['cache-control'] }).toEqual({ status: 200, cache: 'no-store' });
    expect(String(headers['set-cookie'])).toMatch(/^tidemark-abcdef01=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/);
    expect(body).toMatch(/^[\w-]{43}$/);
    expect(String(headers['set-cookie'])).not.toContain(body);
    expect(await offer(key)).toMatchObject({ status: 403 });
  });

  test('gets a cookie that stays on HTTPS, where a proxy speaks that', async () => {
    const { headers } = await offer(newKey(), { origin: 'https://backup.example', host: 'backup.example' });
    expect(String(headers['set-cookie'])).toMatch(/; Secure$/);
  });

  test.each([
    ['wrong', () => 'A'.repeat(43), {}, 403],
    ['empty', () => '', {}, 403],
    ['far too long', () => 'A'.repeat(100_000), {}, 413],
    ['offered by no page', newKey, { origin: undefined }, 403],
    ['offered by a page of another site', newKey, { origin: 'https://evil.example' }, 403],
    ['offered under another name', newKey, { host: 'evil.example' }, 403],
  ])('that is %s gets nothing', async (_what, key, headers, expected) => {
    const sent = Object.entries({ origin, ...headers }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    const { status, headers: answered } = await offer(key(), Object.fromEntries(sent));
    expect({ status, cookie: answered['set-cookie'] }).toEqual({ status: expected, cookie: undefined });
  });

  test('is redeemed by a page that everybody may see', async () => {
    expect(await get('/enter')).toMatchObject({ status: 200, body: '<!doctype html><p id="said">' });
  });

  test('lets a page ask whether it is still known', async () => {
    const ask = async (headers: Record<string, string>) => (await get('/session', headers)).status;
    expect(await ask({ cookie, 'x-tidemark-secret': secret })).toBe(204);
    expect(await ask({ cookie })).toBe(401);
    expect(await ask({ cookie, 'x-tidemark-secret': 'A'.repeat(43) })).toBe(401);
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

  test('is served under the name of a proxy, whatever it makes of the Host', async () => {
    const named = { cookie, origin: 'https://backup.example' };
    expect((await get('/', { ...named, host: 'backup.example' })).status).toBe(200);
    expect((await get('/', named)).status).toBe(200);
  });

  test('is not sent again where the browser has it', async () => {
    const { headers } = await get('/', { cookie });
    expect(await get('/', { cookie, 'if-none-match': String(headers.etag) })).toMatchObject({ status: 304, body: '' });
  });

  test.each([
    ['no cookie', () => ({}), 401],
    ['a cookie of another value', () => ({ cookie: `tidemark-abcdef01=${'A'.repeat(43)}` }), 401],
    ['the secret as cookie', () => ({ cookie: `tidemark-abcdef01=${secret}` }), 401],
    ['a foreign Host (DNS rebinding)', () => ({ cookie, host: `evil.example:${port}` }), 403],
    ['a Host of another port', () => ({ cookie, host: `127.0.0.1:${port + 1}` }), 403],
    ['a Host without port', () => ({ cookie, host: '127.0.0.1' }), 403],
    ['a Host that hides a name', () => ({ cookie, host: `127.0.0.1:${port}@evil.example` }), 403],
    ['a foreign Origin', () => ({ cookie, origin: 'https://evil.example' }), 403],
    ['the Origin null', () => ({ cookie, origin: 'null' }), 403],
    ['an Origin of another name of this machine', () => ({ cookie, origin: `http://localhost:${port}` }), 403],
    ['the Host of a named origin, with a foreign Origin', () => ({ cookie, host: 'backup.example', origin }), 403],
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
  function connect(
    headers: Record<string, string>,
    { path = '/socket', protocols = ['tidemark', secret] } = {},
  ): Promise<WebSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, { headers });
    socket.once('open', () => resolve(socket)).once('error', reject);
    return promise;
  }

  test.each([
    ['no cookie', () => ({ origin })],
    ['no Origin', () => ({ cookie })],
    ['a foreign Origin', () => ({ cookie, origin: 'https://evil.example' })],
    ['a foreign Host', () => ({ cookie, origin: `http://evil.example:${port}`, host: `evil.example:${port}` })],
    ['a wrong cookie', () => ({ cookie: 'tidemark-abcdef01=x', origin })],
  ])('is refused to %s', async (_what, headers) => {
    await expect(connect(headers())).rejects.toThrow('403');
  });

  test('is refused under another path', async () => {
    await expect(connect({ cookie, origin }, { path: '/other' })).rejects.toThrow('403');
  });

  test.each([
    ['without the secret of its page', () => ['tidemark']],
    ['with another secret', () => ['tidemark', 'A'.repeat(43)]],
    ['with the secret under another name', () => ['other', secret]],
    ['with the cookie’s value as secret', () => ['tidemark', cookie.split('=')[1] ?? '']],
  ])('is refused to the cookie %s', async (_what, protocols) => {
    await expect(connect({ cookie, origin }, { protocols: protocols() })).rejects.toThrow('403');
  });

  test.skipIf(process.platform !== 'linux')('lets go of what it refuses, whatever the other side does', async () => {
    const files = (): number => readdirSync('/proc/self/fd').length;
    const before = files();
    const held = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const socket = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true });
        socket.write(
          `GET /socket HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n`,
        );
        await once(socket.resume(), 'end');
        return socket;
      }),
    );
    // These do not close their side, and are here too: ours must be gone.
    await until('the server’s sockets are gone', () => files() <= before + held.length + 5);
    for (const socket of held) socket.destroy();
    expect(held).toHaveLength(50);
  });

  test('pushes the state and answers commands', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`, ['tidemark', secret], {
      headers: { cookie, origin },
    });
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
      name: '12345678',
      redeem: () => true,
    });
    const { headers, protocols } = await enter(addressWith('any', other));
    const socket = new WebSocket(`ws://${new URL(other.origin).host}/socket`, [...protocols], { headers });
    const { promise: opened, resolve: onOpen, reject } = Promise.withResolvers<void>();
    const { promise: closed, resolve: onClose } = Promise.withResolvers<number>();
    socket.once('open', onOpen).once('error', reject).once('close', onClose);
    await opened;
    await other[Symbol.asyncDispose]();
    expect(await closed).toBe(1001);
  });
});
