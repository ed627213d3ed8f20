// The objects below one prefix of one bucket: what a target does, as requests. Lists page by page; puts bytes by one request
// and streams by an upload in parts; deletes many at once where the server can. What a server does not know is noticed once
// and done without.
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  type MultipartUpload,
} from '@aws-sdk/client-s3';
import { AppError } from '../../../shared/errors.ts';
import { type Provider, providers } from '../../../shared/providers.ts';
import type { S3Address } from './s3-address.ts';
import type { S3Access } from './s3-client.ts';
import { makeS3Context, type S3Context } from './s3-context.ts';
import { isNotSupported, isWorthRepeating, statusOf } from './s3-errors.ts';
import { listFolders, listObjects } from './s3-listing.ts';
import { putObject } from './s3-put.ts';
import { readObject } from './s3-read.ts';
import { partSizes, type Stored, uploadStream } from './s3-upload.ts';
import type { Looked, PutCondition, Target } from './target.ts';

export type S3Objects = Required<Target>;

/** Of a replica; replica/keys.ts. */
const recordKey = 'tidemark.json';
const mostKeysAtOnce = 1000;
const deletesAtOnce = 4;
const leftoverAfterMs = 24 * 60 * 60 * 1000;
/** Objects that Tidemark writes, seen from a replica's root: what lies deeper is another's. */
const ownKey = /^(tidemark\.json|generations\/[0-9a-f]{16}\/(snapshots|wal)\/[0-9a-f_]+\.(snapshot|wal)\.lz4)$/;

/** The objects at an address. Sends nothing yet. */
export function openS3Objects(address: S3Address, access: S3Access): S3Objects {
  const context = makeS3Context(address, access);
  const state = { ...providers[address.provider] };
  const { partBytes: asked } = address;
  const partBytes = asked === undefined ? partSizes(state) : () => asked;
  return {
    url: address.url,
    tellsTraffic: true,
    list: async (prefix, { signal }) => await listObjects(context, prefix, { signal }),
    async put(key, body, { condition, signal }) {
      signal.throwIfAborted();
      if (body instanceof Uint8Array) return await putWhole(context, state, { key, body, condition, signal });
      return await uploadStream(context, {
        key,
        body,
        signal,
        partBytes,
        partsAtOnce: Math.min(3, address.concurrency ?? state.concurrency),
        whole: async (bytes) => await putWhole(context, state, { key, body: bytes, condition, signal }),
      });
    },
    get: (key, { range, signal }) => readObject(context, { key, range, signal }),
    async delete(keys, { signal }) {
      signal.throwIfAborted();
      for (let at = 0; at < keys.length; at += mostKeysAtOnce) {
        await deleteSome(context, state, { keys: keys.slice(at, at + mostKeysAtOnce), signal });
      }
    },
    removeLeftovers: async ({ now, signal }) => await removeLeftovers(context, now, signal),
    // A bucket dates what it gets by its own clock.
    dateBack: async () => {},
    look: async (folders, { signal }) => await look(context, folders, signal),
  };
}

/** Of a folder below a folder only the upper one is seen. */
async function look(context: S3Context, folders: readonly string[], signal: AbortSignal): Promise<Looked> {
  const found = await listFolders(context, { signal });
  const isGone = (folder: string) => !found?.has(folder.slice(0, folder.indexOf('/') + 1));
  return { gone: found === undefined ? [] : folders.filter(isGone), barred: new Map() };
}

interface PutWhole {
  readonly key: string;
  readonly body: Uint8Array;
  readonly condition: PutCondition | undefined;
  readonly signal: AbortSignal;
}

