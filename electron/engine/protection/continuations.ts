// The ways in which a history goes on when its database is opened: behind what was captured, with page hashes that are built
// again, with an index of what changed unseen, or as a new generation. Which one it is, opening.ts chose. Each
// answers the open session, and closes what it opened where it fails.
import fs from 'node:fs';
import { AppError } from '../../../shared/errors.ts';
import { formatInstantUtc } from '../../../shared/format.ts';
import type { DatabaseId } from '../../../shared/ids.ts';
import type { Place } from '../../../shared/position.ts';
import type { Capture } from '../capture/capture.ts';
import { CommitLog } from '../spool/commits.ts';
import { changedPages, composeUnseen, isMost, mostWords } from './changes.ts';
import { filePages, newGeneration, readHeader, type Remains } from './continuity.ts';
import { wasAhead } from './labels.ts';
import { noteBoot, saveNotes } from '../spool/notes.ts';
import { assembleSession, labelsOf, makeCapture, spoolFolder } from './assembly.ts';
import { hashImage, layersAt, mustBeIntact } from './read-image.ts';
import { takeNotes } from './take-notes.ts';
import { meetDatabase } from './start.ts';
import type { Outside, Session, SessionContext, Start } from './session.ts';
import { isBehind, type Shipment } from '../ship/shipment.ts';
import type { ImageSource } from '../source/image.ts';
import type { LiveImage } from '../source/live-image.ts';
import type { PageHashes } from '../source/page-hashes.ts';
import { Spool } from '../spool/spool.ts';
import type { Catalogue } from '../state/catalogue.ts';

interface Continuing {
  readonly start: Start;
  readonly remains: Remains;
  readonly now: () => number;
  readonly pageSize: number;
}

/** Nothing was missed: goes on behind what was captured, or, where `end` is undefined, with the next index. */
export async function continueHistory(
  context: SessionContext,
  {
    start,
    remains,
    now,
    pageSize,
    hashes,
    end,
  }: Continuing & { readonly hashes: PageHashes; readonly end: Remains['end'] },
): Promise<Session> {
  return await goOn(context, { ...remains, start, now, pageSize, hashes, end }, async (capture) => {
    const baseline = { place: capture.end, at: now(), state: hashes.state, pages: hashes.pages };
    await capture.catchUp(() => {});
    return baseline;
  });
}

/** Nothing was missed, but the page hashes are lost: builds them from an image, and goes on from there. */
export async function rehashHistory(
  context: SessionContext,
  {
    start,
    remains,
    now,
    pageSize,
    end,
    signal,
  }: Continuing & { readonly end: NonNullable<Remains['end']>; readonly signal: AbortSignal },
): Promise<Session> {
  const { generation, spool, commits } = remains;
  const { catalogue, row, log } = context.options;
  log.info({ generation }, 'building the page hashes again');
  return await goOn(context, { ...remains, start, now, pageSize, hashes: undefined, end }, async (capture) => {
    const { image, ...started } = await startFromImage(context, { capture, spool, pageSize, signal });
    image[Symbol.dispose]();
    const { at, time, hashes, baseline } = started;
    // What came before cannot be told apart any more: one point for all of it, and a gap where no target had it yet.
    const isShipped = catalogue
      .shipped(row.id)
      .some(({ generation: of, last }) => of === generation && !isBehind(last, at));
    if (!isShipped) {
      const fromAt = catalogue.generations(row.id).at(-1)?.lastAt ?? remains.lastAt;
      const text = 'What was noted of the changes in between was lost: they lie in one restore point';
      catalogue.addGap(row.id, { fromAt, toAt: time, text });
    }
    commits.add({ ...at, at: time, state: baseline.state, pages: baseline.pages, written: 0, transactions: 1 });
    await capture.adoptHashes(hashes);
    return baseline;
  });
}

/**
 * Something may have changed unseen: finds the pages that did, and composes an index of them. Where most did, a new
 * generation begins.
 */
export async function compareHistory(
  context: SessionContext,
  {
    start,
    remains,
    now,
    pageSize,
    before,
    outside,
    signal,
  }: Continuing & {
    readonly before: PageHashes;
    readonly outside: Outside | undefined;
    readonly signal: AbortSignal;
  },
): Promise<Session> {
  const { options, owner } = context;
  const { spool, lastAt } = remains;
  const index = spool.reserve();
  const parts = { ...remains, start, now, pageSize, hashes: undefined, end: undefined };
  return await goOn(context, parts, async (capture) => {
    const { at, time, hashes, baseline, ...started } = await startFromImage(context, {
      capture,
      spool,
      pageSize,
      signal,
    });
    using image = started.image;
    const changed = await changedPages(before, hashes);
    if (isMost(changed, baseline.pages)) {
      return async () => {
        if (outside?.what !== undefined) options.onEvent({ kind: 'outside', what: outside.what });
        const anew = await meetDatabase(options.row.path, owner.visits);
        return await beginGeneration(context, { start: anew, pageSize, reason: mostWords(outside), signal });
      };
    }
    const between = { index, at, from: lastAt, to: time };
    const composed = [...remains.composed];
    const unseen = { ...remains, capture, composed, image, hashes, changed, between, outside, signal };
    await composeUnseen(context, { ...unseen, isGap: true });
    return baseline;
  });
}

