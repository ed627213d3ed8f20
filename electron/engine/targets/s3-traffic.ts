// Tells what really leaves for S3: each request with its kind, and the bytes of its body as they go, after everything that is
// computed from them was computed.
import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { currentTraffic, type RequestKind, type Traffic } from './traffic.ts';

/** Makes a client tell its traffic to whoever hears of it where it is used. */
export function tellTraffic(client: S3Client): void {
  client.middlewareStack.add(
    (next, context) => async (args) =>
      await next({ ...args, request: await tellRequest(kindOf(context['commandName']), args.request) }),
    { step: 'deserialize', priority: 'low', name: 'tidemarkTraffic' },
  );
}

/** Tells a request that is about to leave; returns what may leave now and, at its time, of its body. */
export async function tellRequest(kind: RequestKind, request: unknown): Promise<unknown> {
  const traffic = currentTraffic();
  if (traffic === undefined) return request;
  traffic.request(kind);
  if (!hasBytes(request)) return request;
  const { body } = request;
  const allowed = await traffic.send(body.length);
  // Its length and its hash are in the headers by now.
  return allowed === body.length
    ? request
    : Object.assign(request, { body: Readable.from(slices(body, allowed, traffic), { objectMode: false }) });
}

async function* slices(body: Uint8Array, allowed: number, traffic: Traffic): AsyncGenerator<Uint8Array> {
  for (let at = 0, size = allowed; at < body.length;) {
    yield body.subarray(at, at + size);
    at += size;
    if (at < body.length) size = await traffic.send(body.length - at);
  }
}

/** The kinds that providers bill apart. */
function kindOf(command: unknown): RequestKind {
  const name = typeof command === 'string' ? command : '';
  if (/^(Put|Create|Upload|Complete|Copy)/.test(name)) return 'put';
  if (/^(Delete|Abort)/.test(name)) return 'delete';
  return /^(GetObject|HeadObject)Command$/.test(name) ? 'get' : 'list';
}

function hasBytes(request: unknown): request is { body: Uint8Array } {
  return typeof request === 'object' && request !== null && 'body' in request && request.body instanceof Uint8Array;
}
