// `npm run test:loaded`: the tests again and again, alone and beside two programs that never rest: a test that waits for a time instead
// of a condition fails in one of them. Nothing is tried twice in a run.
//   npm run test:loaded -- [--times 10] [--loops 2] [what vitest takes: files, --project engine]
import { type ChildProcess, spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { runStep, say } from './steps.ts';

const { values, positionals, tokens } = parseArgs({
  options: {
    times: { type: 'string', default: '10' },
    loops: { type: 'string', default: '2' },
    project: { type: 'string', multiple: true, default: ['!long', '!windows'] },
  },
  allowPositionals: true,
  tokens: true,
});
if (tokens.length === 0) say('All of it, twenty times: this takes hours. See --times and --project.');
const args = [
  'run',
  '--config',
  'test/vitest.config.ts',
  '--retry=0',
  '--reporter=dot',
  '--reporter=test/support/summary-reporter.ts',
];
const chosen = [...args, ...values.project.map((name) => `--project=${name}`), ...positionals];

let failed = 0;
if (!(await runStep('test/scripts/build.ts', [])).isGood) throw new Error('It does not build: npm run build says why.');
for (const loops of [0, Number(values.loops)]) {
  using _ = neverResting(loops);
  for (let time = 1; time <= Number(values.times); time++) {
    const { isGood, output, seconds } = await runStep('vitest', chosen);
    const result = /^\d+ passed, \d+ failed$/m.exec(output)?.[0] ?? 'no result';
    say(`beside ${loops} loops, ${time} of ${values.times}: ${result}, ${seconds.toFixed(0)} s`);
    if (isGood) continue;
    failed++;
    say(output.slice(output.indexOf('Failed Tests')).slice(0, 8000));
  }
}
say(`${2 * Number(values.times) - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function neverResting(count: number): Disposable {
  const children: readonly ChildProcess[] = Array.from({ length: count }, () =>
    spawn(process.execPath, ['--eval', 'for (;;);'], { stdio: 'ignore' }),
  );
  const end = (): void => children.forEach((child) => child.kill('SIGKILL'));
  process.once('exit', end);
  return { [Symbol.dispose]: () => (process.off('exit', end), end()) };
}
