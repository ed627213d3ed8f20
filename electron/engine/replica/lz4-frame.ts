// LZ4 frames as streams, over lz4-napi's block functions, in constant memory.
// Writes what Litestream v0.3 writes (independent blocks of up to 4 MiB, content checksum); reads every frame without a
// dictionary. Format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
import { compress, compressSync, uncompressSync } from 'lz4-napi';
import { ByteReader, EndOfStreamError } from './byte-reader.ts';
import { hashing } from './state-hash.ts';

const frameMagic = 0x184d2204;
const skippableMagic = 0x184d2a50;
const storedFlag = 0x8000_0000;
/** Blocks are smaller than the 4 MiB that the frame allows: LZ4 looks back 64 KiB only, and memory stays small. */
const blockBytes = 256 << 10;
/** Blocks that are compressed at the same time, at most, on the pool's threads, while the one before is written. */
const mostAtOnce = 2;
/** Up to this size a block is compressed in less time than a thread of the pool takes to hear of it. */
const shortBytes = 16 << 10;
const dictionaryBytes = 64 << 10;
/** Larger skippable frames are passed over without being shown to anybody. */
const shownSkippableBytes = 1 << 20;
/** What the streaming hash takes in one go: it copies into its module's memory, which only ever grows. */
const hashStepBytes = 256 << 10;

/** The bytes are not a sound LZ4 frame; the message says why, as the end of a sentence. */
export class FrameError extends Error {}

export type SkippableVisitor = (kind: number, payload: Uint8Array) => void;

/** What can be hashed piece by piece. */
interface Hash {
  update(bytes: Uint8Array): unknown;
}

export interface EncodeOptions {
  /** Asked before each block: how many, up to 2, may be compressed at the same time. May take its time. */
  readonly blocksAtOnce?: () => Promise<number>;
}

/**
 * One LZ4 frame of `source`, piece by piece. A chunk of `source`, and a piece of the frame, need be there only until the
 * next one is asked for.
 */
export async function* encodeFrame(
  source: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { blocksAtOnce }: EncodeOptions = {},
): AsyncGenerator<Uint8Array> {
  yield formatFrameHeader();
  const content = hashing.create32();
  const packing: Promise<Uint8Array>[] = [];
  try {
    for await (const block of source instanceof Uint8Array ? split(source) : gather(source, mostAtOnce)) {
      const atOnce = (await blocksAtOnce?.()) ?? mostAtOnce;
      updateHash(content, block);
      packing.push(encodeBlock(block));
      while (packing.length >= Math.min(atOnce, mostAtOnce)) yield* release(packing);
    }
    while (packing.length > 0) yield* release(packing);
  } finally {
    // Whoever stops early must not leave a failure that nobody waits for.
    await Promise.allSettled(packing);
  }
  const end = new Uint8Array(8);
  new DataView(end.buffer).setUint32(4, content.digest(), true);
  yield end;
}

/**
 * The content of the frame in `source`, every checksum in it verified. Skippable frames before and behind are passed
 * over; those up to 1 MiB are shown to `onSkippable` with the low half-byte of their magic. Frames may follow each other. A piece
 * need be there only until the next one is asked for.
 * Throws {@link FrameError} where a frame is damaged, truncated or of a kind that nobody here writes.
 */
export async function* decodeFrame(
  source: AsyncIterable<Uint8Array>,
  options: { readonly onSkippable?: SkippableVisitor } = {},
): AsyncGenerator<Uint8Array> {
  await using reader = new ByteReader(source);
  let frames = 0;
  try {
    while (!(await reader.isAtEnd())) {
      const magic = await reader.readUint32();
      if (magic === frameMagic) {
        yield* decodeOneFrame(reader);
        frames++;
      } else if ((magic & ~0xf) === skippableMagic) {
        await passSkippable(reader, magic & 0xf, options.onSkippable);
      } else {
        throw new FrameError(frames === 0 ? 'it is not an LZ4 frame' : 'something foreign follows its data');
      }
    }
  } catch (error) {
    if (error instanceof EndOfStreamError) throw new FrameError('it ends too early', { cause: error });
    throw error;
  }
  if (frames === 0) throw new FrameError('it is empty');
}

