// `npm run test:mutations`: undoes one guarding line at a time, in a copy of the sources, and looks whether a test notices. A line
// whose loss nobody notices fails the run. `-- <word>` tries those whose description has the word.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Mutation, mutations } from './lines.ts';

const root = resolve(import.meta.dirname, '../..');
const copied = [
  'electron',
  'shared',
  'test',
  'renderer',
  'package.json',
  'package-lock.json',
  'electron-builder.yml',
  'README.md',
  'tsconfig.json',
];
const words = process.argv.slice(2);
const chosen = mutations.filter(({ what }) => words.every((word) => what.includes(word)));

const copy = mkdtempSync(join(realpathSync(tmpdir()), 'tidemark-mutations-'));
process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
for (const name of copied) cpSync(join(root, name), join(copy, name), { recursive: true });
symlinkSync(realpathSync(join(root, 'node_modules')), join(copy, 'node_modules'));

const vite = join(root, 'node_modules/vite/bin/vite.js');
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
run([vite, 'build', '--config', 'renderer/vite.config.ts', '--logLevel', 'error']);

const unnoticed = chosen.filter((mutation) => !isNoticed(mutation));
if (unnoticed.length > 0) {
  process.stdout.write(`\nNobody notices the loss of:\n${unnoticed.map(({ what }) => `  ${what}\n`).join('')}`);
  process.exit(1);
}
process.stdout.write(`\nThe loss of each of ${chosen.length} lines is noticed.\n`);

/** Applies one, runs its tests, and takes it back. */
function isNoticed({ what, file, from, to, test, name }: Mutation): boolean {
  const place = join(copy, file);
  const before = readFileSync(place, 'utf8');
  if (before.split(from).length !== 2) throw new Error(`${file} does not hold this once any more: ${from}`);
  const startedAt = performance.now();
  writeFileSync(
    place,
    before.replace(from, () => to),
  );
  try {
    if (test.includes('/e2e/') && !run([vite, 'build', '--app', '--config', 'electron/vite.config.ts']))
      return say(what, 'does not build', startedAt);
    rmSync(join(copy, 'ran.json'), { force: true });
    const only = name === undefined ? [] : ['-t', name];
    const reporting = ['--reporter=json', '--outputFile=ran.json', '--bail', '1'];
    const isGreen = run([vitest, 'run', '--config', 'test/vitest.config.ts', ...reporting, test, ...only]);
    if (isGreen && passed() === 0) throw new Error(`${test} has no test “${name ?? ''}”`);
    return say(what, isGreen ? 'NOT NOTICED' : 'noticed', startedAt) && !isGreen;
  } finally {
    writeFileSync(place, before);
  }
}

function say(what: string, how: string, startedAt: number): boolean {
  process.stdout.write(`${how.padEnd(12)} ${what}, ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
  return how !== 'does not build';
}

/** How many tests passed in the last run. */
function passed(): number {
  return (JSON.parse(readFileSync(join(copy, 'ran.json'), 'utf8')) as { readonly numPassedTests: number })
    .numPassedTests;
}

/** Runs a script in the copy; true where it ended well. */
function run(args: readonly string[]): boolean {
  return spawnSync(process.execPath, args, { cwd: copy, stdio: 'ignore', timeout: 180_000 }).status === 0;
}
