// What lies at a place, judged by the first of its keys: a database's own history, other histories of ours, Litestream's of
// either line, other things. How a place is looked at is the tests' of folders and buckets.
import path from 'node:path';
import type { TargetTest } from '../../../shared/targets.ts';
import type { ReplicaRecord } from '../replica/record.ts';

export type Contents = NonNullable<TargetTest['contents']>;

/** The object that a connection test writes and deletes. One name: where it may not be deleted there is only ever one. */
export const testKey = 'tidemark-connection-test.tmp';
export const testBytes: Uint8Array = new TextEncoder().encode(
  'Tidemark wrote this to see whether it may. It can be deleted.\n',
);

const recordPath = /(?:^|\/)tidemark\.json$/;
/** Litestream v0.3's layout, which is ours too. */
const generationPath =
  /^(?<root>.*?)(?:^|\/)?generations\/[0-9a-f]{16}\/(?:snapshots\/[0-9a-f]{8}\.snapshot\.lz4|wal\/[0-9a-f]{8}_[0-9a-f]{8}\.wal\.lz4)$/;
/** Litestream v0.5's: by level, in four digits on S3, below `ltx` elsewhere. */
const ltxPath = /(?:^|\/)(?:[0-9a-f]{4}|ltx\/\d)\/[0-9a-f]{16}-[0-9a-f]{16}\.ltx$/;

/** For whom a place is tested. */
export interface Asking {
  /** The database that would be kept there; absolute. */
  readonly databasePath: string | undefined;
  readonly machineId: string;
}

/** A place, as far as it has to be looked at. */
export interface Sight {
  /** The record of a replica at a name, or at the place itself (empty); undefined where there is none that can be understood. */
  readonly record: (name: string) => Promise<ReplicaRecord | undefined>;
  /** The first keys. */
  readonly keys: () => Promise<readonly string[]>;
  readonly has: (key: string) => Promise<boolean>;
}

/** What lies at a place. */
export async function findContents({ record, keys, has }: Sight, asking: Asking): Promise<Contents> {
  const { databasePath } = asking;
  for (const name of databasePath === undefined ? [''] : [path.basename(databasePath), '']) {
    if (isOwnRecord(await record(name), asking)) return 'history-of-this';
  }
  const found = await keys();
  const records: string[] = [];
  for (const key of recordsToAskFor(found)) if (await has(key)) records.push(key);
  return judgeKeys(found, records);
}

/** What keys say; `records` are the keys of records that are known to be there, listed or not. */
function judgeKeys(keys: readonly string[], records: readonly string[]): Contents {
  const others = keys.filter((key) => key !== testKey && key !== '' && !key.endsWith('/'));
  if (records.length > 0 || others.some((key) => recordPath.test(key))) return 'tidemark-history';
  if (others.some((key) => generationPath.test(key))) return 'litestream-history';
  if (others.some((key) => ltxPath.test(key))) return 'litestream-05-history';
  return others.length > 0 ? 'other-things' : 'empty';
}

/** Where records of the histories among these keys would lie; they may lie behind what was listed. */
function recordsToAskFor(keys: readonly string[]): readonly string[] {
  const roots = keys.flatMap((key) => {
    const root = generationPath.exec(key)?.groups?.['root'];
    return root === undefined ? [] : [root];
  });
  return [...new Set(roots)].slice(0, 10).map((root) => (root === '' ? 'tidemark.json' : `${root}/tidemark.json`));
}

/** Whether a record is that of a database on this computer. */
function isOwnRecord(record: ReplicaRecord | undefined, { machineId, databasePath }: Asking): boolean {
  return record !== undefined && record.machine.id === machineId && record.path === databasePath;
}

/** Contents as the end of “It holds …”. */
export function contentsInWords(contents: Contents): string {
  switch (contents) {
    case 'new':
    case 'empty':
      return 'nothing yet';
    case 'history-of-this':
      return 'the history of this database already, which goes on';
    case 'tidemark-history':
      return 'histories of Tidemark already';
    case 'litestream-history':
      return 'a history of Litestream v0.3';
    case 'litestream-05-history':
      return 'a history of Litestream v0.5';
    case 'other-things':
      return 'other things too, which stay as they are';
  }
}
