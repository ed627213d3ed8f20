// Where pages lie in a file of equal parts, each with one page: for databases of any size, in a few bytes per page.
import { frameBytes, frameHeaderBytes, walHeaderBytes } from '../replica/wal.ts';

/** Pages that room is made for at a time. */
const lookupPages = 512;

/** Page → where its newest bytes lie. */
export class PagePlaces {
  /** Bytes from one part's page to the next one's. */
  readonly stride: number;
  readonly #from: number;
  readonly #chunks = new Map<number, Uint32Array>();

  /** The first part's page begins at `from`, each one `stride` bytes behind the one before. */
  constructor({ from, stride }: { readonly from: number; readonly stride: number }) {
    this.#from = from;
    this.stride = stride;
  }

  /** For a spool file. */
  static ofFrames(pageSize: number): PagePlaces {
    return new PagePlaces({ from: walHeaderBytes + frameHeaderBytes, stride: frameBytes(pageSize) });
  }

  set(page: number, offset: number): void {
    const number = Math.floor(page / lookupPages);
    let chunk = this.#chunks.get(number);
    if (chunk === undefined) this.#chunks.set(number, (chunk = new Uint32Array(lookupPages)));
    // Parts are counted from 1: 0 says that there is none.
    chunk[page % lookupPages] = (offset - this.#from) / this.stride + 1;
  }

  get(page: number): number | undefined {
    const part = this.#chunks.get(Math.floor(page / lookupPages))?.[page % lookupPages] ?? 0;
    return part === 0 ? undefined : this.#from + (part - 1) * this.stride;
  }
}
