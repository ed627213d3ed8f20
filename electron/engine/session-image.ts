// Images of an open database for its session: the page hashes of one, and the bytes of one for a snapshot, checked while they
// pass. Each is read under a pin of its own, while capturing goes on.
import type { Capture } from './capture.ts';
import { imageAt } from './continuity.ts';
import { hashPage, lockPage } from './replica/state-hash.ts';
import type { SnapshotImage } from './ship/shipment.ts';
import type { Connections } from './source/connections.ts';
import { type ImageSource, readImage } from './source/image.ts';
import type { Spool } from './spool.ts';

/** An image at the present end, under a pin of its own; `now` is the clock of the capture. */
export async function openImage({
  connections,
  capture,
  spool,
  pageSize,
  now,
}: {
  readonly connections: Connections;
  readonly capture: Capture;
  readonly spool: Spool;
  readonly pageSize: number;
  readonly now: () => number;
}): Promise<SnapshotImage> {
  const pin = connections.pinForImage();
  try {
    const reached = await capture.catchUp((at) => ({
      at,
      state: capture.hashes?.state ?? 0n,
      pages: capture.hashes?.pages ?? 0,
      // Now, and by the clock of the capture: no transaction that follows may bear an earlier time.
      time: now(),
    }));
    const image = await imageAt(connections, { spool, pageSize, ...reached });
    return {
      ...reached,
      read: ({ signal, onProgress }) => readChecked(image, { state: reached.state, signal, onProgress }),
      [Symbol.dispose]: () => pin[Symbol.dispose](),
    };
  } catch (error) {
    pin[Symbol.dispose]();
    throw error;
  }
}

async function* readChecked(
  image: ImageSource,
  {
    state,
    signal,
    onProgress,
  }: { readonly state: bigint; readonly signal: AbortSignal; readonly onProgress: (bytes: number) => void },
): AsyncGenerator<Uint8Array> {
  let seen = 0n;
  const skip = lockPage(image.pageSize);
  for await (const { firstPage, bytes } of readImage(image, { signal })) {
    for (let at = 0, page = firstPage; at < bytes.length; at += image.pageSize, page++) {
      if (page !== skip) seen ^= hashPage(page, bytes.subarray(at, at + image.pageSize));
    }
    onProgress(bytes.length);
    yield bytes;
  }
  if (seen !== state) throw new Error('the image of the database is not what was captured');
}
