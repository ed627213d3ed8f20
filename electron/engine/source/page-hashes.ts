// One hash per page of a database and their XOR, the state hash, kept current in time proportional to the pages that
// change. Plain memory, in chunks that a copy shares until one of both writes: taking a copy, growing and comparing cost
// no long pause, however large the database is. Saving and loading is spool/notes.ts.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { hashPage, lockPage } from '../replica/state-hash.ts';

/** Where in the history a set of page hashes is true. */
export interface HashedAt {
  readonly index: number;
  readonly offset: number;
}

const chunkPages = 2048;
const chunkBytes = chunkPages * 8;
/** Chunks that are gone through between two turns of the event loop: about a millisecond. */
const chunksPerTurn = 16;

/** Hashes of neighbouring pages; 0 where nobody set one. Two views of the same memory: one hash is two words. */
interface Chunk {
  readonly hashes: BigUint64Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;
  /** More than one owner reads it: copied before it is written. */
  isShared: boolean;
}

export class PageHashes {
  readonly pageSize: number;
  readonly #chunks: Chunk[] = [];
  readonly #lockPage: number;
  #pages = 0;
  /** The state, in the order of the words in memory. */
  #state0 = 0;
  #state1 = 0;

  constructor(pageSize: number) {
    this.pageSize = pageSize;
    this.#lockPage = lockPage(pageSize);
  }

  /** Size of the database in pages. */
  get pages(): number {
    return this.#pages;
  }

  /** XOR of all pages' hashes. */
  get state(): bigint {
    return new BigUint64Array(new Uint32Array([this.#state0, this.#state1]).buffer)[0] ?? 0n;
  }

  /** The hash of a page; 0 for one beyond the end, and for the lock page. */
  get(page: number): bigint {
    if (page > this.#pages) return 0n;
    return this.#chunks[chunkOf(page)]?.hashes[(page - 1) % chunkPages] ?? 0n;
  }

  /** A page has new content. Pages beyond the end count once {@link resize} includes them. */
  set(page: number, hash: bigint): void {
    if (page === this.#lockPage) return;
    const { hashes, words } = this.#ownChunk(chunkOf(page));
    const at = (page - 1) % chunkPages;
    if (page > this.#pages) {
      hashes[at] = hash;
      return;
    }
    this.#toggle(words, at);
    hashes[at] = hash;
    this.#toggle(words, at);
  }

  /** A transaction ended with this size: pages beyond it are gone, new ones that nobody wrote read as zeros. */
  resize(pages: number): void {
    let zeros: Uint8Array | undefined;
    for (let page = this.#pages + 1; page <= pages; page++) {
      const at = (page - 1) % chunkPages;
      let chunk = this.#chunks[chunkOf(page)] ?? this.#ownChunk(chunkOf(page));
      if (isZero(chunk.words, at) && page !== this.#lockPage) {
        zeros ??= new Uint8Array(this.pageSize);
        chunk = this.#ownChunk(chunkOf(page));
        chunk.hashes[at] = hashPage(page, zeros);
      }
      this.#toggle(chunk.words, at);
    }
    for (let page = pages + 1; page <= this.#pages; page++) {
      const { words } = this.#ownChunk(chunkOf(page));
      const at = (page - 1) % chunkPages;
      this.#toggle(words, at);
      words[at * 2] = 0;
      words[at * 2 + 1] = 0;
    }
    this.#pages = pages;
  }

  /** The hashes as they are now, whatever is written afterwards. Costs no copy at once. */
  copy(): PageHashes {
    const copy = new PageHashes(this.pageSize);
    for (const chunk of this.#chunks) {
      chunk.isShared = true;
      copy.#chunks.push({ ...chunk });
    }
    copy.#pages = this.#pages;
    copy.#state0 = this.#state0;
    copy.#state1 = this.#state1;
    return copy;
  }

  /** The hashes of all pages as bytes, in pieces; the inverse of {@link PageHashes.load}. */
  *pieces(): Generator<Uint8Array<ArrayBuffer>> {
    for (let first = 0, i = 0; first < this.#pages; first += chunkPages, i++) {
      const { hashes } = this.#chunks[i] ?? this.#ownChunk(i);
      yield new Uint8Array(hashes.buffer, 0, Math.min(chunkPages, this.#pages - first) * 8);
    }
  }

  /** Fills the hashes of a database of `pages` pages piece by piece, as {@link pieces} gave them. */
  static async load(
    { pageSize, pages }: { readonly pageSize: number; readonly pages: number },
    fill: (piece: Uint8Array<ArrayBuffer>) => Promise<void>,
  ): Promise<PageHashes> {
    const loaded = new PageHashes(pageSize);
    for (let first = 0; first < pages; first += chunkPages) {
      const { hashes, words } = loaded.#ownChunk(chunkOf(first + 1));
      const count = Math.min(chunkPages, pages - first);
      await fill(new Uint8Array(hashes.buffer, 0, count * 8));
      for (let at = 0; at < count; at++) loaded.#toggle(words, at);
    }
    loaded.#pages = pages;
    return loaded;
  }

  /**
   * Pages whose hash differs in a later state, ascending; pages that are gone there are none. Gives others their turn
   * while it goes through large databases.
   */
  async changedIn(later: PageHashes): Promise<readonly number[]> {
    const changed: number[] = [];
    for (let first = 0, i = 0; first < later.#pages; first += chunkPages, i++) {
      const [before, after] = [this.#chunks[i], later.#chunks[i]];
      if (before?.hashes.buffer === after?.hashes.buffer && this.#pages === later.#pages) continue;
      const end = Math.min(chunkPages, later.#pages - first);
      for (let at = 0; at < end; at++) {
        // What lies in a chunk beyond the end was written by a transaction that never ended.
        const isKnown = first + at < this.#pages;
        const isSame =
          (isKnown ? before?.words[at * 2] : 0) === after?.words[at * 2] &&
          (isKnown ? before?.words[at * 2 + 1] : 0) === after?.words[at * 2 + 1];
        if (!isSame && first + at + 1 !== this.#lockPage) changed.push(first + at + 1);
      }
      if (i % chunksPerTurn === chunksPerTurn - 1) await nextTurn();
    }
    return changed;
  }

  #toggle(words: Uint32Array, at: number): void {
    this.#state0 ^= words[at * 2] ?? 0;
    this.#state1 ^= words[at * 2 + 1] ?? 0;
  }

  /** A chunk that nobody else reads. */
  #ownChunk(i: number): Chunk {
    const chunk = this.#chunks[i];
    if (chunk !== undefined && !chunk.isShared) return chunk;
    while (this.#chunks.length < i) this.#chunks.push(viewOf(new ArrayBuffer(chunkBytes)));
    return (this.#chunks[i] = viewOf(chunk === undefined ? new ArrayBuffer(chunkBytes) : chunk.hashes.buffer.slice(0)));
  }
}

function chunkOf(page: number): number {
  return Math.floor((page - 1) / chunkPages);
}

function viewOf(buffer: ArrayBuffer): Chunk {
  return { hashes: new BigUint64Array(buffer), words: new Uint32Array(buffer), isShared: false };
}

function isZero(words: Uint32Array, at: number): boolean {
  return words[at * 2] === 0 && words[at * 2 + 1] === 0;
}
