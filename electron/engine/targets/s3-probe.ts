// What a connection test asks of S3 and a target does not: one request each, never repeated, with the names of stages that can
// be told apart by their errors. Fails with what s3-errors.ts makes of it. What the answers mean is probe/.
import {
  DeleteObjectCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import type { AppError } from '../../../shared/errors.ts';
import type { TargetTest } from '../../../shared/targets.ts';
import type { S3Address } from './s3-address.ts';
import { makeS3Client } from './s3-client.ts';
import { hostInWords } from './s3-context.ts';
import { classifyS3Error, isNotSupported, type S3Place, statusOf } from './s3-errors.ts';

export interface S3Probe extends Disposable {
  /** Resolves with the id of the access key; throws `target-credentials-missing`. */
  findKey(signal: AbortSignal): Promise<string>;
  /** The first keys that begin with `prefix`, below the address. */
  list(prefix: string, signal: AbortSignal): Promise<readonly string[]>;
  put(key: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Whether the server refuses to write over an object when asked to. */
  refusesToReplace(key: string, bytes: Uint8Array, signal: AbortSignal): Promise<boolean>;
  get(key: string, signal: AbortSignal): Promise<Uint8Array>;
  delete(key: string, signal: AbortSignal): Promise<void>;
  /** Deletes what versioning kept of an object; false where some of it may not be deleted. */
  deleteVersions(key: string, signal: AbortSignal): Promise<boolean>;
  /** Undefined where the server does not say. */
  region(signal: AbortSignal): Promise<string | undefined>;
  versioning(signal: AbortSignal): Promise<TargetTest['versioning']>;
  hasObjectLock(signal: AbortSignal): Promise<boolean>;
}

const listAtMost = 1000;

export function openS3Probe(address: S3Address): S3Probe {
  const client = makeS3Client(address);
  const root = address.prefix === '' ? '' : `${address.prefix}/`;
  const Bucket = address.bucket;
  const place = placeOf(address);
  const run = async <T>(action: S3Place['action'], work: () => Promise<T>, key?: string): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw classifyS3Error(error, { ...place, action, ...(key === undefined ? {} : { key }) });
    }
  };
  const writing = {
    ...(address.storageClass === undefined ? {} : { StorageClass: address.storageClass as 'STANDARD' }),
    ...(address.encryption === undefined
      ? {}
      : { ServerSideEncryption: address.encryption.kind === 'sse-s3' ? ('AES256' as const) : ('aws:kms' as const) }),
    ...(address.encryption?.kind === 'sse-kms' && address.encryption.keyId !== undefined
      ? { SSEKMSKeyId: address.encryption.keyId }
      : {}),
  };
  const putCommand = (key: string, bytes: Uint8Array) => ({
    Bucket,
    Key: root + key,
    Body: Buffer.from(bytes),
    ...writing,
  });
  return {
    findKey: async (signal) =>
      await run('look at the bucket', async () => {
        const { accessKeyId } = await client.config.credentials();
        signal.throwIfAborted();
        return accessKeyId;
      }),
    list: async (prefix, abortSignal) =>
      await run('list objects', async () => {
        const command = new ListObjectsV2Command({ Bucket, Prefix: root + prefix, MaxKeys: listAtMost });
        const { Contents = [] } = await client.send(command, { abortSignal });
        return Contents.map(({ Key = '' }) => Key.slice(root.length));
      }),
    put: async (key, bytes, abortSignal) =>
      await run('write objects', async () => {
        await client.send(new PutObjectCommand(putCommand(key, bytes)), { abortSignal });
      }),
    refusesToReplace: async (key, bytes, abortSignal) =>
      await run('write objects', async () => {
        try {
          await client.send(new PutObjectCommand({ ...putCommand(key, bytes), IfNoneMatch: '*' }), { abortSignal });
          return false;
        } catch (error) {
          if (statusOf(error) === 412) return true;
          if (isNotSupported(error) || statusOf(error) === 400) return false;
          throw error;
        }
      }),
    get: async (key, abortSignal) =>
      await run(
        'read objects',
        async () => {
          const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: root + key }), { abortSignal });
          return (await Body?.transformToByteArray()) ?? new Uint8Array(0);
        },
        key,
      ),
    delete: async (key, abortSignal) =>
      await run('delete objects', async () => {
        await client.send(new DeleteObjectCommand({ Bucket, Key: root + key }), { abortSignal });
      }),
    deleteVersions: async (key, abortSignal) => {
      try {
        const command = new ListObjectVersionsCommand({ Bucket, Prefix: root + key });
        const { Versions = [], DeleteMarkers = [] } = await client.send(command, { abortSignal });
        for (const { Key, VersionId } of [...Versions, ...DeleteMarkers]) {
          if (Key !== root + key || VersionId === undefined) continue;
          await client.send(new DeleteObjectCommand({ Bucket, Key, VersionId }), { abortSignal });
        }
        return true;
      } catch (error) {
        if (abortSignal.aborted) throw error;
        return false;
      }
    },
    region: async (abortSignal) => {
      try {
        const { LocationConstraint } = await client.send(new GetBucketLocationCommand({ Bucket }), { abortSignal });
        return LocationConstraint;
      } catch (error) {
        // The refusal itself may say it.
        const { details } = classifyS3Error(error, place);
        return typeof details['region'] === 'string' ? details['region'] : undefined;
      }
    },
    versioning: async (abortSignal) => {
      try {
        const { Status } = await client.send(new GetBucketVersioningCommand({ Bucket }), { abortSignal });
        return Status === 'Enabled' ? 'on' : Status === 'Suspended' ? 'suspended' : 'off';
      } catch (error) {
        if (abortSignal.aborted) throw error;
        return 'unknown';
      }
    },
    hasObjectLock: async (abortSignal) => {
      try {
        const command = new GetObjectLockConfigurationCommand({ Bucket });
        const { ObjectLockConfiguration: lock } = await client.send(command, { abortSignal });
        return lock?.ObjectLockEnabled === 'Enabled';
      } catch (error) {
        if (abortSignal.aborted) throw error;
        // @NOTE Not set, not known there, or not to be seen with this key.
        return false;
      }
    },
    [Symbol.dispose]: () => client.destroy(),
  };
}

function placeOf(address: S3Address): S3Place {
  const { bucket, prefix, credentials } = address;
  const secrets =
    credentials?.kind === 'keys'
      ? [credentials.secretAccessKey, credentials.sessionToken].filter((secret) => secret !== undefined)
      : [];
  return {
    url: `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`,
    bucket,
    host: hostInWords(address),
    action: 'look at the bucket',
    hide: (text) => secrets.reduce((shown, secret) => shown.replaceAll(secret, '…'), text),
  };
}

/** True for what a stage before the bucket is to blame for. */
export function isAboutAccess(error: AppError): boolean {
  return ['target-credentials', 'target-credentials-expired', 'target-credentials-missing'].includes(error.code);
}
