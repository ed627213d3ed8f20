// Restores as operations: chooses the target that holds the point, proposes a name, keeps the database's record of proofs.
// How a restore is done is restore/.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Parsed, RestoreWish } from '../../../shared/contract.ts';
import { AppError, errorSentence } from '../../../shared/errors.ts';
import { formatTimestampLocal, plural } from '../../../shared/format.ts';
import type { Moment, RestorePoint } from '../../../shared/history.ts';
import type { ReplicaListing } from '../../../shared/replica-listing.ts';
import type { OperationId } from '../../../shared/ids.ts';
import {
  findingsSentence,
  type Operation,
  type Phase,
  type RestoreOutlook,
  type RestoreProposal,
} from '../../../shared/operations.ts';
import { isSameName } from '../../../shared/named-points.ts';
import { isSamePosition, type Position } from '../../../shared/position.ts';
import { type Access, accessOf } from '../basics/access.ts';
import type { Clock } from '../basics/clock.ts';
import { findHome } from '../basics/home.ts';
import type { Points } from '../history/points.ts';
import type { KnownTargets } from '../destinations/known-targets.ts';
import type { Operations } from './operations.ts';
import { listReplica } from '../restore/list-replica.ts';
import { inTime } from '../restore/in-time.ts';
import { listHistory } from '../destinations/look-up.ts';
import { mustBeFree } from '../restore/output.ts';
import { describePlan, restoreReplica } from '../restore/restore.ts';
import type { DatabaseRow, ReplicaRow } from '../state/rows.ts';
import type { Store } from '../state/store.ts';
import { nameOfAddress, openTarget, parseTargetUrl } from '../targets/open-target.ts';
import { readAlone } from '../destinations/guards.ts';
import type { ReadableTarget } from '../targets/target.ts';
import type { Readers } from '../retain/readers.ts';
import { recordKey } from '../replica/keys.ts';
import { findLtx } from '../replica/ltx.ts';
import { lookForRecord, parseNamed, readRecord, type ReplicaRecord } from '../replica/record.ts';
import { readTypedPath } from '../basics/typed-path.ts';
import { freeBytesAt } from '../basics/files.ts';

interface Options {
  readonly operations: Operations;
  readonly clock: Clock;
  readonly readers: Readers;
  readonly storage: { readonly store: Store; readonly points: Points; readonly targets: KnownTargets } | undefined;
}

interface Cancel {
  readonly signal: AbortSignal;
}

