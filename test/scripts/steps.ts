// Programs that the scripts run, each through the launcher, so that a script knows neither a shell nor where a program lies.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const launcher = join(root, 'electron/launch.cjs');

export interface Ended {
  readonly isGood: boolean;
  /** What it printed; empty where that went to our own streams. */
  readonly output: string;
  readonly seconds: number;
}

/** Runs one to its end: a script by its path in the checkout, or a program of a package by its name. */
export async function runStep(
  program: string,
  args: readonly string[],
  { isShown = false, env = {} }: { readonly isShown?: boolean; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [launcher, program, ...args], {
    cwd: root,
    stdio: isShown ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  // What ends us ends it first; a terminal's interrupt reaches it by itself.
  let told: number | undefined;
  const onTerm = (): void => void ((told = 143), child.kill());
  const onInterrupt = (): void => void (told = 130);
  process.on('SIGTERM', onTerm).on('SIGINT', onInterrupt);
  await once(child, 'close');
  process.off('SIGTERM', onTerm).off('SIGINT', onInterrupt);
  if (told !== undefined) process.exit(told);
  return { isGood: child.exitCode === 0, output, seconds: (performance.now() - startedAt) / 1000 };
}

/** Writes a line for whoever started the script. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
