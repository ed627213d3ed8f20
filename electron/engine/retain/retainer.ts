// Retention of one replica while its database is open: about once an hour it asks the catalogue whether anything is due. Where
// something is, and after new images, it looks at the target itself, at most every few hours; when its rules were changed, at
// once. Only then does anything cost a request. What it sees there that was changed or removed by others it tells, and the
// target which points have names. Runs beside the shipping and never makes it wait. What goes is plan.ts, deleting it prune.ts.
import { AppError } from '../../../shared/errors.ts';
import type { NamedMoment } from '../../../shared/named-points.ts';
import type { Generation } from '../../../shared/position.ts';
import { type Clock, never, stopwatch } from '../basics/clock.ts';
import type { ConfirmedTime } from '../basics/confirmed-time.ts';
import type { Logger } from '../basics/log.ts';
import { tellDamage } from '../ship/heal.ts';
import type { Catalogue } from '../state/catalogue.ts';
import type { DatabaseRow, ReplicaRow } from '../state/rows.ts';
import type { Store } from '../state/store.ts';
import type { StoredObject, Target } from '../targets/target.ts';
import type { History } from '../replica/history.ts';
import { formatSnapshotKey, generationPrefix, parseKey } from '../replica/keys.ts';
import { findChanged, toldEnds } from './compare.ts';
import { confirmedBy, knownOf, type KnownReplica, lookAtReplica } from './look.ts';
import { asFarAs, generationsOf, isDue, partsAfter } from './parts.ts';
import { planRetention, type RetainOptions, type RetainPlan } from './plan.ts';
import type { StoredFile } from './spans.ts';
import { prune, type Pruned } from './prune.ts';
import type { Readers } from './readers.ts';

export interface RetainerOptions {
  readonly database: DatabaseRow['id'];
  readonly targetId: ReplicaRow['targetId'];
  readonly target: Target;
  /** Fails where the replica is not ours any more: whoever has lost the place deletes nothing of who has it now. */
  readonly mayDelete: (signal: AbortSignal) => Promise<void>;
  /** Brings the target's record up to date with what has a name; costs nothing where it is. */
  readonly tellNames: (signal: AbortSignal) => Promise<void>;
  /** The replica's own. */
  readonly url: string;
  /** The generation that goes on. */
  readonly current: Generation;
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly readers: Readers;
  readonly clock: Clock;
  readonly confirmed: ConfirmedTime;
  readonly log: Logger;
  /** The target answers, and has everything of former generations that it can get. */
  readonly isReady: () => boolean;
  /** Not all that was told of a generation lies there any more as it was put; this does. */
  readonly onChanged: (generation: Generation, objects: readonly StoredObject[]) => void;
  /** What can be restored has changed. */
  readonly onChange: () => void;
  /** The target lets nothing be deleted; told once. */
  readonly onRefused: () => void;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** How long a target that refuses deletes is not asked again. */
const refusedForMs = 7 * 24 * hourMs;
/** However many images are made: a listing of a long history is many requests. */
const lookEveryMs = 6 * hourMs;
/** A start after this looks at all that lies there, whether anything is due or not: somebody may have been there. */
const seenForMs = 24 * hourMs;

export class Retainer {
  readonly #options: RetainerOptions;
  /** Its rules were changed, something was left undone, or it is long ago: the target has to be looked at. */
  #hasToLook: boolean;
  /** An image was put. */
  #hasNews = false;
  #sinceLook: () => number = never;
  /** What the time was at least, as the images there tell. */
  #reached = 0;
  #isWoken = false;
  /** Its rules were changed since the last look began. */
  #isOutdated = false;
  /** The target's record says which points have names. */
  #areNamesTold = false;
  #wake: () => void = () => {};

  constructor(options: RetainerOptions) {
    this.#options = options;
    this.#hasToLook = !isWithin(seenForMs, this.#replica()?.retainedAt, options.clock);
  }