/** A new generation, from an image of what the database is now. */
export async function beginGeneration(
  context: SessionContext,
  {
    start,
    pageSize,
    reason,
    signal,
  }: Pick<Continuing, 'start' | 'pageSize'> & { readonly reason: string; readonly signal: AbortSignal },
): Promise<Session> {
  const { options, owner } = context;
  const { row, catalogue, boot, onEvent, log } = options;
  const known = catalogue.generations(row.id);
  const lastAt = known.at(-1)?.lastAt ?? 0;
  const isCorrected = wasAhead(lastAt, options);
  const now = labelsOf(context, isCorrected ? 0 : lastAt);
  const generation = newGeneration();
  const spool = Spool.create(spoolFolder(options, generation), 0);
  // It may be tried again and again: what did not become a history leaves nothing.
  await using untold = new AsyncDisposableStack();
  untold.defer(async () => await fs.promises.rm(spool.folder, { recursive: true, force: true }));
  noteBoot(spool.folder, boot);
  const commits = new CommitLog();
  const beginning = {
    start,
    generation,
    spool,
    commits,
    now,
    pageSize,
    hashes: undefined,
    end: undefined,
    isNew: true,
  };
  return await goOn(context, beginning, async (capture) => {
    const { time, hashes, baseline, image } = await startFromImage(context, { capture, spool, pageSize, signal });
    image[Symbol.dispose]();
    // The next opening goes on with it, whatever comes in between. Noted while the hashes are those of that place.
    await saveNotes(spool.folder, generation, takeNotes({ hashes, commits, spool, at: baseline.place }));
    await capture.adoptHashes(hashes);
    catalogue.addGeneration(row.id, { generation, startedAt: time, reason });
    if (isCorrected) tellAhead(catalogue, row.id, { correctedAt: time, lastAt });
    untold.move();
    owner.band = { generation, fromAt: time, toAt: time, reason, isCurrent: true };
    owner.counters.generations++;
    log.info({ generation, reason }, 'generation started');
    onEvent({ kind: 'generation-started', reason, isFirst: known.length === 0 });
    return baseline;
  });
}

/**
 * The frame of all of them: a session of the capture that `stand` brought to where its history goes on. Where `stand` finds that it
 * does not, it answers what is to be done instead, once everything is closed again. Closes capture and spool where it fails.
 */
async function goOn(
  context: SessionContext,
  parts: Pick<Session, 'generation' | 'spool' | 'commits' | 'pageSize'> &
    Pick<Continuing, 'start' | 'now'> & {
      readonly hashes: PageHashes | undefined;
      readonly end: Remains['end'];
      readonly isNew?: boolean;
    },
  stand: (capture: Capture) => Promise<Shipment['baseline'] | (() => Promise<Session>)>,
): Promise<Session> {
  const { generation, spool, commits, pageSize, start, now, hashes, end, isNew = false } = parts;
  const capture = makeCapture(context, { start, spool, commits, now, hashes, end });
  await using opening = new AsyncDisposableStack();
  opening.use(spool);
  opening.use(capture);
  const baseline = await stand(capture);
  if (typeof baseline === 'function') {
    await opening.disposeAsync();
    return await baseline();
  }
  const session = await assembleSession(context, { generation, capture, spool, commits, pageSize, baseline, isNew });
  opening.move();
  return session;
}

/** Tells when times were given that never were. */
function tellAhead(
  catalogue: Catalogue,
  databaseId: DatabaseId,
  { correctedAt, lastAt }: { readonly correctedAt: number; readonly lastAt: number },
): void {
  // What was labelled rightly before.
  const [before] = catalogue.runs(databaseId, { kind: 'at-or-before', at: correctedAt });
  const until = formatInstantUtc(lastAt);
  const text = `The computer’s clock was ahead: what was captured meanwhile is dated later, up to ${until}`;
  const fromAt = Math.min(correctedAt, before?.lastAt ?? correctedAt);
  catalogue.addGap(databaseId, { fromAt, toAt: correctedAt, text });
}

/** Captures from an image on that holds everything up to `at`, and hashes its pages meanwhile. The image is the caller's to close. */
async function startFromImage(
  context: SessionContext,
  {
    capture,
    spool,
    pageSize,
    signal,
  }: Pick<Session, 'capture' | 'spool' | 'pageSize'> & { readonly signal: AbortSignal },
): Promise<{
  readonly at: Place;
  readonly time: number;
  readonly image: LiveImage;
  readonly hashes: PageHashes;
  readonly baseline: Shipment['baseline'];
}> {
  const { at, time, image } = await capture.startFromImage(pageSize, () =>
    filePages(context.options.row.path, pageSize),
  );
  try {
    image.describe(await layersAt(spool, { at, pageSize }));
    const hashes = await hashBeside(context, { image, capture, signal });
    const baseline = { place: at, at: time, state: hashes.state, pages: hashes.pages };
    return { at, time, image, hashes, baseline };
  } catch (error) {
    image[Symbol.dispose]();
    throw error;
  }
}

/** Page hashes of an image, while capturing goes on; the owner tells how far they are. */
async function hashBeside(
  { options, owner }: SessionContext,
  { image, capture, signal }: { readonly image: ImageSource; readonly capture: Capture; readonly signal: AbortSignal },
): Promise<PageHashes> {
  const totalBytes = image.pages * image.pageSize;
  capture.startWatching();
  owner.hashing = { doneBytes: 0, totalBytes };
  try {
    const hashes = await hashImage(image, {
      signal,
      onProgress: (bytes) => {
        owner.hashing = { doneBytes: (owner.hashing?.doneBytes ?? 0) + bytes, totalBytes };
        options.onChange();
      },
    });
    await mustBeIntact(image, capture);
    // A file that is being copied over meanwhile must not become a history.
    if (readHeader(image.fd)?.pageSize === image.pageSize) return hashes;
    throw new AppError('database-overwritten', { path: options.row.path });
  } finally {
    owner.hashing = undefined;
  }
}
