// Reads an exact image of a live database at one position, while writers go on: the database file through the long-lived
// descriptor, with every page that the spool holds at or before the position replaced by its newest frame. That nothing newer
// is read from the file is live-image.ts. Bounded memory; nothing is locked, and no read of a slow disk holds up the event loop.
import fs from 'node:fs';
import { promisify } from 'node:util';
import { frameBytes, frameHeaderBytes, walHeaderBytes } from './wal.ts';

const read = promisify(fs.read);
const chunkBytes = 256 * 1024;
/** Pages that {@link PagePlaces} makes room for at a time. */
const lookupPages = 512;

export interface ImageSource {
  /** The database's long-lived descriptor. */
  readonly fd: number;
  readonly pageSize: number;
  /** Size of the image in pages. */
  readonly pages: number;
  /** Files that hold pages which the database file may not have, those that count most first. */
  readonly layers: readonly ImageLayer[];
  /** Runs what reads pieces one at a time, and nothing else that may not come in between. */
  readonly alone?: <T>(work: () => Promise<T>) => Promise<T>;
}

/** A file and, for each page in it, where its newest bytes lie. */
export interface ImageLayer {
  readonly path: string;
  readonly newest: Pick<PagePlaces, 'get' | 'stride'>;
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
  const files = new Map<string, number>();
  // No more room than a small image needs: hundreds of them follow each other when hundreds of databases start.
  const perPiece = Math.max(1, Math.min(Math.floor(chunkBytes / image.pageSize), image.pages));
  const buffers: Uint8Array<ArrayBuffer>[] = [];
  const start = (piece: readonly number[], buffer: Uint8Array<ArrayBuffer>): Promise<ImagePiece> => {
    const alone = image.alone?.bind(image) ?? (async (work) => await work());
    const reading = alone(
      async () => await readPiece(image, { files: open(image.layers, files), pages: piece, buffer }),
    );
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
    for (const fd of files.values()) fs.closeSync(fd);
  }
}

/** Page → where its newest bytes lie in a file of equal parts, in a few bytes per page. */
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

/** The descriptors of layers, opened as they come. */
function open(layers: readonly ImageLayer[], files: Map<string, number>): readonly LayerFile[] {
  return layers.map(({ path, newest }) => {
    let fd = files.get(path);
    if (fd === undefined) files.set(path, (fd = fs.openSync(path, 'r')));
    return { fd, newest };
  });
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
  /** Behind its end lie pages that nobody ever wrote. */
  readonly isDatabase: boolean;
  /** Number of its first page in the piece. */
  readonly first: number;
  count: number;
}

/** Reads these pages into `buffer`, one behind the other. */
export async function readPiece(
  { fd, pageSize }: Pick<ImageSource, 'fd' | 'pageSize'>,
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
    const found = locate(files, page) ?? { fd, offset: (page - 1) * pageSize, stride: pageSize };
    const last = runs.at(-1);
    if (last?.fd === found.fd && found.offset === last.offset + last.count * found.stride) last.count++;
    else runs.push({ ...found, isDatabase: found.fd === fd, first: i, count: 1 });
  });
  const bytes = buffer.subarray(0, pages.length * pageSize);
  // All of them end before anything is closed, whether or not one fails.
  const ended = await Promise.allSettled(runs.map(async (run) => await readRun(run, bytes, pageSize)));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  return { pages, bytes };
}

function locate(files: readonly LayerFile[], page: number): Pick<Run, 'fd' | 'offset' | 'stride'> | undefined {
  for (const { fd, newest } of files) {
    const offset = newest.get(page);
    if (offset !== undefined) return { fd, offset, stride: newest.stride };
  }
  return undefined;
}

async function readRun(
  { fd, offset, stride, isDatabase, first, count }: Run,
  bytes: Uint8Array,
  pageSize: number,
): Promise<void> {
  const length = (count - 1) * stride + pageSize;
  const into = bytes.subarray(first * pageSize, (first + count) * pageSize);
  if (isDatabase) {
    into.fill(0, await readInto(fd, into, offset));
    return;
  }
  const parts = length === into.length ? into : new Uint8Array(length);
  if ((await readInto(fd, parts, offset)) < length)
    throw new Error('a file beside the database is shorter than it was');
  if (parts === into) return;
  for (let i = 0; i < count; i++) into.set(parts.subarray(i * stride, i * stride + pageSize), i * pageSize);
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
