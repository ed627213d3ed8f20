// A proxy before a server of S3 that does, request by request, what networks, providers and clocks do. What the rules do not
// name goes through unharmed. Signatures survive, since the host that was asked for is passed on.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export type ProxyFault =
  /** Waits before anything happens. */
  | { readonly kind: 'latency'; readonly ms: number }
  /** Answers with an error of S3 and asks nobody. */
  | {
      readonly kind: 'refuse';
      readonly status: number;
      readonly code: string;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Cuts the connection after this many bytes of the request's body; nobody is asked. */
  | { readonly kind: 'cut-request'; readonly bytes: number }
  /** Cuts the connection after this many bytes of the answer's body. */
  | { readonly kind: 'cut-answer'; readonly bytes: number }
  /** The server does the work, and its answer is lost. */
  | { readonly kind: 'lose-answer' }
  /** Ends the answer early as if it were whole. */
  | { readonly kind: 'truncate'; readonly bytes: number }
  /** Does not say how long its answer is, nor which part of the object; `asWhole`: sends all of the object, whatever was asked. */
  | { readonly kind: 'no-length'; readonly asWhole?: boolean }
  /** Changes one byte of the answer's body, or of the request's. */
  | { readonly kind: 'flip-answer'; readonly at: number }
  | { readonly kind: 'flip-request'; readonly at: number };

export interface ProxiedRequest {
  readonly method: string;
  /** Path and query as they were asked for. */
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  /** Counts requests from 0. */
  readonly number: number;
}

export interface FaultyProxy extends AsyncDisposable {
  readonly endpoint: string;
  /** Every request so far, such as `GET /bucket/key`. */
  readonly requests: readonly string[];
  /** How far the server's clock is ahead; what was signed more than 15 minutes from it is refused. */
  skewMs: number;
  /** What is done to a request. */
  fault: (request: ProxiedRequest) => ProxyFault | undefined;
}

/** Errors of S3 that come and go. */
export const slowDown = { kind: 'refuse', status: 503, code: 'SlowDown' } as const;
export const tooMany = { kind: 'refuse', status: 429, code: 'TooManyRequests' } as const;
export const internalError = { kind: 'refuse', status: 500, code: 'InternalError' } as const;
export const expired = { kind: 'refuse', status: 400, code: 'ExpiredToken' } as const;

const toleratedSkewMs = 15 * 60_000;

export async function startFaultyProxy(options: {
  readonly upstream: string;
  readonly fault?: FaultyProxy['fault'];
}): Promise<FaultyProxy> {
  const upstream = new URL(options.upstream);
  const agent = new http.Agent({ keepAlive: true });
  const requests: string[] = [];
  const proxy = { endpoint: '', requests, skewMs: 0, fault: options.fault ?? (() => undefined) };

  const server = http.createServer((incoming, answer) => {
    const { method = 'GET', url = '/', headers } = incoming;
    const number = requests.push(`${method} ${url}`) - 1;
    // A connection that is cut while it is written to is what this is for.
    incoming.on('error', () => {});
    answer.on('error', () => {});
    if (proxy.skewMs !== 0) answer.setHeader('date', new Date(Date.now() + proxy.skewMs).toUTCString());
    const isLate = Math.abs(signedAt(headers) - (Date.now() + proxy.skewMs)) > toleratedSkewMs;
    const fault: ProxyFault | undefined = isLate
      ? { kind: 'refuse', status: 403, code: 'RequestTimeTooSkewed' }
      : proxy.fault({ method, url, headers, number });
    pass(incoming, answer, { upstream, agent, fault }).catch(() => answer.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  proxy.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return Object.assign(proxy, {
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      agent.destroy();
      await new Promise((closed) => server.close(closed));
    },
  });
}

interface Passing {
  readonly upstream: URL;
  readonly agent: http.Agent;
  readonly fault: ProxyFault | undefined;
}

async function pass(
  incoming: http.IncomingMessage,
  answer: http.ServerResponse,
  { upstream, agent, fault }: Passing,
): Promise<void> {
  if (fault?.kind === 'latency') await delay(fault.ms);
  if (fault?.kind === 'cut-request') {
    let seen = 0;
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      seen += chunk.length;
      if (seen >= fault.bytes) break;
    }
    incoming.socket.destroy();
    return;
  }
  const body = await readAll(incoming);
  if (fault?.kind === 'refuse') {
    refuse(answer, fault);
    return;
  }
  const sent = fault?.kind === 'flip-request' ? flipped(body, fault.at) : body;
  if (fault?.kind === 'no-length' && fault.asWhole === true) delete incoming.headers.range;
  const reply = await ask({ upstream, agent, incoming, body: sent });
  if (fault?.kind === 'lose-answer') {
    await readAll(reply);
    incoming.socket.destroy();
    return;
  }
  await sendOn(reply, answer, fault);
}

function refuse(answer: http.ServerResponse, fault: Extract<ProxyFault, { kind: 'refuse' }>): void {
  const { status, code, message = code, headers = {} } = fault;
  answer.writeHead(status, { 'content-type': 'application/xml', ...headers });
  answer.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);
}

async function ask(question: {
  readonly upstream: URL;
  readonly agent: http.Agent;
  readonly incoming: http.IncomingMessage;
  readonly body: Buffer;
}): Promise<http.IncomingMessage> {
  const { upstream, agent, incoming, body } = question;
  const { 'transfer-encoding': _chunked, expect: _expect, connection: _connection, ...headers } = incoming.headers;
  return await new Promise((resolve, reject) => {
    const asked = http.request({
      host: upstream.hostname,
      port: upstream.port,
      agent,
      method: incoming.method ?? 'GET',
      path: incoming.url ?? '/',
      headers: { ...headers, 'content-length': body.length },
      setHost: false,
    });
    asked.on('response', resolve);
    asked.on('error', reject);
    asked.end(body);
  });
}

async function sendOn(
  reply: http.IncomingMessage,
  answer: http.ServerResponse,
  fault: ProxyFault | undefined,
): Promise<void> {
  const { date: _date, connection: _connection, ...headers } = reply.headers;
  const status = reply.statusCode ?? 502;
  if (fault?.kind === 'truncate') {
    const whole = await readAll(reply);
    const part = whole.subarray(0, fault.bytes);
    answer.writeHead(status, { ...headers, 'content-length': part.length });
    answer.end(part);
    return;
  }
  const { 'content-length': _length, 'content-range': _range, ...unmeasured } = headers;
  answer.writeHead(status, fault?.kind === 'no-length' ? unmeasured : headers);
  answer.flushHeaders();
  let at = 0;
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    if (fault?.kind === 'cut-answer' && at + chunk.length > fault.bytes) {
      answer.write(chunk.subarray(0, fault.bytes - at), () => answer.socket?.destroy());
      reply.destroy();
      return;
    }
    const isHere = fault?.kind === 'flip-answer' && fault.at >= at && fault.at < at + chunk.length;
    if (!answer.write(isHere ? flipped(chunk, fault.at - at) : chunk)) {
      await new Promise<void>((go) => {
        answer.once('drain', go);
        answer.once('close', go);
      });
    }
    at += chunk.length;
  }
  answer.end();
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  if (at < changed.length) changed[at] = (changed[at] ?? 0) ^ 0x20;
  return changed;
}

/** When a request says that it was signed; now where it says nothing. */
function signedAt(headers: http.IncomingHttpHeaders): number {
  const text = headers['x-amz-date'];
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(typeof text === 'string' ? text : '');
  if (parts === null) return Date.now();
  const [, year, month, day, hour, minute, second] = parts.map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}
