// What the spool of an open database need not keep: what every target has, and, where room is short, the oldest of it. What
// remains is a whole run of indices up to the present one.
import type { DatabaseId } from '../../../shared/ids.ts';
import type { Place } from '../../../shared/position.ts';
import type { SpoolMember } from '../spool/disk-guard.ts';
import type { Logger } from '../basics/log.ts';
import { saveSession } from './take-notes.ts';
import type { Session } from './session.ts';
import { isBehind } from '../ship/shipment.ts';
import type { Catalogue } from '../state/catalogue.ts';

/**
 * What every target has need not be kept: commits, spool files below the saved hashes, and the state hashes within segments that
 * could be put again from those.
 */
export function forgetShipped(
  session: Session,
  { catalogue, databaseId }: { readonly catalogue: Catalogue; readonly databaseId: DatabaseId },
): void {
  const { crew, capture } = session;
  const places = crew.shippers.map(({ position }) => position);
  const first = places.length === 0 ? capture.end : places[0];
  if (first === undefined || places.includes(undefined)) return;
  const least = places.reduce<Place>((a, b) => (b !== undefined && isBehind(b, a) ? b : a), first);
  session.commits.dropThrough(least);
  // An index whose end is all that a target has stays: the next start finds by it that nothing is missing there.
  session.spool.removeBelow(Math.min(least.offset > 0 ? least.index : least.index - 1, session.savedIndex));
  const oldest = session.spool.files()[0]?.index ?? session.spool.index;
  if (oldest === session.statesFrom) return;
  catalogue.trim.forgetStates({ databaseId, generation: session.generation }, oldest);
  session.statesFrom = oldest;
}

/** What the guard of the disk may do with a spool. */
export function spoolMember(
  session: Session,
  { log, onFailed }: { readonly log: Logger; readonly onFailed: (error: unknown) => void },
): SpoolMember {
  const { spool, formers, crew, commits } = session;
  return {
    bytes: () => spool.totalBytes + formers.reduce((sum, former) => sum + former.bytes(), 0),
    shed: async (bytes) => {
      let left = bytes;
      for (const former of formers) {
        if (left <= 0) return;
        left -= former.bytes();
        former.remove();
      }
      if (left <= 0) return;
      // What is written down must not build on what goes.
      await saveSession(session).catch((error: unknown) => onFailed(error));
      // The index before the present one stays too: so whole indices are missing where something is, and every reader of the
      // target sees it by their names.
      const last = Math.min(spool.index - 2, session.savedIndex - 1);
      const gone = spool.files().filter(({ index }) => index <= last);
      const count = gone.findIndex((_, i) => gone.slice(0, i + 1).reduce((sum, file) => sum + file.bytes, 0) >= left);
      const through = (count === -1 ? gone.at(-1) : gone[count])?.index;
      if (through === undefined) return;
      log.warn({ through, bytes: spool.totalBytes }, 'spool beyond its budget, oldest indices let go');
      spool.removeBelow(through + 1);
      commits.dropThrough({ index: (spool.files()[0]?.index ?? 0) - 1, offset: Infinity });
      for (const shipper of crew.shippers) shipper.wake();
    },
    onLow: (error) => onFailed(error),
  };
}
