// Who may write to a replica: its record says it, and this keeps to it. Looks before the first listing, after reconnects,
// and now and then while something is shipped; claims the place with the first object of a run; stops for good when
// another computer has claimed it, until somebody decides. Of two writers at once the last one has it, which the other
// one reads at once or with its next look. The record also says which points have names: kept up to date here, and what
// others named is handed on.
import { randomUUID } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { must } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import { formatInstantUtc } from '../../../shared/format.ts';
import type { DatabaseId } from '../../../shared/ids.ts';
import type { NamedMoment } from '../../../shared/named-points.ts';
import type { Generation } from '../../../shared/position.ts';
import { accessOf } from '../basics/access.ts';
import type { ClaimNotes } from './claims.ts';
import { type Clock, never, stopwatch } from '../basics/clock.ts';
import { isGoneForGood } from './holder.ts';
import type { HolderNote } from '../replica/holder-note.ts';
import { recordKey } from '../replica/keys.ts';
import { mustHoldNoLtx } from '../replica/ltx.ts';
import {
  findRecord,
  formatNamed,
  type FoundRecord,
  parseNamed,
  readRecord,
  replaceRecord,
  type ReplicaRecord,
} from '../replica/record.ts';
import { findSequences, sequencesIn } from './sequences.ts';
import { listHistory } from './look-up.ts';
import type { Target } from '../targets/target.ts';

/** Who keeps a replica: what its record says. */
export interface ReplicaOwner {
  readonly databaseId: DatabaseId;
  readonly databasePath: string;
  readonly machineId: string;
  readonly version: string;
}

/** What a look showed. With `start-over` the history there may not be continued: a new generation first. */
export type Look = { readonly kind: 'go-on' } | { readonly kind: 'start-over'; readonly reason: string };

export interface OwnershipOptions {
  readonly owner: ReplicaOwner;
  readonly clock: Clock;
  readonly notes: ClaimNotes;
  /** The restore points with names, which the record tells whoever else deletes there. */
  readonly namedPoints: () => readonly NamedMoment[];
  /** Those of a record that was not written here; they stay from now on. */
  readonly onNamedPoints: (found: readonly NamedMoment[]) => void;
  /** What the record says of this process. */
  readonly holder?: HolderNote | undefined;
  /** The place was this computer's own, by an installation that is gone for good: it is gone on with. */
  readonly onInherited?: ((record: ReplicaRecord) => void) | undefined;
  /** True for a generation of which this installation put something there. */
  readonly isOwnGeneration?: ((generation: Generation) => boolean) | undefined;
  /** The record could not be understood, what lies beside it is ours, and it was written anew. */
  readonly onRepaired?: ((problem: AppError) => void) | undefined;
}

interface Facts {
  readonly target: Target;
  readonly pageSize: number;
  readonly generation: Generation;
}

/** What is about to be done at a replica. */
export interface Hold {
  readonly before?: 'segment' | 'snapshot' | 'delete';
  readonly signal: AbortSignal;
}

/**
 * How long a look at the record holds: while segments are shipped it costs one small request an hour; with an image, and
 * before the deletes of one moment, it was just done.
 */
const freshForMs = { segment: 3_600_000, snapshot: 60_000, delete: 5000 } as const;
/** A place that is another computer's is asked this often whether it still is. */
const lostForMs = 5 * 60_000;
const raceAttempts = 5;

export class Ownership {
  readonly #options: OwnershipOptions;
  /** The claim that this run holds; undefined before its first object. */
  #claim: string | undefined;
  #facts: Facts | undefined;
  /** The claim that the last look found. */
  #seenClaim: string | undefined;
  /** What the record says of named points, as far as it was seen. */
  #named: ReplicaRecord['named'];
  /** The generation that goes on there, and what orders it among those before it. */
  #latest: ReplicaRecord['latest'];
  #sinceLook: () => number = never;
  #lost:
    { readonly error: AppError; readonly since: () => number; readonly record: ReplicaRecord | undefined } | undefined;
  #mayTakeOver = false;
  /** Why a new generation begins where the place turns out to be another's. */
  #takenReason: string | undefined;
  #turn: Promise<void> = Promise.resolve();
  /** The history of `from` may not be continued there; undefined `from`: that of the next look. */
  #startOver: { readonly from: Generation | undefined; readonly reason: string } | undefined;

  constructor(options: OwnershipOptions) {
    this.#options = options;
  }

  /** Looks at the record, and makes it where there is none. Fails with `target-owned-by-other`. */
  async look(facts: Facts, { signal }: { readonly signal: AbortSignal }): Promise<Look> {
    return await this.#inTurn(async () => await this.#look(facts, { signal }));
  }

