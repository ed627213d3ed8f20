// A WAL of Tidemark's own: the pages that changed while nobody watched, as one transaction that SQLite, Litestream and
// our restore replay like any other. Pure; who compares pages and chooses salts is the caller's.
import { frameBytes, formatWalHeader, parseWalHeader, startChain, writeFrame } from '../source/wal.ts';
import { must } from '../../../shared/assert.ts';

export interface ChangedPage {
  /** From 1. */
  readonly page: number;
  readonly data: Uint8Array;
}

/**
 * The chunks of a whole WAL: header, one frame per page in the order given (ascending), the last one a commit frame with
 * the size of the database. At least one page is needed, since only a frame can commit.
 */
export function* composeIndex(options: {
  readonly pageSize: number;
  readonly pages: Iterable<ChangedPage>;
  /** Size of the database after this transaction, in pages. */
  readonly databasePages: number;
  readonly salts: { readonly salt1: number; readonly salt2: number };
  readonly sequence: number;
}): Generator<Uint8Array<ArrayBuffer>> {
  const { pageSize, databasePages } = options;
  const headerBytes = formatWalHeader({ pageSize, sequence: options.sequence, ...options.salts });
  yield new Uint8Array(headerBytes);
  const chain = startChain(must(parseWalHeader(headerBytes), 'it was just formatted'));

  // One page is held back, since only the last frame commits.
  let held: ChangedPage | undefined;
  const frame = (changed: ChangedPage, commitPages: number): Uint8Array<ArrayBuffer> => {
    const bytes = new Uint8Array(frameBytes(pageSize));
    writeFrame(chain, bytes, { page: changed.page, commitPages, data: changed.data });
    return bytes;
  };
  for (const { page, data } of options.pages) {
    if (held !== undefined) yield frame(held, 0);
    held = { page, data: data.slice() };
  }
  yield frame(must(held, 'a composed index has a page'), databasePages);
}
