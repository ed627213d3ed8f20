// Whole numbers as few bytes: seven bits in each, the lowest first, a high bit where more follows. Reading refuses what writing
// would not have made.
import { AppError } from '../../../shared/errors.ts';

/** Enough for every safe integer. */
const maxBytes = 8;
const firstBytes = 64;

export class ByteWriter {
  #bytes: Uint8Array;
  #length: number;

  /** Goes on behind what was written before. */
  constructor(before: Uint8Array = new Uint8Array()) {
    this.#bytes = new Uint8Array(before.length + firstBytes);
    this.#bytes.set(before);
    this.#length = before.length;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Not negative. */
  add(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new AppError('internal', { reason: `${value} cannot be packed` });
    if (this.#length + maxBytes > this.#bytes.length) this.#grow();
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) + 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Small in either direction. */
  addSigned(value: number): void {
    this.add(value < 0 ? -2 * value - 1 : 2 * value);
  }

  #grow(): void {
    const larger = new Uint8Array(2 * this.#bytes.length);
    larger.set(this.bytes);
    this.#bytes = larger;
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  next(): number {
    const first = this.#bytes[this.#at++];
    if (first === undefined) throw damaged();
    if (first < 0x80) return first;
    let value = first - 0x80;
    let unit = 0x80;
    for (let i = 1; i < maxBytes; i++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw damaged();
      value += (byte % 0x80) * unit;
      if (byte < 0x80) {
        if (byte === 0 || !Number.isSafeInteger(value)) throw damaged();
        return value;
      }
      unit *= 0x80;
    }
    throw damaged();
  }

  nextSigned(): number {
    const value = this.next();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

/** FNV-1a: of bytes of which one is another, it is another one. */
export function checksumOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** Bytes that do not say what their row says of them. */
export function damaged(): AppError {
  return new AppError('internal', { reason: 'What is kept of the history is damaged' });
}