  async #look(
    facts: Facts,
    { signal, isKept = false }: { readonly signal: AbortSignal; readonly isKept?: boolean },
  ): Promise<Look> {
    this.#facts = facts;
    if (this.#lost !== undefined && !this.#mayTakeOver && this.#lost.since() < lostForMs) throw this.#lost.error;
    const sinceLook = stopwatch(this.#options.clock);
    for (let attempt = 1; ; attempt++) {
      const found = await this.#find(facts, signal);
      const record = found?.record;
      // Who removed the record may have removed everything: what lies there is looked at anew.
      if (found === undefined && isKept)
        throw new AppError('object-changed', { key: recordKey, url: facts.target.url });
      if (found === undefined && !this.#mayTakeOver) await this.#mustBeFree(facts, signal);
      if (record !== undefined) await this.#inherit(record);
      const demand = this.#judge(record, facts);
      if (record !== undefined) this.#see(record);
      if (demand !== undefined) return { kind: 'start-over', reason: demand };
      const isOurs = record !== undefined && this.#isOurs(record) && !this.#mayTakeOver;
      const isKnown = isOurs && record.latest?.generation === facts.generation;
      if (isKnown) this.#latest = record.latest;
      const claim = isOurs ? this.#claim : undefined;
      if (isKnown || (await this.#write(found, { facts, claim, signal }))) {
        this.#lost = undefined;
        this.#sinceLook = sinceLook;
        this.#seenClaim = this.#claim ?? record?.claim;
        return { kind: 'go-on' };
      }
      if (attempt === raceAttempts) throw this.#conflict(record, facts);
    }
  }

  /**
   * To be called before something is put or deleted: claims the place with the first object of this run, and looks again from
   * time to time, with each snapshot and before deletes in any case. Fails with `target-owned-by-other`, and with
   * `object-changed` where what a look showed does not count any more.
   */
  async hold({ before = 'segment', signal }: Hold): Promise<void> {
    if (this.#isHeld(before)) return;
    await this.#inTurn(async () => {
      // Another one may have seen to it meanwhile.
      if (!this.#isHeld(before)) await this.#holdAnew(signal);
    });
  }

  /** What orders a generation among those of the replica; undefined before a look. */
  sequenceOf(generation: Generation): number | undefined {
    return this.#latest?.generation === generation ? this.#latest.sequence : undefined;
  }

  #isHeld(before: keyof typeof freshForMs): boolean {
    return this.#claim !== undefined && this.#sinceLook() < freshForMs[before];
  }

  /**
   * To be called when names of points changed: the record says so then, with the claim of this run. Some small requests where
   * it has to be written, none where it says so already. Fails as {@link hold} does.
   */
  async tellNames({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    if (this.#facts === undefined || this.#areNamesTold()) return;
    await this.#inTurn(async () => {
      if (this.#lost !== undefined) throw this.#lost.error;
      if (this.#claim === undefined) await this.#holdAnew(signal);
      const facts = must(this.#facts, 'looked at above');
      for (let attempt = 1; !this.#areNamesTold(); attempt++) {
        if (attempt > raceAttempts) throw new AppError('object-changed', { key: recordKey, url: facts.target.url });
        const found = await this.#find(facts, signal);
        const record = found?.record;
        if (record !== undefined && record.claim !== this.#claim) throw this.#conflict(record, facts);
        await this.#write(found, { facts, claim: this.#claim, signal });
      }
    });
  }

  #areNamesTold(): boolean {
    return isDeepStrictEqual(this.#named, formatNamed(this.#options.namedPoints()));
  }

  async #holdAnew(signal: AbortSignal): Promise<void> {
    const facts = must(this.#facts, 'a look comes first');
    if (this.#claim !== undefined) {
      await this.#look(facts, { signal, isKept: true });
      return;
    }
    for (let attempt = 1; ; attempt++) {
      const found = await this.#find(facts, signal);
      const record = found?.record;
      if (record !== undefined && !this.#isOurs(record)) throw this.#conflict(record, facts);
      // Somebody with our name came between the look and the first object: what follows is decided anew.
      if (record !== undefined && record.claim !== this.#seenClaim && this.#isCopys(record))
        throw new AppError('object-changed', { key: recordKey, url: facts.target.url });
      if (await this.#write(found, { facts, signal })) break;
      if (attempt === raceAttempts) throw this.#conflict(record, facts);
    }
    this.#sinceLook = stopwatch(this.#options.clock);
  }

  /**
   * Somebody decided: the next look takes the place over, where what follows does not go on with `from`. Returns why a new
   * generation begins; undefined where the place is nobody else's.
   */
  takeOver(from: Generation | undefined): string | undefined {
    if (this.#lost === undefined) return undefined;
    const former = this.#lost.record;
    const isSameMachine = former === undefined || former.machine.id === this.#options.owner.machineId;
    const reason = isSameMachine
      ? 'It took over the place of another history'
      : `This computer took over from ${former.machine.name}`;
    this.#mayTakeOver = true;
    this.#startOver = { from, reason };
    return reason;
  }

  /**
   * Somebody decided before a first look: whoever has the place, it is taken over. Where something of ours lies there already
   * (`goesOn`), what follows begins anew.
   */
  mayTakeOver({ goesOn = false }: { readonly goesOn?: boolean } = {}): void {
    this.#mayTakeOver = true;
    this.#takenReason = goesOn ? 'It took over the place of another history' : undefined;
  }

  /** Why what follows may not go to the facts' generation; throws where the place is another's. */
  #judge(record: ReplicaRecord | undefined, facts: Facts): string | undefined {
    const { generation } = facts;
    const isOthers = record !== undefined && (!this.#isOurs(record) || this.#isCopys(record));
    if (this.#takenReason !== undefined && isOthers) {
      this.#startOver ??= { from: generation, reason: this.#takenReason };
      this.#takenReason = undefined;
    }
    if (record !== undefined && !this.#mayTakeOver) {
      if (!this.#isOurs(record)) throw this.#conflict(record, facts);
      const { claim } = record;
      if (this.#claim !== undefined && claim !== this.#claim) throw this.#conflict(record, facts);
      if (this.#claim === undefined && this.#isCopys(record))
        this.#startOver ??= { from: generation, reason: copyWords };
    }
    const demand = this.#startOver;
    if (demand === undefined || (demand.from !== undefined && demand.from !== generation)) return undefined;
    this.#startOver = { ...demand, from: generation };
    return demand.reason;
  }

  /** A history that this installation never wrote, in its name: a copy of it runs elsewhere, or its own folder was put back. */
  #isCopys({ claim, databaseId }: ReplicaRecord): boolean {
    return claim !== undefined && databaseId === this.#options.owner.databaseId && !this.#isKnown(claim);
  }

  #isOurs(record: ReplicaRecord): boolean {
    const { machineId, databasePath, databaseId } = this.#options.owner;
    if (record.machine.id !== machineId) return false;
    return record.path === databasePath || record.databaseId === databaseId;
  }

  /** A place of the same database and computer, by an installation that cannot come back, is ours to go on with. */
  async #inherit(record: ReplicaRecord): Promise<void> {
    const { owner, holder, onInherited } = this.#options;
    const isSame = record.path === owner.databasePath && record.machine.name === os.hostname();
    if (!isSame || this.#mayTakeOver || this.#isOurs(record)) return;
    if (!(await isGoneForGood(record.holder, holder))) return;
    this.#mayTakeOver = true;
    onInherited?.(record);
  }

  /** What lies at the record's place. One that cannot be understood is passed on only where it may be written anew. */
  async #find(facts: Facts, signal: AbortSignal): Promise<FoundRecord | undefined> {
    const found = await findRecord(facts.target, { signal });
    if (found?.problem === undefined || this.#mayTakeOver) return found;
    if (found.isNewer !== true && (await this.#isOurPlace(facts, signal))) return found;
    const error = unreadableRecord(facts.target.url, found);
    this.#lost = { error, since: stopwatch(this.#options.clock), record: undefined };
    throw error;
  }

  /** Without a record: nothing lies there, or what was begun last there, or all of it, was put there by this installation. */
  async #isOurPlace(facts: Facts, signal: AbortSignal): Promise<boolean> {
    const { target, generation } = facts;
    const history = await listHistory(target, { signal });
    const isOwn = (name: Generation): boolean => name === generation || this.#options.isOwnGeneration?.(name) === true;
    const others = history.generations.filter(({ generation: name }) => !isOwn(name));
    if (others.length === history.generations.length) await this.#mustBeFree(facts, signal);
    if (others.length === 0) return true;
    const sequences = await sequencesIn(target, history, { signal });
    const own = [...sequences].filter(([name]) => isOwn(name)).map(([, sequence]) => sequence);
    return others.every(({ generation: name }) => (sequences.get(name) ?? Infinity) < Math.max(0, ...own));
  }

  /** Nothing is put beside a history that Litestream 0.5 writes unless somebody decided so. */
  async #mustBeFree({ target }: Facts, signal: AbortSignal): Promise<void> {
    try {
      await mustHoldNoLtx(target, { signal });
    } catch (error) {
      if (error instanceof AppError && error.code === 'target-holds-ltx')
        this.#lost = { error, since: stopwatch(this.#options.clock), record: undefined };
      throw error;
    }
  }

  #conflict(record: ReplicaRecord | undefined, { target }: Facts): AppError {
    const error = ownedByOther(target.url, record);
    this.#lost = { error, since: stopwatch(this.#options.clock), record };
    return error;
  }

  /** What a record says of named points, where it may be gone on with; those that others named stay too. */
  #see(record: ReplicaRecord): void {
    const { claim, named } = record;
    this.#named = named;
    const isWrittenHere = claim !== undefined && this.#isKnown(claim);
    if (!isWrittenHere && named !== undefined) this.#options.onNamedPoints(parseNamed(record));
  }

  #isKnown(claim: string): boolean {
    return this.#options.notes.read().includes(claim);
  }

  /** One after the other: two that write at once would take each other for a stranger. */
  async #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    try {
      return await action();
    } finally {
      resolve();
    }
  }

  /** Writes the record with a claim, a new one unless it is given; false where somebody else did at the same time. */
  async #write(
    found: FoundRecord | undefined,
    {
      facts,
      claim = randomUUID(),
      signal,
    }: { readonly facts: Facts; readonly claim?: string | undefined; readonly signal: AbortSignal },
  ): Promise<boolean> {
    const { owner, clock, notes, namedPoints, holder } = this.#options;
    const { target, pageSize } = facts;
    const named = formatNamed(namedPoints());
    const now = clock.now();
    const record = found?.record;
    // Of one that is gone, what was said of it stays.
    const access = accessOf(owner.databasePath) ?? record?.access;
    const isOurs = record !== undefined && this.#isOurs(record);
    const latest = await this.#latestAfter(record, facts, signal);
    if (claim !== this.#claim) notes.add(claim);
    const isWritten = await replaceRecord(target, found, {
      signal,
      record: {
        v: 1,
        database: path.basename(owner.databasePath),
        databaseId: owner.databaseId,
        path: owner.databasePath,
        machine: { name: os.hostname(), id: owner.machineId },
        pageSize,
        createdAt: record?.createdAt ?? now,
        by: owner.version,
        encryption: 'none',
        ...(access === undefined ? {} : { access }),
        claim,
        // Going on is no new beginning: since when it is ours stays.
        claimedAt: isOurs ? (record.claimedAt ?? record.createdAt) : now,
        ...(holder === undefined ? {} : { holder }),
        latest,
        ...(named === undefined ? {} : { named }),
      },
    });
    // Where the target cannot compare while it writes, the last one has it.
    if (!isWritten || (await readRecord(target, { signal }))?.claim !== claim) return false;
    if (found?.problem !== undefined) this.#options.onRepaired?.(found.problem);
    this.#claim = claim;
    this.#named = named;
    this.#latest = latest;
    this.#mayTakeOver = false;
    this.#takenReason = undefined;
    this.#startOver = undefined;
    this.#lost = undefined;
    return true;
  }

  /** The facts' generation with what orders it: more than everything that is known there. */
  async #latestAfter(
    record: ReplicaRecord | undefined,
    { target, generation }: Facts,
    signal: AbortSignal,
  ): Promise<NonNullable<ReplicaRecord['latest']>> {
    const known = record?.latest ?? this.#latest;
    if (known?.generation === generation) return known;
    // Where no record says it, or an earlier version wrote it, what lies there does.
    const found = record?.latest === undefined ? await findSequences(target, generation, signal) : undefined;
    return { generation, sequence: found?.own ?? Math.max(found?.others ?? 0, known?.sequence ?? 0) + 1 };
  }
}

const copyWords =
  'A copy of this Tidemark wrote to the destination meanwhile, or its own data was put back to an earlier state';

/** The error for a place whose record cannot be understood where nothing else shows whose it is. */
export function unreadableRecord(url: string, { problem, isNewer = false }: FoundRecord): AppError {
  const reason = String(problem?.details['reason']);
  return new AppError(isNewer ? 'record-newer' : 'record-damaged', { path: url, reason }, { cause: problem });
}

/** The error for a place that another database, or another computer, writes to. */
export function ownedByOther(url: string, record: ReplicaRecord | undefined): AppError {
  return new AppError('target-owned-by-other', {
    path: url,
    database: record?.database ?? 'a database',
    databasePath: record?.path ?? 'a database',
    machine: record?.machine.name ?? 'another computer',
    ...(record === undefined ? {} : { since: formatInstantUtc(record.claimedAt ?? record.createdAt) }),
  });
}
