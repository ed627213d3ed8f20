// What retention would leave of a replica, at an instant, without doing anything: the planner on what lies there now.
import type { Retention, RetentionPreview } from '../../../shared/retention.ts';
import type { SnapshotRow } from '../state/catalogue.ts';
import type { ReadableTarget } from '../targets/target.ts';
import { lookAtReplica } from './look.ts';
import { planRetention, type RetainOptions, type RetainPlan } from './plan.ts';

export interface PreviewOptions extends Pick<RetainOptions, 'pinned' | 'current' | 'now'> {
  readonly target: ReadableTarget;
  readonly snapshots: readonly SnapshotRow[];
  readonly retention: Retention;
  /** The instant that is shown. */
  readonly atMs: number;
  readonly signal: AbortSignal;
}

/** Plans without deleting. Throws what the target throws. */
export async function previewRetention(options: PreviewOptions): Promise<RetentionPreview> {
  const looked = await lookAtReplica(options.target, options);
  return describePlan(planRetention({ ...options, ...looked }), options.atMs);
}

/** A plan in figures. */
export function describePlan(plan: RetainPlan, atMs: number): RetentionPreview {
  const going = plan.batches.flat();
  return {
    atMs,
    keptSnapshots: plan.spans.map(({ image: { offset: _offset, ...image } }) => image).sort((a, b) => a.at - b.at),
    windowFromAt: plan.windowFromAt,
    keptObjects: plan.kept.length,
    keptBytes: plan.kept.reduce((sum, { bytes }) => sum + bytes, 0),
    deletedObjects: going.length,
    deletedBytes: going.reduce((sum, { bytes }) => sum + bytes, 0),
    held: plan.held,
  };
}