  /** A new image lies on the target. */
  wake(): void {
    this.#hasNews = true;
    this.#isWoken = true;
    this.#wake();
  }

  /** How much is to be kept was changed: what goes is decided anew at once, also in the middle of deleting. */
  reconsider(): void {
    this.#isOutdated = true;
    this.#hasToLook = true;
    this.wake();
  }

  /** Points have other names: what is being deleted by an older decision stops, and the target is told. */
  noteNames(): void {
    this.#areNamesTold = false;
    this.#isOutdated = true;
    this.#isWoken = true;
    this.#wake();
  }

  /** Runs until stopped. */
  async run(signal: AbortSignal): Promise<void> {
    let waitMs = minuteMs * spread();
    while (!signal.aborted) {
      await this.#pause(waitMs, signal);
      if (signal.aborted) return;
      this.#isWoken = false;
      try {
        const isWhole = await this.#pass(signal);
        waitMs = (isWhole ? hourMs : 5 * minuteMs) * spread();
      } catch (error) {
        if (signal.aborted) return;
        this.#hasToLook = true;
        // @NOTE The shipping tells what is wrong with a target; what was not deleted now is deleted later.
        this.#options.log.info({ error, target: this.#options.target.url }, 'retention tries again later');
        waitMs = hourMs * spread();
      }
    }
  }

  /** False when it has to be tried again soon. */
  async #pass(signal: AbortSignal): Promise<boolean> {
    const isTold = await this.#tellNames(signal);
    return (await this.#retain(signal)) && isTold;
  }

  /** False where the target could not be told what has a name: what is deleted from here heeds that all the same. */
  async #tellNames(signal: AbortSignal): Promise<boolean> {
    const { isReady, tellNames, target, log } = this.#options;
    if (this.#areNamesTold) return true;
    if (!isReady()) return false;
    this.#areNamesTold = true;
    try {
      await tellNames(signal);
      return true;
    } catch (error) {
      this.#areNamesTold = false;
      // @NOTE The shipping tells what is wrong with a target.
      log.info({ error, target: target.url }, 'the names of restore points are told to the target later');
      return false;
    }
  }

  /** One look. */
  async #retain(signal: AbortSignal): Promise<boolean> {
    const { store, target, url, clock, isReady, mayDelete, readers, onChange, onRefused } = this.#options;
    const { catalogue, database: databaseId, targetId } = this.#options;
    this.#isOutdated = false;
    const replica = this.#replica();
    if (replica === undefined) return true;
    const known = this.#known();
    const rules = this.#rules(replica);
    const isRecent = this.#sinceLook() < lookEveryMs;
    if (!this.#hasToLook && (isRecent || !(this.#hasNews || isDue(known, rules)))) return true;
    if (!isReady() || readers.isRead(url)) return false;
    this.#hasToLook = false;
    this.#hasNews = false;
    this.#sinceLook = stopwatch(clock);

    const ends = toldEnds(catalogue, { databaseId, targetId });
    const looked = await lookAtReplica(target, { snapshots: known.snapshots, signal });
    await this.#tellChanged(looked.history, { ends, signal });
    if (isWithin(refusedForMs, replica.refusesDeletesAt, clock)) return true;

    this.#reached = Math.max(this.#reached, confirmedBy(looked) ?? 0);
    const plan = planRetention({ ...rules, ...looked, now: this.#now() });
    const before = this.#known();
    // First the catalogue, then the target: what is told can be restored.
    const undo = this.#tell(plan, { before, looked: known });
    onChange();
    const begun: StoredFile[] = [];
    const pruned = await prune({
      target,
      url,
      plan,
      readers,
      signal,
      isOutdated: () => this.#isOutdated,
      onBatch: async (files) => {
        await mayDelete(signal);
        begun.push(...files);
        this.#forget(files);
      },
    }).catch((error: unknown) => {
      // Nobody knows what became of the last ones; the others stay, and are told again.
      undo();
      this.#tellGone(begun);
      throw error;
    });
    if (pruned.kind === 'read' || pruned.kind === 'outdated') this.#hasToLook = true;
    if (pruned.kind === 'outdated') {
      undo();
      this.#tellGone(begun);
    } else if (pruned.kind === 'refused') {
      if (pruned.objects === 0) undo();
      store.setRefusesDeletes(replica, clock.now());
      if (replica.refusesDeletesAt === undefined) onRefused();
    } else if (pruned.objects > 0) {
      store.setRefusesDeletes(replica, undefined);
    }
    this.#note(pruned);
    await this.#dropPoints(generationsOf(before.parts), signal);
    if (pruned.kind === 'done') store.setRetained(replica, clock.now());
    onChange();
    return pruned.kind !== 'read' && pruned.kind !== 'outdated';
  }

  /** What was changed or removed there by others. */
  async #tellChanged(
    history: History,
    { ends, signal }: { readonly ends: ReturnType<typeof toldEnds>; readonly signal: AbortSignal },
  ): Promise<void> {
    const { catalogue, target, current, database: databaseId, targetId, mayDelete, onChanged } = this.#options;
    const replica = { databaseId, targetId };
    const changed = await findChanged(catalogue, { replica, ends, history, signal });
    for (const generation of changed) {
      const listed = history.generations.find((kept) => kept.generation === generation);
      if (generation === current) {
        onChanged(generation, [...(listed?.snapshots ?? []), ...(listed?.segments ?? [])]);
      } else {
        // What ended cannot be put again: it is believed to be lost only where the place is ours, and a second look agrees.
        await mayDelete(signal);
        onChanged(generation, await target.list(generationPrefix(generation), { signal }));
      }
    }
    if (changed.length > 0) await this.#dropPoints(changed, signal);
  }

  #replica(): ReplicaRow | undefined {
    const { store, database, targetId } = this.#options;
    return store.replicas(database).find((row) => row.targetId === targetId);
  }

