// Exact reads from a stream of chunks of any size. Holds no more than one read and one chunk. Pure: where the chunks
// come from is the caller's.

/** A stream ended before what had to be there. */
export class EndOfStreamError extends Error {}

/** Reads a stream piece by piece; closes it when disposed. */
export class ByteReader implements AsyncDisposable {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #isEnded = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** True when no byte is left. */
  async isAtEnd(): Promise<boolean> {
    while (this.#chunk.length === 0 && !this.#isEnded) {
      const next = await this.#source.next();
      if (next.done === true) this.#isEnded = true;
      else this.#chunk = next.value;
    }
    return this.#chunk.length === 0;
  }

  /** Up to `most` bytes, at least one; throws {@link EndOfStreamError} at the end. */
  async readSome(most: number): Promise<Uint8Array> {
    if (await this.isAtEnd()) throw new EndOfStreamError();
    const some = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(some.length);
    return some;
  }

  /** Fills `into` from its start; throws {@link EndOfStreamError} when the stream is shorter. */
  async readInto(into: Uint8Array): Promise<void> {
    for (let at = 0; at < into.length;) {
      const some = await this.readSome(into.length - at);
      into.set(some, at);
      at += some.length;
    }
  }

  /** The next `length` bytes, as a copy. */
  async read(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    await this.readInto(bytes);
    return bytes;
  }

  /** The next four bytes as a little-endian number. */
  async readUint32(): Promise<number> {
    return new DataView((await this.read(4)).buffer).getUint32(0, true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#chunk = new Uint8Array(0);
    this.#isEnded = true;
    await this.#source.return?.();
  }
}
