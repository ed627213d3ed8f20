// Writes the body of an object into its file: in large pieces, while the next one is being gathered. What the body's owner fails
// with stays theirs.
import type { FileHandle } from 'node:fs/promises';
import { whereAble } from '../basics/files.ts';

const writeBytes = 512 << 10;
/** The first piece is smaller: most objects end with it, and hundreds may be written when hundreds of databases start. */
const firstBytes = 32 << 10;
const syncEveryBytes = 32 << 20;

/** Resolves with the length when everything is written; durable it is only after a sync. */
export async function writeBody(
  file: FileHandle,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<number> {
  if (body instanceof Uint8Array) {
    await file.writeFile(body);
    return body.length;
  }
  await using writer = new WriteBehind(file);
  for await (const chunk of foreign(body)) {
    signal.throwIfAborted();
    await writer.write(chunk);
  }
  return await writer.end();
}

/**
 * Writes a stream in large pieces: while one is on its way to the disk the next one is filled. From time to time what was
 * written is made durable meanwhile, so that the fsync at the end, and others' fsyncs beside it, have little to wait for.
 */
class WriteBehind implements AsyncDisposable {
  readonly #file: FileHandle;
  #filling = Buffer.allocUnsafeSlow(firstBytes);
  #spare: Buffer<ArrayBuffer> | undefined;
  #filled = 0;
  #written = 0;
  #syncedTo = 0;
  #writing: Promise<unknown> = Promise.resolve();
  #syncing: Promise<unknown> = Promise.resolve();

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Takes the bytes over: they may be overwritten when this resolves. */
  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + this.#filling.length - this.#filled);
      this.#filling.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < this.#filling.length) continue;
      const full = this.#filling;
      await this.#flush();
      this.#filling = this.#spare ?? Buffer.allocUnsafeSlow(writeBytes);
      this.#spare = full.length === writeBytes ? full : undefined;
    }
  }

  /** Resolves with the length when everything is written. */
  async end(): Promise<number> {
    await this.#flush();
    await this.#writing;
    await this.#syncing;
    return this.#written;
  }

  /** The handle may be closed only when nothing is on its way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.#writing, this.#syncing]);
  }

  async #flush(): Promise<void> {
    await this.#writing;
    if (this.#written - this.#syncedTo >= syncEveryBytes) {
      await this.#syncing;
      this.#syncedTo = this.#written;
      // A disk that cannot do it now cannot at the end, where it is told.
      this.#syncing = whereAble(() => this.#file.datasync());
      // @NOTE Its failure, as that of a write, is met by the next await of it.
      this.#syncing.catch(() => {});
    }
    const piece = this.#filling.subarray(0, this.#filled);
    this.#writing = writeFully(this.#file, piece, this.#written);
    this.#writing.catch(() => {});
    this.#written += this.#filled;
    this.#filled = 0;
  }
}

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** What the caller's stream threw: not an error of this folder. */
export class BodyFailure extends Error {}

async function* foreign(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw new BodyFailure('the body failed', { cause: error });
  }
}
