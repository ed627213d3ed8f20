// The region of a bucket of Amazon's that nobody named: what environment or profile say, until a server says where the bucket
// is. The SDK would be redirected with each request anew, and goes on only from some of the answers that say it.
import { S3Client } from '@aws-sdk/client-s3';

export class SoughtRegion {
  readonly #profile: string | undefined;
  #found: Promise<string> | undefined;

  constructor(profile: string | undefined) {
    this.#profile = profile;
  }

  async read(): Promise<string> {
    return await (this.#found ??= regionOfEnvironment(this.#profile));
  }

  /** Whether this is another one than it was; from now on it counts. */
  async follow(region: string): Promise<boolean> {
    const before = await this.read();
    this.#found = Promise.resolve(region);
    return before !== region;
  }
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
