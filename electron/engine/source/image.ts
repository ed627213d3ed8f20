// Reads an exact image of a live database at one position, while writers go on: the database file through the long-lived
// descriptor, with every page that the spool holds at or before the position replaced by its newest frame. Valid only
// while a pin keeps checkpoints from copying anything newer into the file. Constant memory; nothing is locked.
import fs from 'node:fs';
import { promisify } from 'node:util';
import { readFully } from './wal-reader.ts';

const chunkBytes = 1024 * 1024;
const read = promisify(fs.read);

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

/**
 * Yields the image in pieces of whole pages, in page order; a piece is overwritten once the next one is asked for. A page
 * that nobody ever wrote reads as zeros. The next piece is read meanwhile, off this thread.
 */
export async function* readImage(
  image: ImageSource,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<{ readonly firstPage: number; readonly bytes: Uint8Array }> {
  const { fd, pageSize, pages, newest } = image;
  const spool = image.spoolPath === undefined ? undefined : fs.openSync(image.spoolPath, 'r');
  const perChunk = Math.max(1, Math.floor(chunkBytes / pageSize));
  const [even, odd] = [new Uint8Array(perChunk * pageSize), new Uint8Array(perChunk * pageSize)];
  const start = (first: number): Promise<Uint8Array> => {
    const buffer = Math.floor(first / perChunk) % 2 === 0 ? even : odd;
    const bytes = buffer.subarray(0, Math.min(perChunk, pages - first + 1) * pageSize);
    const reading = fillFrom(fd, bytes, (first - 1) * pageSize);
    // @NOTE Its failure is met when its turn comes.
    reading.catch(() => {});
    return reading;
  };
  let ahead: Promise<Uint8Array> | undefined;
  try {
    for (let first = 1; first <= pages; first += perChunk) {
      signal.throwIfAborted();
      const bytes = await (ahead ?? start(first));
      ahead = first + perChunk <= pages ? start(first + perChunk) : undefined;
      if (spool !== undefined) {
        for (let at = 0; at < bytes.length; at += pageSize) {
          const from = newest.get(first + at / pageSize);
          if (from !== undefined) readFully(spool, bytes.subarray(at, at + pageSize), from);
        }
      }
      yield { firstPage: first, bytes };
    }
  } finally {
    // The descriptor is the caller's again only when nothing reads from it any more.
    await ahead?.catch(() => {});
    if (spool !== undefined) fs.closeSync(spool);
  }
}

/** Fills `bytes` from a place of the file; zeros where the file ends before. */
async function fillFrom(fd: number, bytes: Uint8Array, position: number): Promise<Uint8Array> {
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await read(fd, bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) return bytes.fill(0, done);
    done += bytesRead;
  }
  return bytes;
}
