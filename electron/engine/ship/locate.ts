// What a target has of a generation, by its listing; and telling the catalogue of what lies there that nobody was told of,
// since an earlier run was killed after it had put it. Reads trailers, changes nothing.
import { AppError } from '../../../shared/errors.ts';
import type { Generation, Place } from '../../../shared/position.ts';
import type { Commit } from '../replica/commit.ts';
import { generationPrefix, parseKey } from '../replica/keys.ts';
import { readTrailer } from '../replica/object.ts';
import type { Trailer } from '../replica/trailer.ts';
import type { StoredObject, Target } from '../targets/target.ts';
import { isBehind, type OnShipped, type ShippedSnapshot } from './shipment.ts';

export interface Located {
  readonly objects: readonly StoredObject[];
  /** The newest image that is sound. `isSpoiled`: a newer one is not. `walBytes`: what lies behind it, as stored. */
  readonly snapshot:
    { readonly index: number; readonly at: number; readonly isSpoiled: boolean; readonly walBytes: number } | undefined;
  /** The end of the newest segment, else the start of the newest image's index; undefined where there is nothing. */
  readonly position: Place | undefined;
  /** When the newest object was captured. */
  readonly shippedAt: number;
  /** The newest segment, as its trailer describes it; undefined where that is damaged, or there is none. */
  readonly last: { readonly from: Place; readonly to: number; readonly hash: string } | undefined;
}

/** What was told of a target in earlier runs. */
export interface Told {
  readonly snapshots: ReadonlySet<number>;
  readonly last: Place | undefined;
  /** What lies before the image that a part begins with, in its index, is told with it: not all of it was. */
  readonly isUntoldLead: (segment: Place) => boolean;
}

interface Signal {
  readonly signal: AbortSignal;
}

/** Lists a generation on a target, and learns what it has of it. */
export async function locate(target: Target, generation: Generation, { signal }: Signal): Promise<Located> {
  return await locateIn(target, await target.list(generationPrefix(generation), { signal }), { signal });
}

/**
 * What a target has of a generation, by its listing. What lies behind a hole, since an image that was to go on there was never
 * finished, does not count; nor does an image that is not sound.
 */
export async function locateIn(
  target: Target,
  objects: readonly StoredObject[],
  { isSound = () => true, signal }: Signal & { readonly isSound?: (image: number) => boolean },
): Promise<Located> {
  const found = parseAll(objects);
  const newest = found.findLast(({ key }) => key.kind === 'snapshot');
  const image = found.findLast(({ key }) => key.kind === 'snapshot' && isSound(key.index));
  const isSpoiled = newest !== image;
  const behind = found.filter(
    ({ key }) => key.kind === 'segment' && image !== undefined && key.index >= image.key.index,
  );
  const walBytes = behind.reduce((sum, { object }) => sum + object.bytes, 0);
  const snapshot = image && { index: image.key.index, at: image.object.modifiedAt, isSpoiled, walBytes };
  let last: { readonly object: StoredObject; readonly place: Place } | undefined;
  for (const { object, key } of found) {
    if (key.kind !== 'segment' || (snapshot !== undefined && key.index < snapshot.index)) continue;
    const reach = last === undefined ? snapshot?.index : last.place.index + 1;
    if (reach !== undefined && key.index > reach) break;
    last = { object, place: { index: key.index, offset: key.offset } };
  }
  if (last === undefined) {
    const position = snapshot && { index: snapshot.index, offset: 0 };
    return { objects, snapshot, position, shippedAt: snapshot?.at ?? 0, last: undefined };
  }
  const { place, object } = last;
  const trailer = await trailerOf(target, object, { signal });
  // Its own start where it is damaged, so that it is shipped once more.
  const to = trailer === 'damaged' ? place.offset : trailer && place.offset + trailer.size;
  return {
    objects,
    snapshot,
    position: to === undefined ? undefined : { index: place.index, offset: to },
    shippedAt: object.modifiedAt,
    last: trailer === undefined || trailer === 'damaged' ? undefined : { from: place, to: to ?? 0, hash: trailer.hash },
  };
}

