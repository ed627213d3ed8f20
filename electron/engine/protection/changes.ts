// What changed unseen, as far as comparing pages tells: which pages did, and an index of our own making that ships them. Where most did, a
// new generation costs less.
import { randomBytes } from 'node:crypto';
import type { Place } from '../../../shared/position.ts';
import { composeIndex } from '../replica/composed.ts';
import { type ImageSource, readPages } from '../source/image.ts';
import type { PageHashes } from '../source/page-hashes.ts';
import { saveComposed, saveNotes } from '../spool/notes.ts';
import type { Spool } from '../spool/spool.ts';
import { mustBeIntact } from './read-image.ts';
import type { Outside, Session, SessionContext } from './session.ts';
import { takeNotes } from './take-notes.ts';

/** Most of a database changed: then an image costs less than its pages. */
export function isMost(changed: readonly number[], pages: number): boolean {
  return changed.length > pages / 2 && changed.length > 100;
}

/** Why a new generation begins where most pages changed. */
export function mostWords(outside: Outside | undefined): string {
  return outside?.words ?? 'Most of the database was changed while Tidemark was not watching';
}

/** Ships what changed unseen as an index of our own, and goes on from the image behind it. */
export async function composeUnseen(
  { options, owner }: SessionContext,
  unseen: Pick<Session, 'generation' | 'capture' | 'spool' | 'commits' | 'composed'> & {
    readonly image: ImageSource;
    /** Of the image. */
    readonly hashes: PageHashes;
    readonly changed: readonly number[];
    /** The free index, the place of the image, and the time that was not seen. */
    readonly between: { readonly index: number; readonly at: Place; readonly from: number; readonly to: number };
    /** There were states in between. */
    readonly isGap: boolean;
    readonly outside: Outside | undefined;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { generation, capture, spool, commits, composed, image, hashes, changed, between, outside, signal } = unseen;
  const { index, at, from, to } = between;
  const { state, pages } = hashes;
  await spoolComposed(image, {
    spool,
    index,
    // Without a difference an index is still composed where one was left free, so that indices stay without holes.
    changed: changed.length > 0 ? changed : [1],
    signal,
    // Noted before it has its name: replayed over the former hashes, what the image overlaps would tell states that never were.
    onWhole: async (end) => {
      await mustBeIntact(image, capture);
      commits.add({ ...end, at: to, state, pages, written: changed.length, transactions: 1 });
      await spool.sync();
      await saveNotes(spool.folder, generation, takeNotes({ hashes, commits, spool, at }));
      composed.push({ index, from, to });
      await saveComposed(spool.folder, composed);
    },
  });
  await capture.adoptHashes(hashes);
  owner.counters.composedIndices++;
  if (changed.length === 0 || !unseen.isGap) return;
  if (outside?.what !== undefined) options.onEvent({ kind: 'outside', what: outside.what });
  const gap = { fromAt: from, toAt: to, pages: changed.length };
  options.catalogue.addGap(options.row.id, {
    ...gap,
    text: `${outside?.words ?? 'Not watched'}: changes in between were not seen one by one`,
  });
  options.onEvent({ kind: 'gap', ...gap });
}

/** Pages that need a frame to come from one state to a later one, ascending. */
export async function changedPages(before: PageHashes, after: PageHashes): Promise<readonly number[]> {
  const changed = await before.changedIn(after);
  // A database that only shrank still needs a frame to say so.
  return changed.length === 0 && after.pages !== before.pages ? [1] : changed;
}

/** Writes a composed index into the spool at `index`; returns where it ends. */
export async function spoolComposed(
  image: ImageSource,
  {
    spool,
    index,
    changed,
    signal,
    onWhole,
  }: {
    readonly spool: Spool;
    readonly index: number;
    readonly changed: readonly number[];
    readonly signal: AbortSignal;
    /** Runs when the index is whole and before it has its name, told where it ends. */
    readonly onWhole: (end: Place) => Promise<void>;
  },
): Promise<Place> {
  const { pageSize, pages } = image;
  const salts = { salt1: randomBytes(4).readUInt32BE(), salt2: randomBytes(4).readUInt32BE() };
  const pieces = composeIndex({
    pageSize,
    databasePages: pages,
    salts,
    sequence: 0,
    changed: readPages(image, changed, { signal }),
    count: changed.length,
  });
  const offset = await spool.writeIndex(index, pieces, async (size) => await onWhole({ index, offset: size }));
  return { index, offset };
}
