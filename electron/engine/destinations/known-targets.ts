// Which targets are known: adds, changes and forgets them, and opens one for each replica. What is open follows a change of its
// target at once, so that no protection has to start anew. Which database keeps what there is switchboard/replicas.ts.
import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Parsed, Place, Result } from '../../../shared/contract.ts';
import { AppError } from '../../../shared/errors.ts';
import { plural } from '../../../shared/format.ts';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import type { PlaceState, TargetState } from '../../../shared/targets.ts';
import { newUsage } from '../guard/counted-target.ts';
import type { GuardedTarget } from '../guard/target-guard.ts';
import type { ReplicaRow, TargetRow } from '../state/rows.ts';
import type { Store } from '../state/store.ts';
import type { TargetCredentials } from './credentials.ts';
import { callsAt, type TargetGuards } from './guards.ts';
import type { FolderLimit } from '../targets/folder.ts';
import { followTarget } from '../targets/followed-target.ts';
import { isDeepStrictEqual } from 'node:util';
import type { Generation } from '../../../shared/position.ts';
import { snapshotsPrefix } from '../replica/keys.ts';
import {
  addressOf,
  addressWithin,
  createTarget,
  nameOfAddress,
  openTarget,
  parseTargetUrl,
  placeOf,
  type TargetAddress,
} from '../targets/open-target.ts';
import { makeS3Address, parseS3Url, type S3Credentials } from '../targets/s3-address.ts';
import type { ReadableTarget, Target } from '../targets/target.ts';
import { readTypedPath } from '../basics/typed-path.ts';

export interface KnownTargetsOptions {
  readonly store: Store;
  readonly guards: TargetGuards;
  readonly credentials: TargetCredentials;
  /** Databases that count here. */
  readonly isKept: (databaseId: DatabaseId) => boolean;
  readonly onChange: () => void;
  /** The disk of a target turned out not to do everything; told once for each. */
  readonly onLimits: (targetId: TargetId, limits: readonly FolderLimit[]) => void;
}

/** A replica, and the generation whose images lie there. */
export interface LyingReplica {
  readonly replica: ReplicaRow;
  readonly generation: Generation;
}

/** What a look at a target showed of its replicas. */
export interface LookedReplicas {
  /** Those that do not lie there any more. */
  readonly gone: readonly ReplicaRow[];
  /** Those whose folder may not be used. */
  readonly barred: readonly { readonly replica: ReplicaRow; readonly error: AppError }[];
}

