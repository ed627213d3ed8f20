// Reads a configuration in Litestream's YAML. Strict where Litestream is silent: an unknown key, a wrong value or an unset
// environment variable is an error that names its line. Keys that Tidemark accepts without needing them become notices.
import {
  type Document,
  LineCounter,
  type Node,
  type YAMLMap,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
} from 'yaml';
import { AppError } from '../shared/errors.ts';
import type { Retention } from '../shared/retention.ts';
import { readDuration, toAbsolutePath, toReplicaUrl } from './cli-options.ts';
import { formatBucket, formatS3Address, isS3Url, isSecretKey, s3Keys, type S3Key } from './cli-s3.ts';

export interface Config {
  readonly databases: readonly ConfigDatabase[];
  /** Sentences about keys that were accepted and have no effect. */
  readonly notices: readonly string[];
}

export interface ConfigDatabase {
  /** Absolute. */
  readonly path: string;
  readonly replicas: readonly ConfigReplica[];
}

export interface ConfigReplica {
  readonly name: string;
  /** May hold the keys that the configuration names: not to be printed. */
  readonly url: string;
  readonly syncIntervalMs?: number;
  readonly snapshotIntervalMs?: number;
  readonly retention?: Retention;
}

export interface ConfigOptions {
  /** Where the text came from, for messages. */
  readonly path: string;
  /** Undefined: `$NAME` and `${NAME}` stay as they are. */
  readonly env: Readonly<Record<string, string | undefined>> | undefined;
}

/** Keys that are accepted and need nothing here, with the reason. */
const needless: Readonly<Record<string, string>> = {
  'monitor-interval': 'Tidemark hears of each commit from the file system and need not look every so often',
  'checkpoint-interval': 'Tidemark checkpoints as the database is used',
  'min-checkpoint-page-count': 'Tidemark checkpoints as the database is used',
  'max-checkpoint-page-count': 'Tidemark checkpoints as the database is used',
  'truncate-page-n': 'Tidemark never truncates the WAL of a live database',
  'meta-path': 'what Tidemark needs locally lies in its data folder',
  'validation-interval': 'every restore is proven',
  logging: 'progress is printed as plain lines',
  'retention-check-interval': 'what is to go is looked for as snapshots are made',
};

/** Keys of Litestream's that Tidemark must not pass over in silence. */
const unsupported: Readonly<Record<string, string>> = {
  age: 'encryption is not supported yet',
  exec: 'starting another program is not supported',
  addr: 'serving metrics is not supported yet',
};

const globalKeys = ['dbs', 'snapshot', 'access-key-id', 'secret-access-key'] as const;
const databaseKeys = ['path', 'replicas', 'replica'] as const;
const bucketKeys = Object.keys(s3Keys) as readonly S3Key[];
const replicaKeys = [
  'type',
  'name',
  'path',
  'url',
  'bucket',
  'sync-interval',
  'snapshot-interval',
  'retention',
  ...bucketKeys,
] as const;

/** What replicas are given that do not say it themselves. */
interface Defaults {
  readonly snapshotMs: number | undefined;
  readonly retention: Retention | undefined;
  readonly access: ReadonlyMap<S3Key, string>;
}

/** Reads the text of a configuration; throws `config-invalid` with every finding and its line. */
export function parseConfig(text: string, options: ConfigOptions): Config {
  const reader = new Reader(text, options);
  const config = reader.readConfig();
  if (reader.findings.length > 0) {
    const reasons = reader.findings
      .toSorted((a, b) => a.line - b.line)
      .map(({ line, reason }) => `line ${line}: ${reason}`);
    throw new AppError('config-invalid', { path: options.path, reason: reasons.join('; ') });
  }
  return { databases: config, notices: [...reader.notices] };
}

/** One pass over one document; gathers findings instead of stopping at the first. */
class Reader {
  readonly findings: { readonly line: number; readonly reason: string }[] = [];
  readonly notices = new Set<string>();
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;
  readonly #options: ConfigOptions;

