// One file of a spool, read: its bytes in pieces, its frames in order, the mark of a frame, and where its last whole
// transaction ends. Which files there are, and what is written to them, is spool.ts.
import fs from 'node:fs';
import path from 'node:path';
import { formatHex8 } from '../../../shared/position.ts';
import { readFully, type WalEnd } from '../source/wal-reader.ts';
import { frameBytes, parseWalHeader, scanFrames, startChain, type WalHeader, walHeaderBytes } from '../replica/wal.ts';

/** A stretch of a file, `[from, to)`. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

export interface SpooledFrame {
  readonly page: number;
  /** Valid during the call only. */
  readonly data: Uint8Array;
  /** Where `data` lies in the file. */
  readonly dataOffset: number;
  readonly commitPages: number;
  readonly endOffset: number;
}

const chunkBytes = 1024 * 1024;

/** Where an index lies in the folder of its spool. */
export function pathOfIndex(folder: string, index: number): string {
  return path.join(folder, `${formatHex8(index)}.wal`);
}

/** Streams bytes of a file. A chunk is overwritten once the next one is asked for. */
export function* readPieces(place: string, { from, to }: ByteRange): Generator<Uint8Array> {
  const fd = fs.openSync(place, 'r');
  try {
    const buffer = new Uint8Array(Math.max(0, Math.min(chunkBytes, to - from)));
    for (let at = from; at < to;) {
      const chunk = buffer.subarray(0, to - at);
      const got = readFully(fd, chunk, at);
      if (got < chunk.length) throw new Error(`spool file ${nameOf(place)} ends at ${at + got}, not ${to}`);
      yield chunk;
      at += got;
    }
  } finally {
    fs.closeSync(fd);
  }
}

/** Visits every frame of a stretch, in order, with its page and where its page data lies. Reads in pieces, off the event loop. */
export async function visitFrames(
  place: string,
  range: ByteRange,
  visit: (frame: SpooledFrame) => void,
): Promise<void> {
  const file = await fs.promises.open(place, 'r');
  try {
    const header = await readHeader(file);
    if (header === undefined) throw new Error(`spool file ${nameOf(place)} has no WAL header`);
    await visitFile(file, { header, ...range }, visit);
  } finally {
    await file.close();
  }
}

async function visitFile(
  file: fs.promises.FileHandle,
  { header, from, to }: ByteRange & { readonly header: WalHeader },
  visit: (frame: SpooledFrame) => void,
): Promise<void> {
  const size = frameBytes(header.pageSize);
  const buffer = bufferOf(size);
  const view = new DataView(buffer.buffer);
  for (let at = Math.max(from, walHeaderBytes); at + size <= to;) {
    const got = await readInto(file, buffer.subarray(0, Math.min(buffer.length, to - at)), at);
    const frames = Math.floor(got / size);
    if (frames === 0) throw new Error(`spool file ends at ${at + got}, not ${to}`);
    for (let i = 0; i < frames; i++) {
      const start = i * size;
      visit({
        page: view.getUint32(start),
        data: buffer.subarray(start + 24, start + size),
        dataOffset: at + start + 24,
        commitPages: view.getUint32(start + 4),
        endOffset: at + start + size,
      });
    }
    at += frames * size;
  }
}

/** The running checksum of the frame that ends at `offset`; undefined where no frame ends there. */
export function readMark(place: string, offset: number): bigint | undefined {
  const fd = fs.openSync(place, 'r');
  try {
    const head = new Uint8Array(walHeaderBytes);
    readFully(fd, head, 0);
    const size = frameBytes(parseWalHeader(head)?.pageSize ?? 0);
    if (offset < walHeaderBytes + size || (offset - walHeaderBytes) % size !== 0) return undefined;
    const mark = new Uint8Array(8);
    readFully(fd, mark, offset - size + 16);
    return new DataView(mark.buffer).getBigUint64(0);
  } finally {
    fs.closeSync(fd);
  }
}

/** Walks the chain of a spool file from its header on; undefined when it holds no whole transaction. */
export async function findCommittedEnd(
  place: string,
): Promise<{ readonly bytes: number; readonly end: WalEnd } | undefined> {
  const file = await fs.promises.open(place, 'r');
  try {
    const header = await readHeader(file);
    if (header === undefined) return undefined;
    const size = frameBytes(header.pageSize);
    const buffer = bufferOf(size);
    const chain = startChain(header);
    let frames = 0;
    let committed: WalEnd | undefined;
    for (;;) {
      const before = { ...chain };
      const framesBefore = frames;
      const got = await readInto(file, buffer, walHeaderBytes + frames * size);
      let last = 0;
      let seen = 0;
      const good = scanFrames(chain, buffer.subarray(0, got), (_at, _page, commitPages) => {
        seen++;
        if (commitPages > 0) last = seen;
      });
      frames += seen;
      if (last > 0) {
        // The chain at the last commit: walk this piece once more up to there.
        scanFrames(before, buffer.subarray(0, last * size), () => {});
        committed = { chain: before, frames: framesBefore + last };
      }
      if (good < buffer.length) break;
    }
    return committed && { bytes: walHeaderBytes + committed.frames * size, end: committed };
  } finally {
    await file.close();
  }
}

async function readHeader(file: fs.promises.FileHandle): Promise<WalHeader | undefined> {
  const head = new Uint8Array(walHeaderBytes);
  await readInto(file, head, 0);
  return parseWalHeader(head);
}

/** Room for as many whole frames as are read at a time. */
function bufferOf(frameSize: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Math.max(1, Math.floor(chunkBytes / frameSize)) * frameSize);
}

/** Reads until `into` is full or the file ends; returns the bytes read. */
async function readInto(file: fs.promises.FileHandle, into: Uint8Array, position: number): Promise<number> {
  let got = 0;
  while (got < into.length) {
    const { bytesRead } = await file.read(into, got, into.length - got, position + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return got;
}

function nameOf(place: string): string {
  return path.basename(place, '.wal');
}
