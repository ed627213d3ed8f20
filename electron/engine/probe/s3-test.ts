// Tests a bucket as a destination, stage by stage: address, TLS, clock, credentials, region, bucket, list, write, read, delete.
// Corrects the region and, where the bucket has no host of its own, the path style. Leaves no object behind, whatever happens;
// where it may not delete, the one it names.
import { AppError } from '../../../shared/errors.ts';
import type { TargetTest } from '../../../shared/targets.ts';
import { endpointOf, providers } from '../../../shared/providers.ts';
import { readRecord, type ReplicaRecord } from '../replica/record.ts';
import { placeOf } from '../targets/open-target.ts';
import { makeS3Address, originOf, type S3Address, usesPathStyle } from '../targets/s3-address.ts';
import { isAboutAccess, openS3Probe, type S3Probe } from '../targets/s3-probe.ts';
import { checkCertificate, greet, type Hello, parseEndpoint, reach } from './connection.ts';
import { type Asking, type Contents, contentsInWords, findContents, testBytes, testKey } from './contents.ts';
import { cleanUp, type Finding, Stages, type StagesTime } from './stages.ts';

export interface S3TestOptions extends Asking, StagesTime {
  /** With the credentials to be tested. */
  readonly address: S3Address;
  readonly now: () => number;
}

type FirstAnswer = { readonly keys: readonly string[] } | { readonly error: AppError };

/** Services refuse what is signed with a clock that differs by 15 minutes. */
const skewToTellMs = 5 * 60_000;

/** Tests a bucket; only an abort makes it throw. */
export async function testS3(options: S3TestOptions): Promise<TargetTest> {
  await using test = new S3Test(options);
  return await test.run();
}

class S3Test implements AsyncDisposable {
  readonly #options: S3TestOptions;
  readonly #stages: Stages;
  #address: S3Address;
  #probe: S3Probe | undefined;
  readonly #corrected: string[] = [];
  #hello: Hello | undefined;
  /** What the first signed request ended with. */
  #first: FirstAnswer | undefined;
  #contents: Contents | undefined;
  #versioning: TargetTest['versioning'] = 'unknown';
  #hasObjectLock = false;
  #mayExist = false;
  #canDelete = false;
  #hasConditionalWrites = false;

