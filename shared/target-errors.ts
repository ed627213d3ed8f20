// What may be wrong with a destination of any kind, with a replica there, and with what lies there.
import { type ErrorTexts, historySafe, shippedSafe, waiting } from './error-text.ts';

export const targetErrors = {
  'target-inside-file': (d) => ({
    message: `${d['path']} cannot be a folder: ${d['file']} is a file.`,
    hint: 'Choose a folder.',
  }),
  'target-unmakeable': (d) => ({
    message: `The folder ${d['path']} cannot be made: the file system there makes no folders.`,
    safe: 'Nothing was written.',
    hint: 'Choose a folder on a disk.',
  }),
  'target-name-impossible': (d) => ({
    message: `Windows has no folders with the name “${d['name']}” (${d['path']}).`,
    safe: 'Nothing was written there, and your database is untouched.',
    hint: 'Choose another name.',
  }),
  'target-name-too-long': (d) => ({
    message: `A name in ${d['path']} is too long for the file system there.`,
    safe: 'Nothing was written there, and your database is untouched.',
    hint: 'Choose a folder with shorter names, of 255 bytes at most on most disks.',
  }),
  'target-read-only': (d) => ({
    message: `Tidemark may not write to ${d['path']}.`,
    safe: waiting,
    hint: 'Choose another folder, or allow writing to this one.',
  }),
  'target-full': (d) => ({
    message: `The disk of ${d['path']} is full.`,
    safe: waiting,
    hint: 'Free some space; Tidemark goes on by itself.',
  }),
  'target-missing': (d) => ({
    message: `The folder ${d['path']} is gone.`,
    safe: waiting,
    hint: 'Connect the disk again; Tidemark goes on by itself.',
  }),
  'target-collides': (d) => ({
    message: `${d['path']} is taken: it is not a folder with Tidemark’s history.`,
    safe: 'Nothing was written.',
    hint: 'Choose another folder, for example one on another disk.',
  }),
  'target-owned-by-other': (d) => ({
    message: `${d['path']} holds the history of ${d['databasePath'] ?? d['database']} from ${d['machine']}${d['since'] === undefined ? '' : `, which has been writing there since ${d['since']}`}.`,
    safe: `${historySafe} Your database is untouched.`,
    hint: 'Choose another place; or, if nobody writes there any more, take it over (on the command line: tidemark replicate --take-over): a new history begins beside the one that is there.',
  }),
  'target-holds-ltx': (d) => ({
    message: `${d['path']} holds a history that Litestream 0.5 wrote (LTX), which Tidemark does not read.`,
    safe: 'Nothing was written there, and your database is untouched.',
    hint: 'Choose another place; or, if Litestream does not write there any more, take it over (on the command line: tidemark replicate --take-over): a new history begins beside the one that is there.',
  }),
  'record-damaged': (d) => ({
    message: `${d['path']} holds a history whose record (tidemark.json) cannot be read, and nothing shows that it is this database’s: ${d['reason']}.`,
    safe: `${historySafe} It can still be listed and restored. Your database is untouched.`,
    hint: 'Choose another place; or, if nobody else writes there, take it over (on the command line: tidemark replicate --take-over): a new history begins beside the one that is there.',
  }),
  'record-newer': (d) => ({
    message: `A newer version of Tidemark writes the history at ${d['path']}.`,
    safe: `${historySafe} Your database is untouched.`,
    hint: 'Use that version here, too, or choose another place.',
  }),
  'target-unsupported': (d) => ({
    message:
      d['url'] === 'that address'
        ? 'No destination was named.'
        : `Tidemark does not understand the destination ${d['url']}.`,
    hint: 'Use a folder (an absolute path or file:///path) or a bucket (s3://bucket/folder?region=…).',
  }),
  'target-failed': (d) => ({
    message: `The destination ${d['path']} failed: ${d['reason']}.`,
    safe: waiting,
    hint: 'Tidemark tries again by itself.',
  }),
  'target-not-found': (d) => ({
    message: `Tidemark does not know the destination ${d['target']}.`,
    hint: 'It may have been removed meanwhile.',
  }),
  'target-in-use': (d) => ({
    message: `${d['name']} holds the history of ${d['databases']}.`,
    safe: historySafe,
    hint: 'Remove it from those databases first.',
  }),
  'target-place-fixed': (d) => ({
    message: `${d['name']} holds histories, so it cannot become another place.`,
    safe: historySafe,
    hint: 'Add the other place as a destination of its own, and then remove this one.',
  }),
  'target-known': (d) => ({
    message: `That place is known already, as ${d['name']}.`,
    hint: 'Change that destination instead.',
  }),
  'target-secret-unreadable': (d) => ({
    message: `The secret key of ${d['name']} cannot be read: ${d['reason']}.`,
    safe: 'Your database is untouched, captured changes wait on this computer, and what lies at the destination stays there.',
    hint: 'Type the secret key in again, in the settings of the destination.',
  }),
  'target-secret-missing': (d) => ({
    message: `The secret key of ${d['name']} is missing.`,
    hint: 'Type it in.',
  }),
  'replica-known': (d) => ({ message: `The history of ${d['database']} goes to ${d['name']} already.` }),
  'replica-not-found': (d) => ({
    message: `The history of ${d['database']} does not go to ${d['name']}.`,
    hint: 'It may have been removed meanwhile.',
  }),
  'replica-last': (d) => ({
    message: `${d['name']} is the only destination of ${d['database']}.`,
    safe: historySafe,
    hint: 'Add another destination first, or remove the database.',
  }),
  'replica-none-enabled': (d) => ({
    message: `Every destination of ${d['database']} is turned off.`,
    safe: shippedSafe,
    hint: 'Turn on at least one of its destinations.',
  }),
  'replica-gone': (d) => ({
    message: `The history of ${d['database']} is not at ${d['name']} any more: it was removed there, not by Tidemark.`,
    safe: 'Your database is untouched.',
    hint: 'Tidemark puts a new image there by itself; restore points that lay nowhere else cannot be had back.',
  }),
  'target-no-permission': (d) => ({
    message: `Tidemark may not read ${d['path']}.`,
    safe: waiting,
    hint: 'Allow the user whom Tidemark runs as to read and to write there; it goes on by itself.',
  }),
  'target-stalled': (d) => ({
    message: `The destination ${d['path']} has not moved for ${d['duration']}.`,
    safe: waiting,
    hint: 'Tidemark tries again by itself; if it stays, check the connection.',
  }),
  'target-slow': (d) => ({
    message: `The destination ${d['path']} did not give ${d['what']} within ${d['duration']}.`,
    safe: historySafe,
    hint: 'Try again; if it stays so slow, check the connection, or restore from another destination of the database.',
  }),
  'object-changed': (d) => ({
    message: `${d['key']} at ${d['url']} was written by someone else meanwhile.`,
    safe: historySafe,
    hint: 'See whether another computer writes there, then try again.',
  }),
  'object-missing': (d) => ({
    message: `${d['key']} is not at ${d['path']}.`,
    hint: 'It may have been removed meanwhile; try again.',
  }),
} as const satisfies ErrorTexts;
