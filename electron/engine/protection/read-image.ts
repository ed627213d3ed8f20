// Images of an open database for its session: what one is made of, its page hashes, and its bytes for a snapshot, checked while
// they pass. Each is read while capturing, and everybody else, goes on.
import type { Place } from '../../../shared/position.ts';
import type { Capture } from '../capture/capture.ts';
import { hashPage, lockPage } from '../replica/state-hash.ts';
import type { SnapshotImage } from '../ship/shipment.ts';
import { type ImageLayer, type ImageSource, readImage } from '../source/image.ts';
import { PagePlaces } from '../source/page-places.ts';
import type { LiveImage } from '../source/live-image.ts';
import { PageHashes } from '../source/page-hashes.ts';
import type { Spool } from '../spool/spool.ts';

/** The pages of an image that lie in the spool: frames up to its place. */
export async function layersAt(
  spool: Spool,
  { at, pageSize }: { readonly at: Place; readonly pageSize: number },
): Promise<readonly ImageLayer[]> {
  const layers: ImageLayer[] = [];
  for (const { index, bytes } of spool.filesOfWal(at.index)) {
    const newest = PagePlaces.ofFrames(pageSize);
    const to = index === at.index ? at.offset : bytes;
    await spool.visitFrames(index, { from: 0, to }, ({ page, dataOffset }) => newest.set(page, dataOffset));
    layers.unshift({ path: spool.pathOf(index), newest });
  }
  return layers;
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

/** An image at the present end. */
export async function openImage({
  capture,
  spool,
  pageSize,
}: {
  readonly capture: Capture;
  readonly spool: Spool;
  readonly pageSize: number;
}): Promise<SnapshotImage> {
  const { image, at, time, state } = await capture.openImage(pageSize);
  try {
    image.describe(await layersAt(spool, { at, pageSize }));
    return {
      at,
      time,
      state,
      pages: image.pages,
      read: ({ signal, onProgress }) => readChecked(image, { capture, state, signal, onProgress }),
      [Symbol.dispose]: () => image[Symbol.dispose](),
    };
  } catch (error) {
    image[Symbol.dispose]();
    throw error;
  }
}

async function* readChecked(
  image: LiveImage,
  {
    capture,
    state,
    signal,
    onProgress,
  }: {
    readonly capture: Capture;
    readonly state: bigint;
    readonly signal: AbortSignal;
    readonly onProgress: (bytes: number) => void;
  },
): AsyncGenerator<Uint8Array> {
  let seen = 0n;
  const skip = lockPage(image.pageSize);
  for await (const { firstPage, bytes } of readImage(image, { signal })) {
    for (let at = 0, page = firstPage; at < bytes.length; at += image.pageSize, page++) {
      if (page !== skip) seen ^= hashPage(page, bytes.subarray(at, at + image.pageSize));
    }
    image.passed(firstPage + bytes.length / image.pageSize - 1);
    onProgress(bytes.length);
    yield bytes;
  }
  if (seen === state) return;
  await mustBeWhole(image, capture);
  throw new Error('the image of the database is not what was captured');
}

/** Fails where newer pages came into the file while an image was read. */
export async function mustBeIntact(image: ImageSource, capture: Capture): Promise<void> {
  await capture.catchUp(() => image.layers);
}

/** The same, always with `ImageSpoiled`. */
async function mustBeWhole(image: LiveImage, capture: Capture): Promise<void> {
  try {
    await mustBeIntact(image, capture);
  } catch {
    // @NOTE Whatever it is, it is told by whoever captures: here it means that nobody kept the file as it was.
    image.spoil();
    void image.layers;
  }
}