export class RestoreJobs {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** What restoring this point would do. */
  async propose(row: DatabaseRow, position: Position, { signal }: Cancel): Promise<RestoreProposal> {
    const { point, replica, targets } = this.#locate(row, position);
    const target = targets.openForReading(replica);
    const plan = await this.#options.readers.reading(
      replica.url,
      async () => await describePlan({ target, wish: { kind: 'position', position }, signal }),
    );
    const proposedPath = proposePath(row.path, point.at);
    const fromName = this.#options.storage?.store.target(replica.targetId)?.name ?? replica.url;
    return {
      ...plan,
      point: asTold(plan.point, point),
      proposedPath,
      freeBytes: await freeBytesAt(path.dirname(proposedPath)),
      fromName,
    };
  }

  /** Starts restoring a point of a database that is (or was) protected here; a place that is taken is refused at once. */
  async start(
    row: DatabaseRow,
    wish: { readonly position: Position; readonly outputPath: string; readonly fullCheck: boolean },
  ): Promise<{ readonly operationId: OperationId }> {
    const { point, replica, targets } = this.#locate(row, wish.position);
    const outputPath = readTypedPath(wish.outputPath);
    await mustBeFree(outputPath);
    const name = path.basename(row.path);
    const title = `Restore ${name} as of ${formatTimestampLocal(point.at)}`;
    const known = accessOf(row.path);
    const operationId = this.#options.operations.start(
      { kind: 'restore', title, databaseId: row.id },
      async ({ signal, onPhase: tell }) => {
        const { onPhase, onWait } = tellingWaits(tell);
        const restoring = {
          target: targets.openForReading(replica, onWait),
          wish: { kind: 'position' as const, position: wish.position },
          outputPath,
          fullCheck: wish.fullCheck,
          access: known ?? (await this.#recordedAccess(replica.url, signal)),
          signal,
          onPhase,
        };
        const result = await this.#options.readers.reading(replica.url, async () => await restoreReplica(restoring));
        return { ...result, point: asTold(result.point, point) };
      },
      (operation) => this.#note(row, operation),
    );
    return { operationId };
  }

  /** Starts restoring from a replica by its URL. */
  async startFrom(
    url: string,
    {
      wish: wished,
      outputPath,
      fullCheck,
    }: Omit<Parsed<'startReplicaRestore'>, 'url' | 'fullCheck'> & { readonly fullCheck: boolean },
  ): Promise<{ readonly operationId: OperationId }> {
    const target = this.#openAt(url);
    const { record, wish } = await inTime(
      { url: target.url, what: 'its record' },
      async (signal) => await this.#read(target, wished, { signal }),
    );
    const name = record?.database ?? nameOfAddress(parseTargetUrl(url));
    await inTime({ url: target.url, what: 'its list of objects' }, async (signal) => {
      await mustBeReadable(target, wish, { signal });
    });
    const operationId = this.#options.operations.start(
      { kind: 'restore', title: `Restore ${name}`, databaseId: undefined },
      async ({ signal, onPhase: tell }) => {
        const { onPhase, onWait } = tellingWaits(tell);
        const restoring = {
          target: this.#openAt(url, onWait),
          wish,
          outputPath: path.resolve(outputPath),
          fullCheck,
          access: accessIn(record, target.url),
          signal,
          onPhase,
        };
        return await this.#options.readers.reading(target.url, async () => await restoreReplica(restoring));
      },
      () => {},
    );
    return { operationId };
  }

  /** Where a wish leads in the replica at a URL. */
  async plan({ url, wish: wished }: Parsed<'planReplicaRestore'>, { signal }: Cancel): Promise<RestoreOutlook> {
    const target = this.#openAt(url);
    const wish = await this.#read(target, wished, { signal });
    const planning = this.#options.readers.reading(
      target.url,
      async () => await describePlan({ target, wish: wish.wish, signal }),
    );
    const { point, isNewest, order } = await asHistory(target.url, planning);
    return { point, isNewest, order };
  }

  /** A wish as what lies there says it, with the record there. */
  async #read(
    target: ReadableTarget,
    wished: Parsed<'startReplicaRestore'>['wish'],
    { signal }: Cancel,
  ): Promise<{ readonly record: ReplicaRecord | undefined; readonly wish: RestoreWish }> {
    const { record, problem } = await asHistory(target.url, lookForRecord(target, { signal }));
    if (wished.kind !== 'name') return { record, wish: wished };
    // Only names are nowhere else.
    if (problem !== undefined) throw problem;
    return { record, wish: wishFor(wished.name, record, target.url) };
  }

  /** Lists what lies at a URL; rejects with `no-history` where there is none. */
  async list(url: string, { signal }: Cancel): Promise<ReplicaListing> {
    const target = this.#openAt(url);
    const reading = listReplica(target, { signal, now: this.#options.clock.now() });
    const listing = await asHistory(target.url, reading);
    if (listing.generations.length > 0) return listing;
    const isLtx = (await findLtx(target, { signal })) !== undefined;
    throw new AppError(isLtx ? 'history-ltx' : 'no-history', { url: target.url });
  }

  #locate(
    row: DatabaseRow,
    position: Position,
  ): { readonly point: RestorePoint; readonly replica: ReplicaRow; readonly targets: KnownTargets } {
    const { store, points, targets } = this.#options.storage ?? {};
    const point = points?.find(row.id, position);
    if (point === undefined || store === undefined || targets === undefined) {
      throw new AppError('invalid-argument', { reason: 'That restore point is not known any more' });
    }
    const replica = store.replicas(row.id).find(({ targetId }) => point.targetIds.includes(targetId));
    if (replica === undefined) throw new AppError('no-history', { url: row.path });
    return { point, replica, targets };
  }

  /** A place by its address, with its own keys. What is asked of a target that is known here counts there. */
  #openAt(url: string, onWait?: (ms: number) => void): ReadableTarget {
    const { clock, storage } = this.#options;
    const target = openTarget(url);
    const known = storage?.store.replicas().find((replica) => replica.url === target.url);
    if (storage === undefined || known === undefined) return readAlone(target, { clock, onWait });
    return storage.targets.guardReading(known, target, onWait);
  }

  /** What a replica says of an original that is gone. */
  async #recordedAccess(url: string, signal: AbortSignal): Promise<Access | undefined> {
    // @NOTE A record that cannot be read hides no history; the result is its owner's alone then.
    return accessIn(await readRecord(this.#openAt(url), { signal }).catch(() => undefined), url);
  }

  #note(row: DatabaseRow, operation: Operation): void {
    const { store } = this.#options.storage ?? {};
    const at = this.#options.clock.now();
    const entry = { at, databaseId: row.id };
    if (operation.state === 'done' && operation.result !== undefined) {
      const { path: file, proof, point } = operation.result;
      if (proof.kind === 'identical') store?.setProven(row.id, at, point.position);
      const shown = proof.kind === 'identical' ? 'proven identical to what was captured' : 'checked by SQLite';
      const found = proof.check === 'findings' ? ` ${findingsSentence(proof)}` : '';
      const text = `${path.basename(row.path)} as of ${formatTimestampLocal(point.at)} was restored to ${file}, ${shown}.${found}`;
      store?.activity.add({ ...entry, kind: 'restored', level: found === '' ? 'good' : 'info', text });
    } else if (operation.state === 'failed' && operation.error !== undefined) {
      store?.activity.add({
        ...entry,
        kind: 'restore-failed',
        level: 'problem',
        text: `${operation.title} failed. ${errorSentence(operation.error)}`,
      });
    }
  }
}

