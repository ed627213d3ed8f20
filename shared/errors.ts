// Failures that users may meet: a closed list of codes, each with its one text (what happened, what is safe, what to do).
// Foreign errors are classified into these where they enter; everything else is a bug and becomes `internal`.

export interface AppErrorData {
  readonly code: ErrorCode;
  /** What happened. */
  readonly message: string;
  /** What is safe. */
  readonly safe?: string;
  /** What to do. */
  readonly hint?: string;
  /** Facts behind the sentence: paths, sizes, positions. */
  readonly details: ErrorDetails;
}

export type ErrorDetails = Readonly<Record<string, string | number | boolean | readonly string[]>>;

interface Text {
  readonly message: string;
  readonly safe?: string;
  readonly hint?: string;
}

type Say = (d: Readonly<Record<string, string>>) => Text;

const untouched = 'Your database is untouched.';
const waiting = 'Your database is untouched, and captured changes wait on this computer.';
const historySafe = 'What lies at the destination is untouched.';

/** Every text a failure can show, by code. The arguments are the error's details, as strings. */
const texts = {
  // The database
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
  // The destination
  'target-inside-file': (d) => ({
    message: `${d['path']} cannot be a folder: ${d['file']} is a file.`,
    hint: 'Choose a folder.',
  }),
  'target-read-only': (d) => ({
    message: `Tidemark may not write to ${d['path']}.`,
    safe: 'Your database is untouched, and captured changes wait on this computer.',
    hint: 'Choose another folder, or allow writing to this one.',
  }),
  'target-full': (d) => ({
    message: `The disk of ${d['path']} is full.`,
    safe: 'Your database is untouched, and captured changes wait on this computer.',
    hint: 'Free some space; Tidemark goes on by itself.',
  }),
  'target-missing': (d) => ({
    message: `The folder ${d['path']} is gone.`,
    safe: 'Your database is untouched, and captured changes wait on this computer.',
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
    hint: 'Choose another place; or, if nobody writes there any more, take it over: a new history begins beside the one that is there.',
  }),
  'target-unsupported': (d) => ({
    message: `Tidemark does not understand the destination ${d['url']}.`,
    hint: 'Use a folder (an absolute path or file:///path) or a bucket (s3://bucket/folder?region=…).',
  }),
  'target-failed': (d) => ({
    message: `The destination ${d['path']} failed: ${d['reason']}.`,
    safe: 'Your database is untouched, and captured changes wait on this computer.',
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
    safe: 'Your database is untouched; what was shipped stays restorable.',
    hint: 'Turn on at least one of its destinations.',
  }),
  'target-stalled': (d) => ({
    message: `The destination ${d['path']} has not moved for ${d['duration']}.`,
    safe: 'Your database is untouched, and captured changes wait on this computer.',
    hint: 'Tidemark tries again by itself; if it stays, check the connection.',
  }),
  // The destination: a bucket
  'target-address-invalid': (d) => ({
    message: `${d['url']} is not an address that Tidemark can use: ${d['reason']}.`,
    safe: 'Nothing was started.',
    hint: 'Write it like s3://bucket/folder?region=eu-central-1, for other providers with endpoint=https://….',
  }),
  'target-unreachable': (d) => ({
    message: `Tidemark cannot reach ${d['host']}: ${d['reason']}.`,
    safe: waiting,
    hint: 'Check the network and the endpoint; Tidemark goes on by itself.',
  }),
  'target-tls': (d) => ({
    message: `The connection to ${d['host']} cannot be trusted: ${d['reason']}.`,
    safe: `Nothing was sent. ${waiting}`,
    hint: 'Check the endpoint. A server of your own needs a certificate that this computer trusts (NODE_EXTRA_CA_CERTS names a file with your authority).',
  }),
  'target-clock-skew': (d) => ({
    message: `${d['host']} refuses requests because this computer’s clock differs from its own${d['skewMs'] === undefined ? '' : ` by ${Math.round(Math.abs(Number(d['skewMs'])) / 60_000)} minutes`}.`,
    safe: waiting,
    hint: 'Set the clock of this computer, best by letting it take the time from the network.',
  }),
  'target-credentials': (d) => ({
    message: `${d['host']} does not accept the access key (${d['reason']}).`,
    safe: waiting,
    hint: 'Check both halves of the key, and that it belongs to this provider and is active.',
  }),
  'target-credentials-expired': (d) => ({
    message: `The credentials for ${d['host']} have expired.`,
    safe: waiting,
    hint: 'Enter new ones, or sign in again (for AWS profiles: aws sso login); Tidemark goes on by itself.',
  }),
  'target-credentials-missing': (d) => ({
    message: `AWS’s settings on this computer hold no credentials that can be used: ${d['reason']}.`,
    safe: waiting,
    hint: 'Enter an access key, name a profile, or sign in with aws configure or aws sso login.',
  }),
  'target-forbidden': (d) => ({
    message: `The access key may not ${d['action']} in the bucket ${d['bucket']}.`,
    safe: waiting,
    hint: 'Allow it in the key’s policy (s3:ListBucket for the bucket; s3:GetObject, s3:PutObject and s3:AbortMultipartUpload for its objects; s3:DeleteObject where Tidemark may thin out old history).',
  }),
  'target-region': (d) => ({
    message:
      d['region'] === undefined
        ? `The bucket ${d['bucket']} is not in the region that was named.`
        : `The bucket ${d['bucket']} is in the region ${d['region']}.`,
    safe: waiting,
    hint: d['region'] === undefined ? 'Look its region up with the provider.' : `Set the region to ${d['region']}.`,
  }),
  'target-no-bucket': (d) => ({
    message: `There is no bucket ${d['bucket']} at ${d['host']}.`,
    safe: waiting,
    hint: 'Check its name and the endpoint, or create it with the provider.',
  }),
  'target-throttled': (d) => ({
    message: `${d['host']} asks for fewer requests.`,
    safe: waiting,
    hint: 'Tidemark slows down and goes on by itself.',
  }),
  'target-quota': (d) => ({
    message: `The bucket ${d['bucket']} takes no more: ${d['reason']}.`,
    safe: waiting,
    hint: 'Raise the limit with the provider, or free some space; Tidemark goes on by itself.',
  }),
  'target-encryption': (d) => ({
    message: `The bucket ${d['bucket']} could not use the encryption key: ${d['reason']}.`,
    safe: waiting,
    hint: 'Check the key’s id and region, that it is enabled, and that the access key may use it (kms:GenerateDataKey, kms:Decrypt).',
  }),
  'target-storage-class': (d) => ({
    message: `The bucket ${d['bucket']} does not know the storage class: ${d['reason']}.`,
    safe: waiting,
    hint: 'Choose another one, or none for the bucket’s own.',
  }),
  'target-object-locked': (d) => ({
    message: `The bucket ${d['bucket']} keeps ${d['key'] || 'its objects'} locked (Object Lock).`,
    safe: 'Nothing was deleted.',
    hint: 'Old history goes when the lock ends; leave thinning out to the bucket, or shorten its lock.',
  }),
  // What a connection test finds
  'target-not-s3': (d) => ({
    message: `What answers at ${d['host']} is not S3: ${d['reason']}.`,
    safe: 'No key was sent there.',
    hint: 'Check the endpoint and its port. In a network with a sign-in page, sign in first.',
  }),
  'target-not-encrypted': (d) => ({
    message: `The connection to ${d['host']} is not encrypted: whoever is on the way can read along.`,
    hint: 'Use an endpoint that begins with https:// where there is one.',
  }),
  'target-clock-differs': (d) => ({
    message: `This computer’s clock differs from that of ${d['host']} by ${d['minutes']} minutes.`,
    hint: 'Let this computer take the time from the network: from 15 minutes on, services refuse requests.',
  }),
  'target-mismatch': (d) => ({
    message: `What was read back from ${d['path']} is not what was written.`,
    safe: 'Your database is untouched.',
    hint: 'Do not keep history there: the disk, or something on the way, changes what it is given.',
  }),
  'target-no-delete': (d) => ({
    message: `Objects may be written to ${d['path']}, but not deleted: retention is left to the place itself.`,
    safe: 'Nobody who gets hold of this key can delete history with it. The object of this test stays there.',
    hint: `Nothing, if that is what you want; a rule of the bucket can thin out old history. The object ${d['key']} can be deleted by hand.`,
  }),
  'target-same-disk': (d) => ({
    message: `${d['path']} lies on the same disk as the database.`,
    hint: 'A second destination on another disk, or in a bucket, helps when that disk dies.',
  }),
  'target-little-room': (d) => ({
    message: `Only ${d['free']} are free at ${d['path']}, and the database has ${d['size']}.`,
    hint: 'Free some space, or choose another disk.',
  }),
  'object-changed': (d) => ({
    message: `${d['key']} at ${d['url']} was written by someone else meanwhile.`,
    safe: historySafe,
    hint: 'See whether another computer writes there, then try again.',
  }),
  'object-archived': (d) => ({
    message: `${d['key']} at ${d['url']} was moved into an archive, from which it cannot be read at once.`,
    safe: historySafe,
    hint: 'Have the provider restore it (for S3: “Initiate restore”), and end the bucket’s rule that archives.',
  }),
  'object-missing': (d) => ({
    message: `${d['key']} is not at ${d['path']}.`,
    hint: 'It may have been removed meanwhile; try again.',
  }),
  // History and restore
  'no-history': (d) => ({
    message: `There is no history at ${d['url']}.`,
    hint: 'Check the address; it must be the folder that holds “generations”.',
  }),
  'generation-unknown': (d) => ({
    message: `There is no generation ${d['generation']} at ${d['url']}.`,
    safe: historySafe,
    hint: 'List what is there with: tidemark generations <url>.',
  }),
  'index-unknown': (d) => ({
    message: `Generation ${d['generation']} holds no index ${d['index']}.`,
    safe: historySafe,
    hint: 'List what is there with: tidemark wal <url>.',
  }),
  'before-first-point': (d) => ({
    message: `${d['wanted']} lies before the first restore point, ${d['first']}.`,
    safe: historySafe,
    hint: `Restore ${d['first']} or later.`,
  }),
  'history-gap': (d) => ({
    message: `The history is incomplete: ${d['missing']} is missing from generation ${d['generation']}.`,
    safe: `${historySafe} Nothing was restored, because the result would be wrong.`,
    hint: nearest(d),
  }),
  'object-damaged': (d) => ({
    message: `${d['key']} is damaged: ${d['reason']}.`,
    safe: `${historySafe} Nothing was restored, because the result would be wrong.`,
    hint: nearest(d),
  }),
  'proof-failed': (d) => ({
    message: `The restored file is not what was captured: ${d['reason']}.`,
    safe: 'The restored file was removed; your database is untouched.',
    hint: nearest(d),
  }),
  'output-exists': (d) => ({
    message: `${d['path']} exists already.`,
    safe: 'It was not touched.',
    hint: 'Choose another name.',
  }),
  'output-sidecar': (d) => ({
    message: `A stale ${d['sidecar']} lies beside the new file’s place; SQLite would replay it into the restored database.`,
    safe: 'Nothing was written.',
    hint: 'Choose another name, or move that file away.',
  }),
  'output-folder-missing': (d) => ({
    message: `The folder ${d['path']} does not exist.`,
    safe: 'Nothing was written.',
    hint: 'Choose a folder that exists.',
  }),
  'output-no-permission': (d) => ({
    message: `Tidemark may not write to ${d['path']}.`,
    safe: 'Nothing was written.',
    hint: 'Choose another folder.',
  }),
  'output-full': (d) => ({
    message: `There is not enough room for the restored file: ${d['path']} is full.`,
    safe: 'The unfinished file was removed.',
    hint: 'Free some space or choose another disk.',
  }),
  // The application
  'data-folder-held': (d) => ({
    message: `The data folder ${d['path']} is in use by another Tidemark (process ${d['pid']} on ${d['machine']}).`,
    safe: 'That one goes on protecting.',
    hint: 'Use its window, stop it, or choose another folder with --data-dir.',
  }),
  'data-folder-unusable': (d) => ({
    message: `Tidemark cannot keep its state in ${d['path']}: ${d['reason']}.`,
    safe: 'Your databases are untouched.',
    hint: 'Choose another folder with --data-dir.',
  }),
  'too-many-files': (d) => ({
    message: `The system allows Tidemark no more open files, of which each database needs about twelve; ${d['path']} is not protected.`,
    safe: untouched,
    hint: 'Raise the limit (ulimit -n on Linux and macOS, LimitNOFILE= in a service) and start Tidemark again, or protect fewer databases.',
  }),
  'spool-full': (d) => ({
    message: `The disk with Tidemark’s own data (${d['path']}) is full.`,
    safe: 'Your database is untouched; what was shipped stays restorable.',
    hint: 'Free some space; capturing goes on by itself.',
  }),
  'disk-low': (d) => ({
    message: `Only ${d['free']} are left on the disk with Tidemark’s own data (${d['path']}).`,
    safe: 'Tidemark stepped aside, so that your applications keep what room there is; what was shipped stays restorable.',
    hint: 'Free some space; capturing goes on by itself, and catches up with what was changed meanwhile.',
  }),
  'config-invalid': (d) => ({
    message: `${d['path']}: ${d['reason']}.`,
    safe: 'Nothing was started.',
    hint: 'Correct the configuration and start again.',
  }),
  'path-unclear': (d) => ({
    message: `“${d['path']}” is not a whole path.`,
    hint: 'Write where it lies from the top: an absolute path, or one that begins with ~ for the home folder.',
  }),
  'invalid-argument': (d) => ({ message: `${d['reason']}.` }),
  'operation-not-found': () => ({ message: 'That operation is over.' }),
  cancelled: () => ({ message: 'Cancelled.', safe: 'Nothing was left behind.' }),
  'engine-stopped': () => ({
    message: 'The engine stopped unexpectedly.',
    safe: 'Your databases are untouched; what was shipped stays restorable.',
    hint: 'It is started again by itself.',
  }),
  'connection-lost': () => ({
    message: 'This window lost its connection to Tidemark.',
    safe: 'Where Tidemark is still running, protection goes on.',
    hint: 'The window connects again by itself.',
  }),
  'not-available': (d) => ({ message: `${d['what']} is not available here.` }),
  internal: (d) => ({
    message: `Something unexpected happened: ${d['reason']}.`,
    safe: 'Your databases are untouched.',
    hint: 'If it happens again, please report it.',
  }),
} as const satisfies Record<string, Say>;

