// Tests a place as a destination: the one door to the tests of folders and buckets. What speaks S3 is loaded only for a bucket.
import { AppError } from '../../../shared/errors.ts';
import type { Place } from '../../../shared/contract.ts';
import type { TargetTest } from '../../../shared/targets.ts';
import { addressOf } from '../targets/open-target.ts';
import type { S3Credentials } from '../targets/s3-address.ts';
import { readTypedPath } from '../basics/typed-path.ts';
import type { Asking } from './contents.ts';
import { testFolder } from './folder-test.ts';
import type { StagesTime } from './stages.ts';

export interface TargetTestOptions extends Asking, StagesTime {
  readonly place: Place;
  /** What is kept of a target's credentials, for a form that does not repeat them. */
  readonly kept: () => S3Credentials | undefined;
  readonly now: () => number;
}

/** Tests a place; leaves nothing there. Throws for a place that is none, and on abort. */
export async function testTarget({ place, kept, now, ...options }: TargetTestOptions): Promise<TargetTest> {
  if (place.kind === 'folder') return await testFolder({ ...options, folder: readTypedPath(place.path) });
  const address = addressOf(place);
  if (address.kind !== 's3') throw new AppError('target-unsupported', { url: address.url });
  const credentials = address.credentials ?? kept();
  if (credentials === undefined) throw new AppError('target-secret-missing', { name: place.bucket });
  const { testS3 } = await import('./s3-test.ts');
  return await testS3({ ...options, now, address: { ...address, credentials } });
}
