// How a database stands at its targets, and what its sessions did: facts out of a session, for those who tell of it.
import type { Counters } from '../../../shared/databases.ts';
import type { GenerationBand, Moment } from '../../../shared/history.ts';
import { comparePositions } from '../../../shared/position.ts';
import type { Shipper } from '../ship/shipper.ts';
import type { ProtectionOptions, Session } from './session.ts';

/** How a database stands at a target. */
export type Stand = Pick<Shipper, 'targetId' | 'shipped' | 'lagBytes' | 'problem'>;

/** How a shipper stands, as it is kept when its session ended. */
export function standOf({ targetId, shipped, lagBytes, problem }: Shipper): Stand {
  return { targetId, shipped, lagBytes, problem };
}

/** The counters that a session's capture keeps, on top of those of the sessions before it. */
export function withCapture(before: Counters, { capture: { seals, checkpoints } }: Session): Partial<Counters> {
  return {
    checkpoints: before.checkpoints + checkpoints,
    seals: before.seals + seals.count,
    sealMs: before.sealMs + seals.totalMs,
    sealMaxMs: Math.max(before.sealMaxMs, seals.maxMs),
  };
}

/** The present generation, as the timeline shows it; undefined where nothing was captured yet. */
export function bandOf({ catalogue, row }: ProtectionOptions): GenerationBand | undefined {
  const last = catalogue.generations(row.id).at(-1);
  return (
    last && {
      generation: last.generation,
      fromAt: last.startedAt,
      toAt: last.lastAt,
      reason: last.reason,
      isCurrent: true,
    }
  );
}

/** The newest restorable moment and what waits, over all targets. */
export function newestShipped(session: Readonly<Session> | undefined): Moment | undefined {
  return session?.crew.shippers
    .map(({ shipped }) => shipped)
    .filter((moment) => moment !== undefined)
    .sort((a, b) => comparePositions(b.position, a.position))[0];
}