async function putWhole(
  context: S3Context,
  state: { hasConditionalWrites: boolean },
  { key, body, condition, signal }: PutWhole,
): Promise<Stored> {
  const provider = providers[context.address.provider];
  const { connection } = context;
  const isChecked = condition !== undefined && state.hasConditionalWrites && connection.compares !== false;
  const request = {
    Bucket: context.address.bucket,
    Key: context.fullKey(key),
    // A view of the same bytes: only a buffer is sent with its length and hash, never in chunks.
    Body: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    ...context.writing,
    ...(!isChecked ? {} : condition.kind === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: condition.tag }),
  };
  let attempts = 0;
  const outcome = await context.connection
    .send<'stored' | 'unsupported'>(
      context.place('write objects', key),
      async (client, { abortSignal, attempt }) => {
        attempts = attempt;
        try {
          await putObject(client, request, { provider, abortSignal });
          return 'stored';
        } catch (error) {
          if (isChecked && isNotSupported(error)) return 'unsupported';
          throw error;
        }
      },
      { signal },
    )
    .catch(async (error: unknown) => {
      if (!isChecked || !(error instanceof AppError)) throw error;
      // What is to be the same is gone.
      const isGone = condition.kind === 'same' && error.code === 'object-missing';
      if (error.code !== 'object-changed' && !isGone) throw error;
      // The answer to an earlier attempt may have been lost: then it is our own object that stands in the way.
      if (attempts > 1 && (await holds(context, key, body, signal))) {
        connection.compares = true;
        return 'stored';
      }
      // Some servers refuse whatever they do not understand.
      const lying = (await listObjects(context, key, { signal })).find((object) => object.key === key);
      const isTrue = condition.kind === 'absent' ? lying === undefined : lying?.tag === condition.tag;
      if (isTrue) return 'unsupported';
      connection.compares = true;
      throw new AppError('object-changed', { key, url: context.place('write objects').url }, { cause: error });
    });
  if (outcome === 'stored') {
    // Of a server of one's own nobody knows it. The record is small, and the first that is put on a condition.
    const isUnknown = isChecked && key === recordKey && ['other', 'minio'].includes(context.address.provider);
    if (isUnknown) connection.compares ??= await refusesToReplace(context, { request, provider, key, signal });
    const wasChecked = isChecked && connection.compares !== false;
    return { bytes: body.length, ...(condition === undefined ? {} : { isChecked: wasChecked }) };
  }
  state.hasConditionalWrites = false;
  return await putWhole(context, state, { key, body, condition, signal });
}

/**
 * Whether a server refuses to put an object over the same one; undefined where that did not turn out. Some answer a condition that
 * they pass over as one that holds: each server is asked once, with what was stored in this moment.
 */
async function refusesToReplace(
  context: S3Context,
  {
    request,
    provider,
    key,
    signal,
  }: {
    readonly request: Parameters<typeof putObject>[1];
    readonly provider: Provider;
    readonly key: string;
    readonly signal: AbortSignal;
  },
): Promise<boolean | undefined> {
  const { IfMatch: _same, ...rest } = request;
  try {
    return await context.connection.send(
      context.place('write objects', key),
      async (client, { abortSignal }) => {
        try {
          await putObject(client, { ...rest, IfNoneMatch: '*' }, { provider, abortSignal });
          return false;
        } catch (error) {
          if (isNotSupported(error)) return false;
          throw error;
        }
      },
      { signal },
    );
  } catch (error) {
    signal.throwIfAborted();
    // @NOTE What went wrong otherwise says nothing: the object is stored, and the next one asks again.
    return error instanceof AppError && error.code === 'object-changed' ? true : undefined;
  }
}

async function holds(context: S3Context, key: string, body: Uint8Array, signal: AbortSignal): Promise<boolean> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readObject(context, { key, range: { start: 0, end: body.length + 1 }, signal })) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).equals(body);
}

interface Delete {
  readonly keys: readonly string[];
  readonly signal: AbortSignal;
}

