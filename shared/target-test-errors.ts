// What the test of a destination finds beyond what goes wrong in use: hints as well as failures.
import { type ErrorTexts, untouched, waiting } from './error-text.ts';

export const targetTestErrors = {
  'target-not-s3': (d) => ({
    message: `What answers at ${d['host']} is not S3: ${d['reason']}.`,
    safe: `No secret key was sent there. ${waiting}`,
    hint: 'Check the endpoint and its port. In a network with a sign-in page, sign in first.',
  }),
  'target-not-encrypted': (d) => ({
    message: `The connection to ${d['host']} is not encrypted: whoever is on the way can read along.`,
    hint: 'Use an endpoint that begins with https:// where there is one.',
  }),
  'target-clock-differs': (d) => ({
    message: `This computer’s clock differs from that of ${d['host']} by ${d['minutes']} minutes.`,
    hint: 'Let this computer take the time from the network: from 15 minutes on, services refuse requests.',
  }),
  'target-mismatch': (d) => ({
    message: `What was read back from ${d['path']} is not what was written.`,
    safe: untouched,
    hint: 'Do not keep history there: the disk, or something on the way, changes what it is given.',
  }),
  'target-no-delete': (d) => ({
    message: `Objects may be written to ${d['path']}, but not deleted: retention is left to the place itself.`,
    safe: 'Nobody who gets hold of this key can delete history with it. The object of this test stays there.',
    hint: `If that is what you want, there is nothing to do; a rule of the bucket can thin out old history. The object ${d['key']} can be deleted by hand.`,
  }),
  'target-same-disk': (d) => ({
    message: `${d['path']} lies on the same disk as the database.`,
    hint: 'A second destination on another disk, or in a bucket, helps when that disk dies.',
  }),
  'target-little-room': (d) => ({
    message: `Only ${d['free']} are free at ${d['path']}, and the database has ${d['size']}.`,
    hint: 'Free some space, or choose another disk.',
  }),
} as const satisfies ErrorTexts;
