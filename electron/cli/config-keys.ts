// The keys of Litestream's configurations, of both lines: those that Tidemark reads, those that it needs not, those that it must not
// pass over in silence. Data, and how a wrong key is told from a right one.
import { s3Keys, type S3Key } from './s3.ts';

export const bucketKeys = Object.keys(s3Keys) as readonly S3Key[];

/** What replicas are given that do not say it themselves. */
const defaultKeys = ['sync-interval', 'snapshot-interval', 'retention', ...bucketKeys] as const;

export const globalKeys = ['dbs', 'snapshot', ...defaultKeys] as const;
export const databaseKeys = ['path', 'snapshot', 'replicas', 'replica', 'restore-if-db-not-exists'] as const;
export const snapshotKeys = ['interval', 'retention'] as const;
export const retentionKeys = ['enabled'] as const;
export const replicaKeys = ['type', 'name', 'path', 'url', 'bucket', ...defaultKeys] as const;

const ownPace = 'Tidemark checkpoints as the database is used';
const noLevels = 'Tidemark keeps no levels that would have to be merged';

/** Keys that are accepted and need nothing here, with the reason. */
const needless: Readonly<Record<string, string>> = {
  'monitor-interval': 'Tidemark hears of each commit from the file system and need not look every so often',
  'checkpoint-interval': ownPace,
  'min-checkpoint-page-count': ownPace,
  'max-checkpoint-page-count': ownPace,
  'truncate-page-n': 'Tidemark never truncates the WAL of a live database',
  'busy-timeout': 'Tidemark waits for nobody who writes',
  'max-sync-wal-bytes': 'Tidemark cuts what it ships by itself',
  'max-sync-ltx-files': 'Tidemark cuts what it ships by itself',
  'auto-recover': 'what is damaged or lost at a destination is put there again by itself',
  'meta-path': 'what Tidemark needs locally lies in its data folder',
  'meta-dir': 'what Tidemark needs locally lies in its data folder',
  'validation-interval': 'every restore is proven',
  validation: 'every restore is proven',
  'verify-compaction': noLevels,
  levels: noLevels,
  'l0-retention': noLevels,
  'l0-retention-check-interval': noLevels,
  logging: 'progress is printed as plain lines',
  socket: 'a running “replicate” says how it stands at SIGUSR2',
  'shutdown-sync-timeout': 'what is captured is shipped within nine seconds, or waits for the next start',
  'shutdown-sync-interval': 'what is captured is shipped within nine seconds, or waits for the next start',
  'retention-check-interval': 'what is to go is looked for as snapshots are made',
};

const noServing = 'serving metrics is not supported yet';
const noHeartbeat = 'telling another server that all is well is not supported';
const noFolders = 'whole folders of databases are not supported: list each one with its “path”';
const noOwnKey = 'encryption with a key of your own (SSE-C) is not supported';

/** Keys of Litestream's that Tidemark must not pass over in silence. */
const unsupported: Readonly<Record<string, string>> = {
  age: 'encryption is not supported yet',
  exec: 'starting another program is not supported',
  addr: noServing,
  'mcp-addr': 'serving MCP is not supported',
  'heartbeat-url': noHeartbeat,
  'heartbeat-interval': noHeartbeat,
  dir: noFolders,
  pattern: noFolders,
  recursive: noFolders,
  watch: noFolders,
  'sse-customer-algorithm': noOwnKey,
  'sse-customer-key': noOwnKey,
  'sse-customer-key-path': noOwnKey,
};

/** What a key means that is none of `keys`. */
export type ForeignKey =
  { readonly kind: 'needless'; readonly notice: string } | { readonly kind: 'refused'; readonly reason: string };

/** Judges a key that is none of `keys`. */
export function judgeKey(key: string, keys: readonly string[]): ForeignKey {
  const [refusal, reason] = [unsupported[key], needless[key]];
  if (refusal !== undefined) return { kind: 'refused', reason: `“${key}”: ${refusal}` };
  if (reason !== undefined) return { kind: 'needless', notice: `“${key}” has no effect: ${reason}.` };
  const near = [...keys, ...Object.keys(needless)].find((known) => distance(known, key) <= 2);
  const suggestion = near === undefined ? '' : ` (did you mean “${near}”?)`;
  return { kind: 'refused', reason: `unknown key “${key}”${suggestion}` };
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
