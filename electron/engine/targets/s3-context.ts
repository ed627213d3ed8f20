// What every request for one address has in common: the connection, the full keys, what is said to whatever is written, and how
// a failure names the place. Knows the secrets only to take them out of what servers say.
import type { PutObjectCommandInput } from '@aws-sdk/client-s3';
import type { S3Address } from './s3-address.ts';
import { connectS3, proxyTo, type S3Access, type S3Connection } from './s3-client.ts';
import type { S3Place } from './s3-errors.ts';

/** What all requests for one address need. */
export interface S3Context {
  readonly connection: S3Connection;
  readonly address: S3Address;
  /** Of a key below the address. */
  readonly fullKey: (key: string) => string;
  readonly place: (action: S3Place['action'], key?: string) => S3Place;
  /** Storage class and encryption, for whatever is written. */
  readonly writing: WriteOptions;
}

type WriteOptions = Readonly<Pick<PutObjectCommandInput, 'StorageClass' | 'ServerSideEncryption' | 'SSEKMSKeyId'>>;

/** What requests for an address need; connects nothing yet. */
export function makeS3Context(address: S3Address, access: S3Access): S3Context {
  const root = address.prefix === '' ? '' : `${address.prefix}/`;
  const url = `s3://${address.bucket}${root === '' ? '' : `/${address.prefix}`}`;
  const host = hostInWords(address);
  const credentials = access.credentials ?? address.credentials;
  const secrets =
    credentials?.kind === 'keys'
      ? [credentials.secretAccessKey, credentials.sessionToken].filter((secret) => secret !== undefined)
      : [];
  const hide = (text: string) => secrets.reduce((shown, secret) => shown.replaceAll(secret, '…'), text);
  const { encryption, storageClass } = address;
  return {
    connection: connectS3(address, access),
    address,
    fullKey: (key) => root + key,
    place: (action, key) => ({
      url,
      bucket: address.bucket,
      host,
      action,
      hide,
      ...(key === undefined ? {} : { key }),
    }),
    writing: {
      ...(storageClass === undefined ? {} : { StorageClass: storageClass as WriteOptions['StorageClass'] & string }),
      ...(encryption === undefined
        ? {}
        : { ServerSideEncryption: encryption.kind === 'sse-s3' ? 'AES256' : 'aws:kms' }),
      ...(encryption?.kind === 'sse-kms' && encryption.keyId !== undefined ? { SSEKMSKeyId: encryption.keyId } : {}),
    },
  };
}

/** Who is asked, and through whom. */
export function hostInWords(address: S3Address): string {
  const host = address.endpoint === undefined ? 'Amazon S3' : new URL(address.endpoint).host;
  const proxy = proxyTo(address);
  return proxy === undefined ? host : `${host} (through the proxy ${proxy.name})`;
}
