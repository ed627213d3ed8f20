// Reads a configuration in Litestream's YAML, of either line. Strict where Litestream is silent: an unknown key, a wrong value or an
// unset environment variable is an error that names its line. Keys that Tidemark accepts without needing them become notices.
import type { Node } from 'yaml';
import { AppError } from '../../shared/errors.ts';
import type { Retention } from '../../shared/retention.ts';
import { bucketKeys, databaseKeys, globalKeys, replicaKeys, retentionKeys, snapshotKeys } from './config-keys.ts';
import { toAbsolutePath, toReplicaUrl } from './options.ts';
import { formatBucket, formatS3Address, isS3Url, isSecretKey, saysOfBucket, type S3Key } from './s3.ts';
import { YamlReader } from './yaml.ts';

export interface Config {
  readonly databases: readonly ConfigDatabase[];
  /** Sentences about keys that were accepted and have no effect. */
  readonly notices: readonly string[];
}

export interface ConfigDatabase {
  /** Absolute. */
  readonly path: string;
  readonly replicas: readonly ConfigReplica[];
  /** Where it is not there, it is restored before it is protected. */
  readonly restoreIfMissing?: boolean;
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

type Keys = ReadonlyMap<string, Node>;

/** What replicas are given that do not say it themselves. */
interface Defaults {
  readonly syncMs: number | undefined;
  readonly snapshotMs: number | undefined;
  readonly retention: Retention | undefined;
  /** Nothing is ever deleted, whatever a replica says of its retention. */
  readonly keepsAll: boolean;
  readonly bucket: ReadonlyMap<S3Key, string>;
}

const keepAll: Retention = { kind: 'keep-all' };

/** Reads the text of a configuration; throws `config-invalid` with every finding and its line. */
export function parseConfig(text: string, options: ConfigOptions): Config {
  const reader = new ConfigReader(text, options);
  const databases = reader.readConfig();
  if (reader.findings.length > 0) {
    const reasons = reader.findings
      .toSorted((a, b) => a.line - b.line)
      .map(({ line, reason }) => `line ${line}: ${reason}`);
    throw new AppError('config-invalid', { path: options.path, reason: reasons.join('; ') });
  }
  return { databases, notices: [...reader.notices] };
}

class ConfigReader extends YamlReader {
  readConfig(): readonly ConfigDatabase[] {
    const top = this.root('the configuration', globalKeys);
    if (top === undefined) return [];
    const retention = this.#retention(top.get('retention'));
    const snapshot = this.#snapshot(top, { snapshotMs: this.duration(top.get('snapshot-interval')), retention });
    const defaults: Defaults = {
      ...snapshot,
      syncMs: this.duration(top.get('sync-interval')),
      keepsAll: retention?.kind === 'keep-all',
      bucket: this.#bucketValues(top),
    };
    this.#checkAccess(defaults.bucket, top);
    const nodes = this.list(top.get('dbs'), { what: '“dbs”', missing: 'no databases: list them under “dbs”' });
    const databases = nodes.flatMap((node) => this.#database(node, defaults) ?? []);
    const twice = databases.find((database, i) => databases.findIndex((other) => other.path === database.path) !== i);
    if (twice !== undefined) this.report(top.get('dbs'), `${twice.path} is listed twice`);
    return databases;
  }

  /** What “snapshot” says, of all databases or of one. */
  #snapshot(
    map: Keys,
    { snapshotMs, retention }: Pick<Defaults, 'snapshotMs' | 'retention'>,
  ): Pick<Defaults, 'snapshotMs' | 'retention'> {
    const snapshot = this.map(map.get('snapshot'), { what: '“snapshot”', keys: snapshotKeys });
    return {
      snapshotMs: this.duration(snapshot?.get('interval')) ?? snapshotMs,
      retention: this.#retention(snapshot?.get('retention')) ?? retention,
    };
  }

