// The lines that `npm run test:mutations` undoes are still there, each once.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { mutations } from '../mutations/lines.ts';

const root = resolve(import.meta.dirname, '../..');

test.each(mutations.map((mutation) => [mutation.what, mutation] as const))(
  '%s',
  (_what, { file, from, to, test: path }) => {
    const parts = readFileSync(resolve(root, file), 'utf8').split(from);
    expect(parts).toHaveLength(2);
    expect(parts.join(to)).not.toBe(parts.join(from));
    expect(existsSync(resolve(root, path))).toBe(true);
  },
);
