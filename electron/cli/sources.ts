// Which replicas a command is about: a replica's address, or a configuration with or without the path of one database.
import { readFile } from 'node:fs/promises';
import { AppError, reasonOf } from '../../shared/errors.ts';
import type { Retention } from '../../shared/retention.ts';
import { type Config, parseConfig } from './config.ts';
import { toAbsolutePath, toReplicaUrl } from './options.ts';
import type { Terminal } from './output.ts';
import { isS3Url } from './s3.ts';
import type { EngineHost } from '../host/engine-host.ts';

/** What the commands that read replicas have in common. */
export interface SourceOptions {
  readonly config?: string;
  readonly replica?: string;
  /** False after `-no-expand-env`. */
  readonly expandEnv: boolean;
}

/** A command that reads replicas, as it was given. */
export interface SourceCommand<Options extends SourceOptions> {
  readonly subject: string | undefined;
  readonly options: Options;
  readonly terminal: Terminal;
  readonly openEngine: () => Promise<EngineHost>;
}

export interface Source {
  /** The database's own path, where a configuration names it. */
  readonly databasePath: string | undefined;
  readonly replicaName: string;
  /** May hold keys: not to be printed. */
  readonly url: string;
  /** What a configuration says about it. */
  readonly retention?: Retention | undefined;
}

/** Wrong use of the command line, as opposed to something that failed. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads a configuration file; throws `config-invalid`. */
export async function loadConfig(
  path: string,
  options: { readonly expandEnv: boolean; readonly note: (text: string) => void },
): Promise<Config> {
  const absolute = toAbsolutePath(path);
  let text: string;
  try {
    text = await readFile(absolute, 'utf8');
  } catch (error) {
    throw new AppError('config-invalid', { path: absolute, reason: readingReason(error) }, { cause: error });
  }
  const config = parseConfig(text, { path: absolute, env: options.expandEnv ? process.env : undefined });
  for (const notice of config.notices) options.note(`${absolute}: ${notice}\n`);
  return config;
}

/** The replicas that `<url>`, `-config` and `-replica` name together. */
export async function findSources(
  subject: string | undefined,
  options: SourceOptions & { readonly note: (text: string) => void },
): Promise<readonly Source[]> {
  const configPath = options.config ?? (isConfigFile(subject) ? subject : undefined);
  if (configPath === undefined) {
    if (subject === undefined) throw new UsageError('name a replica, or a configuration with -config');
    if (options.replica !== undefined) throw new UsageError('-replica chooses among the replicas of a -config');
    return [{ databasePath: undefined, replicaName: isS3Url(subject) ? 's3' : 'file', url: toReplicaUrl(subject) }];
  }
  const config = await loadConfig(configPath, options);
  const wanted = subject === undefined || subject === configPath ? undefined : toAbsolutePath(subject);
  const databases = config.databases.filter((database) => wanted === undefined || database.path === wanted);
  if (databases.length === 0) throw new UsageError(`${configPath} does not name the database ${wanted ?? ''}`);
  const sources = databases.flatMap((database) =>
    database.replicas
      .filter((replica) => options.replica === undefined || replica.name === options.replica)
      .map((replica) => ({
        databasePath: database.path,
        replicaName: replica.name,
        url: replica.url,
        retention: replica.retention,
      })),
  );
  if (sources.length === 0) throw new UsageError(`${configPath} names no replica “${options.replica ?? ''}” there`);
  return sources;
}

/** True for what can only be a configuration. */
export function isConfigFile(subject: string | undefined): boolean {
  return subject !== undefined && /\.ya?ml$/i.test(subject);
}

function readingReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a folder, not a file';
  if (code === 'EACCES') return 'it may not be read';
  return reasonOf(error);
}
