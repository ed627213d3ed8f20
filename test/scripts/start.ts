// `npm start`: builds, and starts what was built, in this process, so that a signal to it is a signal to the application.
import { runStep } from './steps.ts';

const build = await runStep('test/scripts/build.ts', [], { isShown: true });
if (build.isGood) await import('../../electron/start.ts');
else process.exitCode = 1;
