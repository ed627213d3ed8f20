// The hash that requests to S3 are signed with, as the SDK asks for it. One key signs all requests of a day, and Node prepares
// a key that is handed over as bytes anew each time, which costs more than everything else about a signature.
import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto';

type Source = string | ArrayBuffer | ArrayBufferView;
type Hashing = ReturnType<typeof createHash | typeof createHmac>;

/** By the bytes that the SDK keeps; gone when it forgets them. */
const prepared = new WeakMap<object, KeyObject>();

/** SHA-256, with a secret HMAC-SHA-256. */
export class Sha256 {
  readonly digestLength = 32;
  readonly #key: KeyObject | string | undefined;
  #hash: Hashing;

  constructor(secret?: Source) {
    this.#key = secret === undefined || typeof secret === 'string' ? secret : prepare(secret);
    this.#hash = this.#begin();
  }

  update(data: Source): void {
    this.#hash.update(typeof data === 'string' ? data : bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return await Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    this.#hash = this.#begin();
  }

  #begin(): Hashing {
    return this.#key === undefined ? createHash('sha256') : createHmac('sha256', this.#key);
  }
}

function prepare(secret: ArrayBuffer | ArrayBufferView): KeyObject {
  const known = prepared.get(secret);
  if (known !== undefined) return known;
  const made = createSecretKey(bytesOf(secret));
  prepared.set(secret, made);
  return made;
}

function bytesOf(source: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (source instanceof Uint8Array) return source;
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
}
