// What S3, the network and the SDK throw, as the errors that users meet. Nothing foreign is passed on but a name and one line
// of text: what the SDK hangs on its errors can hold tokens. Also tells which failures may be over in a moment.
import { AppError, codeOf, isShortage, reasonOf } from '../../../shared/errors.ts';
import { byName, clockNames, type Kind, notHttp, passing, unreachable, untrusted } from './s3-error-names.ts';
import { type AnswerFacts, explainForeign, ForeignAnswer, headersOf } from './s3-foreign.ts';

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
  if (facts.foreign !== undefined) return foreignError(facts.foreign, place, { error, options });
  const kind = kindOf(facts);
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
    case 'target-not-s3':
      return new AppError(
        kind,
        { host, reason: 'it does not speak HTTP; where it speaks TLS, its address begins with https://' },
        options,
      );
    case 'target-failed': {
      const { name, message } = facts;
      // What nobody here knows is looked up by its name.
      const answered =
        saidIn(error) === undefined || message === '' || message === name ? reason : `${name}: ${reason}`;
      return new AppError('target-failed', { path: url, reason: `${host} answered: ${answered}` }, options);
    }
  }
}

function foreignError(
  answer: AnswerFacts,
  { url, host }: S3Place,
  { error, options }: { readonly error: unknown; readonly options: { readonly cause: Error } },
): AppError {
  const { code, reason } = explainForeign(answer);
  const retryAfterMs = code === 'target-throttled' ? retryAfterMsOf(error) : undefined;
  const said = code === 'target-failed' ? `${host}: ${reason}` : reason;
  return new AppError(
    code,
    { path: url, host, reason: said, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
    options,
  );
}

/** Whether the same request may well succeed in a moment. */
export function isWorthRepeating(error: unknown): boolean {
  const facts = factsOf(error);
  if (facts.status !== undefined && [408, 425, 429, 500, 502, 503, 504].includes(facts.status)) return true;
  if (passing.has(facts.name) || passing.has(facts.code)) return true;
  // The SDK has learned the server's clock from the refusal.
  if (clockNames.has(facts.name)) return true;
  // An answer that was cut off or garbled cannot be read.
  return facts.status !== undefined && facts.status < 300 && facts.foreign === undefined;
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
  return kindOf(facts) === 'target-region' ? facts.region : undefined;
}

/** Whether a server does not take the credentials, or not any more. */
export function isAboutCredentials(error: unknown): boolean {
  const kind = kindOf(factsOf(error));
  return kind === 'target-credentials' || kind === 'target-credentials-expired';
}

/** The HTTP status of an answer that the SDK turned into an error. */
export function statusOf(error: unknown): number | undefined {
  return factsOf(error).status;
}

function kindOf({ name, code, status, message, headers }: Facts): Kind {
  if (code in untrusted || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return 'target-tls';
  if (notHttp.test(code)) return 'target-not-s3';
  if (code in unreachable || name === 'TimeoutError') return 'target-unreachable';
  if (/^KMS\.|^KMS[A-Z]|KmsKey/.test(name)) return 'target-encryption';
  const isRefused = status === 403 || name === 'AccessDenied' || name === 'InvalidRequest';
  if (isRefused && /object.?lock|\bworm\b|retention|legal.?hold/i.test(message)) return 'target-object-locked';
  if (status === 403 && /\bcap\b.*exceeded|quota|billing|payment/i.test(message)) return 'target-quota';
  const known = byName[name];
  if (known !== undefined) return known;
  // Answers to HEAD have no body, and some servers have names of their own. Only a name says that something is gone: what is not
  // found for another reason, such as an unknown key, is there as before.
  if (headers['x-amz-bucket-region'] !== undefined && (status === 301 || status === 400)) return 'target-region';
  switch (status) {
    case 301:
    case 307:
      return 'target-region';
    case 401:
      return 'target-credentials';
    case 403:
      return 'target-forbidden';
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
  /** The answer, where it is none of S3's. */
  readonly foreign: AnswerFacts | undefined;
}

function factsOf(error: unknown): Facts {
  const response = property(error, '$response');
  const status = property(property(error, '$metadata'), 'httpStatusCode') ?? property(response, 'statusCode');
  const headers = headersOf(property(response, 'headers'));
  const said = saidIn(error);
  const name = said ?? nameOf(error, response !== undefined);
  const number = typeof status === 'number' ? status : undefined;
  const text = property(error, '$responseBodyText');
  const unread = said === undefined && typeof text === 'string' ? text : undefined;
  const foreign = said === undefined ? foreignIn(error, { status: number, headers, text: unread }) : undefined;
  // What could not be read as an answer makes the SDK speak of itself.
  const message = unread === undefined ? reasonOf(error).slice(0, 300) : '';
  const named = property(error, 'Region');
  const region =
    headers['x-amz-bucket-region'] ??
    (typeof named === 'string' ? named : undefined) ??
    /expecting '([a-z0-9-]+)'/.exec(message)?.[1];
  const code = codeOf(error) || codeOf(property(error, 'cause'));
  const isTelling = message !== '' && message !== name && !/^Unknown(Error)?$/.test(message);
  const known = [name === 'Error' ? '' : name, code, number === undefined ? '' : `status ${number}`].find(Boolean);
  return {
    name,
    code,
    status: number,
    message,
    reason: isTelling ? message : (known ?? 'no reason given'),
    region,
    headers,
    foreign,
  };
}

/** The server's own name for what is wrong. */
function saidIn(error: unknown): string | undefined {
  const code = property(error, 'Code');
  return typeof code === 'string' && code !== '' ? code : undefined;
}

/** What the SDK calls an answer that gives no name, and what cannot be read. */
const inventedName = /^(NotFound|Unknown(Error)?|Error|SyntaxError)$/;

function nameOf(error: unknown, isAnswered: boolean): string {
  const name = error instanceof Error ? error.name : '';
  return isAnswered && inventedName.test(name) ? '' : name;
}

/** Statuses that only those on the way answer with. */
const onTheWay: ReadonlySet<number> = new Set([407, 413, 502, 504, 511]);

/** An answer without a name that S3 would not send so. */
function foreignIn(
  error: unknown,
  {
    status,
    headers,
    text,
  }: {
    readonly status: number | undefined;
    readonly headers: Facts['headers'];
    readonly text: string | undefined;
  },
): AnswerFacts | undefined {
  if (error instanceof ForeignAnswer) return error.facts;
  if (status === undefined || status < 300 || headers['x-amz-bucket-region'] !== undefined) return undefined;
  const isPage = /text\/html/i.test(headers['content-type'] ?? '');
  const isOther = text !== undefined && !/^\s*<(\?xml|Error)/.test(text);
  if (!isPage && !isOther && status >= 400 && !onTheWay.has(status)) return undefined;
  return { status, headers, text: (text ?? '').slice(0, 500) };
}

function networkReason({ name, code, message }: Facts): string | undefined {
  const [, refusal] = (code === 'ERR_PROXY_TUNNEL' && /HTTP\/[\d.]+ (\d{3})/.exec(message)) || [];
  if (refusal === '407') return 'the proxy on the way asks for a user and a password (407)';
  if (refusal !== undefined) return `the proxy on the way refuses to lead there (${refusal})`;
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
