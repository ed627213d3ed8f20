// The names that servers of S3, the network and TLS have for what goes wrong, and what each means here. Data; who reads them is
// s3-errors.ts.

/** What a failure means. */
export type Kind =
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
  | 'target-not-s3'
  | 'target-failed';

/** What the server's own names mean. */
export const byName: Readonly<Record<string, Kind>> = {
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
  XAdminUserNotFound: 'target-credentials',
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

/** What is refused for the time of a request. */
export const clockNames = new Set(['RequestTimeTooSkewed', 'RequestExpired', 'RequestInTheFuture']);

/** Names and system codes of what passes by itself. */
export const passing = new Set([
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

/** What the system says where nobody is reached. */
export const unreachable: Readonly<Record<string, string>> = {
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
  ERR_PROXY_TUNNEL: 'the proxy does not lead there',
};

/** What TLS says of a server that is not believed. */
export const untrusted: Readonly<Record<string, string>> = {
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

/** What Node's reader of HTTP says of bytes that are none. */
export const notHttp = /^HPE_/;
