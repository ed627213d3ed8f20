// The WAL file format, as bytes: header, frames, the running checksum. Pure: no I/O, no clock.
// Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log. Who may read a live WAL, and when, is source/wal-reader.ts.

export const walHeaderBytes = 32;
export const frameHeaderBytes = 24;

const magicLittleEndian = 0x377f0682;
const magicBigEndian = 0x377f0683;
const walFormatVersion = 3_007_000;
const hostIsLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** The 32 bytes at the start of a WAL. */
export interface WalHeader {
  /** Byte order of the words that the checksum adds up; everything else is always big-endian. */
  readonly isBigEndian: boolean;
  readonly pageSize: number;
  readonly sequence: number;
  readonly salt1: number;
  readonly salt2: number;
  /** The checksum over the header's first 24 bytes: where the first frame's chain begins. */
  readonly sum0: number;
  readonly sum1: number;
}

/** The running checksum of a WAL up to some frame. Mutable: {@link scanFrames} moves it forward. */
export interface WalChain {
  readonly header: WalHeader;
  sum0: number;
  sum1: number;
}

/** Size of one frame with its header, in bytes. */
export function frameBytes(pageSize: number): number {
  return frameHeaderBytes + pageSize;
}

/** The offset behind `frames` whole frames; 0 without any, since the header alone is nothing captured. */
export function offsetAfter(frames: number, pageSize: number): number {
  return frames === 0 ? 0 : walHeaderBytes + frames * frameBytes(pageSize);
}

/** Reads a WAL header; undefined when it is short, foreign or half-written (its own checksum fails). */
export function parseWalHeader(bytes: Uint8Array): WalHeader | undefined {
  if (bytes.length < walHeaderBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, walHeaderBytes);
  const magic = view.getUint32(0);
  if (magic !== magicLittleEndian && magic !== magicBigEndian) return undefined;
  const isBigEndian = magic === magicBigEndian;
  const pageSize = view.getUint32(8);
  if (
    view.getUint32(4) !== walFormatVersion ||
    pageSize < 512 ||
    pageSize > 65_536 ||
    (pageSize & (pageSize - 1)) !== 0
  ) {
    return undefined;
  }
  const [sum0, sum1] = checksum(bytes.slice(0, 24), isBigEndian, 0, 0);
  if (sum0 !== view.getInt32(24) || sum1 !== view.getInt32(28)) return undefined;
  return {
    isBigEndian,
    pageSize,
    sequence: view.getUint32(12),
    salt1: view.getUint32(16),
    salt2: view.getUint32(20),
    sum0,
    sum1,
  };
}

/** Writes a WAL header with its checksum, in this machine's byte order. The inverse of {@link parseWalHeader}. */
export function formatWalHeader(header: Pick<WalHeader, 'pageSize' | 'sequence' | 'salt1' | 'salt2'>): Uint8Array {
  const bytes = new Uint8Array(walHeaderBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, hostIsLittleEndian ? magicLittleEndian : magicBigEndian);
  view.setUint32(4, walFormatVersion);
  view.setUint32(8, header.pageSize);
  view.setUint32(12, header.sequence);
  view.setUint32(16, header.salt1);
  view.setUint32(20, header.salt2);
  const [sum0, sum1] = checksum(bytes.subarray(0, 24), !hostIsLittleEndian, 0, 0);
  view.setInt32(24, sum0);
  view.setInt32(28, sum1);
  return bytes;
}

/** True when both headers open the same WAL between two restarts. */
export function isSameWal(a: WalHeader, b: WalHeader): boolean {
  return a.salt1 === b.salt1 && a.salt2 === b.salt2 && a.sum0 === b.sum0 && a.sum1 === b.sum1;
}

/** The chain at the first frame of a WAL. */
export function startChain(header: WalHeader): WalChain {
  return { header, sum0: header.sum0, sum1: header.sum1 };
}

/**
 * Verifies whole frames from the start of `bytes` on and moves the chain over each good one.
 * `bytes` must start at a frame and be aligned to 4 bytes; nothing is copied or allocated per frame.
 * Calls `visit(at, page, commitPages)` for each frame: its place in `bytes`, its page number, and the size of the database
 * in pages where the frame ends a transaction, else 0. Returns how many bytes were good: a salt or checksum mismatch, or a
 * frame that is not whole, ends the scan.
 */
export function scanFrames(
  chain: WalChain,
  bytes: Uint8Array,
  visit: (at: number, page: number, commitPages: number) => void,
): number {
  const { header } = chain;
  const size = frameBytes(header.pageSize);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  const swap = header.isBigEndian === hostIsLittleEndian;
  let { sum0, sum1 } = chain;
  let at = 0;
  for (; at + size <= bytes.length; at += size) {
    if (view.getUint32(at + 8) !== header.salt1 || view.getUint32(at + 12) !== header.salt2) break;
    let s0 = sum0;
    let s1 = sum1;
    const first = at >> 2;
    // The checksum covers the frame header's first 8 bytes, then the page.
    if (swap) {
      s0 = (s0 + swapped(words[first] as number) + s1) | 0;
      s1 = (s1 + swapped(words[first + 1] as number) + s0) | 0;
      for (let i = first + 6, end = (at + size) >> 2; i < end; i += 2) {
        s0 = (s0 + swapped(words[i] as number) + s1) | 0;
        s1 = (s1 + swapped(words[i + 1] as number) + s0) | 0;
      }
    } else {
      s0 = (s0 + (words[first] as number) + s1) | 0;
      s1 = (s1 + (words[first + 1] as number) + s0) | 0;
      for (let i = first + 6, end = (at + size) >> 2; i < end; i += 2) {
        s0 = (s0 + (words[i] as number) + s1) | 0;
        s1 = (s1 + (words[i + 1] as number) + s0) | 0;
      }
    }
    if (s0 !== view.getInt32(at + 16) || s1 !== view.getInt32(at + 20)) break;
    sum0 = s0;
    sum1 = s1;
    visit(at, view.getUint32(at), view.getUint32(at + 4));
  }
  chain.sum0 = sum0;
  chain.sum1 = sum1;
  return at;
}

/** Writes one frame behind the chain's end into `into` (a whole frame, 4-byte aligned) and moves the chain over it. */
export function writeFrame(
  chain: WalChain,
  into: Uint8Array,
  frame: { readonly page: number; readonly commitPages: number; readonly data: Uint8Array },
): void {
  const view = new DataView(into.buffer, into.byteOffset, into.length);
  view.setUint32(0, frame.page);
  view.setUint32(4, frame.commitPages);
  view.setUint32(8, chain.header.salt1);
  view.setUint32(12, chain.header.salt2);
  into.set(frame.data, frameHeaderBytes);
  const [h0, h1] = checksum(into.subarray(0, 8), chain.header.isBigEndian, chain.sum0, chain.sum1);
  const [sum0, sum1] = checksum(into.subarray(frameHeaderBytes), chain.header.isBigEndian, h0, h1);
  view.setInt32(16, sum0);
  view.setInt32(20, sum1);
  chain.sum0 = sum0;
  chain.sum1 = sum1;
}

/** The WAL checksum over `bytes` (a multiple of 8), continued from a pair of sums. */
function checksum(bytes: Uint8Array, isBigEndian: boolean, sum0: number, sum1: number): readonly [number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let s0 = sum0;
  let s1 = sum1;
  for (let i = 0; i < bytes.length; i += 8) {
    s0 = (s0 + view.getInt32(i, !isBigEndian) + s1) | 0;
    s1 = (s1 + view.getInt32(i + 4, !isBigEndian) + s0) | 0;
  }
  return [s0, s1];
}

function swapped(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
