// What a provider needs of every request, put on it before it is signed.
import { createHash } from 'node:crypto';
import type { Provider } from '../../../shared/providers.ts';

export interface HttpRequest {
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

export function isHttpRequest(request: unknown): request is HttpRequest {
  return typeof request === 'object' && request !== null && 'headers' in request && 'body' in request;
}

/** Adds the provider's headers, and what its server checks a body by. */
export function addQuirks(request: HttpRequest, { headers, checksums }: Provider): void {
  Object.assign(request.headers, headers);
  if (checksums === 'when-required') addMd5(request);
}

/** What every S3 since the first one checks a body by. */
function addMd5({ headers, body }: HttpRequest): void {
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) return;
  headers['content-md5'] ??= createHash('md5').update(body).digest('base64');
  // The newer ones, which the SDK insists on for some requests, are what older servers stumble over.
  for (const name of Object.keys(headers)) {
    if (/^x-amz-(checksum-|sdk-checksum-)/i.test(name)) Reflect.deleteProperty(headers, name);
  }
}
