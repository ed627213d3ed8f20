// The README's table of who is kept out by what: each row names tests that are there.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const section = readFileSync(resolve(root, 'README.md'), 'utf8').split('\n## Security\n')[1]?.split('\n## ')[0] ?? '';
const rows = section
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(2)
  .map((line) => line.split('|').map((cell) => cell.trim()));
const { scripts } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};

test.each(rows.map(([, who = '', , proofs = '']) => [who, proofs] as const))('%s', (_who, proofs) => {
  const named = [...proofs.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(0);
  for (const name of named) {
    const script = /^npm run (\S+)$/.exec(name)?.[1];
    const isThere = script === undefined ? existsSync(resolve(root, `test/${name}.test.ts`)) : script in scripts;
    expect({ name, isThere }).toEqual({ name, isThere: true });
  }
});

test('has a row for everybody', () => {
  expect(rows.length).toBeGreaterThanOrEqual(15);
});
