// Opens a database for protection: continues its history as continuity.ts decides, and puts together what exists while it is
// open (capture, spool, the crew of shippers). The life around it, with its failures and its end, is protection.ts.
import path from 'node:path';
import { AppError, type AppErrorData } from '../../shared/errors.ts';
import type { GenerationBand, Moment, Problem } from '../../shared/model.ts';
import type { Generation } from '../../shared/position.ts';
import { Capture, type Place } from './capture.ts';
import { type Clock, monotonic } from './clock.ts';
import { CommitLog } from './commits.ts';
import type { MutableCounters, Tally } from './counters.ts';
import { Crew } from './crew.ts';
import {
  changedPages,
  type Continuation,
  decideContinuation,
  hashImage,
  imageAt,
  filePages,
  newGeneration,
  notesLost,
  readHeader,
  readRemains,
  type Remains,
  spoolComposed,
} from './continuity.ts';
import type { DiskGuard } from './disk-guard.ts';
import type { Reach } from './guard/target-guard.ts';
import type { Logger } from './log.ts';
import { forgetClean, forgetRest, noteBoot, readComposed, saveComposed, saveNotes, type TakenNotes } from './notes.ts';
import type { Trailer } from './replica/trailer.ts';
import { type Former, openFormers } from './formers.ts';
import { openImage } from './session-image.ts';
import type { Openings } from './openings.ts';
import type { Look, Ownership } from './ownership.ts';
import { lookFromOutside, noteCapturedFile } from './outside.ts';
import type { Readers } from './retain/readers.ts';
import { makeShipper } from './session-shippers.ts';
import { isBehind, type Shipment } from './ship/shipment.ts';
import type { SnapshotTurns } from './ship/snapshot-turns.ts';
import type { Connections } from './source/connections.ts';
import type { ImageSource } from './source/image.ts';
import type { PageHashes } from './source/page-hashes.ts';
import { checkBeforeOpening } from './source/inspect.ts';
import type { Watcher } from './source/watch.ts';
import { Spool } from './spool.ts';
import type { Catalogue } from './state/catalogue.ts';
import type { DatabaseRow, ReplicaRow, Store } from './state/store.ts';
import type { Target } from './targets/target.ts';

/** One replica with its open target. */
export interface ReplicaTarget {
  readonly row: ReplicaRow;
  readonly target: Target;
  readonly reach: Reach;
  /** Makes the place ready: folder and replica record. */
  readonly prepare: (
    facts: { readonly pageSize: number; readonly generation: Generation },
    signal: AbortSignal,
  ) => Promise<Look>;
  /** Sees to it that the place is still ours; called before something is put. */
  readonly hold: Ownership['hold'];
  /** Brings what the place's record says of named points up to date. */
  readonly tellNames: Ownership['tellNames'];
}

export interface ProtectionOptions {
  readonly row: DatabaseRow;
  /** Those that are enabled now; {@link Crew.adopt} tells an open session of others. */
  readonly replicas: () => readonly ReplicaRow[];
  readonly openReplica: (replica: ReplicaRow) => ReplicaTarget;
  /** This database's own folder below the data folder. */
  readonly folder: string;
  readonly catalogue: Catalogue;
  readonly store: Store;
  /** Who reads replicas; nothing is deleted under them. */
  readonly readers: Readers;
  readonly watcher: Watcher;
  readonly clock: Clock;
  /** Which start of the computer this is. */
  readonly boot: string;
  /** Which computer this is; undefined where it has no name. */
  readonly computer: string | undefined;
  readonly log: Logger;
  readonly by: Trailer['by'];
  /** A WAL that is longer goes on as the next index. */
  readonly rollBytes?: number | undefined;
  /** Shared by all databases of the process. */
  readonly turns: SnapshotTurns;
  readonly disk: DiskGuard;
  /** Openings of databases take turns. */
  readonly openings: Openings;
  readonly tally: Tally;
  readonly onChange: () => void;
  readonly onEvent: (event: ProtectionEvent) => void;
}