  #database(node: Node, globals: Defaults): ConfigDatabase | undefined {
    const map = this.map(node, { what: 'a database', keys: databaseKeys });
    if (map === undefined) return undefined;
    const defaults = { ...globals, ...this.#snapshot(map, globals) };
    const path = this.string(map.get('path'));
    if (!map.has('path')) this.report(node, 'the database has no “path”');
    const several = map.get('replicas');
    const single = map.get('replica');
    if (several !== undefined && single !== undefined) this.report(single, 'write either “replica” or “replicas”');
    const missing = 'the database has no replicas';
    const nodes = single === undefined ? this.list(several, { what: '“replicas”', missing, parent: node }) : [single];
    const replicas = nodes.flatMap((each) => this.#replica(each, defaults) ?? []);
    const restoreIfMissing = this.flag(map.get('restore-if-db-not-exists'));
    if (path === undefined) return undefined;
    return {
      path: toAbsolutePath(path),
      replicas,
      ...(restoreIfMissing === undefined ? {} : { restoreIfMissing }),
    };
  }

  #replica(node: Node, defaults: Defaults): ConfigReplica | undefined {
    // Litestream's current line also takes a bare address.
    const bare = this.isValue(node) ? this.string(node) : undefined;
    const map = bare === undefined ? this.map(node, { what: 'a replica', keys: replicaKeys }) : new Map<string, Node>();
    if (map === undefined) return undefined;
    const kind = this.#kindOf(map, bare);
    const address = bare ?? (kind === 's3' ? this.#bucket(map, node) : this.#folder(map, node));
    const values = this.#bucketValues(map);
    if (kind === 'file' && values.size > 0) {
      for (const key of values.keys()) this.report(map.get(key), `“${key}” belongs to replicas of the type “s3”`);
    }
    this.#checkAccess(values, map);
    const syncIntervalMs = this.duration(map.get('sync-interval')) ?? defaults.syncMs;
    const snapshotIntervalMs = this.duration(map.get('snapshot-interval')) ?? defaults.snapshotMs;
    const own = this.#retention(map.get('retention')) ?? defaults.retention;
    const retention = defaults.keepsAll ? keepAll : own;
    if (address === undefined) return undefined;
    return {
      name: this.string(map.get('name')) ?? kind,
      url:
        kind === 's3'
          ? formatS3Address(address, withDefaults(address, values, defaults.bucket))
          : toReplicaUrl(address),
      ...(syncIntervalMs === undefined ? {} : { syncIntervalMs }),
      ...(snapshotIntervalMs === undefined ? {} : { snapshotIntervalMs }),
      ...(retention === undefined ? {} : { retention }),
    };
  }

  #kindOf(map: Keys, bare: string | undefined): 'file' | 's3' {
    const type = this.string(map.get('type'));
    if (type !== undefined && type !== 'file' && type !== 's3') {
      this.report(map.get('type'), `replicas of the type “${type}” are not supported yet; use “file” or “s3”`);
    }
    const address = bare ?? this.string(map.get('url')) ?? '';
    const isS3 = type === 's3' || (type === undefined && map.has('bucket')) || isS3Url(address);
    if (isS3 && address !== '' && !isS3Url(address)) this.report(map.get('url'), 'the “url” is not one of S3');
    if (isS3 && type === 'file') this.report(map.get('type'), 'the “url” is not that of a folder');
    return isS3 ? 's3' : 'file';
  }

  #folder(map: Keys, node: Node): string | undefined {
    if (map.has('url') && map.has('path')) this.report(map.get('path'), 'write either “url” or “path”');
    if (!map.has('url') && !map.has('path')) this.report(node, 'the replica needs a “url” or a “path”');
    if (map.has('bucket')) this.report(map.get('bucket'), '“bucket” belongs to replicas of the type “s3”');
    return this.string(map.get('url')) ?? this.string(map.get('path'));
  }

  #bucket(map: Keys, node: Node): string | undefined {
    const url = this.string(map.get('url'));
    const bucket = this.string(map.get('bucket'));
    const path = this.string(map.get('path'));
    if (url === undefined && bucket === undefined) {
      if (!map.has('url') && !map.has('bucket')) this.report(node, 'the replica needs a “bucket” or a “url”');
      return undefined;
    }
    if (url === undefined) return bucket === undefined ? undefined : formatBucket(bucket, path);
    if (bucket !== undefined) this.report(map.get('bucket'), 'write either “url” or “bucket”');
    if (path !== undefined) this.report(map.get('path'), 'write either “url” or “path”');
    return url;
  }

  #bucketValues(map: Keys): ReadonlyMap<S3Key, string> {
    const found = bucketKeys.flatMap((key) => {
      const value = this.string(map.get(key), { isSecret: isSecretKey(key) });
      return value === undefined ? [] : [[key, value] as const];
    });
    return new Map(found);
  }

  #checkAccess(values: ReadonlyMap<S3Key, string>, map: Keys): void {
    if (values.has('access-key-id') === values.has('secret-access-key')) return;
    const at = map.get('access-key-id') ?? map.get('secret-access-key');
    this.report(at, '“access-key-id” and “secret-access-key” belong together');
  }

  /**
   * As Litestream has it: everything for a while, and nothing of what is older; no time at all, or `enabled: false`, turns it off,
   * and everything stays.
   */
  #retention(value: Node | undefined): Retention | undefined {
    if (value === undefined) return undefined;
    if (!this.isValue(value)) {
      const map = this.map(value, { what: '“retention”', keys: retentionKeys });
      return this.flag(map?.get('enabled')) === false ? keepAll : undefined;
    }
    const windowMs = this.duration(value);
    if (windowMs === undefined) return undefined;
    return windowMs === 0 ? keepAll : { kind: 'thinned', windowMs, dailyMs: 0, weeklyMs: 0 };
  }
}

const accessKeys: ReadonlySet<S3Key> = new Set(['access-key-id', 'secret-access-key', 'session-token', 'profile']);

/** What is said of a bucket, and what all others say where it does not; keys and profiles are one choice. */
function withDefaults(
  address: string,
  values: ReadonlyMap<S3Key, string>,
  defaults: ReadonlyMap<S3Key, string>,
): ReadonlyMap<S3Key, string> {
  const isSaid = (key: S3Key) => values.has(key) || saysOfBucket(address, key);
  const hasAccess = [...accessKeys].some(isSaid);
  const missing = [...defaults].filter(([key]) => !isSaid(key) && !(hasAccess && accessKeys.has(key)));
  return new Map([...missing, ...values]);
}
