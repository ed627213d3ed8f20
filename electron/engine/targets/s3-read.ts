// Reads an object of S3, or a range of it. A body that breaks off goes on where it ended, as long as the object is still the
// same and some of it arrives each time.
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { AppError } from '../../../shared/errors.ts';
import { classifyS3Error, statusOf } from './s3-errors.ts';
import type { S3Context } from './s3-context.ts';

interface Read {
  readonly key: string;
  readonly range: { readonly start: number; readonly end?: number } | undefined;
  readonly signal: AbortSignal;
}

/** How often in a row a body may break off before this much of it came through. */
const breaksAllowed = 5;
const progressBytes = 1 << 20;

export async function* readObject(context: S3Context, { key, range, signal }: Read): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted();
  if (range?.end !== undefined && range.start >= 0 && range.end <= range.start) return;
  const asked = { key, tag: undefined, signal };
  const first =
    (await open(context, { ...asked, header: rangeHeader(range) })) ??
    // Some servers refuse to count back further than an object is long.
    (range !== undefined && range.start < 0 ? await open(context, { ...asked, header: undefined }) : undefined);
  // Nothing of the object lies in the range.
  if (first === undefined) return;
  const { total } = first;
  if (total === undefined) {
    yield* readUnmeasured(context, first, { key, range, signal });
    return;
  }

  const end = Math.min(total, range?.end ?? total);
  let at = wantedStart(range, total);
  let answer: Answer | undefined = first;
  let breaks = 0;
  let progress = 0;
  while (at < end) {
    answer ??= await open(context, { key, header: `bytes=${at}-${end - 1}`, tag: first.tag, signal });
    // It is shorter than it was: somebody else's now.
    if (answer === undefined) throw new AppError('object-changed', { key, url: context.place('read objects').url });
    let failure: unknown;
    try {
      for await (const chunk of bodyOf(answer, { from: at, to: end, signal })) {
        at += chunk.length;
        progress += chunk.length;
        yield chunk;
      }
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
    if (at >= end) return;
    // It ended too soon, with an error or without.
    breaks = progress >= progressBytes ? 1 : breaks + 1;
    progress = 0;
    if (breaks > breaksAllowed) {
      const cut = failure ?? Object.assign(new Error('the answer ended too soon'), { code: 'ECONNRESET' });
      throw classifyS3Error(cut, context.place('read objects', key));
    }
    answer = undefined;
    await sleep(Math.random() * context.connection.firstDelayMs * 2 ** (breaks - 1), undefined, { signal }).catch(
      () => {},
    );
    signal.throwIfAborted();
  }
}

/** An answer that does not say how long it is: it ends where its body does, and breaks off where that fails. */
async function* readUnmeasured(
  context: S3Context,
  answer: Answer,
  { key, range, signal }: Read,
): AsyncGenerator<Uint8Array> {
  try {
    const whole = bodyOf(answer, { from: 0, to: Infinity, signal });
    if (range === undefined || answer.isPart) yield* whole;
    else if (range.start < 0) yield* lastOf(whole, -range.start);
    else yield* bodyOf(answer, { from: range.start, to: range.end ?? Infinity, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw classifyS3Error(error, context.place('read objects', key));
  }
}

/** The last bytes of a stream; no more of it is kept. */
async function* lastOf(stream: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  const kept: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    kept.push(chunk);
    length += chunk.length;
    for (let [first] = kept; first !== undefined && length - first.length >= count; [first] = kept) {
      kept.shift();
      length -= first.length;
    }
  }
  const [first, ...rest] = kept;
  if (first !== undefined) yield first.subarray(Math.max(0, length - count));
  yield* rest;
}

function rangeHeader(range: Read['range']): string | undefined {
  if (range === undefined) return undefined;
  if (range.start < 0) return `bytes=${range.start}`;
  return `bytes=${range.start}-${range.end === undefined ? '' : range.end - 1}`;
}

function wantedStart(range: Read['range'], total: number): number {
  if (range === undefined) return 0;
  return range.start < 0 ? Math.max(0, total + range.start) : range.start;
}

interface Answer {
  readonly body: Readable | undefined;
  /** Where in the object the body begins and ends; the size of the whole object. Undefined where the server does not say. */
  readonly start: number;
  readonly end: number | undefined;
  readonly total: number | undefined;
  /** Only what was asked for, as the server says; else the whole object. */
  readonly isPart: boolean;
  readonly tag: string | undefined;
}

interface Opening {
  readonly key: string;
  readonly header: string | undefined;
  /** The object has to be the one with this tag. */
  readonly tag: string | undefined;
  readonly signal: AbortSignal;
}

/** Undefined where the range lies behind the end. */
async function open(context: S3Context, { key, header, tag, signal }: Opening): Promise<Answer | undefined> {
  return await context.connection.send(
    context.place('read objects', key),
    async (client, { abortSignal }) => {
      try {
        const answer = await client.send(
          new GetObjectCommand({
            Bucket: context.address.bucket,
            Key: context.fullKey(key),
            ...(header === undefined ? {} : { Range: header }),
            ...(tag === undefined ? {} : { IfMatch: tag }),
          }),
          { abortSignal },
        );
        const [, start, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(answer.ContentRange ?? '') ?? [];
        // A server may pass a range over and send everything.
        const isPart = answer.$metadata.httpStatusCode === 206;
        // A part that does not say of what tells no size by its length.
        const whole = isPart ? undefined : answer.ContentLength;
        return {
          body: answer.Body as Readable | undefined,
          start: Number(start ?? 0),
          end: last === undefined ? whole : Number(last) + 1,
          total: total === undefined ? whole : Number(total),
          isPart,
          tag: answer.ETag,
        };
      } catch (error) {
        if (statusOf(error) === 416) return undefined;
        throw error;
      }
    },
    { signal },
  );
}

interface Wanted {
  readonly from: number;
  readonly to: number;
  readonly signal: AbortSignal;
}

/** The bytes of an answer that lie in the range. */
async function* bodyOf(answer: Answer, { from, to, signal }: Wanted): AsyncGenerator<Uint8Array> {
  const { body } = answer;
  if (body === undefined) return;
  const stop = () => body.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    let at = answer.start;
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      signal.throwIfAborted();
      const part = chunk.subarray(Math.max(0, from - at), Math.max(0, to - at));
      at += chunk.length;
      if (part.length > 0) yield part;
      // What is read to its end leaves the connection to the next request.
      if (at >= to && (answer.end ?? Infinity) > to) return;
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', stop);
    body.destroy();
  }
}