  #known(): KnownReplica {
    const { catalogue, database: databaseId, targetId } = this.#options;
    return knownOf(catalogue, { databaseId, targetId });
  }

  #rules({ retention }: ReplicaRow): Pick<RetainOptions, 'retention' | 'pinned' | 'current' | 'now' | 'sequences'> {
    const { store, catalogue, database, current } = this.#options;
    const begun = catalogue.generations(database).map(({ generation }, i) => [generation, i] as const);
    const sequences = new Map(begun);
    return { retention, pinned: pinnedOf(store, database), current, sequences, now: this.#now() };
  }

  /** What the time is at least, as this computer or whoever wrote there knows; undefined where nobody does. */
  #now(): number | undefined {
    const { clock, confirmed } = this.#options;
    return timeOf({ clock, confirmed: confirmed.look(), reached: this.#reached });
  }

  /** Tells the catalogue what will lie there; answers how to take that back. */
  #tell(
    plan: RetainPlan,
    { before, looked }: { readonly before: KnownReplica; readonly looked: KnownReplica },
  ): () => void {
    const { catalogue, database: databaseId, targetId } = this.#options;
    if (plan.batches.length === 0) return () => {};
    const kept = new Set(plan.kept.map(({ key }) => key));
    const going = new Set(plan.batches.flatMap((batch) => batch.map(({ key }) => key)));
    const seen = new Set(looked.snapshots.map((one) => formatSnapshotKey(one.generation, one.index)));
    for (const generation of generationsOf(before.parts)) {
      const parts = before.parts.filter((part) => part.generation === generation);
      // An image that came beside the look is neither among those that stay nor among those that go.
      const isKept = (index: number): boolean => {
        const key = formatSnapshotKey(generation, index);
        return kept.has(key) || (!seen.has(key) && !going.has(key));
      };
      catalogue.trim.setParts({ databaseId, targetId, generation }, partsAfter(plan, generation, parts), isKept);
    }
    return () => {
      for (const generation of generationsOf(before.parts)) {
        const parts = before.parts.filter((part) => part.generation === generation);
        const now = this.#known().parts.filter((part) => part.generation === generation);
        catalogue.trim.setParts({ databaseId, targetId, generation }, asFarAs(parts, now), () => true);
      }
      for (const row of before.snapshots) catalogue.addSnapshot(databaseId, row, { beginsPart: false });
    };
  }

