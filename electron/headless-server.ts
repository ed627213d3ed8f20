// The application over HTTP and WebSocket, for one user's own browser. Serves the built window's files and the contract.
// Lets in only who holds the token (exchanged for a cookie), under a name of this machine, from its own pages.
// Knows nothing of engine or demo beyond the HostApi; starting and stopping those is headless.ts.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createBirpc } from 'birpc';
import sirv from 'sirv';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import { must } from '../shared/assert.ts';
import type { CommandName, Reply } from '../shared/contract.ts';
import type { AppState } from '../shared/model.ts';
import { contentHeaders } from './content-headers.ts';
import type { HostApi } from './host-api.ts';
import { createStatePush } from './state-push.ts';

export interface HeadlessServerOptions {
  readonly api: HostApi;
  /** The built window: `dist/renderer`. */
  readonly contentDir: string;
  /** Address to listen on. */
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
}

export interface HeadlessServer extends AsyncDisposable {
  /** The address with the token: what to open. */
  readonly url: string;
}

/** What a window may ask over the socket. */
export interface SocketServerFunctions {
  call(name: unknown, argument: unknown): Promise<Reply<CommandName>>;
}

/** What the window hears over the socket. */
export interface SocketClientFunctions {
  state(state: AppState): void;
}

/** At most this much of what was sent may wait in a socket before states are skipped. */
const cloggedBytes = 4 * 1024 * 1024;
const statesEveryMs = 200;
/** The largest message of the contract is a list of paths. */
const maxMessageBytes = 1024 * 1024;

/** Starts listening; rejects with Node's error where the address is taken or not this machine's. */
export async function startHeadlessServer(options: HeadlessServerOptions): Promise<HeadlessServer> {
  const token = randomBytes(32).toString('base64url');
  const session = randomBytes(32).toString('base64url');
  const serveFile = sirv(options.contentDir, { etag: true });
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes });

  const server = createServer({ maxHeaderSize: 16 * 1024 }, (request, response) => {
    for (const [name, value] of Object.entries(contentHeaders)) response.setHeader(name, value);
    const refusal = refuseStranger(request, options.host);
    if (refusal !== undefined) return refuse(response, 403, refusal);
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'Only GET is answered.');
    const url = new URL(request.url ?? '/', 'http://tidemark.invalid');
    const offered = url.searchParams.get('token');
    if (offered !== null && url.pathname === '/')
      return exchangeToken(request, response, isSame(offered, token), session);
    if (!holdsCookie(request, session)) return refuse(response, 401, needsAddress);
    // Checked again on every load: a rebuilt page must not meet an old script.
    response.setHeader('cache-control', 'no-cache');
    return serveFile(request, response, () => refuse(response, 404, 'There is no such page.'));
  });

  server.on('upgrade', (request, socket: Duplex, head) => {
    socket.on('error', () => socket.destroy());
    const isAllowed =
      refuseStranger(request, options.host) === undefined &&
      request.headers.origin !== undefined &&
      holdsCookie(request, session) &&
      request.url === '/socket';
    if (!isAllowed) {
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => serveSocket(webSocket, options.api));
  });

  await listen(server, options);
  const { address, port } = must(server.address() as AddressInfo | null, 'the server listens on TCP');
  return {
    url: `http://${address.includes(':') ? `[${address}]` : address}:${port}/?token=${token}`,
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

const needsAddress = 'Open Tidemark with the address it printed when it started: it carries the key to this page.';

function serveSocket(webSocket: WebSocket, api: HostApi): void {
  const functions: SocketServerFunctions = { call: (name, argument) => api.invoke(name, argument) };
  const rpc = createBirpc<SocketClientFunctions, SocketServerFunctions, false>(functions, {
    proxify: false,
    post: (text: string) => webSocket.send(text),
    on: (listener) => webSocket.on('message', (data: RawData) => listener(data)),
    serialize: (message: unknown) => JSON.stringify(message),
    deserialize: parseRequest,
    // What is not a request of ours ends the conversation.
    onGeneralError: () => {
      webSocket.close(1007, 'not understood');
      return true;
    },
  });
  const push = createStatePush<AppState>({
    everyMs: statesEveryMs,
    send: (state) => {
      rpc.$callEvent('state', state).catch(() => webSocket.terminate());
    },
    isClogged: () => webSocket.bufferedAmount > cloggedBytes,
  });
  const unsubscribe = api.subscribe((state) => push.push(state));
  webSocket.on('error', () => webSocket.terminate());
  webSocket.on('close', () => {
    unsubscribe();
    push[Symbol.dispose]();
    rpc.$close();
  });
}

/** One request of birpc's protocol that names the one function there is; everything else throws. */
function parseRequest(data: RawData): unknown {
  return callRequest.parse(JSON.parse(Buffer.isBuffer(data) ? data.toString('utf8') : ''));
}

const callRequest = z.object({
  t: z.literal('q'),
  i: z.string(),
  m: z.literal('call'),
  a: z.array(z.unknown()).max(2),
});

/**
 * A page of another site may send requests here, and its name may be made to point here (DNS rebinding): both show in
 * Host and Origin. Returns the sentence for the stranger, or undefined for our own.
 */
function refuseStranger(request: IncomingMessage, configuredHost: string): string | undefined {
  const { host, origin } = request.headers;
  if (host === undefined || !isOurName(host, request, configuredHost)) {
    return 'This address is not one of Tidemark’s. Open it with the address it printed when it started.';
  }
  if (origin !== undefined && origin !== `http://${host}`) return 'Pages of other sites have no business here.';
  return undefined;
}

function isOurName(host: string, { socket }: IncomingMessage, configuredHost: string): boolean {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([^:@/?#[\]]+))(?::(\d+))?$/i.exec(host) ?? [];
  const name = (bracketed ?? plain)?.toLowerCase();
  if (name === undefined || Number(port ?? 80) !== socket.localPort) return false;
  const local = socket.localAddress?.replace(/^::ffff:/, '') ?? '';
  const isLoopback = local === '::1' || local.startsWith('127.');
  return name === local || name === configuredHost.toLowerCase() || (isLoopback && name === 'localhost');
}

function exchangeToken(request: IncomingMessage, response: ServerResponse, isRight: boolean, session: string): void {
  response.setHeader('cache-control', 'no-store');
  if (!isRight) return refuse(response, 403, `That key is not valid any more. ${needsAddress}`);
  response.setHeader('set-cookie', `${cookieName(request)}=${session}; HttpOnly; SameSite=Strict; Path=/`);
  response.writeHead(303, { location: '/' }).end();
}

function holdsCookie(request: IncomingMessage, session: string): boolean {
  const wanted = `${cookieName(request)}=`;
  const cookies = (request.headers.cookie ?? '').split(';').map((cookie) => cookie.trim());
  const found = cookies.find((cookie) => cookie.startsWith(wanted));
  return found !== undefined && isSame(found.slice(wanted.length), session);
}

/** Cookies ignore ports; a second Tidemark on this machine needs a name of its own. */
function cookieName({ socket }: IncomingMessage): string {
  return `tidemark-${socket.localPort ?? 0}`;
}

/** Compares in a time that tells nothing of where they differ. */
function isSame(offered: string, secret: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(offered), digest(secret));
}

function refuse(response: ServerResponse, status: number, sentence: string): void {
  response.setHeader('cache-control', 'no-store');
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${sentence}\n`);
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
