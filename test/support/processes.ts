// Other processes for tests: started from TypeScript sources, killed with the test.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const printedWithinMs = 60_000;

export interface Started extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Everything printed so far. */
  readonly output: () => string;
  /** Resolves when a line that contains `text` was printed; rejects when the process ends before. */
  readonly printed: (text: string) => Promise<void>;
  /** Resolves with the exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Whether `child.stdin` can be written to. */
  readonly isTold?: boolean;
  /** Somebody else than the user of this process, who must be root then. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** Starts a script below `test/support` (or an absolute path) on this Node. */
export function startScript(script: string, args: readonly string[], options: StartOptions = {}): Started {
  const file = path.isAbsolute(script) ? script : path.join(import.meta.dirname, script);
  return startProcess(process.execPath, ['--no-warnings', file, ...args], options);
}

/** Starts any program. */
export function startProcess(program: string, args: readonly string[], options: StartOptions = {}): Started {
  const child = spawn(program, args, {
    stdio: [options.isTold === true ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
    ...options.user,
  });
  let output = '';
  const waiting = new Set<() => void>();
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
    for (const check of waiting) check();
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  let hasEnded = false;
  const ended = once(child, 'close').then(([code]) => {
    hasEnded = true;
    for (const check of waiting) check();
    return code as number | null;
  });
  const printed = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const check = () => {
        if (output.includes(text)) resolve();
        else if (hasEnded)
          reject(new Error(`${program} ${args.join(' ')} ended without printing “${text}”:\n${output}`));
        else return;
        clearTimeout(late);
        waiting.delete(check);
      };
      const late = setTimeout(() => reject(new Error(`never printed “${text}”:\n${output}`)), printedWithinMs);
      waiting.add(check);
      check();
    });
  return {
    child,
    output: () => output,
    printed,
    ended,
    [Symbol.asyncDispose]: async () => {
      if (!hasEnded) child.kill('SIGKILL');
      await ended;
    },
  };
}