  constructor(text: string, options: ConfigOptions) {
    this.#options = options;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const error of this.#document.errors) {
      this.findings.push({ line: this.#lines.linePos(error.pos[0]).line, reason: error.message });
    }
  }

  readConfig(): readonly ConfigDatabase[] {
    const root = this.#document.contents;
    if (this.findings.length > 0) return [];
    const isEmpty = root === null || (isScalar(root) && root.value === null);
    const top = isEmpty ? new Map<string, Node>() : this.#map(root, 'the configuration', globalKeys);
    if (top === undefined) return [];
    const snapshot = this.#map(top.get('snapshot'), '“snapshot”', ['interval', 'retention']);
    const defaults: Defaults = {
      snapshotMs: this.#duration(snapshot?.get('interval')),
      retention: this.#retention(snapshot?.get('retention')),
      access: this.#bucketValues(top, ['access-key-id', 'secret-access-key']),
    };
    this.#checkAccess(defaults.access, top.get('access-key-id') ?? top.get('secret-access-key'));
    const nodes = this.#list(top.get('dbs'), { what: '“dbs”', missing: 'no databases: list them under “dbs”' });
    const databases = nodes.flatMap((node) => this.#database(node, defaults) ?? []);
    const twice = databases.find((database, i) => databases.findIndex((other) => other.path === database.path) !== i);
    if (twice !== undefined) this.#report(top.get('dbs'), `${twice.path} is listed twice`);
    return databases;
  }

  #database(node: Node, defaults: Defaults): ConfigDatabase | undefined {
    const map = this.#map(node, 'a database', databaseKeys);
    if (map === undefined) return undefined;
    const path = this.#string(map.get('path'));
    if (!map.has('path')) this.#report(node, 'the database has no “path”');
    const several = map.get('replicas');
    const single = map.get('replica');
    if (several !== undefined && single !== undefined) this.#report(single, 'write either “replica” or “replicas”');
    const missing = 'the database has no replicas';
    const nodes = single === undefined ? this.#list(several, { what: '“replicas”', missing, parent: node }) : [single];
    const replicas = nodes.flatMap((each) => this.#replica(each, defaults) ?? []);
    return path === undefined ? undefined : { path: toAbsolutePath(path), replicas };
  }

  #replica(node: Node, defaults: Defaults): ConfigReplica | undefined {
    // Litestream's current line also takes a bare address.
    const bare = isScalar(node) ? this.#string(node) : undefined;
    const map = bare === undefined ? this.#map(node, 'a replica', replicaKeys) : new Map<string, Node>();
    if (map === undefined) return undefined;
    const kind = this.#kindOf(map, bare);
    const address = bare ?? (kind === 's3' ? this.#bucket(map, node) : this.#folder(map, node));
    const values = this.#bucketValues(map, bucketKeys);
    if (kind === 'file' && values.size > 0) {
      for (const key of values.keys()) this.#report(map.get(key), `“${key}” belongs to replicas of the type “s3”`);
    }
    this.#checkAccess(values, map.get('access-key-id') ?? map.get('secret-access-key'));
    const syncIntervalMs = this.#duration(map.get('sync-interval'));
    const snapshotIntervalMs = this.#duration(map.get('snapshot-interval')) ?? defaults.snapshotMs;
    const retention = this.#retention(map.get('retention')) ?? defaults.retention;
    if (address === undefined) return undefined;
    const isOwn = values.has('access-key-id') || values.has('profile') || /[?&]access-?key-?id=/i.test(address);
    const all = isOwn ? values : new Map([...defaults.access, ...values]);
    return {
      name: this.#string(map.get('name')) ?? kind,
      url: kind === 's3' ? formatS3Address(address, all) : toReplicaUrl(address),
      ...(syncIntervalMs === undefined ? {} : { syncIntervalMs }),
      ...(snapshotIntervalMs === undefined ? {} : { snapshotIntervalMs }),
      ...(retention === undefined ? {} : { retention }),
    };
  }

  #kindOf(map: ReadonlyMap<string, Node>, bare: string | undefined): 'file' | 's3' {
    const type = this.#string(map.get('type'));
    if (type !== undefined && type !== 'file' && type !== 's3') {
      this.#report(map.get('type'), `replicas of the type “${type}” are not supported yet; use “file” or “s3”`);
    }
    const address = bare ?? this.#string(map.get('url')) ?? '';
    const isS3 = type === 's3' || (type === undefined && map.has('bucket')) || isS3Url(address);
    if (isS3 && address !== '' && !isS3Url(address)) this.#report(map.get('url'), 'the “url” is not one of S3');
    if (isS3 && type === 'file') this.#report(map.get('type'), 'the “url” is not that of a folder');
    return isS3 ? 's3' : 'file';
  }

  #folder(map: ReadonlyMap<string, Node>, node: Node): string | undefined {
    if (map.has('url') && map.has('path')) this.#report(map.get('path'), 'write either “url” or “path”');
    if (!map.has('url') && !map.has('path')) this.#report(node, 'the replica needs a “url” or a “path”');
    if (map.has('bucket')) this.#report(map.get('bucket'), '“bucket” belongs to replicas of the type “s3”');
    return this.#string(map.get('url')) ?? this.#string(map.get('path'));
  }

