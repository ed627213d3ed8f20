// Reads an exact image of a live database at one position, while writers go on: the database file through the long-lived
// descriptor, with every page that the spool holds at or before the position replaced by its newest frame. Valid only
// while a pin keeps checkpoints from copying anything newer into the file. Bounded memory; nothing is locked, and no read
// of a slow disk holds up the event loop.
import fs from 'node:fs';
import { promisify } from 'node:util';
import { frameBytes, frameHeaderBytes, walHeaderBytes } from './wal.ts';

const read = promisify(fs.read);
const chunkBytes = 256 * 1024;
/** Pages that {@link NewestFrames} makes room for at a time. */
const lookupPages = 512;

export interface ImageSource {
  /** The database's long-lived descriptor. */
  readonly fd: number;
  readonly pageSize: number;
  /** Size of the image in pages. */
  readonly pages: number;
  /** Spool files that hold frames which the database file may not have, newest first. */
  readonly layers: readonly ImageLayer[];
}

/** A spool file and, for each page in it, where its newest bytes lie. */
export interface ImageLayer {
  readonly path: string;
  readonly newest: { get(page: number): number | undefined };
}

/** Pages in the order that was asked for, their bytes one behind the other. */
export interface ImagePiece {
  readonly pages: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Yields the image in pieces of whole pages, in page order; a piece is overwritten once the next one is asked for. A page
 * that nobody ever wrote reads as zeros. The next piece is read meanwhile, off this thread.
 */
export async function* readImage(
  image: ImageSource,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<{ readonly firstPage: number; readonly bytes: Uint8Array<ArrayBuffer> }> {
  for await (const { pages, bytes } of readPages(image, numbers(1, image.pages), { signal })) {
    yield { firstPage: pages[0] ?? 1, bytes };
  }
}

/** The same for some pages of the image, in the order given. */
export async function* readPages(
  image: ImageSource,
  pages: Iterable<number>,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<ImagePiece> {
  const files = image.layers.map(({ path, newest }) => ({ fd: fs.openSync(path, 'r'), newest }));
  // No more room than a small image needs: hundreds of them follow each other when hundreds of databases start.
  const perPiece = Math.max(1, Math.min(Math.floor(chunkBytes / image.pageSize), image.pages));
  const buffers: Uint8Array<ArrayBuffer>[] = [];
  const start = (piece: readonly number[], buffer: Uint8Array<ArrayBuffer>): Promise<ImagePiece> => {
    const reading = readPiece(image, { files, pages: piece, buffer });
    // @NOTE Its failure is met when its turn comes.
    reading.catch(() => {});
    return reading;
  };
  let ahead: Promise<ImagePiece> | undefined;
  let count = 0;
  try {
    for (const piece of inPieces(pages, perPiece)) {
      signal.throwIfAborted();
      const next = ahead;
      ahead = start(piece, (buffers[count++ % 2] ??= new Uint8Array(perPiece * image.pageSize)));
      if (next !== undefined) yield await next;
    }
    signal.throwIfAborted();
    if (ahead !== undefined) yield await ahead;
  } finally {
    // The descriptor is the caller's again only when nothing reads from it any more.
    await ahead?.catch(() => {});
    for (const { fd } of files) fs.closeSync(fd);
  }
}

/** Page → where its newest bytes lie in a spool file, in a few bytes per page. */
export class NewestFrames {
  readonly #frameBytes: number;
  readonly #chunks = new Map<number, Uint32Array>();

  constructor(pageSize: number) {
    this.#frameBytes = frameBytes(pageSize);
  }

  /** The page's newest bytes begin there: behind the header of one of the file's frames. */
  set(page: number, dataOffset: number): void {
    const number = Math.floor(page / lookupPages);
    let chunk = this.#chunks.get(number);
    if (chunk === undefined) this.#chunks.set(number, (chunk = new Uint32Array(lookupPages)));
    // Frames are counted from 1: 0 says that there is none.
    chunk[page % lookupPages] = Math.floor((dataOffset - walHeaderBytes) / this.#frameBytes) + 1;
  }

  get(page: number): number | undefined {
    const frame = this.#chunks.get(Math.floor(page / lookupPages))?.[page % lookupPages] ?? 0;
    return frame === 0 ? undefined : walHeaderBytes + (frame - 1) * this.#frameBytes + frameHeaderBytes;
  }
}

interface LayerFile {
  readonly fd: number;
  readonly newest: ImageLayer['newest'];
}

/** Neighbouring pages that lie one behind the other, `stride` bytes apart. */
interface Run {
  readonly fd: number;
  readonly offset: number;
  readonly stride: number;
  /** Number of its first page in the piece. */
  readonly first: number;
  count: number;
}

async function readPiece(
  { fd, pageSize }: ImageSource,
  {
    files,
    pages,
    buffer,
  }: {
    readonly files: readonly LayerFile[];
    readonly pages: readonly number[];
    readonly buffer: Uint8Array<ArrayBuffer>;
  },
): Promise<ImagePiece> {
  const runs: Run[] = [];
  pages.forEach((page, i) => {
    const found = locate(files, page) ?? { fd, offset: (page - 1) * pageSize };
    const stride = found.fd === fd ? pageSize : frameBytes(pageSize);
    const last = runs.at(-1);
    if (last?.fd === found.fd && found.offset === last.offset + last.count * stride) last.count++;
    else runs.push({ ...found, stride, first: i, count: 1 });
  });
  const bytes = buffer.subarray(0, pages.length * pageSize);
  // All of them end before anything is closed, whether or not one fails.
  const ended = await Promise.allSettled(runs.map(async (run) => await readRun(run, bytes, pageSize)));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  return { pages, bytes };
}

function locate(files: readonly LayerFile[], page: number): { fd: number; offset: number } | undefined {
  for (const { fd, newest } of files) {
    const offset = newest.get(page);
    if (offset !== undefined) return { fd, offset };
  }
  return undefined;
}

async function readRun({ fd, offset, stride, first, count }: Run, bytes: Uint8Array, pageSize: number): Promise<void> {
  const length = (count - 1) * stride + pageSize;
  const into = bytes.subarray(first * pageSize, (first + count) * pageSize);
  if (stride === pageSize) {
    // Behind the end of the file lie pages that nobody ever wrote.
    into.fill(0, await readInto(fd, into, offset));
    return;
  }
  const frames = count === 1 ? into : new Uint8Array(length);
  if ((await readInto(fd, frames, offset)) < length) throw new Error('a spool file is shorter than it was');
  for (let i = 0; i < count && count > 1; i++) {
    into.set(frames.subarray(i * stride, i * stride + pageSize), i * pageSize);
  }
}

async function readInto(fd: number, into: Uint8Array, position: number): Promise<number> {
  let got = 0;
  while (got < into.length) {
    const { bytesRead } = await read(fd, into, got, into.length - got, position + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return got;
}

function* inPieces(pages: Iterable<number>, length: number): Generator<readonly number[]> {
  let piece: number[] = [];
  for (const page of pages) {
    if (piece.push(page) < length) continue;
    yield piece;
    piece = [];
  }
  if (piece.length > 0) yield piece;
}

function* numbers(from: number, to: number): Generator<number> {
  for (let number = from; number <= to; number++) yield number;
}
