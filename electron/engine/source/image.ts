// Reads an exact image of a live database at one position, while writers go on: the database file through the long-lived
// descriptor, with every page that the spool holds at or before the position replaced by its newest frame. Valid only
// while a pin keeps checkpoints from copying anything newer into the file. Constant memory; nothing is locked.
import fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { readFully } from './wal-reader.ts';

const chunkBytes = 1024 * 1024;

export interface ImageSource {
  /** The database's long-lived descriptor. */
  readonly fd: number;
  readonly pageSize: number;
  /** Size of the image in pages. */
  readonly pages: number;
  /** The spool file of the index, when it holds frames. */
  readonly spoolPath: string | undefined;
  /** Page → where its newest bytes lie in the spool file. */
  readonly newest: ReadonlyMap<number, number>;
}

/** Yields the image in pieces of whole pages, in page order. A page that nobody ever wrote reads as zeros. */
export async function* readImage(
  image: ImageSource,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<{ readonly firstPage: number; readonly bytes: Uint8Array }> {
  const { fd, pageSize, pages, newest } = image;
  const spool = image.spoolPath === undefined ? undefined : fs.openSync(image.spoolPath, 'r');
  try {
    const perChunk = Math.max(1, Math.floor(chunkBytes / pageSize));
    for (let first = 1; first <= pages; first += perChunk) {
      signal.throwIfAborted();
      const count = Math.min(perChunk, pages - first + 1);
      const bytes = new Uint8Array(count * pageSize);
      readFully(fd, bytes, (first - 1) * pageSize);
      if (spool !== undefined) {
        for (let i = 0; i < count; i++) {
          const at = newest.get(first + i);
          if (at !== undefined) readFully(spool, bytes.subarray(i * pageSize, (i + 1) * pageSize), at);
        }
      }
      yield { firstPage: first, bytes };
      await nextTurn();
    }
  } finally {
    if (spool !== undefined) fs.closeSync(spool);
  }
}
