// `npm test`: all checks, the build, and every test but the long ones; what the tests need is fetched meanwhile. Arguments go to
// vitest. Ends with what was found, and with a status that tells it.
import { getTools } from '../support/get-tools.ts';
import { runStep, say } from './steps.ts';

const fetched = getTools();
const isInOrder =
  (await runStep('test/scripts/check.ts', [], { isShown: true })).isGood &&
  (await runStep('test/scripts/build.ts', [], { isShown: true })).isGood &&
  (await runStep('test/support/get-electron.ts', [], { isShown: true })).isGood;
const { sentences, leftOut, missing } = await fetched;
for (const sentence of sentences) say(sentence);
process.exitCode = isInOrder && missing === undefined && (await runTests(leftOut)) ? 0 : 1;

async function runTests(without: readonly string[]): Promise<boolean> {
  const args = ['run', '--config', 'test/vitest.config.ts', '--project=!long', '--project=!windows'];
  const exclusions = without.map((file) => `--exclude=${file}`);
  return (await runStep('vitest', [...args, ...exclusions, ...process.argv.slice(2)], { isShown: true })).isGood;
}
