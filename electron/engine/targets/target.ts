// Where objects lie, rooted at one replica. Promises every target keeps, proved by one contract suite:
// - `put` is all or nothing: a key that is listed is complete and durable; putting the same key again replaces it whole.
// - `list` sees every finished `put` (read after write) and sorts keys bytewise; unfinished puts are never listed.
// - `delete` of a missing key succeeds; the order among the keys of one call is open.
// - Failures are `AppError`s of the `target-…` and `object-…` codes, classified where they enter; on abort, `signal.reason` is
//   thrown.

import type { AppError } from '../../../shared/errors.ts';
import type { Access } from '../basics/access.ts';

export interface Target {
  /** What a user would type to name it; holds no secret. */
  readonly url: string;
  /** It tells its requests and the bytes that leave by traffic.ts; one that does not makes one request a call. */
  readonly tellsTraffic?: boolean;
  /** Objects whose key begins with `prefix`, in bytewise order of their keys. */
  list(prefix: string, options: { readonly signal: AbortSignal }): Promise<readonly StoredObject[]>;
  /**
   * Stores an object; a stream that throws leaves nothing behind. A chunk of a stream is the caller's again, to be overwritten,
   * once the next one is asked for. `modifiedAt` is kept where the target can. With a `condition` that does not hold it throws
   * `object-changed` and changes nothing; where the target cannot compare while it writes, `isChecked` is false, and only what
   * lies there afterwards tells who was last. In a folder it gets the `access` of the original; without one it is its owner's alone.
   */
  put(
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    options: {
      readonly modifiedAt?: number;
      readonly condition?: PutCondition;
      readonly access?: Access | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<{ readonly bytes: number; readonly isChecked?: boolean }>;
  /** Streams an object, or a range of its bytes (`end` exclusive; negative `start` counts from the end). */
  get(
    key: string,
    options: { readonly range?: { readonly start: number; readonly end?: number }; readonly signal: AbortSignal },
  ): AsyncIterable<Uint8Array>;
  delete(keys: readonly string[], options: { readonly signal: AbortSignal }): Promise<void>;
  /** Removes what killed writers left unfinished below this root. Nobody else may be writing here. `now` in Unix ms. */
  removeLeftovers?(options: { readonly now: number; readonly signal: AbortSignal }): Promise<void>;
  /**
   * Where the target keeps the times that it is told: dates objects back that are dated later than `at`, but for those whose key begins
   * with `except`.
   */
  dateBack?(options: { readonly at: number; readonly except: string; readonly signal: AbortSignal }): Promise<void>;
  /**
   * Looks whether the target answers and whether these folders (`name/`, or with more parts) still lie below its root, as one
   * request, or a `stat` or two: not at each of them every time. Fails as every use would.
   */
  look?(folders: readonly string[], options: { readonly signal: AbortSignal }): Promise<Looked>;
}

/** What a look at a target showed. */
export interface Looked {
  /** Folders that are not there any more. */
  readonly gone: readonly string[];
  /** Folders that may not be used, and why. */
  readonly barred: ReadonlyMap<string, AppError>;
}

/** Nothing was found to be gone or barred; a target that cannot be looked at shows no more. */
export const nothingAmiss: Looked = { gone: [], barred: new Map() };

/** What reading a replica needs of its target. */
export type ReadableTarget = Pick<Target, 'url' | 'list' | 'get'>;

export interface StoredObject {
  readonly key: string;
  /** Bytes as stored. */
  readonly bytes: number;
  /** When the target says it was written, in Unix ms: for foreign readers, and for objects without a trailer. */
  readonly modifiedAt: number;
  /** Another one whenever the object was replaced. */
  readonly tag?: string;
}

/** What must hold for an object to be put. */
export type PutCondition =
  | { readonly kind: 'absent' }
  /** It is still the one that was listed with this tag. */
  | { readonly kind: 'same'; readonly tag: string };
