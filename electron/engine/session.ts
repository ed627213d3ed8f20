// Opens a database for protection: continues its history as continuity.ts decides, and puts together what exists while it is
// open (capture, spool, one shipper per target). The life around it, with its failures and its end, is protection.ts.
import fs from 'node:fs';
import path from 'node:path';
import { AppError } from '../../shared/errors.ts';
import type { GenerationBand, Moment, Problem } from '../../shared/model.ts';
import type { Generation } from '../../shared/position.ts';
import { Capture, type Place } from './capture.ts';
import { type Clock, monotonic } from './clock.ts';
import { CommitLog } from './commits.ts';
import {
  changedPages,
  decideContinuation,
  forgetClean,
  hashImage,
  imageAt,
  imagePages,
  newGeneration,
  readHeader,
  readRemains,
  type Remains,
  saveHashes,
  spoolComposed,
} from './continuity.ts';
import type { Logger } from './log.ts';
import { hashPage, lockPage } from './replica/state-hash.ts';
import type { Trailer } from './replica/trailer.ts';
import { type Shipment, Shipper, type SnapshotImage } from './shipper.ts';
import type { Connections } from './source/connections.ts';
import { readImage } from './source/image.ts';
import type { PageHashes } from './source/page-hashes.ts';
import type { Watcher } from './source/watch.ts';
import { Spool } from './spool.ts';
import type { Catalogue } from './state/catalogue.ts';
import type { DatabaseRow, ReplicaRow } from './state/store.ts';
import type { Target } from './targets/target.ts';

/** One replica with its open target. */
export interface ReplicaTarget {
  readonly row: ReplicaRow;
  readonly target: Target;
  /** Makes the place ready: folder and replica record. */
  readonly prepare: (facts: { readonly pageSize: number }, signal: AbortSignal) => Promise<void>;
}

export interface ProtectionOptions {
  readonly row: DatabaseRow;
  readonly replicas: readonly ReplicaTarget[];
  /** This database's own folder below the data folder. */
  readonly folder: string;
  readonly catalogue: Catalogue;
  readonly watcher: Watcher;
  readonly clock: Clock;
  readonly log: Logger;
  readonly by: Trailer['by'];
  readonly onChange: () => void;
  readonly onEvent: (event: ProtectionEvent) => void;
}

/** What is worth a line in the activity. */
export type ProtectionEvent =
  | { readonly kind: 'generation-started'; readonly reason: string; readonly isFirst: boolean }
  | { readonly kind: 'snapshot'; readonly replica: ReplicaRow; readonly bytes: number }
  | { readonly kind: 'gap'; readonly fromAt: number; readonly toAt: number; readonly pages: number }
  | { readonly kind: 'problem'; readonly problem: Problem; readonly replica: ReplicaRow | undefined }
  | { readonly kind: 'recovered'; readonly replica: ReplicaRow | undefined };

/** Everything that exists while a database is open. */
export interface Session {
  readonly generation: Generation;
  readonly connections: Connections;
  readonly capture: Capture;
  readonly spool: Spool;
  readonly commits: CommitLog;
  readonly shippers: readonly Shipper[];
  readonly pageSize: number;
  savedIndex: number;
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
  /** The reason that {@link startOver} was given since the last opening. */
  takeStartOver(): string | undefined;
}

export class SessionOpener {
  readonly #options: ProtectionOptions;
  readonly #owner: SessionOwner;

