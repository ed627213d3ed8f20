// What a target does not hold although it was captured, or was there once: told as gaps of the history where no other target
// has it, and as events.
import type { Generation } from '../../../shared/position.ts';
import type { ProtectionOptions } from './session.ts';
import type { Damage } from '../ship/damage.ts';
import { isElsewhere, tellDamage } from '../ship/heal.ts';
import type { Missing } from '../ship/shipment.ts';
import type { ReplicaRow } from '../state/rows.ts';

interface Context {
  readonly generation: Generation;
  readonly options: ProtectionOptions;
}

/** A target has nothing between two instants. */
export function tellHole(
  replica: ReplicaRow,
  {
    generation,
    options: { catalogue, row, onEvent },
    missing,
    toAt,
  }: Context & { readonly missing: Missing; readonly toAt: number },
): void {
  const held = { databaseId: row.id, targetId: replica.targetId, generation };
  const fromAt = missing.since;
  const text = 'The destination was away for longer than changes are kept for it: it has nothing between';
  if (!isElsewhere(catalogue, held, { from: missing.from, to: missing.from }))
    catalogue.addGap(row.id, { fromAt, toAt, text });
  onEvent({ kind: 'hole', replica, fromAt, toAt });
}

/** Part of a generation was damaged or removed on a target. */
export function tellLosses(
  replica: ReplicaRow,
  {
    generation,
    options: { catalogue, row, onEvent, onChange },
    damage,
    isToldOfAll = false,
  }: Context & { readonly damage: Damage; readonly isToldOfAll?: boolean },
): void {
  const held = { databaseId: row.id, targetId: replica.targetId, generation };
  const losses = tellDamage(catalogue, held, damage).map((loss) => ({
    fromAt: loss.from.at,
    toAt: loss.to.at,
    isElsewhere: isElsewhere(catalogue, held, loss),
  }));
  const text = 'Objects at the destination were changed or removed, not by Tidemark: nothing can be restored between';
  for (const loss of losses)
    if (!loss.isElsewhere) catalogue.addGap(row.id, { fromAt: loss.fromAt, toAt: loss.toAt, text });
  if (!isToldOfAll) onEvent({ kind: 'damaged', replica, losses });
  onChange();
}
