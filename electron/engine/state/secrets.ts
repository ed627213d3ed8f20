// Seals what is secret of credentials before it is written down: AES-256-GCM under a key that the host keeps elsewhere. What
// was sealed for one target opens for no other. Nothing here logs, and no error repeats what was sealed.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** Bytes of the host's key. */
const secretKeyBytes = 32;

const algorithm = 'aes-256-gcm';
const version = 1;
const idBytes = 8;
const nonceBytes = 12;
const tagBytes = 16;

/** What opening found. */
export type Opened =
  | { readonly kind: 'opened'; readonly text: string }
  /** `reason` completes “cannot be read: …”. */
  | { readonly kind: 'unreadable'; readonly reason: string };

export class SecretBox {
  readonly #key: Uint8Array;
  readonly #keyId: Buffer;

  /** The key is a random one of {@link secretKeyBytes} bytes. */
  constructor(key: Uint8Array) {
    if (key.length !== secretKeyBytes) throw new Error('a key of another length');
    this.#key = key;
    this.#keyId = createHash('sha256').update('tidemark key id\0').update(key).digest().subarray(0, idBytes);
  }

  /** Layout: version, id of the key, nonce, tag, ciphertext. `owner` has to be the same for opening. */
  seal(text: string, owner: string): Uint8Array {
    const nonce = randomBytes(nonceBytes);
    const head = Buffer.concat([Buffer.of(version), this.#keyId, nonce]);
    const cipher = createCipheriv(algorithm, this.#key, nonce).setAAD(Buffer.concat([head, Buffer.from(owner)]));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([head, cipher.getAuthTag(), sealed]);
  }

  /** The inverse of {@link seal}; tells a key that was changed from bytes that are damaged. */
  open(sealed: Uint8Array, owner: string): Opened {
    const bytes = Buffer.from(sealed);
    const headBytes = 1 + idBytes + nonceBytes;
    if (bytes.length < headBytes + tagBytes || bytes[0] !== version) return damaged;
    const head = bytes.subarray(0, headBytes);
    if (!head.subarray(1, 1 + idBytes).equals(this.#keyId)) {
      return { kind: 'unreadable', reason: 'the key that it was locked with is gone or another one' };
    }
    const decipher = createDecipheriv(algorithm, this.#key, head.subarray(1 + idBytes), { authTagLength: tagBytes })
      .setAAD(Buffer.concat([head, Buffer.from(owner)]))
      .setAuthTag(bytes.subarray(headBytes, headBytes + tagBytes));
    try {
      const text = Buffer.concat([decipher.update(bytes.subarray(headBytes + tagBytes)), decipher.final()]);
      return { kind: 'opened', text: text.toString('utf8') };
    } catch {
      // @NOTE The tag does not fit: these are not the bytes that were sealed for this owner.
      return damaged;
    }
  }
}

const damaged: Opened = { kind: 'unreadable', reason: 'what is kept of it is damaged' };