/** What is worth a line in the activity. */
export type ProtectionEvent =
  | { readonly kind: 'generation-started'; readonly reason: string; readonly isFirst: boolean }
  | { readonly kind: 'snapshot'; readonly replica: ReplicaRow; readonly bytes: number }
  | { readonly kind: 'gap'; readonly fromAt: number; readonly toAt: number; readonly pages: number }
  /** A target was away for longer than changes were kept for it; it goes on behind them. */
  | { readonly kind: 'hole'; readonly replica: ReplicaRow; readonly fromAt: number; readonly toAt: number }
  /** Something on a target is damaged or gone, and is not kept here any more. */
  | {
      readonly kind: 'damaged';
      readonly replica: ReplicaRow;
      /** What cannot be restored from there any more. */
      readonly losses: readonly { readonly fromAt: number; readonly toAt: number; readonly isElsewhere: boolean }[];
    }
  /** A target may be written, but lets nothing be deleted. */
  | { readonly kind: 'deletes-refused'; readonly replica: ReplicaRow }
  /** What a target had not got of a former generation cannot be shipped any more. */
  | { readonly kind: 'rest-lost'; readonly replica: ReplicaRow }
  /** A disk that was away is there again and has everything. */
  | { readonly kind: 'disk-back'; readonly replica: ReplicaRow }
  | { readonly kind: 'outside'; readonly what: AppErrorData }
  | { readonly kind: 'problem'; readonly problem: Problem; readonly replica: ReplicaRow | undefined }
  | { readonly kind: 'recovered'; readonly replica: ReplicaRow | undefined };

/** Everything that exists while a database is open. */
export interface Session {
  readonly generation: Generation;
  readonly connections: Connections;
  readonly capture: Capture;
  readonly spool: Spool;
  readonly commits: CommitLog;
  readonly crew: Crew;
  /** Generations before this one that some target may not have whole. */
  readonly formers: readonly Former[];
  readonly pageSize: number;
  savedIndex: number;
  /** From which index on the catalogue keeps state hashes within segments; undefined before that was looked after. */
  statesFrom: number | undefined;
  /** Notes are written one after the other. */
  saving: Promise<unknown>;
}

/** What a session tells its owner, and what it keeps there. */
export interface SessionOwner {
  /** The present generation, as the timeline shows it. */
  band: GenerationBand | undefined;
  /** The image that is being hashed. */
  hashing: { readonly doneBytes: number; readonly totalBytes: number } | undefined;
  /** New transactions are in the spool. */
  onCaptured(): void;
  onShipped(last: Moment): void;
  /** The session cannot go on. */
  onFailed(error: unknown): void;
  /** The history cannot be continued: the next opening begins a new generation, for this reason. */
  startOver(reason: string): void;
  /** The reason that {@link startOver} was given; kept until an opening heeded it. */
  startOverReason: string | undefined;
  /** What somebody did to the file, in words; undefined when nothing is known. The next opening says it of the gap. */
  outside: string | undefined;
  /** Somebody deleted the WAL that is open. */
  onWalLost(): void;
  /** A reader keeps the WAL from being emptied, or does not any more. */
  onHeld(isHeld: boolean): void;
  /** Something went wrong with a target. */
  onProblem(problem: Problem): void;
  readonly counters: MutableCounters;
}

/** What is known of a database before a connection to it is opened. */
export interface Prospect {
  readonly known: { readonly lastAt: number } | undefined;
  /** Undefined where nothing was captured yet, or what remains of it is not usable. */
  readonly remains: Remains | undefined;
  readonly isReplaced: boolean;
}

export class SessionOpener {
  readonly #options: ProtectionOptions;
  readonly #owner: SessionOwner;