async function deleteSome(
  context: S3Context,
  state: { hasBatchDelete: boolean },
  { keys, signal }: Delete,
): Promise<void> {
  const left = [
    ...(keys.length > 1 && state.hasBatchDelete ? await deleteBatch(context, state, { keys, signal }) : keys),
  ];
  const each = async () => {
    for (let key = left.shift(); key !== undefined; key = left.shift()) await deleteOne(context, key, signal);
  };
  await Promise.all(Array.from({ length: Math.min(deletesAtOnce, left.length) }, each));
}

/** Deletes by one request; returns what it did not delete, for another try one by one. */
async function deleteBatch(
  context: S3Context,
  state: { hasBatchDelete: boolean },
  { keys, signal }: Delete,
): Promise<readonly string[]> {
  const byFullKey = new Map(keys.map((key) => [context.fullKey(key), key]));
  const Objects = [...byFullKey.keys()].map((Key) => ({ Key }));
  return await context.connection.send(
    context.place('delete objects'),
    async (client, { abortSignal }) => {
      try {
        const command = new DeleteObjectsCommand({ Bucket: context.address.bucket, Delete: { Objects, Quiet: true } });
        const { Errors = [] } = await client.send(command, { abortSignal });
        return Errors.filter(({ Code }) => Code !== 'NoSuchKey').map(({ Key = '' }) => byFullKey.get(Key) ?? Key);
      } catch (error) {
        const status = statusOf(error) ?? 0;
        if (isWorthRepeating(error) || status === 404) throw error;
        if (!isNotSupported(error) && (status < 400 || status >= 500)) throw error;
        // One by one tells whether it may not be done at all.
        if (status !== 403) state.hasBatchDelete = false;
        return keys;
      }
    },
    { signal },
  );
}

async function deleteOne(context: S3Context, key: string, signal: AbortSignal): Promise<void> {
  const command = { Bucket: context.address.bucket, Key: context.fullKey(key) };
  try {
    await context.connection.send(
      context.place('delete objects', key),
      async (client, { abortSignal }) => await client.send(new DeleteObjectCommand(command), { abortSignal }),
      { signal },
    );
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'object-missing')) throw error;
  }
}

/** Ends uploads that nobody will finish: of our own keys, begun more than a day ago. */
async function removeLeftovers(context: S3Context, now: number, signal: AbortSignal): Promise<void> {
  try {
    const root = context.fullKey('');
    for (const { Key, UploadId, Initiated } of await listUploads(context, signal)) {
      const isOwn = Key?.startsWith(root) === true && ownKey.test(Key.slice(root.length));
      const isOld = Initiated !== undefined && Initiated.getTime() < now - leftoverAfterMs;
      if (!isOwn || !isOld || UploadId === undefined) continue;
      const command = new AbortMultipartUploadCommand({ Bucket: context.address.bucket, Key, UploadId });
      await context.connection.send(
        context.place('delete objects', Key),
        async (client, { abortSignal }) => await client.send(command, { abortSignal }),
        { signal },
      );
    }
  } catch (error) {
    const mayStay =
      error instanceof AppError && ['target-forbidden', 'object-missing', 'target-failed'].includes(error.code);
    // @NOTE they cost a little and harm nothing: no reason to hold anything up.
    if (!mayStay) throw error;
  }
}

async function listUploads(context: S3Context, signal: AbortSignal): Promise<readonly MultipartUpload[]> {
  const uploads: MultipartUpload[] = [];
  let next: { KeyMarker: string; UploadIdMarker: string } | undefined;
  do {
    const page = await context.connection.send(
      context.place('list objects'),
      async (client, { abortSignal }) =>
        await client.send(
          new ListMultipartUploadsCommand({
            Bucket: context.address.bucket,
            Prefix: context.fullKey(''),
            ...next,
          }),
          { abortSignal },
        ),
      { signal },
    );
    uploads.push(...(page.Uploads ?? []));
    const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page;
    next =
      page.IsTruncated === true && KeyMarker !== undefined && UploadIdMarker !== undefined
        ? { KeyMarker, UploadIdMarker }
        : undefined;
  } while (next !== undefined);
  return uploads;
}
