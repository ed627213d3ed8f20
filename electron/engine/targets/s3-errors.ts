// What S3, the network and the SDK throw, as the errors that users meet. Nothing foreign is passed on but a name and one line
// of text: what the SDK hangs on its errors can hold tokens. Also tells which failures may be over in a moment.
import { AppError, codeOf, isShortage, reasonOf } from '../../../shared/errors.ts';

/** What was asked, and of whom. */
export interface S3Place {
  /** What a user would type, without secrets. */
  readonly url: string;
  readonly bucket: string;
  /** Host and port of the server. */
  readonly host: string;
  /** What was being done, as the end of "may not …". */
  readonly action: 'list objects' | 'write objects' | 'read objects' | 'delete objects' | 'look at the bucket';
  readonly key?: string;
  /** Takes secrets out of what a server said. */
  readonly hide?: (text: string) => string;
}

/** The error that users meet; what is one already stays as it is. */
export function classifyS3Error(error: unknown, place: S3Place): AppError {
  if (error instanceof AppError) return error;
  const { url, bucket, host, key } = place;
  const facts = factsOf(error);
  const hide = place.hide ?? ((text: string) => text);
  const reason = hide(facts.reason);
  const options = { cause: plain(facts, reason) };
  if (isShortage(error)) return new AppError('too-many-files', { file: `a connection to ${host}` }, options);
  const kind = kindOf(facts, key);
  switch (kind) {
    case 'object-missing':
      return new AppError('object-missing', { key: key ?? '', path: url }, options);
    case 'object-changed':
      return new AppError('object-changed', { key: key ?? '', url }, options);
    case 'object-archived':
      return new AppError('object-archived', { key: key ?? '', url }, options);
    case 'target-no-bucket':
      return new AppError('target-no-bucket', { bucket, host }, options);
    case 'target-object-locked':
      return new AppError('target-object-locked', { bucket, key: key ?? '' }, options);
    case 'target-region':
      return new AppError(
        'target-region',
        { bucket, ...(facts.region === undefined ? {} : { region: facts.region }) },
        options,
      );
    case 'target-forbidden':
      return new AppError('target-forbidden', { bucket, action: place.action, reason }, options);
    case 'target-clock-skew':
      return new AppError('target-clock-skew', { host, ...skewOf(facts) }, options);
    case 'target-unreachable':
    case 'target-tls':
      return new AppError(kind, { host, reason: networkReason(facts) ?? reason }, options);
    case 'target-throttled': {
      const retryAfterMs = retryAfterMsOf(error);
      return new AppError(kind, { host, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }, options);
    }
    case 'target-credentials':
    case 'target-credentials-expired':
      return new AppError(kind, { host, reason: facts.name }, options);
    case 'target-credentials-missing':
      return new AppError(kind, { reason: chainReason(reason) }, options);
    case 'target-quota':
    case 'target-encryption':
    case 'target-storage-class':
      return new AppError(kind, { bucket, reason }, options);
    case 'target-failed':
      return new AppError('target-failed', { path: url, reason: `${host} answered: ${reason}` }, options);
  }
}

/** Whether the same request may well succeed in a moment. */
export function isWorthRepeating(error: unknown): boolean {
  const facts = factsOf(error);
  if (facts.status !== undefined && [408, 425, 429, 500, 502, 503, 504].includes(facts.status)) return true;
  if (passing.has(facts.name) || passing.has(facts.code)) return true;
  // The SDK has learned the server's clock from the refusal.
  if (clockNames.has(facts.name)) return true;
  // An answer that was cut off or garbled cannot be read.
  return facts.status !== undefined && facts.status < 300;
}

/** How long the server asks to be left alone, in ms, where it says so. */
export function retryAfterMsOf(error: unknown): number | undefined {
  const value = factsOf(error).headers['retry-after'];
  if (value === undefined) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return seconds > 0 ? seconds * 1000 : undefined;
}

/** Whether a server says that it does not know how to do what was asked, rather than that it may not be done. */
export function isNotSupported(error: unknown): boolean {
  const { status, name } = factsOf(error);
  return status === 501 || status === 405 || ['NotImplemented', 'MethodNotAllowed', 'NotSupported'].includes(name);
}