/** A skippable frame: every reader passes over it. `kind` is 0 to 15. */
export function formatSkippable(kind: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, skippableMagic + kind, true);
  view.setUint32(4, payload.length, true);
  bytes.set(payload, 8);
  return bytes;
}

/** Feeds a hash in steps that keep its module small. */
export function updateHash(hash: Hash, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += hashStepBytes) hash.update(bytes.subarray(at, at + hashStepBytes));
}

function formatFrameHeader(): Uint8Array {
  const bytes = new Uint8Array(7);
  new DataView(bytes.buffer).setUint32(0, frameMagic, true);
  bytes[4] = 0x64; // version 1, independent blocks, content checksum
  bytes[5] = 0x70; // blocks of up to 4 MiB
  bytes[6] = descriptorChecksum(bytes.subarray(4, 6));
  return bytes;
}

/** A block with its size word; stored as it is where compression does not help. */
async function encodeBlock(data: Uint8Array): Promise<Uint8Array> {
  // lz4-napi puts the content's size in four bytes before the block: exactly the room of the frame's size word.
  const packed = data.length <= shortBytes ? compressSync(bufferOf(data)) : await compress(data);
  const size = packed.length - 4;
  if (size < data.length) {
    packed.writeUInt32LE(size, 0);
    return packed;
  }
  const stored = new Uint8Array(4 + data.length);
  new DataView(stored.buffer).setUint32(0, (data.length | storedFlag) >>> 0, true);
  stored.set(data, 4);
  return stored;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Hands out the oldest block, and frees it when it was taken: collecting garbage alone would let hundreds pile up. */
async function* release(packing: Promise<Uint8Array>[]): AsyncGenerator<Uint8Array> {
  const packed = await packing[0];
  void packing.shift();
  if (packed === undefined) return;
  yield packed;
  free(packed);
}

/** Frees bytes that nobody reads any more, where they are all of their buffer. */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && !buffer.detached && buffer.byteLength === byteLength) buffer.transfer(0);
}

async function* decodeOneFrame(reader: ByteReader): AsyncGenerator<Uint8Array> {
  const header = await readFrameHeader(reader);
  const content = hashing.create32();
  let history: Uint8Array = new Uint8Array(0);
  let likely = blockBytes;
  let total = 0;
  for (;;) {
    const word = await reader.readUint32();
    if (word === 0) break;
    const size = word & ~storedFlag;
    const isStored = word >>> 31 === 1;
    if (size > header.blockBytes) throw new FrameError('a block in it is longer than its frame allows');

    // lz4-napi wants the content's size in front; any bound that is large enough does.
    const packed = new Uint8Array(4 + size);
    const body = packed.subarray(4);
    await reader.readInto(body);
    if (header.hasBlockChecksums && (await reader.readUint32()) !== hashing.h32Raw(body)) {
      throw new FrameError('the checksum of a block in it is wrong');
    }
    // A block of n bytes holds less than 255·n bytes of content.
    const bound = Math.min(header.blockBytes, packed.length * 255);
    const block = isStored ? body : decodeBlock(packed, { bound, likely, history });
    likely = Math.max(likely, block.length);

    if (!header.isIndependent) history = lastBytes(history, block);
    updateHash(content, block);
    total += block.length;
    yield block;
    for (const done of [packed, block]) free(done);
  }
  if (header.hasContentChecksum && (await reader.readUint32()) !== content.digest()) {
    throw new FrameError('its checksum is wrong');
  }
  if (header.contentBytes !== undefined && header.contentBytes !== BigInt(total)) {
    throw new FrameError('its length is not what it says');
  }
}

/**
 * Decompresses a block; `likely` is tried first as the bound of its content, since every attempt allocates its bound. On the calling
 * thread, some milliseconds for 4 MiB: the allocator keeps what threads of the pool took and another one freed, all that ever passed.
 */
