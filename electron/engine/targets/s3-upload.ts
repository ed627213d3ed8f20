// Streams to S3 in constant memory: what fits into one part goes by a single request, more by an upload in parts, a few of
// which are on their way while the next one fills. An upload that fails is aborted, so that nothing of it stays.
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { AppError } from '../../../shared/errors.ts';
import type { Provider } from '../../../shared/providers.ts';
import type { S3Context } from './s3-context.ts';

export interface Stored {
  readonly bytes: number;
  readonly isChecked?: boolean;
}

interface Upload {
  readonly key: string;
  readonly body: AsyncIterable<Uint8Array>;
  /** In bytes, by its number, from 1. */
  readonly partBytes: (number: number) => number;
  readonly partsAtOnce: number;
  /** Puts what turned out to be small. */
  readonly whole: (bytes: Uint8Array) => Promise<Stored>;
  readonly signal: AbortSignal;
}

const smallPartBytes = 8 << 20;
/** 10,000 of these, which is what S3 allows, are 160 GB. */
const equalPartBytes = 16 << 20;
/** Parts grow, so that 10,000 of them are 280 GB, and 1,000 still 28 GB. */
const largePartBytes = 32 << 20;
/** Of all that are allowed. */
const smallShare = 0.2;
const abortWithinMs = 20_000;

/** How large each part is where nobody asked for a size, by its number. */
export function partSizes({
  hasEqualParts,
  mostParts,
}: Pick<Provider, 'hasEqualParts' | 'mostParts'>): Upload['partBytes'] {
  if (hasEqualParts) return () => equalPartBytes;
  return (number) => (number <= mostParts * smallShare ? smallPartBytes : largePartBytes);
}

/** Stores a stream; what the stream itself throws is passed on as it is. */
export async function uploadStream(context: S3Context, upload: Upload): Promise<Stored> {
  const { body, partBytes, signal } = upload;
  let filling = Buffer.allocUnsafeSlow(partBytes(1));
  let filled = 0;
  let parts: PartsUpload | undefined;
  try {
    for await (const chunk of body) {
      signal.throwIfAborted();
      for (let at = 0; at < chunk.length;) {
        // Only now is it known that more comes.
        if (filled === filling.length) {
          parts ??= await PartsUpload.begin(context, upload);
          filling = await parts.add(filling);
          filled = 0;
        }
        const part = chunk.subarray(at, at + filling.length - filled);
        filling.set(part, filled);
        filled += part.length;
        at += part.length;
      }
    }
    signal.throwIfAborted();
    if (parts === undefined) return await upload.whole(filling.subarray(0, filled));
    await parts.add(filling.subarray(0, filled));
    return await parts.complete();
  } catch (error) {
    await parts?.abort();
    signal.throwIfAborted();
    throw error;
  }
}

class PartsUpload {
  readonly #context: S3Context;
  readonly #upload: Upload;
  readonly #uploadId: string;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #sent: CompletedPart[] = [];
  readonly #onTheirWay = new Set<Promise<void>>();
  readonly #spare: Buffer<ArrayBuffer>[] = [];
  #failure: { readonly error: unknown } | undefined;
  #number = 0;
  #bytes = 0;

  private constructor(context: S3Context, upload: Upload, uploadId: string) {
    this.#context = context;
    this.#upload = upload;
    this.#uploadId = uploadId;
    this.#signal = AbortSignal.any([upload.signal, this.#stop.signal]);
  }

  static async begin(context: S3Context, upload: Upload): Promise<PartsUpload> {
    const { UploadId } = await context.connection.send(
      context.place('write objects', upload.key),
      async (client, { abortSignal }) =>
        await client.send(
          new CreateMultipartUploadCommand({
            Bucket: context.address.bucket,
            Key: context.fullKey(upload.key),
            ...context.writing,
          }),
          { abortSignal },
        ),
      { signal: upload.signal },
    );
    if (UploadId === undefined) {
      throw new AppError('target-failed', { path: context.address.url, reason: 'its answer to an upload has no id' });
    }
    return new PartsUpload(context, upload, UploadId);
  }

  /** Sends a part as soon as not too many are on their way; resolves with a buffer for the next one. */
  async add(part: Buffer<ArrayBuffer>): Promise<Buffer<ArrayBuffer>> {
    while (this.#onTheirWay.size >= this.#upload.partsAtOnce) await Promise.race(this.#onTheirWay);
    this.#throwFailure();
    const number = ++this.#number;
    this.#bytes += part.length;
    const sending: Promise<void> = this.#send(number, part)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#onTheirWay.delete(sending));
    this.#onTheirWay.add(sending);
    const size = this.#upload.partBytes(number + 1);
    const spare = this.#spare.pop();
    return spare?.length === size ? spare : Buffer.allocUnsafeSlow(size);
  }

  /** Makes the parts an object. */
  async complete(): Promise<Stored> {
    await Promise.all(this.#onTheirWay);
    this.#throwFailure();
    const { connection, address, fullKey, place } = this.#context;
    const { key, signal } = this.#upload;
    const Parts = this.#sent.toSorted((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
    const object = { Bucket: address.bucket, Key: fullKey(key) };
    await connection.send(
      place('write objects', key),
      async (client, { abortSignal, attempt }) => {
        try {
          const command = { ...object, UploadId: this.#uploadId, MultipartUpload: { Parts } };
          await client.send(new CompleteMultipartUploadCommand(command), { abortSignal });
        } catch (error) {
          // The answer to an earlier attempt may have been lost.
          if (attempt === 1 || !(error instanceof Error) || error.name !== 'NoSuchUpload') throw error;
          const { ContentLength } = await client.send(new HeadObjectCommand(object), { abortSignal });
          if (ContentLength !== this.#bytes) throw error;
        }
      },
      { signal },
    );
    return { bytes: this.#bytes };
  }

  /** Removes what was sent; never throws. */
  async abort(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#onTheirWay);
    const { connection, address, fullKey, place } = this.#context;
    const command = { Bucket: address.bucket, Key: fullKey(this.#upload.key), UploadId: this.#uploadId };
    try {
      await connection.send(
        place('delete objects', this.#upload.key),
        async (client, { abortSignal }) => await client.send(new AbortMultipartUploadCommand(command), { abortSignal }),
        { signal: AbortSignal.timeout(abortWithinMs) },
      );
    } catch {
      // @NOTE the server cannot be reached, or it is gone already: removing leftovers has the last word.
    }
  }

  async #send(number: number, part: Buffer<ArrayBuffer>): Promise<void> {
    const { connection, address, fullKey, place } = this.#context;
    const { key } = this.#upload;
    const { ETag, ChecksumCRC32 } = await connection.send(
      place('write objects', key),
      async (client, { abortSignal }) =>
        await client.send(
          new UploadPartCommand({
            Bucket: address.bucket,
            Key: fullKey(key),
            UploadId: this.#uploadId,
            PartNumber: number,
            Body: part,
          }),
          { abortSignal },
        ),
      { signal: this.#signal },
    );
    this.#sent.push({
      PartNumber: number,
      ...(ETag === undefined ? {} : { ETag }),
      ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }),
    });
    this.#spare.push(part);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
