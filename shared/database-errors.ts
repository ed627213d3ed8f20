// What may be wrong with a database that is to be protected, or is.
import { type ErrorTexts, untouched } from './error-text.ts';

export const databaseErrors = {
  'database-missing': (d) => ({
    message: `There is no file at ${d['path']}.`,
    safe: 'History that was already captured stays restorable.',
    hint: 'Check the path, or restore the file from its history.',
  }),
  'database-is-directory': (d) => ({
    message: `${d['path']} is a folder, not a database.`,
    hint: 'Choose the database file inside it.',
  }),
  'database-not-regular': (d) => ({
    message: `${d['path']} is not a regular file.`,
    hint: 'Choose the database file itself.',
  }),
  'database-path-too-long': (d) => ({
    message: `The path of ${d['path']} is longer than SQLite can open.`,
    safe: untouched,
    hint: 'Move the database into a folder with a shorter path.',
  }),
  'database-empty': (d) => ({
    message: `${d['path']} is empty: it holds no database yet.`,
    safe: untouched,
    hint: 'Start the application once so that it creates its tables, then add the file again.',
  }),
  'database-not-sqlite': (d) => ({
    message: `${d['path']} is not a SQLite database, or it is encrypted.`,
    safe: untouched,
    hint: 'Tidemark protects plain SQLite files; ask the application’s maker where its database lies.',
  }),
  'database-no-permission': (d) => ({
    message: `Tidemark may not read and write ${d['path']}.`,
    safe: untouched,
    hint: 'Tidemark needs the same rights as the application: reading the file, and its locks beside it. Change the rights, or run Tidemark as the same user.',
  }),
  'database-disk-full': (d) => ({
    message: `The disk of ${d['path']} is full.`,
    safe: 'What was committed lies in the WAL and is captured from there; nothing is lost.',
    hint: 'Free some space there, or its application will not be able to write. Tidemark goes on by itself.',
  }),
  'database-unreachable': (d) => ({
    message: `The system cannot reach ${d['path']}: ${d['reason']}.`,
    safe: 'History that was already captured stays restorable.',
    hint: 'Check the disk or drive it lies on. Tidemark goes on by itself once it answers.',
  }),
  'database-name-too-long': (d) => ({
    message: `The name of ${d['path']} is too long: SQLite needs names beside it that are eight bytes longer, which the file system there does not allow.`,
    safe: untouched,
    hint: 'Give it a shorter name, of 247 bytes at most on most disks.',
  }),
  'database-not-wal': (d) => ({
    message: `${d['path']} is not in WAL mode (its journal mode is “${d['mode'] ?? 'delete'}”).`,
    safe: untouched,
    hint: 'Every change can be captured in WAL mode only. Allow the switch (on the command line: --enable-wal), or let the application do it.',
  }),
  'database-busy': (d) => ({
    message: `${d['path']} is locked by another program.`,
    safe: untouched,
    hint: 'Tidemark tries again by itself; if it stays, close the program that holds the lock (some keep a database for themselves: PRAGMA locking_mode = EXCLUSIVE).',
  }),
  'database-opening': (d) => ({
    message: `${d['path']} is not captured yet: ${d['doing']}, which takes longer than usual.`,
    safe: untouched,
    hint: 'It goes on by itself. Where the computer or a disk is very busy, everything takes longer.',
  }),
  'database-unsteady': (d) => ({
    message: `${d['path']} could not be read in one piece yet: each time, programs came, went or changed it before that was done.`,
    safe: untouched,
    hint: 'Tidemark tries again by itself. Should it stay, close the programs that use the database for a moment.',
  }),
  'database-held': (d) => {
    const who = d['application'];
    return {
      message: `${d['path']} cannot be captured for the first time while ${who ?? 'its application'} keeps it for itself.`,
      safe: 'Nothing is wrong, and your database is untouched.',
      hint: `Close ${who ?? 'the application'} once. From then on the database is captured each time ${who === undefined ? 'it closes' : `${who} is closed`}.`,
    };
  },
  'database-unwatched': (d) => ({
    message: `The system does not tell Tidemark of changes in ${d['folder']}: ${
      d['reason'] === 'limit'
        ? 'its limit of watches is reached'
        : 'its limit of watches is reached, or that file system tells nobody'
    }.`,
    safe: 'Every change is captured: Tidemark looks by itself, more often than usual.',
    hint: 'Where it is the limit, raise it (on Linux fs.inotify.max_user_instances and fs.inotify.max_user_watches, with sysctl), or close programs that watch many files; Tidemark notices that by itself.',
  }),
  'database-damaged': (d) => ({
    message: `SQLite reports that ${d['path']} is damaged: ${d['reason']}.`,
    safe: 'History that was captured before stays restorable.',
    hint: 'Restore a moment before the damage to a new file.',
  }),
  'database-replaced': (d) => ({
    message: `${d['path']} was replaced by another file.`,
    safe: 'The history of the former file stays restorable.',
    hint: 'Tidemark goes on with the new file.',
  }),
  'database-overwritten': (d) => ({
    message: `${d['path']} was overwritten by another program.`,
    safe: 'Everything before stays restorable.',
    hint: 'Tidemark compares it page by page and goes on with what it holds now. If programs had it open meanwhile, quit them and start them again.',
  }),
  'database-moved': (d) => ({
    message: `${d['path']} was moved to ${d['to']}.`,
    safe: 'History that was already captured stays restorable.',
    hint: 'Move it back and Tidemark goes on by itself; if that is its new place, add it there and remove this one.',
  }),
  'database-is-link': (d) => ({
    message: `At ${d['path']} lies a link to ${d['to']} now, not the database itself.`,
    safe: 'History that was already captured stays restorable, and nothing was opened through the link.',
    hint: `Add ${d['to']} to protect what the link leads to, and remove this one. Or put the database itself back; Tidemark goes on by itself.`,
  }),
  'database-link-turned': (d) => ({
    message:
      d['to'] === d['link']
        ? `You named this database as ${d['link']}, where another file lies now. What is protected still is ${d['path']}.`
        : `You named this database as ${d['link']}, which leads to ${d['to']} now. What is protected still is ${d['path']}.`,
    safe: `Every change of ${d['path']} is captured as before.`,
    hint: `If your application works with ${d['to']} now, add that too: nothing of it is captured yet. Remove this one when it is not used any more.`,
  }),
  'database-same-file': (d) => ({
    message:
      d['isLinked'] === 'true'
        ? `${d['path']} leads to the same file as ${d['other']}, which is protected already.`
        : `${d['path']} and ${d['other']} are two names of one file, which is protected already under the other name.`,
    safe: 'Tidemark opens a file once only. History that was already captured here stays restorable; changes go to the history of the other one.',
    hint: `${
      d['isLinked'] === 'true'
        ? 'Remove this one here.'
        : 'Remove this one here, and let programs use the other name only: a SQLite database that is opened by two names gets damaged.'
    } If they were meant to be two databases, put a file of its own at ${d['path']}; Tidemark then goes on by itself.`,
  }),
  'database-left-wal': (d) => ({
    message: `${d['path']} was switched out of WAL mode (its journal mode is “${d['mode']}” now), so its changes cannot be captured.`,
    safe: 'History that was already captured stays restorable.',
    hint: 'Let its application switch back (PRAGMA journal_mode = WAL); Tidemark goes on by itself. Or remove it here and add it again to allow the switch.',
  }),
  'database-hot-journal': (d) => ({
    message: `A program is changing ${d['path']} right now, or was interrupted: ${d['journal']} holds what SQLite needs to undo it.`,
    safe: 'Tidemark touches neither file.',
    hint: 'Let the program finish, or start it once so that it recovers. Do not delete that file: the database would be damaged.',
  }),
  'database-stale-wal': (d) => ({
    message: `${d['path']} was changed from outside, and ${d['wal']} still belongs to what it was before: SQLite would mix the two.`,
    safe: 'Tidemark touches neither file, and everything captured stays restorable.',
    hint: 'Quit the programs that use it. If that file still lies there then, move it and the one that ends in “-shm” away before you start them again. Tidemark goes on by itself.',
  }),
  'database-wal-deleted': (d) => ({
    message: `${d['wal']} was deleted while programs had the database open: what they write now would be lost when they start again.`,
    safe: 'Tidemark still has that file open: it goes on capturing, and has SQLite copy everything into the database.',
    hint: 'Quit the programs that use it and start them again. Tidemark goes on by itself.',
  }),
  'database-wal-held': (d) => ({
    message: `A program has been reading ${d['path']} for ${d['duration']} without a pause: its WAL cannot be emptied and has grown to ${d['size']}.`,
    safe: 'Nothing is lost; every change is captured.',
    hint: 'It is emptied by itself once that program ends its transaction. One that forgot to may need to be started again.',
  }),
  'database-on-network': (d) => ({
    message: `${d['path']} lies on a network drive (${d['fileSystem']}), where SQLite’s WAL mode is not safe.`,
    safe: untouched,
    hint: 'Keep the database on a disk of this computer, or protect it on the computer that has the disk.',
  }),
  'database-in-cloud-folder': (d) => ({
    message: `${d['service']} keeps this folder in step with other computers.`,
    safe: 'Protecting it changes nothing about that.',
    hint: 'Such services copy the database and its WAL at different moments, or put an older copy back while it is open, which damages databases. Keep it in another folder; its history may well go to the cloud.',
  }),
  'database-already-protected': (d) => ({
    message: `${d['path']} is already protected.`,
    safe: untouched,
    hint: 'Open it in the list of databases.',
  }),
  'database-of-window': (d) => ({
    message: `${d['path']} was added in Tidemark’s window, which keeps its destination.`,
    safe: untouched,
    hint: 'Open the window to protect it, or choose another folder for Tidemark’s own data with --data-dir.',
  }),
  'database-sidecar': (d) => ({
    message: `${d['path']} belongs to the database ${d['database']}.`,
    hint: 'Choose the database itself.',
  }),
  'database-not-found': (d) => ({
    message: `Tidemark does not know the database ${d['database']}.`,
    hint: 'It may have been removed meanwhile.',
  }),
  'sqlite-too-old': (d) => ({
    message: `This build carries SQLite ${d['version']}, which has a bug that can corrupt databases.`,
    safe: untouched,
    hint: 'Tidemark needs SQLite 3.51.3 or newer; reinstall it.',
  }),
} as const satisfies ErrorTexts;