  constructor(options: S3TestOptions) {
    this.#options = options;
    this.#address = options.address;
    const late = () => new AppError('target-unreachable', { host: this.#host, reason: 'it does not answer' });
    this.#stages = new Stages({ signal: options.signal, late, stageMs: options.stageMs });
  }

  async run(): Promise<TargetTest> {
    const stages = this.#stages;
    await stages.run('address', async (signal) => await this.#findServer(signal));
    await stages.run('tls', async (signal) => await this.#checkConnection(signal));
    await stages.run('clock', async (signal) => await this.#checkClock(signal));
    await stages.run('credentials', async (signal) => await this.#checkCredentials(signal));
    await stages.run('region', async (signal) => await this.#checkRegion(signal));
    await stages.run('bucket', async (signal) => await this.#checkBucket(signal));
    await stages.run('list', async (signal) => await this.#judgeContents(signal));
    await stages.run('write', async (signal) => await this.#write(signal));
    await stages.run('read', async (signal) => await this.#read(signal));
    await stages.run('delete', async (signal) => await this.#delete(signal));
    return {
      stages: stages.list,
      isUsable: !stages.hasFailed,
      place: placeOf(this.#address),
      corrected: this.#corrected,
      contents: this.#contents,
      versioning: this.#versioning,
      hasObjectLock: this.#hasObjectLock,
      canDelete: this.#canDelete,
      hasConditionalWrites: this.#hasConditionalWrites,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const probe = this.#probe;
    if (probe === undefined) return;
    if (this.#mayExist) {
      await cleanUp(async (signal) => {
        if (this.#versioning === 'on' || this.#versioning === 'suspended') await probe.deleteVersions(testKey, signal);
        else await probe.delete(testKey, signal);
      });
    }
    probe[Symbol.dispose]();
  }

  async #findServer(signal: AbortSignal): Promise<Finding> {
    try {
      const endpoint = parseEndpoint(this.#origin);
      const at = await reach(endpoint, signal);
      const { name } = endpoint.proxy ?? {};
      return { text: name === undefined ? `${this.#host} answers at ${at}.` : `The proxy ${name} on the way answers.` };
    } catch (error) {
      // Perhaps only the bucket has no name of its own there.
      if (usesPathStyle(this.#address)) throw error;
      const before = this.#address;
      this.#address = makeS3Address({ ...before, isPathStyle: true });
      const found = await reach(parseEndpoint(this.#origin), signal).catch(() => undefined);
      if (found !== undefined) {
        this.#corrected.push('The bucket has no host of its own there: it is named in the path.');
        return { text: `${this.#host} answers at ${found}.` };
      }
      this.#address = before;
      throw error;
    }
  }

  async #checkConnection(signal: AbortSignal): Promise<Finding> {
    const endpoint = parseEndpoint(this.#origin);
    const end = endpoint.isSecure && !this.#address.isUnverified ? await checkCertificate(endpoint, signal) : undefined;
    const bucket = usesPathStyle(this.#address) ? `/${this.#address.bucket}` : '/';
    if (!this.#address.isUnverified) {
      this.#hello = await greet(this.#origin, { path: bucket, signal, now: this.#options.now });
    }
    if (endpoint.isSecure) {
      return { text: end === undefined ? 'The certificate is not checked.' : `The certificate is good until ${end}.` };
    }
    if (/^(localhost|127\.|::1$)/.test(endpoint.host)) {
      return { text: 'Not encrypted, but it does not leave this computer.' };
    }
    const warning = new AppError('target-not-encrypted', { host: endpoint.name });
    return { text: warning.message, warning };
  }

  /** The first signed request tells about the stages up to the list. */
  async #checkClock(signal: AbortSignal): Promise<Finding> {
    const region = this.#hello?.region;
    if (region !== undefined && region !== this.#signedRegion) this.#moveTo(region);
    this.#first = await this.#ask(signal);
    const error = this.#firstError;
    if (error?.code === 'target-clock-skew') throw error;
    const skewMs = this.#hello?.skewMs;
    if (skewMs === undefined) return { text: 'The server tells no time.' };
    if (Math.abs(skewMs) < skewToTellMs) return { text: 'The clocks agree.' };
    const minutes = Math.round(Math.abs(skewMs) / 60_000);
    const warning = new AppError('target-clock-differs', { host: this.#host, minutes });
    return { text: warning.message, warning };
  }

  async #checkCredentials(signal: AbortSignal): Promise<Finding> {
    const error = this.#firstError;
    if (error !== undefined && isAboutAccess(error)) throw error;
    const id = await this.#open.findKey(signal);
    const found = this.#address.credentials?.kind === 'chain' ? ` ${id}, which this computer has,` : '';
    return {
      text: error?.code === 'target-region' ? 'There is an access key.' : `The access key${found} is accepted.`,
    };
  }

  /** A request that went to another region is asked again where the bucket is. */
  async #checkRegion(signal: AbortSignal): Promise<Finding> {
    for (let error = this.#firstError; error?.code === 'target-region'; error = this.#firstError) {
      const said = error.details['region'];
      const region = typeof said === 'string' ? said : await this.#open.region(signal);
      if (region === undefined || region === this.#signedRegion) throw error;
      this.#moveTo(region);
      this.#first = await this.#ask(signal);
    }
    const error = this.#firstError;
    if (error !== undefined && isAboutAccess(error)) throw error;
    return { text: this.#corrected.at(-1) ?? `The region ${this.#signedRegion} is right.` };
  }

  async #checkBucket(signal: AbortSignal): Promise<Finding> {
    const error = this.#firstError;
    if (error !== undefined && error.code !== 'target-forbidden') throw error;
    this.#versioning = await this.#open.versioning(signal);
    this.#hasObjectLock = await this.#open.hasObjectLock(signal);
    const notes = [
      ...(this.#versioning === 'on' ? ['it keeps versions of what is deleted'] : []),
      ...(this.#hasObjectLock ? ['it can lock objects'] : []),
    ];
    const { bucket } = this.#address;
    return { text: `The bucket ${bucket} is there${notes.length === 0 ? '' : `; ${notes.join(', and ')}`}.` };
  }

  async #judgeContents(signal: AbortSignal): Promise<Finding> {
    const first = this.#first;
    if (first === undefined || 'error' in first) throw first?.error ?? new AppError('cancelled');
    const { keys } = first;
    const sight = {
      record: async (name: string) => await this.#readRecord(name === '' ? '' : `${name}/`, signal),
      keys: async () => await Promise.resolve(keys),
      has: async (key: string) => (await this.#open.list(key, signal)).includes(key),
    };
    this.#contents = await findContents(sight, this.#options);
    return { text: `It holds ${contentsInWords(this.#contents)}.` };
  }

  async #write(signal: AbortSignal): Promise<Finding> {
    this.#mayExist = true;
    await this.#open.put(testKey, testBytes, signal);
    // Another version could be locked in as well.
    if (this.#hasObjectLock) this.#hasConditionalWrites = providers[this.#address.provider].hasConditionalWrites;
    else this.#hasConditionalWrites = await this.#open.refusesToReplace(testKey, testBytes, signal);
    return { text: 'Objects can be written.' };
  }

  async #read(signal: AbortSignal): Promise<Finding> {
    const bytes = await this.#open.get(testKey, signal);
    if (!Buffer.from(testBytes).equals(bytes)) throw new AppError('target-mismatch', { path: this.#address.url });
    return { text: 'What was written is read back as it was.' };
  }

  async #delete(signal: AbortSignal): Promise<Finding> {
    const key = this.#address.prefix === '' ? testKey : `${this.#address.prefix}/${testKey}`;
    try {
      await this.#open.delete(testKey, signal);
      this.#canDelete = true;
    } catch (error) {
      const isRefused = error instanceof AppError && ['target-forbidden', 'target-object-locked'].includes(error.code);
      if (!isRefused) throw error;
      this.#mayExist = false;
      const warning = new AppError('target-no-delete', { path: this.#address.url, key });
      return { text: warning.message, warning };
    }
    this.#mayExist = false;
    if (this.#versioning === 'off') return { text: 'Objects can be deleted.' };
    const isWhole = await this.#open.deleteVersions(testKey, signal);
    return {
      text:
        isWhole || this.#versioning === 'unknown'
          ? 'Objects can be deleted.'
          : `Objects can be deleted; the bucket keeps former versions of them, such as ${key}, for as long as its own rules say.`,
    };
  }

  async #ask(signal: AbortSignal): Promise<FirstAnswer> {
    try {
      return { keys: await this.#open.list('', signal) };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof AppError) return { error };
      throw error;
    }
  }

  async #readRecord(prefix: string, signal: AbortSignal): Promise<ReplicaRecord | undefined> {
    const probe = this.#open;
    const reader = {
      list: async (key: string) =>
        (await probe.list(prefix + key, signal)).map((found) => ({
          key: found.slice(prefix.length),
          bytes: 0,
          modifiedAt: 0,
        })),
      get: async function* (key: string) {
        yield await probe.get(prefix + key, signal);
      },
    };
    try {
      return await readRecord(reader, { signal });
    } catch (error) {
      // Whoever writes there next will say that it cannot be understood.
      if (error instanceof AppError && error.code === 'object-damaged') return undefined;
      throw error;
    }
  }

  /** The same bucket in another region; a provider may have another endpoint there. */
  #moveTo(region: string): void {
    const before = this.#address;
    const isOfRegion = before.endpoint === endpointOf(before.provider, { region: before.region });
    const { endpoint } = before;
    this.#address = makeS3Address({ ...before, region, endpoint: isOfRegion ? undefined : endpoint });
    if (before.region !== undefined) {
      this.#corrected.push(`The bucket is in ${region}, not in ${before.region}; the region was corrected.`);
    } else if (before.provider === 'aws') {
      this.#corrected.push(`The bucket is in ${region}; the region was filled in.`);
    }
    this.#probe?.[Symbol.dispose]();
    this.#probe = undefined;
  }

  get #firstError(): AppError | undefined {
    return this.#first !== undefined && 'error' in this.#first ? this.#first.error : undefined;
  }

  /** A region is always named here, so that none is followed unseen. */
  get #open(): S3Probe {
    return (this.#probe ??= openS3Probe({ ...this.#address, region: this.#signedRegion }));
  }

  get #signedRegion(): string {
    return this.#address.region ?? providers[this.#address.provider].defaultRegion;
  }

  get #origin(): string {
    return originOf(this.#address, this.#signedRegion);
  }

  get #host(): string {
    return new URL(this.#origin).host;
  }
}
