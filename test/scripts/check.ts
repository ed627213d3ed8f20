// `npm run check`: what holds without running the application. All of it side by side, as far as there are processors; with words,
// only what is called so. Prints what each finds.
import { availableParallelism } from 'node:os';
import { type Ended, runStep, say } from './steps.ts';

interface Check {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

const projects = [
  'test',
  'electron',
  'renderer',
  'shared',
  'electron/tsconfig.preload.json',
  'test/support/gallery',
] as const;

/** The long ones first. */
const checks: readonly Check[] = [
  { name: 'lint', program: 'oxlint', args: ['--type-aware', '--report-unused-disable-directives', '--deny-warnings'] },
  { name: 'format', program: 'prettier', args: ['--check', '--log-level', 'warn', '.'] },
  { name: 'unused', program: 'knip', args: [] },
  {
    name: 'architecture',
    program: 'vitest',
    args: ['run', '--config', 'test/vitest.config.ts', '--reporter=dot', 'test/unit/architecture.test.ts'],
  },
  ...projects.map((project) => ({ name: 'types', program: 'tsc', args: ['-p', project] })),
];

const words = process.argv.slice(2);
const chosen = checks.filter(({ name }) => words.length === 0 || words.includes(name));
const unknown = words.filter((word) => checks.every(({ name }) => name !== word));
if (unknown.length > 0) throw new Error(`There is no check called ${unknown.join(', ')}.`);

const waiting = [...chosen];
const failed = new Set<string>();
await Promise.all(Array.from({ length: Math.min(availableParallelism(), waiting.length) }, work));
if (failed.size > 0) {
  say(`\nNot in order: ${[...failed].join(', ')}.`);
  process.exitCode = 1;
}

async function work(): Promise<void> {
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
    tell(check, await runStep(check.program, check.args));
  }
}

function tell({ name, args }: Check, { isGood, output, seconds }: Ended): void {
  const what = name === 'types' ? `types of ${args[1]}` : name;
  say(`${isGood ? 'in order' : 'NOT in order'}: ${what}, ${seconds.toFixed(1)} s`);
  if (isGood) return;
  failed.add(what);
  say(output);
}
