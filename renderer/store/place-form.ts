// What one fills in about a destination: text as it is typed, which fields its kind and provider need, what is wrong with
// each, and the place it means. Pure; who asks the engine is actions/destinations.ts.
import type { Argument } from '../../shared/contract.ts';
import type { PlaceState, TargetState } from '../../shared/targets.ts';
import { parseS3Host, providers, type ProviderId } from '../../shared/providers.ts';

type PlaceArgument = Argument<'addTarget'>['place'];

export interface PlaceForm {
  readonly kind: 'folder' | 's3';
  readonly name: string;
  readonly path: string;
  readonly provider: ProviderId;
  readonly bucket: string;
  readonly prefix: string;
  readonly region: string;
  /** The part of an endpoint that names whose it is. */
  readonly account: string;
  readonly endpoint: string;
  /** `auto`: as the provider has it, or as the test finds it. */
  readonly pathStyle: 'auto' | 'path' | 'host';
  /** Whether the server has to prove whose it is. */
  readonly certificate: 'checked' | 'unchecked';
  /** Requests at a time, and mebibytes of a part; empty: as the provider has it. */
  readonly concurrency: string;
  readonly partSize: string;
  /** Empty: the bucket's own. */
  readonly storageClass: string;
  readonly encryption: 'none' | 'sse-s3' | 'sse-kms';
  readonly kmsKeyId: string;
  readonly credentials: 'keys' | 'chain';
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly profile: string;
  /** Megabytes a second; empty: no limit. */
  readonly limit: string;
  /** The access key id whose secret is stored. */
  readonly storedKeyId: string | undefined;
  /** Another secret is to be typed. */
  readonly isReplacing: boolean;
}

/** A field that one types or chooses. */
export type FieldName = Exclude<keyof PlaceForm, 'kind' | 'provider' | 'storedKeyId' | 'isReplacing'>;

export type FieldErrors = Partial<Readonly<Record<FieldName, string>>>;

const mebi = 1024 * 1024;

const empty: PlaceForm = {
  kind: 's3',
  name: '',
  path: '',
  provider: 'aws',
  bucket: '',
  prefix: '',
  region: '',
  account: '',
  endpoint: '',
  pathStyle: 'auto',
  certificate: 'checked',
  concurrency: '',
  partSize: '',
  storageClass: '',
  encryption: 'none',
  kmsKeyId: '',
  credentials: 'keys',
  accessKeyId: '',
  secretAccessKey: '',
  sessionToken: '',
  profile: '',
  limit: '',
  storedKeyId: undefined,
  isReplacing: false,
};

/** Fields that say how a place is used, not where it is: a test says nothing about them. */
const aside: ReadonlySet<string> = new Set(['name', 'limit', 'concurrency', 'partSize', 'isReplacing']);

export function emptyForm(kind: PlaceForm['kind']): PlaceForm {
  return { ...empty, kind };
}

/** The form of a destination that exists; its secret stays where it is. */
export function formOf({ place, name, bandwidthBytes }: TargetState): PlaceForm {
  const form = withPlace(
    { ...empty, name, limit: bandwidthBytes === undefined ? '' : limitText(bandwidthBytes) },
    place,
  );
  return place.kind === 's3' && place.credentials.kind === 'keys'
    ? { ...form, storedKeyId: place.credentials.accessKeyId }
    : form;
}

