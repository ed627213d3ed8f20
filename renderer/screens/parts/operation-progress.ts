// How far an operation is, computed from its phases. Pure.
import { formatBytes, formatDuration } from '../../../shared/format.ts';
import type { Operation, Phase, RestorePhase } from '../../../shared/operations.ts';

/** Where a phase lies in the whole, by how long phases usually take. */
const weights: Readonly<Record<RestorePhase, number>> = {
  plan: 0.03,
  fetch: 0.4,
  apply: 0.3,
  prove: 0.15,
  check: 0.1,
  publish: 0.02,
};

/** Words for a phase that runs. */
const phaseNames: Readonly<Record<RestorePhase, string>> = {
  plan: 'Planning',
  fetch: 'Fetching',
  apply: 'Applying changes',
  prove: 'Proving',
  check: 'Checking',
  publish: 'Putting it in place',
};

/** Between 0 and 1; undefined where no phase began yet. */
export function operationShare(operation: Operation): number | undefined {
  if (operation.state !== 'running') return 1;
  const total = operation.phases.reduce((sum, phase) => sum + weights[phase.name], 0);
  if (total === 0) return undefined;
  return operation.phases.reduce((sum, phase) => sum + weights[phase.name] * phaseShare(phase), 0) / total;
}

/** The phase that runs, or the last that ran. */
export function currentPhase(operation: Operation): Phase | undefined {
  return (
    operation.phases.find((phase) => phase.state === 'running') ??
    operation.phases.findLast((phase) => phase.state === 'done')
  );
}

export function phaseName(phase: Phase): string {
  return phaseNames[phase.name];
}

/** `31.4 of 46 MB · about 4 s left`; the estimate only once it is credible. */
export function phaseFigures(operation: Operation, phase: Phase, now: number): string {
  if (phase.state !== 'running' || phase.totalBytes === 0) return '';
  const amount = `${formatBytes(phase.doneBytes)} of ${formatBytes(phase.totalBytes)}`;
  const before = operation.phases.reduce((sum, one) => sum + (one.state === 'done' ? (one.ms ?? 0) : 0), 0);
  const elapsed = now - operation.startedAt - before;
  const share = phaseShare(phase);
  if (elapsed < 1_500 || share < 0.08 || share >= 1) return amount;
  const leftMs = (elapsed / share) * (1 - share);
  return `${amount} · about ${formatDuration(Math.max(1_000, Math.round(leftMs / 1_000) * 1_000))} left`;
}

function phaseShare(phase: Phase): number {
  if (phase.state === 'done') return 1;
  if (phase.state === 'waiting' || phase.totalBytes === 0) return 0;
  return Math.min(1, phase.doneBytes / phase.totalBytes);
}
