// Makes the client that speaks S3, with what the provider needs: endpoint, path style, checksums, headers, timeouts. Sends
// requests, a bounded number at a time, and repeats those that failed for the moment: with full jitter, a cap, few attempts,
// and no sooner than the server asks for. What was refused for its credentials or its region is sent again where others are
// found. Longer waiting is left to callers.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { S3Client } from '@aws-sdk/client-s3';
import { providers } from '../../../shared/providers.ts';
import { originOf, type S3Address, type S3Credentials, usesPathStyle } from './s3-address.ts';
import { credentialsOf, renewCredentials } from './s3-credentials.ts';
import {
  classifyS3Error,
  isAboutCredentials,
  isWorthRepeating,
  otherRegionOf,
  retryAfterMsOf,
  type S3Place,
} from './s3-errors.ts';
import { mustComeFromS3 } from './s3-foreign.ts';
import { Sha256 } from './s3-hash.ts';
import { addQuirks, isHttpRequest } from './s3-quirks.ts';
import { type Proxy, proxyFor } from './s3-proxy.ts';
import { SoughtRegion } from './s3-region.ts';
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

interface ClientOptions extends S3Access {
  /** Where a region is sought. */
  readonly region?: SoughtRegion | undefined;
}

/** A client of the SDK for an address: for those who ask S3 what a target does not. Its owner destroys it. */
export function makeS3Client(address: S3Address, options: ClientOptions = {}): S3Client {
  const provider = providers[address.provider];
  const checksums = provider.checksums === 'when-supported' ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED';
  const region = options.region ?? soughtRegionOf(address, options);
  const proxy = proxyTo(address);
  const agent = { keepAlive: true, maxSockets: 32, ...(proxy && { proxyEnv: proxy.env }) };
  const client = new S3Client({
    ...credentialsOf(credentialsFor(address, options)),
    region: address.region ?? (region === undefined ? provider.defaultRegion : async () => await region.read()),
    ...(address.endpoint === undefined ? {} : { endpoint: address.endpoint }),
    forcePathStyle: usesPathStyle(address),
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
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const result = await next(args);
        await mustComeFromS3(commandName, result.response);
        return result;
      },
    { step: 'deserialize', priority: 'low', name: 'tidemarkForeign' },
  );
  tellTraffic(client);
  reuseSigner(client);
  return client;
}

/** The proxy on the way to an address, as the environment of this process has it. */
export function proxyTo(address: S3Address): Proxy | undefined {
  return proxyFor(originOf(address, address.region ?? providers[address.provider].defaultRegion), process.env);
}

function credentialsFor(address: S3Address, access: S3Access): S3Credentials {
  return access.credentials ?? address.credentials ?? { kind: 'chain' };
}

/** Undefined where somebody named a region, or there is but one. */
function soughtRegionOf(address: S3Address, access: S3Access): SoughtRegion | undefined {
  if (address.provider !== 'aws' || address.region !== undefined) return undefined;
  const credentials = credentialsFor(address, access);
  return new SoughtRegion(credentials.kind === 'chain' ? credentials.profile : undefined);
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
  /** Whether the server compares before it writes when it is asked to; undefined until it showed that. */
  compares: boolean | undefined;
  readonly #waiting: (() => void)[] = [];
  #free: number;
  readonly #region: SoughtRegion | undefined;
  /** How often other credentials were found, or another region. */
  #changes = 0;

  constructor(
    client: S3Client,
    options: { readonly concurrency: number; readonly firstDelayMs: number; readonly region: SoughtRegion | undefined },
  ) {
    this.client = client;
    this.firstDelayMs = options.firstDelayMs;
    this.#free = options.concurrency;
    this.#region = options.region;
  }

  /** Sends a request when it is its turn; throws what `classifyS3Error` makes of a failure that stays, or the signal's reason. */
  async send<T>(
    place: S3Place,
    action: (client: S3Client, context: SendContext) => Promise<T>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      const changes = this.#changes;
      const outcome = await this.#attempt(action, { abortSignal: signal, attempt });
      if (outcome.kind === 'done') return outcome.value;
      signal.throwIfAborted();
      const { error } = outcome;
      const askedMs = retryAfterMsOf(error) ?? 0;
      const isLast = attempt === attempts || askedMs > longestAskedMs;
      if (isLast || !(isWorthRepeating(error) || (await this.#hasChanged(error, changes)))) {
        throw classifyS3Error(error, place);
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

  /** Whether there are other credentials by now than those that were refused, or another region. */
  async #hasChanged(error: unknown, changes: number): Promise<boolean> {
    const region = otherRegionOf(error);
    if (region === undefined && !isAboutCredentials(error)) return false;
    // Another request may have found them meanwhile.
    if (this.#changes === changes) {
      const isOther = region === undefined ? renewCredentials(this.client) : this.#region?.follow(region);
      if ((await isOther) === true) this.#changes++;
    }
    return this.#changes !== changes;
  }

  async #turn(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

const connections = new Map<string, S3Connection>();

/** The connection for an address: one for all that would be set up alike. */
export function connectS3(address: S3Address, access: S3Access = {}): S3Connection {
  const { bucket, prefix: _prefix, url: _url, credentials, ...server } = address;
  const { firstDelayMs = 200 } = access;
  const region = soughtRegionOf(address, access);
  const facts = JSON.stringify([
    server,
    usesPathStyle(address),
    access.credentials ?? credentials,
    firstDelayMs,
    // Each bucket has a region of its own.
    region === undefined ? undefined : bucket,
  ]);
  // A key that could be printed must not hold what it stands for.
  const key = createHash('sha256').update(facts).digest('hex');
  const known = connections.get(key);
  if (known !== undefined) return known;
  const made = new S3Connection(makeS3Client(address, { ...access, region }), {
    concurrency: address.concurrency ?? providers[address.provider].concurrency,
    firstDelayMs,
    region,
  });
  connections.set(key, made);
  return made;
}
