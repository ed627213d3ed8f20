// A bucket as a target, or a part of one: keys lie below the address's prefix. Loads what speaks S3 when it is first needed,
// since most computers never do. What the requests are is s3-objects.ts.
import type { S3Address } from './s3-address.ts';
import type { S3Access } from './s3-client.ts';
import type { S3Objects } from './s3-objects.ts';
import type { Target } from './target.ts';

/** The target at an address. Does nothing yet: a bucket that is missing is reported by the first use. */
export function openS3Target(address: S3Address, access: S3Access = {}): Target {
  let opened: Promise<S3Objects> | undefined;
  const objects = async (): Promise<S3Objects> =>
    await (opened ??= import('./s3-objects.ts').then(({ openS3Objects }) => openS3Objects(address, access)));
  return {
    url: address.url,
    tellsTraffic: true,
    list: async (prefix, options) => await (await objects()).list(prefix, options),
    put: async (key, body, options) => await (await objects()).put(key, body, options),
    async *get(key, options) {
      yield* (await objects()).get(key, options);
    },
    delete: async (keys, options) => await (await objects()).delete(keys, options),
    removeLeftovers: async (options) => await (await objects()).removeLeftovers(options),
    look: async (folders, options) => await (await objects()).look(folders, options),
  };
}