  #bucket(map: ReadonlyMap<string, Node>, node: Node): string | undefined {
    const url = this.#string(map.get('url'));
    const bucket = this.#string(map.get('bucket'));
    const path = this.#string(map.get('path'));
    if (url === undefined && bucket === undefined) {
      if (!map.has('url') && !map.has('bucket')) this.#report(node, 'the replica needs a “bucket” or a “url”');
      return undefined;
    }
    if (url === undefined) return bucket === undefined ? undefined : formatBucket(bucket, path);
    if (bucket !== undefined) this.#report(map.get('bucket'), 'write either “url” or “bucket”');
    if (path !== undefined) this.#report(map.get('path'), 'write either “url” or “path”');
    return url;
  }

  #bucketValues(map: ReadonlyMap<string, Node>, keys: readonly S3Key[]): ReadonlyMap<S3Key, string> {
    const found = keys.flatMap((key) => {
      const node = map.get(key);
      const value = node === undefined ? undefined : this.#string(node, { isSecret: isSecretKey(key) });
      return value === undefined ? [] : [[key, value] as const];
    });
    return new Map(found);
  }

  #checkAccess(values: ReadonlyMap<S3Key, string>, at: Node | undefined): void {
    if (values.has('access-key-id') === values.has('secret-access-key')) return;
    this.#report(at, '“access-key-id” and “secret-access-key” belong together');
  }

  /** As Litestream has it: everything for a while, and nothing of what is older. */
  #retention(value: Node | undefined): Retention | undefined {
    const windowMs = this.#duration(value);
    return windowMs === undefined ? undefined : { kind: 'thinned', windowMs, dailyMs: 0, weeklyMs: 0 };
  }

  /** The known keys of a map; every other key is reported or noticed. */
  #map(value: Node | undefined | null, what: string, keys: readonly string[]): ReadonlyMap<string, Node> | undefined {
    if (value === undefined) return undefined;
    const node = this.#follow(value);
    if (!isMap(node)) {
      this.#report(value, `${what} must be a list of keys with values`);
      return undefined;
    }
    return new Map(
      this.#entries(node)
        .filter(([key, , at]) => this.#isKnown(key, keys, at))
        .map(([key, child]) => [key, child]),
    );
  }

  #entries(map: YAMLMap): readonly (readonly [key: string, value: Node, at: Node])[] {
    return map.items.flatMap(({ key, value }) => {
      const at = key as Node;
      if (!isScalar(at)) return [];
      return [[String(at.value), (value ?? at) as Node, at] as const];
    });
  }

  #isKnown(key: string, keys: readonly string[], at: Node): boolean {
    if (keys.includes(key)) return true;
    const needlessReason = needless[key];
    const unsupportedReason = unsupported[key];
    if (unsupportedReason !== undefined) this.#report(at, `“${key}”: ${unsupportedReason}`);
    else if (needlessReason !== undefined) this.notices.add(`“${key}” has no effect: ${needlessReason}.`);
    else this.#report(at, `unknown key “${key}”${suggestion(key, keys)}`);
    return false;
  }

  /** The entries of a list that must have some; `parent` is where it is missed. */
  #list(
    value: Node | undefined,
    { what, missing, parent }: { readonly what: string; readonly missing: string; readonly parent?: Node },
  ): readonly Node[] {
    const node = value === undefined ? undefined : this.#follow(value);
    if (node !== undefined && !isSeq(node)) {
      this.#report(value, `${what} must be a list`);
      return [];
    }
    const items = (node?.items ?? []) as Node[];
    if (items.length === 0) this.#report(value ?? parent, missing);
    return items;
  }

  #duration(value: Node | undefined): number | undefined {
    const text = this.#string(value);
    if (text === undefined) return undefined;
    const reading = readDuration(text);
    if (reading.kind === 'read') return reading.value;
    this.#report(value, reading.reason);
    return undefined;
  }

  #string(value: Node | undefined, { isSecret = false } = {}): string | undefined {
    if (value === undefined) return undefined;
    const node = this.#follow(value);
    const plain = isScalar(node) ? node.value : undefined;
    if (typeof plain === 'number' || typeof plain === 'boolean') return String(plain);
    if (typeof plain === 'string' && plain !== '') return this.#expand(plain, value, isSecret);
    this.#report(value, 'a text is missing here');
    return undefined;
  }

  #expand(text: string, at: Node, isSecret: boolean): string {
    const { env } = this.#options;
    if (env === undefined) return text;
    return text.replace(/\$(?:\{([^}]*)\}|([A-Za-z_]\w*))/g, (whole, braced?: string, plain?: string) => {
      const name = braced ?? plain ?? '';
      const value = env[name];
      if (value !== undefined) return value;
      // What looks like a name may be a part of the secret itself.
      const which = isSecret ? 'an environment variable that it names' : `the environment variable ${name}`;
      this.#report(at, `${which} is not set`);
      return whole;
    });
  }

  #follow(node: Node | null): Node | undefined {
    if (node === null) return undefined;
    return isAlias(node) ? node.resolve(this.#document) : node;
  }

  #report(at: Node | undefined | null, reason: string): void {
    const offset = at?.range?.[0] ?? 0;
    const { line } = this.#lines.linePos(offset);
    if (this.findings.some((finding) => finding.line === line && finding.reason === reason)) return;
    this.findings.push({ line, reason });
  }
}

function suggestion(key: string, keys: readonly string[]): string {
  const near = [...keys, ...Object.keys(needless)].find((known) => distance(known, key) <= 2);
  return near === undefined ? '' : ` (did you mean “${near}”?)`;
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
