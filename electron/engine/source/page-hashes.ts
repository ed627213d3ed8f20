// One hash per page of a database and their XOR, the state hash, kept current in time proportional to the pages that
// change. Plain memory; saving and loading is a self-checking file, so a stale or damaged one is noticed, never trusted.
import { hashBytes, hashPage, lockPage } from '../replica/state-hash.ts';

const magic = 0x54494448; // "TIDH"
const headerBytes = 48;

/** Where in the history a set of page hashes is true. */
export interface HashedAt {
  readonly index: number;
  readonly offset: number;
}

export class PageHashes {
  readonly pageSize: number;
  #hashes: BigUint64Array<ArrayBuffer>;
  #pages: number;
  #state: bigint;

  constructor(pageSize: number, hashes: BigUint64Array<ArrayBuffer> = new BigUint64Array(0), pages = 0) {
    this.pageSize = pageSize;
    this.#hashes = hashes;
    this.#pages = pages;
    this.#state = 0n;
    for (let page = 1; page <= pages; page++) this.#state ^= hashes[page - 1] ?? 0n;
  }

  /** Size of the database in pages. */
  get pages(): number {
    return this.#pages;
  }

  /** XOR of all pages' hashes. */
  get state(): bigint {
    return this.#state;
  }

  /** The hash of a page; 0 for one beyond the end, and for the lock page. */
  get(page: number): bigint {
    return page <= this.#pages ? (this.#hashes[page - 1] ?? 0n) : 0n;
  }

  /** A page has new content. Pages beyond the end count once {@link resize} includes them. */
  set(page: number, hash: bigint): void {
    if (page === lockPage(this.pageSize)) return;
    if (page > this.#hashes.length) this.#grow(page);
    if (page <= this.#pages) this.#state ^= (this.#hashes[page - 1] ?? 0n) ^ hash;
    this.#hashes[page - 1] = hash;
  }

  /** A transaction ended with this size: pages beyond it are gone, new ones that nobody wrote read as zeros. */
  resize(pages: number): void {
    if (pages > this.#hashes.length) this.#grow(pages);
    for (let page = this.#pages; page > pages; page--) {
      this.#state ^= this.#hashes[page - 1] ?? 0n;
      this.#hashes[page - 1] = 0n;
    }
    for (let page = this.#pages + 1; page <= pages; page++) {
      if (this.#hashes[page - 1] === 0n && page !== lockPage(this.pageSize)) {
        this.#hashes[page - 1] = hashPage(page, new Uint8Array(this.pageSize));
      }
      this.#state ^= this.#hashes[page - 1] ?? 0n;
    }
    this.#pages = pages;
  }

  /** The hashes as bytes, with where they are true and a checksum of their own. */
  encode(at: HashedAt): Uint8Array {
    const body = new Uint8Array(this.#hashes.buffer, 0, this.#pages * 8);
    const bytes = new Uint8Array(headerBytes + body.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, magic);
    view.setUint32(4, this.pageSize);
    view.setUint32(8, this.#pages);
    view.setUint32(12, at.index);
    view.setBigUint64(16, BigInt(at.offset));
    view.setBigUint64(24, this.#state);
    bytes.set(body, headerBytes);
    view.setBigUint64(32, hashBytes(bytes.subarray(headerBytes)));
    view.setBigUint64(40, hashBytes(bytes.subarray(0, 40)));
    return bytes;
  }

  /** The inverse of {@link encode}; undefined when the bytes are short, foreign or damaged. */
  static decode(bytes: Uint8Array): { readonly hashes: PageHashes; readonly at: HashedAt } | undefined {
    if (bytes.length < headerBytes) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const pages = view.getUint32(8);
    const body = bytes.slice(headerBytes);
    const isWhole =
      view.getUint32(0) === magic &&
      body.length === pages * 8 &&
      view.getBigUint64(40) === hashBytes(bytes.subarray(0, 40)) &&
      view.getBigUint64(32) === hashBytes(body);
    if (!isWhole) return undefined;
    const hashes = new PageHashes(view.getUint32(4), new BigUint64Array(body.buffer), pages);
    if (hashes.state !== view.getBigUint64(24)) return undefined;
    return { hashes, at: { index: view.getUint32(12), offset: Number(view.getBigUint64(16)) } };
  }

  #grow(pages: number): void {
    const larger = new BigUint64Array(Math.max(pages, Math.ceil(this.#hashes.length * 1.5), 64));
    larger.set(this.#hashes);
    this.#hashes = larger;
  }
}
