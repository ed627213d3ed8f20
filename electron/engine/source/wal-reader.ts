// Reads the committed frames of a live WAL, in order, each exactly once. Opens and closes only the `-wal` file, which
// carries no locks. Relies on a pin that its caller holds: at most one restart can happen between two calls, and at that
// restart everything of the former WAL was read already (https://www.sqlite.org/wal.html, and the pins in capture/capture.ts).
import { webcrypto as crypto } from 'node:crypto';
import fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { must } from '../../../shared/assert.ts';
import { codeOf } from '../../../shared/errors.ts';
import {
  formatWalHeader,
  frameBytes,
  frameHeaderBytes,
  isSameWal,
  offsetAfter,
  parseWalHeader,
  scanFrames,
  startChain,
  type WalChain,
  type WalHeader,
  walHeaderBytes,
  writeFrame,
} from '../replica/wal.ts';

/** Tells transactions among the frames that are counted ahead, which are handed over in their order. */
export interface AheadCounter {
  /** A WAL begins. */
  begin(): void;
  /** The frame ends a transaction. */
  isTransaction(frame: { readonly page: number; readonly data: Uint8Array; readonly commitPages: number }): boolean;
}

/** Where read frames go. Calls come in WAL order. */
export interface FrameSink {
  /** Another WAL than the one that was read is there: called before {@link begin}, while nothing of it is kept. Throwing keeps it so. */
  restarted?(): Promise<void>;
  /**
   * A WAL begins: after a restart by some writer, or the first one that is seen. `isRolled`: the same WAL goes on under a
   * header of our own, since it became too long for one index.
   */
  begin(header: WalHeader, headerBytes: Uint8Array, isRolled: boolean): void;
  /** A long WAL may be rolled here. */
  readonly canRoll?: boolean;
  /** So many committed frames had no valid checksum in the file. */
  mended?(frames: number): void;
  /** Verified whole frames, to keep; `offset` is theirs in the WAL. Throwing leaves the reader where it was. */
  append(bytes: Uint8Array, offset: number): void;
  /** Each frame of what was appended. `data` is valid during the call only. */
  frame(frame: {
    readonly page: number;
    readonly data: Uint8Array;
    readonly commitPages: number;
    readonly endOffset: number;
  }): void;
}

/** Frames are read and verified in pieces of about this size, with a turn of the event loop between them. */
const sliceBytes = 1024 * 1024;
/**
 * A WAL that is longer goes on as another one, between two transactions: offsets in the names of objects have 32 bits, and
 * one transaction alone may be long.
 */
const defaultRollBytes = 1024 * 1024 * 1024;

/** A WAL up to some frame: its header, the chain there, and how many frames lie before. */
export interface WalEnd {
  readonly chain: WalChain;
  readonly frames: number;
}

export interface WalReaderOptions {
  /** A WAL that is longer goes on as the next index. */
  readonly rollBytes?: number | undefined;
  /** The page that SQLite's wal-index names for a committed frame, counted from 1; undefined where it cannot be asked. */
  readonly pageOf?: ((frame: number) => number | undefined) | undefined;
}

type Salts = readonly [number, number];

/** The chain that frames get instead of the one in the file, and how far their offsets lie below those in the file. */
interface Rolled {
  readonly chain: WalChain;
  readonly shift: number;
}

interface Slice {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly pages: Uint32Array<ArrayBuffer>;
  readonly commits: Uint32Array<ArrayBuffer>;
}

/** By the size of a frame. */
const slices = new Map<number, Slice>();

export class WalReader implements Disposable {
  readonly #path: string;
  readonly #rollBytes: number;
  readonly #pageOf: (frame: number) => number | undefined;
  #rolled: Rolled | undefined;
  /** The last frame that was read ended a transaction. */
  #isBetween = false;
  #fd: number | undefined;
  #chain: WalChain | undefined;
  #frames = 0;
  #buffer = new Uint8Array(0);
  #pages = new Uint32Array(0);
  #commits = new Uint32Array(0);

  /** Reads on behind `end`, or from the start of whatever WAL there is. */
  constructor(databasePath: string, end?: WalEnd, { rollBytes, pageOf }: WalReaderOptions = {}) {
    this.#path = `${databasePath}-wal`;
    this.#rollBytes = rollBytes ?? defaultRollBytes;
    this.#pageOf = pageOf ?? (() => undefined);
    this.#isBetween = end !== undefined;
    this.#chain = end === undefined ? undefined : { ...end.chain };
    this.#frames = end?.frames ?? 0;
  }

  /** The offset behind the last frame that was read. */
  get offset(): number {
    return this.#chain === undefined ? 0 : offsetAfter(this.#frames, this.#chain.header.pageSize);
  }

  /** The header of the WAL that is being read. */
  get header(): WalHeader | undefined {
    return this.#chain?.header;
  }

