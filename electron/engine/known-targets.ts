// Which targets are known: adds, changes and forgets them, and opens one for each replica. What is open follows a change of its
// target at once, so that no protection has to start anew. Which database keeps what there is databases.ts.
import path from 'node:path';
import type { Parsed, Place, Result } from '../../shared/contract.ts';
import { AppError } from '../../shared/errors.ts';
import { plural } from '../../shared/format.ts';
import type { DatabaseId, PlaceState, TargetId, TargetState } from '../../shared/model.ts';
import { newUsage } from './guard/counted-target.ts';
import type { GuardedTarget } from './guard/target-guard.ts';
import type { ReplicaRow, Store, TargetRow } from './state/store.ts';
import type { TargetGuards } from './target-guards.ts';
import type { Target } from './targets/target.ts';
import { nameOfAddress, parseTargetUrl, placeOf, type TargetAddress } from './targets/open-target.ts';
import { readTypedPath } from './typed-path.ts';

export interface KnownTargetsOptions {
  readonly store: Store;
  readonly guards: TargetGuards;
  /** Databases that count here. */
  readonly isKept: (databaseId: DatabaseId) => boolean;
  readonly onChange: () => void;
}

export class KnownTargets {
  readonly #options: KnownTargetsOptions;

  constructor(options: KnownTargetsOptions) {
    this.#options = options;
  }

  /** As everybody sees them: those that stand for themselves, and those where a database that counts here has a replica. */
  states(): readonly TargetState[] {
    const { store, guards, isKept } = this.#options;
    const databases = new Map<TargetId, number>();
    for (const { databaseId, targetId } of store.replicas()) {
      if (isKept(databaseId)) databases.set(targetId, (databases.get(targetId) ?? 0) + 1);
    }
    return store
      .targets()
      .filter(({ id, isKept: isOwn }) => isOwn || databases.has(id))
      .map(({ id, name, url, place, bandwidthBytes }) => ({
        id,
        kind: place.kind,
        name,
        url,
        place,
        bandwidthBytes,
        usage: guards.find(id)?.usage ?? newUsage(),
        problem: guards.find(id)?.problem,
        databases: databases.get(id) ?? 0,
      }));
  }

  /** One target; fails with `target-not-found`. */
  rowOf(targetId: TargetId): TargetRow {
    const row = this.#options.store.targets().find(({ id }) => id === targetId);
    if (row === undefined) throw new AppError('target-not-found', { target: targetId });
    return row;
  }

  /** Adds a target as a thing of its own; one that is known already is changed. */
  add({ place, name }: Parsed<'addTarget'>): Result<'addTarget'> {
    const { url, state } = readPlace(place);
    const known = this.#options.store.targets().find((row) => row.url === url);
    if (known !== undefined) {
      this.update({ targetId: known.id, place, name });
      this.#options.store.updateTarget(known.id, { ...this.rowOf(known.id), isKept: true });
      return { targetId: known.id };
    }
    const row = { name: name ?? nameOf(state), url, place: state, bandwidthBytes: undefined, secret: undefined };
    const targetId = this.#options.store.addTarget({ ...row, isKept: true });
    this.#options.onChange();
    return { targetId };
  }

  /** Changes a target; fails with `target-place-fixed` where that would leave histories behind. */
  update({ targetId, place, name, bandwidthBytes }: Parsed<'updateTarget'>): void {
    const { store, onChange } = this.#options;
    const row = this.rowOf(targetId);
    const moved = place === undefined ? row : movedTo(row, place, this.#replicasAt(targetId));
    if (store.targets().some((other) => other.id !== targetId && other.url === moved.url)) {
      throw new AppError('target-known', { name: this.#nameAt(moved.url) });
    }
    store.updateTarget(targetId, {
      ...row,
      url: moved.url,
      place: moved.place,
      name: name ?? row.name,
      bandwidthBytes: bandwidthBytes === undefined ? row.bandwidthBytes : (bandwidthBytes ?? undefined),
    });
    if (bandwidthBytes !== undefined) this.#options.guards.find(targetId)?.setBandwidth(bandwidthBytes ?? undefined);
    onChange();
  }

  /** Forgets a target; fails with `target-in-use`. */
  remove(targetId: TargetId): void {
    const { store, guards, onChange } = this.#options;
    const { name } = this.rowOf(targetId);
    const count = this.#replicasAt(targetId).length;
    if (count > 0) throw new AppError('target-in-use', { name, databases: plural(count, 'database') });
    store.removeTarget(targetId);
    guards.forget(targetId);
    onChange();
  }

  /** The target at a place that a database or a command line names; made when it is new. */
  ensure(address: TargetAddress): TargetId {
    const { store } = this.#options;
    const known = store.targets().find(({ url }) => url === address.url);
    if (known !== undefined) return known.id;
    const place = placeOf(address);
    const rest = { bandwidthBytes: undefined, secret: undefined, isKept: false };
    return store.addTarget({ name: nameOfAddress(address), url: address.url, place, ...rest });
  }

  /** A replica on a target, behind the guard that all replicas there share. */
  guard(targetId: TargetId, target: Target): GuardedTarget {
    return this.#options.guards.of(this.rowOf(targetId)).guard(target);
  }

  /** Where on a target the history of a database would lie: at its name, or beside another one of that name. */
  replicaUrl({ place }: TargetRow, databasePath: string): string {
    if (place.kind !== 'folder') throw new AppError('target-unsupported', { url: 's3' });
    const taken = new Set(this.#options.store.replicas().map(({ url }) => url));
    const { name, ext } = path.parse(databasePath);
    for (let n = 1; ; n++) {
      const { url } = parseTargetUrl(path.join(place.path, n === 1 ? `${name}${ext}` : `${name}-${n}${ext}`));
      if (!taken.has(url)) return url;
    }
  }

  #replicasAt(targetId: TargetId): readonly ReplicaRow[] {
    return this.#options.store.replicas().filter((replica) => replica.targetId === targetId);
  }

  #nameAt(url: string): string {
    return this.#options.store.targets().find((row) => row.url === url)?.name ?? url;
  }
}

/** A row at another place, as far as its replicas allow. */
function movedTo(row: TargetRow, place: Place, replicas: readonly ReplicaRow[]): TargetRow {
  const { url, state } = readPlace(place);
  if (url !== row.url && replicas.length > 0) throw new AppError('target-place-fixed', { name: row.name });
  return { ...row, url, place: state };
}

function readPlace(place: Place): { readonly url: string; readonly state: PlaceState } {
  if (place.kind !== 'folder') throw new AppError('target-unsupported', { url: `s3://${place.bucket}` });
  const address = parseTargetUrl(readTypedPath(place.path));
  return { url: address.url, state: placeOf(address) };
}

function nameOf(place: PlaceState): string {
  return place.kind === 'folder' ? path.basename(place.path) || place.path : place.bucket;
}