  constructor(options: ProtectionOptions, owner: SessionOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** Looks at the file and at what an earlier run left, before SQLite opens anything. */
  async prepare(signal: AbortSignal): Promise<Prospect> {
    const { row, catalogue, log, onEvent } = this.#options;
    checkBeforeOpening(row.path);
    const known = catalogue.generations(row.id).at(-1);
    const remains =
      known &&
      (await readRemains(this.#spoolFolder(known.generation), {
        generation: known.generation,
        notBefore: known.lastAt,
        boot: this.#options.boot,
      }));
    if (remains === undefined) return { known, remains, isReplaced: false };
    try {
      const { isReplaced, removedWal } = await lookFromOutside(row.path, { remains, signal });
      if (removedWal !== undefined) log.warn({ wal: removedWal }, 'removed a WAL that belonged to a former file');
      // What was seen while it was open is told already.
      if (isReplaced && this.#owner.outside === undefined) {
        this.#owner.outside = replacedWords;
        onEvent({ kind: 'outside', what: new AppError('database-replaced', { path: row.path }).toData() });
      }
      return { known, remains, isReplaced };
    } catch (error) {
      remains.spool[Symbol.dispose]();
      throw error;
    }
  }

  /** Continues the history: the one decision of continuity.ts, carried out. */
  async open(connections: Connections, prospect: Prospect, signal: AbortSignal): Promise<Session> {
    const session = await this.#open(connections, prospect, signal);
    const { store, row, computer } = this.#options;
    if (computer !== undefined) store.setComputer(row.id, computer);
    this.#owner.startOverReason = undefined;
    this.#owner.outside = undefined;
    return session;
  }

