// The restore flow: a draft (where to, review), then the operation that the engine reports about.
import { toErrorData } from '../../shared/errors.ts';
import type { RestorePoint } from '../../shared/history.ts';
import type { DatabaseId, OperationId } from '../../shared/ids.ts';
import { connection } from '../channel/api.ts';
import { readStore, type RestoreDraft, setView } from '../store/store.ts';
import { run } from './window.ts';

type Draft = Extract<RestoreDraft, { kind: 'draft' }>;

/** Opens the flow for a restore point; the engine proposes where to. */
export async function openRestore(databaseId: DatabaseId, point: RestorePoint): Promise<void> {
  const draft: Draft = {
    kind: 'draft',
    databaseId,
    point,
    step: 'where',
    proposal: undefined,
    outputPath: '',
    fullCheck: false,
    laterCount: undefined,
    isSending: false,
    error: undefined,
  };
  setView({ restore: draft });
  void countLater(draft);
  try {
    const proposal = await connection().api.call('proposeRestore', { databaseId, position: point.position });
    changeDraft(point, ({ outputPath }) => ({ proposal, outputPath: outputPath || proposal.proposedPath }));
  } catch (error) {
    changeDraft(point, () => ({ error: toErrorData(error) }));
  }
}

/** Shows an operation that runs, or ended. */
export function showOperation(operationId: OperationId): void {
  setView({ restore: { kind: 'operation', operationId } });
}

/** Closes the dialog; an operation goes on. */
export function closeRestore(): void {
  setView({ restore: undefined });
}

export function setOutputPath(outputPath: string): void {
  changeAnyDraft(() => ({ outputPath, error: undefined }));
}

export function setFullCheck(fullCheck: boolean): void {
  changeAnyDraft(() => ({ fullCheck }));
}

export function setRestoreStep(step: Draft['step']): void {
  changeAnyDraft(() => ({ step, error: undefined }));
}

/** Asks for the new file's place in a native dialog. */
export function chooseOutputFile(): Promise<void> {
  return run('choose', async () => {
    const { restore } = readStore().view;
    if (restore?.kind !== 'draft') return;
    const { path } = await connection().api.call('chooseOutput', { proposedPath: restore.outputPath });
    if (path !== undefined) setOutputPath(path);
  });
}

/** Starts the restore; a refusal goes back to where it can be mended. */
export async function startRestore(): Promise<void> {
  const { restore } = readStore().view;
  if (restore?.kind !== 'draft' || restore.isSending) return;
  const { databaseId, point, outputPath, fullCheck } = restore;
  changeDraft(point, () => ({ isSending: true, error: undefined }));
  try {
    const { operationId } = await connection().api.call('startRestore', {
      databaseId,
      position: point.position,
      outputPath,
      fullCheck,
    });
    if (readStore().view.restore === undefined) return;
    showOperation(operationId);
  } catch (error) {
    const data = toErrorData(error);
    changeDraft(point, ({ step }) => ({
      isSending: false,
      error: data,
      step: /^(?:output|path)-/.test(data.code) ? 'where' : step,
    }));
  }
}

export function cancelOperation(operationId: OperationId): Promise<void> {
  return run('cancel', () => connection().api.call('cancelOperation', { operationId }));
}

/** How many transactions came after the point: what one would not find in the restored file. */
async function countLater({ databaseId, point }: Draft): Promise<void> {
  try {
    const now = Date.now();
    const timeline = await connection().api.call('getTimeline', {
      databaseId,
      fromAt: point.at + 1,
      toAt: Math.max(now, point.at + 2),
      bins: 1,
    });
    changeDraft(point, () => ({ laterCount: timeline.counts.reduce((sum, count) => sum + count, 0) }));
  } catch {
    // @NOTE The figure is left out of the review then.
  }
}

function changeDraft(point: RestorePoint, change: (draft: Draft) => Partial<Draft>): void {
  const { restore } = readStore().view;
  if (restore?.kind !== 'draft' || restore.point !== point) return;
  setView({ restore: { ...restore, ...change(restore) } });
}

function changeAnyDraft(change: (draft: Draft) => Partial<Draft>): void {
  const { restore } = readStore().view;
  if (restore?.kind === 'draft') changeDraft(restore.point, change);
}
