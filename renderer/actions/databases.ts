// What one does with databases that are already protected, and with the demo.
import type { DatabaseId, OperationId } from '../../shared/ids.ts';
import { connection } from '../channel/api.ts';
import { readStore, setView } from '../store/store.ts';
import { go, run } from './window.ts';

/** Pauses one database, or all. */
export function pause(databaseId?: DatabaseId): Promise<void> {
  return run('pause', () => connection().api.call('pause', databaseId === undefined ? {} : { databaseId }));
}

/** Resumes one database, or all. */
export function resume(databaseId?: DatabaseId): Promise<void> {
  return run('pause', () => connection().api.call('resume', databaseId === undefined ? {} : { databaseId }));
}

export function askToRemove(databaseId: DatabaseId): void {
  setView({ removing: databaseId });
}

export function keepDatabase(): void {
  setView({ removing: undefined });
}

/** Ends the protection; the history stays where it is. */
export function removeDatabase(databaseId: DatabaseId): Promise<void> {
  setView({ removing: undefined });
  return run('remove', async () => {
    await connection().api.call('removeDatabase', { databaseId });
    const { place } = readStore().view;
    if (place.kind === 'database' && place.databaseId === databaseId) go({ kind: 'overview' });
  });
}

/** Creates the demo database and goes to watch it. */
export function startDemo(): Promise<void> {
  return run('demo', async () => {
    const { databaseId } = await connection().api.call('startDemo', {});
    go({ kind: 'database', databaseId });
  });
}

export function stopDemo(): Promise<void> {
  return run('demo', () => connection().api.call('stopDemo', {}));
}

export function dismissOperation(operationId: OperationId): Promise<void> {
  return run('dismiss', () => connection().api.call('dismissOperation', { operationId }));
}

export function showInFolder(operationId: OperationId): Promise<void> {
  return run('show', () => connection().api.call('showInFolder', { operationId }));
}
