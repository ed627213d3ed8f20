// Puts a session together from its parts: the capture that fills its spool, what ships of it, the crew that ships it, and what
// former generations still have to ship. Who opens it chose before how its history goes on.
import path from 'node:path';
import type { Generation } from '../../../shared/position.ts';
import { Capture } from '../capture/capture.ts';
import type { Remains } from './continuity.ts';
import { Crew } from './crew.ts';
import { openFormers } from './formers.ts';
import { correctedWords, labels } from './labels.ts';
import { forgetRest, noteBoot, readComposed } from '../spool/notes.ts';
import { openImage } from './read-image.ts';
import { noteFile, saveSession } from './take-notes.ts';
import { makeShipper } from './shippers.ts';
import type { ProtectionOptions, Session, SessionContext, Start } from './session.ts';
import type { Shipment } from '../ship/shipment.ts';
import { Connections } from '../source/connections.ts';
import type { ReplicaRow } from '../state/rows.ts';
import type { PageHashes } from '../source/page-hashes.ts';

const longestBatchMs = 50;
const batchesPerSync = 20;
/** Where nothing is shipped sooner, what was committed may be left unread for so long: the pins keep it. */
const unreadMs = 1000;

/** Where the spool of a generation lies. */
export function spoolFolder(options: ProtectionOptions, generation: Generation): string {
  return path.join(spoolsFolder(options), generation);
}

/** The times that transactions of a session are labelled with, none before `lastAt`. */
export function labelsOf({ options, owner }: SessionContext, lastAt: number): () => number {
  const { clock, confirmed } = options;
  // Whoever asks for a label is in the middle of something.
  const onCorrected = (): void => void setImmediate(() => owner.startOver(correctedWords));
  return labels({ clock, confirmed, startAt: lastAt, onCorrected });
}

/** The capture of a session; it captures nothing before it is told to. */
export function makeCapture(
  { options, owner }: SessionContext,
  parts: Pick<Remains, 'spool' | 'commits' | 'end'> & {
    readonly start: Start;
    readonly now: () => number;
    readonly hashes: PageHashes | undefined;
  },
): Capture {
  const capture: Capture = new Capture({
    ...parts,
    path: options.row.path,
    connect: async (hold) => await Connections.open(options.row.path, hold),
    visits: owner.visits,
    batchMs: () => batchOf(options.replicas()),
    unreadMs: () => (options.replicas().some(({ syncIntervalMs }) => syncIntervalMs < unreadMs) ? 0 : unreadMs),
    onCommitted: () => owner.onCommitted(),
    onLeft: () => noteFile({ capture, spool: parts.spool }),
    onWalLost: (isLost) => owner.onWalLost(isLost),
    onHeld: (isHeld) => owner.onHeld(isHeld),
    onUncopied: (error) => owner.onUncopied(error),
    onExclusive: (isExclusive) => owner.onExclusive(isExclusive),
    onBlind: (isBlind) => owner.onBlind(isBlind),
    onUnseen: (unseen) => owner.onUnseen(unseen),
    counters: owner.counters,
    rollBytes: options.rollBytes,
    watcher: options.watcher,
    onCaptured: () => owner.onCaptured(),
    onFailed: (error) => owner.onFailed(error),
  });
  return capture;
}

/**
 * How far apart commits may be read: a small part of the time that they wait to be shipped together anyway. It is the resolution
 * of their times.
 */
function batchOf(replicas: readonly ReplicaRow[]): number {
  const shortest = Math.min(...replicas.map(({ syncIntervalMs }) => syncIntervalMs), longestBatchMs * batchesPerSync);
  return Math.floor(shortest / batchesPerSync);
}

/** The session of a capture that stands where its history goes on, with a first note of where that is. */
export async function assembleSession(
  { options, owner }: SessionContext,
  facts: Pick<Session, 'generation' | 'capture' | 'spool' | 'commits' | 'pageSize' | 'isNew'> &
    Pick<Shipment, 'baseline'>,
): Promise<Session> {
  const { generation, capture, spool, commits, pageSize, baseline } = facts;
  const composed = [...readComposed(spool.folder)];
  const shipment: Shipment = {
    generation,
    spool,
    commits,
    toldIn: (stretch, besides) =>
      options.catalogue.trim.pointsIn({ databaseId: options.row.id, generation }, stretch, besides),
    pageSize,
    end: () => capture.end,
    catchUp: async () => await capture.catchUpUnread(),
    pages: () => capture.pages || baseline.pages,
    baseline,
    composed,
    openImage: async () => await openImage(facts),
    by: options.by,
    confirmed: () => options.confirmed.look(),
  };
  const replicas = options.replicas();
  const formers = await openFormers({
    folder: spoolsFolder(options),
    present: generation,
    targets: replicas.map(({ targetId }) => targetId),
    lastAtOf: (former) =>
      options.catalogue.generations(options.row.id).find((one) => one.generation === former)?.lastAt ?? 0,
    timesIn: (of, index) => options.catalogue.timesIn({ databaseId: options.row.id, generation: of }, index),
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
    capture,
    spool,
    commits,
    crew,
    formers,
    composed,
    pageSize,
    isNew: facts.isNew,
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

function spoolsFolder({ folder }: ProtectionOptions): string {
  return path.join(folder, 'spool');
}
