// What one does with the history of one database at one destination: where else it is kept, how soon, and how much of it
// stays. Settings are tried out as a preview before they are saved.
import { toErrorData } from '../../shared/errors.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import type { Retention } from '../../shared/retention.ts';
import { connection } from '../channel/api.ts';
import { readStore, type SettingsDraft, setView } from '../store/store.ts';
import { go, run } from './window.ts';

interface ReplicaName {
  readonly databaseId: DatabaseId;
  readonly targetId: TargetId;
}

/** A moment after the last change, so that a choice made by arrow keys asks once. */
const previewPauseMs = 200;
let previewTimer: ReturnType<typeof setTimeout> | undefined;

export function closeReplica(): void {
  clearTimeout(previewTimer);
  setView({ replica: undefined });
}

/** Where else shall this database's history be kept? */
export function chooseAnother(databaseId: DatabaseId): void {
  setView({ replica: { kind: 'choose', databaseId } });
}

/** Keeps the history at a further destination. */
export function addReplica({ databaseId, targetId }: ReplicaName): Promise<void> {
  closeReplica();
  return run('replica', () => connection().api.call('addReplica', { databaseId, targetId }));
}

/** Goes to describe a destination that does not exist yet, for this database. */
export function describeAnother(databaseId: DatabaseId): void {
  closeReplica();
  go({ kind: 'new-destination', databaseId });
}

export function setReplicaEnabled({ databaseId, targetId }: ReplicaName, isEnabled: boolean): Promise<void> {
  return run('replica', () => connection().api.call('updateReplica', { databaseId, targetId, isEnabled }));
}

export function askToRemoveReplica({ databaseId, targetId }: ReplicaName): void {
  setView({ replica: { kind: 'remove', databaseId, targetId } });
}

/** Ends keeping the history there; what lies there stays. */
export function removeReplica({ databaseId, targetId }: ReplicaName): Promise<void> {
  closeReplica();
  return run('replica', () => connection().api.call('removeReplica', { databaseId, targetId }));
}

export function askToTakeOver({ databaseId, targetId }: ReplicaName): void {
  setView({ replica: { kind: 'take-over', databaseId, targetId } });
}

/** Makes this computer the one that writes there. */
export function takeOver({ databaseId, targetId }: ReplicaName): Promise<void> {
  closeReplica();
  return run('replica', () => connection().api.call('takeOverReplica', { databaseId, targetId }));
}

/** Opens the settings of one database at one destination. */
export function openReplicaSettings({ databaseId, targetId }: ReplicaName): void {
  const database = readStore().remote?.databases.find(({ id }) => id === databaseId);
  const replica = database?.replicas.find((one) => one.targetId === targetId);
  if (replica === undefined) return;
  const { syncIntervalMs, snapshotIntervalMs, retention } = replica;
  setView({
    replica: {
      kind: 'settings',
      databaseId,
      targetId,
      syncIntervalMs,
      snapshotIntervalMs,
      retention,
      previewAt: undefined,
      preview: undefined,
      previewError: undefined,
      isSaving: false,
      error: undefined,
    },
  });
  void preview();
}

export function setIntervals(change: Partial<Pick<SettingsDraft, 'syncIntervalMs' | 'snapshotIntervalMs'>>): void {
  changeSettings(() => change);
}

/** Another retention: what would remain then is asked soon. */
export function setRetention(retention: Retention): void {
  changeSettings(() => ({ retention }));
  previewSoon();
}

/** The day for which one looks ahead. */
export function lookAhead(previewAt: number | undefined): void {
  changeSettings(() => ({ previewAt }));
  previewSoon();
}

export async function saveReplicaSettings(): Promise<void> {
  const { replica } = readStore().view;
  if (replica?.kind !== 'settings' || replica.isSaving) return;
  changeSettings(() => ({ isSaving: true, error: undefined }));
  const { databaseId, targetId, syncIntervalMs, snapshotIntervalMs, retention } = replica;
  try {
    await connection().api.call('updateReplica', {
      databaseId,
      targetId,
      syncIntervalMs,
      snapshotIntervalMs,
      retention,
    });
    closeReplica();
  } catch (error) {
    changeSettings(() => ({ isSaving: false, error: toErrorData(error) }));
  }
}

function previewSoon(): void {
  clearTimeout(previewTimer);
  previewTimer = setTimeout(() => void preview(), previewPauseMs);
}

async function preview(): Promise<void> {
  const { replica } = readStore().view;
  if (replica?.kind !== 'settings') return;
  const { databaseId, targetId, retention, previewAt } = replica;
  const isStill = (now: SettingsDraft): boolean =>
    now.databaseId === databaseId &&
    now.targetId === targetId &&
    now.retention === retention &&
    now.previewAt === previewAt;
  try {
    const found = await connection().api.call('previewRetention', {
      databaseId,
      targetId,
      retention,
      ...(previewAt === undefined ? {} : { at: previewAt }),
    });
    changeSettings((now) => (isStill(now) ? { preview: found, previewError: undefined } : {}));
  } catch (error) {
    changeSettings((now) => (isStill(now) ? { preview: undefined, previewError: toErrorData(error) } : {}));
  }
}

function changeSettings(change: (draft: SettingsDraft) => Partial<SettingsDraft>): void {
  const { replica } = readStore().view;
  if (replica?.kind === 'settings') setView({ replica: { ...replica, ...change(replica) } });
}