function decodeBlock(
  packed: Uint8Array,
  options: { readonly bound: number; readonly likely: number; readonly history: Uint8Array },
): Uint8Array {
  const { bound, likely, history } = options;
  new DataView(packed.buffer).setUint32(0, Math.min(bound, likely), true);
  try {
    return uncompressSync(packed, history.length === 0 ? undefined : history);
  } catch (error) {
    if (likely < bound) return decodeBlock(packed, { bound, likely: bound, history });
    throw new FrameError('a block in it cannot be decompressed', { cause: error });
  }
}

interface FrameHeader {
  readonly isIndependent: boolean;
  readonly hasBlockChecksums: boolean;
  readonly hasContentChecksum: boolean;
  readonly blockBytes: number;
  readonly contentBytes: bigint | undefined;
}

async function readFrameHeader(reader: ByteReader): Promise<FrameHeader> {
  const start = await reader.read(2);
  const [flags = 0, sizes = 0] = start;
  const hasContentSize = (flags & 0x08) !== 0;
  const rest = await reader.read((hasContentSize ? 8 : 0) + ((flags & 0x01) === 0 ? 0 : 4) + 1);
  const descriptor = new Uint8Array(start.length + rest.length - 1);
  descriptor.set(start);
  descriptor.set(rest.subarray(0, -1), start.length);
  if (descriptorChecksum(descriptor) !== rest.at(-1)) throw new FrameError('the checksum of its header is wrong');

  const blockCode = (sizes >> 4) & 0x7;
  if (flags >> 6 !== 1 || (flags & 0x02) !== 0 || (sizes & 0x8f) !== 0 || blockCode < 4) {
    throw new FrameError('its header is not one that LZ4 knows');
  }
  if ((flags & 0x01) !== 0) throw new FrameError('it was compressed with a dictionary');
  return {
    isIndependent: (flags & 0x20) !== 0,
    hasBlockChecksums: (flags & 0x10) !== 0,
    hasContentChecksum: (flags & 0x04) !== 0,
    blockBytes: 1 << (8 + 2 * blockCode),
    contentBytes: hasContentSize ? new DataView(rest.buffer).getBigUint64(0, true) : undefined,
  };
}

async function passSkippable(reader: ByteReader, kind: number, visit: SkippableVisitor | undefined): Promise<void> {
  const length = await reader.readUint32();
  if (length <= shownSkippableBytes) {
    const payload = await reader.read(length);
    visit?.(kind, payload);
    return;
  }
  for (let left = length; left > 0;) left -= (await reader.readSome(left)).length;
}

/** The second byte of the XXH32 over a frame's descriptor. */
function descriptorChecksum(descriptor: Uint8Array): number {
  return (hashing.h32Raw(descriptor) >>> 8) & 0xff;
}

/** The last 64 KiB of what both hold, in order: what a linked block may refer to. */
function lastBytes(history: Uint8Array, block: Uint8Array): Uint8Array {
  if (block.length >= dictionaryBytes) return new Uint8Array(block.subarray(-dictionaryBytes));
  const kept = history.subarray(Math.max(0, history.length + block.length - dictionaryBytes));
  const joined = new Uint8Array(kept.length + block.length);
  joined.set(kept);
  joined.set(block, kept.length);
  return joined;
}

function* split(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += blockBytes) yield bytes.subarray(at, at + blockBytes);
}

/** Chunks of any size as blocks of full size and a rest. A block is overwritten once `apart` more were asked for. */
async function* gather(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  apart: number,
): AsyncGenerator<Uint8Array> {
  const blocks: Uint8Array[] = [];
  let count = 0;
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const block = (blocks[count % apart] = withRoom(blocks[count % apart], filled, chunk.length));
      const part = chunk.subarray(at, at + block.length - filled);
      block.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < blockBytes) continue;
      filled = 0;
      count++;
      yield block;
    }
  }
  const last = blocks[count % apart];
  if (filled > 0 && last !== undefined) yield last.subarray(0, filled);
}

/** The block itself while there is room in it. What fits into a smaller one, as `wanted` tells, takes no more than that. */
function withRoom(block: Uint8Array | undefined, filled: number, wanted: number): Uint8Array {
  if (block !== undefined && filled < block.length) return block;
  const larger = new Uint8Array(block === undefined ? Math.min(blockBytes, wanted) : blockBytes);
  if (block !== undefined) larger.set(block);
  return larger;
}
