// Captured frames that wait for the page hashes below them: which page, what hash, and where each transaction ends. Compact, and
// in memory: reading them back from the spool takes longer than a busy application needs for as many again.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Place } from '../../../shared/position.ts';

/** Where a transaction ends. */
interface End extends Place {
  readonly at: number;
  /** Size of the database after it. */
  readonly pages: number;
  /** Its frame only repeats the one before it. */
  readonly isRepeat: boolean;
}

export interface HashedFrame {
  readonly page: number;
  readonly hash: bigint;
  /** Undefined within a transaction. */
  readonly end: End | undefined;
}

const chunkFrames = 4096;

interface Chunk {
  readonly pages: Uint32Array;
  readonly hashes: BigUint64Array;
  readonly ends: Map<number, End>;
  count: number;
}

export class AwaitedFrames {
  readonly #chunks: Chunk[] = [];

  add({ page, hash, end }: HashedFrame): void {
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.count === chunkFrames) {
      chunk = {
        pages: new Uint32Array(chunkFrames),
        hashes: new BigUint64Array(chunkFrames),
        ends: new Map(),
        count: 0,
      };
      this.#chunks.push(chunk);
    }
    const i = chunk.count++;
    chunk.pages[i] = page;
    chunk.hashes[i] = hash;
    if (end !== undefined) chunk.ends.set(i, end);
  }

  /** Hands all of them over, in order, with turns of the event loop in between, and forgets them. */
  async take(visit: (frame: HashedFrame) => void): Promise<void> {
    for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) {
      for (let i = 0; i < chunk.count; i++) {
        visit({ page: chunk.pages[i] ?? 0, hash: chunk.hashes[i] ?? 0n, end: chunk.ends.get(i) });
      }
      if (this.#chunks.length > 0) await nextTurn();
    }
  }
}