/** The region in which the bucket is, where a server says that it is in another one than was asked. */
export function otherRegionOf(error: unknown): string | undefined {
  const facts = factsOf(error);
  return kindOf(facts, undefined) === 'target-region' ? facts.region : undefined;
}

/** Whether a server does not take the credentials, or not any more. */
export function isAboutCredentials(error: unknown): boolean {
  const kind = kindOf(factsOf(error), undefined);
  return kind === 'target-credentials' || kind === 'target-credentials-expired';
}

/** The HTTP status of an answer that the SDK turned into an error. */
export function statusOf(error: unknown): number | undefined {
  return factsOf(error).status;
}

type Kind =
  | 'object-missing'
  | 'object-changed'
  | 'object-archived'
  | 'target-no-bucket'
  | 'target-object-locked'
  | 'target-region'
  | 'target-forbidden'
  | 'target-clock-skew'
  | 'target-unreachable'
  | 'target-tls'
  | 'target-throttled'
  | 'target-credentials'
  | 'target-credentials-expired'
  | 'target-credentials-missing'
  | 'target-quota'
  | 'target-encryption'
  | 'target-storage-class'
  | 'target-failed';

const byName: Readonly<Record<string, Kind>> = {
  NoSuchKey: 'object-missing',
  PreconditionFailed: 'object-changed',
  InvalidObjectState: 'object-archived',
  NoSuchBucket: 'target-no-bucket',
  InvalidBucketName: 'target-no-bucket',
  PermanentRedirect: 'target-region',
  TemporaryRedirect: 'target-region',
  AuthorizationHeaderMalformed: 'target-region',
  IllegalLocationConstraintException: 'target-region',
  InvalidRegionName: 'target-region',
  RequestTimeTooSkewed: 'target-clock-skew',
  RequestExpired: 'target-clock-skew',
  RequestInTheFuture: 'target-clock-skew',
  SlowDown: 'target-throttled',
  Throttling: 'target-throttled',
  ThrottlingException: 'target-throttled',
  TooManyRequests: 'target-throttled',
  TooManyRequestsException: 'target-throttled',
  RequestLimitExceeded: 'target-throttled',
  BandwidthLimitExceeded: 'target-throttled',
  InvalidAccessKeyId: 'target-credentials',
  SignatureDoesNotMatch: 'target-credentials',
  InvalidToken: 'target-credentials',
  InvalidSecurity: 'target-credentials',
  UnrecognizedClientException: 'target-credentials',
  ExpiredToken: 'target-credentials-expired',
  ExpiredTokenException: 'target-credentials-expired',
  TokenRefreshRequired: 'target-credentials-expired',
  CredentialsProviderError: 'target-credentials-missing',
  TokenProviderError: 'target-credentials-missing',
  QuotaExceeded: 'target-quota',
  StorageQuotaExceeded: 'target-quota',
  XMinioStorageFull: 'target-quota',
  EntityTooLarge: 'target-quota',
  ServiceLimitExceeded: 'target-quota',
  NotSignedUp: 'target-quota',
  AccountProblem: 'target-quota',
  InvalidStorageClass: 'target-storage-class',
  ObjectLocked: 'target-object-locked',
  // Not found, but not because the object or the bucket were missing.
  NoSuchUpload: 'target-failed',
};

const clockNames = new Set(['RequestTimeTooSkewed', 'RequestExpired', 'RequestInTheFuture']);

/** Names and system codes of what passes by itself. */
const passing = new Set([
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TooManyRequests',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'BandwidthLimitExceeded',
  'InternalError',
  'ServiceUnavailable',
  'RequestTimeout',
  'TimeoutError',
  'OperationAborted',
  'ConditionalRequestConflict',
  'IncompleteBody',
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'XAmzContentChecksumMismatch',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC',
]);

const unreachable: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be looked up at present',
  ECONNREFUSED: 'nothing answers there',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ERR_STREAM_PREMATURE_CLOSE: 'the connection was cut',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'no way leads there',
  ENETUNREACH: 'this computer is offline',
  ENETDOWN: 'this computer is offline',
};

