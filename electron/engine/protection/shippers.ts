// Makes the shippers of a session, one per target: what each is told of its target by the catalogue, and where its news goes.
import { AppError } from '../../../shared/errors.ts';
import type { Moment } from '../../../shared/history.ts';
import { comparePositions, type Generation } from '../../../shared/position.ts';
import type { Commit } from '../replica/commit.ts';
import { countPuts } from '../capture/counters.ts';
import { isOfDestination } from '../guard/circuit.ts';
import type { Former } from './formers.ts';
import { generationPrefix } from '../replica/keys.ts';
import type { ReplicaTarget } from '../destinations/replica-targets.ts';
import type { ProtectionOptions, SessionOwner } from './session.ts';
import { Retainer } from '../retain/retainer.ts';
import { tellHole, tellLosses } from './losses.ts';
import { damageOf } from '../ship/heal.ts';
import { type Told, unknownState } from '../ship/locate.ts';
import type { PutSegment, Shipment, ShippedSnapshot } from '../ship/shipment.ts';
import { Shipper } from '../ship/shipper.ts';
import type { Catalogue } from '../state/catalogue.ts';
import type { DatabaseRow, ReplicaRow } from '../state/rows.ts';

/** Where much is written, images are many: that they are made is no news each time. */
const imageToldEveryMs = 3_600_000;

const partedWords = {
  ahead: 'What was captured last was lost on this computer',
  other: 'Another copy of this Tidemark went on with the history at the destination',
} as const;

/** The shipper of one replica. */
export function makeShipper(
  { row, target, reach, prepare, hold, sequenceOf, tellNames }: ReplicaTarget,
  {
    shipment: common,
    formers,
    options,
    owner,
  }: {
    readonly shipment: Shipment;
    readonly formers: readonly Former[];
    readonly options: ProtectionOptions;
    readonly owner: SessionOwner;
  },
): Shipper {
  const { catalogue, clock, turns, onEvent, onTargetFailed, onChange } = options;
  const databaseId = options.row.id;
  const { generation, pageSize } = common;
  const shipment: Shipment = { ...common, sequence: () => sequenceOf(generation) };
  const { targetId, syncIntervalMs, snapshotIntervalMs, retention } = row;
  const addShipped = (last: Moment, commits: readonly Commit[], put: PutSegment, size: number): void => {
    const { generation: of } = last.position;
    const states = commits.filter(({ state }) => state !== unknownState);
    catalogue.addShipped(
      { databaseId, targetId, generation: of },
      {
        segment: put,
        last: { ...last.position, at: last.at },
        commits,
        // Only of the present one anything is ever put again.
        states: of === generation ? states : [],
        pageSize: size,
      },
    );
  };
  const addSnapshot = (of: Generation, size: number, snapshot: ShippedSnapshot): void => {
    const { at, time, pages, bytes, beginsPart } = snapshot;
    const { index, offset } = at;
    const facts = { targetId, generation: of, index, offset, at: time, pages, pageSize: size, bytes };
    catalogue.addSnapshot(databaseId, facts, { beginsPart });
  };
  const toEarlier = (before: { readonly generation: Generation; readonly pageSize: number | undefined }) => ({
    generation: before.generation,
    told: () => toldOf(catalogue, { databaseId, targetId, generation: before.generation }),
    onShipped: (last: Moment, commits: readonly Commit[], put: PutSegment) =>
      addShipped(last, commits, put, before.pageSize ?? pageSize),
    onSnapshot: (snapshot: ShippedSnapshot) => addSnapshot(before.generation, before.pageSize ?? pageSize, snapshot),
  });
  const retainer = new Retainer({
    database: databaseId,
    targetId,
    target,
    mayDelete: async (signal) => await hold({ before: 'delete', signal }),
    tellNames: async (signal) => await tellNames({ signal }),
    url: row.url,
    current: generation,
    store: options.store,
    catalogue,
    readers: options.readers,
    clock,
    confirmed: options.confirmed,
    log: options.log,
    onChanged: (of, objects) => {
      // What of the present one can be put again, the shipping puts again.
      if (of === generation) return shipper.lookAgain({ now: true });
      const damage = damageOf(catalogue, { databaseId, targetId, generation: of }, objects);
      if (damage.segments.length > 0 || damage.images.length > 0) tellLosses(row, { generation: of, options, damage });
    },
    isReady: () => shipper.position !== undefined && shipper.problem === undefined,
    onChange,
    onRefused: () => onEvent({ kind: 'deletes-refused', replica: row }),
  });
  let isTold = false;
  let imageToldAt = -Infinity;
  const shipper = new Shipper({
    targetId,
    target: countPuts(target, owner.counters),
    reach,
    shipment,
    formers: formers.map((former) => ({
      ...toEarlier({ generation: former.generation, pageSize: former.history?.pageSize }),
      end: former.end,
      history: former.history,
      isGone: former.isGone,
      onEnded: (isLost) => {
        if (isLost) onEvent({ kind: 'rest-lost', replica: row });
        former.onEnded(targetId);
      },
    })),
    earlier: generationsBefore(catalogue, { databaseId, targetId, generation })
      .filter((before) => formers.every((former) => former.generation !== before.generation))
      .map(toEarlier),
    syncIntervalMs,
    snapshotIntervalMs,
    retention,
    retainer,
    turns,
    clock,
    prepare: async (signal) => {
      const look = await prepare({ pageSize, generation }, signal);
      if (look.kind === 'go-on') return;
      owner.startOver(look.reason);
      throw new AppError('cancelled');
    },
    hold,
    onOthersEnded: async (signal) => {
      const isHere = catalogue
        .shipped(databaseId)
        .some((part) => part.targetId === targetId && part.generation === generation);
      // Whoever goes by the times of files finds the newest history last, whatever clocks said before it began.
      const except = generationPrefix(generation);
      if (!isHere) await target.dateBack?.({ at: common.baseline.at - 1, except, signal });
    },
    onShipped: (last, commits, put) => {
      addShipped(last, commits, put, pageSize);
      owner.onShipped(last);
    },
    onMended: (mended) => catalogue.addMended({ databaseId, targetId, generation }, mended),
    pointsIn: (stretch) => catalogue.trim.pointsIn({ databaseId, generation }, stretch),
    findDamage: (objects) => damageOf(catalogue, { databaseId, targetId, generation }, objects),
    onDamage: (damage) => {
      // Of all that were removed there together was told at once.
      const isToldOfAll = shipper.problem?.code === 'replica-gone';
      tellLosses(row, { generation, options, damage, isToldOfAll });
    },
    told: () => toldOf(catalogue, { databaseId, targetId, generation }),
    onSnapshot: (snapshot) => {
      const { time, pages, beginsPart, isFound, missing } = snapshot;
      if (missing !== undefined) tellHole(row, { generation, options, missing, toAt: time });
      addSnapshot(generation, pageSize, snapshot);
      owner.onImage();
      if (!isFound) {
        if (beginsPart || time - imageToldAt >= imageToldEveryMs) {
          onEvent({ kind: 'snapshot', replica: row, bytes: pages * pageSize });
          imageToldAt = time;
        }
        retainer.wake();
      }
      onChange();
    },
    onProblem: (problem) => {
      if (problem !== undefined) {
        owner.counters.targetErrors++;
        owner.onProblem(problem);
      }
      // What the destination as a whole fails with is told once for all databases there.
      const isOwn = problem !== undefined && problem.code !== 'replica-gone' && !isOfDestination(problem.code);
      if (isOwn) onEvent({ kind: 'problem', problem, replica: row });
      else if (problem === undefined && isTold) onEvent({ kind: 'recovered', replica: row });
      isTold = isOwn || (isTold && problem !== undefined);
      if (problem !== undefined && !isOwn) onTargetFailed(targetId);
      onChange();
    },
    onProgress: onChange,
    onParted: (why) => owner.startOver(partedWords[why]),
  });
  return shipper;
}

