// Which target an address means: the one place that knows all kinds. Users type addresses; everything behind this border
// has absolute paths, and secrets apart from what can be shown.
import { basename, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Place } from '../../../shared/contract.ts';
import { AppError } from '../../../shared/errors.ts';
import type { PlaceState } from '../../../shared/targets.ts';
import type { Access } from '../basics/access.ts';
import { createFolderTarget, type FolderOptions, openFolderTarget } from './folder.ts';
import { openS3Target } from './s3.ts';
import { makeS3Address, parseS3Url, type S3Address, type S3Credentials } from './s3-address.ts';
import type { Target } from './target.ts';

/** A folder, understood. */
export interface FolderAddress {
  readonly kind: 'folder';
  /** Absolute. */
  readonly path: string;
  /** The same address in its usual form. */
  readonly url: string;
}

/** An address, understood. */
export type TargetAddress = FolderAddress | S3Address;

export interface TargetAccess {
  /** Of the original, for a folder that is made for it. */
  readonly access?: Access | undefined;
  /** The folder that was named as destination, in which that of a replica lies. */
  readonly within?: string | undefined;
  /** Instead of what an address says; without either, AWS's chain. */
  readonly credentials?: S3Credentials | undefined;
  /** The disk of a folder cannot do everything. */
  readonly onLimits?: FolderOptions['onLimits'];
}

/**
 * Understands `s3://bucket/prefix?…`, `file:///path` and bare paths, relative ones from the current folder. Throws
 * `target-unsupported` or `target-address-invalid`.
 */
export function parseTargetUrl(url: string): TargetAddress {
  return /^\s*s3:/i.test(url) ? parseS3Url(url, process.env) : folderAddress(pathOf(url));
}

/** The address of a place as a form has it, its folder absolute; with credentials where all of them were typed. */
export function addressOf(place: Place | PlaceState): TargetAddress {
  if (place.kind === 'folder') return folderAddress(place.path);
  const { encryption, ...rest } = place;
  return makeS3Address({
    ...rest,
    credentials: credentialsOf(place.credentials),
    encryption: encryption?.kind === 'sse-kms' ? { kind: 'sse-kms', keyId: encryption.keyId } : encryption,
  });
}

/** An address as a form shows it, without secrets. Inverse of {@link addressOf} but for those. */
export function placeOf(address: TargetAddress): PlaceState {
  if (address.kind === 'folder') return { kind: 'folder', path: address.path };
  const { kind, provider, bucket, prefix, region, endpoint, isPathStyle, storageClass, encryption } = address;
  const { isUnverified, concurrency, partBytes } = address;
  const credentials =
    address.credentials?.kind === 'keys'
      ? ({ kind: 'keys', accessKeyId: address.credentials.accessKeyId } as const)
      : ({ kind: 'chain', profile: address.credentials?.profile } as const);
  const asked = {
    ...(isUnverified && { isUnverified }),
    ...(concurrency !== undefined && { concurrency }),
    ...(partBytes !== undefined && { partBytes }),
  };
  return {
    kind,
    provider,
    bucket,
    prefix,
    region,
    endpoint,
    isPathStyle,
    ...asked,
    storageClass,
    encryption,
    credentials,
  };
}

/** The target at an address. Its place has to exist when it is used. */
export function openTarget(place: string | TargetAddress, access: TargetAccess = {}): Target {
  const address = typeof place === 'string' ? parseTargetUrl(place) : place;
  if (address.kind === 's3') return openS3Target(address, access);
  return openFolderTarget({ path: address.path, within: access.within, onLimits: access.onLimits });
}

/** The target at an address, its folder created where it does not exist yet; a bucket has to. */
export async function createTarget(place: string | TargetAddress, access: TargetAccess = {}): Promise<Target> {
  const address = typeof place === 'string' ? parseTargetUrl(place) : place;
  return address.kind === 'folder'
    ? await createFolderTarget({ ...address, access: access.access })
    : openS3Target(address, access);
}

/** The place with this name inside another: a database's own below a destination. */
export function addressWithin(address: TargetAddress, name: string): TargetAddress {
  if (address.kind === 'folder') return folderAddress(resolve(address.path, name));
  return makeS3Address({ ...address, prefix: address.prefix === '' ? name : `${address.prefix}/${name}` });
}

/** The last part of an address: what a user would call the place. */
export function nameOfAddress(address: TargetAddress): string {
  if (address.kind === 'folder') return basename(address.path) || address.path;
  return address.prefix.split('/').at(-1) || address.bucket;
}

function credentialsOf(typed: Extract<Place | PlaceState, { kind: 's3' }>['credentials']): S3Credentials | undefined {
  if (typed.kind === 'chain') return { kind: 'chain', profile: typed.profile };
  if (!('secretAccessKey' in typed) || typed.secretAccessKey === undefined) return undefined;
  const { accessKeyId, secretAccessKey, sessionToken } = typed;
  return { kind: 'keys', accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

function folderAddress(path: string): FolderAddress {
  const absolute = resolve(path);
  return { kind: 'folder', path: absolute, url: pathToFileURL(absolute).href };
}

function pathOf(url: string): string {
  // What is not understood may hold a password, which is not repeated.
  const shown = url.replace(/\/\/[^/]*@/, '//').replace(/\?.*$/s, '');
  if (url.trim() === '' || url.includes('\0')) throw new AppError('target-unsupported', { url: shown });
  // One letter is a Windows drive, not a scheme.
  if (!/^[a-z][a-z0-9+.-]+:/i.test(url)) return url;
  if (!/^file:\/\//i.test(url)) throw new AppError('target-unsupported', { url: shown });
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new AppError('target-unsupported', { url: shown }, { cause: error });
  }
}
