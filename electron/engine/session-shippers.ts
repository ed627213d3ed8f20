// Makes the shippers of a session, one per target: what each is told of its target by the catalogue, and where its news goes.
import type { Generation } from '../../shared/position.ts';
import type { Place } from './capture.ts';
import type { ProtectionOptions, ReplicaTarget, SessionOwner } from './session.ts';
import { type Shipment, Shipper } from './shipper.ts';
import type { Catalogue } from './state/catalogue.ts';
import type { DatabaseRow, ReplicaRow } from './state/store.ts';

/** The shipper of one replica. */
export function makeShipper(
  { row, target, prepare }: ReplicaTarget,
  {
    shipment,
    options,
    owner,
  }: { readonly shipment: Shipment; readonly options: ProtectionOptions; readonly owner: SessionOwner },
): Shipper {
  const { catalogue, clock, onEvent, onChange } = options;
  const databaseId = options.row.id;
  const { generation, pageSize } = shipment;
  const { targetId, syncIntervalMs, snapshotIntervalMs } = row;
  return new Shipper({
    targetId,
    target,
    shipment,
    syncIntervalMs,
    snapshotIntervalMs,
    clock,
    prepare: async (signal) => await prepare({ pageSize }, signal),
    onShipped: (last, commits) => {
      catalogue.addRun(databaseId, { generation, pageSize, commits });
      catalogue.setShipped(databaseId, { targetId, generation, last: { ...last.position, at: last.at } });
      owner.onShipped(last);
    },
    known: knownOf(catalogue, { databaseId, targetId, generation }),
    onSnapshot: ({ at, time, pages, beginsPart, isFound }) => {
      const snapshot = { targetId, generation, index: at.index, offset: at.offset, at: time, pages, pageSize };
      catalogue.addSnapshot(databaseId, snapshot, { beginsPart });
      if (!isFound) onEvent({ kind: 'snapshot', replica: row, bytes: pages * pageSize });
      onChange();
    },
    onProblem: (problem) => {
      onEvent(problem === undefined ? { kind: 'recovered', replica: row } : { kind: 'problem', problem, replica: row });
      onChange();
    },
    onProgress: onChange,
    onAhead: () => owner.startOver('What was captured last was lost on this computer'),
  });
}

/** What the catalogue says of a generation on a target. */
function knownOf(
  catalogue: Catalogue,
  {
    databaseId,
    targetId,
    generation,
  }: {
    readonly databaseId: DatabaseRow['id'];
    readonly targetId: ReplicaRow['targetId'];
    readonly generation: Generation;
  },
): { readonly snapshots: ReadonlySet<number>; readonly last: Place | undefined } {
  const isHere = (row: { readonly targetId: string; readonly generation: string }) =>
    row.targetId === targetId && row.generation === generation;
  return {
    snapshots: new Set(
      catalogue
        .snapshots(databaseId)
        .filter(isHere)
        .map(({ index }) => index),
    ),
    last: catalogue
      .shipped(databaseId)
      .filter(isHere)
      .map(({ last }) => last)
      .sort((a, b) => b.index - a.index || b.offset - a.offset)[0],
  };
}