/**
 * Generations before the present one of which a target may hold more than was told, oldest first, with their page sizes where
 * known. Whatever is told of one, all before it were told of before: those from the newest on of which something is.
 */
function generationsBefore(
  catalogue: Catalogue,
  { databaseId, targetId, generation }: OnTarget,
): readonly { readonly generation: Generation; readonly pageSize: number | undefined }[] {
  const all = catalogue.generations(databaseId);
  const before = all.slice(
    0,
    all.findIndex((row) => row.generation === generation),
  );
  const told = new Set(
    catalogue
      .shipped(databaseId)
      .filter((row) => row.targetId === targetId)
      .map((row) => row.generation),
  );
  const newest = before.findLastIndex((row) => told.has(row.generation));
  const images = catalogue.snapshots(databaseId);
  return before.slice(Math.max(newest, 0)).map((row) => ({
    generation: row.generation,
    pageSize: images.find((image) => image.generation === row.generation)?.pageSize,
  }));
}

/** What the catalogue says of a generation on a target. */
function toldOf(catalogue: Catalogue, held: OnTarget): Told {
  const isHere = (row: { readonly targetId: string; readonly generation: string }) =>
    row.targetId === held.targetId && row.generation === held.generation;
  const parts = catalogue.shipped(held.databaseId).filter(isHere);
  const images = catalogue.snapshots(held.databaseId).filter(isHere);
  return {
    snapshots: new Set(images.map(({ index }) => index)),
    last: parts.map(({ last }) => last).sort((a, b) => comparePositions(b, a))[0],
    isUntoldLead: (segment) =>
      parts.some(({ first }) => first.index === segment.index && segment.offset < first.offset) &&
      !catalogue.trim.hasSegment(held, segment),
  };
}

interface OnTarget {
  readonly databaseId: DatabaseRow['id'];
  readonly targetId: ReplicaRow['targetId'];
  readonly generation: Generation;
}
