// The order of test files names files that there are.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { longFiles } from '../support/long-first.ts';

test('every file that is said to take long is there', () => {
  expect(longFiles.filter((file) => !existsSync(resolve(import.meta.dirname, '../..', `.${file}`)))).toEqual([]);
});
