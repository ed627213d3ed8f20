// Which credentials requests are signed with: the only place that chooses them, and the one that looks for others where a server
// does not take them any more. Whether it does is s3-errors.ts.
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import type { S3Credentials } from './s3-address.ts';

/** What a client is made with; the SDK hands all of it to its chain. */
type Chosen = Pick<S3ClientConfig, 'credentials' | 'profile'> & { readonly ignoreCache?: true };

/** A file of credentials may be written anew at any time; the SDK would read it once for as long as the process runs. */
const chain: Chosen = { ignoreCache: true };

/** Which credentials are meant, in the SDK's words. Litestream's variables count where AWS's own are not set. */
export function credentialsOf(credentials: S3Credentials): Chosen {
  if (credentials.kind === 'keys') {
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    return { credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) } };
  }
  if (credentials.profile !== undefined) return { ...chain, profile: credentials.profile };
  const { AWS_ACCESS_KEY_ID, AWS_PROFILE, LITESTREAM_ACCESS_KEY_ID, LITESTREAM_SECRET_ACCESS_KEY } = process.env;
  if (AWS_ACCESS_KEY_ID !== undefined || AWS_PROFILE !== undefined) return chain;
  if (LITESTREAM_ACCESS_KEY_ID === undefined || LITESTREAM_SECRET_ACCESS_KEY === undefined) return chain;
  return { credentials: { accessKeyId: LITESTREAM_ACCESS_KEY_ID, secretAccessKey: LITESTREAM_SECRET_ACCESS_KEY } };
}

/** Fetches a client's credentials again from where they come from; resolves with whether they are others than before. */
export async function renewCredentials({ config }: S3Client): Promise<boolean> {
  try {
    const before = await config.credentials();
    const now = await config.credentials({ forceRefresh: true });
    return (
      now.accessKeyId !== before.accessKeyId ||
      now.secretAccessKey !== before.secretAccessKey ||
      now.sessionToken !== before.sessionToken
    );
  } catch {
    // @NOTE What was refused is what there is to tell.
    return false;
  }
}
