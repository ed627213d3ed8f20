// A server of S3 in this process, on a port of its own that only this computer reaches. It keeps everything in memory, looks
// at no signature, takes at most 11 MiB a request, and passes conditions of a PUT over.
import { buildApp } from 'fauxqs';
import type { S3Credentials } from '../../electron/engine/targets/s3-address.ts';

export interface S3Server extends AsyncDisposable {
  readonly endpoint: string;
  readonly credentials: S3Credentials & { readonly kind: 'keys' };
  /** Makes a bucket and returns its name. */
  makeBucket(): Promise<string>;
  /** What a user would type for a folder of a bucket. */
  urlOf(bucket: string, prefix?: string): string;
}

/** What addresses of a server at an endpoint look like. */
export function s3UrlOf(endpoint: string, bucket: string, prefix = ''): string {
  return `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}?endpoint=${endpoint}&region=us-east-1`;
}

export async function startS3Server(): Promise<S3Server> {
  const app = buildApp({ logger: false });
  const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
  let buckets = 0;
  return {
    endpoint,
    credentials: { kind: 'keys', accessKeyId: 'tester', secretAccessKey: 'testing' },
    async makeBucket() {
      const name = `bucket-${++buckets}`;
      const answer = await fetch(`${endpoint}/${name}`, { method: 'PUT' });
      if (!answer.ok) throw new Error(`the bucket was not made: ${answer.status}`);
      return name;
    },
    urlOf: (bucket, prefix) => s3UrlOf(endpoint, bucket, prefix),
    [Symbol.asyncDispose]: async () => {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}
