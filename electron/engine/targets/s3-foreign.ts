// Answers that do not come from S3: the page of a network that wants to be signed in to, of a server in between, of a port where TLS
// is spoken. A success of that kind would be taken for an empty listing, or for an object that was stored: it is told by what every
// S3 answers with. What an error of that kind means follows from its status alone.
import { Readable } from 'node:stream';
import type { ErrorCode } from '../../../shared/errors.ts';

/** An answer, as far as it tells whose it is. */
export interface AnswerFacts {
  readonly status: number;
  /** By their names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its beginning, where it is known. */
  readonly text: string;
}

/** A success that somebody else sent. */
export class ForeignAnswer extends Error {
  override readonly name = 'ForeignAnswer';
  readonly facts: AnswerFacts;
  constructor(facts: AnswerFacts) {
    super('the answer does not come from S3');
    this.facts = facts;
  }
}

interface Response {
  readonly statusCode: number;
  readonly headers?: unknown;
  body?: unknown;
}

/** Fails with {@link ForeignAnswer} for a success that is none of S3's; what it has to read of one for that it leaves there. */
export async function mustComeFromS3(command: string | undefined, response: unknown): Promise<void> {
  if (!isResponse(response) || response.statusCode >= 300) return;
  const headers = headersOf(response.headers);
  if (Object.keys(headers).some((key) => key.startsWith('x-amz-'))) return;
  const type = headers['content-type'];
  const isPage = /text\/html/i.test(type ?? '');
  const isBare = headers['etag'] === undefined;
  const foreign = new ForeignAnswer({ status: response.statusCode, headers, text: '' });
  if (command === 'GetObjectCommand') {
    const isOfObject = headers['last-modified'] !== undefined || headers['content-range'] !== undefined;
    if (!isPage && (!isBare || isOfObject)) return;
    // What is not read to its end would hold the connection.
    if (response.body instanceof Readable) response.body.destroy();
    throw foreign;
  }
  if (isWrite(command)) {
    // Where nothing but a status came back, a write was done: what is not S3 has something to say.
    if (isBare && type !== undefined) throw foreign;
    return;
  }
  if (!isPage || !(response.body instanceof Readable)) return;
  // Some servers call their XML so.
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  if (/^\s*<(!doctype\s+html|html)/i.test(body.toString('utf8', 0, 200))) throw foreign;
  response.body = body;
}

function isResponse(response: unknown): response is Response {
  return typeof response === 'object' && response !== null && 'statusCode' in response;
}

/** What these are answered with says that something was stored: its tag comes along. */
function isWrite(command: string | undefined): boolean {
  return command === 'PutObjectCommand' || command === 'UploadPartCommand';
}

/** Fails likewise for a listing that is none: it would say that nothing is there. */
export function mustBeListing(
  text: string,
  { status, headers }: { readonly status: number; readonly headers: unknown },
): void {
  if (/<(\w+:)?ListBucketResult[\s>/]/.test(text.slice(0, 2000))) return;
  throw new ForeignAnswer({ status, headers: headersOf(headers), text: text.slice(0, 500) });
}

/** Headers of an answer, by their names in small letters. */
export function headersOf(raw: unknown): Readonly<Record<string, string>> {
  const texts = Object.entries(raw ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(texts.map(([key, value]) => [key.toLowerCase(), value]));
}

/** What a foreign answer means. */
export function explainForeign({ status, headers, text }: AnswerFacts): {
  readonly code: Extract<
    ErrorCode,
    'target-not-s3' | 'target-unreachable' | 'target-too-large' | 'target-throttled' | 'target-failed'
  >;
  readonly reason: string;
} {
  if (/HTTP request.{0,40}HTTPS/i.test(text)) {
    return { code: 'target-not-s3', reason: 'it speaks TLS there, so its address begins with https://' };
  }
  switch (status) {
    case 407:
      return { code: 'target-unreachable', reason: 'the proxy on the way asks for a user and a password (407)' };
    case 413:
      return { code: 'target-too-large', reason: 'status 413' };
    case 429:
      return { code: 'target-throttled', reason: 'status 429' };
    case 500:
      return { code: 'target-failed', reason: 'something went wrong there (500)' };
    case 502:
    case 503:
    case 504:
      return { code: 'target-unreachable', reason: `a server on the way does not get through to it (${status})` };
    case 511:
      return { code: 'target-not-s3', reason: 'the network wants to be signed in to first (511)' };
  }
  if (status >= 300 && status < 400) {
    const where = hostIn(headers['location']);
    return { code: 'target-not-s3', reason: `it leads to another page${where === undefined ? '' : `, at ${where}`}` };
  }
  const isPage = /text\/html/i.test(headers['content-type'] ?? '') || /<html|<!doctype html/i.test(text);
  const what = isPage ? 'a web page came back' : 'what came back is no answer of S3';
  return { code: 'target-not-s3', reason: status < 300 ? what : `${what} (${status})` };
}

function hostIn(location: string | undefined): string | undefined {
  // @NOTE Where it leads within the same server, or nowhere, says nothing.
  return URL.parse(location ?? '')?.host;
}