  async #open(
    connections: Connections,
    { known, remains, isReplaced }: Prospect,
    signal: AbortSignal,
  ): Promise<Session> {
    const { row, clock } = this.#options;
    const header = readHeader(connections.fd);
    if (header === undefined) throw new AppError('database-not-sqlite', { path: row.path });
    const { pageSize } = header;
    const { startOverReason: startOver = this.#movedReason(), outside } = this.#owner;
    if (known === undefined) return await this.#begin(connections, { pageSize, reason: 'Protection began', signal });
    if (startOver !== undefined) return await this.#begin(connections, { pageSize, reason: startOver, signal });
    if (remains === undefined) {
      return await this.#begin(connections, { pageSize, reason: notesLost, signal });
    }
    const now = monotonic(clock, Math.max(known.lastAt, remains.lastAt));
    const decided = decideContinuation(connections, remains);
    // Another file may hold the same WAL and yet be older or newer.
    const choice = isReplaced ? comparing(decided) : decided;
    forgetClean(remains.spool.folder);
    switch (choice.kind) {
      case 'same-wal':
        return await this.#continue(connections, { remains, now, pageSize, hashes: choice.hashes, end: choice.end });
      case 'untouched':
        return await this.#continue(connections, { remains, now, pageSize, hashes: choice.hashes, end: undefined });
      case 'rehash':
        return await this.#rehash(connections, { remains, now, pageSize, end: choice.end, signal });
      case 'compare':
        return await this.#compare(connections, { remains, now, pageSize, before: choice.hashes, outside, signal });
      case 'new-generation':
        return await this.#begin(connections, { pageSize, reason: choice.reason, signal });
    }
  }

  /** Another computer may go on with the history that was captured there: both at once must not. */
  #movedReason(): string | undefined {
    const { store, row, computer } = this.#options;
    const before = store.computerOf(row.id);
    const isOther = before !== undefined && computer !== undefined && before !== computer;
    return isOther ? 'Tidemark’s data was moved or copied here from another computer' : undefined;
  }

  async #continue(
    connections: Connections,
    { remains, now, pageSize, hashes, end }: Continuing & { readonly hashes: PageHashes; readonly end: Remains['end'] },
  ): Promise<Session> {
    const { generation, spool, commits } = remains;
    const capture = this.#capture({ connections, spool, commits, now, hashes, end });
    await using opening = closing(capture, spool);
    const place = capture.end;
    const baseline = { place, at: now(), state: hashes.state, pages: hashes.pages };
    await capture.catchUp(() => {});
    const session = await this.#assemble({ generation, connections, capture, spool, commits, pageSize, now, baseline });
    opening.move();
    return session;
  }

  /** Nothing was missed, but the page hashes are lost: builds them from an image, and goes on from there. */
  async #rehash(
    connections: Connections,
    {
      remains,
      now,
      pageSize,
      end,
      signal,
    }: Continuing & { readonly end: NonNullable<Remains['end']>; readonly signal: AbortSignal },
  ): Promise<Session> {
    const { generation, spool, commits } = remains;
    const { catalogue, row, log } = this.#options;
    log.info({ generation }, 'building the page hashes again');
    using _pin = connections.pinForImage();
    const capture = this.#capture({ connections, spool, commits, now, hashes: undefined, end });
    await using opening = closing(capture, spool);
    const { at, time, image } = await this.#startFromImage(connections, { capture, spool, pageSize });
    const hashes = await this.#hashImage(image, { capture, signal });
    const { state, pages } = hashes;
    // What came before cannot be told apart any more: one point for all of it, and a gap where no target had it yet.
    const isShipped = catalogue
      .shipped(row.id)
      .some(({ generation: of, last }) => of === generation && !isBehind(last, at));
    if (!isShipped) {
      const fromAt = catalogue.generations(row.id).at(-1)?.lastAt ?? remains.lastAt;
      const text = 'What was noted of the changes in between was lost: they lie in one restore point';
      catalogue.addGap(row.id, { fromAt, toAt: time, text });
    }
    commits.add({ ...at, at: time, state, pages, written: 0, transactions: 1 });
    const baseline = { place: at, at: time, state, pages };
    await capture.adoptHashes(hashes);
    const session = await this.#assemble({ generation, connections, capture, spool, commits, pageSize, now, baseline });
    opening.move();
    return session;
  }

  /** Something may have changed unseen: finds the pages that did, and composes an index of them. */
  async #compare(
    connections: Connections,
    {
      remains,
      now,
      pageSize,
      before,
      outside,
      signal,
    }: Continuing & {
      readonly before: PageHashes;
      readonly outside: string | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<Session> {
    const { generation, spool, commits, lastAt } = remains;
    using _pin = connections.pinForImage();
    const index = spool.reserve();
    const capture = this.#capture({ connections, spool, commits, now, hashes: undefined, end: undefined });
    await using opening = closing(capture, spool);
    const { at, time, image } = await this.#startFromImage(connections, { capture, spool, pageSize });
    const hashes = await this.#hashImage(image, { capture, signal });
    const changed = await changedPages(before, hashes);
    const { state, pages } = hashes;
    if (changed.length > pages / 2 && changed.length > 100) {
      await opening.disposeAsync();
      const reason = outside ?? 'Most of the database was changed while Tidemark was not watching';
      return await this.#begin(connections, { pageSize, reason, signal });
    }
    await spoolComposed(image, {
      spool,
      index,
      // Without a difference an index is still composed where one was left free, so that indices stay without holes.
      changed: changed.length > 0 ? changed : [1],
      signal,
      // Noted before it has its name: replayed over the former hashes, what the image overlaps would tell states that never were.
      onWhole: async (end) => {
        commits.add({ ...end, at: time, state, pages, written: changed.length, transactions: 1 });
        await spool.sync();
        await saveNotes(spool.folder, generation, takeNotes({ hashes, commits, spool, at }));
        await saveComposed(spool.folder, [...remains.composed, { index, from: lastAt, to: time }]);
      },
    });
    await capture.adoptHashes(hashes);
    this.#owner.counters.composedIndices++;
    if (changed.length > 0) {
      const gap = { fromAt: lastAt, toAt: time, pages: changed.length };
      this.#options.catalogue.addGap(this.#options.row.id, {
        ...gap,
        text: `${outside ?? 'Not watched'}: changes in between were not seen one by one`,
      });
      this.#options.onEvent({ kind: 'gap', ...gap });
    }
    const baseline = { place: at, at: time, state, pages };
    const session = await this.#assemble({
      generation,
      connections,
      capture,
      spool,
      commits,
      pageSize,
      now,
      baseline,
    });
    opening.move();
    return session;
  }

  /** A new generation, from an image of what the database is now. */
  async #begin(
    connections: Connections,
    { pageSize, reason, signal }: { readonly pageSize: number; readonly reason: string; readonly signal: AbortSignal },
  ): Promise<Session> {
    const { row, catalogue, clock, onEvent, log } = this.#options;
    const known = catalogue.generations(row.id);
    const now = monotonic(clock, known.at(-1)?.lastAt);
    const generation = newGeneration();
    const spool = Spool.create(this.#spoolFolder(generation), 0);
    noteBoot(spool.folder, this.#options.boot);
    const commits = new CommitLog();
    using _pin = connections.pinForImage();
    const capture = this.#capture({ connections, spool, commits, now, hashes: undefined, end: undefined });
    await using opening = closing(capture, spool);
    const { at, time, image } = await this.#startFromImage(connections, { capture, spool, pageSize });
    const hashes = await this.#hashImage(image, { capture, signal });
    const baseline = { place: at, at: time, state: hashes.state, pages: hashes.pages };
    await capture.adoptHashes(hashes);
    catalogue.addGeneration(row.id, { generation, startedAt: time, reason });
    this.#owner.band = { generation, fromAt: time, toAt: time, reason, isCurrent: true };
    this.#owner.counters.generations++;
    log.info({ generation, reason }, 'generation started');
    onEvent({ kind: 'generation-started', reason, isFirst: known.length === 0 });
    const session = await this.#assemble({ generation, connections, capture, spool, commits, pageSize, now, baseline });
    opening.move();
    return session;
  }

  /** Captures from an image on that holds everything up to `at`; a pin is held. */
  async #startFromImage(
    connections: Connections,
    { capture, spool, pageSize }: Pick<Session, 'capture' | 'spool' | 'pageSize'>,
  ): Promise<{ readonly at: Place; readonly time: number; readonly image: ImageSource }> {
    const { at, time, pages: seen } = await capture.startFromImage();
    const pages = seen > 0 ? seen : filePages(connections, pageSize);
    return { at, time, image: await imageAt(connections, { spool, at, pages, pageSize }) };
  }

  async #assemble(
    facts: Omit<Session, 'crew' | 'formers' | 'savedIndex' | 'statesFrom' | 'saving'> &
      Pick<Shipment, 'baseline'> &
      Pick<Continuing, 'now'>,
  ): Promise<Session> {
    const { generation, connections, capture, spool, commits, pageSize, baseline } = facts;
    const shipment: Shipment = {
      generation,
      spool,
      commits,
      pageSize,
      end: () => capture.end,
      pages: () => capture.pages || baseline.pages,
      baseline,
      composed: readComposed(spool.folder),
      openImage: async () => await openImage(facts),
      by: this.#options.by,
    };
    const [options, owner] = [this.#options, this.#owner];
    const replicas = options.replicas();
    const formers = await openFormers({
      folder: path.join(options.folder, 'spool'),
      present: generation,
      targets: replicas.map(({ targetId }) => targetId),
      lastAtOf: (former) =>
        options.catalogue.generations(options.row.id).find((one) => one.generation === former)?.lastAt ?? 0,
      boot: options.boot,
      by: options.by,
    });
    const crew = new Crew({
      replicas,
      formers,
      makeShipper: (replica, rest) =>
        makeShipper(options.openReplica(replica), { shipment, formers: rest, options, owner }),
    });
    const session: Session = {
      generation,
      connections,
      capture,
      spool,
      commits,
      crew,
      formers,
      pageSize,
      savedIndex: spool.index,
      statesFrom: undefined,
      saving: Promise.resolve(),
    };
    noteFile(session);
    forgetRest(spool.folder);
    await saveSession(session);
    // Not before: what the notes do not stand on is of another start as long as this one is not written down.
    noteBoot(spool.folder, options.boot);
    return session;
  }

  #capture(
    options: Pick<Remains, 'spool' | 'commits' | 'end'> & {
      readonly connections: Connections;
      readonly now: () => number;
      readonly hashes: PageHashes | undefined;
    },
  ): Capture {
    const capture: Capture = new Capture({
      ...options,
      onRest: () => noteFile({ capture, spool: options.spool }),
      onWalLost: () => this.#owner.onWalLost(),
      onHeld: (isHeld) => this.#owner.onHeld(isHeld),
      counters: this.#owner.counters,
      rollBytes: this.#options.rollBytes,
      watcher: this.#options.watcher,
      onCaptured: () => this.#owner.onCaptured(),
      onFailed: (error) => this.#owner.onFailed(error),
    });
    return capture;
  }

  /** Page hashes of an image, while capturing goes on. */
  async #hashImage(
    image: ImageSource,
    { capture, signal }: { readonly capture: Capture; readonly signal: AbortSignal },
  ): Promise<PageHashes> {
    const { onChange } = this.#options;
    const totalBytes = image.pages * image.pageSize;
    capture.startWatching();
    this.#owner.hashing = { doneBytes: 0, totalBytes };
    try {
      const hashes = await hashImage(image, {
        signal,
        onProgress: (bytes) => {
          this.#owner.hashing = { doneBytes: (this.#owner.hashing?.doneBytes ?? 0) + bytes, totalBytes };
          onChange();
        },
      });
      // A file that is being copied over meanwhile must not become a history.
      if (readHeader(image.fd)?.pageSize === image.pageSize) return hashes;
      throw new AppError('database-overwritten', { path: this.#options.row.path });
    } finally {
      this.#owner.hashing = undefined;
    }
  }

  #spoolFolder(generation: Generation): string {
    return path.join(this.#options.folder, 'spool', generation);
  }
}

/** Writes down the page hashes at the captured end, as it is between two transactions. */
export async function saveSession(session: Session): Promise<void> {
  const turn = session.saving.then(async () => {
    const { capture, spool, commits, generation } = session;
    const taken = await capture.catchUp((at) => {
      const { hashes } = capture;
      return hashes && takeNotes({ hashes, commits, spool, at });
    });
    if (taken === undefined) return;
    // What they stand on first: after a power cut there is no telling what reached the disk.
    await spool.sync();
    await saveNotes(spool.folder, generation, taken);
    session.savedIndex = taken.at.index;
  });
  // @NOTE The next one is tried whether or not this one fails; the failure reaches this one's caller.
  session.saving = turn.catch(() => {});
  await turn;
}

function takeNotes({
  hashes,
  commits,
  spool,
  at,
}: Pick<Session, 'commits' | 'spool'> & { readonly hashes: PageHashes; readonly at: Place }): TakenNotes {
  return { hashes: hashes.copy(), commits: commits.encode(), at, mark: spool.markAt(at) ?? 0n };
}

/** Closes what a session is made of, should making it fail. */
function closing(capture: Capture, spool: Spool): AsyncDisposableStack {
  const stack = new AsyncDisposableStack();
  stack.use(spool);
  stack.use(capture);
  return stack;
}

/** Why the content of a file is not what was captured, when another one lies under its path. */
export const replacedWords = 'The database was replaced by another file';

/** Where a history was to go on at once, its pages are compared first. */
function comparing(decided: Continuation): Continuation {
  if (decided.kind === 'new-generation') return decided;
  if (decided.kind === 'rehash') return { kind: 'new-generation', reason: replacedWords };
  return { kind: 'compare', hashes: decided.hashes };
}

function noteFile({ capture, spool }: Pick<Session, 'capture' | 'spool'>): void {
  const { identity, wal, atRest } = capture.guard;
  noteCapturedFile(spool.folder, { ...identity, wal, atRest: atRest && { ...atRest, ...capture.end } });
}

interface Continuing {
  readonly remains: Remains;
  readonly now: () => number;
  readonly pageSize: number;
}
