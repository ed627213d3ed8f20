// A WAL of Tidemark's own: the pages that changed while nobody watched, as one transaction that SQLite, Litestream and
// our restore replay like any other. Pure; who compares pages and chooses salts is the caller's.
import { frameBytes, formatWalHeader, parseWalHeader, startChain, writeFrame } from './wal.ts';
import { must } from '../../../shared/assert.ts';

/** Some changed pages, and their bytes one behind the other. */
export interface ChangedPages {
  /** From 1. */
  readonly pages: readonly number[];
  readonly bytes: Uint8Array;
}

/**
 * The pieces of a whole WAL: header, one frame per page in the order given (ascending), the last one a commit frame with
 * the size of the database. At least one page is needed, since only a frame can commit.
 */
export async function* composeIndex(options: {
  readonly pageSize: number;
  readonly changed: AsyncIterable<ChangedPages>;
  /** How many pages there are in all. */
  readonly count: number;
  /** Size of the database after this transaction, in pages. */
  readonly databasePages: number;
  readonly salts: { readonly salt1: number; readonly salt2: number };
  readonly sequence: number;
}): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { pageSize, databasePages } = options;
  const headerBytes = formatWalHeader({ pageSize, sequence: options.sequence, ...options.salts });
  yield new Uint8Array(headerBytes);
  const chain = startChain(must(parseWalHeader(headerBytes), 'it was just formatted'));
  const size = frameBytes(pageSize);
  const frames = ({ pages, bytes }: ChangedPages, lastCommit: number): Uint8Array<ArrayBuffer> => {
    const written = new Uint8Array(pages.length * size);
    pages.forEach((page, i) => {
      writeFrame(chain, written.subarray(i * size, (i + 1) * size), {
        page,
        commitPages: i === pages.length - 1 ? lastCommit : 0,
        data: bytes.subarray(i * pageSize, (i + 1) * pageSize),
      });
    });
    return written;
  };

  let left = options.count;
  for await (const piece of options.changed) {
    left -= piece.pages.length;
    yield frames(piece, left === 0 ? databasePages : 0);
  }
  if (left !== 0) throw new Error(`${left} pages of a composed index are missing`);
}
