// The order in which test files start: the long ones first, so that none is left alone at the end. What was measured here before decides
// among the others, in a fresh checkout their size.
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take from a quarter of a minute to minutes, the longest first. */
export const longFiles = [
  'e2e/gallery',
  'engine/engine-thread',
  'engine/histories',
  'engine/unreachable',
  'engine/as-without-us-visits',
  'engine/continuity',
  'engine/crash-points',
  'e2e/desktop-shell',
  'engine/as-without-us-hands',
  'engine/cli-replicate',
  'e2e/headless-journey',
  'engine/torn-images',
  'engine/lost-data-folder',
  'engine/as-without-us-replaced',
  'engine/storm',
  'engine/ltx',
  'engine/shipping',
  'engine/same-file',
  'engine/identity',
  'interop/demo-story',
  'unit/restore-damage',
].map((name) => `/test/${name}.test.ts`);

export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const ordered = await super.sort(files);
    return ordered.toSorted((one, other) => rank(one) - rank(other));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const place = longFiles.findIndex((name) => moduleId.endsWith(name));
  return place === -1 ? longFiles.length : place;
}