  constructor(options: ProtectionOptions, owner: SessionOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** Continues the history: the one decision of continuity.ts, carried out. */
  async open(connections: Connections, signal: AbortSignal): Promise<Session> {
    const { row, catalogue, clock } = this.#options;
    const header = readHeader(connections.fd);
    if (header === undefined) throw new AppError('database-not-sqlite', { path: row.path });
    const { pageSize } = header;
    const known = catalogue.generations(row.id).at(-1);
    const startOver = this.#owner.takeStartOver();
    if (known === undefined) return await this.#begin(connections, { pageSize, reason: 'Protection began', signal });
    if (startOver !== undefined) return await this.#begin(connections, { pageSize, reason: startOver, signal });
    const remains = await readRemains(this.#spoolFolder(known.generation), known.generation);
    if (remains === undefined) {
      const reason = 'What Tidemark had noted about the database was lost or damaged';
      return await this.#begin(connections, { pageSize, reason, signal });
    }
    const now = monotonic(clock, Math.max(known.lastAt, remains.lastAt));
    const choice = decideContinuation(connections, remains);
    forgetClean(remains.spool.folder);
    switch (choice.kind) {
      case 'same-wal':
      case 'untouched':
        return await this.#continue(connections, {
          remains,
          now,
          pageSize,
          end: choice.kind === 'same-wal' ? choice.end : undefined,
        });
      case 'compare':
        return await this.#compare(connections, { remains, now, pageSize, signal });
      case 'new-generation':
        return await this.#begin(connections, { pageSize, reason: choice.reason, signal });
    }
  }

