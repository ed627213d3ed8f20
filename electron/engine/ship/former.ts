// Generations before the present one, as a target has them: what lies there of them that nobody was told of is told; and what it
// had not got when they ended is shipped, as far as the spool still has it.
import type { Target } from '../targets/target.ts';
import type { Generation, Place } from '../../../shared/position.ts';
import { generationPrefix } from '../replica/keys.ts';
import { locateIn, tellFound, type Told } from './locate.ts';
import { shipRange } from './segments.ts';
import { isBehind, type KeptHistory, type OnShipped, type ShippedSnapshot } from './shipment.ts';

/** A generation before the present one, whether or not anything of it is kept here. */
export interface EarlierHistory {
  readonly generation: Generation;
  readonly told: () => Told;
  readonly onShipped: OnShipped;
  readonly onSnapshot: (snapshot: ShippedSnapshot) => void;
}

/** One of which this computer still keeps something. */
export interface FormerHistory extends EarlierHistory {
  /** Where it ended. */
  readonly end: Place;
  /** Undefined where the notes of it are lost: then it cannot be shipped any more. */
  readonly history: KeptHistory | undefined;
  /** It had to make room. */
  readonly isGone: () => boolean;
  /** One target has all of it that it can get; `isLost`: not all that was captured. */
  readonly onEnded: (isLost: boolean) => void;
}

interface Shipping {
  readonly target: Target;
  readonly signal: AbortSignal;
}

/** Tells what a run that was killed had put of a generation. */
export async function tellEarlier(earlier: EarlierHistory, { target, signal }: Shipping): Promise<void> {
  await listAndTell(earlier, { target, signal });
}

/** The same, and ships the rest of it to the target. */
export async function shipFormer(former: FormerHistory, { target, signal }: Shipping): Promise<void> {
  const { generation, end, history, isGone, onShipped, onEnded } = former;
  const objects = await listAndTell(former, { target, signal });
  const { position, snapshot, shippedAt } = await locateIn(target, objects, { signal });
  if (position !== undefined && !isBehind(position, end)) return onEnded(false);
  // Without an image nothing of it can be restored from there.
  if (isGone() || history === undefined || position === undefined || snapshot === undefined) return onEnded(true);
  const reached = await shipRange(history, {
    target,
    from: position,
    to: end,
    notBefore: shippedAt,
    mayReplace: () => true,
    signal,
    onShipped: (segment) =>
      onShipped({ position: { generation, ...segment.to }, at: segment.at }, segment.commits, segment.put),
  });
  onEnded(isBehind(reached, end));
}

async function listAndTell(earlier: EarlierHistory, { target, signal }: Shipping): ReturnType<Target['list']> {
  const objects = await target.list(generationPrefix(earlier.generation), { signal });
  await tellFound(target, objects, { ...earlier, told: earlier.told(), signal });
  return objects;
}
