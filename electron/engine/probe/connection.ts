// How far one gets on the way to a server, before anything is asked of it: its name, its port, its certificate, its clock,
// and whether what answers there speaks S3 at all. Sends no credentials.
import { lookup } from 'node:dns/promises';
import { Agent as HttpAgent, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { AppError } from '../../../shared/errors.ts';
import { formatInstantUtc } from '../../../shared/format.ts';
import { classifyS3Error } from '../targets/s3-errors.ts';
import { explainForeign } from '../targets/s3-foreign.ts';
import { type Proxy, proxyFor } from '../targets/s3-proxy.ts';

/** Origin of a server, taken apart. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
  /** Host and port, as users see them. */
  readonly name: string;
  /** Through whom it is reached. */
  readonly proxy: Proxy | undefined;
}

/** What a server says when nobody in particular asks. */
export interface Hello {
  /** How far this computer's clock is ahead of the server's, in milliseconds; undefined where it tells none. */
  readonly skewMs: number | undefined;
  /** Where it says that the bucket is. */
  readonly region: string | undefined;
}

export function parseEndpoint(origin: string): Endpoint {
  const url = new URL(origin);
  const isSecure = url.protocol === 'https:';
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port,
    isSecure,
    name: url.host,
    proxy: proxyFor(origin, process.env),
  };
}

/** Finds the server's address, or that of the proxy on the way, and opens a connection to it; throws `target-unreachable`. */
export async function reach(endpoint: Endpoint, signal: AbortSignal): Promise<string> {
  const { host, port, name } = endpoint.proxy === undefined ? endpoint : parseEndpoint(endpoint.proxy.url);
  try {
    const { address } = await lookup(host);
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const socket = net.connect({ host: address, port, signal }, () => {
        socket.destroy();
        resolve();
      });
      socket.on('error', reject);
    });
    return address;
  } catch (error) {
    signal.throwIfAborted();
    throw networkErrorOf(error, name);
  }
}

/** Looks at the server's certificate; throws `target-tls` with what is wrong with it. Resolves with the instant it ends, in words. */
export async function checkCertificate({ host, port, name, proxy }: Endpoint, signal: AbortSignal): Promise<string> {
  try {
    if (proxy !== undefined) return await certificateThrough(proxy, { host: name, signal });
    return await new Promise<string>((resolve, reject) => {
      const servername = net.isIP(host) === 0 ? host : '';
      const socket = tls.connect({ host, port, servername }, () => {
        const { valid_to: end } = socket.getPeerCertificate();
        socket.destroy();
        resolve(formatInstantUtc(Date.parse(end)));
      });
      socket.on('error', reject);
      const onAbort = () => socket.destroy(new Error('aborted'));
      signal.addEventListener('abort', onAbort, { once: true });
      socket.once('close', () => signal.removeEventListener('abort', onAbort));
    });
  } catch (error) {
    signal.throwIfAborted();
    throw networkErrorOf(error, name);
  }
}

/** When the certificate ends that is shown behind a proxy. */
async function certificateThrough(
  proxy: Proxy,
  { host, signal }: { readonly host: string; readonly signal: AbortSignal },
): Promise<string> {
  return await new Promise((resolve, reject) => {
    const agent = new HttpsAgent({ proxyEnv: proxy.env });
    const request = requestHttps(`https://${host}/`, { agent, method: 'HEAD', signal }, (response) => {
      const { socket } = response;
      if (socket instanceof tls.TLSSocket) resolve(formatInstantUtc(Date.parse(socket.getPeerCertificate().valid_to)));
      else reject(new Error('there is no certificate'));
      response.destroy();
    });
    request.on('error', reject);
    request.end();
  });
}

/** Asks for the bucket without credentials; throws `target-not-s3` where something else answers. */
export async function greet(
  origin: string,
  { path, signal, now }: { readonly path: string; readonly signal: AbortSignal; readonly now: () => number },
): Promise<Hello> {
  const { name, proxy } = parseEndpoint(origin);
  let answer: Answer;
  try {
    answer = await ask(new URL(path, origin), { proxy, signal });
  } catch (error) {
    signal.throwIfAborted();
    const isForeign = error instanceof Error && 'code' in error && String(error.code).startsWith('HPE_');
    if (isForeign)
      throw new AppError('target-not-s3', {
        host: name,
        reason: 'it does not speak HTTP; where it speaks TLS, its address begins with https://',
      });
    throw networkErrorOf(error, name);
  }
  const { status, headers, text } = answer;
  const isAmazonish = Object.keys(headers).some((key) => key.startsWith('x-amz-'));
  // Some servers call their XML a page.
  const isXml = /^\s*<(\?xml|[A-Z])/.test(text);
  const isPage = /text\/html/i.test(headers['content-type'] ?? '') || /^\s*<(!doctype\s+)?html/i.test(text);
  const isElsewhere = status >= 300 && status < 400 && !text.includes('<Error');
  const isOnTheWay = /HTTP request.{0,40}HTTPS/i.test(text) || [407, 502, 504, 511].includes(status);
  if (!isAmazonish && ((isPage && !isXml) || isElsewhere || isOnTheWay)) {
    const { code, reason } = explainForeign({ status, headers, text });
    throw new AppError(code, { host: name, path: name, reason });
  }
  const at = Date.parse(headers['date'] ?? '');
  return {
    skewMs: Number.isNaN(at) ? undefined : now() - at,
    region: headers['x-amz-bucket-region'] ?? /<Region>([a-z0-9-]+)<\/Region>/.exec(text)?.[1],
  };
}

function networkErrorOf(error: unknown, host: string): AppError {
  return classifyS3Error(error, { url: host, bucket: '', host, action: 'look at the bucket' });
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Its beginning. */
  readonly text: string;
}

const readAtMost = 4096;

async function ask(
  url: URL,
  { proxy, signal }: { readonly proxy: Proxy | undefined; readonly signal: AbortSignal },
): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const isSecure = url.protocol === 'https:';
    const send = isSecure ? requestHttps : requestHttp;
    const Agent = isSecure ? HttpsAgent : HttpAgent;
    const agent = proxy === undefined ? false : new Agent({ proxyEnv: proxy.env });
    const request = send(url, { agent, signal, headers: { accept: '*/*' } }, (response) => {
      const chunks: Buffer[] = [];
      const done = () => {
        const headers = Object.fromEntries(
          Object.entries(response.headers).map(([key, value]) => [key, String(value)]),
        );
        const text = Buffer.concat(chunks).toString('utf8').slice(0, readAtMost);
        resolve({ status: response.statusCode ?? 0, headers, text });
        request.destroy();
      };
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if (chunks.reduce((sum, { length }) => sum + length, 0) >= readAtMost) done();
      });
      response.once('end', done);
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end();
  });
}