  async #continue(
    connections: Connections,
    { remains, now, pageSize, end }: Continuing & { readonly end: Remains['end'] },
  ): Promise<Session> {
    const { generation, spool, commits, hashes } = remains;
    const capture = this.#capture({ connections, spool, commits, now, hashes, end });
    const place = capture.end;
    const baseline = { place, at: now(), state: hashes.state, pages: hashes.pages };
    await capture.catchUp(() => {});
    return await this.#assemble({ generation, connections, capture, spool, commits, pageSize, baseline });
  }

  /** Something may have changed unseen: finds the pages that did, and composes an index of them. */
  async #compare(
    connections: Connections,
    { remains, now, pageSize, signal }: Continuing & { readonly signal: AbortSignal },
  ): Promise<Session> {
    const { generation, spool, commits } = remains;
    using _pin = connections.pinForImage();
    const index = spool.reserve();
    const capture = this.#capture({ connections, spool, commits, now, hashes: undefined, end: undefined });
    const at = await capture.startFromImage();
    const pages = imagePages(connections, capture, pageSize);
    const image = imageAt(connections, { spool, at, pages, pageSize });
    const hashes = await this.#hashImage(image, { capture, signal });
    const changed = changedPages(remains.hashes, hashes);
    const state = hashes.state;
    const toAt = now();
    if (changed.length > hashes.pages / 2 && changed.length > 100) {
      await capture[Symbol.asyncDispose]();
      spool[Symbol.dispose]();
      const reason = 'Most of the database was changed while Tidemark was not watching';
      return await this.#begin(connections, { pageSize, reason, signal });
    }
    // Without a difference an index is still composed where one was left free, so that indices stay without holes.
    const end = await spoolComposed({
      connections,
      spool,
      at,
      pages,
      pageSize,
      index,
      changed: changed.length > 0 ? changed : [1],
    });
    commits.add({ ...end, at: toAt, state, pages: hashes.pages, written: changed.length, transactions: 1 });
    capture.adoptHashes(hashes);
    if (changed.length > 0) {
      const gap = { fromAt: remains.lastAt, toAt, pages: changed.length };
      this.#options.catalogue.addGap(this.#options.row.id, {
        ...gap,
        text: 'Not watched: changes in between were not seen one by one',
      });
      this.#options.onEvent({ kind: 'gap', ...gap });
    }
    const baseline = { place: at, at: toAt, state, pages: hashes.pages };
    const composed = { index, from: remains.lastAt, to: toAt };
    return await this.#assemble({ generation, connections, capture, spool, commits, pageSize, baseline, composed });
  }

  /** A new generation, from an image of what the database is now. */
  async #begin(
    connections: Connections,
    { pageSize, reason, signal }: { readonly pageSize: number; readonly reason: string; readonly signal: AbortSignal },
  ): Promise<Session> {
    const { row, catalogue, clock, onEvent, folder, log } = this.#options;
    const known = catalogue.generations(row.id);
    const now = monotonic(clock, known.at(-1)?.lastAt);
    const generation = newGeneration();
    fs.rmSync(path.join(folder, 'spool'), { recursive: true, force: true });
    const spool = Spool.create(this.#spoolFolder(generation), 0);
    const commits = new CommitLog();
    using _pin = connections.pinForImage();
    const capture = this.#capture({ connections, spool, commits, now, hashes: undefined, end: undefined });
    const at = await capture.startFromImage();
    const startedAt = now();
    const pages = imagePages(connections, capture, pageSize);
    const image = imageAt(connections, { spool, at, pages, pageSize });
    const hashes = await this.#hashImage(image, { capture, signal });
    const baseline = { place: at, at: startedAt, state: hashes.state, pages: hashes.pages };
    capture.adoptHashes(hashes);
    catalogue.addGeneration(row.id, { generation, startedAt, reason });
    this.#owner.band = { generation, fromAt: startedAt, toAt: startedAt, reason, isCurrent: true };
    log.info({ generation, reason }, 'generation started');
    onEvent({ kind: 'generation-started', reason, isFirst: known.length === 0 });
    return await this.#assemble({ generation, connections, capture, spool, commits, pageSize, baseline });
  }

  async #assemble(
    facts: Omit<Session, 'shippers' | 'savedIndex'> & Pick<Shipment, 'baseline'> & Partial<Pick<Shipment, 'composed'>>,
  ): Promise<Session> {
    const { generation, connections, capture, spool, commits, pageSize, baseline, composed } = facts;
    const shipment: Shipment = {
      generation,
      spool,
      commits,
      pageSize,
      end: () => capture.end,
      baseline,
      composed,
      openImage: async () => await this.#openImage(facts),
      by: this.#options.by,
    };
    const shippers = this.#options.replicas.map((replica) => this.#shipper(replica, shipment));
    const session = { generation, connections, capture, spool, commits, shippers, pageSize, savedIndex: spool.index };
    await capture.catchUp(() => saveSession(session));
    return session;
  }

  #shipper({ row, target, prepare }: ReplicaTarget, shipment: Shipment): Shipper {
    const { catalogue, clock, onEvent, onChange } = this.#options;
    const databaseId = this.#options.row.id;
    const { generation, pageSize } = shipment;
    const { targetId, syncIntervalMs, snapshotIntervalMs } = row;
    return new Shipper({
      targetId,
      target,
      shipment,
      syncIntervalMs,
      snapshotIntervalMs,
      clock,
      prepare: async (signal) => await prepare({ pageSize }, signal),
      onShipped: (last, commits) => {
        catalogue.addRun(databaseId, { generation, pageSize, commits });
        catalogue.setShipped(databaseId, { targetId, generation, last: { ...last.position, at: last.at } });
        this.#owner.onShipped(last);
      },
      known: knownOf(catalogue, { databaseId, targetId, generation }),
      onSnapshot: ({ at, time, pages, beginsPart, isFound }) => {
        const snapshot = { targetId, generation, index: at.index, offset: at.offset, at: time, pages, pageSize };
        catalogue.addSnapshot(databaseId, snapshot, { beginsPart });
        if (!isFound) onEvent({ kind: 'snapshot', replica: row, bytes: pages * pageSize });
        onChange();
      },
      onProblem: (problem) => {
        onEvent(
          problem === undefined ? { kind: 'recovered', replica: row } : { kind: 'problem', problem, replica: row },
        );
        onChange();
      },
      onProgress: onChange,
      onAhead: () => this.#owner.startOver('What was captured last was lost on this computer'),
    });
  }

  #capture(
    options: Pick<Remains, 'spool' | 'commits' | 'end'> & {
      readonly connections: Connections;
      readonly now: () => number;
      readonly hashes: PageHashes | undefined;
    },
  ): Capture {
    return new Capture({
      ...options,
      onCaptured: () => this.#owner.onCaptured(),
      onFailed: (error) => this.#owner.onFailed(error),
    });
  }

  /** An image at the present end, under a pin of its own. */
  async #openImage(facts: Pick<Session, 'connections' | 'capture' | 'spool' | 'pageSize'>): Promise<SnapshotImage> {
    const { connections, capture, spool, pageSize } = facts;
    const pin = connections.pinForImage();
    try {
      const reached = await capture.catchUp((at) => ({
        at,
        state: capture.hashes?.state ?? 0n,
        pages: capture.hashes?.pages ?? 0,
      }));
      const image = imageAt(connections, { spool, pageSize, ...reached });
      return {
        ...reached,
        time: Math.max(this.#options.clock.now(), this.#owner.band?.toAt ?? 0),
        read: ({ signal, onProgress }) => readChecked(image, { state: reached.state, signal, onProgress }),
        [Symbol.dispose]: () => pin[Symbol.dispose](),
      };
    } catch (error) {
      pin[Symbol.dispose]();
      throw error;
    }
  }

  /** Page hashes of an image, while capturing goes on. */
  async #hashImage(
    image: ReturnType<typeof imageAt>,
    { capture, signal }: { readonly capture: Capture; readonly signal: AbortSignal },
  ): Promise<PageHashes> {
    const { watcher, row, onChange } = this.#options;
    const totalBytes = image.pages * image.pageSize;
    using _watch = watcher.watch(row.path, () => capture.wake());
    this.#owner.hashing = { doneBytes: 0, totalBytes };
    try {
      return await hashImage(image, {
        signal,
        onProgress: (bytes) => {
          this.#owner.hashing = { doneBytes: (this.#owner.hashing?.doneBytes ?? 0) + bytes, totalBytes };
          onChange();
        },
      });
    } finally {
      this.#owner.hashing = undefined;
    }
  }

  #spoolFolder(generation: Generation): string {
    return path.join(this.#options.folder, 'spool', generation);
  }
}

