// What is shipped: a generation of one database as its capture keeps it, and images of it. Plain descriptions between the
// session that has these things and the shippers that put them on targets.
import type { Commit } from '../replica/commit.ts';
import type { CommitLog } from '../spool/commits.ts';
import type { Moment } from '../../../shared/history.ts';
import { comparePositions, type Generation, type Place } from '../../../shared/position.ts';
import type { Composed } from '../spool/notes.ts';
import type { Trailer } from '../replica/trailer.ts';
import type { Spool } from '../spool/spool.ts';
import type { Stretch } from '../state/sparse.ts';
import type { PointWithState } from '../state/trim.ts';

/** An image of the database, ready to be read. */
export interface SnapshotImage extends Disposable {
  readonly at: Place;
  readonly time: number;
  readonly state: bigint;
  readonly pages: number;
  /** Bytes of the image, checked against the state hash while they pass; throws at the end if they differ. */
  read(options: {
    readonly signal: AbortSignal;
    readonly onProgress: (bytes: number) => void;
  }): AsyncIterable<Uint8Array>;
}

/** Captured transactions of one generation. */
export interface KeptHistory {
  readonly generation: Generation;
  readonly spool: Spool;
  readonly commits: CommitLog;
  /** Restore points of a stretch that some target was told, but for those that end at `besides`. */
  readonly toldIn: (stretch: Stretch, besides: ReadonlySet<number>) => readonly PointWithState[];
  readonly pageSize: number;
  /** The end of the last captured transaction. */
  readonly end: () => Place;
  /** The state at the end of an index, for segments without a transaction of their own. */
  readonly baseline: { readonly place: Place; readonly at: number; readonly state: bigint; readonly pages: number };
  /** The indices that were composed for times that were not watched. */
  readonly composed: readonly Composed[];
  readonly by: Trailer['by'];
  /** What orders it among the generations of the target; undefined where that is not known. */
  readonly sequence?: () => number | undefined;
}

/** The generation that goes on. */
export interface Shipment extends KeptHistory {
  /** Captures what was committed and not read yet. */
  readonly catchUp: () => Promise<void>;
  /** Size of the database at its end. */
  readonly pages: () => number;
  readonly openImage: () => Promise<SnapshotImage>;
  /** What the time is at least, whatever the clock shows. */
  readonly confirmed?: () => number | undefined;
}

/** Where an object is put, and what orders its generation: what its trailer says of both. */
export function placeIn(
  { generation, sequence }: KeptHistory,
  { index, offset }: Place,
): Pick<Trailer, 'place' | 'sequence'> {
  const order = sequence?.();
  return { place: { generation, index, offset }, ...(order === undefined ? {} : { sequence: order }) };
}

/** From where on, and since when, a target misses what was captured. */
export interface Missing {
  readonly from: Place;
  readonly since: number;
}

/** A snapshot that lies on a target. */
export interface ShippedSnapshot {
  readonly at: Place;
  readonly time: number;
  readonly pages: number;
  /** As stored. */
  readonly bytes: number;
  /** Nothing that the target has reaches it. */
  readonly beginsPart: boolean;
  /** An earlier run put it there. */
  readonly isFound: boolean;
  /** What the target misses before it, where it was away for longer than changes were kept for it. */
  readonly missing: Missing | undefined;
}

/** A segment as it lies on a target: where it begins, and its size there. */
export interface PutSegment extends Place {
  readonly bytes: number;
}

/** Everything up to a moment lies on a target, with the restore points that came with it. */
export type OnShipped = (last: Moment, commits: readonly Commit[], segment: PutSegment) => void;

export function isBehind(a: Place, b: Place): boolean {
  return comparePositions(a, b) < 0;
}