/** Tells what lies on a target beyond what was told: the trailers say it. */
export async function tellFound(
  target: Target,
  objects: readonly StoredObject[],
  {
    generation,
    told,
    signal,
    onSnapshot,
    onShipped,
  }: Signal & {
    readonly generation: Generation;
    readonly told: Told;
    readonly onSnapshot: (snapshot: ShippedSnapshot) => void;
    readonly onShipped: OnShipped;
  },
): Promise<void> {
  const found = parseAll(objects);
  const indices = new Set(found.flatMap(({ key }) => (key.kind === 'segment' ? [key.index] : [])));
  let hasPart = told.snapshots.size > 0;
  // The last index of the part that the segments so far belong to.
  let reach: number | undefined;
  for (const { object, key } of found) {
    if (key.kind === 'segment' && reach !== undefined && key.index > reach + 1) continue;
    reach = key.index;
    if (key.kind === 'snapshot') {
      if (told.snapshots.has(key.index)) continue;
      const { at, pages } = (await soundTrailer(target, object, { signal })) ?? {};
      if (at === undefined || pages === undefined) continue;
      const beginsPart = !hasPart || !indices.has(key.index - 1);
      onSnapshot({ at, time: at.time, pages, bytes: object.bytes, beginsPart, isFound: true, missing: undefined });
      hasPart = true;
    } else if (told.last === undefined || !isBehind(key, told.last) || told.isUntoldLead(key)) {
      const trailer = await soundTrailer(target, object, { signal });
      if (trailer === undefined) continue;
      const { index } = key;
      const commits = commitsOf(trailer, index);
      const position = { generation, index, offset: key.offset + trailer.size };
      const put = { index, offset: key.offset, bytes: object.bytes };
      onShipped({ position, at: commits.at(-1)?.at ?? object.modifiedAt }, commits, put);
    }
  }
}

/** Of transactions whose hash nobody recorded. */
export const unknownState = 0n;

type Key = NonNullable<ReturnType<typeof parseKey>>;

/** In the order of history, an image before what follows it: which part a segment belongs to is known by then. */
function parseAll(objects: readonly StoredObject[]): readonly { readonly object: StoredObject; readonly key: Key }[] {
  const offsetOf = (key: Key) => (key.kind === 'segment' ? key.offset : -1);
  return objects
    .flatMap((object) => {
      const key = parseKey(object.key);
      return key === undefined ? [] : [{ object, key }];
    })
    .sort((a, b) => a.key.index - b.key.index || offsetOf(a.key) - offsetOf(b.key));
}

function commitsOf(trailer: Trailer, index: number): readonly Commit[] {
  return (trailer.commits ?? []).map(([offset, at], i) => ({
    index,
    offset,
    at,
    state: stateOf(trailer.states?.[i]?.[0]),
    pages: trailer.states?.[i]?.[1] ?? trailer.pages,
    written: 0,
    transactions: 1,
  }));
}

function stateOf(hash: string | undefined): bigint {
  return hash === undefined ? unknownState : BigInt(`0x${hash}`);
}

/** An object's trailer; undefined where it has none. */
async function trailerOf(
  target: Target,
  object: StoredObject,
  { signal }: Signal,
): Promise<Trailer | 'damaged' | undefined> {
  try {
    return await readTrailer(target, object, { signal });
  } catch (error) {
    if (error instanceof AppError && error.code === 'object-damaged') return 'damaged';
    throw error;
  }
}

/** The same, but undefined where it is damaged too: a restore says so when it needs it. */
async function soundTrailer(target: Target, object: StoredObject, options: Signal): Promise<Trailer | undefined> {
  const trailer = await trailerOf(target, object, options);
  return trailer === 'damaged' ? undefined : trailer;
}
