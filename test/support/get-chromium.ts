// Run before the suites: makes sure that there is a Chromium, so that a fresh checkout needs nothing but `npm test`.
import { getChromium } from './chromium.ts';

try {
  process.stdout.write(`Chromium for the tests: ${await getChromium()}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
