// The ways in which a history goes on when its database is opened: behind what was captured, with page hashes that are built
// again, with an index of what changed unseen, or as a new generation. Which one it is, session-opening.ts chose. Each
// answers the open session, and closes what it opened where it fails.
import { AppError } from '../../shared/errors.ts';
import type { Place } from '../../shared/position.ts';
import type { Capture } from './capture.ts';
import { monotonic } from './clock.ts';
import { CommitLog } from './commits.ts';
import { changedPages, filePages, newGeneration, readHeader, type Remains, spoolComposed } from './continuity.ts';
import { noteBoot, saveComposed, saveNotes } from './notes.ts';
import { assembleSession, makeCapture, spoolFolder } from './session-assembly.ts';
import { hashImage, layersAt } from './session-image.ts';
import { takeNotes } from './session-notes.ts';
import type { Session, SessionContext } from './session.ts';
import { isBehind, type Shipment } from './ship/shipment.ts';
import type { Connections } from './source/connections.ts';
import type { ImageSource } from './source/image.ts';
import type { LiveImage } from './source/live-image.ts';
import type { PageHashes } from './source/page-hashes.ts';
import { Spool } from './spool.ts';

interface Continuing {
  readonly connections: Connections;
  readonly remains: Remains;
  readonly now: () => number;
  readonly pageSize: number;
}

/** Nothing was missed: goes on behind what was captured, or, where `end` is undefined, with the next index. */
export async function continueHistory(
  context: SessionContext,
  {
    connections,
    remains,
    now,
    pageSize,
    hashes,
    end,
  }: Continuing & { readonly hashes: PageHashes; readonly end: Remains['end'] },
): Promise<Session> {
  const { generation, spool, commits } = remains;
  const capture = makeCapture(context, { connections, spool, commits, now, hashes, end });
  await using opening = closing(capture, spool);
  const place = capture.end;
  const baseline = { place, at: now(), state: hashes.state, pages: hashes.pages };
  await capture.catchUp(() => {});
  const facts = { generation, connections, capture, spool, commits, pageSize, now, baseline };
  const session = await assembleSession(context, facts);
  opening.move();
  return session;
}

/** Nothing was missed, but the page hashes are lost: builds them from an image, and goes on from there. */
export async function rehashHistory(
  context: SessionContext,
  {
    connections,
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
  const capture = makeCapture(context, { connections, spool, commits, now, hashes: undefined, end });
  await using opening = closing(capture, spool);
  const { at, time, hashes, baseline, ...started } = await startFromImage(context, {
    connections,
    capture,
    spool,
    pageSize,
    signal,
  });
  started.image[Symbol.dispose]();
  const { state, pages } = baseline;
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
  await capture.adoptHashes(hashes);
  const facts = { generation, connections, capture, spool, commits, pageSize, now, baseline };
  const session = await assembleSession(context, facts);
  opening.move();
  return session;
}

/**
 * Something may have changed unseen: finds the pages that did, and composes an index of them. Where most did, a new
 * generation begins.
 */
export async function compareHistory(
  context: SessionContext,
  {
    connections,
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
  const { options, owner } = context;
  const { generation, spool, commits, lastAt } = remains;
  const index = spool.reserve();
  const capture = makeCapture(context, { connections, spool, commits, now, hashes: undefined, end: undefined });
  await using opening = closing(capture, spool);
  const started = await startFromImage(context, { connections, capture, spool, pageSize, signal });
  const { at, time, hashes, baseline } = started;
  using image = started.image;
  const changed = await changedPages(before, hashes);
  const { state, pages } = baseline;
  if (changed.length > pages / 2 && changed.length > 100) {
    image[Symbol.dispose]();
    await opening.disposeAsync();
    const reason = outside ?? 'Most of the database was changed while Tidemark was not watching';
    return await beginGeneration(context, { connections, pageSize, reason, signal });
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
  owner.counters.composedIndices++;
  if (changed.length > 0) {
    const gap = { fromAt: lastAt, toAt: time, pages: changed.length };
    options.catalogue.addGap(options.row.id, {
      ...gap,
      text: `${outside ?? 'Not watched'}: changes in between were not seen one by one`,
    });
    options.onEvent({ kind: 'gap', ...gap });
  }
  const facts = { generation, connections, capture, spool, commits, pageSize, now, baseline };
  const session = await assembleSession(context, facts);
  opening.move();
  return session;
}

/** A new generation, from an image of what the database is now. */
export async function beginGeneration(
  context: SessionContext,
  {
    connections,
    pageSize,
    reason,
    signal,
  }: Pick<Continuing, 'connections' | 'pageSize'> & { readonly reason: string; readonly signal: AbortSignal },
): Promise<Session> {
  const { options, owner } = context;
  const { row, catalogue, clock, boot, onEvent, log } = options;
  const known = catalogue.generations(row.id);
  const now = monotonic(clock, known.at(-1)?.lastAt);
  const generation = newGeneration();
  const spool = Spool.create(spoolFolder(options, generation), 0);
  noteBoot(spool.folder, boot);
  const commits = new CommitLog();
  const capture = makeCapture(context, { connections, spool, commits, now, hashes: undefined, end: undefined });
  await using opening = closing(capture, spool);
  const { time, hashes, baseline, image } = await startFromImage(context, {
    connections,
    capture,
    spool,
    pageSize,
    signal,
  });
  image[Symbol.dispose]();
  await capture.adoptHashes(hashes);
  catalogue.addGeneration(row.id, { generation, startedAt: time, reason });
  owner.band = { generation, fromAt: time, toAt: time, reason, isCurrent: true };
  owner.counters.generations++;
  log.info({ generation, reason }, 'generation started');
  onEvent({ kind: 'generation-started', reason, isFirst: known.length === 0 });
  const facts = { generation, connections, capture, spool, commits, pageSize, now, baseline };
  const session = await assembleSession(context, facts);
  opening.move();
  return session;
}

/** Captures from an image on that holds everything up to `at`, and hashes its pages meanwhile. The image is the caller's to close. */
async function startFromImage(
  context: SessionContext,
  {
    connections,
    capture,
    spool,
    pageSize,
    signal,
  }: Pick<Session, 'connections' | 'capture' | 'spool' | 'pageSize'> & { readonly signal: AbortSignal },
): Promise<{
  readonly at: Place;
  readonly time: number;
  readonly image: LiveImage;
  readonly hashes: PageHashes;
  readonly baseline: Shipment['baseline'];
}> {
  const { at, time, image } = await capture.startFromImage(pageSize, () => filePages(connections, pageSize));
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
    // A file that is being copied over meanwhile must not become a history.
    if (readHeader(image.fd)?.pageSize === image.pageSize) return hashes;
    throw new AppError('database-overwritten', { path: options.row.path });
  } finally {
    owner.hashing = undefined;
  }
}

/** Closes what a session is made of, should making it fail. */
function closing(capture: Capture, spool: Spool): AsyncDisposableStack {
  const stack = new AsyncDisposableStack();
  stack.use(spool);
  stack.use(capture);
  return stack;
}
