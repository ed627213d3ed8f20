// One object of a replica as bytes: an LZ4 frame, then the metadata trailer as an LZ4 skippable frame that every other
// reader passes over. Computes size and hash of what it writes, verifies both in what it reads. Where the bytes come
// from is the caller's; what the trailer says is trailer.ts.
import { AppError } from '../../../shared/errors.ts';
import { maxTrailerBytes, mostContentOf } from './bounds.ts';
import { whatContradicts } from './consistency.ts';
import { decodeFrame, type EncodeOptions, encodeFrame, FrameError, formatSkippable, updateHash } from './lz4-frame.ts';
import { formatHash, hashing } from './state-hash.ts';
import { type Trailer, trailerSchema } from './trailer.ts';

/** What reading needs of a target. */
export interface ObjectReader {
  get(
    key: string,
    options: { readonly range?: { readonly start: number; readonly end?: number }; readonly signal: AbortSignal },
  ): AsyncIterable<Uint8Array>;
}

/** An object as a target lists it. */
export interface ObjectInfo {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAt: number;
}

/** What the caller knows; size and hash are computed here. */
export type TrailerFields = Omit<Trailer, 'v' | 'size' | 'hash'>;

const trailerKind = 0xd;
const trailerMagic = 0x184d2a50 + trailerKind;
const mark = new TextEncoder().encode('TIDE');
/** Length and mark behind the JSON. */
const footerBytes = 8;
/** Magic and length before the payload. */
const skippableHeaderBytes = 8;
/** Most trailers lie within one read of this size. */
const firstReadBytes = 4096;

/** An object as a stream, in constant memory; `finish` is asked for the trailer's fields when all content has passed. */
export async function* encodeObject(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  finish: () => TrailerFields | Promise<TrailerFields>,
  options: EncodeOptions = {},
): AsyncGenerator<Uint8Array> {
  const content = new Content();
  yield* encodeFrame(content.watch(source), options);
  yield formatTrailer(content.describe(await finish()));
}

/** The same at once, for content that is small: what it needs is no larger than that. */
export async function encodeWhole(
  bytes: Uint8Array | readonly Uint8Array[],
  fields: TrailerFields,
): Promise<Uint8Array<ArrayBuffer>> {
  const whole = bytes instanceof Uint8Array ? bytes : concat(bytes);
  const content = new Content();
  content.add(whole);
  const parts: Uint8Array[] = [];
  // A piece is gone when the next one is asked for.
  for await (const part of encodeFrame(whole)) parts.push(new Uint8Array(part));
  parts.push(formatTrailer(content.describe(fields)));
  return concat(parts);
}

/**
 * Reads an object's trailer by its last bytes. Undefined where there is none: the object is foreign.
 * Throws `object-damaged` where there is one and it is not sound.
 */
export async function readTrailer(
  reader: ObjectReader,
  object: Pick<ObjectInfo, 'key' | 'bytes'>,
  options: { readonly signal: AbortSignal },
): Promise<Trailer | undefined> {
  const { key, bytes } = object;
  let end = await readEnd(reader, key, Math.min(bytes, firstReadBytes), options.signal);
  const length = jsonLength(end);
  if (length === undefined) return undefined;
  const whole = skippableHeaderBytes + length + footerBytes;
  if (length > maxTrailerBytes) throw damaged(key, 'its trailer is longer than any');
  if (whole > bytes) throw damaged(key, 'its trailer is longer than the object');
  if (whole > end.length) end = await readEnd(reader, key, whole, options.signal);
  if (whole > end.length) throw damaged(key, 'its trailer ends too early');

  const frame = end.subarray(end.length - whole);
  const view = viewOf(frame);
  if (view.getUint32(0, true) !== trailerMagic || view.getUint32(4, true) !== length + footerBytes) {
    throw damaged(key, 'its trailer is not framed as one');
  }
  const trailer = parseTrailer(key, frame.subarray(skippableHeaderBytes));
  const wrong = whatContradicts(key, trailer, { storedBytes: bytes });
  if (wrong === undefined) return trailer;
  throw new AppError('object-damaged', { key, ...wrong });
}

/**
 * Streams an object's content, no more of it than its trailer tells, or, without one, than `storedBytes` and `mostBytes` allow. When
 * the stream ends, every checksum was right, and length and hash were those of the
 * trailer (the given one, else the one that follows the content, else none). Throws `object-damaged`, naming the key.
 */
