// What a target had not got of a generation when the next one began: it is shipped first, as far as the spool still has it;
// and what lies there of it that nobody was told of is told.
import type { Target } from '../targets/target.ts';
import type { Generation } from '../../../shared/position.ts';
import { generationPrefix } from '../replica/keys.ts';
import { locate, tellFound, type Told } from './locate.ts';
import { shipRange } from './segments.ts';
import { isBehind, type KeptHistory, type OnShipped, type ShippedSnapshot } from './shipment.ts';

/** A generation that ended, and what this computer still keeps of it. */
export interface FormerHistory {
  readonly history: KeptHistory;
  /** It had to make room. */
  readonly isGone: () => boolean;
  readonly onShipped: OnShipped;
  /** One target has all of it that it can get; `isLost`: not all that was captured. */
  readonly onEnded: (isLost: boolean) => void;
}

/** The generation before the present one, whether or not anything of it is kept here. */
export interface EarlierHistory {
  readonly generation: Generation;
  readonly told: () => Told;
  readonly onShipped: OnShipped;
  readonly onSnapshot: (snapshot: ShippedSnapshot) => void;
}

/** Tells what a run that was killed had put of a generation that ended with it. */
export async function tellEarlier(
  earlier: EarlierHistory,
  { target, signal }: { readonly target: Target; readonly signal: AbortSignal },
): Promise<void> {
  const objects = await target.list(generationPrefix(earlier.generation), { signal });
  await tellFound(target, objects, { ...earlier, told: earlier.told(), signal });
}

/** Ships the rest of a former generation to one target. */
export async function shipFormer(
  { history, isGone, onShipped, onEnded }: FormerHistory,
  { target, signal }: { readonly target: Target; readonly signal: AbortSignal },
): Promise<void> {
  const { generation } = history;
  const to = history.end();
  const { position, snapshot } = await locate(target, generation, { signal });
  if (position !== undefined && !isBehind(position, to)) return onEnded(false);
  if (isGone()) return onEnded(true);
  // Without an image nothing of it can be restored from there.
  if (position === undefined || snapshot === undefined) return onEnded(true);
  const reached = await shipRange(history, {
    target,
    from: position,
    to,
    mayReplace: () => true,
    signal,
    onShipped: (segment) =>
      onShipped({ position: { generation, ...segment.to }, at: segment.at }, segment.commits, segment.put),
  });
  onEnded(isBehind(reached, to));
}
