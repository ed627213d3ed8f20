// What lies on a target of one replica, object by object, as the command line lists it. Plain data.
import type { NamedMoment } from './named-points.ts';
import type { Generation } from './position.ts';

/** One generation, snapshot or segment of a replica, as the command line lists them. */
export interface ReplicaListing {
  readonly url: string;
  readonly record:
    | {
        readonly database: string;
        readonly path: string;
        readonly machine: string;
        readonly namedPoints: readonly NamedMoment[];
      }
    | undefined;
  readonly generations: readonly ListedGeneration[];
  readonly snapshots: readonly ListedObject[];
  readonly segments: readonly (ListedObject & { readonly offset: number })[];
}

export interface ListedGeneration {
  readonly generation: Generation;
  readonly startAt: number;
  readonly endAt: number;
  readonly lagMs: number;
}

export interface ListedObject {
  readonly generation: Generation;
  readonly index: number;
  readonly sizeBytes: number;
  readonly createdAt: number;
}
