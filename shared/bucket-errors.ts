// What servers, networks and providers answer instead of doing what was asked of a bucket.
import { type ErrorTexts, historySafe, waiting } from './error-text.ts';

export const bucketErrors = {
  'target-address-invalid': (d) => ({
    message: `${d['url']} is not an address that Tidemark can use: ${d['reason']}.`,
    safe: 'Nothing was started.',
    hint: 'Write it like s3://bucket/folder?region=eu-central-1, for other providers with endpoint=https://….',
  }),
  'target-unreachable': (d) => ({
    message: `Tidemark cannot reach ${d['host']}: ${d['reason']}.`,
    safe: waiting,
    hint: 'Check the network and the endpoint; Tidemark goes on by itself.',
  }),
  'target-proxy': (d) => ({
    message: `The proxy that ${d['variable']} names cannot be used: ${d['reason']}.`,
    safe: waiting,
    hint: 'Name one like http://proxy.example:3128, or except the server with NO_PROXY.',
  }),
  'target-tls': (d) => ({
    message: `The connection to ${d['host']} cannot be trusted: ${d['reason']}.`,
    safe: `Nothing was sent. ${waiting}`,
    hint: 'Check the endpoint. A server of your own needs a certificate that this computer trusts (NODE_EXTRA_CA_CERTS names a file with your authority).',
  }),
  'target-clock-skew': (d) => ({
    message: `${d['host']} refuses requests because this computer’s clock differs from its own${d['skewMs'] === undefined ? '' : ` by ${Math.round(Math.abs(Number(d['skewMs'])) / 60_000)} minutes`}.`,
    safe: waiting,
    hint: 'Set the clock of this computer, best by letting it take the time from the network.',
  }),
  'target-credentials': (d) => ({
    message: `${d['host']} does not accept the access key (${d['reason']}).`,
    safe: waiting,
    hint: 'Check both halves of the key, and that it belongs to this provider and is active.',
  }),
  'target-credentials-expired': (d) => ({
    message: `The credentials for ${d['host']} have expired.`,
    safe: waiting,
    hint: 'Enter new ones, or sign in again (for AWS profiles: aws sso login); Tidemark goes on by itself.',
  }),
  'target-credentials-missing': (d) => ({
    message: `AWS’s settings on this computer hold no credentials that can be used: ${d['reason']}.`,
    safe: waiting,
    hint: 'Enter an access key, name a profile, or sign in with aws configure or aws sso login.',
  }),
  'target-forbidden': (d) => ({
    message: `The access key may not ${d['action']} in the bucket ${d['bucket']}.`,
    safe: waiting,
    hint: 'Allow it in the key’s policy (s3:ListBucket for the bucket; s3:GetObject, s3:PutObject and s3:AbortMultipartUpload for its objects; s3:DeleteObject where Tidemark may thin out old history).',
  }),
  'target-region': (d) => ({
    message:
      d['region'] === undefined
        ? `The bucket ${d['bucket']} is not in the region that was named.`
        : `The bucket ${d['bucket']} is in the region ${d['region']}.`,
    safe: waiting,
    hint: d['region'] === undefined ? 'Look its region up with the provider.' : `Set the region to ${d['region']}.`,
  }),
  'target-no-bucket': (d) => ({
    message: `There is no bucket ${d['bucket']} at ${d['host']}.`,
    safe: waiting,
    hint: 'Check its name and the endpoint, or create it with the provider.',
  }),
  'target-throttled': (d) => ({
    message: `${d['host']} asks for fewer requests.`,
    safe: waiting,
    hint: 'Tidemark slows down and goes on by itself.',
  }),
  'target-too-large': (d) => ({
    message: `${d['host']}, or a server before it, refuses requests as large as this one (413).`,
    safe: waiting,
    hint: 'Raise the limit there (nginx: client_max_body_size 0), or choose smaller parts with part-size=5MB; Tidemark goes on by itself.',
  }),
  'target-quota': (d) => ({
    message: `The bucket ${d['bucket']} takes no more: ${d['reason']}.`,
    safe: waiting,
    hint: 'Raise the limit with the provider, or free some space; Tidemark goes on by itself.',
  }),
  'target-encryption': (d) => ({
    message: `The bucket ${d['bucket']} could not use the encryption key: ${d['reason']}.`,
    safe: waiting,
    hint: 'Check the key’s id and region, that it is enabled, and that the access key may use it (kms:GenerateDataKey, kms:Decrypt).',
  }),
  'target-storage-class': (d) => ({
    message: `The bucket ${d['bucket']} does not know the storage class: ${d['reason']}.`,
    safe: waiting,
    hint: 'Choose another one, or none for the bucket’s own.',
  }),
  'target-object-locked': (d) => ({
    message: `The bucket ${d['bucket']} keeps ${d['key'] || 'its objects'} locked (Object Lock).`,
    safe: 'Nothing was deleted.',
    hint: 'Old history goes when the lock ends; leave thinning out to the bucket, or shorten its lock.',
  }),
  'object-archived': (d) => ({
    message: `${d['key']} at ${d['url']} was moved into an archive, from which it cannot be read at once.`,
    safe: historySafe,
    hint: 'Have the provider restore it (for S3: “Initiate restore”), and end the bucket’s rule that archives.',
  }),
} as const satisfies ErrorTexts;
