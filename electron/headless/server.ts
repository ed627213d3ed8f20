// The application over HTTP and WebSocket, for one user's own browser. Serves the built window's files and the contract.
// Lets in only who redeems a key (for a cookie and a secret beside it), under a name of this machine, from its own pages; whatever
// is sent, it answers or closes, and never throws. Knows nothing of engine or demo beyond the HostApi: that is headless.ts.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { must } from '../../shared/assert.ts';
import { contentOrigin, findContentFile } from '../host/content-files.ts';
import { contentHeaders } from '../host/content-headers.ts';
import { type ConnectionBounds, boundConnections } from './bounds.ts';
import { refuseStranger } from './names.ts';
import { Sessions } from './sessions.ts';
import { serveSocket } from './socket.ts';
import type { HostApi } from '../host/host-api.ts';

export interface HeadlessServerOptions {
  readonly api: HostApi;
  /** The built window: `dist/renderer`. */
  readonly contentDir: string;
  /** Address to listen on. */
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Origins under which a browser comes by way of something else. */
  readonly origins?: readonly string[];
  /** With them it speaks HTTPS. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  /** Tells the cookies of one Tidemark from another's. */
  readonly name: string;
  /** True for a key that lets in, which it does not a second time. */
  readonly redeem: (key: string) => boolean;
}

export interface HeadlessServer extends AsyncDisposable {
  /** Where it listens, as a browser writes an origin. */
  readonly origin: string;
}

interface Door {
  readonly options: HeadlessServerOptions;
  readonly scheme: 'http' | 'https';
  readonly sessions: Sessions;
  readonly bounds: ConnectionBounds;
}

/** The largest message of the contract is a list of paths. */
const maxMessageBytes = 1024 * 1024;
const maxKeyBytes = 1024;
/** What is served before anybody came in: a page that redeems a key, and its scripts. */
const openFiles: ReadonlyMap<string, string> = new Map([
  ['/enter', '/enter.html'],
  ['/enter.js', '/enter.js'],
  ['/session.js', '/session.js'],
]);

/** Starts listening; rejects with Node's error where the address is taken or not this machine's. */
export async function startHeadlessServer(options: HeadlessServerOptions): Promise<HeadlessServer> {
  const { api, host, tls } = options;
  const http = { maxHeaderSize: 16 * 1024, connectionsCheckingInterval: 5000 };
  const server: Server =
    tls === undefined
      ? createServer(http)
      : createSecureServer({ ...http, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: 10_000 });
  const door: Door = {
    options,
    scheme: tls === undefined ? 'http' : 'https',
    sessions: new Sessions(options.name),
    bounds: boundConnections(server),
  };
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessageBytes,
    handleProtocols: () => socketProtocol,
  });

  server.on('request', (request, response) => {
    // @NOTE Whoever went away does not want the answer.
    for (const stream of [request, response]) stream.on('error', () => {});
    answer(request, response, door).catch(() => refuse(response, 500, 'This could not be answered.'));
  });
  server.on('upgrade', (request, socket: Duplex, head) => {
    socket.on('error', () => socket.destroy());
    if (!mayConnect(request, door)) {
      (socket as Socket).write('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      // The other side need not agree.
      (socket as Socket).destroySoon();
      return;
    }
    door.bounds.welcome(request.socket);
    sockets.handleUpgrade(request, socket, head, (webSocket) => serveSocket(webSocket, api));
  });

  await listen(server, options);
  // @NOTE A connection that could not be taken, for want of files for example, is lost; the next one may not be.
  server.on('error', () => {});
  const { address, port } = must(server.address() as AddressInfo | null, 'the server listens on TCP');
  const name = isAny(address) ? 'localhost' : address.includes(':') ? `[${address}]` : address;
  return {
    origin: `${door.scheme}://${tls === undefined || isAny(address) || address === host ? name : host}:${port}`,
    async [Symbol.asyncDispose]() {
      for (const webSocket of sockets.clients) webSocket.close(1001, 'Tidemark is stopping');
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      server.closeIdleConnections();
      // Whoever does not answer the goodbye in time is cut off.
      const impatience = setTimeout(() => {
        for (const webSocket of sockets.clients) webSocket.terminate();
        server.closeAllConnections();
      }, 500);
      await closed;
      clearTimeout(impatience);
    },
  };
}

