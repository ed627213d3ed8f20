// Makes the client that speaks S3, with what the provider needs: endpoint, path style, checksums, headers, timeouts. Sends
// requests, a bounded number at a time, and repeats those that failed for the moment: with full jitter, a cap, few attempts,
// and no sooner than the server asks for. The only place that chooses credentials. Longer waiting is left to callers.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { providers } from '../../../shared/providers.ts';
import { type S3Address, type S3Credentials, usesPathStyle } from './s3-address.ts';
import { classifyS3Error, isWorthRepeating, retryAfterMsOf, type S3Place } from './s3-errors.ts';
import { Sha256 } from './s3-hash.ts';
import { addQuirks, isHttpRequest } from './s3-quirks.ts';
import { tellTraffic } from './s3-traffic.ts';

const attempts = 4;
const longestDelayMs = 5000;
/** A server that asks for more patience than this is left to whoever called. */
const longestAskedMs = 15_000;
const connectMs = 10_000;
/** Without a byte in either direction. Long enough for the completion of a large upload, which some servers take minutes for. */
const idleMs = 60_000;

export interface S3Access {
  /** Instead of what the address says; without either, AWS's chain. */
  readonly credentials?: S3Credentials | undefined;
  /** Before the first repetition, at most; doubled for each that follows. Default 200. */
  readonly firstDelayMs?: number | undefined;
}

/** A client of the SDK for an address: for those who ask S3 what a target does not. Its owner destroys it. */
export function makeS3Client(address: S3Address, access: S3Access = {}): S3Client {
  const provider = providers[address.provider];
  const checksums = provider.checksums === 'when-supported' ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED';
  const credentials = access.credentials ?? address.credentials ?? { kind: 'chain' };
  const profile = credentials.kind === 'chain' ? credentials.profile : undefined;
  const isAws = address.provider === 'aws';
  const agent = { keepAlive: true, maxSockets: 32 };
  const client = new S3Client({
    ...credentialsOf(credentials),
    region: address.region ?? (isAws ? async () => await regionOfEnvironment(profile) : provider.defaultRegion),
    ...(address.endpoint === undefined ? {} : { endpoint: address.endpoint }),
    forcePathStyle: usesPathStyle(address),
    // Where nobody named the region, AWS tells it.
    followRegionRedirects: isAws && address.region === undefined,
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    // Repeating is ours: it can be cancelled while it waits, and never runs out of tokens.
    maxAttempts: 1,
    sha256: Sha256,
    requestHandler: {
      connectionTimeout: connectMs,
      socketTimeout: idleMs,
      httpAgent: agent,
      httpsAgent: { ...agent, rejectUnauthorized: !address.isUnverified },
    },
  });
  client.middlewareStack.add(
    (next) => async (args) => {
      if (isHttpRequest(args.request)) addQuirks(args.request, provider);
      return next(args);
    },
    { step: 'build', priority: 'low', name: 'tidemarkProvider' },
  );
  tellTraffic(client);
  reuseSigner(client);
  return client;
}

/** The SDK makes a new signer for each request, all alike. */
function reuseSigner({ config }: S3Client): void {
  const make = config.signer;
  let made: Awaited<ReturnType<typeof make>> | undefined;
  config.signer = async (scheme) => (made ??= await make(scheme));
}

export interface SendContext {
  /** To be handed to the client. */
  readonly abortSignal: AbortSignal;
  /** Counts from 1: at a later one an earlier may have done the work, and its answer may have been lost. */
  readonly attempt: number;
}

/** What is sent to S3: a client with its limits. Shared by every target with the same server and credentials. */
export class S3Connection {
  readonly client: S3Client;
  readonly firstDelayMs: number;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(client: S3Client, limits: { readonly concurrency: number; readonly firstDelayMs: number }) {
    this.client = client;
    this.firstDelayMs = limits.firstDelayMs;
    this.#free = limits.concurrency;
  }

  /** Sends a request when it is its turn; throws what `classifyS3Error` makes of a failure that stays, or the signal's reason. */
  async send<T>(
    place: S3Place,
    action: (client: S3Client, context: SendContext) => Promise<T>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      const outcome = await this.#attempt(action, { abortSignal: signal, attempt });
      if (outcome.kind === 'done') return outcome.value;
      signal.throwIfAborted();
      const askedMs = retryAfterMsOf(outcome.error) ?? 0;
      if (attempt === attempts || askedMs > longestAskedMs || !isWorthRepeating(outcome.error)) {
        throw classifyS3Error(outcome.error, place);
      }
      const delayMs = Math.random() * Math.min(longestDelayMs, this.firstDelayMs * 2 ** (attempt - 1));
      await sleep(askedMs + delayMs, undefined, { signal }).catch(() => {});
    }
  }

  async #attempt<T>(
    action: (client: S3Client, context: SendContext) => Promise<T>,
    context: SendContext,
  ): Promise<{ readonly kind: 'done'; readonly value: T } | { readonly kind: 'failed'; readonly error: unknown }> {
    await this.#turn();
    try {
      return { kind: 'done', value: await action(this.client, context) };
    } catch (error) {
      return { kind: 'failed', error };
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  async #turn(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

const connections = new Map<string, S3Connection>();

/** The connection for an address: one for all that would be set up alike. */
export function connectS3(address: S3Address, access: S3Access = {}): S3Connection {
  const { bucket: _bucket, prefix: _prefix, url: _url, credentials, ...server } = address;
  const { firstDelayMs = 200 } = access;
  const facts = JSON.stringify([server, usesPathStyle(address), access.credentials ?? credentials, firstDelayMs]);
  // A key that could be printed must not hold what it stands for.
  const key = createHash('sha256').update(facts).digest('hex');
  const known = connections.get(key);
  if (known !== undefined) return known;
  const made = new S3Connection(makeS3Client(address, access), {
    concurrency: address.concurrency ?? providers[address.provider].concurrency,
    firstDelayMs,
  });
  connections.set(key, made);
  return made;
}

/** Which credentials are meant, in the SDK's words. Litestream's variables count where AWS's own are not set. */
function credentialsOf(credentials: S3Credentials): Pick<S3ClientConfig, 'credentials' | 'profile'> {
  if (credentials.kind === 'keys') {
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    return { credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) } };
  }
  if (credentials.profile !== undefined) return { profile: credentials.profile };
  const { AWS_ACCESS_KEY_ID, AWS_PROFILE, LITESTREAM_ACCESS_KEY_ID, LITESTREAM_SECRET_ACCESS_KEY } = process.env;
  if (AWS_ACCESS_KEY_ID !== undefined || AWS_PROFILE !== undefined) return {};
  if (LITESTREAM_ACCESS_KEY_ID === undefined || LITESTREAM_SECRET_ACCESS_KEY === undefined) return {};
  return { credentials: { accessKeyId: LITESTREAM_ACCESS_KEY_ID, secretAccessKey: LITESTREAM_SECRET_ACCESS_KEY } };
}

/** What environment or profile name; else the region that knows all others. */
async function regionOfEnvironment(profile: string | undefined): Promise<string> {
  const asked = new S3Client(profile === undefined ? {} : { profile });
  try {
    return await asked.config.region();
  } catch {
    // @NOTE the SDK has no other way to say that none is named.
    return 'us-east-1';
  } finally {
    asked.destroy();
  }
}
