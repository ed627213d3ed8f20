// Reads the committed frames of a live WAL, in order, each exactly once. Opens and closes only the `-wal` file, which
// carries no locks. Relies on a pin that its caller holds: at most one restart can happen between two calls, and at that
// restart everything of the former WAL was read already (https://www.sqlite.org/wal.html, and the pins in capture.ts).
import fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { codeOf } from '../../../shared/errors.ts';
import {
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
} from './wal.ts';

/** Where read frames go. Calls come in WAL order. */
export interface FrameSink {
  /** A WAL begins: after a restart by some writer, or the first one that is seen. */
  begin(header: WalHeader, headerBytes: Uint8Array): void;
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
const sliceBytes = 2 * 1024 * 1024;

/** A WAL up to some frame: its header, the chain there, and how many frames lie before. */
export interface WalEnd {
  readonly chain: WalChain;
  readonly frames: number;
}

export class WalReader implements Disposable {
  readonly #path: string;
  #fd: number | undefined;
  #chain: WalChain | undefined;
  #frames = 0;
  #buffer = new Uint8Array(0);
  #pages = new Uint32Array(0);
  #commits = new Uint32Array(0);

  /** Reads on behind `end`, or from the start of whatever WAL there is. */
  constructor(databasePath: string, end?: WalEnd) {
    this.#path = `${databasePath}-wal`;
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
    const count = committed();
    const found = this.#readHeader();
    if (found === undefined) return count === 0;
    if (this.#chain !== undefined && isSameWal(found.header, this.#chain.header)) {
      return count <= this.#frames || (await this.#read(this.#chain, count, sink));
    }
    // Another header: the one restart that the pin permits. The count may still be the former WAL's, so ask again.
    const fresh = committed();
    if (fresh === 0) return true;
    sink.begin(found.header, found.bytes);
    this.#chain = startChain(found.header);
    this.#frames = 0;
    return await this.#read(this.#chain, fresh, sink);
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
      let frames = 0;
      const good = scanFrames(end, this.#buffer.subarray(0, got), (_at, page, commitPages) => {
        this.#pages[frames] = page;
        this.#commits[frames] = commitPages;
        frames++;
      });
      if (frames < wanted) return false;
      sink.append(this.#buffer.subarray(0, good), offset);
      chain.sum0 = end.sum0;
      chain.sum1 = end.sum1;
      this.#frames += frames;
      this.#visit(frames, { offset, size, sink });
      if (this.#frames < count) await nextTurn();
    }
    return true;
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
    this.#buffer = new Uint8Array(frames * size);
    this.#pages = new Uint32Array(frames);
    this.#commits = new Uint32Array(frames);
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