const untrusted: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it signed its certificate itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that this computer does not know',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from an authority that this computer does not know',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate comes from an authority that this computer does not know',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an authority that this computer does not know',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; see whether the clock of this computer is right',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  EPROTO: 'it does not speak TLS there',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS there',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS there',
};

function kindOf({ name, code, status, message, headers }: Facts, key: string | undefined): Kind {
  if (code in untrusted || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return 'target-tls';
  if (code in unreachable || name === 'TimeoutError') return 'target-unreachable';
  if (/^KMS\.|^KMS[A-Z]|KmsKey/.test(name)) return 'target-encryption';
  const isRefused = status === 403 || name === 'AccessDenied' || name === 'InvalidRequest';
  if (isRefused && /object.?lock|\bworm\b|retention|legal.?hold/i.test(message)) return 'target-object-locked';
  if (status === 403 && /\bcap\b.*exceeded|quota|billing|payment/i.test(message)) return 'target-quota';
  const known = byName[name];
  if (known !== undefined) return known;
  // Answers to HEAD have no body, and some servers have names of their own.
  if (headers['x-amz-bucket-region'] !== undefined && (status === 301 || status === 400)) return 'target-region';
  switch (status) {
    case 301:
    case 307:
      return 'target-region';
    case 401:
      return 'target-credentials';
    case 403:
      return 'target-forbidden';
    case 404:
      return key === undefined ? 'target-no-bucket' : 'object-missing';
    case 412:
      return 'object-changed';
    case 402:
    case 507:
      return 'target-quota';
    case 429:
    case 503:
      return 'target-throttled';
    default:
      return 'target-failed';
  }
}

interface Facts {
  readonly name: string;
  readonly code: string;
  readonly status: number | undefined;
  readonly message: string;
  /** One line, never empty. */
  readonly reason: string;
  /** Where the server said that the bucket is. */
  readonly region: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

function factsOf(error: unknown): Facts {
  const name = error instanceof Error ? error.name : '';
  const response = property(error, '$response');
  const status = property(property(error, '$metadata'), 'httpStatusCode') ?? property(response, 'statusCode');
  const headers: Record<string, string> = {};
  for (const [key, value] of Object.entries(property(response, 'headers') ?? {})) {
    if (typeof value === 'string') headers[key.toLowerCase()] = value;
  }
  const message = reasonOf(error).slice(0, 300);
  const said = property(error, 'Region');
  const region =
    headers['x-amz-bucket-region'] ??
    (typeof said === 'string' ? said : undefined) ??
    /expecting '([a-z0-9-]+)'/.exec(message)?.[1];
  const code = codeOf(error) || codeOf(property(error, 'cause'));
  const isTelling = message !== '' && message !== name && !/^Unknown(Error)?$/.test(message);
  const number = typeof status === 'number' ? status : undefined;
  const known = [name === 'Error' ? '' : name, code, number === undefined ? '' : `status ${number}`].find(Boolean);
  return {
    name,
    code,
    status: number,
    message,
    reason: isTelling ? message : (known ?? 'no reason given'),
    region,
    headers,
  };
}

function networkReason({ name, code }: Facts): string | undefined {
  return untrusted[code] ?? unreachable[code] ?? (name === 'TimeoutError' ? 'it does not answer' : undefined);
}

/** A failed helper's command line can hold anything. */
function chainReason(reason: string): string {
  return /command failed|spawn/i.test(reason) ? 'the credential_process of the profile failed' : reason;
}

function skewOf({ headers }: Facts): { readonly skewMs?: number } {
  const at = Date.parse(headers['date'] ?? '');
  return Number.isNaN(at) ? {} : { skewMs: Math.round((Date.now() - at) / 1000) * 1000 };
}

/** The foreign error for the log, without what hangs on it. */
function plain({ name, code, status, headers }: Facts, reason: string): Error {
  const id = headers['x-amz-request-id'];
  return Object.assign(new Error(reason), {
    name: name || 'Error',
    ...(code === '' ? {} : { code }),
    ...(status === undefined ? {} : { status }),
    ...(id === undefined ? {} : { requestId: id }),
  });
}

function property(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
