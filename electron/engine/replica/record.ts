// The replica record: what makes a target self-describing, so that a new computer can list every database on it.
// Human-readable JSON at the replica's root; never holds a secret. Pure but for the target that is handed in.
import { z } from 'zod';
import { AppError, reasonOf } from '../../../shared/errors.ts';
import { longestName, type NamedMoment } from '../../../shared/named-points.ts';
import { plainLine } from '../../../shared/plain-text.ts';
import { holderSchema } from './holder-note.ts';
import {
  generationSchema,
  indexSchema,
  instantSchema,
  maxRecordBytes,
  offsetSchema,
  pageSizeSchema,
  sequenceSchema,
} from './bounds.ts';
import { recordKey } from './keys.ts';
import type { ObjectInfo, ObjectReader } from './object.ts';

const text = z.string().max(4096);

const namedSchema = z.object({
  name: text,
  generation: generationSchema,
  index: indexSchema,
  offset: offsetSchema,
  /** Of the transaction. */
  at: instantSchema,
  namedAt: instantSchema,
});

/** Of a user or a group; the greatest number stands for none. */
const mostId = 2 ** 32 - 2;

const recordSchema = z.object({
  v: z.literal(1),
  /** The database's file name. */
  database: text,
  databaseId: text,
  /** Where the database lay on the machine that wrote this. */
  path: text,
  machine: z.object({ name: text, id: text }),
  pageSize: pageSizeSchema,
  createdAt: instantSchema,
  /** Version of the application that wrote this. */
  by: text,
  encryption: z.literal('none'),
  /** Who could do what with the database, there: its permission bits, owner and group. */
  access: z
    .object({ mode: z.int().min(0).max(0o777), uid: z.int().min(0).max(mostId), gid: z.int().min(0).max(mostId) })
    .optional(),
  /** Changes whenever somebody begins to write here: who finds another one than his own has lost the place. */
  claim: text.optional(),
  /** When that was. */
  claimedAt: instantSchema.optional(),
  /** Who claimed it, where the system names processes. */
  holder: holderSchema.optional(),
  /** The generation that was begun last, and the greatest sequence that was given: whoever begins another one gives a greater one. */
  latest: z.object({ generation: generationSchema, sequence: sequenceSchema }).optional(),
  /** Restore points with names: whoever deletes here leaves what they need. Absent where there are none. */
  named: z.array(namedSchema).optional(),
});

const versionSchema = z.object({ v: z.int() });

export type ReplicaRecord = z.infer<typeof recordSchema>;

/** A record, and the tag of the object that it was read from. */
export interface FoundRecord {
  /** Undefined where it cannot be understood. */
  readonly record: ReplicaRecord | undefined;
  /** Why not. */
  readonly problem?: AppError;
  /** A version wrote it that knows more. */
  readonly isNewer?: boolean;
  readonly tag: string | undefined;
}

interface RecordReader extends ObjectReader {
  list(
    prefix: string,
    options: { readonly signal: AbortSignal },
  ): Promise<readonly (ObjectInfo & { readonly tag?: string })[]>;
}

type WriteCondition = { readonly kind: 'absent' } | { readonly kind: 'same'; readonly tag: string };

interface RecordWriter {
  put(
    key: string,
    body: Uint8Array,
    options: { readonly condition?: WriteCondition; readonly signal: AbortSignal },
  ): Promise<unknown>;
}

/** The record of a replica; undefined where there is none. Throws `object-damaged` where it cannot be understood. */
export async function readRecord(
  target: RecordReader,
  options: { readonly signal: AbortSignal },
): Promise<ReplicaRecord | undefined> {
  const found = await findRecord(target, options);
  if (found?.problem !== undefined) throw found.problem;
  return found?.record;
}

/** The same for somebody who only reads: a record that cannot be understood hides nothing of the history beside it. */
export async function lookForRecord(
  target: RecordReader,
  options: { readonly signal: AbortSignal },
): Promise<{ readonly record: ReplicaRecord | undefined; readonly problem?: AppError }> {
  try {
    return { record: await readRecord(target, options) };
  } catch (error) {
    if (!(error instanceof AppError) || (error.code !== 'object-damaged' && error.code !== 'object-missing'))
      throw error;
    return { record: undefined, problem: error };
  }
}

/** The same with its tag, by which {@link replaceRecord} knows whether it is still there. */
export async function findRecord(
  target: RecordReader,
  options: { readonly signal: AbortSignal },
): Promise<FoundRecord | undefined> {
  const found = (await target.list(recordKey, options)).find((object) => object.key === recordKey);
  if (found === undefined) return undefined;
  const { tag } = found;
  const json = await readJson(target, options);
  if (json === undefined) return { record: undefined, problem: notUnderstood('it is longer than any record'), tag };
  return { ...parseRecord(json), tag };
}

/** Undefined for what is longer than any record. */
async function readJson(target: RecordReader, options: { readonly signal: AbortSignal }): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let json = '';
  for await (const chunk of target.get(recordKey, options)) {
    json += decoder.decode(chunk, { stream: true });
    if (json.length > maxRecordBytes) return undefined;
  }
  return json + decoder.decode();
}

/**
 * Writes the record where `found` is still what lies there (undefined: nothing), as far as the target can compare; returns
 * whether it was.
 */
export async function replaceRecord(
  target: RecordWriter,
  found: FoundRecord | undefined,
  { record, signal }: { readonly record: ReplicaRecord; readonly signal: AbortSignal },
): Promise<boolean> {
  const tag = found?.tag;
  const condition: WriteCondition | undefined =
    found === undefined ? { kind: 'absent' } : tag === undefined ? undefined : { kind: 'same', tag };
  try {
    await writeRecord(target, record, { signal, ...(condition === undefined ? {} : { condition }) });
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'object-changed') return false;
    throw error;
  }
}

/** Writes the record, replacing the one that is there. */
export async function writeRecord(
  target: RecordWriter,
  record: ReplicaRecord,
  options: { readonly condition?: WriteCondition; readonly signal: AbortSignal },
): Promise<void> {
  await target.put(recordKey, new TextEncoder().encode(`${JSON.stringify(record, undefined, 2)}\n`), options);
}

/** What has a name, as a record says it. */
export function formatNamed(points: readonly NamedMoment[]): ReplicaRecord['named'] {
  if (points.length === 0) return undefined;
  return points.map(({ name, position: { generation, index, offset }, at, namedAt }) => {
    return { name, generation, index, offset, at, namedAt };
  });
}

/** The inverse of {@link formatNamed}. */
export function parseNamed({ named = [] }: Pick<ReplicaRecord, 'named'>): readonly NamedMoment[] {
  // All of them, for what they need stays; as long as one can be, with nothing in it that lines or terminals obey.
  return named.map(({ name: said, generation, index, offset, at, namedAt }) => {
    const name = plainLine(said).slice(0, longestName);
    return { name, position: { generation, index, offset }, at, namedAt };
  });
}

function parseRecord(json: string): Omit<FoundRecord, 'tag'> {
  try {
    const content: unknown = JSON.parse(json);
    const { v } = versionSchema.parse(content);
    if (v > 1) {
      return { record: undefined, problem: notUnderstood('a newer version of Tidemark wrote it'), isNewer: true };
    }
    return { record: recordSchema.parse(content) };
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error).replaceAll('\n', ' ') : reasonOf(error);
    return { record: undefined, problem: notUnderstood(json === '' ? 'it is empty' : reason, error) };
  }
}

function notUnderstood(reason: string, cause?: unknown): AppError {
  return new AppError('object-damaged', { key: recordKey, reason }, { cause });
}
