// Brings an open session over what changed unseen: a visit that was over before it was noticed, an application that kept the
// database for itself, a foreign hand. Capturing goes on behind it, and so does everything else, while pages are compared.
import { AppError } from '../../../shared/errors.ts';
import type { Unseen } from '../capture/options.ts';
import { changedPages, composeUnseen, isMost, mostWords } from './changes.ts';
import { readHeader } from './continuity.ts';
import { hashImage, layersAt } from './read-image.ts';
import type { Outside, Session, SessionContext } from './session.ts';

/** Compares the pages of an image with what they were, and ships those that changed. Closes the image. */
export async function bringOverUnseen(
  context: SessionContext,
  {
    session,
    unseen,
    outside,
    signal,
  }: {
    readonly session: Session;
    readonly unseen: Unseen;
    readonly outside: Outside | undefined;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { options, owner } = context;
  const { capture, spool, pageSize } = session;
  const { before, index, at, time, since } = unseen;
  using image = unseen.image;
  image.describe(await layersAt(spool, { at, pageSize }));
  const hashes = await hashImage(image, { signal, onProgress: () => {} });
  // A file that is being copied over meanwhile must not become a history.
  if (readHeader(image.fd)?.pageSize !== pageSize) {
    throw new AppError('database-overwritten', { path: options.row.path });
  }
  const changed = await changedPages(before, hashes);
  if (changed.length === 0 && (await capture.forgetUnseen(unseen))) return;
  if (isMost(changed, hashes.pages)) {
    if (outside?.what !== undefined) options.onEvent({ kind: 'outside', what: outside.what });
    owner.startOver(mostWords(outside));
    return;
  }
  const between = { index, at, from: Math.max(since, owner.band?.toAt ?? 0), to: time };
  // One that was checkpointed before it could be read is whole all the same.
  const isGap = unseen.transactions !== 1;
  await composeUnseen(context, { ...session, image, hashes, changed, between, isGap, outside, signal });
}