  /** Tells the catalogue of objects that went although what they belong to was to stay in the end. */
  #tellGone(files: readonly StoredFile[]): void {
    const { catalogue, database: databaseId, targetId } = this.#options;
    const gone = files.flatMap(({ key }) => parseKey(key) ?? []);
    for (const generation of generationsOf(gone)) {
      const here = gone.filter((key) => key.generation === generation);
      const segments = here
        .flatMap((key) => (key.kind === 'segment' ? [{ index: key.index, offset: key.offset, to: undefined }] : []))
        .sort((a, b) => a.index - b.index || a.offset - b.offset);
      const images = here.flatMap((key) => (key.kind === 'snapshot' ? [key.index] : []));
      tellDamage(catalogue, { databaseId, targetId, generation }, { segments, images });
    }
  }

  #forget(files: readonly { readonly key: string }[]): void {
    const { catalogue, database: databaseId, targetId } = this.#options;
    const gone = files.flatMap(({ key }) => parseKey(key) ?? []).filter((key) => key.kind === 'segment');
    for (const generation of generationsOf(gone)) {
      const places = gone.filter((key) => key.generation === generation);
      catalogue.trim.forgetSegments({ databaseId, targetId, generation }, places);
    }
  }

  /** Points that no target holds any more, in short steps. */
  async #dropPoints(generations: readonly Generation[], signal: AbortSignal): Promise<void> {
    const { catalogue, database: databaseId, current } = this.#options;
    for (const generation of generations) {
      while (catalogue.trim.dropUnheld({ databaseId, generation }, { isEnded: generation !== current })) {
        await new Promise((resolve) => setImmediate(resolve));
        signal.throwIfAborted();
      }
    }
  }

  #note({ kind, objects, bytes }: Pruned): void {
    const { log, target } = this.#options;
    if (objects > 0) log.info({ target: target.url, objects, bytes, kind }, 'retention deleted what is not kept');
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#isWoken) return;
    const { clock } = this.#options;
    const ends = new AbortController();
    const woken = new Promise<void>((resolve) => (this.#wake = resolve));
    const timer = clock.sleep(ms, { signal: AbortSignal.any([signal, ends.signal]), ref: false }).catch(() => {});
    await Promise.race([timer, woken]);
    ends.abort(new AppError('cancelled'));
  }
}

/** What retention goes by: the least that the time can be, but no more than the clock says. Undefined where nobody knows. */
export function timeOf({
  clock,
  confirmed = 0,
  reached = 0,
}: {
  readonly clock: Clock;
  readonly confirmed: number | undefined;
  readonly reached: number | undefined;
}): number | undefined {
  const least = Math.max(confirmed, reached);
  return least === 0 ? undefined : Math.min(clock.now(), least);
}

/** The points that stay whatever is set. */
export function pinnedOf(store: Store, database: DatabaseRow['id']): RetainOptions['pinned'] {
  const named = pinnedAs(store.namedPoints.of(database));
  const proven = store.database(database)?.proven;
  return proven === undefined ? named : [...named, { ...proven, why: 'proven' }];
}

/** Named points, for a plan. */
export function pinnedAs(named: readonly NamedMoment[]): RetainOptions['pinned'] {
  return named.map(({ position, name }) => ({ ...position, why: 'pinned', name }));
}

/** An instant that was noted lies no longer back; what a clock noted that was set back since counts for nothing. */
function isWithin(ms: number, at: number | undefined, clock: Clock): boolean {
  const agoMs = clock.now() - (at ?? -Infinity);
  return agoMs >= 0 && agoMs <= ms;
}

/** So that many replicas do not ask at once. */
function spread(): number {
  return 0.75 + Math.random() / 2;
}
