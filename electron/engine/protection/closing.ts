// Closes the session of a database: writes down where it stands, lets go of the database, and notes how it looks with everything
// captured in it, so that the next start need not compare its pages.
import { noteClean, noteRest, saveClean } from '../spool/notes.ts';
import type { ProtectionOptions, Session } from './session.ts';
import { leftAs, withFile } from './start.ts';
import { saveSession } from './take-notes.ts';

/** Closes a session, with a note of its end where nothing was captured behind that. */
export async function closeSession(
  session: Session,
  { row, log }: Pick<ProtectionOptions, 'row' | 'log'>,
): Promise<void> {
  const { capture, spool } = session;
  try {
    await saveSession(session);
    await noteRest(spool.folder);
    const before = capture.end;
    if (await capture.letGo()) {
      // What was captured meanwhile is not noted.
      const { end: at, file } = capture;
      const isSame = at.index === before.index && at.offset === before.offset;
      const left = leftAs(row.path);
      const isUntouched = left.size === file.atRest?.size && left.modifiedAt === file.atRest.modifiedAt;
      const clean = isSame && isUntouched ? withFile(row.path, left, (fd) => noteClean(at, fd)) : undefined;
      if (clean !== undefined) await saveClean(spool.folder, clean);
    }
  } catch (error) {
    // @NOTE The database is out of reach; what the spool holds proves itself at the next start.
    log.warn({ error }, 'closing without a note of the end');
  }
  await capture[Symbol.asyncDispose]();
  spool[Symbol.dispose]();
}
