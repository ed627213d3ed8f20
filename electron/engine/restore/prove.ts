// Computes the state hash of a restored file, page by page from the disk: what the proof compares with what was recorded
// at the capture. Reads only.
import { open } from 'node:fs/promises';
import { hashPage, lockPage } from '../replica/state-hash.ts';

const chunkBytes = 1 << 20;

/** The state hash of a database file. */
export async function hashDatabase(
  path: string,
  options: {
    readonly pageSize: number;
    readonly onBytes: (bytes: number) => void;
    readonly signal: AbortSignal;
  },
): Promise<bigint> {
  const { pageSize, onBytes, signal } = options;
  const unhashed = lockPage(pageSize);
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const buffer = new Uint8Array(Math.max(chunkBytes, pageSize));
    let state = 0n;
    let page = 1;
    for (let at = 0; at < size;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      const whole = bytesRead - (bytesRead % pageSize);
      if (whole === 0) throw new Error(`the restored file ends within page ${page}`);
      for (let from = 0; from < whole; from += pageSize, page++) {
        if (page !== unhashed) state ^= hashPage(page, buffer.subarray(from, from + pageSize));
      }
      at += whole;
      onBytes(whole);
    }
    return state;
  } finally {
    await file.close();
  }
}