export class KnownTargets {
  readonly #options: KnownTargetsOptions;
  readonly #open = new Map<TargetId, Map<DatabaseId, Target>>();
  /** Each as a whole, to be looked at. */
  readonly #whole = new Map<TargetId, Target>();
  /** Those whose limits were told. */
  readonly #limited = new Set<TargetId>();

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
    const row = this.#options.store.target(targetId);
    if (row === undefined) throw new AppError('target-not-found', { target: targetId });
    return row;
  }

  /** Adds a target as a thing of its own; one that is known already is changed. Its folder is made where there is none. */
  async add({ place, name }: Parsed<'addTarget'>): Promise<Result<'addTarget'>> {
    const { store, credentials, onChange } = this.#options;
    const address = readPlace(place);
    const known = this.#at(address.url);
    if (known !== undefined) {
      await this.update({ targetId: known.id, place, name });
      store.updateTarget(known.id, { ...this.rowOf(known.id), isKept: true });
      return { targetId: known.id };
    }
    const row = {
      name: name ?? nameOfAddress(address),
      url: address.url,
      place: shownPlace(address, place),
      bandwidthBytes: undefined,
      secret: undefined,
      isKept: true,
    };
    const id = randomUUID() as TargetId;
    const secret = credentials.seal(place, { id, name: row.name });
    if (address.kind === 'folder') await createTarget(address);
    store.addTarget({ ...row, secret }, id);
    onChange();
    return { targetId: id };
  }

  /**
   * Changes a target. Fails with `target-place-fixed` where that would leave histories behind, and with `target-secret-missing`
   * where keys lack their secret.
   */
  async update({ targetId, place, name, bandwidthBytes }: Parsed<'updateTarget'>): Promise<void> {
    const { store, guards, onChange } = this.#options;
    const row = this.rowOf(targetId);
    const moved = place === undefined ? row : await this.#move(row, place);
    store.updateTarget(targetId, {
      ...moved,
      name: name ?? row.name,
      bandwidthBytes: bandwidthBytes === undefined ? row.bandwidthBytes : (bandwidthBytes ?? undefined),
      // Whoever changes it means it to stay.
      isKept: true,
    });
    const guard = guards.find(targetId);
    if (bandwidthBytes !== undefined) guard?.setBandwidth(bandwidthBytes ?? undefined);
    if (place !== undefined) {
      this.#forgetOpen(targetId);
      guard?.setCalls(callsAt(moved.place));
      guard?.sign();
    }
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
    this.#forgetOpen(targetId);
    onChange();
  }

  /** The target at a place that a database or a command line names; made when it is new. Keys in it are not written down. */
  ensure(address: TargetAddress): TargetId {
    const { store, credentials } = this.#options;
    const rest = { bandwidthBytes: undefined, secret: undefined, isKept: false };
    const [known, place] = [this.#at(address.url), placeOf(address)];
    // Who declares a place says anew what opens it, every time.
    if (known !== undefined && !known.isKept && !isDeepStrictEqual(known.place, place))
      store.updateTarget(known.id, { ...known, place });
    const id = known?.id ?? store.addTarget({ name: nameOfAddress(address), url: address.url, place, ...rest });
    if (address.kind === 's3' && address.credentials !== undefined) {
      credentials.give(id, address.credentials);
      this.#forgetOpen(id);
    }
    return id;
  }

  /** What is kept of a target's credentials, for a form that leaves the secret out; undefined where it names another key. */
  keptFor({
    targetId,
    place,
  }: {
    readonly targetId?: TargetId | undefined;
    readonly place: Place;
  }): S3Credentials | undefined {
    if (targetId === undefined || place.kind === 'folder' || place.credentials.kind === 'chain') return undefined;
    const kept = this.#options.credentials.of(this.rowOf(targetId));
    return kept?.kind === 'keys' && kept.accessKeyId === place.credentials.accessKeyId ? kept : undefined;
  }

  /** The target that a replica lies on, as it is at each use: its credentials may change meanwhile. */
  open(replica: ReplicaRow): Target {
    const { url } = replica;
    return followTarget({ url, tellsTraffic: isS3(url) }, () => this.#opened(replica));
  }

  /** The same, to be read by somebody who waits; `onWait`: the target asks for patience, it goes on in so many milliseconds. */
  openForReading(replica: ReplicaRow, onWait?: (ms: number) => void): ReadableTarget {
    return this.guardReading(replica, this.open(replica), onWait);
  }

  /** A target that was opened by its address, behind the guard of the known one that it is. */
  guardReading(
    { targetId }: Pick<ReplicaRow, 'targetId'>,
    target: Target,
    onWait?: (ms: number) => void,
  ): ReadableTarget {
    return this.#options.guards.of(this.rowOf(targetId)).forReading(target, onWait);
  }

  /** Looks at a target, and whether these replicas still lie there; undefined where the target does not tell. */
  async look(
    targetId: TargetId,
    replicas: readonly LyingReplica[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<LookedReplicas | undefined> {
    const row = this.rowOf(targetId);
    const folders = new Map(replicas.map((lying) => [folderOf(row, lying), lying.replica]));
    const target = followTarget({ url: row.url, tellsTraffic: isS3(row.url) }, () => this.#wholeOf(row));
    const looked = await this.#options.guards.of(row).look(target, [...folders.keys()], { signal });
    return (
      looked && {
        gone: looked.gone.flatMap((folder) => folders.get(folder) ?? []),
        barred: [...looked.barred].flatMap(([folder, error]) => {
          const replica = folders.get(folder);
          return replica === undefined ? [] : [{ replica, error }];
        }),
      }
    );
  }

  #wholeOf(row: TargetRow): Target {
    const known = this.#whole.get(row.id);
    if (known !== undefined) return known;
    const target = openTarget(addressOfRow(row), { credentials: this.#options.credentials.of(row) });
    this.#whole.set(row.id, target);
    return target;
  }

  /** A replica on a target, behind the guard that all replicas there share. */
  guard(targetId: TargetId, target: Target): GuardedTarget {
    return this.#options.guards.of(this.rowOf(targetId)).guard(target);
  }

  /** Where on a target the history of a database would lie: at its name, or beside another one of that name. */
  placeFor(target: TargetRow, databasePath: string): TargetAddress {
    const taken = new Set(this.#options.store.replicas().map(({ url }) => url));
    const { name, ext } = path.parse(databasePath);
    for (let n = 1; ; n++) {
      const address = addressWithin(addressOfRow(target), n === 1 ? `${name}${ext}` : `${name}-${n}${ext}`);
      if (!taken.has(address.url)) return address;
    }
  }

  /** Fails with `target-missing` for a folder that is gone. */
  async mustBeThere({ place }: TargetRow): Promise<void> {
    if (place.kind !== 'folder') return;
    const isThere = await stat(place.path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isThere) throw new AppError('target-missing', { path: place.path });
  }

  /** The folder of a target is elsewhere now, with all that lies in it; false where another target has that place. */
  relocate(targetId: TargetId, folder: string): boolean {
    const { store, onChange } = this.#options;
    const row = this.rowOf(targetId);
    const { url } = parseTargetUrl(folder);
    const other = this.#at(url);
    if (row.place.kind !== 'folder' || (other !== undefined && other.id !== targetId)) return false;
    for (const replica of this.#replicasAt(targetId)) {
      const within = path.relative(row.place.path, fileURLToPath(replica.url));
      store.putReplica({ ...replica, url: parseTargetUrl(path.join(folder, within)).url });
    }
    store.updateTarget(targetId, { ...row, url, place: { kind: 'folder', path: folder } });
    this.#forgetOpen(targetId);
    onChange();
    return true;
  }

  /** A row at another place, as far as its replicas allow; theirs follow it. */
  async #move(row: TargetRow, place: Place): Promise<TargetRow> {
    const { store, credentials } = this.#options;
    const address = readPlace(place);
    const replicas = this.#replicasAt(row.id);
    if (replicas.length > 0 && !isSamePlace(addressOfRow(row), address)) {
      throw new AppError('target-place-fixed', { name: row.name });
    }
    const other = this.#at(address.url);
    if (other !== undefined && other.id !== row.id) throw new AppError('target-known', { name: other.name });
    const secret = credentials.seal(place, row);
    if (address.kind === 'folder' && replicas.length === 0) await createTarget(address);
    if (address.kind === 's3') {
      for (const replica of replicas) {
        store.putReplica({ ...replica, url: makeS3Address({ ...address, prefix: prefixOf(replica) }).url });
      }
    }
    return { ...row, url: address.url, place: shownPlace(address, place), secret };
  }

  #opened({ databaseId, targetId, url }: ReplicaRow): Target {
    const { store, credentials } = this.#options;
    const opened = this.#open.get(targetId) ?? new Map<DatabaseId, Target>();
    this.#open.set(targetId, opened);
    const known = opened.get(databaseId);
    if (known !== undefined) return known;
    const now = store.replicas(databaseId).find((replica) => replica.targetId === targetId)?.url ?? url;
    const row = this.rowOf(targetId);
    const within = row.place.kind === 'folder' ? row.place.path : undefined;
    const target = openTarget(readUrl(now), {
      credentials: credentials.of(row),
      within,
      onLimits: (limits) => {
        if (this.#limited.has(targetId)) return;
        this.#limited.add(targetId);
        this.#options.onLimits(targetId, limits);
      },
    });
    opened.set(databaseId, target);
    return target;
  }

  #forgetOpen(targetId: TargetId): void {
    this.#open.delete(targetId);
    this.#whole.delete(targetId);
  }

  #replicasAt(targetId: TargetId): readonly ReplicaRow[] {
    return this.#options.store.replicas().filter((replica) => replica.targetId === targetId);
  }

  #at(url: string): TargetRow | undefined {
    return this.#options.store.targets().find((row) => row.url === url);
  }
}

function readPlace(place: Place): TargetAddress {
  return addressOf(place.kind === 'folder' ? { ...place, path: readTypedPath(place.path) } : place);
}

/** What is written down was whole when it was: no environment changes what it means. */
function readUrl(url: string): TargetAddress {
  return isS3(url) ? parseS3Url(url) : parseTargetUrl(url);
}

function isS3(url: string): boolean {
  return url.startsWith('s3:');
}

/** Where a replica's images lie, as a folder below that of its target: who ships on makes all others again. */
function folderOf({ place, url }: TargetRow, { replica, generation }: LyingReplica): string {
  const within =
    place.kind === 'folder'
      ? path.relative(place.path, fileURLToPath(replica.url)).split(path.sep).join('/')
      : prefixOf(replica).slice(parseS3Url(url).prefix.length).replace(/^\//, '');
  return `${within === '' ? '' : `${within}/`}${snapshotsPrefix(generation)}`;
}

function addressOfRow({ url }: TargetRow): TargetAddress {
  return readUrl(url);
}

/** The same objects, however they are reached. */
function isSamePlace(a: TargetAddress, b: TargetAddress): boolean {
  if (a.kind === 'folder' || b.kind === 'folder') return a.url === b.url;
  return a.bucket === b.bucket && a.prefix === b.prefix;
}

function prefixOf({ url }: ReplicaRow): string {
  return parseS3Url(url).prefix;
}

/** What a form shows of a place: keys by their id, which the address does not have while their secret was left out. */
function shownPlace(address: TargetAddress, typed: Place): PlaceState {
  const shown = placeOf(address);
  if (shown.kind === 'folder' || typed.kind === 'folder' || typed.credentials.kind === 'chain') return shown;
  return { ...shown, credentials: { kind: 'keys', accessKeyId: typed.credentials.accessKeyId } };
}