/** Writes down the page hashes at the captured end, between two transactions. */
export function saveSession(session: Session): void {
  const { hashes, end } = session.capture;
  if (hashes === undefined) return;
  saveHashes(session.spool.folder, { hashes, commits: session.commits, at: end });
  session.savedIndex = end.index;
}

interface Continuing {
  readonly remains: Remains;
  readonly now: () => number;
  readonly pageSize: number;
}

async function* readChecked(
  image: ReturnType<typeof imageAt>,
  {
    state,
    signal,
    onProgress,
  }: { readonly state: bigint; readonly signal: AbortSignal; readonly onProgress: (bytes: number) => void },
): AsyncGenerator<Uint8Array> {
  let seen = 0n;
  const skip = lockPage(image.pageSize);
  for await (const { firstPage, bytes } of readImage(image, { signal })) {
    for (let at = 0, page = firstPage; at < bytes.length; at += image.pageSize, page++) {
      if (page !== skip) seen ^= hashPage(page, bytes.subarray(at, at + image.pageSize));
    }
    onProgress(bytes.length);
    yield bytes;
  }
  if (seen !== state) throw new Error('the image of the database is not what was captured');
}

/** What the catalogue says of a generation on a target. */
function knownOf(
  catalogue: Catalogue,
  {
    databaseId,
    targetId,
    generation,
  }: {
    readonly databaseId: DatabaseRow['id'];
    readonly targetId: ReplicaRow['targetId'];
    readonly generation: Generation;
  },
): { readonly snapshots: ReadonlySet<number>; readonly last: Place | undefined } {
  const isHere = (row: { readonly targetId: string; readonly generation: string }) =>
    row.targetId === targetId && row.generation === generation;
  return {
    snapshots: new Set(
      catalogue
        .snapshots(databaseId)
        .filter(isHere)
        .map(({ index }) => index),
    ),
    last: catalogue
      .shipped(databaseId)
      .filter(isHere)
      .map(({ last }) => last)
      .sort((a, b) => b.index - a.index || b.offset - a.offset)[0],
  };
}
