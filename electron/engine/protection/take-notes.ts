// What is written down of a session, beside its spool: its notes, true at the captured end, and which file it captures.
// How notes lie in files is spool/notes.ts; when they are written is up to those who own the session.
import type { Place } from '../../../shared/position.ts';
import { saveNotes, type TakenNotes } from '../spool/notes.ts';
import { noteCapturedFile } from '../spool/file-note.ts';
import type { Session } from './session.ts';
import type { PageHashes } from '../source/page-hashes.ts';

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

/** Notes of this moment, true at a place. */
export function takeNotes({
  hashes,
  commits,
  spool,
  at,
}: Pick<Session, 'commits' | 'spool'> & { readonly hashes: PageHashes; readonly at: Place }): TakenNotes {
  return { hashes: hashes.copy(), commits: commits.encode(), at, mark: spool.markAt(at) ?? 0n };
}

/** Writes down which file is captured, and how it looks. */
export function noteFile({ capture, spool }: Pick<Session, 'capture' | 'spool'>): void {
  noteCapturedFile(spool.folder, capture.file);
}
