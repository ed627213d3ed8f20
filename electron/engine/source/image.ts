// Reads an exact image of a live database at one position, while writers go on: the database file through the long-lived
// descriptor, with every page that the spool holds at or before the position replaced by its newest frame. That nothing newer
// is read from the file is live-image.ts. Bounded memory; nothing is locked, and no read of a slow disk holds up the event loop.
import fs from 'node:fs';
import { promisify } from 'node:util';
import type { PagePlaces } from './page-places.ts';

const read = promisify(fs.read);
const chunkBytes = 256 * 1024;

export interface ImageSource {
  /** The database's long-lived descriptor. */
  readonly fd: number;
  readonly pageSize: number;
  /** Size of the image in pages. */
  readonly pages: number;
  /**
   * Files that hold pages which the database file may not have, those that count most first. More may come, and more pages in
   * them: before any newer bytes of a page come into the database file.
   */
  readonly layers: readonly ImageLayer[];
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
    const reading = readPiece(image, { layers: () => opened(image.layers, files), pages: piece, buffer });
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

/** The descriptors of layers, opened as they come. */
function opened(layers: readonly ImageLayer[], files: Map<string, number>): readonly LayerFile[] {
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

/** Where a page begins; `stride`: bytes from there to the next one of its kind. */
interface Spot {
  readonly fd: number;
  readonly offset: number;
  readonly stride: number;
}

/** Pages of a piece that follow each other there, and in a file. */
interface Run extends Spot {
  /** Number of its first page in the piece. */
  readonly first: number;
  count: number;
}

/** Reads these pages into `buffer`, one behind the other. */
async function readPiece(
  { fd, pageSize }: ImageSource,
  {
    layers,
    pages,
    buffer,
  }: {
    readonly layers: () => readonly LayerFile[];
    readonly pages: readonly number[];
    readonly buffer: Uint8Array<ArrayBuffer>;
  },
): Promise<ImagePiece> {
  const bytes = buffer.subarray(0, pages.length * pageSize);
  const before = layers();
  const at = pages.map((page) => locate(before, page));
  const inFile = (page: number): Spot => ({ fd, offset: (page - 1) * pageSize, stride: pageSize });
  await readRuns(inRuns(pages.map((page, i) => at[i] ?? inFile(page))), { fd, pageSize, bytes });
  // What came into the file meanwhile was put into a layer before.
  const after = layers();
  const late = pages.map((page, i) => (at[i] === undefined ? locate(after, page) : undefined));
  await readRuns(inRuns(late), { fd, pageSize, bytes });
  return { pages, bytes };
}

function locate(files: readonly LayerFile[], page: number): Spot | undefined {
  for (const { fd, newest } of files) {
    const offset = newest.get(page);
    if (offset !== undefined) return { fd, offset, stride: newest.stride };
  }
  return undefined;
}

function inRuns(spots: readonly (Spot | undefined)[]): readonly Run[] {
  const runs: Run[] = [];
  spots.forEach((spot, i) => {
    if (spot === undefined) return;
    const last = runs.at(-1);
    const goesOn = last?.fd === spot.fd && i === last.first + last.count;
    if (goesOn && spot.offset === last.offset + last.count * last.stride) last.count++;
    else runs.push({ ...spot, first: i, count: 1 });
  });
  return runs;
}

async function readRuns(
  runs: readonly Run[],
  target: { readonly fd: number; readonly pageSize: number; readonly bytes: Uint8Array },
): Promise<void> {
  // All of them end before anything is closed, whether or not one fails.
  const ended = await Promise.allSettled(runs.map(async (run) => await readRun(run, target)));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
}

async function readRun(
  { fd, offset, stride, first, count }: Run,
  { fd: database, pageSize, bytes }: { readonly fd: number; readonly pageSize: number; readonly bytes: Uint8Array },
): Promise<void> {
  const length = (count - 1) * stride + pageSize;
  const into = bytes.subarray(first * pageSize, (first + count) * pageSize);
  if (fd === database) {
    // Behind the end of the file lie pages that nobody ever wrote.
    into.fill(0, await readInto(fd, into, offset));
    return;
  }
  const parts = stride === pageSize ? into : new Uint8Array(length);
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
