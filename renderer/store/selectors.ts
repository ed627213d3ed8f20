// What screens read from the store: narrow, derived, never stored.
import type { DatabaseState } from '../../shared/databases.ts';
import type { DatabaseId, OperationId, TargetId } from '../../shared/ids.ts';
import type { Operation } from '../../shared/operations.ts';
import type { TargetState } from '../../shared/targets.ts';
import type { DetailsView, Store } from './store.ts';

const none: readonly never[] = [];

export function selectDatabases({ remote }: Store): readonly DatabaseState[] {
  return remote?.databases ?? none;
}

export function selectDatabase(databaseId: DatabaseId | undefined): (store: Store) => DatabaseState | undefined {
  return ({ remote }) => remote?.databases.find((database) => database.id === databaseId);
}

export function selectTargets({ remote }: Store): readonly TargetState[] {
  return remote?.targets ?? none;
}

export function selectTarget(targetId: TargetId | undefined): (store: Store) => TargetState | undefined {
  return ({ remote }) => remote?.targets.find((target) => target.id === targetId);
}

export function selectOperations({ remote }: Store): readonly Operation[] {
  return remote?.operations ?? none;
}

export function selectOperation(operationId: OperationId | undefined): (store: Store) => Operation | undefined {
  return ({ remote }) => remote?.operations.find((operation) => operation.id === operationId);
}

/** The details of that database, as far as they were asked for. */
export function selectDetails(databaseId: DatabaseId): (store: Store) => DetailsView | undefined {
  return ({ view }) => (view.details?.databaseId === databaseId ? view.details : undefined);
}

export function selectNow({ view }: Store): number {
  return view.now;
}

/** False while the window cannot see the engine: what it shows is old then. */
export function selectIsSeen({ view }: Store): boolean {
  return view.connection.kind !== 'lost';
}

export function selectIsPending(name: string): (store: Store) => boolean {
  return ({ view }) => view.pending.includes(name);
}