export async function* openObject(
  reader: ObjectReader,
  key: string,
  options: {
    readonly trailer?: Trailer | undefined;
    /** Size of the object, as listed. */
    readonly storedBytes: number;
    /** What there can be of its content. */
    readonly mostBytes?: number | undefined;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<Uint8Array> {
  const { storedBytes, mostBytes = Infinity } = options;
  const content = new Content();
  const bound = options.trailer?.size ?? Math.min(mostBytes, mostContentOf(storedBytes));
  let found: Trailer | undefined;
  try {
    const onSkippable = (kind: number, payload: Uint8Array) => {
      if (kind === trailerKind) found = parseTrailer(key, payload);
      else if (jsonLength(payload) !== undefined) throw damaged(key, 'its trailer is not framed as one');
    };
    const stream = reader.get(key, { signal: options.signal });
    for await (const chunk of content.watch(decodeFrame(stream, { onSkippable }))) {
      if (content.size > bound) throw damaged(key, `it holds more than ${bound} bytes`);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof FrameError) throw damaged(key, error.message, error);
    throw error;
  }
  if (options.trailer !== undefined && found === undefined) throw damaged(key, 'its trailer is missing');
  const expected = options.trailer ?? found;
  if (expected === undefined) return;
  if (content.size !== expected.size) {
    throw damaged(key, `it holds ${content.size} bytes, not ${expected.size}`);
  }
  if (content.hash() !== expected.hash) throw damaged(key, 'its content does not match its hash');
}

/** Size and hash of what passes by. */
class Content {
  readonly #hash = hashing.create64();
  size = 0;

  add(chunk: Uint8Array): void {
    updateHash(this.#hash, chunk);
    this.size += chunk.length;
  }

  async *watch(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.add(chunk);
      yield chunk;
    }
  }

  hash(): string {
    return formatHash(this.#hash.digest());
  }

  describe(fields: TrailerFields): Trailer {
    return { v: 1, size: this.size, hash: this.hash(), ...fields };
  }
}

/**
 * The trailer as a skippable frame. The JSON's last member, `check`, is the hash of the text without it, so that no
 * flipped bit in a time or a hash goes unseen.
 */
function formatTrailer(trailer: Trailer): Uint8Array {
  const text = JSON.stringify(trailer);
  const json = new TextEncoder().encode(`${text.slice(0, -1)},"check":"${checkOf(text)}"}`);
  const payload = new Uint8Array(json.length + footerBytes);
  payload.set(json);
  viewOf(payload).setUint32(json.length, json.length, true);
  payload.set(mark, json.length + 4);
  return formatSkippable(trailerKind, payload);
}

/** The inverse of {@link formatTrailer}, for the payload; throws `object-damaged`. */
function parseTrailer(key: string, payload: Uint8Array): Trailer {
  const length = jsonLength(payload);
  if (length === undefined || length !== payload.length - footerBytes) throw damaged(key, 'its trailer is not whole');
  const text = new TextDecoder().decode(payload.subarray(0, length));
  const [, start, check] = /^(.*),"check":"([0-9a-f]{16})"\}$/s.exec(text) ?? [];
  if (start === undefined || checkOf(`${start}}`) !== check) throw damaged(key, 'the checksum of its trailer is wrong');
  try {
    return trailerSchema.parse(JSON.parse(text));
  } catch (error) {
    throw damaged(key, 'its trailer is not one that this version knows', error);
  }
}

function checkOf(text: string): string {
  return formatHash(hashing.h64(text));
}

/** Length of the JSON before the footer that ends `bytes`; undefined where they do not end with one. */
function jsonLength(bytes: Uint8Array): number | undefined {
  const footer = bytes.length - footerBytes;
  if (footer < 0 || mark.some((byte, at) => bytes[footer + 4 + at] !== byte)) return undefined;
  return viewOf(bytes).getUint32(footer, true);
}

async function readEnd(reader: ObjectReader, key: string, length: number, signal: AbortSignal): Promise<Uint8Array> {
  if (length === 0) return new Uint8Array(0);
  const parts: Uint8Array[] = [];
  for await (const part of reader.get(key, { range: { start: -length }, signal })) parts.push(part);
  return concat(parts);
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function damaged(key: string, reason: string, cause?: unknown): AppError {
  return new AppError('object-damaged', { key, reason }, { cause });
}