const needsKey =
  'Open Tidemark with the address it printed when it started, which works once, or ask for another one: tidemark open';
/** The first of the two words by which a page asks for the socket; the other one is its secret. */
const socketProtocol = 'tidemark';

async function answer(request: IncomingMessage, response: ServerResponse, door: Door): Promise<void> {
  const { options, scheme, sessions, bounds } = door;
  for (const [name, value] of Object.entries(contentHeaders)) response.setHeader(name, value);
  const { host, origins = [], contentDir } = options;
  const refusal = refuseStranger(request, { scheme, host, origins });
  if (refusal !== undefined) return refuse(response, 403, refusal);
  const [path = ''] = (request.url ?? '').split('?');
  if (!/^\/(?!\/)/.test(path)) return refuse(response, 400, 'That is no path.');

  if (path === '/session') return await answerSession(request, response, door);
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'Only GET is answered.');
  const open = openFiles.get(path);
  const isGuest = sessions.holdsCookie(request.headers.cookie);
  if (isGuest) bounds.welcome(request.socket);
  if (open === undefined && !isGuest) return refuse(response, 401, `${needsKey}.`);
  await serveFile(request, response, findContentFile(`${contentOrigin}${open ?? path}`, contentDir));
}

/** `POST` redeems a key, for a cookie and the secret beside it; `GET` says whether both are good. */
async function answerSession(request: IncomingMessage, response: ServerResponse, door: Door): Promise<void> {
  const { options, sessions, bounds } = door;
  const { headers, method } = request;
  response.setHeader('cache-control', 'no-store');
  if (method === 'GET') {
    const isIn = sessions.holdsBoth(headers.cookie, headers['x-tidemark-secret']?.toString());
    return isIn ? void response.writeHead(204).end() : refuse(response, 401, `${needsKey}.`);
  }
  if (method !== 'POST') return refuse(response, 405, 'Only GET and POST are answered.');
  // Every browser names the page that posts; only ours may.
  if (headers.origin === undefined) return refuse(response, 403, 'Pages of other sites have no business here.');
  const key = await readShort(request);
  if (key === undefined) return refuse(response, 413, 'That is no key.');
  if (!options.redeem(key)) return refuse(response, 403, `That key is not valid any more. ${needsKey}.`);
  bounds.welcome(request.socket);
  const session = sessions.begin();
  response.setHeader('set-cookie', sessions.cookieHeader(session, headers.origin.startsWith('https:')));
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(session.secret);
}

function mayConnect(request: IncomingMessage, { options, scheme, sessions }: Door): boolean {
  const { host, origins = [] } = options;
  const { headers, url } = request;
  const [protocol, secret] = (headers['sec-websocket-protocol'] ?? '').split(',').map((word) => word.trim());
  return (
    refuseStranger(request, { scheme, host, origins }) === undefined &&
    headers.origin !== undefined &&
    url === '/socket' &&
    protocol === socketProtocol &&
    sessions.holdsBoth(headers.cookie, secret)
  );
}

async function serveFile(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  file: ReturnType<typeof findContentFile>,
): Promise<void> {
  // @NOTE Missing or unreadable: for a page both are the same.
  const body = file === undefined ? undefined : await readFile(file.path).catch(() => undefined);
  if (file === undefined || body === undefined) return refuse(response, 404, 'There is no such page.');
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  // Checked again on every load: a rebuilt page must not meet an old script.
  response.setHeader('cache-control', 'no-cache');
  response.setHeader('etag', etag);
  if (headers['if-none-match'] === etag) return void response.writeHead(304).end();
  response.writeHead(200, { 'content-type': file.type, 'content-length': body.length });
  response.end(method === 'HEAD' ? undefined : body);
}

/** A body that is as short as a key; undefined for a longer one. */
async function readShort(request: IncomingMessage): Promise<string | undefined> {
  let text = '';
  for await (const chunk of request) {
    text += (chunk as Buffer).toString('latin1');
    if (text.length > maxKeyBytes) return undefined;
  }
  return text.trim();
}

function refuse(response: ServerResponse, status: number, sentence: string): void {
  if (response.headersSent) return void response.destroy();
  response.setHeader('cache-control', 'no-store');
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${sentence}\n`);
}

function isAny(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

function listen(server: Server, { host, port }: HeadlessServerOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host, port, exclusive: true }, () => {
    server.off('error', reject);
    resolve();
  });
  return promise;
}