/** What is restored, with the time that is told of it; another moment, where the target does not tell that one, with its own. */
function asTold(restored: Moment, { position, at }: RestorePoint): Moment {
  return isSamePosition(restored.position, position) ? { position, at } : restored;
}

/**
 * What the original allowed, as a replica says it. Whose it was counts on that very computer; in a folder, where what lies there
 * got the original's owner, the file system says it better than any text.
 */
function accessIn(record: ReplicaRecord | undefined, url: string): Access | undefined {
  const inFolder = url.startsWith('file:') ? accessOf(path.join(fileURLToPath(url), recordKey)) : undefined;
  const { access, machine } = record ?? {};
  if (access === undefined) return inFolder;
  const isHere = machine?.name === os.hostname();
  return { ...inFolder, ...(isHere ? access : { mode: access.mode }) };
}

/** While a target is waited for, the running phase says so. */
function tellingWaits(tell: (phase: Phase) => void): {
  readonly onPhase: (phase: Phase) => void;
  readonly onWait: (ms: number) => void;
} {
  let last: Phase | undefined;
  return {
    onPhase: (phase) => {
      last = phase;
      tell(phase);
    },
    onWait: (ms) => {
      if (last?.state !== 'running') return;
      const seconds = plural(Math.ceil(ms / 1000), 'second');
      tell({ ...last, text: `The destination asks for fewer requests: it goes on in ${seconds}` });
    },
  };
}

/** Fails with `history-ltx` where what is wished for may lie in a history that Litestream 0.5 wrote. */
async function mustBeReadable(target: ReadableTarget, wish: RestoreWish, { signal }: Cancel): Promise<void> {
  const ltx = await asHistory(target.url, findLtx(target, { signal }));
  const isNamed = wish.kind === 'position' || wish.generation !== undefined;
  if (ltx === undefined) return;
  const { generations } = await listHistory(target, { signal });
  const times = generations.flatMap(({ snapshots, segments }) =>
    [...snapshots, ...segments].map(({ modifiedAt }) => modifiedAt),
  );
  if (times.length === 0) throw new AppError('history-ltx', { url: target.url });
  const newestAt = times.reduce((a, b) => Math.max(a, b));
  if (!isNamed && ltx.newestAt >= newestAt) throw new AppError('history-ltx', { url: target.url, isBeside: true });
}

/** A folder that is known by its URL only and is not there was never anybody's destination: it holds no history. */
async function asHistory<T>(url: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof AppError && error.code === 'target-missing')
      throw new AppError('no-history', { url }, { cause: error });
    throw error;
  }
}

/** The point of that name, as the record of a replica says it; fails with `name-unknown`. */
function wishFor(name: string, record: ReplicaRecord | undefined, url: string): RestoreWish {
  const named = record === undefined ? [] : parseNamed(record);
  const found = named.find((one) => isSameName(one.name, name));
  if (found !== undefined) return { kind: 'position', position: found.position };
  throw new AppError('name-unknown', { name, url, names: named.map((one) => one.name).join(', ') });
}

/** A free name beside the original where that can be written, else in the home folder. */
function proposePath(original: string, at: number): string {
  const { name, ext } = path.parse(original);
  const stamp = formatTimestampLocal(at)
    .replace(/[:]/g, '.')
    .replace(/[^\d\w.\- ]/g, '');
  const folder = [path.dirname(original), findHome() ?? os.tmpdir(), os.tmpdir()].find(isWritable) ?? os.tmpdir();
  for (let n = 1; ; n++) {
    const candidate = path.join(folder, `${name} (restored ${stamp}${n === 1 ? '' : ` ${n}`})${ext}`);
    if (!fs.existsSync(candidate)) return candidate;
  }
}

function isWritable(folder: string): boolean {
  try {
    fs.accessSync(folder, fs.constants.W_OK);
    return true;
  } catch {
    // @NOTE Not writable or not there: the next candidate serves.
    return false;
  }
}