export type ErrorCode = keyof typeof texts;

/** A failure with a code that users and callers can act upon. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  constructor(code: ErrorCode, details: ErrorDetails = {}, options: { readonly cause?: unknown } = {}) {
    super(describe(code, details).message, options);
    this.code = code;
    this.details = details;
  }

  /** The error as plain data, with its full text: what crosses threads and processes. */
  toData(): AppErrorData {
    return { code: this.code, ...describe(this.code, this.details), details: this.details };
  }

  /** The inverse of {@link toData}. */
  static fromData(data: AppErrorData): AppError {
    return new AppError(data.code, data.details);
  }
}

/** Whatever was thrown, as plain data; what nobody classified becomes `internal`. */
export function toErrorData(error: unknown): AppErrorData {
  if (error instanceof AppError) return error.toData();
  return new AppError('internal', { reason: reasonOf(error) }, { cause: error }).toData();
}

/** The one-line reason of a foreign error, without a closing full stop. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, ' ').replace(/\.$/, '');
}

/** The code of a system or SQLite error; empty where it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** What happened, what is safe, what to do, in one paragraph. */
export function errorSentence(data: AppErrorData): string {
  return [data.message, data.safe, data.hint].filter((part) => part !== undefined && part !== '').join(' ');
}

function describe(code: ErrorCode, details: ErrorDetails): Text {
  const strings = Object.fromEntries(Object.entries(details).map(([key, value]) => [key, String(value)]));
  const say: Say = texts[code];
  return say(strings);
}

function nearest(d: Readonly<Record<string, string>>): string {
  const { before, after } = d;
  if (before !== undefined && after !== undefined) {
    return `The nearest good restore points are ${before} (before) and ${after} (after).`;
  }
  if (before !== undefined) return `The nearest good restore point is ${before}.`;
  if (after !== undefined) return `The nearest good restore point is ${after}.`;
  return 'Choose another restore point, or another destination of this database.';
}
