// What a target has of the present generation before anything is shipped to it: tells what lies there that nobody was told
// of, puts again what is lost there as far as the spool has it, and says where shipping goes on. Reading what lies there is
// locate.ts; shipping from there on is shipper.ts.
import type { Place } from '../../../shared/position.ts';
import { generationPrefix } from '../replica/keys.ts';
import type { MendedSegment } from '../state/catalogue.ts';
import type { StoredObject, Target } from '../targets/target.ts';
import type { Damage, LostSegment } from './damage.ts';
import { type Located, locateIn, tellFound, type Told } from './locate.ts';
import { isOther, keysFrom, putAgain, segmentsOf } from './segments.ts';
import { isBehind, type Missing, type OnShipped, type Shipment, type ShippedSnapshot } from './shipment.ts';

export interface StockOptions {
  readonly target: Target;
  readonly shipment: Shipment;
  /** What was told of this target so far: what lies there beyond is told again. */
  readonly told: () => Told;
  readonly onSnapshot: (snapshot: ShippedSnapshot) => void;
  readonly onShipped: OnShipped;
  /** What was told of this generation and is not listed there any more as it was put. */
  readonly findDamage: (objects: readonly StoredObject[]) => Damage;
  /** This is lost there, and cannot be put again. */
  readonly onDamage: (damage: Damage) => void;
  /** Something that was lost there lies there again. */
  readonly onMended: (mended: MendedSegment) => void;
  /** The restore points that were told of a stretch of an index. */
  readonly pointsIn: (stretch: Place & { readonly to: number }) => Parameters<typeof putAgain>[1]['points'];
}

/** `ahead`: the target has more than the spool, what was captured last is lost here; `other`: somebody else went on with it. */
export type Parting = 'ahead' | 'other';

export type Stock =
  /** The history cannot be continued there. */
  | { readonly kind: 'parted'; readonly why: Parting }
  | {
      readonly kind: 'known';
      /** Where shipping goes on. */
      readonly position: Place;
      /** When the newest object was captured. */
      readonly shippedAt: number;
      /** The image that what comes next builds on; undefined where it needs one, and the index that it belongs to from its start. */
      readonly image: Located['snapshot'];
      /** What the target misses before that image. */
      readonly missing: Missing | undefined;
      /** What lies at the position and behind it: it counts for nothing. */
      readonly lying: ReadonlySet<string>;
    };

/** Learns by listing what the target has of this generation. `isTold`: the catalogue knows already what lies there. */
export async function takeStock(
  options: StockOptions,
  { isTold, signal }: { readonly isTold: boolean; readonly signal: AbortSignal },
): Promise<Stock> {
  const { target, shipment } = options;
  const { generation, spool } = shipment;
  // One that is put beside this listing is told, and may not be in it.
  const { snapshots: toldBefore } = options.told();
  const objects = await target.list(generationPrefix(generation), { signal });
  if (!isTold) await tellFound(target, objects, { ...options, generation, told: options.told(), signal });
  const found = options.findDamage(objects);
  const damage = { ...found, images: found.images.filter((index) => toldBefore.has(index)) };
  // Every image that was ever found sound is told by now.
  const { snapshots: told } = options.told();
  const isSound = (index: number) => told.has(index) && !damage.images.includes(index);
  const located = await locateIn(target, objects, { isSound, signal });
  const { snapshot, last, shippedAt } = located;
  if (last !== undefined && (await isOther(spool, last))) return { kind: 'parted', why: 'other' };
  const isNewestLost = damage.images.some((index) => snapshot !== undefined && index > snapshot.index);
  const { position, isBroken } = await mend(options, { damage, located, signal });
  const end = shipment.end();
  if (position !== undefined && isBehind(end, position)) return { kind: 'parted', why: 'ahead' };
  const isHeld = position !== undefined && spool.sizeOf(position.index) !== undefined;
  const isNext = position !== undefined && position.index === end.index && position.offset === 0;
  if (snapshot !== undefined && !isBroken && (isHeld || isNext)) {
    const image = { ...snapshot, isSpoiled: snapshot.isSpoiled || isNewestLost };
    return { kind: 'known', position, shippedAt, image, missing: undefined, lying: keysFrom(objects, position) };
  }
  // Nothing there that the spool continues: an image, and the index that it belongs to from its start.
  const isHole = snapshot !== undefined && position !== undefined && !isBroken;
  const missing = isHole ? { from: position, since: shippedAt } : undefined;
  // What lies there of the present index is never cut anew.
  const isWhole = isHeld && position.index === end.index;
  const from = isWhole ? position : await locateBehindHole(options, { objects, signal });
  if (typeof from === 'string') return { kind: 'parted', why: from };
  return { kind: 'known', position: from, shippedAt, image: undefined, missing, lying: keysFrom(objects, from) };
}

/** The end of what the target has of the present index, whatever is missing before it. */
async function locateBehindHole(
  { target, shipment }: StockOptions,
  { objects, signal }: { readonly objects: readonly StoredObject[]; readonly signal: AbortSignal },
): Promise<Place | Parting> {
  const end = shipment.end();
  const start = { index: end.index, offset: 0 };
  const { position = start, last } = await locateIn(target, segmentsOf(objects, end.index), { signal });
  if (last !== undefined && (await isOther(shipment.spool, last))) return 'other';
  return isBehind(end, position) ? 'ahead' : position;
}

/** Puts what is lost on the target again, as far as the spool has it. `isBroken`: what follows needs an image. */
async function mend(
  { target, shipment, pointsIn, onMended, onDamage }: StockOptions,
  {
    damage,
    located: { position, snapshot },
    signal,
  }: { readonly damage: Damage; readonly located: Located; readonly signal: AbortSignal },
): Promise<{ readonly position: Place | undefined; readonly isBroken: boolean }> {
  const { spool } = shipment;
  const end = shipment.end();
  const lost: LostSegment[] = [];
  let reached = position;
  for (const segment of damage.segments) {
    const size = segment.index === end.index ? end.offset : spool.sizeOf(segment.index);
    const to = segment.to ?? (segment.index === end.index ? undefined : size);
    if (size === undefined || spool.sizeOf(segment.index) === undefined) {
      lost.push(segment);
    } else if (to === undefined) {
      // The end of it all: shipping goes on from there.
      if (reached === undefined || isBehind(segment, reached))
        reached = { index: segment.index, offset: segment.offset };
    } else {
      const from = { index: segment.index, offset: segment.offset };
      const points = pointsIn({ ...from, to });
      onMended(await putAgain(shipment, { target, from, to, points, signal }));
    }
  }
  if (lost.length > 0 || damage.images.length > 0) onDamage({ ...damage, segments: lost });
  const isBroken = lost.some(({ index }) => snapshot === undefined || index >= snapshot.index);
  return { position: reached, isBroken };
}
