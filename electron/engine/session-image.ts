// Images of an open database for its session: what one is made of, its page hashes, and its bytes for a snapshot, checked while
// they pass. Each is read under a pin, while capturing goes on.
import type { Place } from '../../shared/position.ts';
import type { Capture } from './capture.ts';
import { hashPage, lockPage } from './replica/state-hash.ts';
import type { SnapshotImage } from './ship/shipment.ts';
import type { Connections } from './source/connections.ts';
import { type ImageLayer, type ImageSource, NewestFrames, readImage } from './source/image.ts';
import { PageHashes } from './source/page-hashes.ts';
import type { Spool } from './spool.ts';

export interface ImageRequest {
  readonly spool: Spool;
  readonly at: Place;
  readonly pages: number;
  readonly pageSize: number;
}

/** The image of a database at a place that its capture reached while a pin was held. */
export async function imageAt(
  connections: Connections,
  { spool, at, pages, pageSize }: ImageRequest,
): Promise<ImageSource> {
  const layers: ImageLayer[] = [];
  for (const { index, bytes } of spool.filesOfWal(at.index)) {
    const newest = new NewestFrames(pageSize);
    const to = index === at.index ? at.offset : bytes;
    await spool.visitFrames(index, { from: 0, to }, ({ page, dataOffset }) => newest.set(page, dataOffset));
    layers.unshift({ path: spool.pathOf(index), newest });
  }
  return { fd: connections.fd, pageSize, pages, layers };
}

/** Page hashes of a whole image. */
export async function hashImage(
  image: ImageSource,
  { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: (bytes: number) => void },
): Promise<PageHashes> {
  const hashes = new PageHashes(image.pageSize);
  for await (const { firstPage, bytes } of readImage(image, { signal })) {
    let page = firstPage;
    for (let at = 0; at < bytes.length; at += image.pageSize, page++) {
      hashes.set(page, hashPage(page, bytes.subarray(at, at + image.pageSize)));
    }
    hashes.resize(page - 1);
    onProgress(bytes.length);
  }
  return hashes;
}

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
