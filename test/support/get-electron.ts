// Run before the suites, after the build: makes a real Electron ready for the desktop tests where one is wanted, and says which they
// use. `--always`: for `npm run test:electron`, which is about nothing else.
import { reasonOf } from '../../shared/errors.ts';
import { prepareElectron } from './real-electron/prepare.ts';
import { isRealWanted } from './real-electron/ready.ts';
import { isOnCi } from './real-electron/runtime.ts';

const isAsked = process.argv.includes('--always');
if (isAsked || isRealWanted) {
  try {
    const { version, executable } = await prepareElectron();
    const beside = isAsked ? '' : isOnCi ? '; the stand-in has what only it can show' : ', and the stand-in';
    say(`Electron for the desktop tests: ${version} (${executable})${beside}.`);
  } catch (error) {
    // Who names one means that one.
    const isDemanded = isAsked || (process.env['TIDEMARK_ELECTRON'] ?? '') !== '';
    say(`The desktop tests ${isDemanded ? 'have no real Electron' : 'run on the stand-in alone'}: ${reasonOf(error)}.`);
    if (isDemanded) process.exitCode = 1;
  }
} else {
  say('The desktop tests run on the stand-in for Electron; `npm run test:electron` runs them on a real one.');
}

function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}