/** The form with a place in it: what a test corrected, or what is stored. Secrets that were typed stay. */
export function withPlace(form: PlaceForm, place: PlaceState): PlaceForm {
  if (place.kind === 'folder') return { ...form, kind: 'folder', path: place.path };
  const { credentials, encryption, isPathStyle, isUnverified = false, concurrency, partBytes } = place;
  const { region, account } = readEndpoint(place.provider, place.endpoint) ?? {};
  return {
    ...form,
    kind: 's3',
    provider: place.provider,
    bucket: place.bucket,
    prefix: place.prefix,
    region: place.region ?? region ?? '',
    account: account ?? '',
    endpoint: place.endpoint ?? '',
    pathStyle: isPathStyle === undefined ? 'auto' : isPathStyle ? 'path' : 'host',
    certificate: isUnverified ? 'unchecked' : 'checked',
    concurrency: concurrency === undefined ? '' : String(concurrency),
    partSize: partBytes === undefined ? '' : String(Math.round((partBytes / mebi) * 100) / 100),
    storageClass: place.storageClass ?? '',
    encryption: encryption?.kind ?? 'none',
    kmsKeyId: encryption?.kind === 'sse-kms' ? (encryption.keyId ?? '') : '',
    credentials: credentials.kind,
    accessKeyId: credentials.kind === 'keys' ? credentials.accessKeyId : '',
    profile: credentials.kind === 'chain' ? (credentials.profile ?? '') : '',
  };
}

/** Another provider: what only the former one understands is forgotten. */
export function withProvider(form: PlaceForm, provider: ProviderId): PlaceForm {
  const { region, account, endpoint, pathStyle, certificate, storageClass, encryption, kmsKeyId } = empty;
  return { ...form, provider, region, account, endpoint, pathStyle, certificate, storageClass, encryption, kmsKeyId };
}

/** The fields that this kind of destination needs, and no others. */
export function fieldsOf(form: PlaceForm): ReadonlySet<FieldName> {
  const names: FieldName[] = ['name', 'limit'];
  if (form.kind === 'folder') return new Set([...names, 'path']);
  const { endpoint, regions, storageClasses, encryption } = providers[form.provider];
  const hasOwnEndpoint = needsEndpoint(form);
  names.push('bucket', 'prefix', 'concurrency', 'partSize');
  if (hasOwnEndpoint) names.push('endpoint');
  if (isFree(form.provider)) names.push('pathStyle');
  // Whoever has one that cannot be checked has a server of his own, or asked for it elsewhere.
  if (hasOwnEndpoint || form.certificate === 'unchecked') names.push('certificate');
  if (isFree(form.provider) || regions.length > 1) names.push('region');
  if (endpoint?.includes('{account}') === true && !hasOwnEndpoint) names.push('account');
  if (storageClasses.length !== 1) names.push('storageClass');
  if (encryption.length > 0) names.push('encryption');
  if (encryption.length > 0 && form.encryption === 'sse-kms') names.push('kmsKeyId');
  if (form.credentials === 'chain') names.push('profile');
  else names.push('accessKeyId', 'secretAccessKey', 'sessionToken');
  return new Set(names);
}

/** What is wrong with each field, in words; nothing where all is well. */
export function checkForm(form: PlaceForm): FieldErrors {
  const errors: Partial<Record<FieldName, string>> = {};
  for (const name of fieldsOf(form)) {
    const error = checkers[name]?.(form);
    if (error !== undefined) errors[name] = error;
  }
  return errors;
}

/** True where a change of the form makes a former test say nothing any more. */
export function changesPlace(change: Partial<PlaceForm>): boolean {
  return Object.keys(change).some((name) => !aside.has(name));
}

/** The place that the form means. Only for a form without errors. */
export function placeOf(form: PlaceForm): PlaceArgument {
  if (form.kind === 'folder') return { kind: 'folder', path: form.path.trim() };
  const fields = fieldsOf(form);
  const text = (name: 'region' | 'storageClass'): string | undefined =>
    fields.has(name) && form[name].trim() !== '' ? form[name].trim() : undefined;
  const region = text('region');
  const storageClass = text('storageClass');
  const endpoint = endpointOf(form);
  const [concurrency, partSize] = [form.concurrency.trim(), form.partSize.trim()];
  const encryption = fields.has('encryption') ? encryptionOf(form) : undefined;
  return {
    kind: 's3',
    provider: form.provider,
    bucket: form.bucket.trim(),
    prefix: trimSlashes(form.prefix),
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(fields.has('pathStyle') && form.pathStyle !== 'auto' ? { isPathStyle: form.pathStyle === 'path' } : {}),
    ...(fields.has('certificate') && form.certificate === 'unchecked' ? { isUnverified: true } : {}),
    ...(concurrency === '' ? {} : { concurrency: Number(concurrency) }),
    ...(partSize === '' ? {} : { partBytes: Math.round(Number(partSize.replace(',', '.')) * mebi) }),
    ...(storageClass === undefined ? {} : { storageClass }),
    ...(encryption === undefined ? {} : { encryption }),
    credentials: credentialsOf(form),
  };
}