  /** The WAL with these salts is being read. */
  isOf([salt1, salt2]: Salts): boolean {
    return this.#chain?.header.salt1 === salt1 && this.#chain.header.salt2 === salt2;
  }

  /** Frames of the present WAL that were read. */
  get frames(): number {
    return this.#frames;
  }

  /**
   * How many transactions lie behind what was read, up to the `frames`th frame of the WAL with these salts; reads on
   * nothing. Undefined when the file does not hold so much, or is not that WAL any more.
   */
  async countAhead(
    { frames: count, salts }: { readonly frames: number; readonly salts: Salts },
    counter: AheadCounter,
  ): Promise<number | undefined> {
    const end = this.#chain && { chain: this.#chain, frames: this.#frames };
    using probe = new WalReader(this.#path.slice(0, -'-wal'.length), end, { pageOf: this.#pageOf });
    let commits = 0;
    const isWhole = await probe.drain(() => count, {
      begin: () => counter.begin(),
      append: () => {},
      frame: (frame) => {
        if (counter.isTransaction(frame)) commits++;
      },
    });
    const { header } = probe;
    const isThat = header?.salt1 === salts[0] && header.salt2 === salts[1];
    return isWhole && isThat && probe.isCurrent() ? commits : undefined;
  }

  /** The WAL in the file is still the one that is being read. */
  isCurrent(): boolean {
    const found = this.#readHeader();
    return found !== undefined && this.#chain !== undefined && isSameWal(found.header, this.#chain.header);
  }

  /**
   * Reads everything that is committed now. `committed` asks SQLite for the number of committed frames: what lies in the
   * file beyond them was never published (a writer at work, or one that was killed) and is left alone.
   * Returns false when the file does not hold what SQLite says it holds.
   */
  async drain(committed: () => number, sink: FrameSink): Promise<boolean> {
    let count = committed();
    let found = this.#readHeader();
    // A WAL that was truncated in between: the count was the former one's. The pin permits that once.
    for (let again = 0; found === undefined && count > 0 && again < 2; again++) {
      count = committed();
      found = this.#readHeader();
    }
    if (found === undefined) return count === 0;
    if (this.#chain !== undefined && isSameWal(found.header, this.#chain.header)) {
      return count <= this.#frames || (await this.#read(this.#chain, count, sink));
    }
    // Another header: the one restart that the pin permits. The count may still be the former WAL's, so ask again.
    const fresh = committed();
    if (fresh === 0) return true;
    if (sink.restarted !== undefined) {
      await sink.restarted();
      const still = this.#readHeader();
      if (still === undefined || !isSameWal(still.header, found.header)) return await this.drain(committed, sink);
    }
    sink.begin(found.header, found.bytes, false);
    this.#chain = startChain(found.header);
    this.#frames = 0;
    this.#rolled = undefined;
    this.#isBetween = false;
    return await this.#read(this.#chain, fresh, sink);
  }

  /** When the file that is read was deleted, in ms by the clock of the file system; undefined while it was not. */
  get deletedAt(): number | undefined {
    if (this.#fd === undefined) return undefined;
    const { nlink, ctimeMs } = fs.fstatSync(this.#fd);
    return nlink === 0 ? ctimeMs : undefined;
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
  }

  async #read(chain: WalChain, count: number, sink: FrameSink): Promise<boolean> {
    const { pageSize } = chain.header;
    const size = frameBytes(pageSize);
    this.#reserve(size);
    while (this.#frames < count) {
      const wanted = Math.min(count - this.#frames, this.#pages.length);
      const offset = walHeaderBytes + this.#frames * size;
      const got = readFully(this.#open(), this.#buffer.subarray(0, wanted * size), offset);
      const end: WalChain = { ...chain };
      const { frames, unsummed } = this.#scan(end, this.#buffer.subarray(0, got));
      if (frames < wanted) return false;
      // What has no checksum in the file gets one here, and so does all that follows.
      if (unsummed > 0) this.#rolled ??= { chain: { ...chain }, shift: 0 };
      if (unsummed > 0) sink.mended?.(unsummed);
      this.#append(this.#buffer.subarray(0, frames * size), { offset, frames, sink, pageSize });
      chain.sum0 = end.sum0;
      chain.sum1 = end.sum1;
      this.#frames += frames;
      this.#isBetween = (this.#commits[frames - 1] ?? 0) > 0;
      this.#visit(frames, { offset: offset - (this.#rolled?.shift ?? 0), size, sink });
      if (this.#frames < count) await nextTurn();
    }
    return true;
  }

  /**
   * Verifies frames and moves the chain over them. SQLite up to 3.40 (at least) leaves frames without salts and checksum when a
   * transaction that outgrew the page cache is rolled back to a savepoint and committed then: they are committed, everybody
   * reads them, and its own recovery would lose them. Those are taken where the wal-index names the same page for them; the
   * frame behind begins the chain anew.
   */
  #scan(chain: WalChain, bytes: Uint8Array): { readonly frames: number; readonly unsummed: number } {
    const { header } = chain;
    const size = frameBytes(header.pageSize);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let frames = 0;
    let unsummed = 0;
    const take = (page: number, commitPages: number): void => {
      this.#pages[frames] = page;
      this.#commits[frames] = commitPages;
      frames++;
    };
    for (;;) {
      scanFrames(chain, bytes.subarray(frames * size), (_at, page, commitPages) => take(page, commitPages));
      const at = frames * size;
      if (at + size > bytes.length) break;
      const page = view.getUint32(at);
      const isUnsummed = view.getBigUint64(at + 8) === 0n && view.getBigUint64(at + 16) === 0n;
      const isNextChain =
        chain.sum0 === 0 &&
        chain.sum1 === 0 &&
        view.getUint32(at + 8) === header.salt1 &&
        view.getUint32(at + 12) === header.salt2;
      if (!(isUnsummed || isNextChain) || this.#pageOf(this.#frames + frames + 1) !== page) break;
      take(page, view.getUint32(at + 4));
      chain.sum0 = view.getInt32(at + 16);
      chain.sum1 = view.getInt32(at + 20);
      unsummed++;
    }
    return { frames, unsummed };
  }

  /** Hands verified frames over, under a header of our own where the WAL is long. */
  #append(
    bytes: Uint8Array,
    {
      offset,
      frames,
      sink,
      pageSize,
    }: { readonly offset: number; readonly frames: number; readonly sink: FrameSink; readonly pageSize: number },
  ): void {
    const length = offset - (this.#rolled?.shift ?? 0);
    if (length >= this.#rollBytes && this.#isBetween && sink.canRoll === true) {
      const rolled = rollWal(pageSize);
      sink.begin(rolled.header, rolled.bytes, true);
      this.#rolled = { chain: startChain(rolled.header), shift: offset - walHeaderBytes };
    }
    if (this.#rolled === undefined) {
      sink.append(bytes, offset);
      return;
    }
    const { chain, shift } = this.#rolled;
    const end: WalChain = { ...chain };
    const size = frameBytes(pageSize);
    for (let i = 0; i < frames; i++) {
      const frame = bytes.subarray(i * size, (i + 1) * size);
      const [page = 0, commitPages = 0] = [this.#pages[i], this.#commits[i]];
      writeFrame(end, frame, { page, commitPages, data: frame.subarray(frameHeaderBytes) });
    }
    sink.append(bytes, offset - shift);
    chain.sum0 = end.sum0;
    chain.sum1 = end.sum1;
  }

  #visit(
    frames: number,
    { offset, size, sink }: { readonly offset: number; readonly size: number; readonly sink: FrameSink },
  ): void {
    for (let i = 0; i < frames; i++) {
      const at = i * size;
      sink.frame({
        page: this.#pages[i] as number,
        data: this.#buffer.subarray(at + frameHeaderBytes, at + size),
        commitPages: this.#commits[i] as number,
        endOffset: offset + at + size,
      });
    }
  }

  #reserve(size: number): void {
    const frames = Math.max(1, Math.floor(sliceBytes / size));
    if (this.#buffer.length === frames * size) return;
    // One for all databases: what lies in it is done with before anybody else gets a turn.
    let slice = slices.get(size);
    if (slice === undefined) {
      slice = {
        buffer: new Uint8Array(frames * size),
        pages: new Uint32Array(frames),
        commits: new Uint32Array(frames),
      };
      slices.set(size, slice);
    }
    this.#buffer = slice.buffer;
    this.#pages = slice.pages;
    this.#commits = slice.commits;
  }

  #readHeader(): { readonly header: WalHeader; readonly bytes: Uint8Array } | undefined {
    const bytes = new Uint8Array(walHeaderBytes);
    try {
      if (readFully(this.#open(), bytes, 0) < walHeaderBytes) return undefined;
    } catch (error) {
      // @NOTE No WAL yet: SQLite makes it with the first write.
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
    const header = parseWalHeader(bytes);
    return header === undefined ? undefined : { header, bytes };
  }

  #open(): number {
    return (this.#fd ??= fs.openSync(this.#path, 'r'));
  }
}

/** A header under which a WAL goes on. */
function rollWal(pageSize: number): { readonly header: WalHeader; readonly bytes: Uint8Array } {
  const [salt1 = 0, salt2 = 0] = crypto.getRandomValues(new Uint32Array(2));
  const bytes = formatWalHeader({ pageSize, sequence: 0, salt1, salt2 });
  return { bytes, header: must(parseWalHeader(bytes), 'it was just formatted') };
}

/** Reads until `into` is full or the file ends; returns the bytes read. */
export function readFully(fd: number, into: Uint8Array, position: number): number {
  let got = 0;
  while (got < into.length) {
    const read = fs.readSync(fd, into, got, into.length - got, position + got);
    if (read === 0) break;
    got += read;
  }
  return got;
}