/** Nothing was changed of where a destination is and how it is opened. */
export function isPlaceOf(form: PlaceForm, target: TargetState): boolean {
  return JSON.stringify(placeOf(form)) === JSON.stringify(placeOf(formOf(target)));
}

/** Bytes a second; undefined: no limit. Only for a form without errors. */
export function limitOf(form: PlaceForm): number | undefined {
  const limit = form.limit.trim();
  return limit === '' ? undefined : Math.round(Number(limit.replace(',', '.')) * 1_000_000);
}

type Checker = (form: PlaceForm) => string | undefined;

const checkers: Partial<Readonly<Record<FieldName, Checker>>> = {
  path: ({ path }) => (path.trim() === '' ? 'Type or choose a folder.' : undefined),
  bucket: ({ bucket }) => {
    const name = bucket.trim();
    if (name === '') return 'Type the bucket’s name.';
    if (/^[a-z0-9]+:\/\//i.test(name)) return 'Only the bucket’s name belongs here, without “s3://” or an address.';
    if (name.includes('/')) return 'Only the bucket’s name belongs here; what follows “/” is the folder in the bucket.';
    if (name.length < 3 || name.length > 63) return 'Names of buckets have between 3 and 63 characters.';
    if (/[A-Z]/.test(name)) return 'Names of buckets have no capital letters.';
    if (!/^[a-z0-9][a-z0-9._-]*[a-z0-9]$/.test(name))
      return 'Names of buckets have letters, digits, dots and hyphens, and begin and end with a letter or a digit.';
    return undefined;
  },
  prefix: ({ prefix }) =>
    /(^|\/)\.{1,2}(\/|$)|\/\/|\0/.test(trimSlashes(prefix)) ? 'No empty parts, and no “.” or “..”, please.' : undefined,
  region: ({ region, provider }) => {
    const name = region.trim();
    if (name === '')
      return providers[provider].endpoint?.includes('{region}') === true ? 'Choose the region.' : undefined;
    return /^[a-z0-9-]+$/i.test(name) ? undefined : 'Regions have letters, digits and hyphens, as in “eu-central-1”.';
  },
  account: ({ account }) => {
    const id = account.trim();
    if (id === '') return 'Type the account’s id; it stands in the address of the bucket.';
    return /^[a-z0-9][a-z0-9.-]*$/i.test(id) ? undefined : 'Only the id belongs here: letters and digits.';
  },
  endpoint: ({ endpoint, bucket }) => {
    const text = endpoint.trim();
    if (text === '') return 'Type the address of the storage, as in “https://storage.example.com”.';
    const url = URL.parse(text);
    if (url === null || !/^https?:$/.test(url.protocol) || !/^https?:\/\//i.test(text))
      return 'An address begins with “https://” (or “http://”) and a name, as in “https://storage.example.com”.';
    if (url.username !== '' || url.password !== '')
      return 'No keys in the address, please: they have fields of their own.';
    if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
      return 'Only the address of the storage belongs here, without a bucket or anything else behind it.';
    const named = parseS3Host(url.hostname)?.bucket;
    if (named !== undefined && named !== bucket.trim())
      return `This is the address of the bucket “${named}”: leave that part of the name out.`;
    return undefined;
  },
  kmsKeyId: ({ kmsKeyId }) => (/\s/.test(kmsKeyId.trim()) ? 'Ids of keys have no spaces.' : undefined),
  accessKeyId: ({ accessKeyId }) => {
    const id = accessKeyId.trim();
    if (id === '') return 'Type the access key’s id.';
    return /\s/.test(id) ? 'Ids of keys have no spaces.' : undefined;
  },
  secretAccessKey: ({ secretAccessKey, storedKeyId, accessKeyId, isReplacing }) => {
    if (secretAccessKey.trim() !== '') return undefined;
    if (storedKeyId === undefined || isReplacing) return 'Type the secret that belongs to the access key.';
    return storedKeyId === accessKeyId.trim()
      ? undefined
      : 'The stored secret belongs to another access key: replace it.';
  },
  concurrency: ({ concurrency }) => {
    const text = concurrency.trim();
    return text === '' || (/^\d+$/.test(text) && isWithin(Number(text), 1, 64))
      ? undefined
      : 'Type a whole number between 1 and 64; or nothing for what suits the service.';
  },
  partSize: ({ partSize }) => {
    const text = partSize.trim().replace(',', '.');
    return text === '' || (/^\d+(\.\d+)?$/.test(text) && isWithin(Number(text), 5, 64))
      ? undefined
      : 'Type mebibytes between 5 and 64; or nothing for what suits the size of the database.';
  },
  limit: ({ limit }) => {
    const text = limit.trim().replace(',', '.');
    if (text === '') return undefined;
    return /^\d*\.?\d+$|^\d+\.$/.test(text) && Number(text) >= 0.01
      ? undefined
      : 'Type megabytes a second, at least 0.01; or nothing for no limit.';
  },
};

function credentialsOf(form: PlaceForm): Extract<PlaceArgument, { kind: 's3' }>['credentials'] {
  if (form.credentials === 'chain') {
    const profile = form.profile.trim();
    return profile === '' ? { kind: 'chain' } : { kind: 'chain', profile };
  }
  const accessKeyId = form.accessKeyId.trim();
  const secretAccessKey = form.secretAccessKey.trim();
  const sessionToken = form.sessionToken.trim();
  return {
    kind: 'keys',
    accessKeyId,
    ...(secretAccessKey === '' ? {} : { secretAccessKey }),
    ...(sessionToken === '' ? {} : { sessionToken }),
  };
}

function encryptionOf({ encryption, kmsKeyId }: PlaceForm): Extract<PlaceArgument, { kind: 's3' }>['encryption'] {
  if (encryption === 'none') return undefined;
  if (encryption === 'sse-s3') return { kind: 'sse-s3' };
  const keyId = kmsKeyId.trim();
  return keyId === '' ? { kind: 'sse-kms' } : { kind: 'sse-kms', keyId };
}

/** The endpoint, where it does not follow from provider and region. */
function endpointOf(form: PlaceForm): string | undefined {
  if (needsEndpoint(form)) return form.endpoint.trim().replace(/\/+$/, '');
  const { endpoint } = providers[form.provider];
  return endpoint?.includes('{account}') === true ? endpoint.replace('{account}', form.account.trim()) : undefined;
}

/** A service of one's own, or an endpoint that is not the provider's usual one. */
function needsEndpoint({ provider, endpoint }: PlaceForm): boolean {
  return isFree(provider) || (endpoint !== '' && readEndpoint(provider, endpoint) === undefined);
}

function isFree(provider: ProviderId): boolean {
  return provider === 'minio' || provider === 'other';
}

/** Region and account out of the usual endpoint of a provider; undefined for any other endpoint. */
function readEndpoint(
  provider: ProviderId,
  endpoint: string | undefined,
): { readonly region?: string | undefined; readonly account?: string | undefined } | undefined {
  const template = providers[provider].endpoint;
  if (template === undefined || endpoint === undefined) return undefined;
  const pattern = template
    .replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`)
    .replace('{region}', '(?<region>[^/]+?)')
    .replace('{account}', '(?<account>[^/]+?)');
  const match = new RegExp(`^${pattern}/?$`, 'i').exec(endpoint);
  return match === null ? undefined : (match.groups ?? {});
}

function isWithin(n: number, least: number, most: number): boolean {
  return n >= least && n <= most;
}

function limitText(bytes: number): string {
  return String(Math.round(bytes / 10_000) / 100);
}

function trimSlashes(text: string): string {
  return text.trim().replaceAll(/^\/+|\/+$/g, '');
}
